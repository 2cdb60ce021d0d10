"""One governed project with the real Codex in it."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field

from governance.cli import main
from governance.hooking.command_line import is_hook_command
from governance.hosts.codex.settings import SETTINGS
from governance.hosts.codex.trust import places, with_trust
from tests.hosts.claude_client import Run
from tests.hosts.codex_client import FULL, Codex, session_of
from tests.hosts.governed import Governed
from tests.hosts.model_server import Step
from tests.hosts.responses_server import ResponsesServer

SHELL = "exec_command"


@define(eq=False)
class CodexLab(Governed):
    """
    Codex in a governed project.

    Attributes:
        client: Home, project and binary; runs are its runs.

        server: The scripted model that it speaks to.
    """

    HOST: ClassVar[str] = "codex"

    client: Codex
    server: ResponsesServer
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
        """The session of the last run."""
        return session_of(self.results[-1])

    def rows_of_project(self, kind: str) -> list[dict[str, Any]]:
        """Data of the rows of that *kind* in the project's own journal."""
        return [data for one, data in self.rows("@project") if one == kind]

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

    def edit_commands(self, change: Mapping[str, str], suffix: str = "") -> None:
        """Change the installed hooks' commands, and have the client trust them as they are."""
        settings: dict[str, Any] = json.loads(self.settings_file.read_text())
        for groups in settings["hooks"].values():
            for group in groups:
                for entry in group["hooks"]:
                    for old, new in change.items():
                        entry["command"] = entry["command"].replace(old, new)
                    entry["command"] += suffix
        self.settings_file.write_text(json.dumps(settings, indent=2))
        found = places(self.settings_file, settings["hooks"], lambda _: True)
        config = self.client.config_file
        config.write_text(with_trust(config.read_text(), config, self.project, found))

    def at(self, now_ms: int) -> None:
        """Let every hook from now on believe that it is *now_ms*."""
        self.allow_replay()
        _, found, rest = self.settings_file.read_text().partition(" --now-ms ")
        if found:
            old = rest.split('"')[0]
            self.edit_commands({f" --now-ms {old}": f" --now-ms {now_ms}"})
        else:
            self.edit_commands({}, suffix=f" --now-ms {now_ms}")

    def decided(self, session: str = "") -> list[str]:
        """What was decided of each tool of *session*, or of the last one, in order."""
        rows = self.rows(session or self.session)
        return [str(data["action"]) for kind, data in rows if kind == "tool.decided"]

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
