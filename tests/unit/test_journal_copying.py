"""A store copied into another: everything, with the same heads, however often it is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import JournalError, OutcomeUnknown
from governance.journal import copying
from governance.journal.copying import CopyRefused, copy_store
from governance.journal.gaps import ACCEPTED_KIND
from governance.journal.memory import MemoryJournal
from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_writer import until_of
from governance.journal.records import Append, Appended, Head, Journal, Record, Row, Snapshot
from governance.journal.repair import repair_store
from governance.journal.sqlite import SqliteJournal
from governance.testing.fakes import FailingJournal, Method
from tests.postgres_server import Server
from tests.profiles import examples


def _put(journal: Journal, session: str, count: int = 1, key: str | None = None) -> None:
    seq = journal.head(session).seq
    rows = tuple(
        Row("k", seq + n, f"{session}/{seq + n}".encode(), n % 2 == 0) for n in range(count)
    )
    assert isinstance(journal.append([Append(session, seq, rows)], key=key), Appended)


def _fill(journal: Journal) -> Journal:
    """Sessions with keys, branches of branches, one that is bare, a tombstone, and values."""
    _put(journal, "a", 5, "a-5")
    _put(journal, "a", 2, "a-7")
    _put(journal, "z", 1)
    journal.branch("b", "z", 1)
    _put(journal, "b", 3, "b-4")
    journal.branch("0", "b", 3)
    _put(journal, "0", 2)
    journal.branch("bare", "a", 4)
    for name in ("gone", "gone too"):
        _put(journal, name, 2)
        assert journal.remove(name, expected=journal.head(name)) is True
    journal.shelf.put("key", "wrapped", b"\x00key")
    journal.shelf.put("blob", "f00", b"x" * 3_000)
    journal.shelf.put("lease", "a", b"no matter of another store")
    return journal


def _all(journal: Journal) -> list[tuple[Head, tuple[Record, ...], object]]:
    return [
        (head, journal.read(head.session, limit=10_000), journal.origin(head.session))
        for head in journal.sessions()
    ]


def _same(one: Journal, other: Journal) -> bool:
    return (
        _all(one) == _all(other)
        and one.removed() == other.removed()
        and one.shelf.scan("key")[0].value == other.shelf.scan("key")[0].value
        and one.shelf.scan("blob")[0].value == other.shelf.scan("blob")[0].value
        and other.verify().ok
    )


@pytest.fixture
def postgres(server: Server) -> Iterator[PostgresJournal]:
    made = server.journal()
    yield made
    made.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteJournal]:
    made = SqliteJournal.open(tmp_path / "j.db", create=True, mirror=tmp_path / "heads")
    yield made
    made.close()


def test_everything_goes_to_a_server_and_comes_back(
    sqlite: SqliteJournal, postgres: PostgresJournal, tmp_path: Path
) -> None:
    """From a file to a server and from there to another file: all three are the same."""
    _fill(sqlite)
    there = copy_store(sqlite, postgres)
    back = SqliteJournal.open(tmp_path / "back.db", create=True)
    here = copy_store(postgres, back)

    assert (there.ok, here.ok) == (True, True)
    assert (there.sessions, there.rows, there.values) == (5, 13, 2)
    assert there.new_rows == here.new_rows == 13
    assert _same(sqlite, postgres)
    assert _same(sqlite, back)
    assert postgres.shelf.get("lease", "a") is None
    back.close()


def test_a_copy_that_is_made_again_brings_what_is_new(
    sqlite: SqliteJournal, postgres: PostgresJournal
) -> None:
    """Rows, keys, branches, removals and values since the last time; nothing twice."""
    _fill(sqlite)
    copy_store(sqlite, postgres)
    assert copy_store(sqlite, postgres).new_rows == 0
    _put(sqlite, "a", 3, "a-10")
    _put(sqlite, "a", 2)
    _put(sqlite, "new", 1)
    sqlite.branch("late", "a", 9)
    sqlite.remove("0", expected=sqlite.head("0"))
    sqlite.shelf.put("blob", "f00", b"y")
    again = copy_store(sqlite, postgres)

    assert (again.ok, again.new_rows) == (True, 6)
    assert _same(sqlite, postgres)


def test_short_sessions_go_many_in_a_commit(
    sqlite: SqliteJournal, postgres: PostgresJournal, tmp_path: Path
) -> None:
    """Beside branches that lie between them and long ones; as few commits as there may be."""
    for n in range(700):
        _put(sqlite, f"s{n:03d}", 2, f"key-{n}")
    for n in range(0, 700, 100):
        sqlite.branch(f"s{n:03d}~", f"s{(n + 600) % 700:03d}", 1)
        _put(sqlite, f"s{n:03d}~", 1)
    _put(sqlite, "s350 long", 1_200)
    told: list[Head] = []

    with postgres._connections.lend(until_of()) as connection:
        begun = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
    report = copy_store(sqlite, postgres, told=told.append)
    with postgres._connections.lend(until_of()) as connection:
        ended = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()

    assert report.ok
    assert (report.sessions, report.new_rows) == (708, 2_607)
    assert {one.session for one in told} == {one.session for one in sqlite.sessions()}
    assert _all(sqlite) == _all(postgres)
    assert begun is not None
    assert ended is not None
    assert ended[0] - begun[0] < 60
    back = SqliteJournal.open(tmp_path / "back.db", create=True, mirror=tmp_path / "back")
    assert copy_store(postgres, back).ok
    assert back.verify().anchored
    back.close()


STEPS: tuple[Method, ...] = (
    "read", "head", "sessions", "branch", "origin", "removed", "restore", "append",
    "shelf.get", "shelf.put", "shelf.scan", "verify",
)  # fmt: skip


@settings(max_examples=examples(40))
@given(st.data())
def test_a_copy_that_is_stopped_anywhere_goes_on(data: st.DataObject) -> None:
    """Whatever call fails, before or after it was done, the next copies end with the same."""
    source = _fill(MemoryJournal())
    other = MemoryJournal()
    for _ in range(3):
        failing, well = FailingJournal(other), source
        error = data.draw(st.sampled_from([JournalError("stop"), OutcomeUnknown("stop")]))
        failing.fail(
            data.draw(st.sampled_from(STEPS)),
            error,
            skip=data.draw(st.integers(0, 6)),
            done=data.draw(st.booleans()),
        )
        try:
            copy_store(well, failing)
        except JournalError:
            _put(source, "a", data.draw(st.integers(1, 3)))

    assert copy_store(source, other).ok
    assert _same(source, other)


def test_a_store_with_other_rows_is_not_written_over(sqlite: SqliteJournal) -> None:
    """A session of the same name with other rows, or with more of them, stops the copy."""
    other = MemoryJournal()
    _put(sqlite, "a", 2)
    other.append([Append("a", 0, (Row("k", 0, b"theirs"),))])
    before = other.read("a")
    with pytest.raises(CopyRefused, match="a row 1 of its own"):
        copy_store(sqlite, other)
    assert other.read("a") == before

    ahead = MemoryJournal()
    copy_store(sqlite, ahead)
    _put(ahead, "a", 1)
    with pytest.raises(CopyRefused, match="a row 3 of its own"):
        copy_store(sqlite, ahead)


def test_a_key_that_is_taken_there_stops_the_copy(sqlite: SqliteJournal) -> None:
    """Two stores that grew apart cannot be made one without a word."""
    other = MemoryJournal()
    _put(other, "theirs", 1, "k")
    _put(sqlite, "ours", 1, "k")
    with pytest.raises(JournalError, match="key `k`"):
        copy_store(sqlite, other)
    assert other.head("ours").seq == 0


def test_a_source_that_moves_while_it_is_copied_is_told(sqlite: SqliteJournal) -> None:
    """The heads differ in the end, which the report says; another copy mends it."""
    _fill(sqlite)
    other = MemoryJournal()
    moved: list[str] = []

    def move(head: Head) -> None:
        if not moved:
            moved.append(head.session)
            _put(sqlite, "0")

    report = copy_store(sqlite, other, told=move)
    assert [(one.what, one.session) for one in report.findings] == [("head", "0")]
    assert copy_store(sqlite, other).ok


def _lossy(path: Path) -> SqliteJournal:
    """A store in which a repair has stated losses: in a session, and where a branch begins."""
    made = SqliteJournal.open(path, create=True)
    _put(made, "s", 6, "s-6")
    _put(made, "s", 4)
    _put(made, "end", 4)
    _put(made, "sound", 3)
    made.branch("b", "s", 7)
    _put(made, "b", 2, "b-9")
    # By it the repair knows what the branch goes on from.
    made.snapshot_put(Snapshot("s", 7, made.read("s", after=6)[0].hash, 1, b"{}"))
    made.close()
    connection = apsw.Connection(str(path))
    connection.execute(
        "DELETE FROM event WHERE session = 's' AND seq IN (4, 5, 7) OR session = 'end' AND seq = 4"
    )
    connection.close()
    assert repair_store(path, now_ms=1, mirror=None).lost == 4
    return SqliteJournal.open(path, create=False)


@pytest.mark.parametrize("page", [1, 3, 500])
def test_a_repaired_store_goes_to_a_server_and_comes_back(
    postgres: PostgresJournal, tmp_path: Path, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heads, stand-ins and rows are the same; what is lost is found in each until accepted."""
    monkeypatch.setattr(copying, "PAGE_ROWS", page)
    source = _lossy(tmp_path / "j.db")
    back = SqliteJournal.open(tmp_path / "back.db", create=True)
    model = MemoryJournal()
    for one, other in ((source, postgres), (postgres, back), (back, model)):
        report = copy_store(one, other)
        assert _all(one) == _all(other)
        assert {(bad.what, bad.session) for bad in report.findings} == {
            ("lost", "s"),
            ("lost", "end"),
        }
        assert other.verify().findings == report.findings
    for session in ("s", "end"):
        seq = source.head(session).seq
        source.append([Append(session, seq, (Row(ACCEPTED_KIND, 0, b"{}"),))])
    for one, other in ((source, postgres), (postgres, back)):
        assert copy_store(one, other).ok
        assert _all(one) == _all(other)
    source.close()
    back.close()


def test_a_copy_from_before_a_repair_is_left_as_it_was(tmp_path: Path) -> None:
    """Rows after lost ones cannot be appended there; nothing of them is, and it is said why."""
    path = tmp_path / "j.db"
    source = SqliteJournal.open(path, create=True)
    other = MemoryJournal()
    _put(source, "s", 2)
    copy_store(source, other)
    _put(source, "s", 3)
    source.close()
    connection = apsw.Connection(str(path))
    connection.execute("DELETE FROM event WHERE seq = 4")
    connection.close()
    repair_store(path, now_ms=1, mirror=None)
    source = SqliteJournal.open(path, create=False)
    with pytest.raises(CopyRefused, match="were lost and stated since the last copy"):
        copy_store(source, other)
    assert other.read("s") == source.read("s", limit=2)
    source.close()
