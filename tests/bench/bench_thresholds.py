"""
What a session manager may take at most, as figures with a unit, each on a named workload.

These are walls and no yardsticks: each is so far off that a slow or busy machine does not
reach it, so that it is the ratios of the other benches that say whether anything got slower.
Each function gives ``(measured, bound)``. Of times that a person waits for, the slowest counts.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from governance.engine import Engine
from governance.engine.restoring import fold, keep_snapshot
from governance.journal.records import Append, Appended, Journal, Record, Row
from governance.scopes import PROJECT, Reader
from governance.values import dump_json
from tests.bench.projects import SECONDS_MAX, Place, held_folder, make_project, printed

MEGABYTE = 1_000_000
STANDARD_ROWS = 10_000
LARGEST_BYTES = 100 * MEGABYTE
"""The rows of a session at the quota that it has where nothing is written."""

_CALLS = 250
_BATCH_ROWS = 5_000


def _rows(journal: Journal, session: str, after: int = 0) -> Iterator[Record]:
    while page := journal.read(session, after=after):
        yield from page
        after = page[-1].seq


def _worked(place: Place, session: str) -> tuple[Row, ...]:
    """The rows of some turns that were worked in *session*, to be written again and again."""
    with Engine.open(place.project) as engine:
        handle = engine.start(session)
        first = engine.state(session).head
        for number in range(_CALLS):
            if number % 25 == 0:
                handle.turn(f"part {number}")
                handle.message("user", f"Please look at part {number} of the importer again.")
            call = f"c{number}"
            handle.tool("read", {"path": f"src/part_{number}.py"}, call_id=call)
            handle.tool_finished(call, outcome="ok", duration_ms=12)
            if number % 25 == 24:
                handle.message("assistant", "Each line was read twice; now it is read once. " * 8)
                handle.turn_ended()
        made = tuple(_rows(engine.journal, session, first))
    return tuple(Row(one.kind, one.at_ms, one.body, one.durable) for one in made)


def _lengthen(journal: Journal, session: str, turns: tuple[Row, ...], until: int) -> int:
    """Write *turns* again until *session* has so many rows; the bytes that were written."""
    seq = journal.head(session).seq
    size = 0
    while seq < until:
        batch = (turns * (_BATCH_ROWS // len(turns) + 1))[: min(_BATCH_ROWS, until - seq)]
        assert isinstance(journal.append([Append(session, seq, batch)]), Appended)
        seq += len(batch)
        size += sum(len(one.body) for one in batch)
    return size


def _standard(folder: Path) -> Place:
    """A project with a session of 10,000 events, of which no snapshot is kept."""
    place = make_project(folder)
    turns = _worked(place, "s")
    journal = place.journal()
    _lengthen(journal, "s", turns, STANDARD_ROWS)
    journal.close()
    return place


@cache
def _largest() -> Place:
    """A project with a session of 100 MB, made once; an engine has kept its snapshot."""
    place = make_project(
        held_folder(), f"[retention]\nsession_megabytes_max = {2 * LARGEST_BYTES // MEGABYTE}\n"
    )
    turns = _worked(place, "s")
    each = sum(len(one.body) for one in turns) / len(turns)
    journal = place.journal()
    _lengthen(journal, "s", turns, int(LARGEST_BYTES / each) + 1)
    keep_snapshot(journal, fold(list(_rows(journal, "s")), "s"))
    journal.close()
    return place


_LOAD = """
from governance import Engine
with Engine.open({project!r}) as engine:
    assert engine.state("s").head >= {rows}
"""


def _slowest_load(place: Place, rows: int, times: int) -> float:
    """Seconds of the slowest of so many processes that open the project and load the session."""
    script = _LOAD.format(project=str(place.project), rows=rows)
    taken: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        words = [sys.executable, "-c", script]
        subprocess.run(words, check=True, env=dict(place.environment), timeout=SECONDS_MAX)
        taken.append(time.perf_counter() - start)
    return max(taken)


def load(folder: Path) -> tuple[float, float]:
    """A new process loads a session of 10,000 events from its rows alone."""
    return _slowest_load(_standard(folder), STANDARD_ROWS, 5), 5.0


def load_of_the_largest(_folder: Path) -> tuple[float, float]:
    """A new process loads a session of 100 MB, which has a snapshot as the engine keeps them."""
    return _slowest_load(_largest(), 100_000, 3), 5.0


def save(_folder: Path) -> tuple[float, float]:
    """The slowest of 300 steps (a call, its outcome, a message), each durable, at 100 MB."""
    place = _largest()
    os.environ.update(place.environment)
    taken: list[float] = []
    with Engine.open(place.project) as engine:
        session = engine.session("s")
        steps = (
            lambda call: session.tool("read", {"path": "a.py"}, call_id=call),
            lambda call: session.tool_finished(call, outcome="ok"),
            lambda call: session.message("assistant", f"{call} is done"),
        )
        for number in range(100):
            for step in steps:
                start = time.perf_counter()
                step(f"saved-{number}")
                taken.append(time.perf_counter() - start)
    return max(taken), 2.0


_VALUES = 10_000
_VALUE = {"file": "src/importer.py", "why": "it reads each line twice " * 4}


def context(folder: Path) -> tuple[float, float]:
    """The slowest of reads, finds and changes in a scope that is full (10,000 values)."""
    place = make_project(folder)
    reader = Reader(actor="ada")
    with Engine.open(place.project) as engine:
        engine.contexts.set(PROJECT, "code", "first", _VALUE, by=reader)
        _fill(engine)
    taken: list[float] = []
    with Engine.open(place.project) as engine:
        contexts = engine.contexts
        works: tuple[Callable[[int], object], ...] = (
            lambda number: contexts.get(PROJECT, "code", f"key-{number:05}", by=reader),
            lambda number: contexts.find(PROJECT, by=reader, prefix=f"key-{number:03}", limit=50),
            lambda number: contexts.set(PROJECT, "code", f"key-{number:05}", number, by=reader),
        )
        for number in range(10):
            for work in works:
                start = time.perf_counter()
                found = work(number)
                taken.append(time.perf_counter() - start)
                assert found is not None
    return max(taken), 1.0


def _fill(engine: Engine) -> None:
    """Make the project's scope full, some hundred values a row, as a merge would."""
    size = len(dump_json(_VALUE))
    for first in range(0, _VALUES - 1, 500):
        made = [
            {
                "kind": "code", "key": f"key-{number:05}", "value": _VALUE,
                "size_bytes": size, "version": 1, "format": 1,
            }
            for number in range(first, min(first + 500, _VALUES - 1))
        ]  # fmt: skip
        engine.record_all(PROJECT.journal, [("context.set", {"set": made})], actor="ada")


_FULL = """
import re, resource, sys
from pathlib import Path
from governance import Engine
with Engine.open({project!r}) as engine:
    held = engine.preload(10_000)
    assert held >= {sessions}, held
    after = 0
    while page := engine.events("s", after=after):
        after = int(page[-1].event_id.rpartition("#")[2])
    assert engine.journal.verify("s").ok
    engine.search("importer")
if sys.platform == "linux":
    # What `getrusage` tells is never less than what the process that started this one has.
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
_SESSIONS = 5_000


def memory(_folder: Path) -> tuple[float, float]:
    """
    The most memory that a process takes with 5,000 sessions live.

    It reads, verifies and searches a session of 100 MB beside them.
    """
    place = _largest()
    journal = place.journal()
    rows = tuple(
        Row(one.kind, one.at_ms, one.body, one.durable) for one in journal.read("s", limit=20)
    )
    if not journal.head("live-0").seq:
        for first in range(0, _SESSIONS, 500):
            journal.append([Append(f"live-{n}", 0, rows) for n in range(first, first + 500)])
    journal.close()
    script = _FULL.format(project=str(place.project), sessions=_SESSIONS)
    return printed(place, script) / MEGABYTE, 500.0


def storage(folder: Path) -> tuple[float, float]:
    """What the store of a session of 10,000 events takes on disk, its log and index included."""
    place = _standard(folder)
    files = (place.project / ".governance").glob("journal.db*")
    return sum(one.stat().st_size for one in files) / MEGABYTE, 100.0


def mean(folder: Path) -> tuple[float, float]:
    """
    The mean over operations of a program and of the command line on a session of 10,000 events.

    Each kind of operation counts once, with the mean of its times.
    """
    place = _standard(folder)
    with Engine.open(place.project) as engine:
        taken = [_mean_seconds(work, 10) for work in _operations(engine)]
    for words in _COMMANDS:
        line = [str(Path(sys.executable).with_name("governance")), *words]
        taken.append(_mean_seconds(lambda line=line: _run(line, place), 1))  # type: ignore[misc]
    return statistics.mean(taken), 3.0


_COMMANDS = (
    ("sessions",), ("log", "s"), ("verify",), ("report",), ("metrics",),
    ("chat", "search", "s", "importer"), ("chat", "export", "s"), ("context", "list"),
)  # fmt: skip


def _operations(engine: Engine) -> tuple[Callable[[], object], ...]:
    session, reader = engine.session("s"), Reader(actor="ada")
    return (
        lambda: engine.start(f"new-{time.perf_counter_ns()}"),
        lambda: session.turn("go on"),
        lambda: session.tool("read", {"path": "a.py"}),
        lambda: session.message("user", "And the importer?"),
        lambda: session.messages(limit=100, reverse=True),
        lambda: engine.search("importer"),
        lambda: engine.events("s", limit=1_000),
        lambda: engine.contexts.set(PROJECT, "code", "entry", "app.py", by=reader),
        lambda: engine.contexts.get(PROJECT, "code", "entry", by=reader),
        lambda: engine.branch("s", name=f"s-{time.perf_counter_ns()}"),
        lambda: engine.health(),
    )


def _mean_seconds(work: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


def _run(line: list[str], place: Place) -> None:
    subprocess.run(
        [*line, "--dir", str(place.project)],
        check=True,
        stdout=subprocess.DEVNULL,
        env=dict(place.environment),
        timeout=SECONDS_MAX,
    )
