"""A SQLite store that may only be read: all that was committed is given, and nothing is changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from governance.errors import JournalError, StoreBusy, StoreMissing
from governance.journal import sqlite_read_only
from governance.journal.faults import StoreReadOnly, store_error
from governance.journal.records import Append, Head, Row, Snapshot
from governance.journal.searching import Search
from governance.journal.sqlite import SqliteJournal
from governance.journal.sqlite_connection import Patience
from governance.journal.sqlite_read_only import (
    SqliteReadOnly,
    connect_read_only,
    open_to_read,
    takes_locks,
)
from governance.journal.sqlite_schema import MIGRATIONS

ROWS = 5


def _add(journal: SqliteJournal, count: int = 1) -> None:
    seq = journal.head("s").seq
    journal.append([Append("s", seq, tuple(Row("k", 0, b"{}") for _ in range(count)))])


@pytest.fixture
def writer(tmp_path: Path) -> SqliteJournal:
    """A store with two rows in its file and three in its log."""
    journal = SqliteJournal.open(tmp_path / "own" / "journal.db", create=True)
    _add(journal, 2)
    journal.shelf.put("blob", "a", b"value")
    journal._writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _add(journal, ROWS - 2)
    return journal


def _closed(writer: SqliteJournal, to: Path) -> Path:
    writer.close()
    return _copied(writer, to)


def _copied(writer: SqliteJournal, to: Path) -> Path:
    shutil.copytree(writer.path.parent, to)
    return to / writer.path.name


def _without_index(writer: SqliteJournal, to: Path) -> Path:
    path = _copied(writer, to)
    path.with_name("journal.db-shm").unlink()
    return path


def _beside_a_writer(writer: SqliteJournal, _: Path) -> Path:
    return writer.path


def _with_an_empty_log(writer: SqliteJournal, to: Path) -> Path:
    path = _closed(writer, to)
    path.with_name("journal.db-wal").touch()
    return path


def _in_one_file(writer: SqliteJournal, to: Path) -> Path:
    path = _closed(writer, to)
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    return path


Made = Callable[[SqliteJournal, Path], Path]
STANDING: tuple[Made, ...] = (
    _closed, _copied, _without_index, _beside_a_writer, _with_an_empty_log, _in_one_file,
)  # fmt: skip


def _bytes_of(folder: Path) -> dict[str, bytes]:
    # What a writer's index holds in its locks is his.
    return {one.name: one.read_bytes() for one in folder.iterdir() if not one.name.endswith("-shm")}


@pytest.mark.parametrize("made", STANDING)
def test_every_committed_row_is_given_and_nothing_changed(
    writer: SqliteJournal, tmp_path: Path, made: Made
) -> None:
    """Whatever stands beside the file: all rows, a proof, values, and no file more or other."""
    path = made(writer, tmp_path / "copy")
    before, names = _bytes_of(path.parent), sorted(path.parent.iterdir())
    mirror = tmp_path / "heads" / "none"

    journal = SqliteReadOnly.open(path, mirror=mirror)
    report = journal.verify()
    rows, head, entry = journal.read("s"), journal.head("s"), journal.shelf.get("blob", "a")
    listed, moved, findings = journal.sessions(), journal.moved(), journal.cache_findings()
    with closing(connect_read_only(path, Patience())) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "whole.db"),))
    with closing(apsw.Connection(str(tmp_path / "whole.db"))) as whole:
        counted = whole.execute("SELECT count(*) FROM event").get
    journal.close()

    assert (len(rows), head.seq, counted) == (ROWS, ROWS, ROWS)
    assert report.ok
    assert (report.rows, report.anchored) == (ROWS, False)
    assert entry is not None
    assert entry.value == b"value"
    assert [one.session for one in listed] == [one.session for one in moved] == ["s"]
    assert findings == ()
    assert (_bytes_of(path.parent), sorted(path.parent.iterdir())) == (before, names)
    assert not mirror.parent.exists()
    writer.close()


def test_whatever_writes_is_refused_by_name(writer: SqliteJournal, tmp_path: Path) -> None:
    """Each of the contract's writing methods says that, where, and what to do."""
    path = _closed(writer, tmp_path / "copy")
    journal = SqliteReadOnly.open(path)
    row, head = Row("k", 0, b"{}"), journal.head("s")

    for write in (
        lambda: journal.append([Append("s", head.seq, (row,))]),
        lambda: journal.branch("t", "s", 1),
        lambda: journal.remove("s", expected=head),
        lambda: journal.restore(Head("t", 0, bytes(32)), ()),
        lambda: journal.snapshot_put(Snapshot("s", head.seq, head.hash, 1, b"{}")),
        lambda: journal.shelf.put("blob", "b", b"value"),
        lambda: journal.shelf.delete("blob", "a"),
    ):
        with pytest.raises(StoreReadOnly, match=r"may only be read here") as refused:
            write()
        assert str(path) in refused.value.message
        assert "copy the project" in refused.value.remedy
    assert not isinstance(journal, Search)
    journal.close()


def test_rows_that_come_meanwhile_are_seen_beside_a_writer(
    writer: SqliteJournal, tmp_path: Path
) -> None:
    """Where the writer's own index is there, each look gives what is committed by then."""
    journal = SqliteReadOnly.open(writer.path)
    assert takes_locks(writer.path)
    assert journal.head("s").seq == ROWS
    _add(writer)
    assert journal.head("s").seq == ROWS + 1
    writer.close()
    assert journal.head("s").seq == ROWS + 1
    journal.close()


def test_a_writer_that_comes_later_is_met(writer: SqliteJournal, tmp_path: Path) -> None:
    """A file that was read alone is read beside its log, as soon as there is one, and after it."""
    path = _closed(writer, tmp_path / "copy")
    journal = SqliteReadOnly.open(path)
    assert not takes_locks(path)
    assert journal.head("s").seq == ROWS
    later = SqliteJournal.open(path, create=False)
    _add(later)
    assert takes_locks(path)
    assert journal.head("s").seq == ROWS + 1
    assert len(journal.read("s")) == ROWS + 1
    later.close()
    journal.close()


@pytest.mark.parametrize("made", [_closed, _without_index])
def test_what_is_written_while_it_is_read_is_not_given(
    writer: SqliteJournal, tmp_path: Path, made: Made
) -> None:
    """Read without a lock, a store that somebody writes is said to be busy, and read anew later."""
    path = made(writer, tmp_path / "copy")
    writer.close()
    journal = SqliteReadOnly.open(path)

    def read_while_it_is_written(look: Callable[[], AbstractContextManager[Any]]) -> None:
        with look() as connection:
            connection.execute("SELECT count(*) FROM event").fetchall()
            with closing(SqliteJournal.open(path, create=False)) as other:
                _add(other)

    for look in (journal._reading, journal._looking):
        with pytest.raises(StoreBusy, match="written from elsewhere"):
            read_while_it_is_written(look)
    assert journal.head("s").seq == ROWS + 2
    assert journal.verify().ok
    journal.close()


def test_an_older_store_says_that_it_has_to_be_migrated(tmp_path: Path) -> None:
    """A store of an earlier schema is not migrated, and the error says where it can be."""
    path = tmp_path / "journal.db"
    connection = apsw.Connection(str(path))
    for statement in MIGRATIONS[0]:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id={0x676F7631}")
    connection.execute("PRAGMA user_version=1")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreReadOnly, match="schema version 1") as refused:
        SqliteReadOnly.open(path)

    assert "copy the project" in refused.value.remedy
    assert path.read_bytes() == before


def test_a_store_that_is_not_there_is_missing(tmp_path: Path) -> None:
    """Nothing is made where there is nothing."""
    with pytest.raises(StoreMissing):
        open_to_read(tmp_path / "none" / "journal.db")
    assert list(tmp_path.iterdir()) == []


def test_who_only_reads_gets_a_writer_where_it_may_be_written(
    writer: SqliteJournal, tmp_path: Path
) -> None:
    """Audit and caches go on: only a store that may not be written is opened without them."""
    path = _closed(writer, tmp_path / "copy")
    journal = open_to_read(path)
    assert isinstance(journal, SqliteJournal)
    journal.close()


def test_a_sandbox_that_refuses_more_than_is_said_is_met(
    writer: SqliteJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may be written, says the system, and then refuses, is read all the same."""
    path = _closed(writer, tmp_path / "copy")

    def refuse(*_: object, **__: object) -> SqliteJournal:
        raise StoreReadOnly("the sandbox says no", remedy="")

    monkeypatch.setattr(sqlite_read_only.SqliteJournal, "open", refuse)
    journal = open_to_read(path)
    assert isinstance(journal, SqliteReadOnly)
    assert journal.head("s").seq == ROWS
    with pytest.raises(StoreReadOnly, match="as the system says"):
        journal.shelf.put("blob", "b", b"")
    journal.close()


def test_a_file_that_cannot_be_held_says_that_it_may_only_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever mends a store holds it: the lock that fails is no fault of the disk, a read is."""
    path = tmp_path / "journal.db"
    path.touch()

    def said(code: int) -> JournalError:
        error = apsw.IOError("disk I/O error")
        error.extendedresult = code
        return store_error(error, path)

    assert not isinstance(said(apsw.SQLITE_IOERR_LOCK), StoreReadOnly)
    monkeypatch.setattr(os, "access", lambda _, mode: mode == os.R_OK)
    refused = said(apsw.SQLITE_IOERR_LOCK)

    assert isinstance(refused, StoreReadOnly)
    assert f"`{tmp_path}` may not be written" in refused.message
    assert not isinstance(said(apsw.SQLITE_IOERR_READ), StoreReadOnly)
