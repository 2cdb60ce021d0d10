"""Several engines on one store, and one that is awaited, do what one engine does alone."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from governance.aengine import AsyncEngine
from governance.engine import Engine, EngineOptions, restoring
from governance.journal.memory import MemoryJournal
from governance.journal.records import Journal
from governance.journal.sqlite import SqliteJournal
from governance.testing import ManualClock
from governance.testing.engines import memory_engine
from tests.property.told_events import CHILD, OPENING, PARENT, Told, command_of, law, rows, told
from tests.property.verbs import Verb, names, verbs

NEVER_MS = 10**15
ENGINES = 3

anywhere = st.builds(evolve, told, session=names)
steps = st.lists(st.tuples(told, st.integers(0, ENGINES - 1)), min_size=1, max_size=20)


@contextmanager
def engines_on(clock: ManualClock, *journals: Journal) -> Iterator[list[Engine]]:
    """An engine on each of *journals*, as many on one as stand there."""
    options = EngineOptions(run="r", idle_ms_max=NEVER_MS, snapshot_rows=4)
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                memory_engine(law=law(), journal=journal, clock=clock, options=options)
            )
            for journal in journals
        ]


@given(steps)
def test_it_does_not_matter_which_engine_is_told(script: list[tuple[Told, int]]) -> None:
    """Each answers as the one alone would, and leaves the same rows behind."""
    clock, shared, own = ManualClock(), MemoryJournal(), MemoryJournal()
    with engines_on(clock, own, *[shared] * ENGINES) as (alone, *several):
        for one, number in [*((one, 0) for one in OPENING), *script]:
            clock.advance(one.after_ms)
            command = command_of(one, clock.now_ms())
            assert several[number].handle(command) == alone.handle(command)

        assert rows(shared) == rows(own)
        for name in (PARENT, CHILD):
            told = restoring.fold(own.read(name, limit=1000), name)
            assert [engine.state(name) for engine in several] == [told] * ENGINES


@given(st.lists(told, min_size=1, max_size=20))
def test_it_does_not_matter_whether_it_is_awaited(script: list[Told]) -> None:
    """What is decided in an event loop, and committed later, is what a thread would decide."""
    clock, own = ManualClock(), MemoryJournal()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        store = SqliteJournal.open(path, create=True, power_safe=False)
        with engines_on(clock, own, store) as (alone, awaited):

            async def tell() -> None:
                aengine = AsyncEngine(awaited)
                for one in (*OPENING, *script):
                    clock.advance(one.after_ms)
                    command = command_of(one, clock.now_ms())
                    assert await aengine.handle(command) == alone.handle(command)

            asyncio.run(tell())

            assert rows(store) == rows(own)
            for name in (PARENT, CHILD):
                assert awaited.state(name) == alone.state(name)


@given(
    st.lists(
        st.tuples(st.one_of(told, anywhere, verbs, verbs), st.integers(0, ENGINES - 1)),
        min_size=1,
        max_size=20,
    )
)
def test_it_does_not_matter_by_which_engine_a_program_works(
    script: list[tuple[Told | Verb, int]],
) -> None:
    """Verbs look at the newest rows of every session that they are about."""
    clock, shared, own = ManualClock(), MemoryJournal(), MemoryJournal()
    with engines_on(clock, own, *[shared] * ENGINES) as (alone, *several):
        for one, number in [*((one, 0) for one in OPENING), *script]:
            if isinstance(one, Verb):
                assert one.do(several[number]) == one.do(alone)
                continue
            clock.advance(one.after_ms)
            command = command_of(one, clock.now_ms())
            assert several[number].handle(command) == alone.handle(command)

        found = [head.session for head in own.sessions()]
        assert [head.session for head in shared.sessions()] == found
        for name in found:
            assert rows(shared, name) == rows(own, name)
            states = [engine.state(name) for engine in (alone, *several)]
            assert states == [states[0]] * len(states)
