"""A store that cannot take rows: full, locked, read-only, or failing in the commit itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from governance.errors import JournalError, OutcomeUnknown, StoreBusy, StoreDamaged, StoreFull
from governance.journal.faults import LibraryUnsafe
from governance.journal.group_commit import Request
from governance.journal.records import Append, Appended, Conflict, Duplicate, Row
from governance.journal.sqlite import SqliteJournal
from governance.journal.sqlite_schema import check_library, wal_is_safe
from tests.quality.journal_storage import Disk, disk

_ROOT = Path(__file__).resolve().parents[2]


def _row(size_bytes: int = 2) -> Row:
    return Row("k", 0, b"x" * size_bytes)


@pytest.fixture
def under() -> Iterator[Disk]:
    with disk() as made:
        yield made


@pytest.fixture
def journal(tmp_path: Path, under: Disk) -> Iterator[SqliteJournal]:
    """A store with two rows of `s`, on a disk that fails when it is told to."""
    path, mirror = tmp_path / "journal.db", tmp_path / "heads"
    SqliteJournal.open(path, create=True, mirror=mirror).close()
    made = SqliteJournal.open(path, create=False, mirror=mirror, vfs=under.name)
    made.append([Append("s", 0, (_row(), _row()))])
    yield made
    under.on_write = under.on_sync = None
    made.close()


_BATCH = [Append("s", 2, (_row(3_000), _row(9_000))), Append("t", 0, (_row(), _row(20_000)))]


@pytest.mark.parametrize("room", range(14))
def test_a_full_disk_writes_nothing_and_heals(
    journal: SqliteJournal, under: Disk, room: int
) -> None:
    """Wherever the room ends, no row of the batch is there; with room again the same call works."""
    left = [room]

    def refuse(_path: str, _size: int) -> None:
        if left[0] <= 0:
            raise apsw.FullError("no space left on the device")
        left[0] -= 1

    under.on_write = refuse
    with pytest.raises(StoreFull, match="no room"):
        journal.append(_BATCH, key="k")
    under.on_write = None
    assert (journal.head("s").seq, journal.head("t").seq) == (2, 0)
    assert journal.verify().ok
    assert isinstance(journal.append(_BATCH, key="k"), Appended)
    assert (journal.head("s").seq, journal.head("t").seq) == (4, 2)
    report = journal.verify()
    assert (report.findings, report.anchored) == ((), True)


def test_rows_in_commits_of_their_own_are_half_written_on_a_full_disk(
    journal: SqliteJournal, under: Disk
) -> None:
    """Negative control: wherever the room ends, some of a careless writer's rows are there."""
    written: list[int] = []
    for number in range(40):
        session, left = f"careless-{number}", [number]

        def refuse(_path: str, _size: int, left: list[int] = left) -> None:
            if left[0] <= 0:
                raise apsw.FullError("no space left on the device")
            left[0] -= 1

        under.on_write = refuse
        with contextlib.suppress(StoreFull):
            for seq, row in enumerate(row for one in _BATCH for row in one.rows):
                journal.append([Append(session, seq, (row,))])
        under.on_write = None
        written.append(journal.head(session).seq)
    assert {1, 2, 3} & set(written), "the room never ended halfway"


def test_a_quota_takes_down_no_neighbour(journal: SqliteJournal) -> None:
    """Of a group that does not fit as a whole, each append that fits by itself is written."""
    writer = journal._writer
    pages = writer.connection.execute("PRAGMA page_count").get
    writer.connection.execute(f"PRAGMA max_page_count={pages + 4}")
    small = [Request.of((Append(f"small-{n}", 0, (_row(),)),), None) for n in range(3)]
    large = Request.of((Append("large", 0, (_row(1_000_000),)),), None)
    stale = Request.of((Append("s", 0, (_row(),)),), None)
    writer.begin(True, 1_000)
    writer.commit([small[0], large, small[1], stale, small[2]])
    assert [type(one.answer) for one in small] == [Appended] * 3
    assert isinstance(large.error, StoreFull)
    assert isinstance(stale.answer, Conflict)
    assert [head.session for head in journal.sessions()] == ["s", "small-0", "small-1", "small-2"]
    assert journal.verify().ok


def test_a_sync_that_fails_in_the_commit_is_an_unknown_outcome(
    journal: SqliteJournal, under: Disk
) -> None:
    """The error says so by name; the head tells what happened, and the key keeps it single."""

    def fail(_path: str, _size: int) -> None:
        raise apsw.IOError("the disk did not answer")

    under.on_sync = fail
    with pytest.raises(OutcomeUnknown, match="read the head"):
        journal.append(_BATCH, key="k")
    under.on_sync = None
    written = journal.head("s").seq == 4
    assert journal.head("t").seq == (2 if written else 0)
    assert journal.verify().ok
    answer = journal.append(_BATCH, key="k")
    assert isinstance(answer, Duplicate if written else Appended)
    assert (journal.head("s").seq, journal.head("t").seq) == (4, 2)
    assert journal.verify().ok


def test_a_write_that_fails_before_the_commit_is_a_plain_error(
    journal: SqliteJournal, under: Disk
) -> None:
    """Failing to read or spill pages before COMMIT was sent means not written, for certain."""
    writer = journal._writer
    writer.connection.execute("PRAGMA cache_size=10")

    def fail(_path: str, _size: int) -> None:
        raise apsw.IOError("the disk did not answer")

    under.on_write = fail
    with pytest.raises(JournalError) as caught:
        journal.append([Append("s", 2, tuple(_row(4_000) for _ in range(200)))])
    assert not isinstance(caught.value, OutcomeUnknown)
    under.on_write = None
    assert journal.head("s").seq == 2
    assert isinstance(journal.append(_BATCH), Appended)
    assert journal.verify().ok


def test_a_locked_store_is_busy_at_the_deadline(journal: SqliteJournal) -> None:
    """Held by another connection, an append waits as long as it may, then says what is wrong."""
    other = apsw.Connection(str(journal.path))
    other.execute("BEGIN IMMEDIATE")
    for deadline_ms in (0, 30):
        with pytest.raises(StoreBusy, match="locked"):
            journal.append([Append("s", 2, (_row(),))], deadline_ms=deadline_ms)
    assert len(journal.read("s")) == 2  # readers do not wait for writers
    threading.Timer(0.05, other.execute, ["ROLLBACK"]).start()
    answer = journal.append([Append("s", 2, (_row(),))], deadline_ms=20_000)
    assert isinstance(answer, Appended)
    other.close()


def test_callers_that_wait_for_a_lock_time_out_one_by_one(journal: SqliteJournal) -> None:
    """Each caller in the queue has its own deadline; who can wait longer gets through."""
    other = apsw.Connection(str(journal.path))
    other.execute("BEGIN IMMEDIATE")
    outcomes: dict[str, str] = {}
    given_up = threading.Barrier(4)

    def call(name: str, deadline_ms: int) -> None:
        try:
            journal.append([Append(name, 0, (_row(),))], deadline_ms=deadline_ms)
            outcomes[name] = "appended"
        except StoreBusy:
            outcomes[name] = "busy"
            given_up.wait()

    calls = [("short-1", 40), ("short-2", 40), ("short-3", 40), ("long-1", 30_000)]
    threads = [threading.Thread(target=call, args=one) for one in [*calls, ("long-2", 30_000)]]
    for thread in threads:
        thread.start()
    given_up.wait()
    other.execute("ROLLBACK")
    for thread in threads:
        thread.join()
    assert outcomes == {
        **{f"short-{n}": "busy" for n in (1, 2, 3)},
        **{f"long-{n}": "appended" for n in (1, 2)},
    }
    assert [head.session for head in journal.sessions()] == ["long-1", "long-2", "s"]
    other.close()


_READ_ONLY = """
import os, sys
from pathlib import Path
import governance.journal.sqlite_verify
from governance.errors import JournalError
from governance.journal.records import Append, Row
from governance.journal.sqlite import SqliteJournal
import apsw, attrs, errno
if os.getuid() == 0:
    os.setuid(65534)
path = Path(sys.argv[1])
try:
    journal = SqliteJournal.open(path, create=sys.argv[2] == "create")
    journal.append([Append("s", 2, (Row("k", 0, b"{}"),))])
    print("written")
except JournalError as error:
    print(type(error).__name__, bool(error.remedy), str(path) in str(error), sep=",")
"""


def _as_nobody(path: Path, mode: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _READ_ONLY, str(path), mode],
        capture_output=True,
        text=True,
        cwd=_ROOT,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="journal-read-only-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.name != "posix", reason="platform: modes are POSIX")
def test_a_read_only_store_is_an_error_by_name(open_folder: Path) -> None:
    """A folder or file that may not be written is named with a remedy; nothing changes."""
    folder = open_folder / "store"
    journal = SqliteJournal.open(folder / "journal.db", create=True)
    journal.append([Append("s", 0, (_row(), _row()))])
    journal.close()
    for file_mode, folder_mode in ((0o444, 0o555), (0o444, 0o777), (0o666, 0o555)):
        journal.path.chmod(file_mode)
        folder.chmod(folder_mode)
        named, remedy, placed = _as_nobody(journal.path, "open").split(",")
        assert named in ("StoreReadOnly", "StoreUnopenable")
        assert (remedy, placed) == ("True", "True")
        folder.chmod(0o700)
    again = SqliteJournal.open(journal.path, create=False)
    assert again.head("s").seq == 2
    assert again.verify().ok
    again.close()


@pytest.mark.skipif(os.name != "posix", reason="platform: modes are POSIX")
def test_a_folder_that_cannot_be_made_is_an_error_by_name(open_folder: Path) -> None:
    """Creating a store where nothing may be created says so, and leaves nothing."""
    assert _as_nobody(open_folder / "new" / "journal.db", "create") == "StoreReadOnly,True,False"
    assert list(open_folder.iterdir()) == []
    (open_folder / "file").write_text("")
    with pytest.raises(JournalError):
        SqliteJournal.open(open_folder / "file" / "journal.db", create=True)


def test_a_folder_in_the_store_s_place_is_an_error_by_name(tmp_path: Path) -> None:
    """A path that is no file cannot be opened, and is left alone."""
    (tmp_path / "journal.db").mkdir()
    for create in (True, False):
        with pytest.raises(JournalError, match="cannot be opened"):
            SqliteJournal.open(tmp_path / "journal.db", create=create)


def test_an_unsafe_library_is_refused_in_clear_words() -> None:
    """A SQLite with the WAL-reset bug writes no store, and the error says what to install."""
    for bad in ("3.51.2", "3.50.6", "3.40.1", "3.44.5", "3.45.0", "3.7.0"):
        with pytest.raises(LibraryUnsafe, match="WAL-reset"):
            check_library(bad)
    for good in ("3.51.3", "3.50.7", "3.44.6", "3.54.1", "4.0"):
        check_library(good)
    assert not wal_is_safe((3, 51, 0))


def test_a_library_that_is_unsafe_opens_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check stands before anything is made or opened."""
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.40.1")
    with pytest.raises(LibraryUnsafe):
        SqliteJournal.open(tmp_path / "folder" / "journal.db", create=True)
    assert list(tmp_path.iterdir()) == []


def test_a_fork_does_not_share_a_connection(journal: SqliteJournal) -> None:
    """A child process that goes on with its parent's journal is told so."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from governance.errors import MisuseError\n"
        "from governance.journal.sqlite import SqliteJournal\n"
        "journal = SqliteJournal.open(Path(sys.argv[1]), create=False)\n"
        "if os.fork() == 0:\n"
        "    try:\n"
        "        journal.head('s')\n"
        "    except MisuseError as error:\n"
        "        os.write(1, str(error).encode())\n"
        "    journal.close()\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "journal.head('s')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(journal.path)],
        capture_output=True,
        text=True,
        cwd=_ROOT,
        check=True,
    )
    assert "before a fork" in done.stdout


def test_an_interrupted_leader_still_answers_those_it_led(
    journal: SqliteJournal, under: Disk
) -> None:
    """Ctrl-C in the thread that commits for others: nothing is written, and all are told."""

    def interrupt(_path: str, _size: int) -> None:
        raise KeyboardInterrupt

    writer = journal._writer
    requests = [Request.of((Append(name, 0, (_row(),)),), None) for name in ("t", "u")]
    writer.begin(True, 1_000)
    under.on_write = interrupt
    with pytest.raises(KeyboardInterrupt):
        writer.commit(requests)
    under.on_write = None
    assert all(isinstance(one.error, OutcomeUnknown) or not one.settled for one in requests)
    assert [head.session for head in journal.sessions()] == ["s"]
    assert isinstance(journal.append([Append("t", 0, (_row(),))]), Appended)
    assert journal.verify().ok


def test_a_transaction_left_open_by_an_interrupt_is_taken_back(journal: SqliteJournal) -> None:
    """A leader that died between BEGIN and its commit blocks nobody who comes after."""
    journal._writer.begin(True, 1_000)
    assert isinstance(journal.append([Append("s", 2, (_row(),))]), Appended)
    assert journal.verify().ok


def test_a_damaged_session_fails_its_own_caller_alone(journal: SqliteJournal) -> None:
    """In a group, an append on a damaged session is refused, its neighbours are written."""
    other = apsw.Connection(str(journal.path))
    other.execute("UPDATE event SET hash = zeroblob(32) WHERE session = 's' AND seq = 2")
    other.close()
    bad = Request.of((Append("s", 2, (_row(),)),), None)
    good = Request.of((Append("t", 0, (_row(),)),), None)
    writer = journal._writer
    writer.begin(True, 1_000)
    writer.commit([bad, good])
    assert isinstance(bad.error, StoreDamaged)
    assert isinstance(good.answer, Appended)
