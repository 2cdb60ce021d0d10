"""
Work in a child process that dies at the n-th line that it runs of some rooms, for each n.

The child leaves for good without any clean-up, as after SIGKILL: no `finally`, no lock given back.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, ModuleType

import pytest

KILLED = 9
LINES_MAX = 2_000

Work = Callable[[Path], object]


def files_of(*rooms: ModuleType) -> frozenset[str]:
    """Where the lines of *rooms* stand."""
    return frozenset(str(one.__file__) for one in rooms)


def killed_at(line: int, folder: Path, rooms: frozenset[str], work: Work) -> bool:
    """Whether a child that does *work* on *folder* died at its *line*-th line of *rooms*."""
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame: FrameType, event: str, _: object) -> object:
            nonlocal left
            if frame.f_code.co_filename not in rooms:
                return None
            if event == "line":
                left -= 1
                if left <= 0:
                    os._exit(KILLED)
            return trace

        try:
            sys.settrace(trace)  # type: ignore[arg-type]
            work(folder)
            sys.settrace(None)
        except BaseException:  # noqa: BLE001 - the child must not go on as a test
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, KILLED), f"line {line}: the child failed by itself"
    return status == KILLED


def each_line(store: Path, rooms: frozenset[str], work: Work, step: int) -> Iterator[Path]:
    """A copy of *store* after *work* was killed, once for every *step*-th line of it."""
    for line in range(1, LINES_MAX, step):
        folder = store.parent / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(store, folder)
        killed = killed_at(line, folder, rooms, work)
        yield folder
        if not killed:
            return
    pytest.fail(f"the work has more than {LINES_MAX} lines")
