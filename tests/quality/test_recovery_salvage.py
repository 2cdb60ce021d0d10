"""Damage to the file: every row that lies elsewhere comes back, and nothing else does."""

from __future__ import annotations

import json
import random
from pathlib import Path

import apsw
import pytest

from governance.errors import JournalError, StoreMissing, StoreNewer
from governance.journal.records import Append, Appended, Row
from governance.journal.repair import NothingToRepair, OtherStore
from governance.journal.replacing import StoreInUse
from governance.journal.salvage_pages import Pages, records_in, shape_of
from governance.journal.sqlite import SqliteJournal
from governance.journal.sqlite_schema import VERSION
from tests.quality.damaged_stores import PAGE_BYTES, Damaged, copied, make_store


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Damaged:
    return make_store(tmp_path_factory.mktemp("sound") / "whole")


@pytest.fixture
def store(sound: Damaged, tmp_path: Path) -> Damaged:
    return copied(sound, tmp_path / "copy")


@pytest.mark.parametrize("seed", range(24))
def test_every_row_off_the_destroyed_pages_comes_back(store: Damaged, seed: int) -> None:
    """Noise on random pages, the first and the roots among them: all rows elsewhere are kept."""
    chance = random.Random(seed)
    pages = chance.sample(range(store.pages), 1 + seed % 8)
    mirrored = seed % 3 != 0
    store.overwrite(pages, chance)
    if not mirrored:
        store.mirror.unlink()

    report = store.repair(mirrored=mirrored)

    recovered = store.recovered()
    assert recovered >= store.rows.keys() - store.beyond_proof(pages)
    assert report.rows == len(recovered)
    wrong = [one for one in store.verify().findings if one.what != "lost"]
    # Where the end of a session is lost the mirror says so until a person has accepted it.
    assert {one.what for one in wrong} <= {"mirror"}
    if mirrored:
        assert report.rows + report.lost == len(store.rows)
        assert {(one.session, one.fresh) for one in report.sessions} == {
            (session, missing)
            for session in {name for name, _ in store.rows}
            if (missing := sum(key[0] == session for key in store.rows.keys() - recovered))
        }


def test_a_scan_along_the_keys_alone_would_lose_more(store: Damaged) -> None:
    """Negative control: SQL alone loses rows of pages that nobody touched."""
    store.overwrite([_root_of_events(store)], random.Random(1))
    connection = apsw.Connection(str(store.path))
    found = 0
    for order in ("session, seq", "session DESC, seq DESC"):
        try:
            for _ in connection.execute(f"SELECT session, seq FROM event ORDER BY {order}"):
                found += 1
        except apsw.Error:
            continue
    connection.close()

    assert found == 0
    store.repair()
    assert len(store.recovered()) > 100


def _root_of_events(store: Damaged) -> int:
    connection = apsw.Connection(str(store.path))
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event'").get
    connection.close()
    for left in ("-wal", "-shm"):
        Path(f"{store.path}{left}").unlink(missing_ok=True)
    return int(root) - 1


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bits_cost_no_more_than_their_rows(store: Damaged, seed: int) -> None:
    """A few bits flipped anywhere in rows: what is kept is what was written, to the bit."""
    chance = random.Random(seed)
    image = bytearray(store.image)
    places = chance.sample(range(3 * PAGE_BYTES, len(image)), 6)
    for place in places:
        image[place] ^= 1 << chance.randrange(8)
    store.put(bytes(image))

    store.repair()

    pages = {place // PAGE_BYTES for place in places}
    assert store.recovered() >= store.rows.keys() - store.beyond_proof(pages)
    assert {one.what for one in store.verify().findings} <= {"lost", "mirror"}


def test_a_row_whose_hash_alone_is_damaged_comes_back(store: Damaged) -> None:
    """The row is right and its own column of the hash is not: the next row proves both."""
    connection = apsw.Connection(str(store.path))
    connection.execute("UPDATE event SET hash = zeroblob(32) WHERE session = 's-2' AND seq = 9")
    connection.close()

    report = store.repair()

    assert (report.needed, report.lost) == (True, 0)
    assert store.recovered() == store.rows.keys()
    assert store.verify().ok


def test_a_damaged_row_proves_the_next_one(store: Damaged) -> None:
    """A changed body is quarantined; the row after it is proven by the hash that is still there."""
    connection = apsw.Connection(str(store.path))
    connection.execute("UPDATE event SET body = x'00' WHERE session = 's-2' AND seq = 9")
    connection.close()

    report = store.repair()

    (one,) = report.sessions
    assert (one.session, one.lost, one.unproven) == ("s-2", ((9, 9),), 0)
    assert store.recovered() == store.rows.keys() - {("s-2", 9)}
    assert report.quarantine is not None
    (line,) = report.quarantine.read_text().splitlines()
    kept = json.loads(line)
    assert (kept["session"], kept["seq"], kept["body_base64"]) == ("s-2", 9, "AA==")
    assert report.quarantine.stat().st_mode & 0o777 == 0o600


def test_a_row_after_a_loss_is_bound_again(store: Damaged) -> None:
    """A row that nothing proves any more is kept, counted, and cannot be changed afterwards."""
    connection = apsw.Connection(str(store.path))
    connection.execute("DELETE FROM event WHERE session = 's-1' AND seq BETWEEN 5 AND 7")
    connection.execute("DELETE FROM snapshot")
    connection.close()
    store.mirror.unlink()

    report = store.repair(mirrored=False)

    assert [(one.lost, one.unproven) for one in report.sessions] == [(((5, 7),), 1)]
    assert store.recovered() == store.rows.keys() - {("s-1", n) for n in (5, 6, 7)}
    for column in ("body = x'00'", "at_ms = 1", "hash = zeroblob(32)"):
        before = store.path.read_bytes()
        connection = apsw.Connection(str(store.path))
        connection.execute(f"UPDATE event SET {column} WHERE session = 's-1' AND seq = 8")
        connection.close()
        assert ("hash", 8) in [(one.what, one.seq) for one in store.verify().findings]
        store.put(before)


def test_a_stand_in_cannot_be_slipped_in_unseen(store: Damaged) -> None:
    """A row that somebody replaced by a stand-in with the right hash is a finding of `verify`."""
    row = store.rows["s-1", 5]
    body = json.dumps({"data": {}, "link": {"lost": row.hash.hex()}})
    from governance.journal.chain import row_hash

    before = store.rows["s-1", 4].hash
    own = row_hash(before, "s-1", 5, "session.gap", 1, True, None, body.encode())
    connection = apsw.Connection(str(store.path))
    connection.execute(
        "UPDATE event SET kind = 'session.gap', at_ms = 1, durable = 1, key = NULL, body = ?,"
        " hash = ? WHERE session = 's-1' AND seq = 5",
        (body.encode(), own),
    )
    connection.close()

    assert [(one.what, one.seq) for one in store.verify().findings] == [("lost", 5)]


def test_a_lost_head_and_a_lost_session_are_known_by_the_mirror(store: Damaged) -> None:
    """A session of which nothing is left stands there as lost rows, never as a new session."""
    connection = apsw.Connection(str(store.path))
    connection.execute("DELETE FROM event WHERE session = 's-3'")
    connection.execute("DELETE FROM session WHERE id IN ('s-3', 's-0')")
    connection.close()

    report = store.repair()

    last = max(seq for session, seq in store.rows if session == "s-3")
    assert [(one.session, one.lost) for one in report.sessions] == [("s-3", ((1, last),))]
    journal = store.open()
    assert journal.head("s-3").seq == last + 1
    assert {row.kind for row in journal.read("s-3")} == {"session.gap", "session.damaged"}
    journal.close()


def test_a_head_that_claims_too_much_makes_no_rows_up(store: Damaged) -> None:
    """A flipped bit in a head's number does not lead to a million stand-ins."""
    connection = apsw.Connection(str(store.path))
    connection.execute("UPDATE session SET head = head + (1 << 40) WHERE id = 's-1'")
    connection.close()

    report = store.repair()

    assert (report.needed, report.lost) == (True, 0)
    assert store.recovered() == store.rows.keys()
    assert store.verify().ok


def test_a_destroyed_index_costs_no_row(store: Damaged) -> None:
    """What is only derived is made anew."""
    connection = apsw.Connection(str(store.path))
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event_key'").get
    connection.close()
    store.overwrite([int(root) - 1], random.Random(3))

    report = store.repair()

    assert (report.needed, report.lost, report.rows) == (True, 0, len(store.rows))
    journal = store.open()
    assert journal.verify().ok
    key = store.rows["s-0", 1].key
    answer = journal.append([Append("s-0", 0, (Row("k", 0, b"{}"),))], key=key)
    assert not isinstance(answer, Appended)
    journal.close()


def test_rows_in_the_log_alone_come_back(store: Damaged, tmp_path: Path) -> None:
    """What a killed process left in the log is read, also where the file itself is noise."""
    journal = store.open()
    journal._writer.connection.execute("PRAGMA wal_autocheckpoint=0")
    row = Row("k", 0, b"<row 0> in the log")
    last = journal.head("s-1").seq
    journal.append([Append("s-1", last, (row,))])
    log = Path(f"{store.path}-wal").read_bytes()
    journal.close()
    for broken in (False, True):
        image = bytearray(store.image)
        if broken:
            image[:PAGE_BYTES] = bytes(PAGE_BYTES)
        else:
            image[9 * PAGE_BYTES : 10 * PAGE_BYTES] = bytes(PAGE_BYTES)
        store.put(bytes(image))
        Path(f"{store.path}-wal").write_bytes(log)

        store.repair()

        after = store.open()
        assert row.body in [one.body for one in after.read("s-1", limit=9999)]
        after.close()


def test_no_byte_of_the_header_costs_a_row(store: Damaged) -> None:
    """What says how the file is to be read is the same in every store, and known by that."""
    for place in (*range(24), 28, 32, 36, 40, *range(44, 72), 92, 96):
        image = bytearray(store.image)
        image[place] ^= (0x04, 0x01, 0xFF)[place % 3]
        store.put(bytes(image))

        report = store.repair()

        assert (report.lost, report.rows) == (0, len(store.rows)), f"byte {place}"
        assert store.recovered() == store.rows.keys(), f"byte {place}"
        assert store.verify().ok, f"byte {place}"


def test_a_sound_store_is_left_alone(store: Damaged) -> None:
    """Nothing is written where nothing is wrong, and a second repair finds nothing to do."""
    assert not store.repair().needed
    assert not list(store.path.parent.glob("journal.db.*"))
    store.overwrite([9], random.Random(5))
    assert store.repair().needed
    before = store.path.read_bytes()

    assert not store.repair().needed
    assert store.path.read_bytes() == before


def test_a_dry_run_says_the_same_and_changes_nothing(store: Damaged) -> None:
    """What would come of a repair is what comes of it."""
    store.overwrite([0, 9, 20], random.Random(5))
    before = store.path.read_bytes()

    told = store.repair(dry_run=True)

    assert store.path.read_bytes() == before
    assert not list(store.path.parent.glob("*journal.db.*"))
    done = store.repair()
    assert (told.rows, told.lost, told.sessions) == (done.rows, done.lost, done.sessions)


def test_the_damaged_file_is_kept(store: Damaged) -> None:
    """Byte for byte, beside the store, for its owner alone."""
    store.overwrite([9, 20], random.Random(5))
    before = store.path.read_bytes()

    kept = store.repair().kept

    assert kept is not None
    assert kept.parent == store.path.parent
    assert kept.read_bytes() == before
    assert kept.stat().st_mode & 0o777 == 0o600
    assert store.path.stat().st_mode & 0o777 == 0o600


def test_a_store_in_use_is_not_replaced(store: Damaged) -> None:
    """While an engine has it open nothing is done: what it acknowledges must not be lost."""
    store.overwrite([9], random.Random(5))
    before = store.path.read_bytes()
    journal = store.open()

    from governance.journal.repair import repair_store

    with pytest.raises(StoreInUse, match="another process"):
        repair_store(store.path, now_ms=0, mirror=store.mirror, wait_ms=20)

    journal.close()
    assert store.path.read_bytes() == before


def test_a_file_that_is_no_store_of_ours_is_refused(store: Damaged, tmp_path: Path) -> None:
    """Nothing of ours, another program's, a newer engine's, none at all: each by its name."""
    store.put(b"this is no database\n" * 900)
    with pytest.raises(NothingToRepair):
        store.repair(mirrored=False)
    other = tmp_path / "other.db"
    connection = apsw.Connection(str(other))
    connection.execute("CREATE TABLE bookmarks (url)")
    connection.close()
    store.put(other.read_bytes())
    with pytest.raises(JournalError, match="no store"):
        store.repair(mirrored=False)
    store.put(store.image)
    connection = apsw.Connection(str(store.path))
    connection.execute(f"PRAGMA user_version={VERSION + 1}")
    connection.close()
    with pytest.raises(StoreNewer):
        store.repair()
    store.path.unlink()
    with pytest.raises(StoreMissing, match="restore"):
        store.repair()


def test_a_mirror_of_another_store_is_refused(store: Damaged, tmp_path: Path) -> None:
    """A store is not repaired by what is known of another one."""
    other = SqliteJournal.open(
        tmp_path / "other" / "o.db", create=True, mirror=tmp_path / "other-heads"
    )
    other.close()
    store.mirror.write_bytes((tmp_path / "other-heads").read_bytes())

    with pytest.raises(OtherStore):
        store.repair()


@pytest.mark.parametrize("seed", range(20))
def test_noise_never_breaks_the_reader_of_pages(store: Damaged, seed: int) -> None:
    """Pages of noise, and pages half overwritten, give records or nothing, and no error."""
    chance = random.Random(seed)
    image = bytearray(store.image)
    for _ in range(300):
        start = chance.randrange(len(image) - 64)
        image[start : start + 64] = chance.randbytes(64)
    raw = bytes(image)
    pages = Pages(
        lambda at, amount: raw[at : at + amount], shape_of(raw[:100]), len(raw) // PAGE_BYTES
    )

    found = sum(1 for n in range(1, pages.pages + 1) for _ in records_in(pages, n, pages))

    assert found >= 0
