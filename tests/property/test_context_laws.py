"""Laws of rendering, for any blocks, anchors, debts and budgets."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from governance.context import (
    Anchor,
    Budget,
    Memory,
    admit_anchor,
    keep_anchors,
    keep_size,
    render,
    render_compaction,
)
from governance.context.anchors import ANCHORS_MAX, CRITICAL_MAX, PRIORITIES, TYPES
from governance.session.replies import Injection

MOMENTS = ("beginning", "compacted", "resumed", "due")


@frozen
class Told:
    """A block whose text is given."""

    id: str
    text: str
    at: tuple[str, ...]
    priority: int
    keep: bool
    volatile: bool

    def wording(self, facts: Mapping[str, object]) -> str | None:
        return self.text


words = st.text(st.sampled_from("abc é\n“漢"), min_size=1, max_size=60).map(lambda t: f"<{t}>")
blocks = st.lists(
    st.builds(
        Told,
        id=st.integers(0, 99).map(lambda at: f"b.{at}"),
        text=words,
        at=st.sets(st.sampled_from((*MOMENTS, "every-request")), min_size=1).map(
            lambda names: tuple(sorted(names))
        ),
        priority=st.integers(0, 100),
        keep=st.booleans(),
        volatile=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)
anchors = st.lists(
    st.builds(
        Anchor,
        id=st.integers(0, 99).map(str),
        type=st.sampled_from(TYPES),
        priority=st.sampled_from(PRIORITIES),
        text=words,
        at_ms=st.integers(0, 1000),
    ),
    max_size=8,
    unique_by=lambda one: one.id,
).map(tuple)
memories = st.builds(
    Memory,
    gap_ms=st.none() | st.integers(0, 10**10),
    stale=st.booleans(),
    role=st.sampled_from(["", "builder"]),
    task=st.sampled_from(["", "mend the login"]),
    open_calls=st.lists(words, max_size=3).map(tuple),
    approvals=st.lists(words, max_size=3).map(tuple),
    counts=st.dictionaries(st.sampled_from(["low", "high"]), st.integers(0, 3)),
    anchors=anchors,
    recent=st.lists(words, max_size=3).map(tuple),
    language=st.sampled_from(["", "Vietnamese"]),
    document_language=st.sampled_from(["", "English"]),
)
owed = st.sets(st.sampled_from(MOMENTS), min_size=1)
budgets = st.integers(0, 1200).map(lambda most: Budget(characters_max=most)) | st.builds(
    Budget,
    characters_max=st.integers(0, 1200),
    tokens_max=st.integers(0, 300),
    count_tokens=st.just(lambda text: len(text.encode()) // 3),
)


def _render(told: list[Told], debts: set[str], memory: Memory, budget: Budget) -> Injection | None:
    return render(told, owed=debts, facts={}, memory=memory, budget=budget, rendered_at=1)


def _kept(told: list[Told], debts: set[str]) -> set[str]:
    wanted = debts | {"every-request"} | ({"beginning"} if "due" in debts else set())
    return {one.id for one in told if one.keep and wanted & set(one.at)}


@given(blocks, owed, memories, budgets)
def test_the_budget_is_never_exceeded_but_by_what_must_be_kept(
    told: list[Told], debts: set[str], memory: Memory, budget: Budget
) -> None:
    """Over its budget a text holds kept pieces alone; within `keep_size` it always fits."""
    made = _render(told, debts, memory, budget)
    if made is None:
        return
    must = _kept(told, debts) | {"notice.identity"}
    if not budget.holds(made.text):
        assert set(made.blocks) <= must
    roomy = Budget(characters_max=keep_size(told, {}))
    again = _render(told, debts, memory, roomy)
    assert again is not None
    assert len(again.text) <= roomy.characters_max


@given(blocks, owed, memories, budgets)
def test_what_must_be_kept_is_never_lost(
    told: list[Told], debts: set[str], memory: Memory, budget: Budget
) -> None:
    """Every kept block that is owed stands in the text, whole, whatever the budget."""
    made = _render(told, debts, memory, budget)
    kept = _kept(told, debts)
    if made is None:
        assert not kept
        return
    assert kept <= set(made.blocks)
    for one in told:
        if one.id in made.blocks:
            assert one.text.strip() in made.text
    assert not kept & set(made.dropped)


@given(blocks, owed, memories, budgets, st.randoms())
def test_the_order_of_blocks_and_anchors_changes_nothing(
    told: list[Told], debts: set[str], memory: Memory, budget: Budget, random: object
) -> None:
    """Any order of files gives the same bytes and the same hash, and so does a second time."""
    shuffled = list(told)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _render(shuffled, debts, memory, budget) == _render(told, debts, memory, budget)


@given(blocks, owed, memories, budgets, words)
def test_a_lower_block_never_takes_the_room_of_a_higher_one(
    told: list[Told], debts: set[str], memory: Memory, budget: Budget, text: str
) -> None:
    """Adding a block below all others leaves everything that was told."""
    before = _render(told, debts, memory, budget)
    lowest = Told("a.lowest", text, MOMENTS, -1, False, False)
    after = _render([*told, lowest], debts, memory, budget)
    if before is not None:
        assert after is not None
        assert set(after.blocks) - {"a.lowest"} == set(before.blocks)


@given(blocks, owed, memories, budgets)
def test_each_piece_is_told_or_named_as_dropped(
    told: list[Told], debts: set[str], memory: Memory, budget: Budget
) -> None:
    """No anchor and no owed block disappears without being named."""
    made = _render(told, debts, memory, budget)
    if made is None:
        return
    wanted = debts | {"every-request"} | ({"beginning"} if "due" in debts else set())
    due = {one.id for one in told if wanted & set(one.at)}
    due |= {f"anchor.{one.id}" for one in memory.anchors}
    assert due <= set(made.blocks) | set(made.dropped)
    assert not set(made.blocks) & set(made.dropped)


@given(blocks, owed, memories, budgets, st.integers(0, 10**12), st.integers(0, 50))
def test_time_and_turn_alone_do_not_change_the_text(
    told: list[Told], debts: set[str], memory: Memory, budget: Budget, now_ms: int, turn: int
) -> None:
    """What is told per request stays byte for byte while nothing that it names has changed."""
    from attrs import evolve

    later = evolve(memory, now_ms=now_ms, turn=turn)
    assert _render(told, debts, later, budget) == _render(told, debts, memory, budget)


@given(blocks, memories, st.integers(0, 1200))
def test_the_compaction_prompt_keeps_its_budget_and_the_task(
    told: list[Told], memory: Memory, most: int
) -> None:
    """It holds the task and every kept block; beyond the budget it holds nothing else."""
    budget = Budget(characters_max=most)
    text = render_compaction(told, facts={}, memory=memory, budget=budget)
    assert memory.task in text
    for one in told:
        if one.keep and "compacted" in one.at:
            assert one.text.strip() in text
    if len(text) > most:
        assert "Anchor (" not in text


@given(
    st.lists(
        st.builds(
            Anchor,
            id=st.integers(0, 60).map(str),
            type=st.sampled_from(TYPES),
            priority=st.sampled_from(PRIORITIES),
            text=words,
            at_ms=st.integers(0, 1000),
        ),
        max_size=80,
    )
)
def test_admitted_anchors_are_bounded_and_no_critical_one_is_lost(added: list[Anchor]) -> None:
    """However many are added, the bound holds and a critical one goes only by its own id."""
    kept: tuple[Anchor, ...] = ()
    for anchor in added:
        admission = admit_anchor(kept, anchor)
        if admission.reasons:
            assert admission.kept == kept
            continue
        assert admission.kept == keep_anchors((*kept, anchor))
        assert all(one.rank > 0 for one in admission.dropped)
        lost = {one.id for one in kept} - {one.id for one in admission.kept}
        assert lost == {one.id for one in admission.dropped}
        kept = admission.kept
    assert len(kept) <= ANCHORS_MAX
    assert sum(1 for one in kept if one.rank == 0) <= CRITICAL_MAX
