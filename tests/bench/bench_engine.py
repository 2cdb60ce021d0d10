"""
What the whole engine costs, as ratios measured in turn within one process.

Each function gives ``(measured, bound)``, as those of `bench_journal` do. The engine has the
shipped packs, and its sessions are briefed, so that a call is decided and not only refused.
"""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import anyio
from attrs import define, field

from governance._shipped import pack_texts
from governance.aengine import AsyncEngine
from governance.engine import Session
from governance.engine.live import LiveSessions
from governance.engine.restoring import fold, keep_snapshot_at, restore
from governance.journal.records import (
    Append,
    Appended,
    AppendsLater,
    Conflict,
    Duplicate,
    Journal,
    Record,
    Row,
)
from governance.journal.sqlite import SqliteJournal
from governance.session.state import SessionState
from governance.testing.engines import law_of, memory_engine
from tests.bench.bench_journal import row
from tests.bench.disks import AS_IT_IS, Disk
from tests.bench.turns import briefed, deciding, engine_on, gain_of, rate_of

Answer = Callable[[], Appended | Conflict | Duplicate]

CALLERS = 32
MEGABYTE = 1_000_000


def _seconds(work: Callable[[int], object], first: int, times: int) -> float:
    """The median time of one call of *work*, each with a number of its own."""
    taken: list[float] = []
    for number in range(first, first + times):
        start = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def durable_decision(
    folder: Path, *, disk: Disk = AS_IT_IS, rounds: int = 20, per_round: int = 40
) -> tuple[float, float]:
    """
    One `Session.tool`, decided by the shipped packs and on disk, over the bare write.

    The yardstick writes as many bytes as the step's rows have and calls `fdatasync`. On a disk
    so fast that 80 µs are more than half of it, those are the bound.
    """
    handle = os.open(folder / "yardstick", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with deciding(disk.store(folder / "decision")) as calls:

        def write() -> None:
            os.write(handle, calls.body)
            disk.sync(handle)

        found = calls.over(write, rounds=rounds, per_round=per_round)
    os.close(handle)
    return found.ratio, found.durable_bound


def group_commit_of_threads(
    folder: Path, *, disk: Disk = AS_IT_IS, seconds: float = 1.0
) -> tuple[float, float]:
    """Calls a second of 32 threads, each decided and ended durably, over those of one caller."""
    with engine_on(disk.store(folder / "threads")) as engine:

        def rate(name: str, callers: int) -> float:
            sessions = [briefed(engine, f"{name}-{place}") for place in range(callers)]
            return rate_of(partial(_called_until, sessions), callers, seconds)

        return gain_of(rate, CALLERS, turns=5), 2.5


def _called_until(sessions: Sequence[Session], place: int, until: float) -> int:
    count = 0
    while time.perf_counter() < until:
        sessions[place].tool("read", {"path": "a.py"}, call_id=str(count))
        sessions[place].tool_finished(str(count), outcome="ok")
        count += 1
    return count


def group_commit_of_tasks(
    folder: Path, *, disk: Disk = AS_IT_IS, seconds: float = 1.0
) -> tuple[float, float]:
    """Calls a second of 32 tasks of `AsyncEngine`, as those of threads, over those of one task."""
    with engine_on(disk.store(folder / "tasks")) as engine:

        async def rate(name: str, callers: int) -> float:
            aengine = AsyncEngine(engine)
            sessions = [await aengine.start(f"{name}-{place}") for place in range(callers)]
            for session in sessions:
                await session.turn("go")

            async def call(place: int, count: int) -> None:
                await sessions[place].tool("read", {"path": "a.py"}, call_id=str(count))
                await sessions[place].tool_finished(str(count), outcome="ok")

            return await _rate_of_tasks(call, callers, seconds)

        return gain_of(partial(anyio.run, rate), CALLERS, turns=5), 4.0


def group_commit_of_appends(
    folder: Path, *, disk: Disk = AS_IT_IS, seconds: float = 1.0
) -> tuple[float, float]:
    """
    Durable rows a second of 32 tasks on sessions of their own, over those of one task.

    They append as `AsyncEngine` does, without a thread for each: see `AppendsLater`.
    """
    journal = disk.store(folder / "appends")

    async def rate(name: str, callers: int) -> float:
        letters = _Letters(journal, asyncio.get_running_loop())

        async def append(place: int, count: int) -> None:
            await letters.append(Append(f"{name}-{place}", count, (row(),)))

        return await _rate_of_tasks(append, callers, seconds)

    found = gain_of(partial(anyio.run, rate), CALLERS, turns=5)
    journal.close()
    return found, 4.0


@define
class _Letters:
    """Appends of one event loop that wait for no thread; the loop is woken once a commit."""

    journal: AppendsLater
    loop: asyncio.AbstractEventLoop
    _settled: deque[tuple[asyncio.Future[None], Answer]] = field(factory=deque)

    async def append(self, one: Append) -> None:
        """Return once *one* is on disk."""
        future = self.loop.create_future()
        self.journal.append_later(
            [one],
            lambda answer: self._settled.append((future, answer)),
            told=lambda: self.loop.call_soon_threadsafe(self._open),
        )
        await future

    def _open(self) -> None:
        while self._settled:
            future, answer = self._settled.popleft()
            assert isinstance(answer(), Appended)
            future.set_result(None)


async def _rate_of_tasks(
    work: Callable[[int, int], Awaitable[None]], callers: int, seconds: float
) -> float:
    """What tasks get done a second; *work* is given who does it, and how often it was done."""
    counts = [0] * callers
    start = time.perf_counter()

    async def run(place: int) -> None:
        while time.perf_counter() < start + seconds:
            await work(place, counts[place])
            counts[place] += 1

    async with anyio.create_task_group() as group:
        for place in range(callers):
            group.start_soon(run, place)
    return sum(counts) / (time.perf_counter() - start)


def restore_of_a_session(folder: Path) -> tuple[float, float]:
    """As `over_the_fold`, on SQLite."""
    path = folder / "restoring" / "journal.db"
    return over_the_fold(SqliteJournal.open(path, create=True, power_safe=False)), 1 / 20


def over_the_fold(journal: Journal) -> float:
    """
    A session of 10,000 events from its snapshot and a hundred rows, over the full fold.

    *journal* is empty, and closed afterwards.
    """
    state, rows = _long_session()
    for first in range(0, len(rows), _PAGE_ROWS):
        journal.append([Append("s", first, rows[first : first + _PAGE_ROWS])])
    records = list(_rows(journal, "s"))
    keep_snapshot_at(journal, fold(records[:-100], "s"), records[-101].hash)
    ratios = []
    for _ in range(5):
        start = time.perf_counter()
        full = fold(list(_rows(journal, "s")), "s")
        whole = time.perf_counter() - start
        part = _seconds(lambda _: restore(journal, "s"), 0, 5)
        ratios.append(part / whole)
        # INVARIANT: both ways give the state that the engine itself had.
        assert full == state == restore(journal, "s")
    journal.close()
    return statistics.median(ratios)


_PAGE_ROWS = 1_000
_EVENTS = 10_000


@cache
def _long_session() -> tuple[SessionState, tuple[Row, ...]]:
    """A session whose calls of tools were decided and finished: its state, and its rows."""
    with memory_engine(law=law_of(*pack_texts().values())) as engine:
        session = briefed(engine, "s")
        number = 0
        while engine.state("s").head < _EVENTS:
            session.tool("read", {"path": f"src/{number}.py"}, call_id=str(number))
            session.tool_finished(str(number), outcome="ok")
            number += 1
        found = _rows(engine.journal, "s")
        rows = tuple(Row(one.kind, one.at_ms, one.body, one.durable) for one in found)
        return engine.state("s"), rows


def _rows(journal: Journal, session: str) -> Iterator[Record]:
    seq = 0
    while page := journal.read(session, after=seq):
        yield from page
        seq = page[-1].seq


def live_sessions(_folder: Path, *, sessions: int = 2_000) -> tuple[float, float]:
    """
    Megabytes of 100,000 live sessions of 20 events, 3 violations and 2 anchors each.

    Each is folded anew from rows, so that none shares with another what a restored one
    would not. Fewer are made, in two halves: the second must cost what the first did, within
    a tenth, and counts for all. What the law costs is shared by all and not counted.
    """
    import tracemalloc

    live = LiveSessions(sessions_max=sessions, megabytes_max=100_000, idle_ms_max=10**12)
    rows = _rows_of_a_worked_session()
    gc.collect()
    tracemalloc.start()
    marks = [tracemalloc.get_traced_memory()[0]]
    for half in range(2):
        for number in range(sessions // 2):
            live.put(fold(rows, f"session-{half}-{number}"), 0)
        gc.collect()
        marks.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    first, second = marks[1] - marks[0], marks[2] - marks[1]
    # INVARIANT: a straight line may be drawn on, and nothing was evicted.
    assert abs(first - second) < 0.1 * first, "the memory of sessions does not grow linearly"
    assert len(live) == sessions
    return second / (sessions // 2) * 100_000 / MEGABYTE, 150.0


_ANCHORS = (
    "Every amount is an integer of cents; floats are for display alone.",
    "The old importer stays until March: two customers still send files.",
)


def _rows_of_a_worked_session() -> list[Record]:
    """What 20 events of a host leave in a journal, 3 of them violations, and 2 anchors."""
    with memory_engine(law=law_of(*pack_texts().values())) as engine:
        session = briefed(engine, "s")
        for number in range(3):
            reply = session.tool("shell", {"command": "git push --force origin main"})
            assert reply.denied, number
        for number in range(7):
            session.tool("read", {"path": f"src/part_{number}.py"}, call_id=str(number))
            session.tool_finished(str(number), outcome="ok")
        session.turn_ended()
        for number, text in enumerate(_ANCHORS):
            data = {"id": f"a{number}", "type": "decision", "priority": "high"}
            engine.record("s", "anchor.added", {**data, "text": text}, actor="person")
        state = engine.state("s")
        assert (state.ledger.total, len(state.anchors)) == (3, 2)
        return list(_rows(engine.journal, "s"))
