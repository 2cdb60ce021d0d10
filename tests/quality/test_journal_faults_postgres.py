"""A PostgreSQL store whose connections, server, engines and clocks fail, each with a control."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from governance.engine.restoring import settle_unknown
from governance.errors import JournalError, OutcomeUnknown, StoreBusy
from governance.journal import postgres_rows, postgres_turns, postgres_writer
from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_schema import VERSION, sql
from governance.journal.postgres_url import Target
from governance.journal.records import Append, Appended, Conflict, Row
from governance.testing.journal_contract import in_threads
from tests.postgres_server import Server, frozen, wait_for
from tests.quality.children import HEAD, RACE, child, go
from tests.quality.postgres_line import Line

_HEAD = (
    HEAD
    + """
from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_url import target_of

target, who = target_of(sys.argv[1]), sys.argv[2]
"""
)

_RACER = (
    _HEAD
    + """
journal, tries = PostgresJournal.open(target, create=False), 100
"""
    + RACE
)

# Holds a lease, reads the head, and writes once it is told to, whenever that is.
_OWNER = (
    _HEAD
    + """
journal = PostgresJournal.open(target, create=False)
assert journal.leases.take("s", who, lease_ms=200).owner == who
seq = journal.head("s").seq
say("ready")
sys.stdin.readline()
if who == "trusting":  # believes that its lease keeps all others away
    seq = journal.head("s").seq
answer = journal.append([Append("s", seq, (Row("k", 0, who.encode()),))])
say(type(answer).__name__)
"""
)

# Is killed by its own hand right before the migration is committed.
_MIGRATING = (
    _HEAD
    + """
import contextlib
from governance.journal import postgres_connection, postgres_schema
postgres_schema.MIGRATIONS = postgres_schema.MIGRATIONS + (
    ("CREATE TABLE @.later (x text)", "INSERT INTO @.later VALUES ('half')"),
)
postgres_schema.VERSION = len(postgres_schema.MIGRATIONS)

class Dying(postgres_connection.Connection):
    def execute(self, query, *words, **named):
        if isinstance(query, bytes) and b"VALUES ('version'" in query:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().execute(query, *words, **named)
    if who == "careless":
        def transaction(self):
            return contextlib.nullcontext()

postgres_connection.Connection = Dying
say("ready")
PostgresJournal.open(target, create=False)
"""
)


def _url(server: Server, journal: PostgresJournal) -> str:
    return server.url(tenant=journal.target.tenant, schema=journal.target.schema)


@pytest.fixture
def journal(server: Server) -> Iterator[PostgresJournal]:
    made = server.journal()
    yield made
    made.close()


def _row(text: str, *, at_ms: int = 0, durable: bool = True) -> Row:
    return Row("k", at_ms, text.encode(), durable)


def _bodies(journal: PostgresJournal, session: str = "s") -> list[str]:
    return [record.body.decode() for record in journal.read(session, limit=100_000)]


def _lawful(journal: PostgresJournal, won: Counter[str]) -> bool:
    """Whether the rows are what was won, once each, without a gap, ending at the head."""
    rows = journal.read("s", limit=100_000)
    return (
        [row.seq for row in rows] == list(range(1, won.total() + 1))
        and Counter(row.body.decode() for row in rows) == won
        and journal.head("s").seq == won.total()
        and journal.verify().ok
    )


def _race(
    server: Server, journal: PostgresJournal, engines: int, tries: int, **options: object
) -> Counter[str]:
    """Engines with connections of their own that all append to one session; who won how often."""
    won: Counter[str] = Counter()
    begin = threading.Barrier(engines)

    def run(place: int) -> None:
        own = server.again(journal, connections_max=1, **options)
        begin.wait()
        for _ in range(tries):
            seq = own.head("s").seq
            if isinstance(own.append([Append("s", seq, (_row(f"{place}"),))]), Appended):
                won[f"{place}"] += 1
        own.close()

    in_threads(run, engines)
    return won


# -- engines on one session ------------------------------------------------------------------


def test_two_processes_on_one_session_never_both_win(
    server: Server, journal: PostgresJournal
) -> None:
    """Rows are the sum of both processes' wins, without a gap."""
    url = _url(server, journal)
    with child(_RACER, url, "one") as one, child(_RACER, url, "two") as two:
        for process in (one, two):
            go(process)
        outcomes = [process.communicate(timeout=60)[0].split() for process in (one, two)]

    won = Counter({who: int(found[0]) for who, found in zip(("one", "two"), outcomes, strict=True)})
    assert _lawful(journal, won)


def test_eight_engines_on_one_session_never_both_win(
    server: Server, journal: PostgresJournal
) -> None:
    """The same with eight that have nothing in common but the server."""
    assert _lawful(journal, _race(server, journal, 8, 15))


def test_a_serializable_server_changes_nothing(server: Server, journal: PostgresJournal) -> None:
    """Where every transaction is serializable, failures of that are sent again, unheard."""
    strict = "-cdefault_transaction_isolation%3Dserializable"
    assert _lawful(journal, _race(server, journal, 4, 12, options=strict))


def test_turns_on_a_serializable_server_are_not_taken_back(
    server: Server, journal: PostgresJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waited for a turn sees what was written meanwhile, and needs no second try."""
    monkeypatch.setattr(postgres_writer, "TRIES_MAX", 1)
    strict = "-cdefault_transaction_isolation%3Dserializable"

    def run(place: int) -> None:
        own = server.again(journal, connections_max=1, options=strict)

        def decide() -> list[Append]:
            return [Append("s", own.head("s").seq, (_row("x"),))]

        for _ in range(5):
            assert isinstance(own.append_alone("s", decide), Appended)
        own.close()

    journal.append([Append("s", 0, (_row("x"),))])
    in_threads(run, 6)
    assert _lawful(journal, Counter({"x": 31}))


def test_appends_that_lock_each_other_out_are_sent_again(
    server: Server, journal: PostgresJournal
) -> None:
    """A deadlock is taken back by the server, and nobody hears of it; every win is there whole."""
    won: Counter[str] = Counter()
    patient = "-cdeadlock_timeout%3D5ms"

    def crossing(place: int) -> None:
        own = server.again(journal, connections_max=1, options=patient)
        with server.connect() as connection:
            for number in range(12):
                name = ("a", "b") if place else ("b", "a")
                heads = [own.head(one).seq for one in name]
                row = _row(f"{place}/{number}")
                batch = [Append(one, seq, (row,)) for one, seq in zip(name, heads, strict=True)]
                if place:
                    # Holds the sessions the other way round, as an owner might; either of the
                    # two may be the one that the server takes back.
                    with (
                        suppress(psycopg.errors.DeadlockDetected),
                        connection.transaction(),
                    ):
                        for one in ("b", "a"):
                            connection.execute(
                                sql(
                                    journal.target.schema,
                                    "SELECT 1 FROM @.session WHERE tenant = %s AND id = %s"
                                    " FOR UPDATE",
                                ),
                                (journal.target.tenant, one),
                            )
                            time.sleep(0.004)
                if isinstance(own.append(batch), Appended):
                    won[f"{place}"] += 1
        own.close()

    journal.append([Append("a", 0, (_row("x"),)), Append("b", 0, (_row("x"),))])
    before = _deadlocks(server)
    for _ in range(5):
        in_threads(crossing, 2)
        if _deadlocks(server) > before:
            break
    assert _deadlocks(server) > before, "no deadlock came about: nothing was shown"
    assert len(_bodies(journal, "a")) == len(_bodies(journal, "b")) == 1 + won.total()
    assert journal.verify().ok


def _deadlocks(server: Server) -> int:
    with server.connect() as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        found = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'"
        ).fetchone()
    return int(found[0]) if found is not None else 0


def test_engines_that_do_not_compare_heads_are_found_out(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without expected heads, and the key that would still hold, the race is lost."""
    journal = server.journal(schema="blind")
    sound = postgres_rows.append_sql

    def blind(target: Target) -> bytes:
        text = sound(target).decode()
        seen = text.replace("AND s.head = w.expected", "").replace("AND s.hash = w.before", "")
        return seen.encode()

    with server.connect() as connection:
        connection.execute("ALTER TABLE blind.event DROP CONSTRAINT event_pkey")
    monkeypatch.setattr(postgres_writer.postgres_rows, "append_sql", blind)
    journal.append([Append("s", 0, (_row("first"),))])
    won = Counter({"first": 1})
    other = server.again(journal)
    for one in (other, journal):
        won["late"] += isinstance(one.append([Append("s", 1, (_row("late"),))]), Appended)

    assert won["late"] == 2
    assert not _sound(lambda: _lawful(journal, won))
    for one in (journal, other):
        one.close()


def _sound(law: Callable[[], bool]) -> bool:
    try:
        return law()
    except JournalError:
        return False


# -- connections that die --------------------------------------------------------------------


_SLOW_SQL = """
    CREATE FUNCTION slow.sleep() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN PERFORM pg_sleep(0.002); RETURN NULL; END$$;
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON slow.event DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION slow.sleep()
"""
_KILL_SQL = (
    "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'governance' AND state = 'active') AS killed"
)


def test_backends_killed_in_mid_commit_leave_each_row_once(server: Server) -> None:
    """Whatever moment a backend is terminated at, what was won is there, once."""
    journal = server.journal(schema="slow")
    with server.connect() as connection:
        connection.execute(_SLOW_SQL)  # each commit takes long enough to be hit
    won: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    done = threading.Event()

    def kill() -> None:
        chance = random.Random(5)
        try:
            with server.connect() as connection:
                for _ in range(200):
                    if counts["kills"] >= 20:
                        break
                    before = won.total()
                    wait_for(lambda: won.total() > before + 2)  # noqa: B023 - called at once
                    time.sleep(chance.uniform(0, 0.003))
                    counts["kills"] += connection.execute(_KILL_SQL).fetchone()[0]
        finally:
            done.set()

    def write(place: int) -> None:
        own = server.again(journal, connections_max=1)
        number = 0
        while not done.is_set():
            number += 1
            body = f"{place}/{number}"
            while not _settled(own, body, counts):
                counts["again"] += 1
            won[body] += 1
        own.close()

    in_threads(lambda place: kill() if place == 3 else write(place), 4)
    assert _lawful(journal, won)
    assert counts["kills"] >= 20
    assert counts["unknown"] >= 10
    journal.close()


def _settled(journal: PostgresJournal, body: str, counts: Counter[str]) -> bool:
    """Append *body*, as the engine does it; whether it is there now for certain."""
    try:
        batch = [Append("s", journal.head("s").seq, (_row(body),))]
    except JournalError:
        return False
    try:
        return isinstance(journal.append(batch), Appended)
    except OutcomeUnknown:
        counts["unknown"] += 1
        while True:
            settled = settle_unknown(journal, batch)
            if settled is not None:
                return isinstance(settled, Appended)
    except JournalError:
        return False


@pytest.mark.parametrize("lost", [True, False], ids=["answer lost", "request lost"])
def test_a_lost_answer_is_resolved_by_the_head(
    server: Server, journal: PostgresJournal, lost: bool
) -> None:
    """Cut after the commit or before it: the head says which; a blind retry doubles the row."""
    with Line(server) as line:
        through = line.journal(journal)
        through.append([Append("s", 0, (_row("first"),))])
        batch = [Append("s", 1, (_row("second"),))]
        line.cut_answers, line.cut_requests = lost, not lost
        with pytest.raises(OutcomeUnknown, match="read the head"):
            through.append(batch)
        line.cut_answers = line.cut_requests = False
        wait_for(lambda: journal.head("s").seq == 1 + lost)
        settled = settle_unknown(through, batch)

        assert isinstance(settled, Appended if lost else Conflict)
        assert _bodies(journal) == ["first", "second"][: 1 + lost]
        # The control: whoever takes the error for a "not written" writes it twice.
        through.append([Append("s", through.head("s").seq, (_row("second"),))])
        assert _bodies(journal).count("second") == 1 + lost
        through.close()


def test_a_known_key_keeps_a_blind_retry_single(server: Server, journal: PostgresJournal) -> None:
    """With an idempotency key even a caller that does not look at the head counts once."""
    with Line(server) as line:
        through = line.journal(journal)
        through.append([Append("s", 0, (_row("first"),))])
        line.cut_answers = True
        with pytest.raises(OutcomeUnknown):
            through.append([Append("s", 1, (_row("second"),))], key="k")
        line.cut_answers = False
        wait_for(lambda: journal.head("s").seq == 2)
        through.append([Append("s", 2, (_row("second"),))], key="k")

        assert _bodies(journal) == ["first", "second"]
        through.close()


# -- a server that dies, or stands still -----------------------------------------------------


def test_restarts_lose_nothing_that_was_acknowledged(server: Server, tmp_path: Path) -> None:
    """The server is killed again and again: every durable row that was acked is there, once."""
    journal = server.journal(mirror=tmp_path / "heads")
    won: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    done = threading.Event()

    def write(place: int) -> None:
        own = server.again(journal, connections_max=1)
        number = 0
        while not done.is_set():
            number += 1
            body = f"{place}/{number}"
            while not _settled(own, body, counts):
                counts["again"] += 1
            won[body] += 1
            time.sleep(0.002)
        own.close()

    def restart(_: int) -> None:
        chance = random.Random(3)
        try:
            for _ in range(3):
                time.sleep(chance.uniform(0.1, 0.4))
                server.stop("immediate")
                server.start()
            time.sleep(0.1)
        finally:
            done.set()

    in_threads(lambda place: restart(place) if place == 2 else write(place), 3)
    assert _lawful(journal, won)
    assert counts["again"] >= 1
    assert won.total() > 20
    journal.close()


def test_observations_may_lose_their_tail_and_never_leave_a_hole(
    server: Server, tmp_path: Path
) -> None:
    """The control of the loop above: what was not to be durable is lost, and only at the end."""
    journal = server.journal(mirror=tmp_path / "heads")
    journal.append([Append("s", 0, (_row("durable"),))])
    acked = 0
    for number in range(40):
        batch = [Append("s", number + 1, (_row(f"{number}", durable=False),))]
        acked += isinstance(journal.append(batch), Appended)
    server.stop("immediate")
    server.start()

    rows = _bodies(journal)
    assert acked == 40
    assert rows[0] == "durable"
    assert len(rows) < 1 + acked, "nothing was lost: the loop above could not fail"
    assert rows[1:] == [f"{number}" for number in range(len(rows) - 1)]
    report = journal.verify()
    assert (report.findings, report.anchored) == ((), True)
    journal.close()


def test_a_durable_row_covers_the_observations_before_it(server: Server, tmp_path: Path) -> None:
    """What a durable commit followed is there after a crash, and in the mirror."""
    journal = server.journal(mirror=tmp_path / "heads")
    for number in range(10):
        journal.append([Append("o", number, (_row(f"{number}", durable=False),))])
    journal.append([Append("s", 0, (_row("durable"),))])
    server.stop("immediate")
    server.start()

    assert len(_bodies(journal, "o")) == 10
    journal.close()


def test_a_server_that_stands_still_is_not_waited_for(
    server: Server, journal: PostgresJournal
) -> None:
    """A backend that never answers costs the deadline and a little; then the head tells."""
    own = server.again(journal, connections_max=1)
    own.append([Append("s", 0, (_row("first"),))])
    pid = _backend(own)
    batch = [Append("s", 1, (_row("second"),))]
    begun = time.monotonic()
    with frozen(pid), pytest.raises(OutcomeUnknown):
        own.append(batch, deadline_ms=300)
    took = time.monotonic() - begun

    assert took < 20, "it was waited for without end"
    settled = settle_unknown(own, batch)
    assert isinstance(settled, (Appended, Conflict))
    wait_for(lambda: not _runs(server, pid))
    # Whatever became of the frozen one's row, no second one stands beside it.
    head = own.head("s")
    assert isinstance(own.append([Append("s", head.seq, (_row("third"),))]), Appended)
    assert _bodies(own) in (["first", "second", "third"], ["first", "third"])
    own.close()


def _backend(journal: PostgresJournal) -> int:
    with journal._connections.lend(time.monotonic() + 5) as connection:
        return connection.info.backend_pid


def _runs(server: Server, pid: int) -> bool:
    with server.connect() as connection:
        found = connection.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,))
        return found.fetchone() is not None


# -- leases and clocks -----------------------------------------------------------------------


@pytest.mark.parametrize("ends", [True, False])
def test_who_is_paused_in_a_turn_holds_nobody_up_for_long(
    server: Server, journal: PostgresJournal, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends the turn at its deadline, and it writes nothing; unless it is not told to."""
    if not ends:
        monkeypatch.setattr(postgres_turns, "_END_SQL", "SELECT %s")
    journal.append([Append("s", 0, (_row("x"),))])
    others: list[object] = []

    def decide() -> list[Append]:
        own = server.again(journal)
        try:
            others.append(own.append([Append("s", 1, (_row("y"),))], deadline_ms=1_500))
        except StoreBusy as error:
            others.append(error)
        own.close()
        return [Append("s", 1, (_row("late"),))]

    if ends:
        with pytest.raises(JournalError):
            journal.append_alone("s", decide, deadline_ms=300)
    else:
        journal.append_alone("s", decide, deadline_ms=300)
    assert [type(one) for one in others] == [Appended if ends else StoreBusy]
    assert _bodies(journal) == ["x", "y" if ends else "late"]


@pytest.mark.parametrize("who", ["careful", "trusting"])
def test_an_owner_that_was_paused_past_its_lease_writes_nothing(
    server: Server, journal: PostgresJournal, who: str
) -> None:
    """It gets a conflict, and no row of it is there; one that trusts its lease would write."""
    journal.append([Append("s", 0, (_row("first"),))])
    with child(_OWNER, _url(server, journal), who) as owner:
        os.kill(owner.pid, signal.SIGSTOP)
        wait_for(lambda: journal.leases.take("s", "next", lease_ms=60_000).owner == "next")
        assert isinstance(journal.append([Append("s", 1, (_row("next"),))]), Appended)
        os.kill(owner.pid, signal.SIGCONT)
        go(owner)
        said = owner.communicate(timeout=120)[0].strip()

    if who == "careful":
        assert said == "Conflict"
        assert _bodies(journal) == ["first", "next"]
    else:
        assert _bodies(journal) == ["first", "next", "trusting"], "the control wrote nothing"


def test_clocks_an_hour_apart_change_no_order(server: Server, journal: PostgresJournal) -> None:
    """Rows stand in the order in which they were appended, whatever time their engines had."""
    other = server.again(journal)
    hour_ms = 3_600_000
    for number in range(10):
        one, offset = (journal, 0) if number % 2 else (other, -hour_ms)
        row = _row(f"{number}", at_ms=time.time_ns() // 1_000_000 + offset)
        assert isinstance(one.append([Append("s", number, (row,))]), Appended)

    records = journal.read("s")
    assert [record.body.decode() for record in records] == [f"{number}" for number in range(10)]
    by_clock = sorted(records, key=lambda record: record.at_ms)
    assert by_clock != list(records), "the control: the clocks did disagree"
    assert journal.verify().ok
    other.close()


# -- migrations ------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["careful", "careless"])
def test_a_process_killed_in_a_migration_leaves_the_old_store(server: Server, who: str) -> None:
    """A migration is done or it is not; without its transaction half of it would stay."""
    journal = server.journal(schema=f"migrated_{who}")
    with child(_MIGRATING, _url(server, journal), who) as migrating:
        assert migrating.wait(timeout=120) == -signal.SIGKILL
    with server.connect() as connection:
        version = connection.execute(
            sql(journal.target.schema, "SELECT value FROM @.store WHERE name = 'version'")
        ).fetchone()
        later = connection.execute(
            "SELECT to_regclass(%s)", (f"{journal.target.schema}.later",)
        ).fetchone()

    assert version == (VERSION,)
    assert (later is not None and later[0] is not None) == (who == "careless")
    assert isinstance(journal.append([Append("s", 0, (_row("x"),))]), Appended)
    journal.close()


# -- connections that are all in use ---------------------------------------------------------


@pytest.mark.parametrize("connections", [1, 2])
def test_when_all_connections_are_in_use_callers_are_told(
    server: Server, journal: PostgresJournal, connections: int
) -> None:
    """The next caller waits as long as it may; with one more connection it gets through."""
    journal.append([Append("held", 0, (_row("x"),))])
    own = server.again(journal, connections_max=connections)
    own.append([Append("held", 1, (_row("x"),))])
    with server.connect() as connection, connection.transaction():
        connection.execute(
            sql(journal.target.schema, "SELECT 1 FROM @.session WHERE tenant = %s FOR UPDATE"),
            (journal.target.tenant,),
        )
        holder = threading.Thread(
            target=lambda: own.append([Append("held", 2, (_row("y"),))], deadline_ms=30_000)
        )
        holder.start()
        wait_for(lambda: own._connections._used == 1)
        if connections == 1:
            with pytest.raises(StoreBusy, match="all 1 connections"):
                own.append([Append("free", 0, (_row("x"),))], deadline_ms=100)
        else:
            assert isinstance(own.append([Append("free", 0, (_row("x"),))]), Appended)
    holder.join(timeout=120)
    assert isinstance(own.append([Append("free", own.head("free").seq, (_row("x"),))]), Appended)
    own.close()


def test_a_session_that_another_transaction_holds_is_busy(
    server: Server, journal: PostgresJournal
) -> None:
    """The server ends the wait at the deadline, and nothing was written for certain."""
    journal.append([Append("s", 0, (_row("x"),))])
    with server.connect() as connection, connection.transaction():
        connection.execute(
            sql(journal.target.schema, "SELECT 1 FROM @.session WHERE tenant = %s FOR UPDATE"),
            (journal.target.tenant,),
        )
        with pytest.raises(StoreBusy, match="lock timeout"):
            journal.append([Append("s", 1, (_row("y"),))], deadline_ms=100)
    assert journal.head("s").seq == 1
    assert isinstance(journal.append([Append("s", 1, (_row("y"),))]), Appended)
