"""One governed project with the real Gemini CLI in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from attrs import define, field

from governance.hosts.gemini_cli.settings import SETTINGS
from governance.hosts.gemini_cli.tools import SHELL
from tests.hosts.gemini_client import YOLO, Gemini
from tests.hosts.gemini_server import GeminiServer
from tests.hosts.governed import Governed, TableLab
from tests.hosts.model_server import Step
from tests.hosts.pinned_client import Run


@define(eq=False)
class GeminiLab(TableLab):
    """
    Gemini CLI in a governed project.

    Attributes:
        client: Home, project and script; runs are its runs.

        server: The scripted model that it speaks to.
    """

    HOST: ClassVar[str] = "gemini-cli"
    SETTINGS: ClassVar[Path] = SETTINGS

    client: Gemini
    server: GeminiServer
    results: list[Run] = field(factory=list)

    command = Governed.command_here

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

    def decided(self, session: str = "") -> list[str]:
        """As `Governed.decided`; without a *session* of the last one."""
        return super().decided(session or self.session)
