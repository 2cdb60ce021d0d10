"""Laws of the ledger, for any history."""

from __future__ import annotations

from collections import Counter

from hypothesis import example, given, settings
from hypothesis import strategies as st

from governance.ledger import (
    EMPTY,
    Ledger,
    Violation,
    approval_key,
    escalate,
    find_approval,
    intent_mark,
)
from governance.ledger.violations import SEVERITIES
from governance.rules.format import Escalation, EscalationOf
from governance.values import Json, dump_json, load_json
from tests.profiles import examples

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
    again=st.booleans(),
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
@settings(max_examples=examples(25))
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
    st.integers(1, 1000),
    st.sets(st.sampled_from(SEVERITIES), max_size=2),
    st.sets(st.sampled_from(["a.b", "c.d"]), max_size=2),
    st.sets(st.sampled_from(["", "builder"]), max_size=1),
    st.booleans(),
)
@settings(max_examples=examples(60))
def test_a_step_that_is_due_is_never_missed(
    history: list[Violation],
    within_seconds: int,
    severity: set[str],
    rules: set[str],
    roles: set[str],
    same: bool,
) -> None:
    """Whatever was merged, a step that a count of calls reaches is taken; in the tail exactly."""
    last = history[-1]
    of = EscalationOf(
        severity=tuple(severity),  # type: ignore[arg-type]
        rule=tuple(rules),
        role=tuple(roles),
        same=("intent",) if same else (),
    )
    steps = tuple(
        Escalation(
            id=str(count), pack="e", layer="project", position=0, count=count,
            within_seconds=within_seconds, of=of, action="deny", lasts_seconds=60, message="m",
        )
        for count in range(1, 7)
    )  # fmt: skip
    ledger = EMPTY
    for one in history:
        ledger = ledger.plus(one)
    now_ms = last.at_ms

    def is_of(one: Violation) -> bool:
        return (
            (not severity or one.severity in severity)
            and (not rules or one.rule in rules)
            and (not roles or one.role in roles)
        )

    call, calls = 0, set()
    for one in history:
        call += not one.again
        if (
            one.at_ms >= now_ms - within_seconds * 1000
            and is_of(one)
            and (not same or one.intent == last.intent)
        ):
            calls.add(call)
    real = len(calls)
    due = {one.id for one in steps if one.count <= real} if is_of(last) else set()
    taken = {one.id for one in escalate(ledger, last, steps, now_ms)}
    assert taken >= due
    if len(history) <= 256 or not is_of(last):
        assert taken == due


@given(st.lists(violations, max_size=12), st.sampled_from([1, 1, 60]), st.sampled_from(["", "a.b"]))
@example([Violation("a.b", "deny", "high"), Violation("c.d", "deny", "high")], 200, "a.b")
@settings(max_examples=examples(30))
def test_a_pardon_takes_away_all_of_its_rule_and_nothing_else(
    some: list[Violation], times: int, rule: str
) -> None:
    """After a pardon the ledger counts as if they had never been, merged ones among them."""
    ledger, history = EMPTY, some * times
    for one in history:
        ledger = ledger.plus(one)
    left = [one for one in history if rule and one.rule != rule]
    pardoned = ledger.apply("violation.pardoned", {"rule": rule}, 0)
    assert pardoned.total == len(left)
    assert pardoned.count_by("rule") == Counter(one.rule for one in left)
    assert pardoned.violations.pardoned == len(history) - len(left)


@given(
    st.lists(st.sampled_from("ab"), min_size=1, max_size=4),
    st.integers(0, 3),
    st.integers(-1, 11),
    st.sampled_from(["granted", "denied", "expired"]),
)
def test_leave_is_used_as_often_as_it_was_given(
    keys: list[str], uses: int, now_ms: int, decision: str
) -> None:
    """Not before it was asked, not from its end on, not once more, and not for another key."""
    ledger = EMPTY
    for key in keys:
        body: dict[str, Json] = {"id": "1", "key": key, "expires_at_ms": 10, "uses": uses}
        ledger = ledger.apply("approval.asked", body, 0)
    holds = uses > 0 and 0 <= now_ms < 10
    assert [one.key for one in ledger.approvals] == keys[-1:], "one question has one id"
    assert bool(ledger.open_approvals(now_ms)) == holds
    assert find_approval(ledger, keys[-1], now_ms) is None, "nobody has answered"

    ledger = ledger.apply("approval.settled", {"id": "1", "decision": decision}, 0)
    assert not ledger.open_approvals(now_ms)
    assert find_approval(ledger, "c", now_ms) is None
    used = 0
    while (granted := find_approval(ledger, keys[-1], now_ms)) is not None and used <= uses:
        ledger = ledger.apply("approval.settled", {"id": granted.id, "decision": "used"}, 0)
        used += 1
    assert used == (uses if holds and decision == "granted" else 0)


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
