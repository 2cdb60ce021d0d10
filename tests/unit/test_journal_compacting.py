"""Room that sessions have left goes back to the disk, beside readers and writers."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from governance.errors import StoreBusy
from governance.journal import compacting
from governance.journal.backup import backup_store
from governance.journal.compacting import NotCompactable, compact_steps, room_of
from governance.journal.records import Append, Appended, Journal, Row
from governance.journal.sqlite import SqliteJournal
from tests.quality.make_stores import FOLDER

KEPT, GONE = "kept", 5


def fill(journal: Journal, *names: str, rows: int = 300) -> None:
    chance = random.Random(1)
    for name in names:
        given = tuple(Row("k", n, chance.randbytes(2_000)) for n in range(rows))
        assert isinstance(journal.append([Append(name, 0, given)]), Appended)


def let_go(journal: Journal) -> None:
    """Remove all but one session, as pruning does."""
    for head in journal.sessions():
        if head.session != KEPT:
            assert journal.remove(head.session, expected=head) is True


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteJournal]:
    """A store in which a sixth of what was once written is left."""
    path = tmp_path / "store" / "journal.db"
    with closing(SqliteJournal.open(path, create=True, power_safe=False)) as journal:
        fill(journal, "a", "b", "c", KEPT, "y", "z")
        let_go(journal)
        yield journal


def test_what_is_gone_leaves_room_that_is_not_used(store: SqliteJournal) -> None:
    """Negative control: nothing gives it back by itself."""
    room = room_of(store.path)
    assert room.shrinks
    assert room.unused_bytes > room.total_bytes * 0.7
    fill(store, "next", rows=1)
    assert room_of(store.path).total_bytes == room.total_bytes


def test_room_is_given_back_and_every_row_stays(store: SqliteJournal) -> None:
    """The file becomes as small as what it holds, step by step, while the store is open."""
    before, rows = room_of(store.path), store.read(KEPT)
    left = list(compact_steps(store.path, seconds_max=60))
    assert len(left) > 3
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert store.path.stat().st_size == room_of(store.path).total_bytes
    assert room_of(store.path).total_bytes <= before.total_bytes - before.unused_bytes
    assert store.read(KEPT) == rows
    assert store.verify().findings == ()
    fill(store, "next", rows=3)
    assert store.verify().ok
    assert list(compact_steps(store.path, seconds_max=60)) == []


def test_others_write_between_two_steps(
    store: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An append with a short deadline is written after each step, by another connection."""
    monkeypatch.setattr(compacting, "STEP_PAGES", 40)
    with closing(SqliteJournal.open(store.path, create=False)) as other:
        for seq, _ in enumerate(compact_steps(store.path, seconds_max=60)):
            answer = other.append([Append("busy", seq, (Row("k", 0, b"{}"),))], deadline_ms=200)
            assert isinstance(answer, Appended)
        assert seq > 10
        assert other.verify().ok


def test_it_ends_when_its_time_is_up(store: SqliteJournal) -> None:
    """What was given back until then stays so, and the next one goes on."""
    steps = compact_steps(store.path, seconds_max=60)
    first = next(steps)
    steps.close()
    assert room_of(store.path).unused_bytes == first
    assert list(compact_steps(store.path, seconds_max=0)) == []
    assert list(compact_steps(store.path, seconds_max=60))[-1] == 0


def test_a_store_that_is_held_is_busy(
    store: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for a while, and then says so; nothing was changed."""
    monkeypatch.setattr(compacting, "_LOCK_MS", 50)
    before = room_of(store.path)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        connection = apsw.Connection(str(store.path))
        connection.execute("BEGIN IMMEDIATE")
        holding.set()
        done.wait(30)
        connection.execute("ROLLBACK")
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(30)
    try:
        with pytest.raises(StoreBusy):
            list(compact_steps(store.path, seconds_max=60))
    finally:
        done.set()
        thread.join()
    assert room_of(store.path) == before


def test_an_older_store_says_how_it_is_made_anew(tmp_path: Path) -> None:
    """What was made without a map of its pages is left as it is."""
    path = tmp_path / "journal.db"
    path.write_bytes((FOLDER / "schema-4.db").read_bytes())
    with pytest.raises(NotCompactable) as caught:
        list(compact_steps(path, seconds_max=60))
    assert "restore" in (caught.value.remedy or "")


def test_a_backup_takes_no_room_that_is_not_used(store: SqliteJournal, tmp_path: Path) -> None:
    """It is as small as what it holds; the store, which it is made of, is not."""
    made = backup_store(store.path, tmp_path / "backups", now_ms=1)
    assert made.path.stat().st_size < store.path.stat().st_size / 3
    assert room_of(made.path).unused_bytes == 0
    with closing(SqliteJournal.open(made.path, create=False)) as backup:
        assert backup.store_id == store.store_id
        assert backup.read(KEPT) == store.read(KEPT)
        assert backup.removed() == store.removed()


def test_a_copy_of_all_pages_takes_it(store: SqliteJournal, tmp_path: Path) -> None:
    """Negative control: a copy page by page is as large as the store."""
    target = apsw.Connection(str(tmp_path / "copy.db"))
    with target.backup("main", apsw.Connection(str(store.path)), "main") as copying:
        copying.step()
    target.close()
    assert room_of(tmp_path / "copy.db").unused_bytes == room_of(store.path).unused_bytes > 0
