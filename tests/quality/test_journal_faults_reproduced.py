"""
Bugs that were reproduced in other stores of sessions, each of which must not exist here.

The name of each test says the bug; the docstring says what must hold instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from governance.errors import StoreDamaged, StoreFull, StoreMissing
from governance.journal.records import Append, Appended, Conflict, Duplicate, Row
from governance.journal.sqlite import SqliteJournal
from tests.quality.journal_storage import disk


def _row(body: bytes = b"{}") -> Row:
    return Row("k", 0, body)


def _edit(path: Path, statement: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(statement)
    connection.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    made = SqliteJournal.open(
        tmp_path / "store" / "journal.db", create=True, mirror=tmp_path / "heads"
    )
    for n in range(5):
        assert isinstance(made.append([Append("s", n, (_row(b"%d" % n),))]), Appended)
    yield made
    made.close()


def test_half_of_a_failed_batch_is_committed(journal: SqliteJournal) -> None:
    """A batch whose second row fails leaves no first row behind."""
    pages = journal._writer.connection.execute("PRAGMA page_count").get
    journal._writer.connection.execute(f"PRAGMA max_page_count={pages + 1}")
    with pytest.raises(StoreFull):
        journal.append([Append("s", 5, (_row(), _row(bytes(500_000)), _row()))], key="k")
    with pytest.raises(StoreFull):
        journal.append([Append("t", 0, (_row(),)), Append("u", 0, (_row(bytes(500_000)),))])
    assert journal.head("s").seq == 5
    assert [head.session for head in journal.sessions()] == ["s"]
    journal._writer.connection.execute("PRAGMA max_page_count=1000000")
    assert isinstance(journal.append([Append("s", 5, (_row(),))], key="k"), Appended)


def test_two_engines_fork_one_session_silently(journal: SqliteJournal) -> None:
    """Of two engines that build on the same row one is told, and the other's row stands."""
    other = SqliteJournal.open(journal.path, create=False)
    assert isinstance(journal.append([Append("s", 5, (_row(b"approved"),))]), Appended)
    answer = other.append([Append("s", 5, (_row(b"rejected"),))])
    assert answer == Conflict((journal.head("s"),))
    assert other.read("s", after=5)[0].body == b"approved"
    other.close()


def test_a_corrupt_row_is_skipped_silently(journal: SqliteJournal) -> None:
    """A row whose columns cannot be what was written stops the reading, with its number."""
    _edit(journal.path, "UPDATE event SET body = x'00ff' WHERE seq = 3")
    with pytest.raises(StoreDamaged, match="row 3 of `s`"):
        journal.read("s")


def test_a_tampered_row_is_returned_as_genuine(journal: SqliteJournal) -> None:
    """A body edited by hand into a well-formed other one is not given to anybody."""
    _edit(journal.path, "UPDATE event SET body = x'39' WHERE seq = 3")
    with pytest.raises(StoreDamaged, match="row 3 of `s`"):
        journal.read("s", after=2, limit=1)
    assert [(f.what, f.seq) for f in journal.verify().findings] == [("hash", 3)]


def test_a_tampered_answer_is_given_to_a_repeated_key(journal: SqliteJournal) -> None:
    """The first answer to a key is checked like any row before it is repeated."""
    assert isinstance(journal.append([Append("s", 5, (_row(b"deny"),))], key="k"), Appended)
    assert isinstance(journal.append([Append("s", 5, (_row(b"deny"),))], key="k"), Duplicate)
    _edit(journal.path, "UPDATE event SET body = CAST('allow' AS BLOB) WHERE seq = 6")
    with pytest.raises(StoreDamaged, match="row 6 of `s`"):
        journal.append([Append("s", 5, (_row(b"deny"),))], key="k")


def test_data_that_cannot_be_read_counts_as_empty(tmp_path: Path) -> None:
    """A store whose content is wrong is an error, never a journal without rows."""
    path = tmp_path / "journal.db"
    journal = SqliteJournal.open(path, create=True)
    journal.append([Append("s", 0, (_row(),))])
    journal.close()
    image = path.read_bytes()
    path.write_bytes(image[:4096] + bytes(len(image) - 4096))

    def read_again() -> None:
        SqliteJournal.open(path, create=True).read("s")

    with pytest.raises(StoreDamaged):
        read_again()


def test_a_torn_file_is_a_fresh_start_with_the_same_id(journal: SqliteJournal) -> None:
    """A file that was cut to nothing is damage, with or without leave to create."""
    journal.close()
    journal.path.write_bytes(b"")
    for create in (True, False):
        with pytest.raises(StoreDamaged, match="empty file"):
            SqliteJournal.open(journal.path, create=create)


def test_history_expires_by_itself(journal: SqliteJournal) -> None:
    """Rows of any age are given: times are data, never a reason to hide a row."""
    old = Row("k", -(10**15), b"old")
    assert isinstance(journal.append([Append("s", 5, (old, Row("k", 10**15, b"new")))]), Appended)
    assert [row.body for row in journal.read("s", after=5)] == [b"old", b"new"]


def test_long_messages_are_cut(journal: SqliteJournal) -> None:
    """Five thousand characters and ten million bytes come back whole."""
    bodies = ("é" * 5_000).encode(), bytes(range(256)) * 40_000
    for n, body in enumerate(bodies):
        assert isinstance(journal.append([Append("s", 5 + n, (_row(body),))]), Appended)
        assert journal.read("s", after=5 + n)[0].body == body


def test_saving_costs_more_the_longer_the_history_is(tmp_path: Path) -> None:
    """An append writes about as many bytes after three thousand rows as after thirty."""
    path = tmp_path / "journal.db"
    SqliteJournal.open(path, create=True).close()
    with disk() as under:
        journal = SqliteJournal.open(path, create=False, vfs=under.name)
        journal._writer.connection.execute("PRAGMA wal_autocheckpoint=0")

        def bytes_for_fifty(seq: int) -> int:
            before = under.written_bytes
            for n in range(seq, seq + 50):
                journal.append([Append("s", n, (_row(b"x" * 300),))])
            return under.written_bytes - before

        journal.append([Append("s", 0, (_row(b"x" * 300),) * 30)])
        early = bytes_for_fifty(30)
        journal.append([Append("s", 80, (_row(b"x" * 300),) * 2_920)])
        late = bytes_for_fifty(3_000)
        assert late < 1.5 * early
        journal.close()


def test_a_lost_update_of_a_second_writer(journal: SqliteJournal) -> None:
    """What two writers add in turn is all there; none writes back an old whole."""
    other = SqliteJournal.open(journal.path, create=False)
    for n in range(5, 15):
        writer = journal if n % 2 else other
        assert isinstance(writer.append([Append("s", n, (_row(b"%d" % n),))]), Appended)
    assert [row.body for row in other.read("s")] == [b"%d" % n for n in range(15)]
    other.close()


def test_an_agent_that_deletes_its_store_is_given_a_clean_one(journal: SqliteJournal) -> None:
    """With its store gone, a session does not begin again without a past."""
    journal.close()
    for left in journal.path.parent.iterdir():
        left.unlink()
    for create in (True, False):
        with pytest.raises(StoreMissing):
            SqliteJournal.open(
                journal.path, create=create, mirror=journal.path.parent.parent / "heads"
            )
    assert list(journal.path.parent.iterdir()) == []


def test_a_value_changes_its_type_in_the_store(journal: SqliteJournal) -> None:
    """Bytes stay bytes: a body turned into text by SQL is refused by the table itself."""
    with pytest.raises(apsw.ConstraintError):
        _edit(journal.path, "UPDATE event SET body = replace(body, x'31', x'32')")
    assert journal.verify().ok
