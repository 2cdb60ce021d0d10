"""Whatever a host reports, in whatever order, the machine's laws hold."""

from __future__ import annotations

from typing import Any

from attrs import asdict, evolve
from hypothesis import given
from hypothesis import strategies as st

from governance.machine import (
    ABSENT,
    EVENTS,
    OUTCOMES,
    Circumstances,
    GapBounds,
    Registers,
    classify_gap,
    load_machine,
)
from governance.machine.registers import Gap
from governance.states import LIVE_STATES, OWED, State

MACHINE = load_machine()
GAPS: list[Gap] = ["none", "short", "notice", "stale", "fresh", "unknown", "negative"]


def circumstances() -> st.SearchStrategy[Circumstances]:
    """Any circumstances at all, contradictory ones included."""
    flag = st.booleans()
    return st.builds(
        Circumstances,
        gap=st.sampled_from(GAPS),
        history=st.sampled_from(["kept", "lost", "unknown"]),
        other_run=flag,
        late=flag,
        halted=flag,
        parent_alive=flag,
        journal_writable=flag,
        rendered_current=flag,
        carries_text=flag,
        idle=flag,
        inject=st.sampled_from(["transcript", "request", "none"]),
        unbriefed=st.sampled_from(["allow", "ask", "deny"]),
        after_end=st.sampled_from(["deny", "ask", "rules"]),
        refused_by_rules=st.sampled_from([(), ("a rule says no",)]),
    )


orders = st.lists(st.tuples(st.sampled_from(EVENTS), circumstances()), max_size=40)


def mode(event: str) -> str:
    return MACHINE.definition.events[event].mode


@given(orders)
def test_any_order(order: list[tuple[str, Circumstances]]) -> None:
    """Chains are bounded, told events are never refused, registers never contradict."""
    registers = ABSENT
    for event, facts in order:
        result = MACHINE.run(registers, event, facts)

        assert len(result.steps) <= MACHINE.definition.chain_max
        assert (result.refusal is None) == any(step.event == event for step in result.steps[-1:])
        if mode(event) == "told":
            assert result.refusal is None
        at = registers
        for step in result.steps:
            assert step.before == at, "steps follow each other without a gap"
            assert step.outcome in OUTCOMES
            at = step.after
        registers = result.after(registers)
        assert registers.governance_injected == (
            registers.state is State.BETWEEN_TURN and not registers.owed
        )
        assert registers.owed <= set(OWED)
        assert (registers.left is None) == (registers.state in {*LIVE_STATES, State.ABSENT})
        assert not (registers.turn_open and registers.state not in LIVE_STATES)


@given(orders)
def test_turns_and_epochs_only_count_up(order: list[tuple[str, Circumstances]]) -> None:
    """A turn's number never falls within an epoch, and epochs rise one at a time."""
    registers = ABSENT
    for event, facts in order:
        for step in MACHINE.run(registers, event, facts).steps:
            before, after = step.before, step.after
            if before.epoch == after.epoch:
                assert after.turn - before.turn in (0, 1)
            else:
                assert (after.epoch, after.turn) == (before.epoch + 1, 0)
            registers = after


@given(orders)
def test_every_turn_ends_once(order: list[tuple[str, Circumstances]]) -> None:
    """Each turn that started is reported as ended once, or is the one that is open."""
    registers, started, ended = ABSENT, 0, 0
    for event, facts in order:
        result = MACHINE.run(registers, event, facts)
        registers = result.after(registers)
        for step in result.steps:
            started += step.emits.count("turn.started") if step.outcome != "late" else 0
            ended += step.emits.count("turn.ended")
    assert started - ended == registers.turn_open


@given(orders, st.sampled_from(EVENTS), circumstances())
def test_running_changes_nothing_by_itself(
    order: list[tuple[str, Circumstances]], event: str, facts: Circumstances
) -> None:
    """The same question has the same answer, however often it is asked."""
    registers = ABSENT
    for one, told in order:
        registers = MACHINE.run(registers, one, told).after(registers)
    kept = evolve(registers), evolve(facts)

    first = MACHINE.run(registers, event, facts)

    assert MACHINE.run(registers, event, facts) == first
    assert (registers, facts) == kept


@given(orders)
def test_a_compaction_is_always_told(order: list[tuple[str, Circumstances]]) -> None:
    """After a compaction that is no repetition only a briefing, or a new epoch, can brief."""
    registers, open_compaction = ABSENT, False
    for event, facts in order:
        for step in MACHINE.run(registers, event, facts).steps:
            if step.event == "compact" and step.outcome != "duplicate":
                open_compaction = True
            elif step.event == "brief" or step.after.epoch > step.before.epoch:
                open_compaction = open_compaction and step.outcome == "outdated"
            registers = step.after
        assert not (open_compaction and registers.governance_injected)


@given(
    st.sampled_from([State.INTERRUPTED, State.ENDED]),
    st.sampled_from(sorted(LIVE_STATES)),
    st.frozensets(st.sampled_from(OWED)),
    circumstances(),
)
def test_resume_is_total(
    state: State, left: State, owed: frozenset[str], facts: Circumstances
) -> None:
    """From wherever a session was left, every gap and history lead to one live state."""
    registers = Registers(state, left, owed, epoch=1)
    result = MACHINE.run(registers, "resume", evolve(facts, halted=False))
    after = result.after(registers)
    assert after.state in LIVE_STATES
    assert after.epoch == (2 if facts.gap == "fresh" else 1)
    assert owed <= after.owed or facts.gap == "fresh"


@given(circumstances(), st.sampled_from(EVENTS), st.booleans())
def test_an_unknown_history_is_one_of_the_two(
    facts: Circumstances, event: str, other: bool
) -> None:
    """`unknown` acts as `lost` when another process speaks, and as `kept` when not."""
    registers = Registers(State.BETWEEN_TURN, epoch=1)
    facts = evolve(facts, other_run=other, history="unknown")
    same = evolve(facts, history="lost" if other else "kept")
    assert MACHINE.run(registers, event, facts) == MACHINE.run(registers, event, same)


@given(
    st.integers(),
    st.lists(st.integers(1, 10**9), min_size=3, max_size=3, unique=True).map(sorted),
)
def test_every_gap_has_one_class(gap_ms: int, bounds: list[int]) -> None:
    """Classes follow each other without a hole, whatever the bounds."""
    limits = GapBounds(*bounds)
    edges = [0, *(bound * 1000 for bound in asdict(limits).values())]
    names = ["negative", "short", "notice", "stale", "fresh"]
    expected = names[sum(gap_ms >= edge for edge in edges)]
    assert classify_gap(gap_ms, limits) == expected


@given(orders)
def test_nothing_is_injected_while_something_is_owed(
    order: list[tuple[str, Circumstances]],
) -> None:
    """A tool is left to the rules only when the model is briefed, or the host never can."""
    registers: Any = ABSENT
    for event, facts in order:
        result = MACHINE.run(registers, event, facts)
        if event == "tool_before" and result.outcome == "stay":
            assert result.steps[-1].before.governance_injected
        if result.outcome == "unbriefed_allow":
            assert (facts.inject, facts.unbriefed) == ("none", "allow")
        registers = result.after(registers)
