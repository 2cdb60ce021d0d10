"""A store with something in each of its tables, on which `test_verify_finds_edits` works."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

from attrs import evolve

from governance.analytics.fold import Place, Rollup
from governance.analytics.projection import bytes_of, catch_up, rollup_from
from governance.engine.context_search import INDEX, UNSHARED, ContextSearch
from governance.engine.context_states import STATE, ContextStates
from governance.engine.health import health_of
from governance.engine.keeping import archive
from governance.engine.restoring import keep_snapshot
from governance.journal.records import Journal
from governance.journal.searching import Query, Search
from governance.scopes import PROJECT, Grant, Reader, Scope
from governance.scopes.indexing import WordIndex
from governance.scopes.packing import packed_state, unpacked_state
from governance.scopes.unshared import UnsharedHeads
from governance.testing.engines import memory_engine

ME = Reader("ada", "one")
OWN = Scope("session", "one")
BIG = "long words " * 2_000


def fill(journal: Journal, folder: Path) -> None:
    """Sessions, a branch, a removed one, contents, contexts, and all that is kept of them."""
    with memory_engine(journal=journal) as engine:
        for name in ("gone", "one", "two"):
            session = engine.start(name, actor="ada")
            session.turn("work")
            session.tool("read", {"path": "a"}, call_id="c")
            session.tool_finished("c", outcome="ok")
            session.message("user", f"said in {name}")
            session.message("assistant", "said again, and again")
        engine.session("two").message("user", BIG)
        contexts = engine.contexts
        contexts.set(OWN, "code", "style", "rate limit", by=ME)
        contexts.set(OWN, "code", "big", BIG, by=ME)
        contexts.grant(OWN, Grant("*", "code", "*", "read"), by=ME)
        contexts.set(PROJECT, "code", "entry", "main", by=ME)
        engine.session("gone").end()
        engine.branch("two", name="bough")
        archive(engine, "gone", folder, "asked", "ada")
        for name in ("one", "two"):
            keep_snapshot(journal, engine.state(name))
        states = ContextStates(lambda: journal, shelf=journal.shelf, snapshot_rows=1)
        search = ContextSearch(states, journal.shelf)
        seen = tuple(search.everywhere(Reader("bob", "x"), []))
        assert OWN in seen
        search.find(
            Query.of("rate"), lambda: seen, by=ME, kind=None, hidden=False, ranked=False, limit=5
        )
        journal.shelf.put("lease", "retention", b"1")
        journal.shelf.put("archiving", "none", b'{"session": "none"}')
        journal.shelf.put("key", "session:none", b"{}")
        health_of(journal, now_ms=1_700_000_000_000)
        assert catch_up(journal).saved
        assert isinstance(journal, Search)
        assert journal.search(Query.of("said"))


def fill_words(journal: Journal) -> None:
    """Messages with enough words for an index of several pages."""
    with memory_engine(journal=journal) as engine:
        session = engine.start("one")
        session.turn("talk")
        for begin in range(0, 4_000, 250):
            session.message("user", " ".join(f"word{n}" for n in range(begin, begin + 250)))
        assert isinstance(journal, Search)
        assert journal.search(Query.of("word7"))


def forged_state(value: bytes) -> bytes:
    """A kept state of a scope that says that a value is another."""
    found = unpacked_state(OWN, value)
    assert found is not None
    state, hash_ = found
    values = dict(state.values)
    values["code", "style"] = evolve(values["code", "style"], value="another")
    made = packed_state(evolve(state, values=values), hash_)
    assert made is not None
    return made


def forged_index(value: bytes) -> bytes:
    """An index of a scope that does not know a word."""
    assert WordIndex.unpacked(value) is not None
    data = zlib.decompress(value)
    assert data.count(b'"rate"') == 1
    made = zlib.compress(data.replace(b'"rate"', b'"fate"'))
    assert WordIndex.unpacked(made) is not None
    return made


def forged_unshared(journal: Journal) -> Callable[[bytes], bytes]:
    """Heads that share nothing, and the one of a scope that shares something among them."""
    head = journal.head(OWN.name)

    def forge(value: bytes) -> bytes:
        heads = UnsharedHeads.unpacked(value)
        assert heads is not None
        assert head.hash not in heads
        heads.add(head.hash)
        return heads.packed()

    return forge


def forged_figures(value: bytes) -> bytes:
    """Figures in which one more row is counted."""
    found = rollup_from(value)
    assert found is not None
    rollup, position = found
    days = {day: {group: dict(one) for group, one in figures.items()}
            for day, figures in rollup.days.items()}  # fmt: skip
    if not days:
        return bytes_of(Rollup({1: {"count": {"rows": 1}}}), position)
    next(iter(days.values()))["count"]["rows"] += 1
    return bytes_of(evolve(rollup, days=days), position)


def forged_places(value: bytes) -> bytes:
    """Figures that count a session that the store never had."""
    found = rollup_from(value)
    assert found is not None
    rollup, position = found
    return bytes_of(evolve(rollup, places={**rollup.places, "never": Place(3)}), position)


VALUES = {
    ("index", f"{OWN.journal}#{STATE}"): forged_state,
    ("index", f"{OWN.journal}#{INDEX}"): forged_index,
    ("rollup", "figures-*"): forged_figures,
    ("rollup", "figures-*, places"): forged_places,
    ("blob", "*"): lambda value: value[:-1] + bytes([value[-1] ^ 1]),
}
"""Values whose meaning is changed, with a digest that fits, and have to be found."""

UNSHARED_NAME = f"{PROJECT.journal}#{UNSHARED}"
