"""What the pinned clients have in common: a clean environment, and one run waited for."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

RUN_SECONDS_MAX = 90


@frozen
class Run:
    """What one run of a client gave."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """The JSON result object of ``--output-format json``; empty when there is none."""
        for line in reversed(self.out.splitlines()):
            if line.startswith("{"):
                value: dict[str, Any] = json.loads(line)
                return value
        return {}


@define(eq=False)
class PinnedClient:
    """
    One home and one project folder, in which a client is run again and again.

    Attributes:
        binary: The client itself, or the script that its interpreter runs.

        variables: Further environment variables of each run.
    """

    binary: Path
    home: Path
    project: Path
    server_url: str
    variables: dict[str, str] = field(factory=dict)

    def environment(self) -> dict[str, str]:
        """The whole environment of a run: nothing is inherited."""
        return {
            "HOME": str(self.home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "SHELL": "/bin/bash",
            **self.own_environment(),
            **self.variables,
        }

    def own_environment(self) -> Mapping[str, str]:
        """What the client itself wants to find there."""
        raise NotImplementedError

    def waited(
        self,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        seconds_max: float = RUN_SECONDS_MAX,
    ) -> Run:
        """One run of *command*, to its end; without *stdin* it has nothing to read."""
        given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        done = subprocess.run(
            command,
            cwd=self.project,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=seconds_max,
            **given,
        )
        return Run(done.returncode, done.stdout, done.stderr)
