"""A large session: what is read of it, and the memory that takes, do not grow with it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from governance.journal.backup import backup_store
from governance.journal.copying import copy_store
from governance.journal.records import Append, Appended, Row
from governance.journal.repair import repair_store
from governance.journal.restore import restore_store
from governance.journal.sqlite import SqliteJournal

_EVENTS = 30_000
_FEW = 6_000
_BODY = b'{"data":{"tool":"shell","command":"' + b"x" * 60 + b'"}}'


def _store(folder: Path, events: int) -> Path:
    path = folder / "store" / "journal.db"
    journal = SqliteJournal.open(path, create=True, power_safe=False)
    for seq in range(0, events, 6_000):
        answer = journal.append([Append("s", seq, (Row("k", 0, _BODY),) * 6_000)])
        assert isinstance(answer, Appended)
    journal.close()
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _store(tmp_path_factory.mktemp("large"), _EVENTS)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _store(tmp_path_factory.mktemp("small"), _FEW)


def _pages_read(path: Path, work: Callable[[SqliteJournal], object]) -> int:
    """Pages that *work* reads of the file, beyond those that opening reads."""
    journal = SqliteJournal.open(path, create=False)
    journal.head("s")
    reader = journal._reader
    assert reader is not None
    reader.status(apsw.SQLITE_DBSTATUS_CACHE_MISS, True)
    work(journal)
    missed = reader.status(apsw.SQLITE_DBSTATUS_CACHE_MISS, False)[0]
    journal.close()
    return missed


def _all(journal: SqliteJournal) -> int:
    seq = 0
    while page := journal.read("s", after=seq, limit=1_000):
        seq = page[-1].seq
    return seq


def test_the_newest_page_is_read_without_the_rest(large: Path) -> None:
    """The last fifty rows of a long session cost under a hundredth of what all of it costs."""
    whole = _pages_read(large, _all)
    last = _pages_read(large, lambda journal: journal.read("s", limit=50, reverse=True))
    middle = _pages_read(large, lambda journal: journal.read("s", after=_EVENTS // 2, limit=50))

    assert whole > 1_000
    assert last < whole / 100
    assert middle < whole / 100


def _peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _with(path: Path, work: Callable[[SqliteJournal], object]) -> Callable[[], object]:
    def run() -> object:
        journal = SqliteJournal.open(path, create=False)
        try:
            return work(journal)
        finally:
            journal.close()

    return run


def _copied(journal: SqliteJournal, to: Path) -> None:
    other = SqliteJournal.open(to, create=True, power_safe=False)
    assert copy_store(journal, other).rows == journal.head("s").seq
    other.close()


@pytest.mark.parametrize("what", ["read", "verify", "repair", "backup", "restore", "copy"])
def test_memory_does_not_grow_with_a_session(
    small: Path, large: Path, what: str, tmp_path: Path
) -> None:
    """Five times the rows take no more memory to be walked, judged, repaired, kept or moved."""
    made = iter(range(9))

    def work(path: Path) -> Callable[[], object]:
        to = tmp_path / str(next(made)) / "journal.db"
        match what:
            case "backup":
                return lambda: backup_store(path, to.parent, now_ms=1)
            case "restore":
                kept = backup_store(path, to.parent, now_ms=1).path
                return lambda: restore_store(to, kept, now_ms=1, mirror=None)
            case "copy":
                return _with(path, lambda journal: _copied(journal, to))
            case "read":
                return _with(path, _all)
            case "verify":
                return _with(path, lambda journal: journal.verify())
            case _:
                return lambda: repair_store(path, now_ms=1, mirror=None, dry_run=True)

    work(small)()  # imports and caches are not the session's
    few, many = _peak_bytes(work(small)), _peak_bytes(work(large))

    assert many < 1.5 * few + 1_000_000
    assert many < 60_000_000
