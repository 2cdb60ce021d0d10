"""Engines that share sessions through a PostgreSQL server, as if on several machines."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from governance.engine import Engine
from governance.journal.postgres import PostgresJournal
from governance.session.commands import Command
from governance.testing import ManualClock
from governance.testing.engines import law_of, memory_engine
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
    begin = threading.Barrier(len(engines))
    failures: list[BaseException] = []

    def work(place: int) -> None:
        begin.wait()
        try:
            for number in range(8):
                assert _turn(engines[place], f"{place}/{number}") == "allow"
        except BaseException as error:  # noqa: BLE001 - raised again below, in the test
            failures.append(error)

    engines[0].handle(Command(event="start", session="s"))
    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(engines))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
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
