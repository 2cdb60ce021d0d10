"""What a journal could not take waits, in order and within bounds, until it can."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from attrs import evolve

from governance.engine.spool import Spool
from governance.engine.untold import HELD_MAX, Untold
from governance.errors import JournalError
from governance.session.commands import Command
from tests.unit.faulty_engines import FULL

COMMAND = Command(event="turn_end", session="s")


@pytest.fixture(params=["in files", "in memory"])
def waiting(request: pytest.FixtureRequest, tmp_path: Path) -> Untold:
    """Nothing waits yet."""
    return Untold(Spool(str(tmp_path)) if request.param == "in files" else None)


def numbered(number: int, session: str = "s") -> Command:
    return evolve(COMMAND, session=session, key=str(number))


def keep(waiting: Untold, command: Command) -> None:
    waiting.keep(command, lambda one: one)


def write(waiting: Untold, session: str, step: Callable[[Command], None]) -> None:
    for one in waiting.waiting(session):
        step(one.command)
        waiting.forget(one)


def keep_all(waiting: Untold, commands: Iterable[Command]) -> None:
    for one in commands:
        keep(waiting, one)


def test_what_waits_is_written_once_in_its_order(waiting: Untold) -> None:
    """And of its session alone."""
    keep_all(waiting, map(numbered, range(3)))
    keep(waiting, numbered(9, "other"))
    written: list[Command] = []

    assert waiting.waits("s")
    write(waiting, "s", written.append)
    write(waiting, "s", written.append)

    assert written == [numbered(0), numbered(1), numbered(2)]
    assert not waiting.waits("s")
    assert waiting.waits("other")


def test_what_could_not_be_written_waits_on(waiting: Untold) -> None:
    """The journal fails again: nothing is let go of that is not written."""
    keep_all(waiting, map(numbered, range(3)))
    written: list[Command] = []

    def step(command: Command) -> None:
        if command.key == "1" and len(written) < 2:
            written.append(command)
            raise FULL
        written.append(command)

    with pytest.raises(JournalError, match="full"):
        write(waiting, "s", step)
    assert waiting.waits("s")
    write(waiting, "s", step)

    assert {one.key for one in written} == {"0", "1", "2"}
    assert not waiting.waits("s")


def test_more_than_can_wait_is_refused_by_name(
    waiting: Untold, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is nowhere then, and whoever told it must know."""
    monkeypatch.setattr("governance.engine.spool.BYTES_MAX", 40_000)
    with pytest.raises(JournalError, match="GOV512"):
        keep_all(waiting, map(numbered, range(1_000)))
    held: list[Command] = []
    write(waiting, "s", held.append)
    assert [one.key for one in held] == [str(number) for number in range(len(held))]
    assert len(held) == HELD_MAX if waiting.spool is None else len(held) > 10


def test_what_goes_into_a_file_is_cleaned(waiting: Untold) -> None:
    """Secrets stay out of files; memory holds what was told."""
    waiting.keep(numbered(0), lambda one: evolve(one, run="clean"))
    held: list[Command] = []
    write(waiting, "s", held.append)
    assert held[0].run == ("clean" if waiting.spool is not None else "")


def test_the_bound_is_that_of_one_session(waiting: Untold) -> None:
    """What waits of one session takes no room of another's."""
    keep_all(waiting, map(numbered, range(HELD_MAX)))
    keep(waiting, numbered(0, "other"))
    assert waiting.waits("other")
