"""One governed project with the real client in it, and a look into its journal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from attrs import define, field

from governance.hosts.claude_code.settings import SETTINGS
from tests.hosts.claude_client import Client, Conversation
from tests.hosts.governed import DAY_MS, HOUR_MS, OWN_PACK, PYTHON_PATH, RUN, Governed, TableLab
from tests.hosts.model_server import ModelServer, Step
from tests.hosts.pinned_client import Run

__all__ = ["BYPASS", "DAY_MS", "HOUR_MS", "OWN_PACK", "PYTHON_PATH", "RUN", "Lab"]

BYPASS = ("--dangerously-skip-permissions",)


@define(eq=False)
class Lab(TableLab):
    """
    A client in a governed project.

    Attributes:
        client: Home, project and binary; runs are its runs.

        server: The scripted model that it speaks to.
    """

    HOST: ClassVar[str] = "claude-code"
    SETTINGS: ClassVar[Path] = SETTINGS

    client: Client
    server: ModelServer
    results: list[Run] = field(factory=list)

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

    def govern(self, config: str = OWN_PACK, *, more: str = "") -> None:
        """As `Governed.govern`."""
        Governed.govern(self, config, more=more)
        # As root the client refuses to bypass its permissions outside a sandbox.
        self.client.variables["IS_SANDBOX"] = "1"
