"""A verb whose store fails is done or is not; done again, it is done once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen
from hypothesis import event, given
from hypothesis import strategies as st

from governance.engine import Engine, EngineOptions
from governance.engine.opening import PROJECT_SESSION
from governance.errors import JournalError, OutcomeUnknown
from governance.journal.memory import MemoryJournal
from governance.journal.records import Journal
from governance.testing import FailingJournal, ManualClock
from governance.testing.engines import memory_engine
from governance.testing.fakes import METHODS, Method
from tests.property.told_events import OPENING, Told, command_of, law, rows, told
from tests.property.verbs import Verb, verbs

NEVER_MS = 10**15


@frozen
class Fault:
    """How the store fails while a verb is done; *done*: what was asked of it is done first."""

    method: Method
    skip: int
    times: int
    done: bool


faults = st.builds(
    Fault,
    method=st.sampled_from(["append"] * 6 + [one for one in METHODS if one != "close"]),
    skip=st.integers(0, 4),
    times=st.integers(1, 2),
    done=st.booleans(),
)
answered = verbs.filter(lambda one: one.name != "switch")
"""That one tells events, which wait until the store can take them."""

steps = st.lists(
    st.one_of(told, st.tuples(answered, st.none() | faults), st.tuples(answered, faults)),
    min_size=1,
    max_size=16,
)


@contextmanager
def engine_on(journal: Journal, clock: ManualClock) -> Iterator[Engine]:
    options = EngineOptions(run="r", idle_ms_max=NEVER_MS, snapshot_rows=4)
    with memory_engine(law=law(), journal=journal, clock=clock, options=options) as engine:
        yield engine


def everything(journal: Journal) -> dict[str, list[tuple[str, int, object]]]:
    """All rows but those that only count what one run of retention came to."""
    found = rows(journal, *(head.session for head in journal.sessions()))
    return {
        name: [row for row in told if row[0] != "retention.pruned"] for name, told in found.items()
    }


@given(steps)
def test_a_verb_whose_store_fails_is_done_or_is_not(
    script: list[Told | tuple[Verb, Fault | None]],
) -> None:
    """Nothing of it stands, or all, or doing it again ends what was begun; never twice."""
    flaky, sound = FailingJournal(MemoryJournal()), MemoryJournal()
    clock = ManualClock()
    with engine_on(flaky, clock) as engine, engine_on(sound, clock) as twin:
        for one in (*OPENING, *script):
            if isinstance(one, Told):
                clock.advance(one.after_ms)
                command = command_of(one, clock.now_ms())
                assert engine.handle(command) == twin.handle(command)
                continue
            verb, fault = one
            before = everything(flaky)
            if fault is not None:
                error = OutcomeUnknown("lost") if fault.done else JournalError("full")
                flaky.fail(fault.method, error, skip=fault.skip, times=fault.times, done=fault.done)
            answer, failed = None, False
            try:
                answer = verb.do(engine)
            except JournalError:
                failed = True
            flaky._faults.clear()
            if failed and everything(flaky) == before:
                event("not done")
                answer, failed = verb.do(engine), False
            expected = verb.do(twin)
            if everything(flaky) != everything(sound):
                event("half done")
                verb.do(engine)
            elif not failed:
                assert answer == expected, (answer, expected)
            assert everything(flaky) == everything(sound)
        for name in {head.session for head in sound.sessions()} - {PROJECT_SESSION}:
            assert engine.state(name) == twin.state(name)
