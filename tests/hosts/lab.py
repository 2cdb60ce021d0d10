"""One governed project with the real client in it, and a look into its journal."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field

import governance
from governance.cli.guard import key_path
from governance.engine import Engine
from governance.hooking.command_line import HOOK_FILE
from governance.hosts.claude_code.settings import SETTINGS
from governance.hosts.claude_code.tools import TOOLS
from governance.project import Project
from governance.session.state import SessionState
from tests.hosts.claude_client import Client, Conversation, Run
from tests.hosts.model_server import ModelServer, Step, request_text, tool_results

PACK = Path(__file__).with_name("pack.toml")
OWN_PACK = '[packs]\npaths = ["rules/pack.toml"]\n'
BYPASS = ("--dangerously-skip-permissions",)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WAIT_SECONDS_MAX = 20
COMMAND_SECONDS_MAX = 60
RUN = "import sys; from governance.cli import main; sys.exit(main())"
PYTHON_PATH = str(Path(governance.__file__).parents[1])


@define(eq=False)
class Lab:
    """
    A client in a governed project.

    Attributes:
        client: Home, project and binary; runs are its runs.

        server: The scripted model that it speaks to.
    """

    client: Client
    server: ModelServer
    results: list[Run] = field(factory=list)

    @property
    def project(self) -> Path:
        return self.client.project

    @property
    def settings_file(self) -> Path:
        return self.project / SETTINGS

    def govern(self, config: str = OWN_PACK) -> None:
        """Make the project one of ours by the command, with the pack of the proofs if named."""
        (self.project / "governance.toml").write_text(config)
        if "rules/pack.toml" in config:
            (self.project / "rules").mkdir()
            shutil.copyfile(PACK, self.project / "rules" / "pack.toml")
        self.command("init", "--host", "claude-code")
        if "rules/pack.toml" in config:
            self.as_person("trust", "rules/pack.toml")
        self._put_on_path()
        # As root the client refuses to bypass its permissions outside a sandbox.
        self.client.variables["IS_SANDBOX"] = "1"

    def command(self, *words: str) -> str:
        """What the command ``governance`` with *words* says in a terminal beside the client."""
        done = subprocess.run(
            [sys.executable, "-c", RUN, *words],
            cwd=self.project,
            env={**self.client.environment(), "PYTHONPATH": PYTHON_PATH},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def key(self) -> Path:
        """The key that `init` made for the person, outside of the project."""
        return key_path(Project(self.project))

    def as_person(self, *words: str) -> str:
        """As `command`, for what only a person may do."""
        return self.command(*words, "--key", str(self.key))

    @property
    def script_file(self) -> Path:
        """The command ``governance``, as an installation puts it on the path."""
        return self.client.home / "bin" / "governance"

    def _put_on_path(self) -> None:
        self.script_file.parent.mkdir(exist_ok=True)
        self.script_file.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {PYTHON_PATH!r})\n{RUN}\n"
        )
        self.script_file.chmod(0o755)
        self.client.variables["PATH"] = f"{self.script_file.parent}:/usr/local/bin:/usr/bin:/bin"

    def script(self, **scripts: Sequence[Step]) -> None:
        """Scripts of the model by name."""
        self.server.scripts.update(scripts)

    def run(self, prompt: str, *flags: str) -> Run:
        """One run of the client in print mode."""
        done = self.client.run(prompt, *flags)
        self.results.append(done)
        return done

    def bash(self, *commands: str, flags: Sequence[str] = BYPASS) -> Run:
        """A run in which the model calls the shell once for each of *commands*."""
        steps: list[Step] = [{"tool": "Bash", "input": {"command": one}} for one in commands]
        self.script(shell=[*steps, {"text": "that was all"}])
        return self.run("SCENARIO:shell go", *flags)

    def talk(self, *flags: str, leave: bool = False) -> Conversation:
        """A conversation in which a person says *leave* to whatever is asked."""
        return Conversation(self.client, flags, leave=lambda _name, _input: leave)

    def last_request(self) -> str:
        """All text of the last request that the model got."""
        return request_text(self.server.requests[-1])

    def results_seen(self) -> list[str]:
        """The tool results in the last request, as text."""
        return [_plain(block["content"]) for block in tool_results(self.server.requests[-1])]

    def ran(self, name: str) -> bool:
        """Whether a tool made the file *name*."""
        return (self.project / name).exists()

    def edit_commands(
        self, change: Mapping[str, str] | None = None, prefix: str = "", suffix: str = ""
    ) -> None:
        """Change the installed hooks' commands: replace texts, and add before and after."""
        settings: dict[str, Any] = json.loads(self.settings_file.read_text())
        for groups in settings["hooks"].values():
            for group in groups:
                for entry in group["hooks"]:
                    for old, new in (change or {}).items():
                        entry["command"] = entry["command"].replace(old, new)
                    entry["command"] = prefix + entry["command"] + suffix
        self.settings_file.write_text(json.dumps(settings, indent=2))

    def allow_replay(self) -> None:
        """Mark the project as a replay, whose hooks may be told the time."""
        mark = Project(self.project).replay_mark()
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark.touch()

    def at(self, now_ms: int) -> None:
        """Let every hook from now on believe that it is *now_ms*."""
        self.allow_replay()
        settings = self.settings_file.read_text()
        head, found, rest = settings.partition(" --now-ms ")
        if found:
            old = rest.split('"')[0].split("\\")[0].split()[0]
            self.edit_commands({f" --now-ms {old}": f" --now-ms {now_ms}"})
        else:
            assert head
            self.edit_commands(suffix=f" --now-ms {now_ms}")

    def own_installation(self) -> Path:
        """A copy of the engine for the hooks to run from, to be broken; its package."""
        source = Path(governance.__file__).parent
        root = self.client.home / "installation"
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, root / "governance", ignore=ignore)
        for name in ("states", "rules"):
            if (source.parent / name).is_dir():
                shutil.copytree(source.parent / name, root / name)
        if (source.parent / "pyproject.toml").exists():
            shutil.copyfile(source.parent / "pyproject.toml", root / "pyproject.toml")
        copy = root / "governance" / HOOK_FILE.relative_to(source)
        self.edit_commands({str(HOOK_FILE): str(copy)})
        return root / "governance"

    def engine(self) -> Engine:
        """The engine of the project, to look into it; close it again."""
        return Engine.open(self.project, tools=(TOOLS,))

    def state(self, session: str) -> SessionState:
        """What the journal says of *session*."""
        with self.engine() as engine:
            return engine.state(session)

    def sessions(self) -> list[str]:
        """Ids of all sessions of the project."""
        with self.engine() as engine:
            return [head.session for head in engine.journal.sessions()]

    def rows(self, session: str) -> list[tuple[str, dict[str, Any]]]:
        """Kind and data of every row of *session*, in order."""
        with self.engine() as engine:
            found = engine.journal.read(session)
        made = []
        for record in found:
            body = json.loads(record.body)
            made.append((record.kind, body.get("data", body)))
        return made

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what a process that nobody waits for still does; fail when it never does."""
        end = time.monotonic() + WAIT_SECONDS_MAX
        while not holds():
            assert time.monotonic() < end, "it never came"
            time.sleep(0.05)

    def kinds(self, session: str) -> list[str]:
        """Kinds of all rows of *session*."""
        return [kind for kind, _ in self.rows(session)]


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content)
