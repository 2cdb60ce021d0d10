"""
`governance erase` and `governance keys rotate` are killed, and what is left is lawful.

A child process runs the command on a store and kills itself (SIGKILL) at the n-th line that it
runs of the rooms that handle keys; other children are killed from outside, at any moment. Then
the store is as it was before or as it is after, proves itself, holds nothing in plain words,
and the same command, given again, ends what was begun.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from governance.cli import erasing, keys
from governance.cli.app import run
from governance.journal import encrypted, sqlite_shelf, sqlite_writer, vault
from governance.journal.vault import Vault
from tests.quality.key_laws import (
    Place,
    erase,
    erase_carelessly,
    erase_is_lawful,
    holds_of,
    rewrap_carelessly,
    rotate,
    rotation_is_lawful,
)

ROOMS = frozenset(
    str(one.__file__)
    for one in (erasing, keys, vault, encrypted, sqlite_shelf, sqlite_writer)
    if one.__file__ is not None
)
KILLS = 16
"""Lines at which a command is killed, spread over all that it runs."""

FROM_OUTSIDE = 2
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture(name="place", scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("kill") / "place"
        for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, str(folder / name.lower()))
        yield Place(folder)


Work = Callable[[], object]


def traced(work: Work, kill_at: int) -> int:
    """
    Do *work* in a child that is killed at its *kill_at*-th line; its lines, 0: it was killed.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        count = 0

        def trace(frame: FrameType, event: str, _: object) -> object:
            nonlocal count
            if frame.f_code.co_filename not in ROOMS:
                return None
            if event == "line":
                count += 1
                if count == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.settrace(trace)  # type: ignore[arg-type]
            work()
            sys.settrace(None)
            os.write(writing, str(count).encode())
        finally:
            os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    told = os.read(reading, 100)
    os.close(reading)
    assert told or os.waitstatus_to_exitcode(status) == -signal.SIGKILL, "it failed by itself"
    return int(told or 0)


def each_kill(place: Place, work: Work, prepared: Work = lambda: None) -> Iterator[int]:
    """The store after *work* was killed, at lines that are spread over all of it."""
    place.anew()
    prepared()
    lines = traced(work, 0)
    assert lines > KILLS
    for kill in range(KILLS):
        place.anew()
        prepared()
        line = 1 + lines * kill // KILLS
        assert traced(work, line) == 0
        yield line


def each_kill_from_outside(
    place: Place, command: tuple[str, ...], prepared: Work = lambda: None
) -> Iterator[float]:
    """The store after a process of its own was killed, as soon as it wrote or a little later."""
    words = [sys.executable, "-c", "from governance.cli import main; main()", *command]
    for number in range(FROM_OUTSIDE):
        place.anew()
        prepared()
        log = place.project / ".governance" / "journal.db-wal"
        begun = log.stat().st_size if log.exists() else 0
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True) as process:
            while process.poll() is None and (not log.exists() or log.stat().st_size <= begun):
                time.sleep(0.0005)
            time.sleep(0.004 * number)
            process.kill()
        yield number


# -- erase ------------------------------------------------------------------------------


def test_an_erasure_that_is_killed(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    """The session is all there or gone, and given again the command ends it."""
    seen = [erase_is_lawful(place) for _ in each_kill(place, lambda: run(erase(place)))]

    assert set(seen) == {True, False}
    assert seen == sorted(seen, reverse=True)
    for _ in each_kill_from_outside(place, erase(place)):
        erase_is_lawful(place)


def test_an_erasure_that_destroys_before_it_says_so(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    """The control: between the two the session is neither there nor erased, and it is seen."""

    def work() -> None:
        Vault.erase = erase_carelessly  # type: ignore[method-assign]
        run(erase(place))

    assert not all(holds_of(erase_is_lawful, place) for _ in each_kill(place, work))


# -- rotate -----------------------------------------------------------------------------


def test_a_rotation_that_is_killed(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    """Both keys together open everything, and given again the command ends it."""

    def prepared() -> None:
        place.write("new", "old")

    kills = each_kill(place, lambda: run(rotate(place)), prepared)
    seen = [rotation_is_lawful(place) for _ in kills]

    assert set(seen) == {True, False}
    for _ in each_kill_from_outside(place, rotate(place), prepared):
        rotation_is_lawful(place)


def test_a_rotation_that_lets_go_first(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    """The control: a key that is taken out before it is put back is lost, and it is seen."""

    def work() -> None:
        Vault._rewrap = rewrap_carelessly  # type: ignore[method-assign]
        run(rotate(place))

    def prepared() -> None:
        place.write("new", "old")

    kills = each_kill(place, work, prepared)
    assert not all(holds_of(rotation_is_lawful, place) for _ in kills)
