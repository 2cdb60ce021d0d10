"""What goes wrong behind a command that is written already is no part of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest

from governance.engine import Engine, EngineOptions
from governance.engine.pause import PAUSE_MS
from governance.engine.spool import Spool
from governance.errors import JournalError, OutcomeUnknown, SessionErased
from governance.events import Event
from governance.formats import body_of
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Appended, Conflict, Duplicate
from governance.listeners import Listeners
from governance.states import State
from governance.testing import FailingJournal, ManualClock
from governance.testing.engines import memory_engine
from tests.unit.faulty_engines import FULL, Unclosed, begun, kinds

HOUR_MS = 3_600_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def journal() -> FailingJournal:
    return FailingJournal(MemoryJournal())


class Stuck(FailingJournal):
    """A store that takes nothing of some sessions, and of which one was erased."""

    sessions_stuck: AbstractSet[str] = frozenset()
    erased = ""
    refusals = 0

    def append(
        self, batch: Sequence[Append], *, key: str | None = None, deadline_ms: int | None = None
    ) -> Appended | Conflict | Duplicate:
        if any(one.session in self.sessions_stuck for one in batch):
            raise FULL
        if any(one.session == self.erased for one in batch):
            self.refusals += 1
            raise SessionErased("its key is gone")
        return super().append(batch, key=key, deadline_ms=deadline_ms)


def resting(engine: Engine, *names: str) -> None:
    """Sessions that wait for the next turn."""
    for name in names:
        session = engine.start(name)
        session.turn("go")
        session.turn_ended()


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
        session = begun(engine, "busy")
        clock.advance(HOUR_MS)
        tries = []
        for number in range(4):
            before = journal.calls["append"]
            journal.fail("append", FULL, skip=1)
            allowed = session.tool("read", {"path": "a.py"}, call_id=str(number))
            assert allowed.action == "allow"
            assert engine.state("idle").state is State.BETWEEN_TURN
            tries.append(journal.calls["append"] - before - 1)
            journal._faults.clear()
            clock.advance(PAUSE_MS // 2)
        assert tries == [1, 0, 1, 0]
        clock.advance(PAUSE_MS)
        session.tool("read", {"path": "a.py"}, call_id="last")

        assert engine.state("idle").state is State.INTERRUPTED
        assert kinds(journal, "idle").count("session.idle") == 1
        assert not engine._untold.any()


def test_a_failure_of_a_listener_that_cannot_be_written_is_written_later(
    journal: FailingJournal,
) -> None:
    """The call that it was shown is decided, and its answer is given."""
    listeners = Listeners()

    def broken(event: Event) -> None:
        raise RuntimeError(event.data["call_id"])

    listeners.register("tool.decided", broken, mode="sequential", name="broken")
    with memory_engine(journal=journal, listeners=listeners) as engine:
        session = begun(engine)
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
        session = begun(engine)
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
        session = begun(engine)
        session.tool("read", {"path": "a.py"}, call_id="1")
        assert listeners.drain(5_000)
        session.turn_ended()

        assert kinds(journal, "s").count("listener.failed") == 1
        assert [one.session for one in journal.sessions()] == ["s"]


def test_what_was_committed_after_all_is_not_written_again(journal: FailingJournal) -> None:
    """Nobody could say so when it was told: the store could not even be read."""
    listeners, seen = Listeners(), list[str]()
    listeners.register("session.compacted", lambda one: seen.append(one.name), mode="audit")
    with memory_engine(journal=journal, listeners=listeners) as engine:
        session = begun(engine)
        journal.fail("append", OutcomeUnknown("lost"), done=True)
        journal.fail("read", JournalError("gone"))
        with pytest.raises(OutcomeUnknown):
            session.compact()
        session.turn_ended()

        assert kinds(journal, "s").count("session.compacted") == 1
        assert seen == ["session.compacted"]


@pytest.mark.parametrize("done", [True, False], ids=["committed", "lost"])
def test_an_answer_that_is_lost_again_doubles_nothing(journal: FailingJournal, done: bool) -> None:
    """What waits is handed in once more, and nobody can say what became of that either."""
    with memory_engine(journal=journal) as engine:
        session = begun(engine)
        journal.fail("append", FULL)
        with pytest.raises(JournalError, match="full"):
            session.reset()
        journal.fail("append", OutcomeUnknown("lost"), done=done)
        journal.fail("read", JournalError("gone"))
        assert session.turn("on").denied
        assert not session.turn("on").denied

        assert kinds(journal, "s").count("session.reset") == 1


def test_what_its_parent_was_told_stands_before_a_child_is_asked(journal: FailingJournal) -> None:
    """The parent has ended, and the store could not take it: its children do nothing more."""
    with memory_engine(journal=journal) as engine:
        parent = begun(engine)
        child = parent.child("c")
        child.turn("go")
        journal.fail("append", FULL)
        with pytest.raises(JournalError, match="full"):
            parent.end()
        reply = child.tool("read", {"path": "a.py"}, call_id="1")

        assert reply.denied
        assert engine.state("s").state is State.ENDED


def test_what_a_child_was_told_stands_before_its_parent_ends(journal: FailingJournal) -> None:
    """It came first, so it is no late event of a session that its parent has interrupted."""
    with memory_engine(journal=journal) as engine:
        parent = begun(engine)
        child = parent.child("c")
        child.turn("go")
        child.tool("read", {"path": "a.py"}, call_id="1")
        journal.fail("append", FULL, times=2)
        with pytest.raises(JournalError, match="full"):
            child.tool_finished("1", outcome="ok")
        with pytest.raises(JournalError, match="full"):
            parent.end()
        parent.resume()

        rows = [
            body_of(one)["data"] for one in journal.read(child.id) if one.kind == "tool.finished"
        ]
        assert [one["outcome"] for one in rows] == ["ok"]


def test_what_waits_in_one_session_holds_up_no_other(journal: FailingJournal) -> None:
    """Nor does what waits of a child that is removed hold up its parent."""
    with memory_engine(journal=journal) as engine:
        parent, other = engine.start("s"), engine.start("other")
        child = parent.child("c")
        for one in (parent, other, child):
            one.turn("go")
        journal.fail("append", FULL)
        with pytest.raises(JournalError, match="full"):
            child.turn_ended()
        assert journal.remove(child.id, expected=journal.head(child.id)) is True

        for one in (other, parent):
            assert one.tool("read", {"path": "a.py"}, call_id="1").action == "allow"


def test_a_state_that_cannot_be_kept_changes_no_answer(journal: FailingJournal) -> None:
    """It is a cache of rows that stand in the journal already."""
    options = EngineOptions(run="test", snapshot_rows=1)
    with memory_engine(journal=journal, options=options) as engine:
        session = begun(engine)
        for number, method in enumerate(("head", "snapshot_put")):
            journal.fail(method, FULL)
            reply = session.tool("read", {"path": "a.py"}, call_id=str(number))
            assert reply.action == "allow"


def test_an_outcome_of_a_session_that_cannot_be_read_is_kept(journal: FailingJournal) -> None:
    """Which tool it was the engine knows by the call once it can read of it."""
    with memory_engine(journal=journal, sessions_max=1) as engine:
        session = begun(engine)
        session.tool("read", {"path": "a.py"}, call_id="1")
        engine.live.drop("s")
        journal.fail("read", FULL)
        with pytest.raises(JournalError, match="full"):
            session.tool_finished("1", outcome="ok")
        session.turn_ended()

        (row,) = [body_of(one)["data"] for one in journal.read("s") if one.kind == "tool.finished"]
        assert isinstance(row, dict)
        assert (row["tool"], row["outcome"]) == ("read", "ok")


@pytest.mark.parametrize("in_files", [True, False], ids=["in files", "in memory"])
def test_what_waits_of_a_session_that_nothing_comes_for_is_written(
    journal: FailingJournal, tmp_path: Path, in_files: bool
) -> None:
    """Its end was told while the store was full: the next command of any session brings it."""
    options = EngineOptions(run="test", spool=Spool(str(tmp_path)) if in_files else None)
    with memory_engine(journal=journal, options=options) as engine:
        ended, other = engine.start("s"), engine.start("other")
        for one in (ended, other):
            one.turn("go")
        journal.fail("append", FULL)
        with pytest.raises(JournalError, match="full"):
            ended.end()
        other.turn_ended()

        assert kinds(journal, "s")[-1] == "session.ended"
        assert not engine._untold.any()


def test_what_can_never_be_written_is_let_go(journal: FailingJournal) -> None:
    """Of a session that was removed: it would be looked for at every command."""
    with memory_engine(journal=journal) as engine:
        gone, other = engine.start("s"), engine.start("other")
        gone.turn("go")
        journal.fail("append", FULL)
        with pytest.raises(JournalError, match="full"):
            gone.end()
        assert journal.remove("s", expected=journal.head("s")) is True
        assert other.turn("go").action == "allow"

        assert not engine._untold.any()
        assert gone.turn("on").action == "deny"


def test_what_still_cannot_be_written_is_tried_again_now_and_then(
    journal: FailingJournal, clock: ManualClock
) -> None:
    """Not at every command, and no command is answered otherwise for it."""
    with memory_engine(journal=journal, clock=clock) as engine:
        stuck, other = engine.start("s"), engine.start("other")
        for one in (stuck, other):
            one.turn("go")
        journal.fail("append", FULL)
        with pytest.raises(JournalError, match="full"):
            stuck.end()
        tries = []
        for number in range(4):
            before = journal.calls["append"]
            journal.fail("append", FULL, skip=1)
            reply = other.tool("read", {"path": "a.py"}, call_id=str(number))
            assert reply.action == "allow"
            tries.append(journal.calls["append"] - before - 1)
            journal._faults.clear()
            clock.advance(PAUSE_MS // 2)
        assert tries == [1, 0, 1, 0]
        clock.advance(PAUSE_MS)
        other.turn_ended()

        assert kinds(journal, "s")[-1] == "session.ended"


def test_what_is_stuck_keeps_no_other_waiting(clock: ManualClock) -> None:
    """The one behind it is tried next."""
    stuck = Stuck(MemoryJournal())
    with memory_engine(journal=stuck, clock=clock) as engine:
        sessions = [engine.start(name) for name in ("a", "b", "c", "other")]
        for one in sessions:
            one.turn("go")
        stuck.sessions_stuck = {"a", "b", "c"}
        for one in sessions[:3]:
            with pytest.raises(JournalError, match="full"):
                one.end()
        stuck.sessions_stuck = {"a", "b"}
        for _ in range(4):
            clock.advance(2 * PAUSE_MS)
            assert sessions[3].tool("read", {"path": "a.py"}).action == "allow"

        assert engine._untold.sessions() == ["a", "b"]
        stuck.sessions_stuck = frozenset()


def test_an_idle_session_that_was_erased_is_forgotten(clock: ManualClock) -> None:
    """By another process: nothing of it is tried again and again."""
    stuck = Stuck(MemoryJournal())
    with memory_engine(journal=stuck, clock=clock) as engine:
        resting(engine, "idle", "other")
        other = engine.session("other")
        clock.advance(HOUR_MS)
        stuck.erased = "idle"
        for number in range(3):
            other.tool("read", {"path": "a.py"}, call_id=str(number))

        assert stuck.refusals == 1
        assert engine.live.get("idle", clock.now_ms()) is None


def test_failures_of_listeners_are_recorded_at_the_end_but_for_removed_sessions() -> None:
    """One that cannot be recorded any more takes no other with it."""
    journal, listeners = Unclosed(MemoryJournal()), Listeners()

    def broken(event: Event) -> None:
        raise RuntimeError(event.session_id)

    for name, event in (("one", "turn.ended"), ("two", "tool.decided")):
        listeners.register(event, broken, mode="background", name=name)
    with memory_engine(journal=journal, listeners=listeners) as engine:
        gone, kept = engine.start("gone"), engine.start("kept")
        gone.turn("go")
        kept.turn("go")
        gone.turn_ended()
        kept.tool("read", {"path": "a.py"})
        assert listeners.drain(5_000)
        assert journal.remove("gone", expected=journal.head("gone")) is True

    assert kinds(journal, "kept").count("listener.failed") == 1
