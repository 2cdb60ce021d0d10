"""Branches, tombstones and values in a SQLite store: what a hand in the file is found to do."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from attrs import frozen

from governance.errors import JournalError, StoreDamaged
from governance.journal.chain import tombstone_digest
from governance.journal.faults import RemovalRefused
from governance.journal.mirror import Gone, read_heads
from governance.journal.records import Append, Appended, Head, Record, Row
from governance.journal.sqlite import SqliteJournal


@frozen
class Store:
    """A store with a parent, its branch, a removed session and a half restored one."""

    path: Path
    mirror: Path
    waiting: tuple[Record, ...]

    def open(self, *, anchored: bool = True) -> SqliteJournal:
        mirror = self.mirror if anchored else None
        return SqliteJournal.open(self.path, create=False, mirror=mirror)

    def edit(self, *statements: str) -> None:
        """Do what someone with a SQLite shell could do."""
        connection = apsw.Connection(str(self.path))
        for one in statements:
            connection.execute(one)
        connection.close()

    def findings(
        self, session: str | None = None, *, anchored: bool = True
    ) -> set[tuple[str, str]]:
        journal = self.open(anchored=anchored)
        try:
            return {(f.what, f.session) for f in journal.verify(session).findings}
        finally:
            journal.close()


def _fill(journal: SqliteJournal, session: str, count: int) -> tuple[Record, ...]:
    seq = journal.head(session).seq
    rows = tuple(Row("k", n, b'{"n":%d}' % n) for n in range(count))
    answer = journal.append([Append(session, seq, rows)])
    assert isinstance(answer, Appended)
    return answer.records


@pytest.fixture
def store(tmp_path: Path) -> Store:
    path, mirror = tmp_path / "store" / "journal.db", tmp_path / "heads"
    journal = SqliteJournal.open(path, create=True, mirror=mirror)
    _fill(journal, "parent", 4)
    journal.branch("branch", "parent", 3)
    _fill(journal, "branch", 2)
    journal.branch("bare", "branch", 4)
    _fill(journal, "gone", 3)
    journal.remove("gone", expected=journal.head("gone"))
    records = _fill(journal, "waiting", 4)
    head = journal.head("waiting")
    journal.remove("waiting", expected=head)
    journal.restore(head, records[:2])
    journal.shelf.put("key", "k", b"wrapped")
    journal.close()
    made = Store(path, mirror, records)
    assert made.findings() == set()
    return made


_EDITS = {
    "a branch moved to another row": (
        "UPDATE session SET base = 2 WHERE id = 'branch'",
        {("hash", "branch"), ("gap", "branch")},
    ),
    "a branch made a session": (
        "UPDATE session SET parent = NULL, base = 0 WHERE id = 'branch'",
        {("gap", "branch")},
    ),
    "a branch of another session": (
        "UPDATE session SET parent = 'nobody' WHERE id = 'branch'",
        {("head", "branch")},
    ),
    "a branch of itself": (
        "UPDATE session SET parent = 'bare' WHERE id = 'bare'",
        {("head", "bare")},
    ),
    "a base without a parent": (
        "UPDATE session SET base = 1 WHERE id = 'parent'",
        {("head", "parent")},
    ),
    "a row below the base": (
        "INSERT INTO event SELECT 'branch', 1, kind, at_ms, durable, key, body, hash FROM event"
        " WHERE session = 'parent' AND seq = 1",
        {("gap", "branch")},
    ),
    "a bare branch moved on": (
        "UPDATE session SET head = 5 WHERE id = 'bare'",
        {("cut", "bare")},
    ),
    "the shared rows removed": (
        "DELETE FROM event WHERE session = 'parent' AND seq >= 3",
        {("cut", "parent"), ("head", "branch")},
    ),
    "a tombstone's head": (
        "UPDATE removed SET head = 9 WHERE id = 'gone'",
        {("head", "gone")},
    ),
    "a tombstone's hash": (
        "UPDATE removed SET hash = zeroblob(32) WHERE id = 'gone'",
        {("head", "gone")},
    ),
    "a position": ("UPDATE session SET position = 1 WHERE id = 'bare'", {("head", "bare")}),
    "no position": ("UPDATE session SET position = 0, echo = 0", {("head", "bare")}),
    "a tombstone's position": (
        "UPDATE removed SET position = position + 1 WHERE id = 'gone'",
        {("head", "gone")},
    ),
    "the counter of moves": (
        "UPDATE store SET value = '3' WHERE name = 'position'",
        {("head", "")},
    ),
    "no counter of moves": ("DELETE FROM store WHERE name = 'position'", {("head", "")}),
    "a tombstone taken away": ("DELETE FROM removed WHERE id = 'gone'", {("removed", "gone")}),
    "a tombstone with rows taken away": (
        "DELETE FROM removed WHERE id = 'waiting'",
        {("head", "waiting")},
    ),
    "a row under a tombstone": (
        "UPDATE event SET body = x'7b7d' WHERE session = 'waiting' AND seq = 2",
        {("hash", "waiting")},
    ),
    "a value": ("UPDATE shelf SET value = x'00'", {("value", "")}),
    "a value's version": ("UPDATE shelf SET version = 7", {("value", "")}),
}


@pytest.mark.parametrize("name", sorted(_EDITS))
def test_a_hand_in_the_file_is_found(store: Store, name: str) -> None:
    """Whatever is changed of branches, tombstones, waiting rows and values, `verify` says so."""
    statement, expected = _EDITS[name]
    store.edit(statement)
    found = store.findings()
    assert found
    assert found & expected


def test_a_branch_is_judged_with_what_it_stems_from(store: Store) -> None:
    """Damage in the rows it shares is found when the branch alone is asked about."""
    store.edit("UPDATE event SET at_ms = at_ms + 1 WHERE session = 'parent' AND seq = 2")
    assert store.findings("bare") == {("hash", "parent")}
    journal = store.open()
    with pytest.raises(StoreDamaged, match="row 2 of `parent`"):
        journal.read("bare")
    assert [one.seq for one in journal.read("bare", after=3)] == [4]
    journal.close()


def test_a_loop_of_branches_ends(store: Store) -> None:
    """Sessions made to stem from each other are damage, not an endless walk."""
    store.edit(
        "UPDATE session SET parent = 'branch', base = 4 WHERE id = 'parent'",
        "DELETE FROM event WHERE session = 'parent'",
        "DELETE FROM event WHERE session = 'branch'",
    )
    assert store.findings() != set()
    assert store.findings("branch") != set()
    journal = store.open()
    with pytest.raises(StoreDamaged):
        journal.read("branch")
    with pytest.raises(JournalError):
        journal.branch("new", "branch", 2)
    journal.close()


def test_a_session_made_away_with_is_no_removed_one(store: Store) -> None:
    """Its rows deleted and a true tombstone put there by hand: the mirror was not told."""
    head = Head("parent", 4, next(iter(h.hash for h in _heads(store) if h.session == "parent")))
    sealed = tombstone_digest(head, None, 9).hex()
    store.edit(
        "DELETE FROM session WHERE id IN ('bare', 'branch')",
        "DELETE FROM event WHERE session IN ('branch', 'parent')",
        "DELETE FROM session WHERE id = 'parent'",
        f"INSERT INTO removed VALUES ('parent', 4, x'{head.hash.hex()}', NULL, 0, 9, x'{sealed}')",
    )
    assert ("removed", "parent") in store.findings()
    assert ("removed", "parent") in store.findings("parent")
    assert store.findings("parent", anchored=False) == set()


def _heads(store: Store) -> list[Head]:
    return [one for one in read_heads(store.mirror) if isinstance(one, Head)]


def test_an_announced_removal_that_was_not_done_is_no_loss(store: Store) -> None:
    """A process killed between the mirror's line and the commit leaves a sound session."""
    journal = store.open()
    journal._writer.announce(journal.head("parent"))
    assert journal.verify().ok
    _fill(journal, "parent", 1)
    assert journal.verify().ok
    journal.close()
    store.edit(
        "DELETE FROM session WHERE id IN ('bare', 'branch', 'parent')",
        "DELETE FROM event WHERE session IN ('branch', 'parent')",
    )
    assert ("removed", "parent") in store.findings()


def test_a_new_mirror_takes_tombstones_as_they_are(store: Store) -> None:
    """A mirror that begins knows the removed sessions as removed."""
    store.mirror.unlink()
    journal = store.open()
    report = journal.verify()
    assert (report.ok, report.anchored) == (True, True)
    gone = {one.head.session for one in read_heads(store.mirror) if isinstance(one, Gone)}
    assert gone == {"gone", "waiting"}
    journal.close()


def test_no_removal_without_a_word_to_the_mirror(store: Store) -> None:
    """A mirror that cannot be written refuses the removal, and the rows stay."""
    data = store.mirror.read_bytes()
    store.mirror.write_bytes(b"x" + data)
    journal = store.open()
    head = journal.head("bare")
    with pytest.raises(RemovalRefused) as refused:
        journal.remove("bare", expected=head)
    assert refused.value.code == "GOV522"
    assert journal.head("bare") == head
    assert isinstance(_fill(journal, "bare", 1)[0], Record)
    journal.close()


def test_rows_put_back_make_the_session_what_it_was(store: Store) -> None:
    """Told as gone once, then back and moved on: later it must be there again."""
    journal = store.open()
    head = Head("waiting", 4, store.waiting[-1].hash)
    assert journal.restore(head, store.waiting[2:]) == head
    _fill(journal, "waiting", 1)
    assert journal.verify().ok
    journal.close()
    store.edit(
        "DELETE FROM session WHERE id = 'waiting'", "DELETE FROM event WHERE session = 'waiting'"
    )
    assert ("removed", "waiting") in store.findings()


def test_a_damaged_value_is_never_given(store: Store) -> None:
    """A flipped bit makes a value an error in `get` and in `scan`."""
    store.edit("UPDATE shelf SET value = x'776161707065e4'")
    journal = store.open()
    for call in (lambda: journal.shelf.get("key", "k"), lambda: journal.shelf.scan("key")):
        with pytest.raises(StoreDamaged, match="`k` on the shelf `key`"):
            call()
    journal.close()


def _bytes_on_disk(path: Path) -> bytes:
    files = (path, Path(f"{path}-wal"), Path(f"{path}-shm"))
    return b"".join(file.read_bytes() for file in files if file.exists())


def test_a_deleted_key_and_what_was_removed_are_overwritten(tmp_path: Path) -> None:
    """No key, row or value of the session is left in the file or its log, where all had been."""
    path = tmp_path / "journal.db"
    journal = SqliteJournal.open(path, create=True)
    secrets = [b"key-%d-" % n + bytes(range(65, 91)) * 40 for n in range(40)]
    for n, secret in enumerate(secrets):
        journal.shelf.put("key", f"{n}", secret, expected_version=0)
    assert secrets[0][:30] in _bytes_on_disk(path)
    journal.shelf.put("key", "0", b"rotated")
    assert secrets[0][:30] not in _bytes_on_disk(path)
    begin, end = b"body-" + bytes(range(48, 90)), bytes(range(48, 90)) + b"-body"
    body = begin + bytes(20_000) + end
    journal.append([Append("s", 0, (Row("k", 0, body),))])
    value = b"value-" + bytes(range(48, 90))
    journal.shelf.put("blob", "s#x", value + bytes(20_000))
    assert value in _bytes_on_disk(path)
    assert secrets[1][:30] in _bytes_on_disk(path)
    assert begin in _bytes_on_disk(path)
    assert end in _bytes_on_disk(path)
    for n in range(40):
        assert journal.shelf.delete("key", f"{n}")
    journal.remove("s", expected=journal.head("s"))
    left = _bytes_on_disk(path)
    assert [n for n, secret in enumerate(secrets) if secret[:30] in left] == []
    assert begin not in left
    assert end not in left
    assert value not in left
    journal.close()


def test_keys_wait_for_no_reader(store: Store) -> None:
    """A reader of an older state delays the emptying of the log, never the deletion."""
    reader = apsw.Connection(str(store.path))
    reader.execute("BEGIN; SELECT * FROM session").fetchall()
    journal = store.open()
    assert journal.shelf.delete("key", "k")
    assert journal.shelf.get("key", "k") is None
    reader.close()
    journal.close()


def test_positions_follow_the_commits_of_all(store: Store) -> None:
    """Connections that write in turn, and one whose commits are taken back, keep one order."""
    journals = [store.open(), store.open(), store.open()]
    seen = journals[0].moved()[-1].position
    for n in range(40):
        if n % 7 == 0:  # a write of somebody that moves no head
            journals[0].shelf.put("blob", "b", b"x")
        if n % 5 == 0:  # and one that fails after its position was taken
            writer = journals[n % 3]._writer
            writer.begin(True, 1_000)
            writer._positions.take(3_000)
            writer._undo()
        _fill(journals[n % 3], f"s{n}", 1)
        (one,) = journals[(n + 1) % 3].moved(after=seen)
        assert (one.session, one.seq) == (f"s{n}", 1)
        seen = one.position
    assert journals[0].verify().ok
    for journal in journals:
        journal.close()
