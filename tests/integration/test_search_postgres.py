"""Searching in a PostgreSQL store finds what reading everything finds."""

from __future__ import annotations

from governance.journal.memory import MemoryJournal
from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_url import target_of
from governance.journal.records import Append, Journal, Row
from governance.journal.searching import Hit, Query, scan
from governance.testing.engines import memory_engine
from governance.values import dump_json
from tests.postgres_server import Server

TEXTS = [
    "the rate limit is reached",
    "limit the rate",
    "Émile 東京 foo_bar",
    "rate rate limit " + "filler " * 400,
    " ".join(f"word{number}" for number in range(20_000)),
    "it's 'quoted' & | ! \\ <->",
]


def say(journal: Journal, session: str, text: str, at_ms: int) -> None:
    data = {"id": str(at_ms), "role": "user", "parts": [{"type": "text", "text": text}]}
    row = Row("message.added", at_ms, dump_json({"data": data}), False)
    journal.append([Append(session, journal.head(session).seq, (row,))])


def places(hits: tuple[Hit, ...]) -> list[tuple[str, int]]:
    return [(one.session, one.seq) for one in hits]


def test_the_index_finds_what_reading_finds(server: Server) -> None:
    """Step by step, over branches and removals, with and without a session, within its tenant."""
    journal = PostgresJournal.open(target_of(server.url(tenant="search")), create=True)
    other = PostgresJournal.open(target_of(server.url(tenant="searched")), create=True)
    say(other, "a", "rate limit emile", 1)
    asked = [
        "rate",
        '"rate limit"',
        "emile",
        "京",
        "foo_bar",
        "word19999",
        "quoted it",
        "limit rate",
    ]
    for number, text in enumerate(TEXTS * 2):
        say(journal, "abc"[number % 3], text, 1_000 + number // 2)
        if number == 5:
            journal.branch("x", "b", 2)
            say(journal, "x", "rate of the branch", 5)
        if number == 9:
            assert journal.remove("c", expected=journal.head("c")) is True
            break
        for session in (None, "a", "x"):
            for text_asked in asked[number % 4 :: 4]:
                query = Query.of(text_asked)
                found = journal.search(query, session=session, limit=3)
                read = scan(journal, query, session=session, limit=3)
                assert places(found) == places(read.hits), (number, session, text_asked)
    for text_asked in asked:
        query = Query.of(text_asked)
        assert places(journal.search(query)) == places(scan(journal, query).hits)
        best = journal.search(query, ranked=True)
        assert set(places(best)) == set(places(scan(journal, query, ranked=True).hits))
        assert [one.score for one in best] == sorted((one.score for one in best), reverse=True)
    journal.close()
    other.close()


def test_an_engine_asks_the_index_of_its_server(server: Server) -> None:
    """Ranked as everywhere: a message with nothing else in it is better than a long one."""
    found = []
    journals: tuple[Journal, ...] = (
        PostgresJournal.open(target_of(server.url(tenant="searching")), create=True),
        MemoryJournal(),
    )
    for journal in journals:
        with memory_engine(journal=journal) as engine:
            session = engine.start("s")
            session.message("user", "limit " + "filler " * 50)
            session.message("user", "limit")
            session.message("user", "other")
            session.message("user", "others " * 50 + "limit")
            session.message("user", "more")
            found.append(engine.search("limit", ranked=True))

    assert [one.indexed for one in found] == [True, False]
    assert [each.messages[0].seq for each in found] == [3, 3]
    assert [{one.seq for one in each.messages} for each in found] == [{2, 3, 5}] * 2


def test_no_sign_of_a_query_reaches_the_server(server: Server) -> None:
    """What is asked is letters and digits, whatever was typed: it finds what reading finds."""
    journal = PostgresJournal.open(target_of(server.url(tenant="signs")), create=True)
    signs = ["'", "a'b", "x & y", "\\", "a:*", "!x", "(", "'; DROP TABLE", "a\x00b"]
    for number, sign in enumerate(signs):
        say(journal, "s", f"before {sign} after", number)

    for sign in signs:
        query = Query.of(f"{sign} before")
        assert places(journal.search(query)) == places(scan(journal, query).hits)
    journal.close()
