"""What goes wrong behind a command that is written already is no part of its answer."""

from __future__ import annotations

import pytest

from governance.engine import Engine
from governance.errors import JournalError
from governance.events import Event
from governance.formats import body_of
from governance.journal.memory import MemoryJournal
from governance.listeners import Listeners
from governance.states import State
from governance.testing import FailingJournal, ManualClock
from governance.testing.engines import memory_engine

HOUR_MS = 3_600_000
FULL = JournalError("full", code="GOV501")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def journal() -> FailingJournal:
    return FailingJournal(MemoryJournal())


def resting(engine: Engine, *names: str) -> None:
    """Sessions that wait for the next turn."""
    for name in names:
        session = engine.start(name)
        session.turn("go")
        session.turn_ended()


def kinds(journal: FailingJournal, session: str) -> list[str]:
    return [one.kind for one in journal.read(session)]


def test_each_idle_session_is_interrupted_once(journal: FailingJournal, clock: ManualClock) -> None:
    """By the one command that comes first, however many there are."""
    with memory_engine(journal=journal, clock=clock) as engine:
        resting(engine, "a", "b", "c")
        clock.advance(HOUR_MS)
        engine.start("new")

        for name in "abc":
            assert kinds(journal, name).count("session.idle") == 1
            assert engine.state(name).state is State.INTERRUPTED


def test_an_idle_session_that_cannot_be_interrupted_stops_no_other(
    journal: FailingJournal, clock: ManualClock
) -> None:
    """It is still idle at the next command, and is interrupted then: once."""
    with memory_engine(journal=journal, clock=clock) as engine:
        resting(engine, "idle")
        session = engine.start("busy")
        session.turn("go")
        clock.advance(HOUR_MS)
        for number in range(3):
            journal.fail("append", FULL, skip=1)
            allowed = session.tool("read", {"path": "a.py"}, call_id=str(number))
            assert allowed.action == "allow"
            assert engine.state("idle").state is State.BETWEEN_TURN
        session.tool("read", {"path": "a.py"}, call_id="last")

        assert engine.state("idle").state is State.INTERRUPTED
        assert kinds(journal, "idle").count("session.idle") == 1
        assert not engine.has_untold("idle")


def test_a_failure_of_a_listener_that_cannot_be_written_is_written_later(
    journal: FailingJournal,
) -> None:
    """The call that it was shown is decided, and its answer is given."""
    listeners = Listeners()

    def broken(event: Event) -> None:
        raise RuntimeError(event.data["call_id"])

    listeners.register("tool.decided", broken, mode="sequential", name="broken")
    with memory_engine(journal=journal, listeners=listeners) as engine:
        session = engine.start("s")
        session.turn("go")
        journal.fail("append", FULL, skip=1)
        assert session.tool("read", {"path": "a.py"}, call_id="1").action == "allow"
        assert "listener.failed" not in kinds(journal, "s")
        session.turn_ended()

        failed = [
            body_of(one)["data"] for one in journal.read("s") if one.kind == "listener.failed"
        ]
        assert [(one["listener"], one["count"]) for one in failed] == [("broken", 1)]


def test_a_session_that_another_process_works_in_is_not_idle(clock: ManualClock) -> None:
    """What an engine holds of it is old: the store says so, and it is let be."""
    journal = MemoryJournal()
    with (
        memory_engine(journal=journal, clock=clock) as one,
        memory_engine(journal=journal, clock=clock) as other,
    ):
        resting(one, "s")
        clock.advance(HOUR_MS)
        resting(other, "s")
        one.start("new")

        assert one.state("s").state is State.BETWEEN_TURN


def test_what_waited_is_shown_to_listeners_once_it_is_written(journal: FailingJournal) -> None:
    """As what was written at once is, and before what comes after it."""
    listeners, seen = Listeners(), list[str]()
    listeners.register("turn.*", lambda event: seen.append(event.name), mode="audit", name="see")
    with memory_engine(journal=journal, listeners=listeners) as engine:
        session = engine.start("s")
        session.turn("go")
        journal.fail("append", FULL)
        with pytest.raises(JournalError, match="full"):
            session.turn_ended()
        session.turn("on")

    assert seen == ["turn.started", "turn.ended", "turn.started"]


def test_a_background_listener_that_fails_on_what_has_not_happened_is_recorded(
    journal: FailingJournal,
) -> None:
    """In the session that it was about: an event before it happens has no number of its own."""
    listeners = Listeners()

    def broken(event: Event) -> None:
        raise RuntimeError(event.session_id)

    listeners.register("tool.asked", broken, mode="background", name="broken")
    with memory_engine(journal=journal, listeners=listeners) as engine:
        session = engine.start("s")
        session.turn("go")
        session.tool("read", {"path": "a.py"}, call_id="1")
        assert listeners.drain(5_000)
        session.turn_ended()

        assert kinds(journal, "s").count("listener.failed") == 1
        assert [one.session for one in journal.sessions()] == ["s"]
