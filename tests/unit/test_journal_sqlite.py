"""The SQLite store itself: its files, its settings, its migrations, its snapshots."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tracemalloc
from pathlib import Path

import apsw
import pytest

from governance.errors import StoreDamaged
from governance.journal.chain import ZERO_HASH, row_hash
from governance.journal.mirror import read_heads
from governance.journal.records import Append, Appended, Head, Row, Snapshot
from governance.journal.sqlite import SqliteJournal
from governance.journal.sqlite_schema import APPLICATION_ID, MIGRATIONS, VERSION

_ROOT = Path(__file__).resolve().parents[2]


def _row(body: bytes = b"{}", *, durable: bool = True) -> Row:
    return Row("k", 0, body, durable)


def _add(journal: SqliteJournal, session: str, count: int, *, durable: bool = True) -> Head:
    seq = journal.head(session).seq
    rows = tuple(_row(b'{"n":%d}' % n, durable=durable) for n in range(count))
    answer = journal.append([Append(session, seq, rows)])
    assert isinstance(answer, Appended)
    return answer.heads[0]


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(os.name != "posix", reason="platform: modes are POSIX")
def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    """The folder is 0700, the store, its log, its index and the mirror are 0600."""
    folder, mirror = tmp_path / ".governance", tmp_path / "state" / "heads"
    before = os.umask(0)
    try:
        journal = SqliteJournal.open(folder / "journal.db", create=True, mirror=mirror)
        _add(journal, "s", 1)
    finally:
        os.umask(before)
    files = {path.name: _mode(path) for path in folder.iterdir() if path.name != ".gitignore"}
    assert files == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}
    assert (_mode(folder), _mode(mirror), _mode(mirror.parent)) == (0o700, 0o600, 0o700)
    assert (folder / ".gitignore").read_text() == "*\n"
    journal.close()


@pytest.mark.skipif(os.name != "posix", reason="platform: modes are POSIX")
def test_a_folder_that_is_the_user_s_is_left_as_it_is(tmp_path: Path) -> None:
    """A store put into a folder that was there changes neither its mode nor its ignores."""
    tmp_path.chmod(0o755)
    SqliteJournal.open(tmp_path / "journal.db", create=True).close()
    assert _mode(tmp_path) == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["journal.db"]


@pytest.mark.skipif(os.name != "posix", reason="platform: modes are POSIX")
def test_our_own_folder_is_made_private_again(tmp_path: Path) -> None:
    """A folder called `.governance` that is open to others is closed when a store is made."""
    folder = tmp_path / ".governance"
    folder.mkdir(mode=0o755)
    SqliteJournal.open(folder / "journal.db", create=True).close()
    assert _mode(folder) == 0o700
    assert (folder / ".gitignore").exists()


def test_the_store_is_set_up_as_promised(tmp_path: Path) -> None:
    """Its own id and version, a log, strict tables, no memory map."""
    journal = SqliteJournal.open(tmp_path / "journal.db", create=True)
    connection = journal._writer.connection
    assert connection.execute("PRAGMA application_id").get == APPLICATION_ID
    assert connection.execute("PRAGMA user_version").get == VERSION
    assert connection.execute("PRAGMA journal_mode").get == "wal"
    assert connection.execute("PRAGMA mmap_size").get in (0, None)
    tables = connection.execute("PRAGMA table_list").fetchall()
    # The index of messages is a cache, whose tables SQLite makes as it needs them.
    ours = [one for one in tables if not one[1].startswith(("sqlite_", "message"))]
    expected = {"store", "session", "event", "snapshot", "removed", "shelf"}
    assert {one[1] for one in ours} == expected
    assert all(one[4] and one[5] for one in ours)  # without rowid, and strict
    journal.close()


def test_rows_are_synced_by_kind(tmp_path: Path) -> None:
    """One file, two levels: FULL for a batch with a durable row, NORMAL for observations."""
    journal = SqliteJournal.open(tmp_path / "journal.db", create=True)
    connection = journal._writer.connection
    for durable, level in ((True, 2), (False, 1), (False, 1), (True, 2)):
        _add(journal, "s", 1, durable=durable)
        assert connection.execute("PRAGMA synchronous").get == level
    answer = journal.append([Append("s", 4, (_row(durable=False), _row()))])
    assert isinstance(answer, Appended)
    assert connection.execute("PRAGMA synchronous").get == 2
    journal.close()


def test_store_ids_differ(tmp_path: Path) -> None:
    """Every store has an id of its own, and keeps it."""
    ids = set()
    for name in ("a.db", "b.db"):
        journal = SqliteJournal.open(tmp_path / name, create=True)
        ids.add(journal.store_id)
        journal.close()
    again = SqliteJournal.open(tmp_path / "a.db", create=True)
    assert again.store_id in ids
    assert len(ids) == 2
    again.close()


# The first version's tables, written out once more: a later edit of an old migration, which
# would leave stores in the field behind, is caught here.
_VERSION_1 = """
CREATE TABLE store (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE session (id TEXT PRIMARY KEY, head INTEGER NOT NULL, hash BLOB NOT NULL)
 STRICT, WITHOUT ROWID;
CREATE TABLE event (session TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL,
 at_ms INTEGER NOT NULL, durable INTEGER NOT NULL, key TEXT, body BLOB NOT NULL,
 hash BLOB NOT NULL, PRIMARY KEY (session, seq)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX event_key ON event (key) WHERE key IS NOT NULL;
INSERT INTO store VALUES ('id', '00112233445566778899aabbccddeeff');
"""
_VERSION_2 = """
CREATE TABLE snapshot (session TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash BLOB NOT NULL,
 version INTEGER NOT NULL, body BLOB NOT NULL, digest BLOB NOT NULL) STRICT, WITHOUT ROWID
"""


def _schema(connection: apsw.Connection) -> set[str]:
    rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {" ".join(sql.split()) for (sql,) in rows}


_VERSION_3 = (
    "ALTER TABLE session ADD COLUMN parent TEXT",
    "ALTER TABLE session ADD COLUMN base INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE session ADD COLUMN position INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE session ADD COLUMN echo INTEGER NOT NULL DEFAULT 0",
    "UPDATE session SET position = n, echo = -n FROM"
    " (SELECT id AS name, row_number() OVER (ORDER BY id) AS n FROM session)"
    " WHERE name = id",
    "INSERT INTO store SELECT 'position', CAST(count(*) AS TEXT) FROM session",
    "CREATE INDEX session_parent ON session (parent) WHERE parent IS NOT NULL",
    "CREATE TABLE removed (id TEXT PRIMARY KEY, head INTEGER NOT NULL, hash BLOB NOT NULL,"
    " parent TEXT, base INTEGER NOT NULL, position INTEGER NOT NULL, digest BLOB NOT NULL)"
    " STRICT, WITHOUT ROWID",
    "CREATE TABLE shelf (shelf TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,"
    " value BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (shelf, name))"
    " STRICT, WITHOUT ROWID",
)


def _old_store(path: Path, version: int) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    if version >= 1:
        for statement in _VERSION_1.split(";\n"):
            connection.execute(statement)
        hash_ = row_hash(ZERO_HASH, "s", 1, "k", 5, True, "key", b"{}")
        connection.execute(
            "INSERT INTO event VALUES ('s', 1, 'k', 5, 1, 'key', x'7b7d', ?)", (hash_,)
        )
        connection.execute("INSERT INTO session VALUES ('s', 1, ?)", (hash_,))
    if version >= 2:
        connection.execute(_VERSION_2)
    if version >= 3:
        for statement in _VERSION_3:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version={version}")
    connection.close()


@pytest.mark.parametrize("version", range(VERSION))
def test_an_older_store_is_led_to_the_present(tmp_path: Path, version: int) -> None:
    """A store of any earlier version keeps its rows and gets the tables of a new one."""
    path, fresh = tmp_path / "old.db", tmp_path / "new.db"
    _old_store(path, version)
    SqliteJournal.open(fresh, create=True).close()
    journal = SqliteJournal.open(path, create=False)
    assert journal._writer.connection.execute("PRAGMA user_version").get == VERSION
    assert _schema(journal._writer.connection) == _schema(apsw.Connection(str(fresh)))
    assert [row.body for row in journal.read("s")] == [b"{}"] * min(version, 1)
    head = _add(journal, "s", 2)
    journal.snapshot_put(Snapshot("s", head.seq, head.hash, 1, b"x"))
    assert journal.snapshot_get("s", version=1) is not None
    assert [(one.session, one.seq) for one in journal.moved()] == [("s", head.seq)]
    assert journal.verify().ok
    journal.close()


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that fails takes the whole migration back; the next open does it again."""
    path = tmp_path / "old.db"
    _old_store(path, 1)
    bad = (*MIGRATIONS[:1], (*MIGRATIONS[1], "INSERT INTO nowhere VALUES (1)"))
    with monkeypatch.context() as patched:
        patched.setattr("governance.journal.sqlite_schema.MIGRATIONS", bad)
        with pytest.raises(StoreDamaged, match="other tables"):
            SqliteJournal.open(path, create=False)
    connection = apsw.Connection(str(path))
    assert connection.execute("PRAGMA user_version").get == 1
    assert not any("snapshot" in sql for sql in _schema(connection))
    connection.close()
    journal = SqliteJournal.open(path, create=False)
    assert journal.verify().ok
    journal.close()


@pytest.mark.parametrize("column", ["body", "version", "seq", "hash", "digest"])
def test_a_changed_snapshot_is_none(tmp_path: Path, column: str) -> None:
    """A snapshot that is not what was put is never given: the fold is done anew."""
    journal = SqliteJournal.open(tmp_path / "journal.db", create=True)
    head = _add(journal, "s", 3)
    journal.snapshot_put(Snapshot("s", head.seq, head.hash, 7, b"folded state"))
    assert journal.snapshot_get("s", version=7) is not None
    value = {
        "body": "x'666f6c6465642073746174'",
        "version": "8",
        "seq": "2",
        "hash": "zeroblob(32)",
        "digest": "zeroblob(32)",
    }[column]
    other = apsw.Connection(str(journal.path))
    other.execute(f"UPDATE snapshot SET {column} = {value}")
    other.close()
    assert journal.snapshot_get("s", version=7) is None
    assert journal.snapshot_get("s", version=8) is None
    journal.close()


def test_verify_streams(tmp_path: Path) -> None:
    """Walking fifty times as many rows takes no more memory than walking the first."""
    journal = SqliteJournal.open(
        tmp_path / "journal.db", create=True, mirror=tmp_path / "heads", power_safe=False
    )

    def peak_bytes() -> int:
        tracemalloc.start()
        assert journal.verify().ok
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    rows = tuple(_row(b"x" * 1_000) for _ in range(400))
    journal.append([Append("s", 0, rows)])
    first = peak_bytes()
    for n in range(1, 50):
        journal.append([Append("s", n * 400, rows)])
    assert peak_bytes() < 2 * first + 100_000
    journal.close()


def test_heads_of_observations_wait_for_a_durable_commit(tmp_path: Path) -> None:
    """The mirror never knows a row that a power cut could still take."""
    mirror = tmp_path / "heads"
    journal = SqliteJournal.open(tmp_path / "journal.db", create=True, mirror=mirror)
    seen = _add(journal, "seen", 2, durable=False)
    assert list(read_heads(mirror)) == []
    decided = _add(journal, "decided", 1)
    assert list(read_heads(mirror)) == [seen, decided]
    journal.close()


def test_a_mirror_that_cannot_be_written_fails_no_append(tmp_path: Path) -> None:
    """The rows are safe without it; the journal says why, and `verify` that it is unanchored."""
    (tmp_path / "file").write_text("")
    journal = SqliteJournal.open(
        tmp_path / "journal.db", create=True, mirror=tmp_path / "file" / "heads"
    )
    assert "heads" in journal.mirror_problem
    _add(journal, "s", 1)
    report = journal.verify()
    assert (report.ok, report.anchored) == (True, False)
    journal.close()


def test_a_store_from_before_its_mirror_is_anchored_from_now_on(tmp_path: Path) -> None:
    """Opened with a mirror for the first time, the heads as they are begin it."""
    path, mirror = tmp_path / "journal.db", tmp_path / "heads"
    journal = SqliteJournal.open(path, create=True)
    heads = [_add(journal, name, 2) for name in ("a", "b")]
    assert not journal.verify().anchored
    journal.close()
    journal = SqliteJournal.open(path, create=False, mirror=mirror)
    assert list(read_heads(mirror)) == heads
    report = journal.verify()
    assert (report.anchored, report.anew_ms > 0) == (True, True)
    journal.close()


def test_the_light_parts_load_no_engine() -> None:
    """Importing the journal, and using the one in memory, loads neither SQLite nor RE2."""
    script = (
        "import sys\n"
        "import governance.journal as j\n"
        "from pathlib import Path\n"
        "from governance.journal.redact import redact\n"
        "one = j.open_journal('memory:', base=Path('.'), create=False)\n"
        "one.append([j.Append('s', 0, (j.Row('k', 0, b''),))])\n"
        "redact({'command': 'ls -la src'})\n"
        "print([m for m in ('apsw', 'sqlite3', 're2', 'cattrs', 'logging', 'asyncio',"
        " 'subprocess', 'random') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=_ROOT, check=True
    )
    assert done.stdout.strip() == "[]"
