"""Lost rows: brought back from copies, or stated, and nothing goes on before that is accepted."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from governance.journal.backup import backup_store
from governance.journal.encrypted import encrypted
from governance.journal.key_sources import KeyEncryptionKey
from governance.journal.memory import MemoryJournal
from governance.journal.records import KEY_SHELF, Append, Appended, Entry, Row
from governance.journal.repair import OtherStore, RepairReport, repair_store
from governance.journal.replacing import StoreInUse
from governance.journal.restore import BackupDamaged, restore_store
from governance.journal.session_values import BLOB_SHELF, INDEX_SHELF
from governance.journal.sources import FileSource, JournalSource, copies_of
from governance.journal.sqlite import SqliteJournal
from governance.journal.vault import Vault, entry_name, session_scope
from tests.quality.damaged_stores import NOW_MS, Damaged, copied, make_store


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Damaged:
    return make_store(tmp_path_factory.mktemp("sound") / "whole")


@pytest.fixture
def store(sound: Damaged, tmp_path: Path) -> Damaged:
    return copied(sound, tmp_path / "copy")


def _edit(store: Damaged, *statements: str) -> None:
    connection = apsw.Connection(str(store.path))
    for one in statements:
        connection.execute(one)
    connection.close()


def _append(store: Damaged, session: str, *bodies: bytes, kind: str = "k") -> None:
    journal = store.open()
    for body in bodies:
        seq = journal.head(session).seq
        answer = journal.append([Append(session, seq, (Row(kind, 0, body),))])
        assert isinstance(answer, Appended)
    journal.close()


@pytest.mark.parametrize("seed", range(6))
def test_a_backup_brings_back_what_it_has(store: Damaged, tmp_path: Path, seed: int) -> None:
    """With a backup from before, only rows that came after it and lay on bad pages are lost."""
    made = backup_store(store.path, tmp_path / "backups", now_ms=NOW_MS)
    chance = random.Random(seed)
    store.overwrite(chance.sample(range(store.pages), 30), chance)

    report = store.repair(FileSource(made.path))

    assert (report.lost, report.rows) == (0, len(store.rows))
    assert report.merged > 0
    assert store.recovered() == store.rows.keys()
    assert (store.verify().findings, store.verify().anchored) == ((), True)


def test_a_replica_is_asked_through_the_contract(store: Damaged) -> None:
    """Any back end with the same rows can give back what is lost."""
    replica = MemoryJournal()
    for row in store.rows.values():
        again = Row(row.kind, row.at_ms, row.body, row.durable)
        replica.append([Append(row.session, row.seq - 1, (again,))], key=row.key)
    _edit(store, "DELETE FROM event WHERE session = 's-1' AND seq BETWEEN 5 AND 7")

    report = store.repair(JournalSource(replica, "the replica"))

    assert (report.merged, report.lost, report.sources) == (3, 0, ("the replica",))
    assert store.recovered() == store.rows.keys()


def test_a_copy_that_lies_brings_nothing_back(store: Damaged, tmp_path: Path) -> None:
    """A row of a copy that the chain contradicts is not taken, whoever offers it."""
    forged = copied(store, tmp_path / "forged")
    _edit(forged, "UPDATE event SET body = x'00' WHERE session = 's-1' AND seq = 6")
    _edit(store, "DELETE FROM event WHERE session = 's-1' AND seq BETWEEN 5 AND 7")

    report = store.repair(FileSource(forged.path))

    (one,) = report.sessions
    assert (one.merged, one.lost) == (2, ((6, 6),))
    assert store.recovered() == store.rows.keys() - {("s-1", 6)}


def test_what_was_made_from_lost_rows_goes_with_them(store: Damaged) -> None:
    """An index or a state that is kept beside the rows tells of some that are there no more."""
    with closing(store.open()) as journal:
        for shelf in (BLOB_SHELF, INDEX_SHELF):
            journal.shelf.put(shelf, "s-1#x", b"value")
    _edit(store, "DELETE FROM event WHERE session = 's-1' AND seq BETWEEN 5 AND 7")

    assert store.repair().lost == 3

    with closing(store.open()) as journal:
        assert journal.shelf.get(BLOB_SHELF, "s-1#x") is not None
        assert journal.shelf.get(INDEX_SHELF, "s-1#x") is None


def test_what_is_found_later_takes_its_place_again(store: Damaged, tmp_path: Path) -> None:
    """A gap that was accepted, and worked on after, is filled when a copy turns up."""
    whole = copied(store, tmp_path / "whole")
    _edit(store, "DELETE FROM event WHERE session = 's-1' AND seq BETWEEN 5 AND 7")
    assert store.repair().lost == 3
    _append(store, "s-1", b"{}", kind="session.repaired")
    _append(store, "s-1", b"1", b"2")

    report = store.repair(FileSource(whole.path))

    assert (report.merged, report.lost) == (3, 0)
    assert store.recovered() == store.rows.keys()
    assert store.verify().ok


def test_an_end_that_was_gone_on_from_stays_as_it_is(store: Damaged, tmp_path: Path) -> None:
    """Rows that were written after stand-ins are chained to them, so these stay."""
    whole = copied(store, tmp_path / "whole")
    last = max(seq for session, seq in store.rows if session == "s-1")
    _edit(store, f"DELETE FROM event WHERE session = 's-1' AND seq >= {last - 1}")
    assert store.repair().lost == 2
    _append(store, "s-1", b"{}", kind="session.repaired")
    _append(store, "s-1", b"1")
    _edit(store, "DELETE FROM event WHERE session = 's-2' AND seq = 4")

    report = store.repair(FileSource(whole.path))

    assert [(one.session, one.merged) for one in report.sessions if one.merged] == [("s-2", 1)]
    assert store.verify().ok
    assert store.recovered() == store.rows.keys() - {("s-1", last), ("s-1", last - 1)}


def test_a_loss_after_an_acceptance_is_not_accepted_by_it(store: Damaged) -> None:
    """Rows lost before an earlier acceptance stop the session again."""
    _edit(store, "DELETE FROM event WHERE session = 's-1' AND seq = 20")
    store.repair()
    _append(store, "s-1", b"{}", kind="session.repaired")
    assert store.verify().ok
    _edit(store, "DELETE FROM event WHERE session = 's-1' AND seq = 5")

    report = store.repair()

    assert [(one.lost, one.fresh) for one in report.sessions] == [(((5, 5), (20, 20)), 1)]
    assert [(one.what, one.session) for one in store.verify().findings] == [("lost", "s-1")]


def test_rows_are_given_up_whatever_is_known_of_them(store: Damaged, tmp_path: Path) -> None:
    """Also a row whose loss was stated once, and that a copy has brought back."""
    made = backup_store(store.path, tmp_path / "backups", now_ms=NOW_MS)

    def given_up() -> RepairReport:
        rows = {"s-1": frozenset({20})}
        return repair_store(store.path, now_ms=NOW_MS, mirror=store.mirror, give_up=rows)

    assert [one.lost for one in given_up().sessions] == [((20, 20),)]
    assert store.repair(FileSource(made.path)).merged == 1
    assert store.recovered() == store.rows.keys()

    report = given_up()

    assert (report.needed, report.lost) == (True, 1)
    assert store.recovered() == store.rows.keys() - {("s-1", 20)}


def test_no_row_comes_back_whose_key_is_lost(tmp_path: Path) -> None:
    """A copy has it, and nobody could read it: it stays lost."""
    path, copy = tmp_path / "store" / "journal.db", tmp_path / "copy.db"
    kek = KeyEncryptionKey.of(bytes(32))
    with closing(SqliteJournal.open(path, create=True)) as inner:
        journal = encrypted(inner, Vault.open(inner.shelf, kek))
        for seq in range(6):
            assert isinstance(journal.append([Append("s", seq, (Row("k", seq, b"{}"),))]), Appended)
    shutil.copyfile(path, copy)
    with closing(SqliteJournal.open(path, create=False)) as inner:
        inner.shelf.delete(KEY_SHELF, entry_name(session_scope("s")))
        Vault.open(inner.shelf, kek).key_of(session_scope("s"), make=True)
    connection = apsw.Connection(str(path))
    connection.execute("DELETE FROM event WHERE seq = 3")
    connection.close()

    report = repair_store(path, now_ms=NOW_MS, mirror=None, sources=[FileSource(copy)])

    assert (report.merged, report.lost) == (0, 1)


@pytest.mark.parametrize("change", ["at_ms = at_ms + 1", "durable = 1 - durable", "body = x'7b7d'"])
def test_a_stand_in_that_is_damaged_is_mended(store: Damaged, change: str) -> None:
    """That a loss was stated, and accepted, says nothing of the row that states it."""
    _edit(store, "DELETE FROM event WHERE session = 's-1' AND seq = 20")
    store.repair()
    _append(store, "s-1", b"{}", kind="session.repaired")
    _edit(store, f"UPDATE event SET {change} WHERE session = 's-1' AND seq = 20")
    assert [(one.what, one.seq) for one in store.verify().findings] == [("hash", 20)]

    report = store.repair()

    assert report.needed
    assert [one.lost for one in report.sessions] == [((20, 20),)]
    assert {one.what for one in store.verify().findings} <= {"lost"}
    assert store.recovered() == store.rows.keys() - {("s-1", 20)}


def test_a_lost_end_is_anchored_again_once_it_is_accepted(store: Damaged) -> None:
    """The mirror contradicts a lost end until a person's acceptance stands in it."""
    last = max(seq for session, seq in store.rows if session == "s-1")
    _edit(store, f"DELETE FROM event WHERE session = 's-1' AND seq = {last}")
    mirror = store.mirror.read_bytes()

    store.repair()

    assert [(one.what, one.seq) for one in store.verify().findings] == [("mirror", last)]
    assert store.mirror.read_bytes() == mirror
    _append(store, "s-1", b"{}", kind="session.repaired")
    assert (store.verify().findings, store.verify().anchored) == ((), True)


def test_branches_tombstones_and_values_survive(store: Damaged) -> None:
    """Everything beside the rows is in the repaired store, and branches still see through."""
    journal = store.open()
    journal.branch("twig", "s-1", 9)
    journal.branch("bare", "s-2", 3)
    journal.append([Append("twig", 9, (Row("k", 0, b"on the twig"),))])
    journal.remove("s-3", expected=journal.head("s-3"))
    journal.shelf.put("blob", "b", b"value" * 2_000)
    before = {one: journal.read(one, limit=9999) for one in ("s-1", "twig", "bare")}
    moved = journal.moved(limit=1000)[-1].position
    journal.close()
    _edit(store, "DELETE FROM event WHERE session = 's-1' AND seq = 4")

    report = store.repair()

    assert report.lost == 1
    after = store.open()
    assert [one.session for one in after.removed()] == ["s-3"]
    assert after.shelf.get("blob", "b") == Entry("blob", "b", 1, b"value" * 2_000)
    for name in ("twig", "bare"):
        assert [row.hash for row in after.read(name)][5:] == [r.hash for r in before[name]][5:]
    assert after.read("twig")[-1].body == b"on the twig"
    assert {one.session for one in after.moved(after=moved)} >= {"s-1", "s-2", "twig", "bare"}
    assert {one.what for one in after.verify().findings} == {"lost"}
    after.close()


def test_values_on_a_destroyed_page_come_from_a_backup(store: Damaged, tmp_path: Path) -> None:
    """Keys and other values that the file has lost are taken from the newest copy."""
    journal = store.open()
    journal.shelf.put("key", "s-1", b"wrapped")
    journal.close()
    made = backup_store(store.path, tmp_path / "backups", now_ms=NOW_MS)
    connection = apsw.Connection(str(store.path))
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'shelf'").get
    connection.close()
    store.image = store.path.read_bytes()
    store.overwrite([int(root) - 1], random.Random(1))

    report = store.repair(FileSource(made.path))

    assert report.lost == 0
    after = store.open()
    assert after.shelf.get("key", "s-1") == Entry("key", "s-1", 1, b"wrapped")
    assert after.verify().ok
    after.close()


def test_a_damaged_value_that_no_copy_has_is_named(store: Damaged, tmp_path: Path) -> None:
    """What goes is said; a mark that a key was destroyed is not let go of for its bytes."""
    mark, key = f"erased:{'a' * 64}", f"session:{'a' * 64}"
    journal = store.open()
    journal.shelf.put("key", key, b"wrapped")
    journal.shelf.put("blob", "kept", b"value")
    journal.close()
    made = backup_store(store.path, tmp_path / "backups", now_ms=NOW_MS)
    journal = store.open()
    journal.shelf.delete("key", key)
    journal.shelf.put("key", mark, b"{}")
    journal.shelf.put("blob", "lost", b"value")
    journal.close()
    _edit(store, "UPDATE shelf SET value = x'00'")

    report = store.repair(FileSource(made.path))

    assert report.values_lost == ("the value `lost` on the shelf `blob`",)
    assert report.values_merged == 2
    after = store.open()
    assert after.shelf.get("blob", "kept") == Entry("blob", "kept", 1, b"value")
    assert (after.shelf.get("blob", "lost"), after.shelf.get("key", key)) == (None, None)
    assert after.shelf.get("key", mark) is not None
    assert after.verify().ok
    after.close()


# -- restore ----------------------------------------------------------------------------


def _restore(store: Damaged, backup: Path, **more: int) -> object:
    return restore_store(store.path, backup, now_ms=NOW_MS, mirror=store.mirror, **more)


def test_a_restore_drill(store: Damaged, tmp_path: Path) -> None:
    """Back up, lose the whole folder, restore: every row is there, proven, and anchored."""
    made = backup_store(store.path, tmp_path / "backups", now_ms=NOW_MS)
    shutil.rmtree(store.path.parent)

    report = restore_store(store.path, made.path, now_ms=NOW_MS, mirror=store.mirror)

    assert (report.rows, report.lost, report.kept) == (len(store.rows), 0, None)
    assert store.recovered() == store.rows.keys()
    assert (store.verify().findings, store.verify().anchored) == ((), True)
    assert store.path.stat().st_mode & 0o777 == 0o600
    _append(store, "s-1", b"on")


@pytest.mark.parametrize("who", ["the mirror", "the replaced store"])
def test_rows_after_the_backup_are_known_to_be_lost(
    store: Damaged, tmp_path: Path, who: str
) -> None:
    """Either of two knows them, and no session goes on as if they had never been."""
    made = backup_store(store.path, tmp_path / "backups", now_ms=NOW_MS)
    last = max(seq for session, seq in store.rows if session == "s-1")
    _append(store, "s-1", b"after", b"it")
    _append(store, "new", b"after it")
    before = store.path.read_bytes()
    if who == "the mirror":
        store.path.unlink()
    else:
        store.mirror.unlink()

    report = restore_store(store.path, made.path, now_ms=NOW_MS, mirror=store.mirror)

    assert {one.session: one.lost for one in report.sessions} == {
        "s-1": ((last + 1, last + 2),),
        "new": ((1, 1),),
    }
    kept = report.kept.read_bytes() if report.kept is not None else None
    assert kept == (None if who == "the mirror" else before)
    journal = store.open()
    assert journal.head("s-1").seq == last + 3
    assert not journal.verify().ok
    journal.close()
    for name in ("s-1", "new"):
        _append(store, name, b"{}", kind="session.repaired")
    assert (store.verify().findings, store.verify().anchored) == ((), True)


def test_a_repair_finds_what_a_restore_kept_aside(store: Damaged, tmp_path: Path) -> None:
    """The copies that are looked into by themselves are backups and what was kept."""
    old = backup_store(store.path, tmp_path / "backups", now_ms=NOW_MS)
    new = backup_store(store.path, tmp_path / "backups", now_ms=NOW_MS)
    restored = restore_store(store.path, old.path, now_ms=NOW_MS, mirror=store.mirror)
    store.overwrite([9], random.Random(1))
    (tmp_path / "backups" / new.path.name.replace("T08", "T09")).write_bytes(b"no store")

    found = copies_of(store.path, tmp_path / "backups", store.mirror)

    assert [one.path for one in found] == [new.path, old.path, restored.kept]
    for one in found:
        one.close()


def test_a_backup_that_does_not_hold_is_refused(store: Damaged, tmp_path: Path) -> None:
    """Nothing is replaced by a backup that is damaged, another store's, or not there."""
    made = backup_store(store.path, tmp_path / "backups", now_ms=NOW_MS)
    before = store.path.read_bytes()
    whole = made.path.read_bytes()
    noise = bytearray(whole)
    noise[9 * 4096 : 10 * 4096] = bytes(4096)
    made.path.write_bytes(noise)
    with pytest.raises(BackupDamaged, match="repair --from"):
        _restore(store, made.path)
    other = make_store(tmp_path / "other", rows=8)
    theirs = backup_store(other.path, tmp_path / "theirs", now_ms=NOW_MS)
    with pytest.raises(OtherStore):
        _restore(store, theirs.path)
    store.mirror.rename(tmp_path / "mirror-aside")
    with pytest.raises(OtherStore):
        _restore(store, theirs.path)
    (tmp_path / "mirror-aside").rename(store.mirror)
    journal = store.open()
    made.path.write_bytes(whole)
    with pytest.raises(StoreInUse):
        _restore(store, made.path, wait_ms=10)
    journal.close()
    assert store.path.read_bytes() == before
    assert not list(store.path.parent.glob("*.replaced-*"))


def test_an_engine_that_opened_just_before_writes_nothing_to_the_old_file(
    store: Damaged, tmp_path: Path
) -> None:
    """A store that was replaced between opening and the first append takes no rows."""
    made = backup_store(store.path, tmp_path / "backups", now_ms=NOW_MS)
    from governance.journal import sqlite

    real = sqlite.check_store
    replaced: list[int] = []

    def replace_after(connection: apsw.Connection, path: Path) -> None:
        real(connection, path)
        if not replaced:
            replaced.append(1)
            shutil.copy(made.path, tmp_path / "new.db")
            (tmp_path / "new.db").replace(path)

    sqlite.check_store = replace_after
    try:
        journal = store.open()
    finally:
        sqlite.check_store = real
    from governance.errors import StoreMissing

    with pytest.raises(StoreMissing, match="replaced"):
        journal.append([Append("s-1", journal.head("s-1").seq, (Row("k", 0, b"x"),))])
    journal.close()


_NARROW = """
import resource, sys
from pathlib import Path
from governance.errors import JournalError
from governance.journal.repair import repair_store
import governance.journal.sqlite_verify, apsw
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    repair_store(Path(sys.argv[1]), now_ms=1, mirror=Path(sys.argv[2]))
except JournalError as error:
    print(type(error).__name__, bool(error.remedy))
"""


@pytest.mark.parametrize("room_bytes", [0, 100_000])
def test_a_repair_without_room_changes_nothing(store: Damaged, room_bytes: int) -> None:
    """Where a copy or the new store finds no room, that is an error, and all is as it was."""
    store.overwrite([9], random.Random(1))
    before = store.path.read_bytes()
    words = [str(store.path), str(store.mirror), str(room_bytes)]
    done = subprocess.run(
        [sys.executable, "-c", _NARROW, *words],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(" True\n")
    assert store.path.read_bytes() == before
    names = {one.name for one in store.path.parent.iterdir()}
    assert names <= {"journal.db", "journal.db-wal", ".gitignore"}
    assert store.repair().kept is not None


_KILLED = """
import os, signal, sys
from pathlib import Path
from governance.journal import replacing
from governance.journal.repair import repair_store
path, mirror, at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
count = 0
def step(real):
    def wrapped(*args, **kwargs):
        global count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    return wrapped
Path.unlink, Path.replace = step(Path.unlink), step(Path.replace)
replacing.sync_folder = step(replacing.sync_folder)
repair_store(path, now_ms=1, mirror=mirror)
print(count)
"""


def test_a_kill_at_any_step_of_the_swap_loses_nothing(store: Damaged, tmp_path: Path) -> None:
    """Killed anywhere, the store is the damaged one or the repaired one; a second run mends it."""
    journal = store.open()
    journal._writer.connection.execute("PRAGMA wal_autocheckpoint=0")
    last = journal.head("s-1").seq
    journal.append([Append("s-1", last, (Row("k", 0, b"in the log alone"),))])
    log = Path(f"{store.path}-wal").read_bytes()
    journal.close()
    root = Path(__file__).parents[2]
    killed = 0
    for at in range(1, 40):
        image = bytearray(store.image)
        image[9 * 4096 : 10 * 4096] = bytes(4096)
        store.put(bytes(image))
        Path(f"{store.path}-wal").write_bytes(log)
        words = [sys.executable, "-c", _KILLED, str(store.path), str(store.mirror), str(at)]
        done = subprocess.run(words, cwd=root, capture_output=True, text=True)
        killed += done.returncode == -9
        copies = copies_of(store.path, tmp_path / "none", store.mirror)
        store.repair(*copies)
        for one in copies:
            one.close()
        after = store.open()
        assert b"in the log alone" in [row.body for row in after.read("s-1", limit=9999)]
        after.close()
        assert store.recovered() >= store.rows.keys() - store.beyond_proof([9])
        if done.returncode == 0:
            break
    assert killed >= 4
    assert done.returncode == 0
