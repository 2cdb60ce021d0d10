"""A project governed for a host's real client, and a look into its journal."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import governance
from governance.cli import main
from governance.cli.guard import key_path
from governance.engine import Engine
from governance.hooking.command_line import HOOK_FILE, import_folders
from governance.hosts import profile_of
from governance.project import Project
from governance.session.state import SessionState
from tests.hosts.model_server import ModelServer, Step, request_text, tool_results

PACK = Path(__file__).with_name("pack.toml")
OWN_PACK = '[packs]\npaths = ["rules/pack.toml"]\n'
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WAIT_SECONDS_MAX = 60
COMMAND_SECONDS_MAX = 60
RUN = "import sys; from governance.cli import entry; sys.exit(entry())"
PYTHON_PATH = str(Path(governance.__file__).parents[1])


def spoil(package: Path) -> None:
    """Let the copy of the engine in *package* be one that cannot be imported."""
    (package / "calls.py").write_text("import nothing_of_that_name\n")
    shutil.rmtree(package / "__pycache__", ignore_errors=True)


class Governed:
    """
    What the labs of all hosts have in common.

    Attributes:
        HOST: The host, as the command line writes it.
    """

    HOST: ClassVar[str]
    client: Any
    server: ModelServer

    @property
    def project(self) -> Path:
        return Path(self.client.project)

    def edit_commands(self, change: Mapping[str, str]) -> None:
        """Replace texts in the commands of the installed hooks."""
        raise NotImplementedError

    def point_hooks_at(self, script: Path) -> None:
        """Have the client's hooks run *script* in place of the installed one."""
        self.edit_commands({str(HOOK_FILE): str(script)})

    def own_interpreter(self) -> Path:
        """An interpreter for the hooks alone, to be broken; its file."""
        file = self.project.parent / "interpreter"
        file.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        file.chmod(0o755)
        self.edit_commands({f'"{sys.executable}"': f'"{file}"'})
        return file

    def without_service(self) -> None:
        """Let the client's hooks decide by themselves, for what is about their own processes."""
        self.client.variables["GOVERNANCE_SERVICE"] = "off"

    def own_installation(self) -> Path:
        """A copy of the engine for the hooks to run from, to be broken; its package."""
        source = Path(governance.__file__).parent
        root = self.project.parent / "installation"
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, root / "governance", ignore=ignore)
        for name in ("states", "rules"):
            if (source.parent / name).is_dir():
                shutil.copytree(source.parent / name, root / name)
        if (source.parent / "pyproject.toml").exists():
            shutil.copyfile(source.parent / "pyproject.toml", root / "pyproject.toml")
        self.point_hooks_at(root / "governance" / HOOK_FILE.relative_to(source))
        return root / "governance"

    @property
    def store(self) -> Path:
        """The file of the project's store."""
        return self.project / ".governance" / "journal.db"

    def damage_store(self) -> None:
        """Let the store be no store any more."""
        for name in ("journal.db-wal", "journal.db-shm"):
            self.store.with_name(name).unlink(missing_ok=True)
        self.store.write_bytes(b"\x00not a store\x00" * 500)

    def govern(self, config: str = OWN_PACK, *, more: str = "") -> None:
        """
        Make the project one of ours by the command, with the pack of the proofs if named.

        Args:
            more: Further rules for that pack.
        """
        (self.project / "governance.toml").write_text(config)
        if "rules/pack.toml" in config:
            (self.project / "rules").mkdir()
            (self.project / "rules" / "pack.toml").write_text(PACK.read_text() + more)
        self.command("init", "--host", self.HOST)
        if "rules/pack.toml" in config:
            self.as_person("trust", "--yes")
        self._put_on_path()

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

    def command_here(self, *words: str) -> str:
        """As `command`, without the price of a process."""
        out = io.StringIO()
        with contextlib.chdir(self.project), contextlib.redirect_stdout(out):
            code = main(words)
        assert code == 0, out.getvalue()
        return out.getvalue()

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
        return Path(self.client.home) / "bin" / "governance"

    def _put_on_path(self) -> None:
        self.script_file.parent.mkdir(exist_ok=True)
        self.script_file.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {PYTHON_PATH!r})\n{RUN}\n"
        )
        self.script_file.chmod(0o755)
        self.client.variables["PATH"] = f"{self.script_file.parent}:/usr/local/bin:/usr/bin:/bin"

    def forging(self, event: str, payload: str, session: str) -> str:
        """A line that hands *payload*, with *session* in it, to the hook of *event*."""
        words = [sys.executable, "-I", "-S", str(HOOK_FILE), "--host", self.HOST]
        words += ["--dir", str(self.project), "--event", event]
        words += [word for folder in import_folders() for word in ("--path", folder)]
        return f"printf {shlex.quote(payload)} {session} | {shlex.join(words)}"

    def governing_itself(self, session: str) -> tuple[str, ...]:
        """Lines by which an agent in *session* would be rid of us, hidden in three ways."""
        program = shlex.quote(str(self.script_file))
        bare = f'env -i HOME="$HOME" PATH="{Path(sys.executable).parent}:$PATH"'
        return (
            f"{program} pardon {session} --reason nothing",
            f"{bare} {program} uninstall --all --yes",
            f"script -qec '{bare} {program} pause --for 10m --reason x' /dev/null",
        )

    def script(self, **scripts: Sequence[Step]) -> None:
        """Scripts of the model by name."""
        self.server.scripts.update(scripts)

    def last_request(self) -> str:
        """All text of the last request that the model got."""
        return request_text(self.server.requests[-1])

    def results_seen(self) -> list[str]:
        """The tool results in the last request, as text."""
        return self.results_in(self.server.requests[-1])

    @staticmethod
    def results_in(request: Mapping[str, Any]) -> list[str]:
        """The tool results in *request*, as text."""
        return [_plain(block["content"]) for block in tool_results(request)]

    def ran(self, name: str) -> bool:
        """Whether a tool made the file *name*."""
        return (self.project / name).exists()

    def allow_replay(self) -> None:
        """Mark the project as a replay, whose hooks may be told the time."""
        mark = Project(self.project).replay_mark()
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark.touch()

    def engine(self) -> Engine:
        """The engine of the project, to look into it; close it again."""
        return Engine.open(self.project, tools=(profile_of(self.HOST).tools,))

    def state(self, session: str) -> SessionState:
        """What the journal says of *session*."""
        with self.engine() as engine:
            return engine.state(session)

    def sessions(self) -> list[str]:
        """Ids of all sessions of the project."""
        with self.engine() as engine:
            return [head.session for head in engine.journal.sessions()]

    def client_sessions(self) -> list[str]:
        """As `sessions`, without the project's own journal."""
        return [one for one in self.sessions() if not one.startswith("@")]

    def rows(self, session: str) -> list[tuple[str, dict[str, Any]]]:
        """Kind and data of every row of *session*, in order."""
        with self.engine() as engine:
            found = engine.journal.read(session)
        made = []
        for record in found:
            body = json.loads(record.body)
            made.append((record.kind, body.get("data", body)))
        return made

    def rows_of(self, session: str, kind: str) -> list[dict[str, Any]]:
        """Data of the rows of that *kind*, in order."""
        return [data for one, data in self.rows(session) if one == kind]

    def decided(self, session: str) -> list[str]:
        """What was decided of each tool of *session*, in order."""
        return [str(data["action"]) for data in self.rows_of(session, "tool.decided")]

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what a process that nobody waits for still does; fail when it never does."""
        end = time.monotonic() + WAIT_SECONDS_MAX
        while not holds():
            assert time.monotonic() < end, "it never came"
            time.sleep(0.05)

    def kinds(self, session: str) -> list[str]:
        """Kinds of all rows of *session*."""
        return [kind for kind, _ in self.rows(session)]


class TableLab(Governed):
    """
    What the labs have in common whose hooks stand in a table of a file of settings.

    Attributes:
        SETTINGS: That file, from the project's folder.
    """

    SETTINGS: ClassVar[Path]

    @property
    def settings_file(self) -> Path:
        return self.project / self.SETTINGS

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

    def at(self, now_ms: int) -> None:
        """Let every hook from now on believe that it is *now_ms*."""
        self.allow_replay()
        _, found, rest = self.settings_file.read_text().partition(" --now-ms ")
        if found:
            old = rest.split('"')[0].split("\\")[0].split()[0]
            self.edit_commands({f" --now-ms {old}": f" --now-ms {now_ms}"})
        else:
            self.edit_commands(suffix=f" --now-ms {now_ms}")


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content)
