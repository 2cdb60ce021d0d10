"""Hooks as they stand in the settings of a project, and how to run one as its host does."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from governance._attrs import frozen
from governance.errors import GovernanceError

SHELL = "/bin/sh"
SECONDS_MAX = 60
"""How long a hook may take here: longer than any deadline of its own."""

ENV_FILE = "CLAUDE_ENV_FILE"
"""The one variable that the hook reads; that of whoever runs us says nothing about a replay."""


class HookSilent(GovernanceError):
    """An installed hook could not be run, or gave no answer in time."""

    code = "GOV645"


@frozen
class Answered:
    """What a hook gave back, and how long its whole process took, in milliseconds."""

    out: str
    code: int
    took_ms: float


def run_hook(
    line: str, payload: Mapping[str, object], *, variables: Mapping[str, str], directory: Path
) -> Answered:
    """
    Run the command *line* as the client does, through a shell, with *payload* on its input.

    Raises:
        HookSilent: GOV645, it could not be started, or took longer than `SECONDS_MAX`.
    """
    environment = {name: value for name, value in os.environ.items() if name != ENV_FILE}
    data = json.dumps(payload).encode("ascii")
    begun = time.perf_counter()
    try:
        done = subprocess.run(  # noqa: S603 -- the very line that the client would run
            [SHELL, "-c", line],
            input=data,
            capture_output=True,
            check=False,
            cwd=directory,
            env={**environment, **variables},
            timeout=SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        raise HookSilent(f"the hook gave no answer within {SECONDS_MAX} s: `{line}`") from None
    except OSError as error:
        raise HookSilent(f"the hook cannot be run: {error.strerror}: `{line}`") from None
    took_ms = (time.perf_counter() - begun) * 1000
    return Answered(done.stdout.decode("utf-8", "replace"), done.returncode, took_ms)
