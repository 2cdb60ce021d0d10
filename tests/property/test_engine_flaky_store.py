"""A store that fails now and then loses nothing, doubles nothing, and lets nothing through."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen
from hypothesis import event, given
from hypothesis import strategies as st

from governance.engine import Engine, EngineOptions, restoring
from governance.engine.spool import Spool
from governance.errors import JournalError, OutcomeUnknown
from governance.events import CATALOGUE, Event
from governance.journal.memory import MemoryJournal
from governance.listeners import Listeners
from governance.session.commands import Command
from governance.states import ASKED_EVENTS
from governance.testing import FailingJournal, ManualClock
from governance.testing.engines import memory_engine
from governance.testing.fakes import Method
from tests.property.told_events import CHILD, OPENING, PARENT, Told, command_of, law, rows, told

NEVER_MS = 10**15
PROCESSES = 3


@frozen
class Fault:
    """
    How the store fails at one command.

    Attributes:
        unknown: A commit whose answer is lost; it was *done* or not, and where the command is
            *unread* the store cannot be asked either.
    """

    method: Method
    skip: int
    times: int
    unknown: bool = False
    done: bool = False
    unread: bool = False


faults = st.builds(
    Fault,
    method=st.sampled_from(["append", "append", "append", "read", "head", "snapshot_get"]),
    skip=st.integers(0, 2),
    times=st.integers(1, 3),
    unknown=st.booleans(),
    done=st.booleans(),
    unread=st.booleans(),
)
steps = st.lists(
    st.tuples(told, st.none() | faults, st.integers(0, PROCESSES - 1)), min_size=1, max_size=14
)


@contextmanager
def engine_on(
    journal: FailingJournal, clock: ManualClock, seen: list[Event], spool: Spool | None
) -> Iterator[Engine]:
    listeners = Listeners()
    listeners.register("*", seen.append, mode="audit", name="see")
    options = EngineOptions(run="r", idle_ms_max=NEVER_MS, snapshot_rows=4, spool=spool)
    with memory_engine(
        law=law(),
        journal=journal,
        clock=clock,
        listeners=listeners,
        options=options,
        sessions_max=1,
    ) as engine:
        yield engine


def is_after(name: str) -> bool:
    """Whether an event is shown once it stands; others were shown when they were asked."""
    return CATALOGUE[name].when == "after"


def fail(journal: FailingJournal, fault: Fault, *, asked: bool) -> None:
    """Let *journal* fail by *fault* until somebody clears it."""
    error = OutcomeUnknown("lost") if fault.unknown else JournalError("full")
    done = fault.done and fault.unknown and fault.method == "append"
    journal.fail(fault.method, error, skip=fault.skip, times=fault.times, done=done)
    # What was asked is denied then, and stands in the journal all the same: no twin does so.
    if done and fault.unread and not asked:
        journal.fail("read", JournalError("gone"), times=9)


@given(steps, st.booleans())
def test_what_a_store_could_not_take_is_made_up_for(
    script: list[tuple[Told, Fault | None, int]], in_files: bool
) -> None:
    """
    In the end the journal holds what it holds where nothing failed, but for what was refused.

    What was asked is answered; what was told is there once, and before what came after it;
    listeners were shown each row once. Where it waits in files, any process makes up for it.
    """
    flaky, sound = FailingJournal(MemoryJournal()), FailingJournal(MemoryJournal())
    clock, other = ManualClock(), ManualClock()
    seen: list[Event] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        spool = Spool(str(Path(folder) / "untold")) if in_files else None
        twin = stack.enter_context(engine_on(sound, other, [], None))
        engines = [
            stack.enter_context(engine_on(flaky, clock, seen, spool))
            for _ in range(PROCESSES if in_files else 1)
        ]
        for one, fault, process in [*((one, None, 0) for one in OPENING), *script]:
            engine = engines[process % len(engines)]
            clock.advance(one.after_ms)
            other.advance(one.after_ms)
            command = command_of(one, clock.now_ms())
            if fault is not None:
                fail(flaky, fault, asked=command.event in ASKED_EVENTS)
            refused = False
            try:
                reply = engine.handle(command)
                refused = reply.state == "unknown"
                assert not refused or (command.event in ASKED_EVENTS and reply.denied)
            except JournalError:
                assert command.event not in ASKED_EVENTS
            flaky._faults.clear()
            event(f"{'refused' if refused else 'taken'}{' with a fault' if fault else ''}")
            if not refused:
                twin.handle(command)
        for name in (PARENT, CHILD):
            end = Command(event="lapse", session=name, at_ms=clock.now_ms(), data={"why": "end"})
            engines[0].handle(end)
            twin.handle(end)

        assert rows(flaky) == rows(sound)
        for name in (PARENT, CHILD):
            state = restoring.fold(flaky.read(name, limit=1000), name)
            assert [engine.state(name) for engine in engines] == [state] * len(engines)
            stored = [one for one in flaky.read(name, limit=1000) if is_after(one.kind)]
            shown = [one for one in seen if one.session_id == name and is_after(one.name)]
            assert [one.event_id for one in shown] == [f"{name}#{one.seq}" for one in stored]
