"""One governed project with the real Gemini CLI in it."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field

from governance.cli import main
from governance.hosts.gemini_cli.settings import SETTINGS
from governance.hosts.gemini_cli.tools import SHELL
from tests.hosts.claude_client import Run
from tests.hosts.gemini_client import YOLO, Gemini
from tests.hosts.gemini_server import GeminiServer
from tests.hosts.governed import Governed
from tests.hosts.model_server import Step


@define(eq=False)
class GeminiLab(Governed):
    """
    Gemini CLI in a governed project.

    Attributes:
        client: Home, project and script; runs are its runs.

        server: The scripted model that it speaks to.
    """

    HOST: ClassVar[str] = "gemini-cli"

    client: Gemini
    server: GeminiServer
    results: list[Run] = field(factory=list)

    def command(self, *words: str) -> str:
        """As `Governed.command`, without the price of a process."""
        out = io.StringIO()
        with contextlib.chdir(self.project), contextlib.redirect_stdout(out):
            code = main(words)
        assert code == 0, out.getvalue()
        return out.getvalue()

    @property
    def settings_file(self) -> Path:
        return self.project / SETTINGS

    @property
    def session(self) -> str:
        """The session that was begun last."""
        return [one for one in self.sessions() if not one.startswith("@")][-1]

    def run(self, prompt: str, *flags: str, mode: Sequence[str] = YOLO) -> Run:
        """One run of the client."""
        done = self.client.run(prompt, *flags, mode=mode)
        self.results.append(done)
        return done

    def again(self, prompt: str) -> Run:
        """Another prompt."""
        return self.run(prompt)

    def bash(self, *commands: str, mode: Sequence[str] = YOLO) -> Run:
        """A run in which the model calls the shell once for each of *commands*."""
        self.script(shell=self.steps(*commands))
        return self.run("SCENARIO:shell go", mode=mode)

    @staticmethod
    def steps(*commands: str) -> list[Step]:
        """A script that calls the shell once for each of *commands*."""
        calls: list[Step] = [
            {"tool": SHELL, "input": {"command": one, "description": "d"}} for one in commands
        ]
        return [*calls, {"text": "that was all"}]

    def edit_commands(self, change: Mapping[str, str], suffix: str = "") -> None:
        """Change the installed hooks' commands: replace texts, and add at the end."""
        settings: dict[str, Any] = json.loads(self.settings_file.read_text())
        for groups in settings["hooks"].values():
            for group in groups:
                for entry in group["hooks"]:
                    for old, new in change.items():
                        entry["command"] = entry["command"].replace(old, new)
                    entry["command"] += suffix
        self.settings_file.write_text(json.dumps(settings, indent=2))

    def at(self, now_ms: int) -> None:
        """Let every hook from now on believe that it is *now_ms*."""
        self.allow_replay()
        _, found, rest = self.settings_file.read_text().partition(" --now-ms ")
        if found:
            old = rest.split('"')[0]
            self.edit_commands({f" --now-ms {old}": f" --now-ms {now_ms}"})
        else:
            self.edit_commands({}, suffix=f" --now-ms {now_ms}")

    def decided(self) -> list[str]:
        """What was decided of each tool of the last session, in order."""
        rows = self.rows(self.session)
        return [str(data["action"]) for kind, data in rows if kind == "tool.decided"]
