"""Appends of several threads in one statement: shared, and nobody the worse for another's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from governance.errors import OutcomeUnknown
from governance.journal import postgres_group
from governance.journal.group_commit import Request
from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_group import SharedAppends
from governance.journal.postgres_schema import sql
from governance.journal.records import Append, Appended, Conflict, Row
from tests.postgres_server import Server

SECONDS = 30


@pytest.fixture
def journal(server: Server) -> Iterator[PostgresJournal]:
    made = server.journal()
    yield made
    made.close()


def _append(session: str, seq: int) -> tuple[Append, ...]:
    return (Append(session, seq, (Row("k", 0, b"{}", True),)),)


def _shared(journal: PostgresJournal, *batches: tuple[Append, ...]) -> list[object]:
    """What becomes of *batches* that are taken along by one commit."""
    group = [Request.of(batch, None) for batch in batches]
    for one in group:
        one.until = float("inf")
    SharedAppends(journal._writer).commit(group)
    return [one.error or one.answer for one in group]


def _transactions(journal: PostgresJournal) -> int:
    # Other tests have tenants of their own in the same tables.
    text = sql(
        journal.target.schema, "SELECT count(DISTINCT xmin::text) FROM @.event WHERE tenant = %s"
    )
    found = journal._read(lambda one: one.execute(text, [journal.target.tenant]).fetchone())
    assert found is not None
    return int(found[0])


def _start(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_appends_that_come_together_are_one_transaction(journal: PostgresJournal) -> None:
    """Each caller hears of its own rows, and the chain of each session is whole."""
    done = _shared(journal, *(_append(f"s{n}", 0) for n in range(5)))
    for place, one in enumerate(done):
        assert isinstance(one, Appended)
        assert one.heads == (journal.head(f"s{place}"),)
        assert one.records == journal.read(f"s{place}")
    assert _transactions(journal) == 1
    assert journal.verify().ok


def test_one_that_does_not_fit_takes_no_other_down(
    server: Server, journal: PostgresJournal
) -> None:
    """Nothing is written of them together; each by itself then gets what it would have got."""
    journal.append(_append("old", 0))
    other = server.again(journal)
    other.append(_append("old", 1))
    other.close()
    apart = Appended((), ())
    assert _shared(journal, _append("a", 0), _append("old", 1), _append("b", 0)) == [apart] * 3
    assert journal.head("a").seq == 0
    assert isinstance(journal.append(_append("a", 0)), Appended)
    assert isinstance(journal.append(_append("old", 1)), Conflict)


def test_two_appends_to_one_session_do_not_share(journal: PostgresJournal) -> None:
    """The second cannot be right about the head while the first is on its way."""
    first, second = _shared(journal, _append("s", 0), _append("s", 0))
    assert isinstance(first, Appended)
    assert first.heads
    assert second == Appended((), ())


def test_threads_that_append_at_once_all_get_their_rows(journal: PostgresJournal) -> None:
    """Eight threads, ten rows each, every one at its place, in fewer transactions than rows."""
    outcomes: list[object] = []

    def run(session: str) -> None:
        outcomes.extend(journal.append(_append(session, seq)) for seq in range(10))

    threads = [_start(lambda n=n: run(f"s{n}")) for n in range(8)]  # type: ignore[misc]
    for thread in threads:
        thread.join(SECONDS)
    assert len(outcomes) == 80
    assert all(isinstance(one, Appended) for one in outcomes)
    assert {journal.head(f"s{n}").seq for n in range(8)} == {10}
    assert _transactions(journal) < 80
    assert journal.verify().ok


def test_a_session_that_somebody_holds_holds_up_no_other(
    server: Server, journal: PostgresJournal
) -> None:
    """Whoever waits for it waits by itself; the appends of other threads go on meanwhile."""
    journal.append(_append("held", 0))
    outcomes: list[object] = []
    holding = "SELECT 1 FROM @.session WHERE id = 'held' FOR UPDATE"
    with server.connect() as other:
        with other.transaction():
            other.execute(sql(journal.target.schema, holding))
            waits = _start(lambda: outcomes.append(journal.append(_append("held", 1))))
            for seq in range(20):
                assert isinstance(journal.append(_append("free", seq)), Appended)
            assert outcomes == []
        waits.join(SECONDS)
    assert isinstance(outcomes[0], Appended)


def test_what_is_not_known_of_a_statement_is_not_known_of_any_in_it(
    server: Server, journal: PostgresJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that breaks in the middle leaves each caller with a head to read."""
    monkeypatch.setattr(postgres_group, "HELD_MS_MAX", SECONDS * 1000)
    journal.append(_append("held", 0))
    holding = "SELECT 1 FROM @.session WHERE id = 'held' FOR UPDATE"
    ending = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
    )
    done: list[object] = []
    with server.connect() as other, other.transaction():
        other.execute(sql(journal.target.schema, holding))
        sharing = _start(
            lambda: done.extend(_shared(journal, _append("held", 1), _append("free", 0)))
        )
        while sharing.is_alive() and not other.execute(ending).fetchall():
            pass
        sharing.join(SECONDS)
    assert len(done) == 2
    assert all(isinstance(one, OutcomeUnknown) for one in done)
