"""
A server is killed in the midst of commits, and another one that followed it takes over.

Both are real, the URL names both, and those who write go on by themselves. What the second one
had to have before a commit was acknowledged is there, once; what it did not is found and said.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import psycopg
import pytest
from attrs import define, field

from governance.engine import Engine
from governance.engine.restoring import settle_unknown
from governance.errors import JournalError, OutcomeUnknown
from governance.formats import body_of
from governance.journal.faults import StoreReadOnly
from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_faults import RowsLost
from governance.journal.postgres_url import target_of
from governance.journal.records import Append, Appended, Conflict, Row
from governance.testing.engines import memory_engine
from tests.postgres_server import Server, running_pair, wait_for

WRITERS = 3
BEFORE, AFTER = 15, 5
"""Rows that each writer has acknowledged before the kill, and after it."""

ROWS_MAX = 100_000
SECONDS_MAX = 120
"""How long anything is waited for: two servers and a busy machine take their time."""

WAITS = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture
def pair() -> Iterator[tuple[Server, Server]]:
    with running_pair() as servers:
        yield servers


def url(*servers: Server, **options: object) -> str:
    hosts = ",".join(str(one.folder) for one in servers)
    given = {"host": hosts, "tenant": "t", "target_session_attrs": "read-write", **options}
    return servers[0].url(**given)


def opened(*servers: Server, mirror: Path | None = None, **options: object) -> PostgresJournal:
    return PostgresJournal.open(target_of(url(*servers, **options)), create=False, mirror=mirror)


def row(text: str) -> Row:
    return Row("k", 0, text.encode())


def bodies(journal: PostgresJournal, session: str) -> list[str]:
    return [one.body.decode() for one in journal.read(session, limit=100_000)]


@define
class Writer:
    """Appends to a session of its own, and knows of each row what it was told of it."""

    journal: PostgresJournal
    session: str
    acked: list[str] = field(factory=list)
    refused: list[str] = field(factory=list)
    unknown: int = 0

    def write(self, text: str) -> None:
        """Append *text*; where nobody can say what became of it, the store says so later."""
        batch = [Append(self.session, len(self.acked), (row(text),))]
        try:
            answer = self.journal.append(batch, deadline_ms=5_000)
        except OutcomeUnknown:
            self.unknown += 1
            while (settled := settle_unknown(self.journal, batch)) is None:
                time.sleep(0.01)
            answer = settled
        except JournalError:
            self.refused.append(text)
            return
        (self.acked if isinstance(answer, Appended) else self.refused).append(text)


def calls_of(engine: Engine, over: Callable[[], bool]) -> Counter[tuple[str, bool]]:
    """Decides tool calls until *over*, and more than `AFTER` were let through; what was decided."""
    told: Counter[tuple[str, bool]] = Counter()
    session = engine.start("governed")
    session.turn("go")
    number = allowed = 0
    while not over() or allowed <= AFTER:
        number += 1
        reply = session.tool("shell", {"command": "ls"}, call_id=f"c{number}")
        allowed += not reply.denied
        told[f"c{number}", reply.denied] += 1
        session.tool_finished(f"c{number}", outcome="ok")
    return told


def test_a_standby_that_had_to_have_everything_takes_over(
    pair: tuple[Server, Server], tmp_path: Path
) -> None:
    """Nothing that was acknowledged is lost, nothing doubled, and what was refused is not there."""
    primary, standby = pair
    PostgresJournal.open(target_of(url(primary)), create=True).close()
    let_commits_wait(primary)
    with primary.connect() as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        connection.execute("SELECT pg_reload_conf()")
        synced = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_for(lambda: connection.execute(synced).fetchone(), SECONDS_MAX)
    anchored = opened(primary, standby, mirror=tmp_path / "heads")
    writers = [Writer(anchored, "s0")]
    writers += [Writer(opened(primary, standby), f"s{n}") for n in range(1, WRITERS)]
    # They write on until they are told how far: the server dies in the midst of it.
    goal = [ROWS_MAX]
    told: list[Counter[tuple[str, bool]]] = []

    def run(writer: Writer) -> None:
        number = 0
        while len(writer.acked) < goal[0]:
            number += 1
            writer.write(f"{writer.session} {number}")

    def over() -> bool:
        return all(len(one.acked) >= goal[0] for one in writers)

    def govern() -> None:
        with memory_engine(journal=opened(primary, standby)) as engine:
            told.append(calls_of(engine, over))

    threads = [threading.Thread(target=run, args=(one,)) for one in writers]
    threads.append(threading.Thread(target=govern))
    for one in threads:
        one.start()
    wait_for(lambda: all(len(one.acked) >= BEFORE for one in writers), SECONDS_MAX)
    primary.kill()
    standby.promote()
    goal[0] = max(len(one.acked) for one in writers) + AFTER
    for one in threads:
        one.join(SECONDS_MAX)
        assert not one.is_alive()

    with standby.connect() as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
        connection.execute("SELECT pg_reload_conf()")
    reader = opened(standby)
    for writer in writers:
        found = bodies(reader, writer.session)
        assert found == writer.acked
        assert not set(found) & set(writer.refused)
    report = anchored.verify()
    assert report.ok
    assert report.anchored
    decided = Counter(
        str(body_of(one)["data"]["call_id"])  # type: ignore[index, call-overload]
        for one in reader.read("governed", limit=100_000)
        if one.kind == "tool.decided"
    )
    allowed = {call for (call, denied), _ in told[0].items() if not denied}
    assert len(allowed) > AFTER
    assert allowed <= decided.keys()
    assert max(decided.values()) == 1
    for journal in (reader, *(one.journal for one in writers)):
        journal.close()


@pytest.mark.parametrize("arrives", [True, False], ids=["row arrived", "row did not arrive"])
def test_a_commit_of_which_no_answer_came_is_there_once_or_not_at_all(
    pair: tuple[Server, Server], arrives: bool
) -> None:
    """The server dies while it waits for the other one; the head there says what became of it."""
    primary, standby = pair
    PostgresJournal.open(target_of(url(primary)), create=True).close()
    journal = opened(primary, standby)
    journal.append([Append("s", 0, (row("first"),))])
    batch = [Append("s", 1, (row("second"),))]
    let_commits_wait(primary)
    with primary.connect() as connection:
        if not arrives:
            standby.stop("fast")
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(journal.append, batch)
            wait_for(lambda: connection.execute(WAITS).fetchone(), SECONDS_MAX)
            if arrives:
                written = f"SELECT pg_last_wal_replay_lsn() >= '{flushed(connection)}'"
                with standby.connect() as other:
                    wait_for(lambda: (other.execute(written).fetchone() or [False])[0], SECONDS_MAX)
            primary.kill()
            with pytest.raises(OutcomeUnknown, match="read the head"):
                sent.result(SECONDS_MAX)
    if not arrives:
        standby.start()
    standby.promote()

    settled = settle_unknown(journal, batch)

    assert isinstance(settled, Appended if arrives else Conflict)
    assert bodies(journal, "s") == ["first", "second"][: 1 + arrives]
    # Told to write it again, a caller that expects the head that it knows doubles nothing.
    again = journal.append(batch)
    assert isinstance(again, Conflict if arrives else Appended)
    assert bodies(journal, "s") == ["first", "second"]
    journal.close()


def let_commits_wait(primary: Server) -> None:
    """
    Return once commits of *primary* wait for a standby that never says that it has anything.

    That a setting was read tells nothing: a process of the server's must have acted on it.
    """
    with primary.connect() as connection, primary.connect() as probe:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        connection.execute("SELECT pg_reload_conf()")
        waited = threading.Event()

        def commit() -> None:
            while not waited.is_set():
                probe.execute("SELECT pg_current_xact_id()")

        with ThreadPoolExecutor(1) as pool:
            committing = pool.submit(commit)
            try:
                wait_for(lambda: connection.execute(WAITS).fetchone(), SECONDS_MAX)
            finally:
                waited.set()
                probe.cancel()
            committing.result(SECONDS_MAX)


def flushed(connection: psycopg.Connection) -> str:
    found = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
    assert found is not None
    return str(found[0])


def test_a_standby_that_lacks_rows_is_found_out(
    pair: tuple[Server, Server], tmp_path: Path
) -> None:
    """By the process that had written them at once, and by the mirror of its machine for good."""
    primary, standby = pair
    PostgresJournal.open(target_of(url(primary)), create=True).close()
    journal = opened(primary, standby, mirror=tmp_path / "heads")
    for number in range(5):
        journal.append([Append("s", number, (row(f"kept {number}"),))])
    with primary.connect() as connection:
        there = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_flush_lsn()"
        wait_for(lambda: connection.execute(there).fetchone(), SECONDS_MAX)
    standby.stop("fast")
    for number in range(5, 8):
        assert isinstance(journal.append([Append("s", number, (row(f"lost {number}"),))]), Appended)
    primary.kill()
    standby.start()
    follower = opened(standby, target_session_attrs="any")
    with pytest.raises(StoreReadOnly):
        follower.append([Append("t", 0, (row("x"),))])
    follower.close()
    standby.promote()

    # Whoever had the rows acknowledged does not go on without them, whatever it is told to expect.
    for expected in (8, 5):
        with pytest.raises(RowsLost, match="acknowledged row 8 of `s`, and ends with row 5"):
            journal.append([Append("s", expected, (row("on"),))])
    assert isinstance(journal.append([Append("other", 0, (row("x"),))]), Appended)
    assert [one.what for one in journal.verify().findings] == ["cut"]

    # Others know nothing of it, and go on; the mirror holds what was there.
    other = opened(primary, standby)
    for number in range(5, 10):
        assert isinstance(other.append([Append("s", number, (row(f"new {number}"),))]), Appended)
    with pytest.raises(RowsLost, match="holds another row in its place"):
        journal.append([Append("s", 10, (row("on"),))])
    again = opened(primary, standby, mirror=tmp_path / "heads")
    again.append([Append("s", 10, (row("on"),))])
    (finding,) = again.verify().findings
    assert (finding.what, finding.session, finding.seq) == ("mirror", "s", 6)
    assert bodies(other, "s")[:6] == [*(f"kept {n}" for n in range(5)), "new 5"]
    # The control: without a mirror the loss cannot be seen, and the report does not say that it is.
    report = other.verify()
    assert report.ok
    assert not report.anchored
    for one in (journal, other, again):
        one.close()


def test_an_engine_does_not_go_on_without_what_it_decided(pair: tuple[Server, Server]) -> None:
    """It denies, and says why; one that is started again goes on from what is there."""
    primary, standby = pair
    PostgresJournal.open(target_of(url(primary)), create=True).close()
    with memory_engine(journal=opened(primary, standby)) as engine:
        session = engine.start("s")
        session.turn("go")
        with primary.connect() as connection:
            there = (
                "SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_flush_lsn()"
            )
            wait_for(lambda: connection.execute(there).fetchone(), SECONDS_MAX)
        standby.stop("fast")
        assert not session.tool("shell", {"command": "ls"}, call_id="c1").denied
        primary.kill()
        standby.start()
        standby.promote()

        calls = count(2)

        def says_why() -> bool:
            reply = session.tool("shell", {"command": "ls"}, call_id=f"c{next(calls)}")
            assert reply.denied
            return "acknowledged row" in reply.message

        # Until the other server is reached it is denied for another reason.
        wait_for(says_why, SECONDS_MAX)
    with memory_engine(journal=opened(primary, standby)) as engine:
        assert not engine.session("s").tool("shell", {"command": "ls"}, call_id="last").denied
