"""Contexts are made, changed, merged, pruned, taken back, repaired, migrated and followed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Thread

import pytest

from governance.engine import Engine
from governance.engine.contexts import ContextLimits, Contexts
from governance.errors import MisuseError
from governance.journal.session_values import BLOB_SHELF, values_of
from governance.journal.sqlite import SqliteJournal
from governance.scopes import PROJECT, Declaration, Grant, Reader, Refusal, Scope, Stale, Value
from governance.scopes.contents import INLINE_BYTES_MAX, ContextLost
from governance.testing.engines import memory_engine
from governance.values import Json, ValueRefused

ME = Reader("ada", "s")
OWN = Scope("session", "s")
SECRET = "ghp_" + "a1B2" * 9


@pytest.fixture
def engine() -> Iterator[Engine]:
    with memory_engine() as made:
        made.start("s")
        yield made


def value(got: object) -> object:
    assert isinstance(got, Value)
    return got.value


def test_a_value_has_a_version_that_goes_on(engine: Engine) -> None:
    """Also over the time in which it was not there; what is expected is compared."""
    contexts = engine.contexts

    first = contexts.set(OWN, "code", "k", 1, by=ME, expected_version=0)
    second = contexts.set(OWN, "code", "k", [2], by=ME, expected_version=1)
    late = contexts.set(OWN, "code", "k", 3, by=ME, expected_version=1)
    assert contexts.unset(OWN, "code", "k", by=ME) is True
    assert contexts.unset(OWN, "code", "k", by=ME) is False
    assert contexts.get(OWN, "code", "k", by=ME) is None
    third = contexts.set(OWN, "code", "k", 4, by=ME)

    assert isinstance(first, Value)
    assert isinstance(second, Value)
    assert isinstance(third, Value)
    assert (first.version, second.version, third.version) == (1, 2, 3)
    assert late == Stale(2)
    assert second.actor == "ada"


def test_writers_that_race_lose_nothing(engine: Engine) -> None:
    """Who expects a version reads again and goes on from what the other wrote."""
    contexts = engine.contexts
    contexts.set(PROJECT, "code", "count", 0, by=ME)

    def work() -> None:
        for _ in range(20):
            while True:
                got = contexts.get(PROJECT, "code", "count", by=ME)
                assert isinstance(got, Value)
                assert isinstance(got.value, int)
                done = contexts.set(
                    PROJECT, "code", "count", got.value + 1, by=ME, expected_version=got.version
                )
                if isinstance(done, Value):
                    break

    threads = [Thread(target=work) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert value(contexts.get(PROJECT, "code", "count", by=ME)) == 60


def test_big_values_are_compressed_on_the_shelf(engine: Engine) -> None:
    """A row stays small, and the same value is stored once."""
    contexts = engine.contexts
    big = {"text": "abc " * 20_000}

    made = contexts.set(OWN, "code", "a", big, by=ME)
    contexts.set(OWN, "code", "b", big, by=ME)

    assert value(contexts.get(OWN, "code", "b", by=ME)) == big
    (entry,) = engine.journal.shelf.scan(BLOB_SHELF)
    assert len(entry.value) < 1_000
    assert isinstance(made, Value)
    assert len(engine.journal.read("s", after=made.seq - 1, limit=1)[0].body) < INLINE_BYTES_MAX


def test_a_big_value_takes_a_third_of_what_was_said(engine: Engine) -> None:
    """Of texts as people write them: what is said in the how-to pages."""
    pages = (Path(__file__).parents[2] / "docs" / "howto").glob("*.md")
    texts = [page.read_text(encoding="utf-8") for page in sorted(pages)]

    made = engine.contexts.set(OWN, "code", "pages", texts, by=ME)

    assert isinstance(made, Value)
    (entry,) = engine.journal.shelf.scan(BLOB_SHELF)
    size_bytes = len("".join(texts).encode())
    assert size_bytes > 100_000
    assert size_bytes / len(entry.value) >= 3


def test_what_is_found_is_by_kind_and_prefix_in_order(engine: Engine) -> None:
    """And can be paged within a kind."""
    contexts = engine.contexts
    for key in ("style.b", "style.a", "other"):
        contexts.set(OWN, "code", key, key, by=ME)
    contexts.set(OWN, "user", "style.z", 1, by=ME)

    found = contexts.find(OWN, by=ME, prefix="style.")
    paged = contexts.find(OWN, by=ME, kind="code", after="other", limit=1)

    assert [(one.kind, one.key) for one in found] == [
        ("code", "style.a"),
        ("code", "style.b"),
        ("user", "style.z"),
    ]
    assert [one.key for one in paged] == ["style.a"]


def test_bounds_are_refused_with_what_would_fit(engine: Engine) -> None:
    """A value, the whole scope, and the number of values each have one."""
    limits = ContextLimits(value_bytes_max=100, scope_bytes_max=150, values_max=3)
    contexts = Contexts(engine, limits)

    assert isinstance(contexts.set(OWN, "code", "a", "x" * 90, by=ME), Value)
    for key, text, why in (("b", "x" * 200, "has 202 bytes"), ("b", "x" * 90, "would have 184")):
        refused = contexts.set(OWN, "code", key, text, by=ME)
        assert isinstance(refused, Refusal)
        assert refused.code == "GOV562"
        assert why in refused.reasons[0]
    assert isinstance(contexts.set(OWN, "code", "a", "y" * 98, by=ME), Value)
    for key in "bc":
        assert isinstance(contexts.set(OWN, "code", key, 1, by=ME), Value)
    assert isinstance(contexts.set(OWN, "code", "d", 1, by=ME), Refusal)


def test_pruning_hides_the_oldest_and_loses_nothing(engine: Engine) -> None:
    """What is hidden is there for who asks, and comes back when it is set."""
    contexts = engine.contexts
    for key in "abc":
        contexts.set(OWN, "conversation", key, key * 8, by=ME)

    assert contexts.prune(OWN, by=ME, bytes_max=20) == (("conversation", "a"),)
    assert contexts.prune(OWN, by=ME, bytes_max=20) == ()

    assert [one.key for one in contexts.find(OWN, by=ME)] == ["b", "c"]
    assert [one.key for one in contexts.find(OWN, by=ME, hidden=True)] == ["a", "b", "c"]
    assert value(contexts.get(OWN, "conversation", "a", by=ME)) == "aaaaaaaa"
    contexts.set(OWN, "conversation", "a", 1, by=ME)
    assert [one.key for one in contexts.find(OWN, by=ME)] == ["a", "b", "c"]


def test_a_merge_takes_over_and_names_what_both_changed(engine: Engine) -> None:
    """A second one finds nothing to do, and what was settled stays settled."""
    contexts = engine.contexts
    contexts.set(PROJECT, "code", "shared", 1, by=ME)
    contexts.set(PROJECT, "code", "big", "x" * 9_000, by=ME)
    first = contexts.merge(OWN, PROJECT, by=ME)
    contexts.set(PROJECT, "code", "shared", 2, by=ME)
    contexts.set(OWN, "code", "shared", 3, by=ME)
    contexts.unset(PROJECT, "code", "big", by=ME)

    second = contexts.merge(OWN, PROJECT, by=ME)
    third = contexts.merge(OWN, PROJECT, by=ME)

    assert not isinstance(first, Refusal)
    assert not isinstance(second, Refusal)
    assert not isinstance(third, Refusal)
    assert first.taken == (("code", "big"), ("code", "shared"))
    assert (second.taken, second.dropped) == ((), (("code", "big"),))
    assert second.conflicts == (("code", "shared"),)
    assert third.seq == 0
    assert value(contexts.get(OWN, "code", "shared", by=ME)) == 3


def test_a_branch_has_the_context_of_its_session(engine: Engine) -> None:
    """Big values too; what is set in one later is not in the other."""
    contexts = engine.contexts
    contexts.set(OWN, "code", "k", "x" * 9_000, by=ME)
    head = engine.journal.head("s").seq
    engine.journal.branch("b", "s", head)
    there = Reader("ada", "b")
    contexts.set(OWN, "code", "k", "later", by=ME)

    assert value(contexts.get(Scope("session", "b"), "code", "k", by=there)) == "x" * 9_000
    contexts.set(Scope("session", "b"), "code", "k", "other", by=there)
    assert value(contexts.get(OWN, "code", "k", by=ME)) == "later"


def test_branches_are_merged_from_what_they_share(engine: Engine) -> None:
    """A value that one of the two changed is taken over, and is no conflict."""
    contexts = engine.contexts
    for key in "abc":
        contexts.set(OWN, "code", key, "shared", by=ME)
    engine.journal.branch("b", "s", engine.journal.head("s").seq)
    there, other = Reader("ada", "b"), Scope("session", "b")
    contexts.set(other, "code", "a", "theirs", by=there)
    contexts.set(other, "code", "b", "theirs", by=there)
    contexts.set(OWN, "code", "b", "ours", by=ME)
    contexts.set(OWN, "code", "c", "ours", by=ME)
    contexts.grant(other, Grant("session:s", "*", "*", "read"), by=there)

    done = contexts.merge(OWN, other, by=ME)

    assert not isinstance(done, Refusal)
    assert done.taken == (("code", "a"),)
    assert done.conflicts == (("code", "b"),)


def test_declared_values_are_held_to_their_declaration(engine: Engine) -> None:
    """Each field that is wrong is named, and nothing is written."""
    contexts = engine.contexts
    contexts.declare(Declaration("code", "file.*", {"path": "str", "line": "int?"}))

    refused = contexts.set(OWN, "code", "file.a", {"line": "1", "extra": 2}, by=ME)

    assert refused == Refusal(
        "GOV563",
        (
            "it has no field `extra`",
            "`path` is missing",
            "`line` must be int, not str",
        ),
    )
    assert isinstance(contexts.set(OWN, "code", "file.a", {"path": "a"}, by=ME), Value)
    assert isinstance(contexts.set(OWN, "code", "other", 1, by=ME), Value)
    with pytest.raises(MisuseError, match="types"):
        Declaration("code", "x", {"a": "film"})


def test_old_formats_are_led_on(engine: Engine) -> None:
    """On reading at once, and for good by a migration; newer ones are refused by name."""
    contexts = engine.contexts
    contexts.declare(Declaration("code", "k", {"path": "str"}))
    contexts.set(OWN, "code", "k", {"path": "a"}, by=ME)

    def listed(old: Json) -> Json:
        assert isinstance(old, Mapping)
        return {"paths": [old["path"]]}

    contexts.declare(Declaration("code", "k", {"paths": "list[str]"}, 2, {1: listed}))

    before = contexts.get(OWN, "code", "k", by=ME)
    assert contexts.migrate(OWN, by=ME) == (("code", "k"),)
    assert contexts.migrate(OWN, by=ME) == ()
    after = contexts.get(OWN, "code", "k", by=ME)

    assert isinstance(before, Value)
    assert isinstance(after, Value)
    assert before.value == after.value == {"paths": ["a"]}
    assert (before.version, after.version, after.format) == (1, 2, 2)
    older = Contexts(engine)
    older.declare(Declaration("code", "k", {"path": "str"}))
    with pytest.raises(MisuseError, match="format 2; this program knows 1"):
        older.get(OWN, "code", "k", by=ME)


def test_a_migration_undoes_no_change_that_came_meanwhile(engine: Engine) -> None:
    """What somebody sets while old values are led on is led on in turn, not written over."""
    contexts, other = engine.contexts, Contexts(engine)
    for one in (contexts, other):
        one.declare(Declaration("code", "k", {"path": "str"}))
    contexts.set(OWN, "code", "k", {"path": "old"}, by=ME)
    changes = [{"path": "new"}]

    def listed(old: Json) -> Json:
        assert isinstance(old, Mapping)
        if changes:
            other.set(OWN, "code", "k", changes.pop(), by=ME)
        return {"paths": [old["path"]]}

    contexts.declare(Declaration("code", "k", {"paths": "list[str]"}, 2, {1: listed}))

    assert contexts.migrate(OWN, by=ME) == (("code", "k"),)

    assert value(contexts.get(OWN, "code", "k", by=ME)) == {"paths": ["new"]}


def test_a_value_whose_content_is_lost_goes_back_to_its_newest_sound_one(engine: Engine) -> None:
    """Or out, where it has none; what is lost is an error and never an empty value."""
    contexts = engine.contexts
    contexts.set(OWN, "code", "k", "sound", by=ME)
    contexts.set(OWN, "code", "k", "x" * 9_000, by=ME)
    contexts.set(OWN, "code", "gone", "y" * 9_000, by=ME)
    for entry in engine.journal.shelf.scan(BLOB_SHELF):
        engine.journal.shelf.put(BLOB_SHELF, entry.name, b"damaged")

    with pytest.raises(ContextLost):
        contexts.get(OWN, "code", "k", by=ME)
    wrong = contexts.validate(OWN, by=ME)
    repaired = contexts.repair(OWN, by=ME)

    assert not isinstance(wrong, Refusal)
    assert list(wrong) == [("code", "gone"), ("code", "k")]
    assert not isinstance(repaired, Refusal)
    assert repaired[("code", "gone")] == 0
    assert repaired[("code", "k")] > 0
    assert value(contexts.get(OWN, "code", "k", by=ME)) == "sound"
    assert contexts.get(OWN, "code", "gone", by=ME) is None
    assert contexts.validate(OWN, by=ME) == {}
    contexts.set(OWN, "code", "k", "x" * 9_000, by=ME)
    assert value(contexts.get(OWN, "code", "k", by=ME)) == "x" * 9_000


def test_a_branch_is_repaired_by_a_value_that_it_shares(engine: Engine) -> None:
    """The content lies with the session that wrote it, and with the branch from then on."""
    contexts = engine.contexts
    contexts.set(OWN, "code", "k", "x" * 9_000, by=ME)
    engine.session("s").end()
    branch = engine.branch("s").id
    own, me = Scope("session", branch), Reader(session=branch)
    contexts.set(own, "code", "k", "y" * 9_000, by=me)
    (bad,) = values_of(engine.journal.shelf, BLOB_SHELF, branch)
    engine.journal.shelf.put(BLOB_SHELF, bad.name, b"damaged")

    assert list(contexts.validate(own, by=me)) == [("code", "k")]
    contexts.repair(own, by=me)

    assert value(contexts.get(own, "code", "k", by=me)) == "x" * 9_000
    assert contexts.validate(own, by=me) == {}


def test_a_copy_is_kept_by_what_changed_since(engine: Engine) -> None:
    """From any row on, with a reset in between, the copy comes out the same."""
    contexts = engine.contexts
    copy: dict[tuple[str, str], object] = {}
    after = 0
    steps = (
        lambda: contexts.set(OWN, "code", "a", 1, by=ME),
        lambda: contexts.set(OWN, "code", "b", 2, by=ME),
        lambda: contexts.unset(OWN, "code", "a", by=ME),
        lambda: contexts.reset(OWN, by=ME, to_seq=engine.journal.head("s").seq - 2),
    )
    for step in steps:
        step()
        changed = contexts.changes(OWN, by=ME, after=after)
        after = changed.seq
        copy |= {(one.kind, one.key): one.value for one in changed.values}
        for name in changed.gone:
            copy.pop(name, None)
        now = {(one.kind, one.key): one.value for one in contexts.find(OWN, by=ME)}
        assert copy == now

    assert contexts.changes(OWN, by=ME, after=after).values == ()
    assert copy == {("code", "a"): 1}


def test_leave_can_be_given_and_taken_back(engine: Engine) -> None:
    """For a part of the keys, and for reading alone."""
    contexts = engine.contexts
    contexts.set(OWN, "code", "style.a", 1, by=ME)
    contexts.set(OWN, "code", "other", 1, by=ME)
    bob = Reader("bob")
    grant = Grant("user:bob", "code", "style.*", "read")

    contexts.grant(OWN, grant, by=ME)
    assert [one.key for one in contexts.find(OWN, by=bob)] == ["style.a"]
    assert isinstance(contexts.set(OWN, "code", "style.a", 2, by=bob), Refusal)
    assert contexts.grants(OWN, by=ME) == (grant,)
    contexts.revoke(OWN, grant, by=ME)
    assert contexts.find(OWN, by=bob) == ()


@pytest.mark.parametrize(
    "text", ["", "session", "session:", "user:@x", "project:x", "team:a", "user:" + "x" * 151]
)
def test_what_is_no_scope_is_refused(text: str) -> None:
    """A user's name can lead into no other journal."""
    with pytest.raises(MisuseError) as refused:
        Scope.of(text)
    assert refused.value.code == "GOV560"


@pytest.mark.parametrize(
    ("kind", "name"),
    [("session", "@context:bob"), ("user", ""), ("session", ""), ("project", "x"), ("team", "x")],
)
def test_no_scope_leads_into_another_ones_journal(kind: str, name: str) -> None:
    """However it is made."""
    with pytest.raises(MisuseError) as refused:
        Scope(kind, name)  # type: ignore[arg-type]
    assert refused.value.code == "GOV560"


def test_secrets_are_taken_out_of_values(tmp_path: Path) -> None:
    """Of small ones and of those on the shelf, before they are compressed."""
    with memory_engine(journal=SqliteJournal.open(tmp_path / "j.db", create=True)) as engine:
        engine.contexts.set(PROJECT, "code", "k", {"note": SECRET}, by=ME)
        engine.contexts.set(PROJECT, "code", "big", ["x" * 9_000, SECRET], by=ME)
        got = engine.contexts.get(PROJECT, "code", "big", by=ME)
        assert "[redacted:" in str(value(got))
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert SECRET.encode() not in stored


def test_contexts_change_no_state_of_a_session(engine: Engine) -> None:
    """But for the head: deciding pays nothing for them."""
    before = engine.state("s")
    engine.contexts.set(OWN, "code", "k", "x" * 1_000, by=ME)

    after = engine.state("s")

    assert after.head == before.head + 1
    assert (after.registers, after.metrics, after.identity) == (
        before.registers,
        before.metrics,
        before.identity,
    )


@pytest.mark.parametrize(("scope", "kind"), [(PROJECT, "project"), (Scope("user", "ada"), "user")])
def test_what_is_of_a_project_or_a_person_goes_with_them(
    engine: Engine, scope: Scope, kind: str
) -> None:
    """Every session of theirs reads it; another person sees the project's alone."""
    contexts = engine.contexts
    contexts.set(scope, kind, "k", "kept", by=ME)
    engine.start("other")

    there = contexts.get(scope, kind, "k", by=Reader("ada", "other"))
    foreign = contexts.get(scope, kind, "k", by=Reader("bob", "other"))

    assert value(there) == "kept"
    assert isinstance(foreign, Refusal) == (kind == "user")


def test_half_a_sign_in_a_value_is_refused(engine: Engine) -> None:
    """A program may go by it: it is told which value, and nothing is written."""
    before = engine.state("s").head

    with pytest.raises(ValueRefused) as refused:
        engine.contexts.set(OWN, "code", "k", {"a": ["x\ud800"]}, by=ME)

    assert "the value of `k` cannot be kept: text with a lone surrogate" in str(refused.value)
    assert engine.state("s").head == before
