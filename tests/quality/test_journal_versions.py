"""Stores of every released schema version: opened, migrated whole or not at all, or refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from governance.errors import StoreDamaged, StoreNewer
from governance.journal.backup import backup_store
from governance.journal.records import Append, Appended, Duplicate, Entry, Row
from governance.journal.repair import repair_store
from governance.journal.restore import restore_store
from governance.journal.sources import FileSource
from governance.journal.sqlite import SqliteJournal
from governance.journal.sqlite_schema import AHEAD_MAX, VERSION
from tests.quality.make_stores import FOLDER, STORE_ID, rows_of

VERSIONS = tuple(range(1, VERSION + 1))

# The last rows as they were when the files were made: neither code nor files may drift.
HEADS = {
    "s-1": "ca8e4f0bbf9eeb277f0d05ab07aece011b2c79c9a6c17f2472d7c134f3c3adbf",
    "é": "7cc53e7d38ec91d2dfca34f43a5629bfe7640234825ca988d59bbc15026a259d",
}


def _copy(version: int, folder: Path) -> Path:
    path = folder / "store" / "journal.db"
    path.parent.mkdir()
    shutil.copy(FOLDER / f"schema-{version}.db", path)
    return path


def _version(path: Path) -> int:
    connection = apsw.Connection(str(path))
    try:
        return int(connection.execute("PRAGMA user_version").get)
    finally:
        connection.close()


def _holds(path: Path) -> None:
    """Every row is there, proven, and the store works."""
    journal = SqliteJournal.open(path, create=False)
    try:
        assert journal.store_id == STORE_ID
        assert journal.verify().findings == ()
        for name, hash_ in HEADS.items():
            assert journal.head(name).hash.hex() == hash_
            assert list(journal.read(name)) == rows_of(name, 7)
        again = Append("s-1", 7, (Row("k", 0, b"{}"),))
        assert isinstance(journal.append([again], key="s-1:key"), Duplicate)
        assert isinstance(journal.append([again]), Appended)
        assert journal.snapshot_get("s-1", version=2) is None
    finally:
        journal.close()


def test_every_version_has_a_store() -> None:
    """A migration comes with a file that an engine of that version could have written."""
    found = {int(file.stem.removeprefix("schema-")) for file in FOLDER.glob("schema-*.db")}
    assert found == set(VERSIONS), "run `python -m tests.quality.make_stores` and commit the file"
    assert [_version(FOLDER / f"schema-{one}.db") for one in VERSIONS] == list(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_an_older_engine_is_opened(version: int, tmp_path: Path) -> None:
    """It is migrated, and every row, key and head is what it was."""
    path = _copy(version, tmp_path)
    _holds(path)
    assert _version(path) == VERSION


@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_an_older_engine_is_backed_up_restored_and_repaired(
    version: int, tmp_path: Path
) -> None:
    """What was kept in an old form is as good as what is kept today."""
    path = _copy(version, tmp_path)
    assert not repair_store(path, now_ms=1, mirror=None).needed
    assert _version(path) == version
    connection = apsw.Connection(str(path))
    connection.execute("DELETE FROM event WHERE session = 's-1' AND seq = 3")
    connection.close()
    old = tmp_path / "old.db"
    shutil.copy(FOLDER / f"schema-{version}.db", old)
    source = FileSource(old)
    assert repair_store(path, now_ms=1, mirror=None, sources=[source]).merged == 1
    source.close()
    _holds(path)
    made = backup_store(path, tmp_path / "backups", now_ms=1)
    path.unlink()
    assert restore_store(path, old, now_ms=1, mirror=None).lost == 0
    _holds(path)
    assert restore_store(path, made.path, now_ms=1, mirror=None).lost >= 0


def test_branches_tombstones_and_values_of_a_store_are_there(tmp_path: Path) -> None:
    """What came with version 3 is read as it was written."""
    journal = SqliteJournal.open(_copy(3, tmp_path), create=False)
    assert [row.session for row in journal.read("twig")] == ["s-1"] * 4 + ["twig"] * 2
    assert [one.session for one in journal.removed()] == ["gone"]
    assert journal.shelf.get("blob", "a") == Entry("blob", "a", 1, b"a value")
    journal.close()


@pytest.mark.parametrize("ahead", [1, 7])
def test_a_newer_store_is_refused_by_name_everywhere(ahead: int, tmp_path: Path) -> None:
    """Opening, backing up, repairing and restoring leave a newer store as it is."""
    path = _copy(VERSION, tmp_path)
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA user_version={VERSION + ahead}")
    connection.close()
    before = path.read_bytes()
    told = f"version {VERSION + ahead}; this engine knows {VERSION}"
    with pytest.raises(StoreNewer, match=told):
        SqliteJournal.open(path, create=False)
    with pytest.raises(StoreNewer, match=told):
        backup_store(path, tmp_path / "backups", now_ms=1)
    with pytest.raises(StoreNewer, match=told):
        repair_store(path, now_ms=1, mirror=None)
    with pytest.raises(StoreNewer, match=told):
        restore_store(tmp_path / "store" / "other.db", path, now_ms=1, mirror=None)
    assert path.read_bytes() == before


def test_a_version_of_no_engine_is_damage(tmp_path: Path) -> None:
    """What lies far above is told as damage, and mended; nobody is sent to upgrade."""
    path = _copy(VERSION, tmp_path)
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA user_version={VERSION + AHEAD_MAX + 1}")
    connection.close()
    with pytest.raises(StoreDamaged, match="governance repair"):
        SqliteJournal.open(path, create=False)

    assert repair_store(path, now_ms=1, mirror=None).lost == 0

    SqliteJournal.open(path, create=False).close()


# Each child of one process is killed one statement later than the one before it.
_KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from governance.journal import sqlite
old, path = Path(sys.argv[1]), Path(sys.argv[2])
real = sqlite.connect

def connect_killed(at):
    left = [at]
    def connect(*args, **kwargs):
        connection = real(*args, **kwargs)
        def trace(cursor, sql, bindings):
            left[0] -= 1
            if not left[0]:
                cursor.connection.cache_flush()
                os.kill(os.getpid(), signal.SIGKILL)
            return True
        connection.exec_trace = trace
        return connection
    return connect

for at in range(1, 200):
    for one in path.parent.iterdir():
        one.unlink()
    shutil.copy(old, path)
    child = os.fork()
    if not child:
        sqlite.connect = connect_killed(at)
        sqlite.SqliteJournal.open(path, create=False)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    journal = sqlite.SqliteJournal.open(path, create=False)
    report = journal.verify()
    rows = sum(len(journal.read(one.session)) for one in journal.sessions())
    journal.close()
    assert report.findings == () and rows == 14, (at, report, rows)
    if status == 0:
        print(at)
        break
    assert os.WTERMSIG(status) == signal.SIGKILL
"""


@pytest.mark.parametrize("version", [one for one in VERSIONS if one < 3])
def test_a_migration_killed_at_any_statement_loses_nothing(version: int, tmp_path: Path) -> None:
    """Killed again and again, one statement later each time: the next engine finds all rows."""
    path = tmp_path / "store" / "journal.db"
    path.parent.mkdir()
    old = FOLDER / f"schema-{version}.db"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _KILLED, str(old), str(path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10
