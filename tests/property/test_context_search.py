"""Searching contexts finds what reading all of them finds, and tells nobody what is not theirs."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.access.guard import AccessRefused, Guard
from governance.engine import Engine, EngineOptions, context_search
from governance.engine.contexts import Contexts, ContextsFound
from governance.errors import MisuseError, SessionErased
from governance.journal.encrypted import encrypted
from governance.journal.key_sources import KeyEncryptionKey
from governance.journal.memory import MemoryJournal
from governance.journal.records import Entry, Head, Journal, Record
from governance.journal.searching import HITS_MAX, Query, fits
from governance.journal.session_values import BLOB_SHELF, INDEX_SHELF, values_of
from governance.journal.sqlite import SqliteJournal
from governance.journal.vault import Vault, session_scope
from governance.scopes import PROJECT, Grant, Reader, Scope, unshared
from governance.scopes.indexing import WordIndex, words_of_value
from governance.scopes.limits import ContextLimits
from governance.scopes.unshared import UnsharedHeads
from governance.session.law import Law
from governance.testing.engines import law_of, memory_engine
from governance.values import Json
from tests.postgres_server import Server
from tests.profiles import examples

Steps: TypeAlias = list[tuple[str, Scope, str, str, Json]]

OWN = Scope("session", "s")
SCOPES = (PROJECT, OWN, Scope("session", "t"), Scope("user", "ada"), Scope("user", "bob"))
KEYS = ("style", "entry", "rate.limit")
WORDS = ("rate", "limit", "Émile", "東京", "PEP 8", "rate limit", "style")

TEXTS = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
VALUES: st.SearchStrategy[Json] = st.one_of(
    TEXTS,
    st.integers(0, 9),
    st.dictionaries(st.sampled_from(("rate", "why")), TEXTS, max_size=2),
    st.lists(TEXTS, max_size=2),
    # Too big for a row: it lies on the shelf.
    TEXTS.map(lambda text: f"{text} {'filler ' * 800}"),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["set", "set", "set", "unset", "prune", "reset", "merge", "grant", "find"]),
        st.sampled_from(SCOPES),
        st.sampled_from(("code", "user")),
        st.sampled_from(KEYS),
        VALUES,
    ),
    max_size=12,
)
QUERIES = st.lists(
    st.sampled_from(["rate", "limit", '"rate limit"', "emile", "京", "pep", "style", "why"]),
    min_size=1,
    max_size=2,
).map(" ".join)
READERS = st.builds(Reader, st.sampled_from(["", "ada", "bob"]), st.sampled_from(["", "s", "t"]))


@lru_cache(maxsize=1)
def law() -> Law:
    return law_of()


def owner(scope: Scope) -> Reader:
    return Reader(scope.name if scope.kind == "user" else "", scope.journal)


def play(contexts: Contexts, number: int, step: tuple[str, Scope, str, str, Json]) -> None:
    what, scope, kind, key, value = step
    me = owner(scope)
    if what == "set":
        contexts.set(scope, kind, key, value, by=me)
    elif what == "unset":
        contexts.unset(scope, kind, key, by=me)
    elif what == "prune":
        contexts.prune(scope, by=me, bytes_max=20)
    elif what == "reset":
        contexts.reset(scope, by=me, to_seq=min(number, contexts.changes(scope, by=me).seq))
    elif what == "merge":
        contexts.merge(OWN, scope, by=Reader(scope.name, "s"))
    elif what == "grant":
        to = "*" if number % 2 else "user:bob"
        contexts.grant(scope, Grant(to, kind, f"{key[:2]}*", "read"), by=me)
    else:
        # What it learns of scopes, and keeps, must not mislead those that come after it.
        contexts.search("rate", by=me, scopes=(scope,) if number % 2 else None)


def read_through(
    contexts: Contexts, asked: str, by: Reader, *, hidden: bool
) -> list[tuple[Scope, str, str]]:
    """What a search must find, by reading every value that *by* may see."""
    query = Query.of(asked)
    found = [
        (one.at_ms, str(scope), one.seq, (one.kind, one.key), scope)
        for scope in SCOPES
        for one in contexts.find(scope, by=by, hidden=hidden)
        if fits(query, words_of_value(one.key, one.value))
    ]
    return [(scope, *name) for *_, name, scope in sorted(found, reverse=True, key=lambda x: x[:4])]


def places(found: ContextsFound) -> list[tuple[Scope, str, str]]:
    return [(one.scope, one.value.kind, one.value.key) for one in found.hits]


@settings(max_examples=examples(80))
@given(STEPS, QUERIES, READERS, st.booleans(), st.integers(1, 4))
def test_a_search_finds_what_reading_finds(
    steps: Steps, asked: str, reader: Reader, hidden: bool, limit: int
) -> None:
    """In the same order; by an index that followed, one that was kept, and one made anew."""
    with memory_engine(law=law()) as engine:
        for number, step in enumerate(steps):
            play(engine.contexts, number, step)
        expected = read_through(engine.contexts, asked, reader, hidden=hidden)

        for contexts in (engine.contexts, Contexts(engine), _anew(engine)):
            found = contexts.search(asked, by=reader, scopes=SCOPES, hidden=hidden, limit=HITS_MAX)
            best = contexts.search(
                asked, by=reader, scopes=SCOPES, hidden=hidden, ranked=True, limit=HITS_MAX
            )
            first = contexts.search(asked, by=reader, scopes=SCOPES, hidden=hidden, limit=limit)
            assert places(found) == expected
            assert places(first) == expected[:limit]
            assert set(places(best)) == set(expected)
            scores = [one.score for one in best.hits]
            assert scores == sorted(scores, reverse=True)
            assert not found.unread


@settings(max_examples=examples(60))
@given(STEPS, QUERIES, READERS, st.booleans(), st.integers(1, 3), st.booleans())
def test_a_search_of_everything_finds_what_may_be_read(
    steps: Steps, asked: str, reader: Reader, hidden: bool, limit: int, ranked: bool
) -> None:
    """In scopes that nobody named, no more and no less; page by page it is the same list."""
    with memory_engine(law=law()) as engine:
        for number, step in enumerate(steps):
            play(engine.contexts, number, step)
        expected = read_through(engine.contexts, asked, reader, hidden=hidden)
        given: dict[str, Any] = {"by": reader, "scopes": None, "hidden": hidden, "ranked": ranked}

        whole = engine.contexts.search(asked, **given, limit=HITS_MAX)
        paged, mark = [], ""
        while True:
            page = engine.contexts.search(asked, **given, limit=limit, after=mark)
            paged += page.hits
            mark = page.mark
            if not mark:
                break

        assert tuple(paged) == whole.hits
        assert not whole.mark
        if ranked:
            assert set(places(whole)) == set(expected)
        else:
            assert places(whole) == expected


def _anew(engine: Engine) -> Contexts:
    for one in engine.journal.shelf.scan(INDEX_SHELF):
        engine.journal.shelf.delete(INDEX_SHELF, one.name)
    return Contexts(engine)


@settings(max_examples=examples(80))
@given(STEPS, QUERIES, st.lists(VALUES, min_size=3, max_size=3), st.booleans(), st.booleans())
def test_what_a_reader_may_not_see_changes_nothing(
    steps: Steps, asked: str, secrets: list[Json], ranked: bool, everywhere: bool
) -> None:
    """Neither what is found, nor its order or score, nor that something was not searched."""
    eve = Reader("eve", "e")
    hers = None if everywhere else [PROJECT, OWN]
    told = []
    for values in (secrets, ["other"] * 3):
        with memory_engine(law=law()) as engine:
            for number, step in enumerate(steps):
                play(engine.contexts, number, step)
            shown = {one.key for one in engine.contexts.find(OWN, by=eve)}
            for key, value in zip(KEYS, values, strict=True):
                if key not in shown and not _granted(engine.contexts, key):
                    engine.contexts.set(OWN, "conversation", key, value, by=owner(OWN))
            found = engine.contexts.search(asked, by=eve, scopes=hers, ranked=ranked, limit=2)
            told.append(
                [
                    found.mark,
                    *((one.scope, one.value.kind, one.value.key, one.score) for one in found.hits),
                ]
            )
            assert not [one for one in found.hits if one.value.kind == "conversation"]
    assert told[0] == told[1]


def _granted(contexts: Contexts, key: str) -> bool:
    grants = contexts.grants(OWN, by=owner(OWN))
    assert isinstance(grants, tuple)
    eve = Reader("eve", "e")
    return any(one.covers(eve, "conversation", key, "read") for one in grants)


def test_a_kept_index_spares_the_reading(tmp_path: Path) -> None:
    """Another process reads what may fit and nothing else; a few changes write it not anew."""
    journal = SqliteJournal.open(tmp_path / "j.db", create=True)
    with memory_engine(law=law(), journal=journal) as engine:
        for number in range(60):
            text = f"{'needle' if number == 7 else 'straw'} {'filler ' * 800} {number}"
            engine.contexts.set(PROJECT, "code", f"k{number}", text, by=Reader())
        assert places(engine.contexts.search("straw", by=Reader(), limit=60)) != []
        engine.contexts.set(PROJECT, "code", "new", "needle", by=Reader())
        kept = journal.shelf.get(INDEX_SHELF, "@context#words")
        counted = Counted(engine.journal)
        other = Contexts(engine)
        other._search.states.visible = lambda: counted  # type: ignore[assignment,return-value]

        found = other.search("needle", by=Reader())

        assert [one.value.key for one in found.hits] == ["new", "k7"]
        assert counted.reads == 2  # found fitting, and given
        assert journal.shelf.get(INDEX_SHELF, "@context#words") == kept


class Counted:
    """A journal that counts how often a value is read from its shelf, and which rows are read."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.reads = 0
        self.rows: list[str] = []

    def read(self, session: str, **words: Any) -> tuple[Record, ...]:
        self.rows.append(session)
        return self.journal.read(session, **words)

    def __getattr__(self, name: str) -> object:
        return getattr(self.journal, name)

    @property
    def shelf(self) -> Counted:
        return self

    def get(self, shelf: str, name: str) -> Entry | None:
        self.reads += shelf == BLOB_SHELF
        return self.journal.shelf.get(shelf, name)


def test_an_encrypted_store_keeps_no_plain_index() -> None:
    """It is sealed by the session's key, and gone with it."""
    inner = MemoryJournal()
    vault = Vault.open(inner.shelf, KeyEncryptionKey.of(b"k" * 32))
    with memory_engine(law=law(), journal=encrypted(inner, vault)) as engine:
        engine.start("s")
        engine.contexts.set(OWN, "code", "k", "zebrafinch", by=owner(OWN))
        assert places(engine.contexts.search("zebrafinch", by=owner(OWN), scopes=(OWN,)))
        (entry,) = inner.shelf.scan(INDEX_SHELF)
        assert entry.name == "s#words"
        assert WordIndex.unpacked(entry.value) is None
        sound = engine.journal.shelf.get(INDEX_SHELF, entry.name)
        assert sound is not None
        assert WordIndex.unpacked(sound.value) is not None

        vault.erase(session_scope("s"), 1)

        with pytest.raises(SessionErased):
            Contexts(engine).search("zebrafinch", by=owner(OWN), scopes=(OWN,))


def test_a_damaged_or_foreign_index_is_made_anew() -> None:
    """It is a cache: nothing is missed by it, and nothing made up."""
    with memory_engine(law=law()) as engine:
        engine.contexts.set(PROJECT, "code", "k", "word", by=Reader())
        engine.contexts.search("word", by=Reader())
        shelf = engine.journal.shelf
        sound = shelf.get(INDEX_SHELF, "@context#words")
        assert sound is not None
        older = WordIndex.unpacked(sound.value)
        assert older is not None
        older.hash = bytes(32)
        for value in (b"", b"x", sound.value[:-9], older.packed() or b"", sound.value):
            shelf.put(INDEX_SHELF, "@context#words", value)
            found = Contexts(engine).search("word", by=Reader())
            assert [one.value.key for one in found.hits] == ["k"]


def test_a_value_whose_content_is_lost_is_named() -> None:
    """To whoever may see it, and to nobody else."""
    with memory_engine(law=law()) as engine:
        engine.start("s")
        engine.contexts.set(OWN, "code", "k", "word " * 2_000, by=owner(OWN))
        for one in tuple(values_of(engine.journal.shelf, BLOB_SHELF, "s")):
            engine.journal.shelf.delete(BLOB_SHELF, one.name)

        mine = engine.contexts.search("word", by=owner(OWN), scopes=(OWN,))
        other = engine.contexts.search("word", by=Reader("eve"), scopes=(OWN,))

        assert mine == ContextsFound((), ((OWN, ("code", "k")),))
        assert other == ContextsFound((), ())


def test_an_index_that_changes_much_stays_small() -> None:
    """Numbers that name nothing any more are taken out; what is found stays the same."""
    from governance.scopes.state import Stored

    index = WordIndex()
    for turn in range(60):
        values = {
            ("code", f"k{n}"): Stored(f"w{n}", "", 4, 1, 1, 100 * turn + n, 0, "", "s")
            for n in range(50)
        }
        index.follow(values, lambda name, stored: words_of_value(name[1], stored.value))
    assert index._next < 1_200
    assert index.holding(["w7"]) == {("code", "k7")}
    again = WordIndex.unpacked(index.packed() or b"")
    assert again is not None
    assert again.holding(["w7"]) == {("code", "k7")}
    assert again.length(("code", "k7")) == 2


def shared_out(engine: Engine, sessions: int, text: str) -> None:
    """As many sessions, every third of which lets everybody read what it keeps."""
    for number in range(sessions):
        own, me = Scope("session", f"s{number}"), Reader(session=f"s{number}")
        engine.contexts.set(own, "code", "k", f"{text} {number}", by=me)
        if number % 3 == 0:
            engine.contexts.grant(own, Grant("*", "*", "*", "read"), by=me)


def rows_read(engine: Engine, by: Reader, *, ranked: bool) -> tuple[list[str], set[str]]:
    """What a search of everything finds in an engine that is started anew, and what it reads."""
    contexts, counted = Contexts(engine), Counted(engine.journal)
    contexts._search.states.visible = lambda: counted  # type: ignore[assignment,return-value]
    found = contexts.search("rate", by=by, scopes=None, ranked=ranked, limit=9)
    return sorted(str(one.scope) for one in found.hits), set(counted.rows)


@pytest.mark.parametrize("ranked", [True, False])
def test_what_shares_nothing_is_read_once(ranked: bool) -> None:
    """Until it changes; whoever begins to share is found, and an owner finds their own."""
    ada, eve = Reader("ada"), Reader("eve", "s1")
    everyone = {f"s{number}" for number in range(7)}
    with memory_engine(law=law()) as engine:
        shared_out(engine, 7, "rate")
        first, shared = ["session:s0", "session:s3", "session:s6"], {"s0", "s3", "s6"}
        assert rows_read(engine, ada, ranked=ranked) == (first, everyone)
        assert rows_read(engine, ada, ranked=ranked) == (first, shared)
        assert rows_read(engine, eve, ranked=ranked) == (
            sorted([*first, "session:s1"]),
            shared | {"s1"},
        )

        one = Scope("session", "s1")
        engine.contexts.grant(one, Grant("user:ada", "*", "*", "read"), by=eve)
        found = rows_read(engine, ada, ranked=ranked)
        assert found == (sorted([*first, "session:s1"]), shared | {"s1"})

        engine.journal.shelf.put(INDEX_SHELF, "@context#unshared", b"unshared 1\n123")
        assert rows_read(engine, ada, ranked=ranked) == (found[0], everyone)


def test_a_head_is_not_judged_by_what_came_after_it() -> None:
    """A session that ceases to share while it is looked at says nothing of a branch from before."""
    one, me, ada = Scope("session", "s0"), Reader(session="s0"), Reader("ada")
    with memory_engine(law=law()) as engine:
        shared_out(engine, 1, "rate")
        seq = engine.journal.head("s0").seq
        meanwhile = Meanwhile(engine.journal)
        meanwhile.work = lambda: engine.contexts.revoke(one, Grant("*", "*", "*", "read"), by=me)
        contexts = Contexts(engine)
        contexts._search.states.visible = lambda: meanwhile  # type: ignore[assignment,return-value]
        assert places(contexts.search("rate", by=ada, scopes=None)) == []

        engine.journal.branch("b", "s0", seq)

        assert places(contexts.search("rate", by=ada, scopes=None)) == [
            (Scope("session", "b"), "code", "k")
        ]


class Meanwhile(Counted):
    """A journal in which something happens once, right after its sessions were listed."""

    work: Callable[[], object] | None = None

    def sessions(self, **words: Any) -> tuple[Head, ...]:
        page = self.journal.sessions(**words)
        work, self.work = self.work, None
        if work is not None:
            work()
        return page


def test_heads_that_share_nothing_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept comes back; with one too many the old ones go, and are learned again."""
    monkeypatch.setattr(unshared, "HEADS_MAX", 30)
    hashes = [bytes([number]) * 32 for number in range(40)]
    held = UnsharedHeads()
    for hash_ in hashes[:30]:
        held.add(hash_)
    again = UnsharedHeads.unpacked(held.packed())

    assert again is not None
    assert [one in again for one in hashes] == [True] * 30 + [False] * 10
    for hash_ in hashes[30:]:
        again.add(hash_)
    third = UnsharedHeads.unpacked(again.packed())
    assert third is not None
    assert [one in third for one in hashes] == [False] * 30 + [True] * 10
    for damaged in (b"", b"unshared 2\n", held.packed()[:-1], held.packed() + bytes(8)):
        assert UnsharedHeads.unpacked(damaged) is None


@pytest.mark.parametrize("store", ["memory", "sqlite", "postgres"])
def test_every_store_searches_everything_alike(store: str, tmp_path: Path, server: Server) -> None:
    """Only what leave was given for is found, in all scopes, by pages; what was erased is not."""
    journal: Journal
    if store == "postgres":
        journal = server.journal()
    elif store == "sqlite":
        journal = SqliteJournal.open(tmp_path / "journal.db", create=True)
    else:
        journal = MemoryJournal()
    key = KeyEncryptionKey.of(b"k" * 32)
    sealed = encrypted(journal, Vault.open(journal.shelf, key))
    with memory_engine(law=law(), journal=sealed) as engine:
        shared_out(engine, 12, "rate limit")
        ada = Reader("ada")
        engine.contexts.set(PROJECT, "code", "k", "rate", by=ada)
        engine.contexts.set(Scope("user", "ada"), "user", "k", "rate", by=ada)
        engine.contexts.set(Scope("user", "bob"), "user", "k", "rate", by=Reader("bob"))
        sealed.vault.erase(session_scope("s0"), 1)

        contexts = Contexts(engine)
        found, mark = [], ""
        for _ in range(5):
            page = contexts.search("rate", by=ada, scopes=None, limit=1, after=mark)
            found += [str(one.scope) for one in page.hits]
            mark = page.mark

        assert sorted(found) == ["project", "session:s3", "session:s6", "session:s9", "user:ada"]
        assert not mark


def test_a_search_of_everything_asks_who_looks() -> None:
    """A session that its actor may not read at all is not searched, whatever leave it gave."""

    def may(actor: str, action: str, session: str) -> tuple[str, ...]:
        return ("it is not for you",) if session == "s3" else ()

    journal = MemoryJournal()
    with memory_engine(law=law(), journal=journal) as engine:
        shared_out(engine, 5, "rate")
        options = EngineOptions(run="test", guard=Guard("ann", "api", may, None, 0.0))
        guarded = memory_engine(law=law(), journal=journal, options=options)
        found = guarded.contexts.search("rate", by=Reader("ann"), scopes=None)

    assert [str(one.scope) for one in found.hits] == ["session:s0"]


def _peak_bytes(sessions: int, *, ranked: bool) -> int:
    """What a search of everything takes at most, where each of so many scopes says much."""
    text = "rate " + " ".join(f"w{n}" for n in range(800))
    with memory_engine(law=law()) as engine:
        for number in range(sessions):
            own, me = Scope("session", f"s{number}"), Reader(session=f"s{number}")
            engine.contexts.set(own, "code", "k", text, by=me)
            engine.contexts.grant(own, Grant("*", "*", "*", "read"), by=me)
        contexts = Contexts(engine, ContextLimits(scopes_held_max=1))
        tracemalloc.start()
        found = contexts.search("rate", by=Reader("a"), scopes=None, ranked=ranked, limit=1)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(found.hits) == 1
    return peak


@pytest.mark.parametrize("ranked", [True, False])
def test_a_search_of_everything_holds_few_scopes_at_a_time(ranked: bool) -> None:
    """Three times as many scopes take next to no more: eight indices are held, as ever."""
    assert _peak_bytes(36, ranked=ranked) < 1.5 * _peak_bytes(12, ranked=ranked)


def test_a_search_that_holds_everything_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: were all indices held, more scopes would take more."""
    monkeypatch.setattr(context_search, "INDICES_HELD_MAX", 1_000)

    assert _peak_bytes(36, ranked=False) > 1.5 * _peak_bytes(12, ranked=False)


@pytest.mark.parametrize(
    "mark", ["x", "e30", "W10", "bm9uZQ", "W251bGwsMSwiYSIsMSwiYSIsImIiXQ", "ä", "W10" * 5_000]
)
def test_a_mark_that_nobody_gave_is_refused(mark: str) -> None:
    """Nothing is guessed of it."""
    with memory_engine(law=law()) as engine, pytest.raises(MisuseError) as refused:
        engine.contexts.search("rate", by=Reader("ada"), after=mark)
    assert refused.value.code == "GOV585"


def test_more_scopes_than_there_may_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out unsaid; what was read meanwhile was not read in vain."""
    monkeypatch.setattr(context_search, "SCOPES_MAX", 3)
    with memory_engine(law=law()) as engine:
        shared_out(engine, 4, "rate")
        with pytest.raises(MisuseError) as refused:
            engine.contexts.search("rate", by=Reader("ada"), scopes=None)
        # Those that share nothing are known by now, so that the next one comes further.
        found = engine.contexts.search("rate", by=Reader("ada"), scopes=None)
    assert refused.value.code == "GOV586"
    assert [str(one.scope) for one in found.hits] == ["session:s3", "session:s0"]


def test_a_search_for_nothing_is_refused() -> None:
    """By the codes of every search."""
    with memory_engine(law=law(), options=EngineOptions(run="r")) as engine:
        for text, limit in (("...", 20), ("word", 0), ("word", HITS_MAX + 1)):
            with pytest.raises(MisuseError) as refused:
                engine.contexts.search(text, by=Reader(), limit=limit)
            assert refused.value.code == "GOV569"


def test_whoever_may_only_read_may_search() -> None:
    """The index is the store's own; whoever may not read is refused before it is asked."""
    journal = MemoryJournal()
    with memory_engine(law=law(), journal=journal) as engine:
        engine.contexts.set(PROJECT, "code", "k", "word", by=Reader())

        def may(actor: str, action: str, session: str) -> tuple[str, ...]:
            return () if (actor, action) == ("ann", "read") else (f"{session} is not for {actor}",)

        for actor in ("ann", "bob"):
            guard = Guard(actor, "api", may, None, 0.0)
            options = EngineOptions(run=actor, guard=guard)
            guarded = memory_engine(law=law(), journal=journal, options=options)
            if actor == "ann":
                assert len(guarded.contexts.search("word", by=Reader()).hits) == 1
                assert journal.shelf.get(INDEX_SHELF, "@context#words") is not None
            else:
                with pytest.raises(AccessRefused):
                    guarded.contexts.search("word", by=Reader())
