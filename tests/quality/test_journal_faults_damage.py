"""Damage of every kind: what `verify` finds, what reading refuses, what goes on all the same."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest
from attrs import frozen

from governance.errors import JournalError, StoreDamaged, StoreMissing, StoreNewer
from governance.journal.records import Append, Appended, Row
from governance.journal.sqlite import SqliteJournal
from governance.journal.sqlite_schema import VERSION
from governance.journal.sqlite_verify import verify_store

_ROWS = 50
_SESSIONS = ("s-1", "s-2", "é", "s-4", "s-5")
_LEAF_OF_KEYS = 0x0A  # page type: leaf of an index, which a table without rowid is


@frozen
class Store:
    """A closed store and its mirror."""

    path: Path
    mirror: Path

    def open(self) -> SqliteJournal:
        return SqliteJournal.open(self.path, create=False, mirror=self.mirror)

    def edit(self, *statements: str) -> None:
        """Do what someone with a SQLite shell could do."""
        connection = apsw.Connection(str(self.path))
        for one in statements:
            connection.execute(one)
        connection.close()

    def findings(self, session: str | None = None) -> list[tuple[str, str, int]]:
        journal = self.open()
        try:
            return [(f.what, f.session, f.seq) for f in journal.verify(session).findings]
        finally:
            journal.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Fifty rows in five sessions, of both kinds, some with keys; nothing left in the log."""
    made = Store(tmp_path / "store" / "journal.db", tmp_path / "heads")
    journal = SqliteJournal.open(made.path, create=True, mirror=made.mirror)
    for n in range(_ROWS):
        name = _SESSIONS[n % len(_SESSIONS)]
        row = Row("tool.decided", 1_700_000_000_000 + n, f'{{"n":{n}}}'.encode(), n % 7 != 3)
        key = f"key-{n}" if n % 4 == 0 else None
        assert isinstance(journal.append([Append(name, n // 5, (row,))], key=key), Appended)
    for name in _SESSIONS:  # so that every head is covered by a durable row, hence mirrored
        row = Row("session.ended", 0, b"{}")
        assert isinstance(journal.append([Append(name, 10, (row,))]), Appended)
    journal.close()
    assert made.findings() == []
    return made


def _live_cells(image: bytes) -> Iterator[tuple[int, int]]:
    """
    Where each live row of the tables of heads and of events begins and ends in the file.

    Read from the pages themselves, by the published file format; no row here is so long
    that it would go on in another page.
    """
    size = int.from_bytes(image[16:18], "big")
    wanted = _pages_of(image, ("session", "event"))
    for page in wanted:
        base = (page - 1) * size
        if image[base] != _LEAF_OF_KEYS:
            continue
        cells = int.from_bytes(image[base + 3 : base + 5], "big")
        for n in range(cells):
            place = base + 8 + 2 * n
            start = base + int.from_bytes(image[place : place + 2], "big")
            length, taken = 0, 0
            while True:
                byte = image[start + taken]
                length, taken = length << 7 | byte & 0x7F, taken + 1
                if byte < 0x80:
                    break
            yield start, start + taken + length


def _in_memory(image: bytes) -> apsw.Connection:
    """A database on *image*; marked as one without a log, which memory cannot have."""
    connection = apsw.Connection("")
    plain = bytearray(image)
    plain[18:20] = b"\x01\x01"
    connection.deserialize("main", bytes(plain))
    return connection


def _pages_of(image: bytes, tables: tuple[str, ...]) -> list[int]:
    connection = _in_memory(image)
    found = connection.execute(
        f"SELECT pageno FROM dbstat WHERE name IN ({','.join('?' * len(tables))})", tables
    )
    pages = [pageno for (pageno,) in found]
    connection.close()
    return pages


def test_every_flipped_bit_of_every_live_row_is_found(store: Store) -> None:
    """Each bit of each stored row and head, record headers and lengths included, flipped alone."""
    image = store.path.read_bytes()
    cells = list(_live_cells(image))
    assert len(cells) == _ROWS + 2 * len(_SESSIONS)
    missed = []
    flips = 0
    for start, end in cells:
        for place in range(start, end):
            for bit in range(8):
                flips += 1
                bad = bytearray(image)
                bad[place] ^= 1 << bit
                connection = _in_memory(bytes(bad))
                if verify_store(connection, store.path, None).ok:
                    missed.append((place, bit))
                connection.close()
    assert flips > 30_000
    assert missed == []


def test_flips_are_found_through_the_front_door(store: Store) -> None:
    """Some hundred of those flips, in the file, by the journal as a user opens it."""
    image = store.path.read_bytes()
    places = [place for start, end in _live_cells(image) for place in range(start, end)]
    for n, place in enumerate(places[::37]):
        bad = bytearray(image)
        bad[place] ^= 1 << n % 8
        store.path.write_bytes(bad)
        with contextlib.suppress(JournalError):  # refused by name when it was opened is fine too
            assert store.findings() != []
        for left in ("-wal", "-shm"):
            Path(f"{store.path}{left}").unlink(missing_ok=True)


_COLUMN_EDITS = {
    "session": "UPDATE event SET session = 's-9' WHERE session = 's-2' AND seq = 4",
    "seq": "UPDATE event SET seq = 40 WHERE session = 's-2' AND seq = 4",
    "kind": "UPDATE event SET kind = 'tool.allowed' WHERE session = 's-2' AND seq = 4",
    "at_ms": "UPDATE event SET at_ms = at_ms + 1 WHERE session = 's-2' AND seq = 4",
    "durable": "UPDATE event SET durable = 1 - durable WHERE session = 's-2' AND seq = 4",
    "key": "UPDATE event SET key = 'other' WHERE session = 's-2' AND seq = 4",
    "no key": "UPDATE event SET key = NULL WHERE session = 's-2' AND seq = 4",
    "body": "UPDATE event SET body = x'7b7d' WHERE session = 's-2' AND seq = 4",
    "hash": "UPDATE event SET hash = zeroblob(32) WHERE session = 's-2' AND seq = 4",
    "gone": "DELETE FROM event WHERE session = 's-2' AND seq = 4",
}


@pytest.mark.parametrize("column", sorted(_COLUMN_EDITS))
def test_an_edited_column_names_its_row_and_spares_the_others(store: Store, column: str) -> None:
    """Any column of a row changed by hand is found at that row; other sessions are walked."""
    edit = _COLUMN_EDITS[column]
    store.edit(edit)
    journal = store.open()
    report = journal.verify()
    expected = ("gap" if column in ("session", "seq", "gone") else "hash", "s-2", 4)
    assert expected in [(f.what, f.session, f.seq) for f in report.findings]
    assert report.rows >= _ROWS + len(_SESSIONS) - 8
    assert [len(journal.read(name)) for name in _SESSIONS if name != "s-2"] == [11] * 4
    journal.close()


@pytest.mark.parametrize("column", sorted(_COLUMN_EDITS))
def test_a_damaged_row_is_never_given(store: Store, column: str) -> None:
    """Reading a session over a changed row is an error that names it; nothing is skipped."""
    store.edit(_COLUMN_EDITS[column])
    journal = store.open()
    for call in (
        lambda: journal.read("s-2"),
        lambda: journal.read("s-2", after=2, limit=2),
        lambda: journal.read("s-2", limit=9, reverse=True),
    ):
        with pytest.raises(StoreDamaged, match="row 4 of `s-2`"):
            call()
    journal.close()


def test_a_row_swapped_with_another_is_found(store: Store) -> None:
    """Two genuine rows that changed places break the chain at the first of them."""
    store.edit(
        "UPDATE event SET seq = 99 WHERE session = 's-1' AND seq = 3",
        "UPDATE event SET seq = 3 WHERE session = 's-1' AND seq = 5",
        "UPDATE event SET seq = 5 WHERE session = 's-1' AND seq = 99",
    )
    assert store.findings() == [("hash", "s-1", 3)]


_CUT = (
    "DELETE FROM event WHERE session = 's-1' AND seq > 7",
    "UPDATE session SET head = 7, hash = (SELECT hash FROM event WHERE session = 's-1'"
    " AND seq = 7) WHERE id = 's-1'",
)
_REMOVED = (
    "DELETE FROM event WHERE session = 's-1'",
    "DELETE FROM session WHERE id = 's-1'",
    "DELETE FROM snapshot WHERE session = 's-1'",
)


def test_a_cut_tail_is_found_by_the_mirror(store: Store) -> None:
    """Rows taken off the end with the head set back: the mirror knows the first that is gone."""
    store.edit(*_CUT)
    assert store.findings() == [("cut", "s-1", 8)]
    assert store.findings("s-1") == [("cut", "s-1", 8)]
    assert store.findings("s-2") == []


def test_a_removed_session_is_found_by_the_mirror(store: Store) -> None:
    """A session of which every trace was taken out is known to the mirror alone."""
    store.edit(*_REMOVED)
    assert store.findings() == [("removed", "s-1", 1)]
    assert store.findings("s-1") == [("removed", "s-1", 1)]


def test_a_rewritten_tail_is_found_by_the_mirror(store: Store) -> None:
    """A tail that was cut and grown again, longer than before, has another hash at the head."""
    store.edit(*_CUT)
    forged = SqliteJournal.open(store.path, create=False)
    for n in range(7, 15):
        assert isinstance(forged.append([Append("s-1", n, (Row("k", 0, b"{}"),))]), Appended)
    forged.close()
    assert store.findings() == [("mirror", "s-1", 11)]


@pytest.mark.parametrize("edits", [_CUT, _REMOVED], ids=["cut", "removed"])
def test_without_a_mirror_it_is_said_that_nothing_is_anchored(
    store: Store, edits: tuple[str, ...]
) -> None:
    """The chain alone cannot see a clean cut, and `verify` does not pretend that it could."""
    store.edit(*edits)
    journal = SqliteJournal.open(store.path, create=False)
    report = journal.verify()
    assert (report.ok, report.anchored) == (True, False)
    journal.close()
    anchored = store.open()
    assert anchored.verify().anchored
    anchored.close()


def test_a_tail_cut_without_its_head_needs_no_mirror(store: Store) -> None:
    """Rows that the store's own head counts and that are gone are found, and not built upon."""
    store.edit(_CUT[0])
    journal = SqliteJournal.open(store.path, create=False)
    assert [(f.what, f.session, f.seq) for f in journal.verify().findings] == [("cut", "s-1", 8)]
    for call in (
        lambda: journal.head("s-1"),
        lambda: journal.read("s-1"),
        lambda: journal.read("s-1", limit=2, reverse=True),
        lambda: journal.append([Append("s-1", 11, (Row("k", 0, b"{}"),))]),
        lambda: journal.append([Append("s-1", 7, (Row("k", 0, b"{}"),))]),
    ):
        with pytest.raises(StoreDamaged):
            call()
    assert isinstance(journal.append([Append("s-2", 11, (Row("k", 0, b"{}"),))]), Appended)
    journal.close()


def test_a_head_set_back_alone_is_found(store: Store) -> None:
    """Rows beyond the head are found by `verify`, by reading and by the next append."""
    store.edit(_CUT[1])
    journal = store.open()
    assert ("head", "s-1", 8) in [(f.what, f.session, f.seq) for f in journal.verify().findings]
    with pytest.raises(StoreDamaged):
        journal.read("s-1")
    with pytest.raises(StoreDamaged, match="beyond a head"):
        journal.append([Append("s-1", 7, (Row("k", 0, b"{}"),))])
    journal.close()


def test_rows_without_a_head_are_found(store: Store) -> None:
    """A session whose head alone was removed is no empty session."""
    store.edit("DELETE FROM session WHERE id = 's-1'")
    assert ("head", "s-1", 1) in store.findings()
    journal = store.open()
    with pytest.raises(StoreDamaged):
        journal.read("s-1")
    with pytest.raises(StoreDamaged):
        journal.append([Append("s-1", 0, (Row("k", 0, b"{}"),))])
    journal.close()


def test_a_damaged_index_of_keys_is_found(store: Store) -> None:
    """The index that makes keys unique is checked too: a key taken out of it counts as damage."""
    image = bytearray(store.path.read_bytes())
    (page,) = _pages_of(bytes(image), ("event_key",))
    base = (page - 1) * int.from_bytes(image[16:18], "big")
    place = image.index(b"key-8", base)
    image[place + 4] ^= 1
    store.path.write_bytes(image)
    assert {what for what, _, _ in store.findings()} == {"unreadable"}


def _big_store(store: Store) -> None:
    journal = store.open()
    for n, name in enumerate(("big-1", "big-2", "big-3")):
        rows = tuple(Row("k", n, bytes([65 + n]) * 300) for _ in range(100))
        journal.append([Append(name, 0, rows)])
    journal.close()


@pytest.mark.parametrize("fill", [0x00, 0xFF, 0x5A])
def test_a_destroyed_page_costs_its_own_session_alone(store: Store, fill: int) -> None:
    """A page of rows overwritten: the first bad row is named, the others are all walked."""
    _big_store(store)
    image = bytearray(store.path.read_bytes())
    size = int.from_bytes(image[16:18], "big")
    pages = [image[(page - 1) * size : page * size] for page in _pages_of(bytes(image), ("event",))]
    own = [page for page in pages if page[0] == _LEAF_OF_KEYS and page.count(b"B" * 300) > 5]
    base = image.index(own[len(own) // 2])
    image[base : base + size] = bytes([fill]) * size
    store.path.write_bytes(image)
    journal = store.open()
    report = journal.verify()
    bad = [f for f in report.findings if f.session == "big-2"]
    assert len(bad) == 1
    assert 1 < bad[0].seq <= 100
    assert {f.session for f in report.findings} <= {"big-2", ""}
    assert report.rows >= _ROWS + len(_SESSIONS) + 200 + bad[0].seq - 1
    with pytest.raises(StoreDamaged):
        journal.read("big-2")
    assert len(journal.read("big-1")) == len(journal.read("big-3")) == 100
    journal.close()


def test_unreadable_heads_do_not_hide_the_rows(store: Store) -> None:
    """With the table of heads destroyed, every session's rows are still walked and judged."""
    image = bytearray(store.path.read_bytes())
    size = int.from_bytes(image[16:18], "big")
    (page,) = _pages_of(bytes(image), ("session",))
    image[(page - 1) * size : page * size] = bytes(size)
    store.path.write_bytes(image)
    store.mirror.unlink()
    journal = store.open()
    report = journal.verify()
    assert {f.what for f in report.findings} == {"unreadable"}
    assert set(_SESSIONS) <= {f.session for f in report.findings}
    assert report.rows == _ROWS + len(_SESSIONS)
    assert journal.mirror_problem
    journal.close()


# -- the file as a whole ---------------------------------------------------------------


def _garbage(image: bytes) -> bytes:
    return bytes(n * 7 % 251 for n in range(len(image)))


_BROKEN_FILES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda image: b"",
    "garbage": _garbage,
    "text": lambda image: b"this is no database\n" * 400,
    "header": lambda image: b"\x00" * 100 + image[100:],
    "cut to a page": lambda image: image[:4096],
    "cut in a page": lambda image: image[:5000],
}


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("kind", sorted(_BROKEN_FILES))
def test_a_broken_file_is_never_a_fresh_start(store: Store, kind: str, create: bool) -> None:
    """Damage is an error or a finding, never an empty journal; the file is left as evidence."""
    broken = _BROKEN_FILES[kind](store.path.read_bytes())
    store.path.write_bytes(broken)
    try:
        journal = SqliteJournal.open(store.path, create=create, mirror=store.mirror)
    except StoreDamaged as error:
        named = (str(store.path) in str(error), bool(error.remedy))
    else:
        named = (True, not journal.verify().ok)
        with pytest.raises(StoreDamaged):
            journal.read("s-1")
        with pytest.raises(StoreDamaged):
            journal.append([Append("s-1", 11, (Row("k", 0, b"{}"),))])
        journal.close()
    assert named == (True, True)
    assert store.path.read_bytes() == broken


def test_another_program_s_database_is_refused(tmp_path: Path) -> None:
    """A SQLite file that is no store of ours is neither read nor taken over."""
    path = tmp_path / "other.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE bookmarks (url)")
    connection.close()
    before = path.read_bytes()
    for create in (True, False):
        with pytest.raises(StoreDamaged, match="no store"):
            SqliteJournal.open(path, create=create)
    assert path.read_bytes() == before


def test_a_newer_store_is_refused_and_left_as_it_is(store: Store) -> None:
    """A store of a later version is named as such, and not a byte of it is changed."""
    store.edit(f"PRAGMA user_version={VERSION + 1}")
    before = store.path.read_bytes()
    with pytest.raises(StoreNewer, match=f"version {VERSION + 1}; this engine knows {VERSION}"):
        store.open()
    assert store.path.read_bytes() == before


def test_a_store_that_becomes_newer_while_open_is_not_written(store: Store) -> None:
    """An engine that is running when a newer one migrates the store stops writing to it."""
    journal = store.open()
    store.edit(f"PRAGMA user_version={VERSION + 1}")
    with pytest.raises(StoreNewer):
        journal.append([Append("s-1", 11, (Row("k", 0, b"{}"),))])
    assert [f.what for f in journal.verify().findings] == ["newer"]
    store.edit(f"PRAGMA user_version={VERSION}")
    assert isinstance(journal.append([Append("s-1", 11, (Row("k", 0, b"{}"),))]), Appended)
    journal.close()


def test_a_missing_store_is_not_made(tmp_path: Path) -> None:
    """Without leave to create, opening makes neither file nor folder."""
    path = tmp_path / "folder" / "journal.db"
    with pytest.raises(StoreMissing, match="there is no store"):
        SqliteJournal.open(path, create=False, mirror=tmp_path / "heads")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("create", [True, False])
def test_a_store_that_vanished_is_not_a_new_store(store: Store, create: bool) -> None:
    """While the mirror knows of it, a store that is gone is not begun anew, even with leave."""
    shutil.rmtree(store.path.parent)
    with pytest.raises(StoreMissing, match="a store that vanished is not a new store"):
        SqliteJournal.open(store.path, create=create, mirror=store.mirror)
    assert not store.path.parent.exists()
    store.mirror.unlink()
    SqliteJournal.open(store.path, create=True, mirror=store.mirror).close()


def test_a_store_that_was_replaced_is_refused(store: Store, tmp_path: Path) -> None:
    """Another, valid store in the old one's place is not taken for it."""
    other = tmp_path / "other" / "journal.db"
    SqliteJournal.open(other, create=True).close()
    shutil.copy(other, store.path)
    with pytest.raises(StoreMissing, match="another store"):
        store.open()


def test_a_store_removed_while_it_is_open_takes_no_more_rows(store: Store) -> None:
    """Rows that nobody could ever read again are not acknowledged."""
    journal = store.open()
    store.path.unlink()
    with pytest.raises(StoreMissing, match="removed or replaced"):
        journal.append([Append("s-1", 11, (Row("k", 0, b"{}"),))])
    assert [f.what for f in journal.verify().findings] == ["vanished"]
    journal.close()


def test_triggers_and_views_in_a_store_do_nothing(store: Store) -> None:
    """Opening and writing a store runs nothing that somebody planted in it."""
    store.edit(
        "CREATE TRIGGER planted AFTER INSERT ON event BEGIN DELETE FROM event; END",
    )
    journal = store.open()
    assert isinstance(journal.append([Append("s-1", 11, (Row("k", 0, b"{}"),))]), Appended)
    assert len(journal.read("s-1")) == 12
    assert journal.verify().rows == _ROWS + len(_SESSIONS) + 1
    journal.close()
