"""Engines that share sessions through a PostgreSQL server, as if on several machines."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql as names

from governance.analytics.projection import catch_up
from governance.chat import media
from governance.engine import Engine
from governance.engine.retention import RetentionPolicy
from governance.errors import JournalError
from governance.journal.encrypted import encrypted
from governance.journal.key_sources import KeyEncryptionKey
from governance.journal.postgres import PostgresJournal
from governance.journal.session_values import BLOB_SHELF, INDEX_SHELF
from governance.journal.sqlite import SqliteJournal
from governance.journal.vault import Vault
from governance.scopes import PROJECT, Reader, Refusal, Scope, Stale, Value
from governance.session.commands import Command
from governance.testing import ManualClock
from governance.testing.engines import law_of, memory_engine
from governance.testing.journal_contract import in_threads
from tests.postgres_server import Server
from tests.quality.postgres_line import Line

HOUR_MS = 3_600_000
LAW = law_of()


@pytest.fixture
def journal(server: Server) -> Iterator[PostgresJournal]:
    made = server.journal()
    yield made
    made.close()


def _turn(engine: Engine, key: str | None = None) -> str:
    return engine.handle(Command(event="turn_start", session="s", key=key)).action


def _turns(journal: PostgresJournal) -> int:
    rows = journal.read("s", limit=10_000)
    return sum(record.kind == "turn.started" for record in rows)


def test_engines_an_hour_apart_share_one_session(server: Server, journal: PostgresJournal) -> None:
    """Each sees what the others did, every turn is on record once, in one order of all."""
    clocks = [ManualClock(now) for now in (10 * HOUR_MS, 11 * HOUR_MS, 9 * HOUR_MS)]
    engines = [
        memory_engine(law=LAW, journal=server.again(journal), clock=clock) for clock in clocks
    ]

    def work(place: int) -> None:
        for number in range(8):
            assert _turn(engines[place], f"{place}/{number}") == "allow"

    engines[0].handle(Command(event="start", session="s"))
    in_threads(work, len(engines))

    rows = journal.read("s", limit=10_000)
    wanted = {f"{place}/{number}" for place in range(3) for number in range(8)}
    assert Counter(row.key for row in rows if row.key) == Counter(wanted)
    assert _turns(journal) == 24
    assert [row.seq for row in rows] == list(range(1, journal.head("s").seq + 1))
    assert journal.verify().ok
    for engine in engines:
        engine.close()


def test_an_engine_whose_answer_was_lost_counts_once(
    server: Server, journal: PostgresJournal
) -> None:
    """It reads the head, finds its own rows there, and answers as if nothing had been."""
    with Line(server) as line:
        engine = memory_engine(law=LAW, journal=line.journal(journal))
        engine.handle(Command(event="start", session="s"))
        line.cut_answers = True
        mending = threading.Timer(0.3, setattr, (line, "cut_answers", False))
        mending.start()
        assert _turn(engine) == "allow"
        mending.join()
        assert _turns(journal) == 1
        assert _turn(engine) == "allow"
        assert _turns(journal) == 2
        engine.close()


def test_a_session_goes_through_an_archive_with_all_it_holds(
    server: Server, journal: PostgresJournal, tmp_path: Path
) -> None:
    """Out of a server, onto a disk, into a file store and into another server's store."""
    me, own = Reader(session="s"), Scope("session", "s")

    def read(engine: Engine) -> object:
        session, contexts = engine.session("s"), engine.contexts
        said = session.messages().messages
        found = contexts.search("needle", by=me, scopes=(own,))
        return (
            engine.journal.read("s"),
            [session.content(one, part) for one in said for part in one.parts],
            contexts.find(own, by=me, hidden=True),
            [one.value.key for one in found.hits],
        )

    with memory_engine(law=LAW, journal=server.again(journal)) as engine:
        with engine.start("s") as session:
            session.message("user", ["long " * 10_000, media(b"\xff" * 100, "image/png")])
            engine.contexts.set(own, "code", "big", f"needle {'x' * 9_000}", by=me)
            engine.contexts.set(own, "code", "small", "hay", by=me)
        before = read(engine)
        file = engine.archive("s", tmp_path).path
        assert engine.journal.shelf.scan(BLOB_SHELF) == engine.journal.shelf.scan(INDEX_SHELF) == ()
    for other in (
        SqliteJournal.open(tmp_path / "j.db", create=True),
        server.journal(),
        server.again(journal),
    ):
        with memory_engine(law=LAW, journal=other) as engine:
            engine.unarchive(file)
            assert read(engine) == before
            assert engine.journal.verify().ok


@pytest.mark.parametrize("sealed", [True, False], ids=["encrypted", "plain"])
def test_an_engine_needs_no_more_than_its_role_may(
    server: Server, journal: PostgresJournal, tmp_path: Path, sealed: bool
) -> None:
    """Whatever agents, people and reports do by it; what lets go of something is the owner's."""
    role = f"clerk {journal.target.tenant}"
    with server.connect() as connection:
        connection.execute(names.SQL("CREATE ROLE {} LOGIN").format(names.Identifier(role)))
    journal.grant(role)

    def opened(**more: str) -> Engine:
        store = server.again(journal, **more)
        if not sealed:
            return memory_engine(law=LAW, journal=store)
        vault = Vault.open(store.shelf, KeyEncryptionKey.of(b"k" * 32))
        return memory_engine(law=LAW, journal=encrypted(store, vault))

    me, own = Reader(session="s"), Scope("session", "s")
    with opened(user=role) as engine:
        for number in range(2):
            session = engine.start("s")
            session.turn("go")
            session.tool("shell", {"command": "ls"}, call_id=f"{number}")
            session.tool_finished(f"{number}", outcome="ok")
            # The same content twice lies there once.
            session.message("user", ["long " * 10_000, media(b"\xff" * 100, "image/png")])
            for scope in (own, PROJECT):
                engine.contexts.set(scope, "code", f"k{number}", f"needle {'x' * 9_000}", by=me)
            assert len(engine.contexts.search("needle", by=me, scopes=(own,)).hits) == number + 1
            assert engine.search("long").messages
            report = catch_up(engine.journal)
            assert report.saved
            assert engine.health().ok
            session.end()
        engine.branch("s", name="t").turn("more")
        with engine.start("over"):
            pass
        assert engine.journal.verify().ok
        before = engine.journal.read("s")
        with pytest.raises(JournalError, match="does not allow this"):
            engine.archive("over", tmp_path / "cold")
        assert not engine.prune(RetentionPolicy(sessions_max=1)).gone
        assert "does not allow this" in str(engine.journal.read("@project")[-1].body)
        assert engine.journal.read("s") == before

    with opened() as engine:
        assert engine.journal.read("s") == before
        engine.archive("over", tmp_path / "cold")
        assert not engine.journal.head("over").seq


def test_values_are_searched_by_whoever_shares_the_store(
    server: Server, journal: PostgresJournal
) -> None:
    """By an index that another machine's engine has kept, and what came since."""
    me = Reader(actor="ada")
    engines = [memory_engine(law=LAW, journal=server.again(journal)) for _ in range(2)]
    for number in range(30):
        text = f"{'needle' if number % 10 == 3 else 'straw'} {number}"
        engines[0].contexts.set(PROJECT, "code", f"k{number}", text, by=me)
    assert len(engines[0].contexts.search("needle", by=me).hits) == 3
    assert len(journal.shelf.scan(INDEX_SHELF)) == 1
    engines[1].contexts.set(PROJECT, "code", "new", "needle", by=me)

    for engine in engines:
        hits = engine.contexts.search("needle", by=me).hits
        assert [one.value.key for one in hits] == ["new", "k23", "k13", "k3"]
        engine.close()


def test_two_machines_that_change_one_value_are_told_so(
    server: Server, journal: PostgresJournal
) -> None:
    """The later one by its version, a merge by name; nobody's change is written over unseen."""
    me = Reader("ada", "s")
    one = memory_engine(law=LAW, journal=server.again(journal))
    other = memory_engine(law=LAW, journal=server.again(journal))
    one.start("s")
    own = Scope("session", "s")
    one.contexts.set(PROJECT, "code", "style", "tabs", by=me)
    one.contexts.merge(own, PROJECT, by=me)
    seen = [engine.contexts.get(PROJECT, "code", "style", by=me) for engine in (one, other)]
    versions = [value.version for value in seen if isinstance(value, Value)]

    first = one.contexts.set(
        PROJECT, "code", "style", "spaces", by=me, expected_version=versions[0]
    )
    late = other.contexts.set(PROJECT, "code", "style", "none", by=me, expected_version=versions[1])
    other.contexts.set(own, "code", "style", "mixed", by=me)
    merged = one.contexts.merge(own, PROJECT, by=me)

    assert versions == [1, 1]
    assert isinstance(first, Value)
    assert late == Stale(2)
    assert not isinstance(merged, Refusal)
    assert merged.conflicts == (("code", "style"),)
    for engine in (one, other):
        found = [engine.contexts.get(scope, "code", "style", by=me) for scope in (PROJECT, own)]
        assert [value.value for value in found if isinstance(value, Value)] == ["spaces", "mixed"]
        engine.close()
