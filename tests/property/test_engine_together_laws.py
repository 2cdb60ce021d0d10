"""Several engines on one store, and one that is awaited, do what one engine does alone."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from governance.aengine import AsyncEngine
from governance.engine import EngineOptions, restoring
from governance.journal.memory import MemoryJournal
from governance.journal.sqlite import SqliteJournal
from governance.testing import ManualClock
from governance.testing.engines import memory_engine
from tests.property.told_events import CHILD, PARENT, Told, command_of, law, rows, told

NEVER_MS = 10**15
ENGINES = 3

steps = st.lists(st.tuples(told, st.integers(0, ENGINES - 1)), min_size=1, max_size=20)


@given(steps)
def test_it_does_not_matter_which_engine_is_told(script: list[tuple[Told, int]]) -> None:
    """Each answers as the one alone would, and leaves the same rows behind."""
    options = EngineOptions(run="r", idle_ms_max=NEVER_MS, snapshot_rows=4)
    clock, shared, own = ManualClock(), MemoryJournal(), MemoryJournal()
    with ExitStack() as stack:
        alone, *several = (
            stack.enter_context(
                memory_engine(law=law(), journal=journal, clock=clock, options=options)
            )
            for journal in (own, *[shared] * ENGINES)
        )
        for one, number in script:
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
    options = EngineOptions(run="r", idle_ms_max=NEVER_MS, snapshot_rows=4)
    clock, own = ManualClock(), MemoryJournal()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "journal.db"
        store = SqliteJournal.open(path, create=True, power_safe=False)
        alone, awaited = (
            stack.enter_context(
                memory_engine(law=law(), journal=journal, clock=clock, options=options)
            )
            for journal in (own, store)
        )

        async def tell() -> None:
            aengine = AsyncEngine(awaited)
            for one in script:
                clock.advance(one.after_ms)
                command = command_of(one, clock.now_ms())
                assert await aengine.handle(command) == alone.handle(command)

        asyncio.run(tell())

        assert rows(store) == rows(own)
        for name in (PARENT, CHILD):
            assert awaited.state(name) == alone.state(name)
