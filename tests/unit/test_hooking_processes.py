"""The processes above a command, as Linux shows them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from governance.hooking.processes import processes_above

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="platform: no /proc")

ASK = """
import os
from governance.hooking.processes import processes_above
for one in processes_above(os.getppid()):
    print(sorted(one.programs), one.environment.get("ABOVE"))
"""


def test_title_file_and_variables_of_a_process_are_seen(tmp_path: Path) -> None:
    """A program is known by its file, under whatever title, and so is what it was given."""
    program = tmp_path / "odd (name) 1"
    program.write_text(f"#!/bin/sh\n'{sys.executable}' -c '{ASK}'; exit 0\n")
    program.chmod(0o755)

    done = subprocess.run(
        [program],
        env={**os.environ, "ABOVE": "a=b", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )

    first = done.stdout.splitlines()[0]
    assert "'odd (name) 1'" in first
    assert first.endswith("a=b")


def test_the_chain_ends() -> None:
    """It goes from this process to the first one, and not in circles."""
    found = [one.pid for one in processes_above(os.getpid())]

    assert found[0] == os.getpid()
    assert len(found) == len(set(found))
    assert list(processes_above(0)) == []
    assert list(processes_above(2**22 + 7)) == []
