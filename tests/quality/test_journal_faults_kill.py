"""Processes that are killed, and processes that race, on one store."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import apsw

from governance.journal.chain import ZERO_HASH, row_hash
from governance.journal.records import Append, Appended, Head, Row
from governance.journal.sqlite import SqliteJournal
from governance.journal.sqlite_schema import APPLICATION_ID, MIGRATIONS, VERSION
from tests.quality.children import HEAD, RACE, child, go

_HEAD = (
    HEAD
    + """
from pathlib import Path
from governance.journal.sqlite import SqliteJournal

path, mirror, who = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
"""
)

# Appends to a session of its own and to one that all share, and says each that was acked.
_WRITER = (
    _HEAD
    + """
journal = SqliteJournal.open(path, create=False, mirror=mirror)
say("ready")
n = 0
while True:
    for session in (who, "shared"):
        n += 1
        seq = journal.head(session).seq
        row = Row("k", n, f"{who}-{os.getpid()}-{n}".encode(), durable=n % 3 != 0)
        answer = journal.append([Append(session, seq, (row,))])
        if isinstance(answer, Appended):
            say(f"{session} {answer.heads[0].seq} {row.body.decode()}")
"""
)

# The control: says so when a row is sent, and not when it is there.
_HASTY = (
    _HEAD
    + """
journal = SqliteJournal.open(path, create=False, mirror=mirror)
say("ready")
n = 0
while True:
    n += 1
    seq = journal.head(who).seq
    row = Row("k", n, f"{who}-{os.getpid()}-{n}".encode())
    say(f"{who} {seq + 1} {row.body.decode()}")
    time.sleep(0.01)
    journal.append([Append(who, seq, (row,))])
"""
)

_RACER = (
    _HEAD
    + """
journal, tries = SqliteJournal.open(path, create=False, mirror=mirror), 150
"""
    + RACE
)

# The control: an append that puts its row after the head that it has read, whoever was faster.
_CARELESS_RACER = (
    _HEAD
    + """
import apsw
from governance.journal.records import Head
connection = apsw.Connection(str(path))
connection.set_busy_timeout(60_000)

class Careless:
    def head(self, session):
        found = connection.execute("SELECT max(seq) FROM event WHERE session = 's'").get
        return Head(session, found or 0, b"")

    def append(self, batch):
        (one,) = batch
        time.sleep(0.0005)
        row = ("s", one.expected_seq + 1, "k", 0, 1, None, one.rows[0].body, bytes(32))
        connection.execute("INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        return Appended((), ())

journal, tries = Careless(), 150
"""
    + RACE
)

# Stops with rows of two sessions written and not committed.
_HALFWAY = (
    _HEAD
    + """
from governance.journal.group_commit import Request
journal = SqliteJournal.open(path, create=False, mirror=mirror)
writer = journal._writer
writer.begin(True, 1000)
writer._write(Request.of((Append("s", 1, (Row("k", 0, b"x" * 100_000),) * 20),
                          Append("t", 0, (Row("k", 0, b"y"),))), "key"))
writer.connection.cache_flush()
say("ready")
time.sleep(60)
"""
)

# The control: two commits where there should be one.
_IN_TWO = (
    _HEAD
    + """
journal = SqliteJournal.open(path, create=False, mirror=mirror)
journal.append([Append("s", 1, (Row("k", 0, b"x"),) * 20)])
say("ready")
time.sleep(60)
"""
)

# Is killed by its own hand right before the migration is committed.
_MIGRATING = (
    _HEAD
    + """
from governance.journal import sqlite, sqlite_schema
sqlite_schema.MIGRATIONS = sqlite_schema.MIGRATIONS + (
    ("CREATE TABLE later (x TEXT) STRICT", "INSERT INTO later VALUES ('half')"),
)
sqlite_schema.VERSION = len(sqlite_schema.MIGRATIONS)
real = sqlite.connect

def connect(*args, **kwargs):
    connection = real(*args, **kwargs)
    def trace(cursor, sql, bindings):
        if sql.startswith("PRAGMA user_version="):
            cursor.connection.cache_flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return True
    connection.exec_trace = trace
    return connection

sqlite.connect = connect
say("ready")
SqliteJournal.open(path, create=False, mirror=mirror)
"""
)

# Lets sessions branch, go and come back, all day long.
_MOVER = (
    _HEAD
    + """
journal = SqliteJournal.open(path, create=False, mirror=mirror)
say("ready")
n = 0
while True:
    n += 1
    name, branch = f"{who}-{os.getpid()}-{n}", f"{who}-{os.getpid()}-{n}-b"
    answer = journal.append([Append(name, 0, (Row("k", n, b"{}"),) * 3)], key=name)
    journal.branch(branch, name, 2)
    own = journal.append([Append(branch, 2, (Row("k", n, b"{}"),) * 2)]).records
    head = journal.head(branch)
    assert journal.remove(branch, expected=head) is True
    journal.restore(head, own[:1])
    assert journal.restore(head, own[1:]) == head
    assert journal.remove(branch, expected=head) is True
    assert journal.remove(name, expected=answer.heads[0]) is True
    say(f"{name} {journal.moved(after=0, limit=100_000)[-1].position}")
"""
)


def _store(folder: Path) -> tuple[Path, Path]:
    path, mirror = folder / "store" / "journal.db", folder / "heads"
    SqliteJournal.open(path, create=True, mirror=mirror).close()
    return path, mirror


def _kill(process: subprocess.Popen[str]) -> list[str]:
    """SIGKILL *process*; the complete lines that it had said."""
    process.send_signal(signal.SIGKILL)
    text, _ = process.communicate()
    return text.splitlines() if text.endswith("\n") else text.splitlines()[:-1]


def _acked(script: str, path: Path, mirror: Path, seconds: float) -> list[str]:
    """What three processes of *script* had said when they were killed."""
    with (
        child(script, path, mirror, "one") as one,
        child(script, path, mirror, "two") as two,
        child(script, path, mirror, "three") as three,
    ):
        time.sleep(seconds)
        return [line for process in (one, two, three) for line in _kill(process)]


def _missing(path: Path, mirror: Path, said: list[str]) -> list[str]:
    """Those of *said* that are not in the store, which must hold, anchored."""
    journal = SqliteJournal.open(path, create=False, mirror=mirror)
    try:
        report = journal.verify()
        assert (report.findings, report.anchored) == ((), True)
        stored = {
            f"{row.session} {row.seq} {row.body.decode()}"
            for name in ("one", "two", "three", "shared")
            for row in journal.read(name, limit=100_000)
        }
        return [one for one in said if one not in stored]
    finally:
        journal.close()


def test_killed_writers_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Round after round of SIGKILL: every acked row is there, no gap, store and mirror agree."""
    path, mirror = _store(tmp_path)
    chance = random.Random(7)
    acked = 0
    for _ in range(8):
        said = _acked(_WRITER, path, mirror, chance.uniform(0.05, 0.25))
        assert _missing(path, mirror, said) == []
        acked += len(said)
    assert acked > 100


def test_killed_writers_that_acknowledge_too_early_are_seen(tmp_path: Path) -> None:
    """Negative control: what is said before it is written is missing after a few kills."""
    path, mirror = _store(tmp_path)
    chance = random.Random(7)
    rounds = (_acked(_HASTY, path, mirror, chance.uniform(0.05, 0.25)) for _ in range(8))

    assert any(_missing(path, mirror, said) for said in rounds)


def test_killed_while_sessions_branch_go_and_come_back(tmp_path: Path) -> None:
    """Whenever two of them are killed, the store verifies, anchored, and loses no removal."""
    path, mirror = _store(tmp_path)
    chance = random.Random(3)
    done: list[tuple[str, int]] = []
    for _ in range(6):
        with (
            child(_MOVER, path, mirror, "one") as one,
            child(_MOVER, path, mirror, "two") as two,
        ):
            time.sleep(chance.uniform(0.1, 0.3))
            said = [line.split() for process in (one, two) for line in _kill(process)]
        done += [(name, int(position)) for name, position in said]
        journal = SqliteJournal.open(path, create=False, mirror=mirror)
        report = journal.verify()
        assert (report.findings, report.anchored) == ((), True)
        gone = {head.session for head in journal.removed(limit=100_000)}
        assert {name for name, _ in done} <= gone
        assert journal.moved(limit=100_000)[-1].position >= max(p for _, p in done)
        journal.close()
    assert len(done) > 10


def _left_by(script: str, path: Path, mirror: Path) -> tuple[int, int]:
    """The heads of `s` and `t` after a process of *script* was killed in a batch for both."""
    journal = SqliteJournal.open(path, create=False, mirror=mirror)
    try:
        journal.append([Append("s", 0, (Row("k", 0, b"first"),))])
        with child(script, path, mirror, "x") as halfway:
            _kill(halfway)
        return journal.head("s").seq, journal.head("t").seq
    finally:
        journal.close()


def test_a_process_killed_in_a_transaction_leaves_nothing_of_it(tmp_path: Path) -> None:
    """Rows that were written but not committed are gone, and the lock with them."""
    path, mirror = _store(tmp_path)
    assert _left_by(_HALFWAY, path, mirror) == (1, 0)
    journal = SqliteJournal.open(path, create=False, mirror=mirror)
    assert journal.read("s")[0].body == b"first"
    answer = journal.append([Append("s", 1, (Row("k", 0, b"second"),))], key="key")
    assert isinstance(answer, Appended)
    assert journal.verify().ok
    journal.close()


def test_a_batch_in_two_commits_is_seen(tmp_path: Path) -> None:
    """Negative control: killed between the two, one session has its rows and the other not."""
    assert _left_by(_IN_TWO, *_store(tmp_path)) == (21, 0)


def test_a_process_killed_in_a_migration_leaves_the_old_store(tmp_path: Path) -> None:
    """A migration is done or it is not: the killed one left the version and the tables."""
    path, mirror = _store(tmp_path)
    with child(_MIGRATING, path, mirror, "x") as migrating:
        assert migrating.wait(timeout=120) == -signal.SIGKILL
    journal = SqliteJournal.open(path, create=False, mirror=mirror)
    connection = journal._writer.connection
    assert connection.execute("PRAGMA user_version").get == VERSION
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    assert "later" not in names
    assert isinstance(journal.append([Append("s", 0, (Row("k", 0, b"x"),))]), Appended)
    assert journal.verify().ok
    journal.close()


def test_killed_on_the_way_to_branches_the_store_is_led_there_again(tmp_path: Path) -> None:
    """A store from before branches: the killed migration changed nothing, the next one all."""
    path, mirror = tmp_path / "journal.db", tmp_path / "heads"
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    for step in MIGRATIONS[:2]:
        for statement in step:
            connection.execute(statement)
    for name in ("a", "b"):
        hash_ = row_hash(ZERO_HASH, name, 1, "k", 5, True, None, b"{}")
        connection.execute(
            "INSERT INTO event VALUES (?, 1, 'k', 5, 1, NULL, ?, ?)", (name, b"{}", hash_)
        )
        connection.execute("INSERT INTO session VALUES (?, 1, ?)", (name, hash_))
    connection.execute("PRAGMA user_version=2")
    before = connection.execute("SELECT sql FROM sqlite_schema").fetchall()
    connection.close()
    with child(_MIGRATING, path, mirror, "x") as migrating:
        assert migrating.wait(timeout=120) == -signal.SIGKILL
    connection = apsw.Connection(str(path))
    assert connection.execute("PRAGMA user_version").get == 2
    assert connection.execute("SELECT sql FROM sqlite_schema").fetchall() == before
    connection.close()
    journal = SqliteJournal.open(path, create=False, mirror=mirror)
    assert [one.session for one in journal.moved()] == ["a", "b"]
    assert isinstance(journal.branch("c", "a", 1), Head)
    assert journal.verify().ok
    journal.close()


def _raced(script: str, path: Path, mirror: Path) -> dict[str, int]:
    """How often each of two processes of *script* has won."""
    with (
        child(script, path, mirror, "one") as one,
        child(script, path, mirror, "two") as two,
    ):
        for process in (one, two):
            go(process)
        outcomes = [process.communicate(timeout=120)[0].split() for process in (one, two)]
    return {who: int(outcome[0]) for who, outcome in zip(("one", "two"), outcomes, strict=True)}


def test_two_processes_that_race_on_one_session_never_both_win(tmp_path: Path) -> None:
    """Rows are the sum of both processes' wins, without a gap."""
    path, mirror = _store(tmp_path)
    wins = _raced(_RACER, path, mirror)
    journal = SqliteJournal.open(path, create=False, mirror=mirror)
    rows = journal.read("s", limit=1_000)
    assert [row.seq for row in rows] == list(range(1, sum(wins.values()) + 1))
    for who, count in wins.items():
        assert sum(row.body == who.encode() for row in rows) == count
    assert journal.verify().ok
    journal.close()


def test_two_that_look_at_no_head_both_win(tmp_path: Path) -> None:
    """Negative control: an append after whatever head was read loses rows that had won."""
    path, mirror = _store(tmp_path)
    wins = _raced(_CARELESS_RACER, path, mirror)
    connection = apsw.Connection(str(path))
    rows = connection.execute("SELECT count(*) FROM event WHERE session = 's'").get
    connection.close()

    assert sum(wins.values()) == 300
    assert rows < 300


def test_two_processes_that_make_one_store_make_one(tmp_path: Path) -> None:
    """Both open the store that was made first; neither finds it half made."""
    path, mirror = tmp_path / "store" / "journal.db", tmp_path / "heads"
    script = (
        _HEAD
        + """
say("ready")
sys.stdin.readline()
journal = SqliteJournal.open(path, create=True, mirror=mirror)
assert isinstance(journal.append([Append(who, 0, (Row("k", 0, b"x"),))]), Appended)
say(journal.store_id)
"""
    )
    with child(script, path, mirror, "one") as one, child(script, path, mirror, "two") as two:
        for process in (one, two):
            go(process)
        ids = {process.communicate(timeout=60)[0] for process in (one, two)}
    assert len(ids) == 1
    journal = SqliteJournal.open(path, create=False, mirror=mirror)
    assert [head.session for head in journal.sessions()] == ["one", "two"]
    assert journal.verify().ok
    assert list(path.parent.glob("*.new")) == []
    journal.close()
