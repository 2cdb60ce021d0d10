"""Laws of the ledger, for any history."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.ledger import EMPTY, Ledger, Violation, approval_key, escalate, intent_mark
from governance.ledger.violations import SEVERITIES
from governance.rules.format import Escalation, EscalationOf
from governance.values import Json, dump_json, load_json

violations = st.builds(
    Violation,
    rule=st.sampled_from(["a.b", "c.d", "e.f"]),
    action=st.sampled_from(["warn", "deny", "halt", "ask"]),
    severity=st.sampled_from(SEVERITIES),
    role=st.sampled_from(["", "builder"]),
    turn=st.integers(0, 9),
    epoch=st.integers(0, 3),
    intent=st.sampled_from(["", "x", "y", "z"]),
    at_ms=st.integers(0, 1_000_000),
    child=st.sampled_from(["", "s/a"]),
)
bodies = st.one_of(
    violations.map(lambda one: ("violation.counted", one.as_json(), one.at_ms)),
    st.builds(
        lambda rule, at: ("violation.pardoned", {"rule": rule}, at),
        st.sampled_from(["", "a.b", "c.d"]),
        st.integers(0, 1_000_000),
    ),
    st.builds(
        lambda rule, at: ("session.halted", {"by": rule, "why": "w", "scope": "turn"}, at),
        st.sampled_from(["a.b", "c.d"]),
        st.integers(0, 1_000_000),
    ),
    st.builds(
        lambda id, until, at: (
            "session.escalated",
            {"step": id, "action": "deny", "message": "m", "until_ms": until, "rules": ["a.b"]},
            at,
        ),
        st.sampled_from(["e.1", "e.2"]),
        st.none() | st.integers(0, 1_000_000),
        st.integers(0, 1_000_000),
    ),
    st.builds(
        lambda id, at: (
            "approval.asked",
            {"id": id, "key": id, "rules": ["a.b"], "expires_at_ms": at + 600, "uses": 2},
            at,
        ),
        st.sampled_from("123"),
        st.integers(0, 1_000_000),
    ),
    st.builds(
        lambda id, decision, at: ("approval.settled", {"id": id, "decision": decision}, at),
        st.sampled_from("123"),
        st.sampled_from(["granted", "used", "denied", "approved"]),
        st.integers(0, 1_000_000),
    ),
)


def _fold(rows: list[tuple[str, dict[str, Json], int]], ledger: Ledger = EMPTY) -> Ledger:
    for kind, body, at_ms in rows:
        ledger = ledger.apply(kind, body, at_ms)
    return ledger


@given(st.lists(bodies, max_size=40), st.lists(bodies, max_size=10))
def test_a_snapshot_in_the_middle_changes_nothing(
    first: list[tuple[str, dict[str, Json], int]], rest: list[tuple[str, dict[str, Json], int]]
) -> None:
    """Fold, write as JSON, read, fold on: the same ledger as in one go."""
    ledger = _fold(first)
    data = load_json(dump_json(ledger.as_json()))
    assert isinstance(data, dict)
    again = Ledger.from_json(data)
    assert again == ledger
    assert _fold(rest, again) == _fold(rest, ledger)


@given(st.lists(violations, max_size=700))
@settings(max_examples=25)
def test_counts_are_exact_however_many_there_are(history: list[Violation]) -> None:
    """By severity, rule, role and intent the ledger counts what a plain count counts."""
    ledger = EMPTY
    for one in history:
        ledger = ledger.plus(one)
    assert ledger.total == len(history)
    assert ledger.counts == Counter(one.severity for one in history)
    assert ledger.count_by("rule") == Counter(one.rule for one in history)
    assert ledger.count_by("role") == Counter(one.role for one in history)
    marks = Counter(intent_mark(one.intent) or "0" * 32 for one in history)
    assert ledger.count_by("intent") == marks


@given(
    st.lists(violations, min_size=1, max_size=400),
    st.integers(1, 6),
    st.integers(1, 1000),
    st.sets(st.sampled_from(SEVERITIES), max_size=2),
    st.booleans(),
)
@settings(max_examples=60)
def test_a_step_that_is_due_is_never_missed(
    history: list[Violation],
    count: int,
    within_seconds: int,
    severity: set[str],
    same: bool,
) -> None:
    """Whatever was merged, a step that a plain count reaches is taken; within the tail exactly."""
    last = history[-1]
    of = EscalationOf(
        severity=tuple(severity),  # type: ignore[arg-type]
        same=("intent",) if same else (),
    )
    step = Escalation(
        id="e", pack="e", layer="project", position=0, count=count,
        within_seconds=within_seconds, of=of, action="deny", lasts_seconds=60, message="m",
    )  # fmt: skip
    ledger = EMPTY
    for one in history:
        ledger = ledger.plus(one)
    now_ms = last.at_ms
    real = sum(
        1
        for one in history
        if one.at_ms >= now_ms - within_seconds * 1000
        and (not severity or one.severity in severity)
        and (not same or one.intent == last.intent)
    )
    due = real >= count and (not severity or last.severity in severity)
    taken = bool(escalate(ledger, last, (step,), now_ms))
    if len(history) <= 256:
        assert taken == due
    elif due:
        assert taken


@given(st.lists(violations, max_size=60), st.sampled_from(["", "a.b"]))
def test_a_pardon_takes_away_all_of_its_rule_and_nothing_else(
    history: list[Violation], rule: str
) -> None:
    """After a pardon the ledger counts as if those violations had never been."""
    ledger = EMPTY
    for one in history:
        ledger = ledger.plus(one)
    left = [one for one in history if rule and one.rule != rule]
    pardoned = ledger.apply("violation.pardoned", {"rule": rule}, 0)
    assert pardoned.total == len(left)
    assert pardoned.count_by("rule") == Counter(one.rule for one in left)
    assert pardoned.violations.pardoned == len(history) - len(left)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@given(
    st.lists(
        st.tuples(
            texts,
            texts,
            st.dictionaries(texts, st.booleans() | st.integers(-3, 3) | texts, max_size=2),
            st.frozensets(texts, max_size=2),
            st.frozensets(texts, max_size=2),
            texts,
        ),
        min_size=2,
        max_size=2,
    )
)
def test_two_keys_are_equal_only_for_equal_calls(
    calls: list[tuple[str, str, dict[str, Json], frozenset[str], frozenset[str], str]],
) -> None:
    """Different calls never share a key, and the order of paths and rules does not count."""
    first, second = calls
    same = dump_json(first[2]) == dump_json(second[2]) and first[:2] + first[3:] == (
        second[:2] + second[3:]
    )
    assert (approval_key(*first) == approval_key(*second)) == same
