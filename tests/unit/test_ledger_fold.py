"""The ledger as a fold: violations, halts, steps, approvals, pardons."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest
from attrs import evolve, fields

from governance.ledger import (
    EMPTY,
    Ledger,
    StepTaken,
    Violation,
    approval_key,
    escalate,
    find_approval,
    halted,
    in_force,
    intent_mark,
)
from governance.ledger.approvals import APPROVALS_MAX
from governance.ledger.escalation import STEPS_MAX
from governance.ledger.fold import HALTS_MAX
from governance.ledger.violations import INTENTS_MAX, TAIL_MAX
from governance.rules.format import Escalation, EscalationOf, Severity
from governance.values import Json, ValueRefused, dump_json, load_json


def _violation(
    rule: str = "a.b", severity: str = "high", intent: str = "shell x", at_ms: int = 0
) -> Violation:
    return Violation(rule, "deny", severity, "builder", 3, 1, intent, at_ms)


def _count(ledger: Ledger, violation: Violation) -> Ledger:
    return ledger.apply("violation.counted", violation.as_json(), violation.at_ms)


def _counted(*violations: Violation) -> Ledger:
    ledger = EMPTY
    for one in violations:
        ledger = _count(ledger, one)
    return ledger


def _step(
    *,
    count: int = 3,
    within_seconds: int = 600,
    severity: tuple[Severity, ...] = (),
    rule: tuple[str, ...] = (),
    role: tuple[str, ...] = (),
    same: tuple[str, ...] = (),
    lasts_seconds: int | None = 3600,
    id: str = "e.freeze",
) -> Escalation:
    return Escalation(
        id=id,
        pack="e",
        layer="project",
        position=0,
        count=count,
        within_seconds=within_seconds,
        of=EscalationOf(severity=severity, rule=rule, role=role, same=same),
        action="deny",
        lasts_seconds=lasts_seconds,
        message="frozen",
        tools=("@writes",),
    )


def _row(ledger: Ledger, kind: str, at_ms: int = 0, **body: Json) -> Ledger:
    return ledger.apply(kind, body, at_ms)


def _asked(ledger: Ledger, id: str = "1", key: str = "k", uses: int = 1, at_ms: int = 0) -> Ledger:
    return _row(
        ledger, "approval.asked", at_ms, id=id, key=key, rules=["a.b"], action="ask",
        expires_at_ms=at_ms + 600_000, uses=uses, scope="call", summary="shell x",
    )  # fmt: skip


def test_other_rows_leave_the_very_ledger() -> None:
    """A row that is not about the ledger gives the same object, so that `is` tells."""
    ledger = _counted(_violation())
    for kind in ("turn.started", "tool.decided", "session.created", "unheard.of"):
        assert ledger.apply(kind, {"rule": "a.b"}, 5) is ledger


def test_a_violation_is_counted_by_severity_rule_role_and_intent() -> None:
    """Each violation counts once in each of the four counts."""
    ledger = _counted(_violation(), _violation("c.d", "low", "shell y"), _violation())
    assert ledger.total == 3
    assert ledger.counts == {"low": 1, "high": 2}
    assert ledger.count_by("rule") == {"a.b": 2, "c.d": 1}
    assert ledger.count_by("role") == {"builder": 3}
    assert ledger.count_by("intent") == {intent_mark("shell x"): 2, intent_mark("shell y"): 1}


def test_severities_are_told_from_the_mildest_to_the_gravest() -> None:
    """The order of `counts` is that of the severities, whatever came first."""
    ledger = _counted(_violation(severity="critical"), _violation(severity="info"))
    assert list(ledger.counts) == ["info", "critical"]


def test_a_word_of_a_later_version_counts_as_the_gravest() -> None:
    """An unknown severity must not make a violation vanish from the counts that stop things."""
    assert _counted(_violation(severity="catastrophic")).counts == {"critical": 1}


def test_a_row_with_hardly_anything_in_it_still_counts() -> None:
    """A violation whose row lacks fields is counted all the same."""
    assert _row(EMPTY, "violation.counted").counts == {"medium": 1}


def test_values_beyond_any_bound_do_not_break_the_fold() -> None:
    """Turns, epochs and times out of range are bounded, not refused: the row is history."""
    violation = Violation("r", "deny", "high", "x", -5, 2**70, "i", 2**80)
    ledger = _counted(violation)
    entry = next(iter(ledger.violations.entries()))
    assert (entry.turn, entry.epoch, entry.at_ms) == (0, 2**32 - 1, 2**63 - 1)


def test_counts_stay_exact_beyond_the_tail() -> None:
    """Ten tails of violations are counted exactly, by every count."""
    many = TAIL_MAX * 10
    ledger = EMPTY
    for at in range(many):
        ledger = ledger.plus(_violation(f"r.{at % 3}", intent=f"i{at % 7}", at_ms=at))
    assert ledger.total == many
    assert sum(ledger.count_by("rule").values()) == many
    assert ledger.count_by("intent")[intent_mark("i0")] == len(range(0, many, 7))
    assert len(list(ledger.violations.entries())) <= TAIL_MAX


def test_intents_beyond_the_bound_are_counted_together() -> None:
    """More kinds than are told apart lose their intent, and nothing else."""
    ledger = EMPTY
    many = INTENTS_MAX + 3 * TAIL_MAX
    for at in range(many):
        ledger = ledger.plus(_violation(intent=f"i{at}", at_ms=at))
    assert ledger.total == many
    assert ledger.counts == {"high": many}
    assert ledger.count_by("intent")["*"] > 0
    assert len(ledger.violations.merged) <= INTENTS_MAX + 1


def test_a_child_keeps_the_name_of_the_deepest() -> None:
    """A violation that rolls up twice says who did it, not who passed it on."""
    once = _violation().rolled_up("s/a/b")
    assert once.rolled_up("s/a").child == "s/a/b"
    assert next(iter(_counted(once).violations.entries())).child == "s/a/b"


def test_three_violations_take_less_than_700_bytes() -> None:
    """A hundred thousand sessions with three violations each must be cheap to keep."""
    ledger = _counted(*(_violation(intent=f"shell command {at}", at_ms=at) for at in range(3)))
    violations = ledger.violations
    size = sys.getsizeof(ledger) + sys.getsizeof(violations) + sys.getsizeof(violations.tail)
    # The table of names is shared by all sessions that broke the same rules, and counted here.
    size += sys.getsizeof(violations.names)
    for part in (ledger, violations):
        assert not hasattr(part, "__dict__")
        size += sum(
            sys.getsizeof(value)
            for one in fields(type(part))
            if isinstance(value := getattr(part, one.name), int)
        )
    assert size < 700


def test_sessions_share_their_table_of_names() -> None:
    """Two sessions that broke the same rules hold one table between them."""
    first, second = _counted(_violation()), _counted(_violation(intent="other"))
    assert first.violations.names is second.violations.names


@pytest.mark.parametrize("lost", ["severity", "rule", "role"])
def test_a_step_counts_only_what_it_names(lost: str) -> None:
    """A violation of another severity, rule or role takes no step and fills none."""
    of: dict[str, tuple[str, ...]] = {lost: ("critical" if lost == "severity" else "x.y",)}
    step = _step(count=2, **of)  # type: ignore[arg-type]
    ledger = _counted(_violation(), _violation())
    assert escalate(ledger, _violation(), (step,), 0) == ()


def test_a_step_is_taken_at_its_count_and_not_before() -> None:
    """Two are not three, and the third takes the step with its end and its rules."""
    step = _step(severity=("high", "critical"))
    two = _counted(_violation(at_ms=1), _violation("c.d", "critical", at_ms=2))
    assert escalate(two, _violation("c.d", "critical", at_ms=2), (step,), 2) == ()
    third = _violation("e.f", at_ms=3)
    (taken,) = escalate(_count(two, third), third, (step,), 3)
    assert taken == StepTaken(
        "e.freeze", "deny", "frozen", 3, 3 + 3_600_000, ("@writes",), ("a.b", "c.d", "e.f"), 3
    )


def _call(*rules: str, at_ms: int = 0, severity: str = "high") -> list[Violation]:
    """The violations of one call that breaks all of *rules*."""
    made = [_violation(rule=one, at_ms=at_ms, severity=severity) for one in rules]
    return [made[0], *(evolve(one, again=True) for one in made[1:])]


def test_a_call_is_one_of_a_steps_count_whichever_of_its_rules_the_step_names() -> None:
    """Rules are counted each; calls are what leads up the ladder."""
    calls = [*_call("a.b", "c.d", "e.f"), *_call("e.f", "c.d"), *_call("a.b")]
    ledger = _counted(*calls)
    assert ledger.total == 6

    def taken(ledger: Ledger, count: int, *rule: str) -> bool:
        return bool(escalate(ledger, calls[0], (_step(count=count, rule=rule),), 0))

    for one in (ledger, Ledger.from_json(ledger.as_json())):
        assert taken(one, 3)
        assert not taken(one, 4)
        assert taken(one, 3, "a.b", "e.f")
        assert not taken(one, 4, "a.b", "e.f")
    only = _counted(*_call("a.b"), *_call("c.d", "a.b"), *_call("c.d", "a.b"))
    assert taken(only, 3, "a.b")
    assert not taken(only, 4, "a.b")


def test_a_pardon_of_one_rule_leaves_each_call_that_broke_another() -> None:
    """Two calls do not become one because what told them apart was forgiven."""
    ledger = _counted(*_call("a.b", "c.d", "e.f"), *_call("a.b", "c.d"), *_call("a.b"))

    left = ledger.apply("violation.pardoned", {"rule": "a.b"}, 0)

    assert left.total == 3
    like = _violation(rule="c.d")
    assert escalate(left, like, (_step(count=2),), 0)
    assert not escalate(left, like, (_step(count=3),), 0)


def test_a_call_that_was_merged_in_part_still_counts() -> None:
    """The half of a call that stays in the tail is a call."""
    calls = [_violation(at_ms=n) for n in range(TAIL_MAX // 2 - 1)] + _call("a.b", "c.d")
    calls += [_violation(rule="c.d", at_ms=1) for _ in range(TAIL_MAX // 2)]

    ledger = _counted(*calls)

    assert len(tuple(ledger.violations.entries())) < ledger.total
    assert escalate(ledger, calls[-1], (_step(count=TAIL_MAX // 2 + 1, rule=("c.d",)),), 1)


def test_the_window_is_closed_and_reaches_back_from_now() -> None:
    """Exactly as old as the window counts; a millisecond older does not."""
    step = _step(count=2, within_seconds=10)
    for first, expected in ((0, 1), (-1, 0)):
        last = _violation(at_ms=10_000)
        ledger = _counted(_violation(at_ms=first), last)
        assert len(escalate(ledger, last, (step,), 10_000)) == expected


def test_a_clock_that_went_back_does_not_empty_the_window() -> None:
    """What lies in the future of a clock that went back still counts."""
    step = _step(count=2, within_seconds=10)
    last = _violation(at_ms=5)
    assert escalate(_counted(_violation(at_ms=99_000), last), last, (step,), 5)


def test_a_step_in_force_is_not_taken_again_but_after_its_end_it_is() -> None:
    """One freeze lasts as long as it says; a later violation may bring a new one."""
    step = _step(count=1, lasts_seconds=60)
    ledger = _counted(_violation())
    (taken,) = escalate(ledger, _violation(), (step,), 0)
    ledger = ledger.apply("session.escalated", taken.as_json(), 0)
    assert escalate(ledger, _violation(), (step,), 59_999) == ()
    assert in_force(ledger, 59_999) == (taken,)
    assert in_force(ledger, 60_000) == ()
    assert len(escalate(ledger, _violation(at_ms=60_000), (step,), 60_000)) == 1


def test_the_same_intent_is_counted_apart() -> None:
    """Two tries of one thing and one of another make no three of the same."""
    step = _step(same=("intent",))
    last = _violation(intent="shell x")
    ledger = _counted(_violation(intent="shell x"), _violation(intent="shell y"), last)
    assert escalate(ledger, last, (step,), 0) == ()
    assert escalate(_count(ledger, last), last, (step,), 0)


def test_a_window_beyond_the_tail_counts_as_reached_rather_than_not() -> None:
    """Merged violations that may lie in the window are all counted: fail closed."""
    step = _step(count=TAIL_MAX, within_seconds=10, rule=("a.b",))
    ledger = EMPTY
    for _ in range(TAIL_MAX + 1):
        ledger = ledger.plus(_violation(at_ms=1_000))
    last = _violation(at_ms=1_000)
    assert escalate(ledger, last, (step,), 1_000)
    # Once everything merged is older than the window, nothing of it counts.
    assert escalate(ledger.plus(_violation(at_ms=60_000)), last, (step,), 60_000) == ()


def test_merged_violations_count_for_their_own_intent() -> None:
    """Of what was merged only the same intent counts towards a step for the same intent."""
    step = _step(count=200, same=("intent",))
    ledger = EMPTY
    for at in range(TAIL_MAX * 3 // 2):
        ledger = ledger.plus(_violation(intent="shell x" if at % 3 else "shell y"))
    often, seldom = _violation(intent="shell x"), _violation(intent="shell y")
    assert escalate(ledger, often, (step,), 0)
    assert escalate(ledger, seldom, (step,), 0) == ()


def test_of_several_steps_the_strictest_comes_first() -> None:
    """Steps in force are told halt before deny before ask before warn."""
    ledger = EMPTY
    for action in ("warn", "halt", "ask", "deny"):
        ledger = _row(ledger, "session.escalated", step=f"e.{action}", action=action, until_ms=None)
    assert [one.action for one in in_force(ledger, 0)] == ["halt", "deny", "ask", "warn"]


def test_steps_are_bounded_and_the_mildest_goes_first() -> None:
    """More steps than are kept lose a warn, never the one that denies."""
    ledger = _row(EMPTY, "session.escalated", step="e.deny", action="deny", until_ms=None)
    for at in range(STEPS_MAX * 2):
        ledger = _row(ledger, "session.escalated", step=f"e.{at}", action="warn", until_ms=None)
    assert len(ledger.steps) <= STEPS_MAX
    assert "e.deny" in {one.id for one in ledger.steps}


def test_a_step_of_a_later_version_holds_as_the_strictest() -> None:
    """An action that this engine does not know is taken for a halt."""
    ledger = _row(EMPTY, "session.escalated", step="e.x", action="vaporise", until_ms=None)
    assert halted(ledger, 0) == "e.x"


def test_a_halt_holds_until_it_is_pardoned() -> None:
    """No time and no other row lifts a halt; a pardon of its rule does."""
    ledger = _row(EMPTY, "session.halted", by="a.b", scope="turn", why="stop")
    assert halted(ledger) == "stop"
    ledger = _row(ledger, "violation.pardoned", rule="c.d")
    assert halted(ledger, 10**15) == "stop"
    assert halted(_row(ledger, "violation.pardoned", rule="a.b")) is None


def test_a_step_that_halts_halts_while_it_is_in_force() -> None:
    """A halt of the ladder ends with its step, and without a clock it is taken to hold."""
    body: Mapping[str, Json] = {"step": "e", "action": "halt", "message": "m", "until_ms": 10}
    ledger = EMPTY.apply("session.escalated", body, 0)
    assert (halted(ledger), halted(ledger, 9), halted(ledger, 10)) == ("m", "m", None)


def test_halts_beyond_the_bound_need_a_pardon_of_all() -> None:
    """However many rules halt, a pardon of single rules never lifts one that was not kept."""
    ledger = EMPTY
    for at in range(HALTS_MAX * 2):
        ledger = _row(ledger, "session.halted", by=f"r.{at}", why=f"w{at}")
    assert len(ledger.halts) == HALTS_MAX
    for at in range(HALTS_MAX * 2):
        ledger = _row(ledger, "violation.pardoned", rule=f"r.{at}")
    assert halted(ledger) is not None
    assert halted(_row(ledger, "violation.pardoned", rule="")) is None


def test_a_pardon_of_one_rule_leaves_the_others() -> None:
    """Violations of the rule go, with the steps that they brought; the rest stays."""
    ledger = _counted(_violation(), _violation("c.d"))
    for id, rule in (("e.1", "a.b"), ("e.2", "c.d")):
        ledger = _row(
            ledger, "session.escalated", step=id, action="deny", until_ms=None, rules=[rule]
        )
    ledger = _row(ledger, "violation.pardoned", rule="a.b", count=1, by="ada", reason="known")
    assert ledger.count_by("rule") == {"c.d": 1}
    assert [one.id for one in ledger.steps] == ["e.2"]
    assert ledger.violations.pardoned == 1


def test_a_pardon_of_all_reaches_merged_violations_too() -> None:
    """After a pardon of all nothing counts and nothing is in force."""
    ledger = EMPTY
    for at in range(TAIL_MAX * 2):
        ledger = ledger.plus(_violation(at_ms=at))
    ledger = _row(ledger, "session.escalated", step="e", action="halt", until_ms=None)
    ledger = _row(ledger, "violation.pardoned", rule="")
    assert (ledger.total, ledger.steps, halted(ledger)) == (0, (), None)
    assert ledger.violations.pardoned == TAIL_MAX * 2


def test_an_approval_is_used_once() -> None:
    """Asked gives nothing, granted gives one use, used gives nothing again."""
    ledger = _asked(EMPTY)
    assert find_approval(ledger, "k", 1) is None
    assert [one.summary for one in ledger.open_approvals(1)] == ["shell x"]
    ledger = _row(ledger, "approval.settled", id="1", decision="granted", by="ada")
    found = find_approval(ledger, "k", 1)
    assert found is not None
    assert found.rules == ("a.b",)
    assert ledger.open_approvals(1) == ()
    ledger = _row(ledger, "approval.settled", id="1", decision="used")
    assert find_approval(ledger, "k", 1) is None
    assert ledger.approval("1") is None


def test_an_approval_of_several_uses_counts_down() -> None:
    """What the host approved once has one use less; the rest can be used without asking."""
    ledger = _asked(EMPTY, uses=3)
    ledger = _row(ledger, "approval.settled", id="1", decision="approved")
    for left in (2, 1):
        found = find_approval(ledger, "k", 1)
        assert found is not None
        assert found.uses_left == left
        ledger = _row(ledger, "approval.settled", id="1", decision="used")
    assert find_approval(ledger, "k", 1) is None


@pytest.mark.parametrize("decision", ["denied", "expired", "", "nonsense"])
def test_anything_but_yes_ends_an_approval(decision: str) -> None:
    """A decision that is no grant takes the question away, and gives nothing."""
    ledger = _row(_asked(EMPTY), "approval.settled", id="1", decision=decision)
    assert ledger.approvals == ()


def test_an_approval_expires_and_a_clock_that_went_back_gives_nothing() -> None:
    """Usable from the question up to, and not at, its end."""
    ledger = _row(_asked(EMPTY, at_ms=1_000), "approval.settled", id="1", decision="granted")
    assert find_approval(ledger, "k", 1_000)
    assert find_approval(ledger, "k", 600_999)
    assert find_approval(ledger, "k", 601_000) is None
    assert find_approval(ledger, "k", 999) is None


def test_an_approval_without_an_end_is_over_at_once() -> None:
    """A row that names no end gives leave for no time, not for ever."""
    ledger = _row(EMPTY, "approval.asked", 5, id="1", key="k")
    ledger = _row(ledger, "approval.settled", id="1", decision="granted")
    assert find_approval(ledger, "k", 5) is None


def test_open_questions_are_bounded() -> None:
    """The oldest question is forgotten, which asks again and grants nothing."""
    ledger = EMPTY
    for at in range(APPROVALS_MAX + 5):
        ledger = _asked(ledger, id=str(at), key=f"k{at}")
    assert len(ledger.approvals) == APPROVALS_MAX
    assert ledger.approval("0") is None


def test_the_same_question_asked_again_replaces_the_first() -> None:
    """One call has one open question, and a grant is not taken away by asking again."""
    ledger = _asked(_asked(EMPTY, id="1"), id="2")
    assert [one.id for one in ledger.approvals] == ["2"]
    ledger = _row(ledger, "approval.settled", id="2", decision="granted")
    assert find_approval(_asked(ledger, id="3"), "k", 1)


def test_a_ledger_goes_on_in_a_successor_without_approvals() -> None:
    """Violations, halts and steps are carried over a clear; approvals are not."""
    ledger = _asked(_counted(_violation(), _violation("c.d", "critical")))
    ledger = _row(ledger, "session.halted", by="c.d", why="stop", scope="session")
    ledger = _row(ledger, "session.escalated", step="e", action="deny", until_ms=None, rules=["a"])
    row = load_json(dump_json({"carried": ledger.carry()}))
    assert isinstance(row, Mapping)
    successor = EMPTY.apply("session.created", row, 9)
    assert successor.approvals == ()
    assert successor.counts == ledger.counts
    assert successor.steps == ledger.steps
    assert halted(successor) == "stop"


KEY = ("s", "shell", {"command": "x"}, ("/a",), ("r.1",), "hash")


@pytest.mark.parametrize(
    "other",
    [
        ("t", *KEY[1:]),
        ("s", "edit", *KEY[2:]),
        ("s", "shell", {"command": "y"}, *KEY[3:]),
        (*KEY[:3], ("/b",), *KEY[4:]),
        (*KEY[:3], (), *KEY[4:]),
        (*KEY[:4], ("r.2",), "hash"),
        (*KEY[:5], "other"),
        ("s", "shell", {"command": "x", "n": 1}, *KEY[3:]),
    ],
)
def test_an_approval_is_bound_to_every_part_of_the_call(other: tuple[str, ...]) -> None:
    """Session, tool, arguments, paths, rules, packs: another of any is another key."""
    assert approval_key(*other) != approval_key(*KEY)  # type: ignore[arg-type]


def test_parts_of_a_key_cannot_run_into_each_other() -> None:
    """Moving text from one part to the next makes another key."""
    keys = {
        approval_key("ab", "c", {}, (), (), "h"),
        approval_key("a", "bc", {}, (), (), "h"),
        approval_key("a", "c", {}, ("b",), (), "h"),
        approval_key("a", "c", {}, (), ("b",), "h"),
        approval_key("a", "c", {}, ("b", "c"), (), "h"),
        approval_key("a", "c", {}, ('b","c',), (), "h"),
        approval_key("a", "c", {"n": 1}, (), (), "h"),
        approval_key("a", "c", {"n": 1.0}, (), (), "h"),
        approval_key("a", "c", {"n": True}, (), (), "h"),
        approval_key("a", "c", {"n": "1"}, (), (), "h"),
        approval_key("a", "c", None, (), (), "h", intent="n"),
        approval_key("a", "c", ["n"], (), (), "h"),
        approval_key("a", "c", {}, (), (), "h", native="b"),
        approval_key("a", "c", {}, (), (), "h", folder="b"),
    }
    assert len(keys) == 14


def test_an_approval_by_intent_does_not_look_at_the_spelling() -> None:
    """With an intent, arguments and paths stand back; session, rules and packs do not."""
    by_intent = approval_key(*KEY, intent="change /a")  # type: ignore[arg-type]
    assert by_intent == approval_key("s", "shell", {}, (), ("r.1",), "hash", intent="change /a")
    assert by_intent != approval_key("s", "shell", {}, (), ("r.1",), "new", intent="change /a")
    assert by_intent != approval_key(*KEY)  # type: ignore[arg-type]


def test_a_key_of_what_cannot_be_journaled_is_refused() -> None:
    """Arguments that JSON cannot spell have no key, rather than a wrong one."""
    with pytest.raises(ValueRefused):
        approval_key("s", "t", {"n": float("nan")}, (), (), "h")
