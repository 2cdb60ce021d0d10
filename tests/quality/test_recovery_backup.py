"""Backups: whole whatever is written meanwhile, and never at the cost of those there are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from governance.errors import JournalError, StoreDamaged, StoreFull, StoreMissing
from governance.journal.backup import BackupFailed, backup_store, backups_in
from governance.journal.config_copy import ConfigCopy, ConfigFile, copies_in, read_copy
from governance.journal.mirror import read_heads, read_identity
from governance.journal.records import Append, Appended, Row
from governance.journal.sqlite import SqliteJournal
from governance.testing.file_faults import faults
from tests.quality.damaged_stores import NOW_MS, Damaged, copied, make_store
from tests.quality.journal_storage import disk

CONFIG = (ConfigFile("governance.toml", 0o644, b"[packs]\npaths = []\n"),)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Damaged:
    return make_store(tmp_path_factory.mktemp("sound") / "whole", rows=600)


@pytest.fixture
def store(sound: Damaged, tmp_path: Path) -> Damaged:
    return copied(sound, tmp_path / "copy")


@contextmanager
def _writing(journal: SqliteJournal) -> Iterator[list[int]]:
    """Somebody who appends all the time; gives how many rows were acknowledged."""
    stop = threading.Event()
    done = [0]

    def write() -> None:
        seq = journal.head("busy").seq
        while not stop.is_set():
            answer = journal.append([Append("busy", seq, (Row("k", seq, b"x" * 900),) * 3)])
            assert isinstance(answer, Appended)
            seq = done[0] = answer.heads[0].seq

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while not done[0]:
            stop.wait(0.001)
        yield done
    finally:
        stop.set()
        thread.join()


def _rows(path: Path, session: str) -> int:
    """Rows of *session* in the store at *path*, which must hold by its chain."""
    journal = SqliteJournal.open(path, create=False)
    try:
        assert journal.verify().ok
        return journal.head(session).seq
    finally:
        journal.close()


def test_a_backup_under_a_writer_is_whole(store: Damaged, tmp_path: Path) -> None:
    """Every backup holds, and has all that was acknowledged before it began."""
    journal = store.open()
    journal._writer.connection.execute("PRAGMA wal_autocheckpoint=20")
    with _writing(journal) as acknowledged:
        for number in range(8):
            before = acknowledged[0]
            made = backup_store(store.path, tmp_path / "backups", now_ms=NOW_MS + number)
            copy = tmp_path / f"copy-{number}.db"
            shutil.copy(made.path, copy)
            assert _rows(copy, "busy") >= before
    journal.close()


def test_a_naive_copy_under_a_writer_is_not(store: Damaged, tmp_path: Path) -> None:
    """Negative control: the file alone, copied while it is written, is broken or lacks rows."""
    journal = store.open()
    journal._writer.connection.execute("PRAGMA wal_autocheckpoint=20")
    bad = 0
    with _writing(journal) as acknowledged:
        for number in range(20):
            before = acknowledged[0]
            copy = tmp_path / f"copy-{number}.db"
            shutil.copy(store.path, copy)
            try:
                bad += _rows(copy, "busy") < before
            except (JournalError, AssertionError):
                bad += 1
            if bad:
                break
    journal.close()
    assert bad


def test_a_backup_says_what_it_is(store: Damaged, tmp_path: Path) -> None:
    """Its name has store and time, heads and configuration are beside it, and all are private."""
    folder = tmp_path / "backups"

    made = backup_store(store.path, folder, now_ms=NOW_MS, config=CONFIG)

    assert made.path.name == f"journal-{made.store_id}-20270115T080000.000Z.db"
    identity = read_identity(made.heads)
    assert getattr(identity, "store", "") == made.store_id
    journal = store.open()
    assert list(read_heads(made.heads)) == list(journal.sessions())
    assert journal.store_id == made.store_id
    journal.close()
    assert read_copy(made.config) == ConfigCopy(NOW_MS, CONFIG)
    names = {made.path.name, made.heads.name, made.config.name, ".gitignore"}
    assert {one.name for one in folder.iterdir()} == names
    assert folder.stat().st_mode & 0o777 == 0o700
    for file in (made.path, made.heads, made.config):
        assert file.stat().st_mode & 0o777 == 0o600
    (listed,) = backups_in(folder)
    assert (listed.path, listed.at_ms) == (made.path, NOW_MS)
    assert listed.size_bytes == made.path.stat().st_size


def test_the_oldest_go_and_other_stores_stay(store: Damaged, tmp_path: Path) -> None:
    """As many as are wanted are kept of each store; two in one millisecond are two."""
    folder = tmp_path / "backups"
    other = make_store(tmp_path / "other", rows=8)
    theirs = backup_store(other.path, folder, now_ms=1)
    made = [
        backup_store(store.path, folder, now_ms=NOW_MS, backups_max=3, config=CONFIG)
        for _ in range(5)
    ]

    kept = backups_in(folder, made[0].store_id)

    assert [one.path for one in kept] == [one.path for one in reversed(made[2:])]
    assert sorted(copies_in(folder)) == sorted(one.config for one in kept)
    assert theirs.path.exists()
    assert len(list(folder.glob("*.heads"))) == 4


@pytest.mark.parametrize("room", [0, 1, 5, 40, 150])
def test_a_full_disk_keeps_the_old_ones(store: Damaged, tmp_path: Path, room: int) -> None:
    """Wherever the room ends, the new backup is given up whole and the old one is as it was."""
    folder = tmp_path / "backups"
    old = backup_store(store.path, folder, now_ms=NOW_MS, backups_max=1)
    before = {one.name: one.read_bytes() for one in folder.iterdir()}
    left = [room]

    def refuse(_path: str, _size: int) -> None:
        if left[0] <= 0:
            raise apsw.FullError("no space left on the device")
        left[0] -= 1

    with disk() as under:
        under.on_write = refuse
        with pytest.raises(StoreFull):
            backup_store(store.path, folder, now_ms=NOW_MS + 5, backups_max=1, vfs=under.name)
        under.on_write = None

    assert {one.name: one.read_bytes() for one in folder.iterdir()} == before
    assert _rows(old.path, "s-1") == len(store.rows) // 4


def test_a_backup_that_takes_too_long_is_given_up(store: Damaged, tmp_path: Path) -> None:
    """The bound on time holds, and nothing is left of it."""
    folder = tmp_path / "backups"

    with pytest.raises(BackupFailed, match="longer"):
        backup_store(store.path, folder, now_ms=NOW_MS, seconds_max=0)

    assert [one.name for one in folder.iterdir()] == [".gitignore"]


def test_a_damaged_store_takes_no_backup_s_place(store: Damaged, tmp_path: Path) -> None:
    """What does not hold is not backed up, so that the sound backups are not rotated away."""
    folder = tmp_path / "backups"
    old = backup_store(store.path, folder, now_ms=NOW_MS, backups_max=1)
    connection = apsw.Connection(str(store.path))
    connection.execute("UPDATE event SET body = x'00' WHERE session = 's-2' AND seq = 9")
    connection.close()

    with pytest.raises(StoreDamaged, match="no backup was made"):
        backup_store(store.path, folder, now_ms=NOW_MS + 1, backups_max=1)

    assert [one.path for one in backups_in(folder)] == [old.path]
    with pytest.raises(StoreMissing):
        backup_store(tmp_path / "none.db", folder, now_ms=NOW_MS)


_KILLED = """
import os, signal, sys
from pathlib import Path
import governance.journal.backup as backup
real = backup.verify_store
def killed(*args):
    os.kill(os.getpid(), signal.SIGKILL)
backup.verify_store = killed
backup.backup_store(Path(sys.argv[1]), Path(sys.argv[2]), now_ms=5)
"""


def test_what_a_killed_backup_has_left_goes(store: Damaged, tmp_path: Path) -> None:
    """Whichever file it was at: once it is old enough, the next backup removes it."""
    folder = tmp_path / "backups"
    for fault in faults(("killed", "killed in it")):
        with fault:
            backup_store(store.path, folder, now_ms=NOW_MS)
        for one in folder.iterdir() if folder.exists() else ():
            os.utime(one, (0, 0))
        made = backup_store(store.path, folder, now_ms=NOW_MS + 1, backups_max=1)
        left = [one.name for one in folder.iterdir() if one.name.startswith(".")]
        assert set(left) <= {".gitignore"}, fault
        assert _rows(made.path, "s-1") > 0
        shutil.rmtree(folder)


def test_a_killed_backup_leaves_no_backup(store: Damaged, tmp_path: Path) -> None:
    """What was being made when the process died is no backup, and goes a day later."""
    folder = tmp_path / "backups"
    root = Path(__file__).parents[2]
    words = [sys.executable, "-c", _KILLED, str(store.path), str(folder)]
    assert subprocess.run(words, cwd=root).returncode == -9
    assert backups_in(folder) == ()
    left = [one for one in folder.iterdir() if one.name.endswith(".new")]
    assert len(left) == 1
    made = backup_store(store.path, folder, now_ms=NOW_MS)
    assert left[0].exists()
    os.utime(left[0], (0, 0))
    backup_store(store.path, folder, now_ms=NOW_MS + 1)
    assert not left[0].exists()
    assert _rows(made.path, "s-1") > 0


def test_what_others_have_hidden_in_the_folder_stays(store: Damaged, tmp_path: Path) -> None:
    """Only what a backup that was broken off has left goes, however old the rest is."""
    folder = tmp_path / "backups"
    folder.mkdir()
    others = (".newsrc", ".my.config", ".a.heads", ".vimrc.draft", ".1-2.new", "12-0123abcd.new")
    own = (".12-0123abcd.new", ".12-0123abcd.new-journal", ".12-0123abcd.heads",
           ".12-0123abcd.config", "..12-0123abcd.heads.0a1b.draft")  # fmt: skip
    for name in (*others, *own):
        (folder / name).touch()
        os.utime(folder / name, (0, 0))

    backup_store(store.path, folder, now_ms=NOW_MS)

    left = {one.name for one in folder.iterdir()}
    assert left >= set(others)
    assert not left & set(own)
