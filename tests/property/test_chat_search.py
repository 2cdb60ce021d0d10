"""Searching finds what reading everything finds, however the index came to be."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import MisuseError
from governance.journal import searching, sqlite_search
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Head, Row
from governance.journal.searching import HITS_MAX, Hit, Query, scan, words_of
from governance.journal.sqlite import SqliteJournal
from governance.testing.engines import memory_engine
from governance.values import dump_json
from tests.profiles import examples

WORDS = ["rate", "limit", "Émile", "東京", "foo_bar", "RATE", "naïve", "x1", "\u0130", "שלום"]
TEXTS = st.lists(st.sampled_from([*WORDS, ".", "\x00", "-", "rate limit"]), max_size=6).map(
    " ".join
)
QUERIES = st.lists(
    st.sampled_from([*WORDS, '"rate limit"', '"limit rate"', "emile", "京"]), min_size=1, max_size=3
).map(" ".join)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from("abc"), TEXTS),
        st.tuples(st.just("branch"), st.sampled_from("abc"), st.sampled_from("xyz")),
        st.tuples(st.just("remove"), st.sampled_from("abcxyz"), st.just("")),
        st.tuples(st.just("other"), st.sampled_from("abc"), st.just("rate")),
        st.tuples(st.just("search"), st.just(""), QUERIES),
    ),
    max_size=14,
)


def say(journal: SqliteJournal, session: str, text: str, at_ms: int) -> None:
    head = journal.head(session)
    data = {"id": str(at_ms), "role": "user", "parts": [{"type": "text", "text": text}]}
    row = Row("message.added", at_ms, dump_json({"data": data}), False)
    journal.append([Append(session, head.seq, (row,))])


def play(journal: SqliteJournal, number: int, what: str, name: str, text: str) -> None:
    head = journal.head(name) if name else None
    gone = {one.session for one in journal.removed()}
    if what == "search":
        journal.search(Query.of(text))
    elif name in gone or text in gone or head is None:
        return
    elif what == "say":
        say(journal, name, text, 1_000 + number // 2)
    elif what == "other":
        journal.append([Append(name, head.seq, (Row("turn.started", number, b'{"data":{}}'),))])
    elif what == "branch" and head.seq:
        journal.branch(text, name, head.seq)
    elif what == "remove" and head.seq:
        journal.remove(name, expected=head)


def places(hits: tuple[Hit, ...]) -> list[tuple[str, int]]:
    return [(one.session, one.seq) for one in hits]


@settings(max_examples=examples(60))
@given(STEPS, QUERIES, st.sampled_from([None, "a", "x"]), st.integers(1, 5))
def test_the_index_finds_what_reading_finds(
    steps: list[tuple[str, str, str]], asked: str, session: str | None, limit: int
) -> None:
    """In the same order, with and without a session; filled bit by bit or anew, it is the same."""
    query = Query.of(asked)
    with TemporaryDirectory() as folder:
        journal = SqliteJournal.open(Path(folder) / "j.db", create=True, power_safe=False)
        for number, (what, name, text) in enumerate(steps):
            play(journal, number, what, name, text)

        found = journal.search(query, session=session, limit=limit)
        best = journal.search(query, session=session, ranked=True, limit=HITS_MAX)
        journal.rebuild_search()
        again = journal.search(query, session=session, limit=limit)
        read = scan(journal, query, session=session, limit=limit)
        ranked = scan(journal, query, session=session, ranked=True, limit=HITS_MAX)
        journal.close()

    assert places(found) == places(again) == places(read.hits)
    assert set(places(best)) == set(places(ranked.hits))
    scores = {(one.session, one.seq): one.score for one in ranked.hits}
    assert [one.score for one in best] == pytest.approx([scores[one] for one in places(best)])
    assert [one.score for one in best] == sorted((one.score for one in best), reverse=True)


@given(st.text(max_size=60))
def test_a_text_is_found_by_its_own_words(text: str) -> None:
    """Cut once, the words of a text are not cut again, whatever script it is in."""
    words = words_of(text)

    assert words_of(" ".join(words)) == words


MANY = " ".join(f"x{number}" for number in range(21))


@pytest.mark.parametrize("text", ["", '""', "...", MANY, "x" * 1_001])
def test_a_search_for_nothing_or_too_much_is_refused(text: str) -> None:
    """By a code, before anything is read."""
    with pytest.raises(MisuseError) as refused:
        Query.of(text)
    assert refused.value.code == "GOV569"


def test_a_search_gives_messages_and_says_how_it_found_them(tmp_path: Path) -> None:
    """By the index of a store, by reading where there is none: the same messages."""
    found = []
    for journal in (SqliteJournal.open(tmp_path / "j.db", create=True), MemoryJournal()):
        with memory_engine(journal=journal) as engine:
            for name in ("s", "t"):
                session = engine.start(name)
                session.message("user", "the rate limit is reached")
                session.message("assistant", ["limit", "long " * 10_000])
            found.append(engine.search('"rate limit"'))
            assert engine.search("limit", session="s").messages[0].seq == 3
            assert [one.text[:4] for one in engine.search("long", session="t").messages] == ["limi"]

    assert [one.indexed for one in found] == [True, False]
    assert all(one.complete for one in found)
    assert [[one.session for one in each.messages] for each in found] == [["t", "s"]] * 2


def test_a_reading_that_ends_early_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bound is in rows, and what it found until then is given."""
    with memory_engine() as engine:
        session = engine.start("s")
        for number in range(5):
            session.message("user", f"word {number}")

        assert len(scan(engine.journal, Query.of("word"), rows_max=3).hits) == 3
        assert not scan(engine.journal, Query.of("word"), rows_max=3).complete
        assert engine.search("word").complete
        monkeypatch.setattr(searching, "SCAN_ROWS_MAX", 3)
        assert not engine.search("word").complete


def test_what_was_removed_is_in_no_index(tmp_path: Path) -> None:
    """Nor is a word of it left in the file, once the log is folded back."""
    journal = SqliteJournal.open(tmp_path / "j.db", create=True)
    say(journal, "s", "zebrafinch " * 40, 1)
    say(journal, "t", "other", 1)
    assert len(journal.search(Query.of("zebrafinch"))) == 1

    assert journal.remove("s", expected=journal.head("s")) is True

    assert journal.search(Query.of("zebrafinch")) == ()
    journal.close()
    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"other" in left
    assert b"zebrafinch" not in left


def test_rows_that_were_put_in_the_place_of_others_are_indexed_anew(tmp_path: Path) -> None:
    """How far a session is indexed is tied to the hash of that row, not to its number."""
    journal = SqliteJournal.open(tmp_path / "j.db", create=True)
    say(journal, "s", "before", 1)
    say(journal, "s", "before", 2)
    journal.search(Query.of("before"))

    def other(connection: apsw.Connection) -> None:
        sqlite_search.forget(connection, "s")
        connection.execute("INSERT INTO message_upto VALUES ('s', 1, zeroblob(32))")

    journal._change(other, False)

    assert places(journal.search(Query.of("before"))) == [("s", 2), ("s", 1)]
    journal.close()


def test_a_session_that_was_put_back_is_found_again(tmp_path: Path) -> None:
    """It left the index when it was removed."""
    journal = SqliteJournal.open(tmp_path / "j.db", create=True)
    say(journal, "s", "before", 1)
    head, rows = journal.head("s"), journal.read("s")
    journal.search(Query.of("before"))
    journal.remove("s", expected=head)
    assert journal.search(Query.of("before")) == ()
    assert journal.restore(head, rows) == Head("s", 1, head.hash)

    assert places(journal.search(Query.of("before"))) == [("s", 1)]
    journal.close()


def test_an_engine_is_searched_in_time_order(tmp_path: Path) -> None:
    """Imported messages stand at the time at which they were said."""
    from governance.chat import Message, text
    from governance.engine.chatting import import_messages

    with memory_engine(journal=SqliteJournal.open(tmp_path / "j.db", create=True)) as engine:
        engine.start("s").message("user", "word now")
        old = Message(id="o", role="user", parts=(text("word long ago"),), at_ms=5)
        import_messages(engine, "z", [old], actor="a")

        assert [one.at_ms for one in engine.search("word").messages][1:] == [5]


def test_only_a_store_with_an_index_is_one_that_searches(tmp_path: Path) -> None:
    """A wrapper that does not pass searches on, as one that encrypts, is read instead."""
    from governance.journal.searching import Search

    journal = SqliteJournal.open(tmp_path / "j.db", create=True)
    assert isinstance(journal, Search)
    assert not isinstance(MemoryJournal(), Search)
    journal.close()
