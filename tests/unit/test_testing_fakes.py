"""The published fakes keep the contract of what they stand for."""

from __future__ import annotations

import pytest

from governance.clock import Clock
from governance.errors import MisuseError, OutcomeUnknown, StoreBusy
from governance.journal import Append, Journal, Origin, Row
from governance.journal.memory import MemoryJournal
from governance.machine import EVENTS
from governance.testing import FailingJournal, ManualClock, strategies

ROWS = (Row("turn.started", 1, b"{}"),)


def test_the_clock_stands_until_it_is_moved() -> None:
    """The wall may go back; what measures deadlines never does."""
    clock: Clock = ManualClock(1_000)
    moved = ManualClock(1_000)

    moved.advance(500)
    moved.skew(-900)

    assert (clock.now_ms(), clock.monotonic_ms()) == (1_000, 0)
    assert (moved.now_ms(), moved.monotonic_ms()) == (600, 500)
    with pytest.raises(MisuseError, match="use `skew`"):
        moved.advance(-1)


def test_a_failing_journal_is_a_journal() -> None:
    """As long as nothing is to fail, everything goes through, with all its arguments."""
    inner = MemoryJournal()
    journal: Journal = FailingJournal(inner)

    journal.append([Append("s", 0, ROWS * 3)], key="k", deadline_ms=100)

    assert journal.head("s") == inner.head("s")
    assert journal.read("s", after=1, limit=1, reverse=True) == inner.read(
        "s", after=1, limit=1, reverse=True
    )
    assert journal.sessions(after="a") == inner.sessions(after="a")
    assert journal.snapshot_get("s", version=1) is None
    assert journal.verify("s").ok
    assert journal.read("s", before=2) == inner.read("s", before=2)
    journal.branch("b", "s", 2)
    assert journal.origin("b") == Origin("s", 2)
    head = journal.head("b")
    assert journal.remove("b", expected=head) is True
    assert journal.removed(after="a", limit=1) == inner.removed()
    assert journal.restore(head, ()) == head
    assert journal.moved(after=1) == inner.moved(after=1)
    assert journal.shelf.put("key", "n", b"1", expected_version=0) == inner.shelf.get("key", "n")
    assert journal.shelf.scan("key", after="a", limit=1) == inner.shelf.scan("key")
    assert journal.shelf.get("key", "n") is not None
    assert journal.shelf.delete("key", "n", expected_version=1)


def test_a_shelf_fails_as_planned() -> None:
    """Values beside the journals fail under names of their own."""
    journal = FailingJournal(MemoryJournal())
    journal.fail("shelf.put", StoreBusy("locked"))

    with pytest.raises(StoreBusy):
        journal.shelf.put("key", "n", b"1")

    assert journal.shelf.put("key", "n", b"1") is not None
    assert (journal.calls["shelf.put"], journal.calls["append"]) == (2, 0)


def test_calls_fail_as_planned() -> None:
    """So many go well, so many fail, and then it is over; other methods are left alone."""
    journal = FailingJournal(MemoryJournal())
    journal.fail("append", StoreBusy("locked"), skip=1, times=2)
    done = []

    for _ in range(4):
        try:
            journal.append([Append("s", journal.head("s").seq, ROWS)])
            done.append(True)
        except StoreBusy:
            done.append(False)

    assert done == [True, False, False, True]
    assert journal.head("s").seq == 2
    assert (journal.calls["append"], journal.calls["head"]) == (4, 5)


def test_a_lost_answer_leaves_the_work_done() -> None:
    """What was written before the error is there afterwards."""
    journal = FailingJournal(MemoryJournal())
    journal.fail("append", OutcomeUnknown("lost"), done=True)

    with pytest.raises(OutcomeUnknown):
        journal.append([Append("s", 0, ROWS)])

    assert journal.head("s").seq == 1


@pytest.mark.parametrize(
    ("method", "skip", "times"), [("apend", 0, 1), ("append", -1, 1), ("append", 0, 0)]
)
def test_a_plan_that_can_never_fail_is_refused(method: str, skip: int, times: int) -> None:
    """A test whose fault never comes would prove nothing."""
    with pytest.raises(MisuseError):
        FailingJournal(MemoryJournal()).fail(method, StoreBusy("x"), skip=skip, times=times)  # type: ignore[arg-type]


def test_strategies_know_every_event_of_the_machine() -> None:
    """Sequences of events leave none out."""
    assert set(strategies.MACHINE_EVENTS) == set(EVENTS)
