"""One governed project with the real Codex in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field

from governance.hooking.command_line import is_hook_command
from governance.hosts.codex.settings import SETTINGS
from governance.hosts.codex.trust import places, with_trust
from tests.hosts.codex_client import FULL, Codex, session_of
from tests.hosts.governed import Governed, TableLab
from tests.hosts.model_server import Step
from tests.hosts.pinned_client import Run
from tests.hosts.responses_server import ResponsesServer

SHELL = "exec_command"


@define(eq=False)
class CodexLab(TableLab):
    """
    Codex in a governed project.

    Attributes:
        client: Home, project and binary; runs are its runs.

        server: The scripted model that it speaks to.
    """

    HOST: ClassVar[str] = "codex"
    SETTINGS: ClassVar[Path] = SETTINGS

    client: Codex
    server: ResponsesServer
    results: list[Run] = field(factory=list)

    command = Governed.command_here

    @property
    def session(self) -> str:
        """The session of the last run."""
        return session_of(self.results[-1])

    def run(self, *words: str, flags: Sequence[str] = FULL) -> Run:
        """One run of the client."""
        done = self.client.run(*words, flags=flags)
        self.results.append(done)
        return done

    def again(self, prompt: str) -> Run:
        """The session goes on with *prompt*."""
        return self.run("resume", self.session, prompt)

    def bash(self, *commands: str, flags: Sequence[str] = FULL) -> Run:
        """A run in which the model calls the shell once for each of *commands*."""
        self.script(shell=self.steps(*commands))
        return self.run("SCENARIO:shell go", flags=flags)

    @staticmethod
    def steps(*commands: str) -> list[Step]:
        """A script that calls the shell once for each of *commands*."""
        calls: list[Step] = [{"tool": SHELL, "input": {"cmd": one}} for one in commands]
        return [*calls, {"text": "that was all"}]

    def edit_commands(
        self, change: Mapping[str, str] | None = None, prefix: str = "", suffix: str = ""
    ) -> None:
        """As `TableLab.edit_commands`, and have the client trust them as they are."""
        super().edit_commands(change, prefix, suffix)
        hooks = json.loads(self.settings_file.read_text())["hooks"]
        found = places(self.settings_file, hooks, lambda _: True)
        config = self.client.config_file
        config.write_text(with_trust(config.read_text(), config, self.project, found))

    def decided(self, session: str = "") -> list[str]:
        """As `Governed.decided`; without a *session* of the last one."""
        return super().decided(session or self.session)

    def hook_commands(self) -> list[str]:
        """The installed commands of ours."""
        settings: dict[str, Any] = json.loads(self.settings_file.read_text())
        return [
            entry["command"]
            for groups in settings["hooks"].values()
            for group in groups
            for entry in group["hooks"]
            if is_hook_command(entry["command"], self.HOST)
        ]
