"""A large session: what is read of it, and the memory that takes, do not grow with it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import apsw
import psycopg
import pytest

from governance.journal.backup import backup_store
from governance.journal.copying import copy_store
from governance.journal.postgres import PostgresJournal
from governance.journal.records import Append, Appended, Journal, Record, Row
from governance.journal.repair import repair_store
from governance.journal.restore import restore_store
from governance.journal.sources import JournalSource
from governance.journal.sqlite import SqliteJournal
from tests.postgres_server import Server, wait_for

_EVENTS = 30_000
_FEW = 6_000
_BODY = b'{"data":{"tool":"shell","command":"' + b"x" * 60 + b'"}}'


def _store(folder: Path, events: int) -> Path:
    path = folder / "store" / "journal.db"
    journal = SqliteJournal.open(path, create=True, power_safe=False)
    _fill(journal, events)
    journal.close()
    return path


def _fill(journal: Journal, events: int) -> None:
    for seq in range(0, events, 6_000):
        answer = journal.append([Append("s", seq, (Row("k", 0, _BODY),) * 6_000)])
        assert isinstance(answer, Appended)


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


def _all(journal: Journal) -> int:
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


def _newest_of_all(journal: Journal) -> tuple[Record, ...]:
    """The newest rows by the careless way: all of them in memory."""
    found: list[Record] = []
    while page := journal.read("s", after=len(found), limit=1_000):
        found += page
    return tuple(found[-50:])


def test_a_fold_of_all_rows_is_found_out(small: Path, large: Path) -> None:
    """Negative control: whoever reads all to have the newest is over each of the bounds."""
    whole, last = _pages_read(large, _all), _pages_read(large, _newest_of_all)
    assert last >= whole / 100
    few, many = (_peak_bytes(_with(path, _newest_of_all)) for path in (small, large))
    assert many >= 1.5 * few + 1_000_000


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


def _copied(journal: Journal, to: Path) -> None:
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


# -- on a server ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(server: Server) -> Iterator[dict[int, PostgresJournal]]:
    """Two stores on a server, by the number of their rows."""
    with closing(server.journal()) as few, closing(server.journal()) as many:
        _fill(few, _FEW)
        _fill(many, _EVENTS)
        with server.connect() as connection:
            connection.execute("VACUUM ANALYZE governance.event")
        yield {_FEW: few, _EVENTS: many}


def _blocks_read(
    server: Server, known: PostgresJournal, work: Callable[[PostgresJournal], object]
) -> int:
    """Blocks of tables and indices of events that the server looks at for *work*."""
    text = (
        "SELECT sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read)"
        " FROM pg_statio_all_tables WHERE schemaname = 'governance' AND relname ~ '^event_[0-9]$'"
    )
    mine = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid = ANY(%s)"
    )
    with server.connect() as connection:
        before = connection.execute(text).fetchone()
        there = _backends(connection)
        with closing(server.again(known)) as journal:
            work(journal)
            made = _backends(connection) - there
        # What a backend has counted is told when it ends, at the latest.
        wait_for(lambda: connection.execute(mine, (list(made),)).fetchone() == (0,))
        after = connection.execute(text).fetchone()
    assert before is not None
    assert after is not None
    assert made
    return int(after[0] - before[0])


def _backends(connection: psycopg.Connection) -> set[int]:
    found = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
    ).fetchall()
    return {pid for (pid,) in found}


def test_the_newest_page_is_read_on_a_server_without_the_rest(
    server: Server, served: dict[int, PostgresJournal]
) -> None:
    """As of a file; and whoever reads all to have the newest is over the bound."""

    def blocks(work: Callable[[PostgresJournal], object]) -> int:
        return _blocks_read(server, served[_EVENTS], work)

    opening = blocks(lambda journal: journal.head("s"))
    whole = blocks(_all) - opening
    last = blocks(lambda journal: journal.read("s", limit=50, reverse=True)) - opening
    middle = blocks(lambda journal: journal.read("s", after=_EVENTS // 2, limit=50)) - opening

    assert whole > 1_000
    assert last < whole / 50
    assert middle < whole / 50
    assert blocks(_newest_of_all) - opening >= whole / 50


@pytest.mark.parametrize("what", ["read", "verify", "copy", "source"])
def test_memory_does_not_grow_with_a_session_on_a_server(
    served: dict[int, PostgresJournal], what: str, tmp_path: Path
) -> None:
    """Five times the rows take no more memory to be walked, judged, moved or given to a repair."""
    made = iter(range(9))

    def work(journal: PostgresJournal) -> Callable[[], object]:
        match what:
            case "read":
                return lambda: _all(journal)
            case "verify":
                return journal.verify
            case "source":
                source = JournalSource(journal, "the server")
                return lambda: sum(1 for _ in source.rows("s", 1, _EVENTS))
            case _:
                return lambda: _copied(journal, tmp_path / str(next(made)) / "journal.db")

    work(served[_FEW])()  # imports and caches are not the session's
    few, many = (_peak_bytes(work(served[events])) for events in (_FEW, _EVENTS))

    assert many < 1.5 * few + 1_000_000
    assert many < 60_000_000


def test_a_fold_of_all_rows_of_a_server_is_found_out(served: dict[int, PostgresJournal]) -> None:
    """Negative control: whoever keeps all rows is over the bound."""

    def work(journal: PostgresJournal) -> Callable[[], object]:
        return lambda: _newest_of_all(journal)

    few, many = (_peak_bytes(work(served[events])) for events in (_FEW, _EVENTS))
    assert many >= 1.5 * few + 1_000_000
