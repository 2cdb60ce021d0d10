"""One governed project with the real client in it, and a look into its journal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field

from governance.hosts.claude_code.settings import SETTINGS
from tests.hosts.claude_client import Client, Conversation, Run
from tests.hosts.governed import DAY_MS, HOUR_MS, OWN_PACK, PYTHON_PATH, RUN, Governed
from tests.hosts.model_server import ModelServer, Step

__all__ = ["BYPASS", "DAY_MS", "HOUR_MS", "OWN_PACK", "PYTHON_PATH", "RUN", "Lab"]

BYPASS = ("--dangerously-skip-permissions",)


@define(eq=False)
class Lab(Governed):
    """
    A client in a governed project.

    Attributes:
        client: Home, project and binary; runs are its runs.

        server: The scripted model that it speaks to.
    """

    HOST: ClassVar[str] = "claude-code"

    client: Client
    server: ModelServer
    results: list[Run] = field(factory=list)

    @property
    def settings_file(self) -> Path:
        return self.project / SETTINGS

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
        settings = self.settings_file.read_text()
        head, found, rest = settings.partition(" --now-ms ")
        if found:
            old = rest.split('"')[0].split("\\")[0].split()[0]
            self.edit_commands({f" --now-ms {old}": f" --now-ms {now_ms}"})
        else:
            assert head
            self.edit_commands(suffix=f" --now-ms {now_ms}")

    def govern(self, config: str = OWN_PACK, *, more: str = "") -> None:
        """As `Governed.govern`."""
        Governed.govern(self, config, more=more)
        # As root the client refuses to bypass its permissions outside a sandbox.
        self.client.variables["IS_SANDBOX"] = "1"
