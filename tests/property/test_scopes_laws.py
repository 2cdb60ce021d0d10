"""Laws of contexts: merges, isolation, resets, and the fold that all of them stand on."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TypeAlias

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.engine.context_states import ContextStates
from governance.engine.contexts import Contexts
from governance.journal.memory import MemoryJournal
from governance.journal.records import Record
from governance.journal.session_values import INDEX_SHELF
from governance.scopes import PROJECT, Grant, Reader, Refusal, Scope, Value
from governance.scopes.merging import Merged, merge
from governance.scopes.packing import packed_state, unpacked_state
from governance.scopes.state import Name
from governance.testing.engines import memory_engine
from tests.profiles import examples

Values: TypeAlias = dict[Name, int]
NAMES = st.tuples(st.sampled_from(["code", "user"]), st.sampled_from("abc"))
VALUES = st.dictionaries(NAMES, st.integers(0, 2))


def merged(plan: Merged, ours: Values, theirs: Values) -> Values:
    kept = {name: value for name, value in ours.items() if name not in plan.drop}
    return kept | {name: theirs[name] for name in plan.take}


@given(VALUES, VALUES, VALUES)
def test_a_merge_is_symmetric_but_for_its_conflicts(
    base: Values, ours: Values, theirs: Values
) -> None:
    """Whoever merges whom, the same names conflict, and all others come out alike."""
    one, other = merge(base, ours, theirs), merge(base, theirs, ours)

    assert one.conflicts == other.conflicts
    left, right = merged(one, ours, theirs), merged(other, theirs, ours)
    for name in {*left, *right} - set(one.conflicts):
        assert left.get(name) == right.get(name)


@given(VALUES, VALUES, VALUES)
def test_a_merge_loses_no_change_and_makes_none_up(
    base: Values, ours: Values, theirs: Values
) -> None:
    """A name that one side changed has that change; one that both changed alike has it too."""
    plan = merge(base, ours, theirs)
    after = merged(plan, ours, theirs)

    for name in {*base, *ours, *theirs}:
        was, mine, other = base.get(name), ours.get(name), theirs.get(name)
        if other == was or mine == other:
            assert after.get(name) == mine
        elif mine == was:
            assert after.get(name) == other
        else:
            assert name in plan.conflicts
            assert after.get(name) == mine


@given(VALUES, VALUES, VALUES)
def test_a_merge_that_is_done_again_does_nothing(
    base: Values, ours: Values, theirs: Values
) -> None:
    """What was merged is the base of the next merge, conflicts and all."""
    after = merged(merge(base, ours, theirs), ours, theirs)

    assert merge(theirs, after, theirs) == Merged((), (), ())
    assert merge(base, ours, base) == Merged((), (), ())


SCOPES = st.sampled_from([PROJECT, Scope("session", "s"), Scope("session", "t"),
                          Scope("user", "ada"), Scope("user", "s")])  # fmt: skip
READERS = st.builds(
    Reader, st.sampled_from(["", "ada", "bob", "s"]), st.sampled_from("st") | st.just("")
)
GRANTS = st.builds(
    Grant,
    st.sampled_from(["*", "session:s", "session:t", "user:ada", "user:bob"]),
    st.sampled_from(["*", "code"]),
    st.sampled_from(["*", "a", "a*"]),
    st.sampled_from(["read", "write"]),
)
KEYS = st.sampled_from(["a", "ab", "b"])


def allowed(
    scope: Scope, reader: Reader, grants: list[Grant], kind: str, key: str, right: str
) -> bool:
    """The matrix of the documents, written down a second time."""
    if scope == PROJECT:
        return True
    own = reader.session if scope.kind == "session" else reader.actor
    if own == scope.name:
        return True
    for one in grants:
        to_reader = one.to in ("*", f"user:{reader.actor}", f"session:{reader.session}")
        named = one.kind in ("*", kind) and fnmatchcase(key, one.keys)
        if to_reader and named and one.right in (right, "write"):
            return True
    return False


@settings(max_examples=examples(150))
@given(SCOPES, READERS, st.lists(GRANTS, max_size=3), st.sampled_from(["code", "user"]), KEYS)
def test_nobody_sees_or_changes_what_is_not_theirs(
    scope: Scope, reader: Reader, grants: list[Grant], kind: str, key: str
) -> None:
    """By no verb, and a refusal is the same whether the value is there or not."""
    owner = Reader(actor=scope.name, session=scope.name)
    with memory_engine() as engine:
        contexts = engine.contexts
        absent = contexts.get(scope, kind, key, by=reader)
        contexts.set(scope, kind, key, "secret", by=owner)
        for one in grants:
            contexts.grant(scope, one, by=owner)
        read = allowed(scope, reader, grants, kind, key, "read")
        write = allowed(scope, reader, grants, kind, key, "write")

        got = contexts.get(scope, kind, key, by=reader)
        found = contexts.find(scope, by=reader)
        changed = contexts.changes(scope, by=reader)
        taken = contexts.merge(Scope("session", "mine"), scope, by=Reader(reader.actor, "mine"))
        put = contexts.set(scope, kind, key, "other", by=reader)
        owns = scope == PROJECT or allowed(scope, reader, [], kind, key, "read")

        assert isinstance(got, Refusal) != read
        assert bool(found) == bool(changed.values) == read
        assert isinstance(put, Refusal) != write
        if not read:
            assert "secret" not in repr((got, found, changed))
            assert not grants or got == absent
            told = (contexts.validate(scope, by=reader), contexts.grants(scope, by=reader))
            assert all(isinstance(one, Refusal) for one in told)
        if allowed(scope, Reader(reader.actor, "mine"), grants, kind, key, "read"):
            assert not isinstance(taken, Refusal)
            assert taken.taken == ((kind, key),)
        else:
            assert not isinstance(taken, Refusal)
            assert taken.taken == ()
        for done in (
            contexts.reset(scope, by=reader, to_seq=0),
            contexts.prune(scope, by=reader, bytes_max=0),
            contexts.grant(scope, Grant("*", "*", "*", "write"), by=reader),
        ):
            assert isinstance(done, Refusal) != owns


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["set", "set", "unset", "prune", "reset", "merge", "grant"]),
        KEYS,
        st.integers(0, 40),
    ),
    max_size=14,
)


@settings(max_examples=examples(60))
@given(STEPS)
def test_a_cache_that_catches_up_is_the_fold_of_all_rows(steps: list[tuple[str, str, int]]) -> None:
    """Row by row, and each reset gives exactly what there was."""
    me = Reader("ada", "s")
    scope, other = Scope("session", "s"), Scope("session", "t")
    with memory_engine() as engine:
        session = engine.start("s")
        contexts = engine.contexts
        seen: dict[int, dict[Name, object]] = {0: {}}
        for what, key, number in steps:
            if what == "set":
                contexts.set(scope, "code", key, "x" * (number * 300), by=me)
            elif what == "unset":
                contexts.unset(scope, "code", key, by=me)
            elif what == "prune":
                contexts.prune(scope, by=me, bytes_max=number * 100)
            elif what == "grant":
                session.lapse()
                contexts.grant(scope, Grant("*", "code", key, "read"), by=me)
            elif what == "merge":
                contexts.set(other, "code", key, number, by=Reader(session="t"))
                contexts.grant(other, Grant("*", "*", "*", "read"), by=Reader(session="t"))
                contexts.merge(scope, other, by=me)
            else:
                target = sorted(seen)[number % len(seen)]
                contexts.reset(scope, by=me, to_seq=target)
                now = {(one.kind, one.key): one for one in
                       contexts.find(scope, by=me, hidden=True)}  # fmt: skip
                assert now == seen[target]
            held = contexts._states.newest(scope)
            seen[held.head] = {(one.kind, one.key): one for one in
                               contexts.find(scope, by=me, hidden=True)}  # fmt: skip
            assert held == ContextStates(lambda: engine.journal).newest(scope)
            # From what an engine kept three rows ago, or just now.
            kept = ContextStates(
                lambda: engine.journal, shelf=engine.journal.shelf, snapshot_rows=3
            )
            assert held == kept.newest(scope)
            assert held == ContextStates(lambda: engine.journal).at(scope, held.head)


def test_another_engine_sees_what_this_one_wrote() -> None:
    """A cache is one engine's; the journal is everybody's."""
    me = Reader("ada")
    with memory_engine() as engine:
        other = Contexts(engine)
        first = engine.contexts.set(PROJECT, "code", "a", 1, by=me)
        assert other.get(PROJECT, "code", "a", by=me) == first
        second = other.set(PROJECT, "code", "a", 2, by=me)
        assert engine.contexts.get(PROJECT, "code", "a", by=me) == second


def test_a_session_that_another_engine_wrote_to_can_be_written() -> None:
    """What an engine holds of a session may be older than the rows that it goes by."""
    me, own, journal = Reader("ada", "s"), Scope("session", "s"), MemoryJournal()
    with memory_engine(journal=journal) as one, memory_engine(journal=journal) as other:
        one.start("s")
        for number, engine in enumerate((other, one, other, one)):
            made = engine.contexts.set(own, "code", "k", number, by=me)
            assert isinstance(made, Value)
            assert (made.value, made.version) == (number, number + 1)


def test_what_was_kept_of_a_scope_is_no_more_than_a_cache() -> None:
    """Of another row, version or scope, damaged or gone: the rows say the same."""
    me, own = Reader(session="s"), Scope("session", "s")
    with memory_engine() as engine:
        engine.start("s")
        for number in range(5):
            engine.contexts.set(own, "code", f"k{number}", [number, {"a": None}], by=me)
        engine.contexts.grant(own, Grant("*", "code", "k1", "read"), by=me)
        shelf = engine.journal.shelf
        states = ContextStates(lambda: engine.journal, shelf=shelf, snapshot_rows=1)
        whole = states.newest(own)
        (entry,) = [one for one in shelf.scan(INDEX_SHELF) if one.name == "s#state"]
        assert unpacked_state(own, entry.value) == (whole, engine.journal.head("s").hash)
        other = packed_state(whole, bytes(32))
        assert other is not None
        newer = packed_state(attrs.evolve(whole, head=99), engine.journal.head("s").hash)
        assert newer is not None

        for value in (b"", b"x", entry.value[:-9], other, newer, entry.value):
            shelf.put(INDEX_SHELF, entry.name, value)
            again = ContextStates(lambda: engine.journal, shelf=shelf)
            assert again.newest(own) == whole


def test_a_kept_scope_spares_the_reading_of_its_rows() -> None:
    """However long the session is, only what came since is read."""
    me, own = Reader(session="s"), Scope("session", "s")
    with memory_engine() as engine:
        session = engine.start("s")
        engine.contexts.set(own, "code", "k", 1, by=me)
        for number in range(1_100):
            session.message("user", f"{number}")
        assert Contexts(engine).get(own, "code", "k", by=me)
        session.message("user", "more")
        read: list[int] = []

        class Counted(MemoryJournal):
            def read(self, *words: object, **named: object) -> tuple[Record, ...]:
                found = engine.journal.read(*words, **named)  # type: ignore[arg-type]
                read.append(len(found))
                return found

        counted = Counted()
        states = ContextStates(lambda: counted, shelf=engine.journal.shelf)

        assert states.newest(own).values["code", "k"].value == 1
        assert sum(read) <= 2
