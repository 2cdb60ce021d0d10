"""Demands one by one: what is found, what is not, and what cannot be known."""

from __future__ import annotations

import pytest

from governance.calls import ToolCall
from governance.rules.facts import facts_of_call, session_facts
from governance.rules.loader import load_rules
from governance.rules.paths import PLAIN_PLACES
from governance.rules.ruleset import RuleSet
from governance.rules.simulation import Happening, Past, simulate
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.verdicts import Decision, RuleEvent
from governance.rules.vocabulary import default_vocabulary
from governance.temporal.cells import KEYS_MAX

HEAD = '[pack]\nname = "p"\nversion = "1.0.0"\nsummary = "s"\n'


def rules_of(demand: str, *, tools: str = '["edit"]', more: str = "") -> RuleSet:
    rule = (
        f'[[rule]]\nid = "p.rule"\ntools = {tools}\n{demand}\n'
        'action = "warn"\nunknown = "deny"\nmessage = "m"\n'
    )
    text = f"format = 1\n{HEAD}{rule}{more}"
    return load_rules(
        [PackSource("p", text, "p.toml", "user")], default_vocabulary(), settings=LoadSettings()
    )


def event(tool: str, path: str | None = None, at_ms: int = 0, **own: str) -> RuleEvent:
    given = {**own, **({"path": path} if path is not None else {})}
    call = ToolCall(tool, own=given)
    facts = {**session_facts(), **facts_of_call(call, PLAIN_PLACES), "at_ms": at_ms}
    return RuleEvent("tool", facts, call)


def after(rules: RuleSet, *happened: tuple[str, str, str], past: Past | None = None) -> Past:
    return simulate(
        rules,
        [Happening(event=event(t, p), outcome=o, at_ms=0) for t, p, o in happened],
        past,
    )


def decided(rules: RuleSet, past: Past, present: RuleEvent) -> Decision:
    return rules.decide(present, past.history())


READ = 'requires = { tools = ["read"], same = ["path"] }'


def test_a_path_that_cannot_be_known_then_may_have_been_any() -> None:
    """A read of what cannot be resolved makes every requirement of a read unknown, not met."""
    rules = rules_of(READ)
    past = after(rules, ("read", "\0", "ok"))

    decision = decided(rules, past, event("edit", "a"))

    assert decision.action == "deny"
    assert "cannot be known" in decision.message


def test_a_path_that_cannot_be_known_now_is_unknown_only_if_anything_was_there() -> None:
    """Where nothing of the kind ever happened it is sure that it is missing."""
    rules = rules_of(READ)

    nothing = decided(rules, Past(), event("edit", "\0"))
    something = decided(rules, after(rules, ("read", "a", "ok")), event("edit", "\0"))

    assert nothing.action == "warn"
    assert something.action == "deny"


def test_a_key_that_had_to_go_is_unknown_and_the_others_are_not() -> None:
    """Beyond the bound the oldest is forgotten as a certainty and kept as a possibility."""
    rules = rules_of(READ)
    names = [f"f{number}" for number in range(KEYS_MAX + 1)]
    past = after(rules, *[("read", name, "ok") for name in names])

    assert decided(rules, past, event("edit", "f0")).action == "deny"
    assert decided(rules, past, event("edit", "f1")).action == "allow"
    assert decided(rules, past, event("edit", names[-1])).action == "allow"


def test_each_element_of_a_list_needs_its_own_past_event() -> None:
    """Of a call with two paths both must have been read."""
    rules = rules_of('requires = { tools = ["read"], same = ["reads"] }')
    past = after(rules, ("read", "a", "ok"))
    both = event("edit")
    facts = {**both.facts, "reads": ["/project/a", "/project/b"]}

    one = decided(rules, past, RuleEvent("tool", facts, both.call))
    past = after(rules, ("read", "b", "ok"), past=past)
    two = decided(rules, past, RuleEvent("tool", facts, both.call))

    assert (one.action, two.action) == ("warn", "allow")


def test_a_fact_of_results_tells_the_past_apart() -> None:
    """Three failures with one error are three of a kind, and with three errors they are not."""
    rules = rules_of(
        'limit = { max = 2, per = "epoch", same = ["error"], outcome = "failed" }',
        tools='["shell"]',
    )

    def failed(*errors: str) -> Past:
        return simulate(
            rules,
            [
                Happening(
                    event=event("shell", command="x"),
                    outcome="failed",
                    at_ms=0,
                    result={"error": error},
                )
                for error in errors
            ],
        )

    present = event("shell", command="y")
    assert decided(rules, failed("a", "a"), present).action == "warn"
    assert decided(rules, failed("a", "b"), present).action == "allow"


def test_a_result_can_be_asked_for_what_it_was() -> None:
    """`exit_code` is matched when the result comes, and the command when it was given."""
    demand = (
        'requires = { on = "tool-result", tools = ["shell"], '
        'when = { command = { starts_with = "make" }, exit_code = 0 } }'
    )
    rules = rules_of(demand)

    def ran(command: str, code: int) -> Past:
        one = Happening(event=event("shell", command=command), at_ms=0, result={"exit_code": code})
        return simulate(rules, [one])

    assert decided(rules, ran("make test", 0), event("edit", "a")).action == "allow"
    assert decided(rules, ran("make test", 1), event("edit", "a")).action == "warn"
    assert decided(rules, ran("ls", 0), event("edit", "a")).action == "warn"


def test_what_makes_forgotten_without_a_key_does_so_for_every_key() -> None:
    """Any write forgets every read; a write of the same path only that read."""
    every = rules_of(READ.replace(" }", ', not_since = { tools = ["write"] } }'))
    same = rules_of(READ.replace(" }", ', not_since = { tools = ["write"], same = ["path"] } }'))
    past = (("read", "a", "ok"), ("read", "b", "ok"), ("write", "b", "ok"))

    assert decided(every, after(every, *past), event("edit", "a")).action == "warn"
    assert decided(same, after(same, *past), event("edit", "a")).action == "allow"
    assert decided(same, after(same, *past), event("edit", "b")).action == "warn"


def test_one_of_several_is_enough_and_each_of_an_array_is_needed() -> None:
    """`any` is one, an array is all."""
    one = rules_of('requires = { any = [{ tools = ["read"] }, { tools = ["grep"] }] }')
    both = rules_of('requires = [{ tools = ["read"] }, { tools = ["grep"] }]')
    past = (("grep", "a", "ok"),)

    assert decided(one, after(one, *past), event("edit", "a")).action == "allow"
    assert decided(both, after(both, *past), event("edit", "a")).action == "warn"


def test_a_limit_of_none_refuses_the_first() -> None:
    """`max = 0` leaves nothing."""
    rules = rules_of('limit = { max = 0, per = "turn" }')

    assert decided(rules, Past(), event("edit", "a")).action == "warn"


def test_without_a_time_an_interval_is_unknown() -> None:
    """Nobody can tell whether it is within ten minutes of no time at all."""
    rules = rules_of('forbids = { tools = ["read"], within = "10m" }')
    present = event("edit", "a")
    facts = {name: value for name, value in present.facts.items() if name != "at_ms"}

    decision = rules.decide(RuleEvent("tool", facts, present.call), Past().history())

    assert decision.action == "deny"


@pytest.mark.parametrize(
    ("outcome", "found"),
    [("asked", False), ("denied", False), ("allowed", True), ("ok", True), ("failed", True)],
)
def test_forbids_looks_for_what_was_let_through(outcome: str, found: bool) -> None:
    """By default, so that a call which still runs counts too."""
    rules = rules_of('forbids = { tools = ["read"] }')

    decision = decided(rules, after(rules, ("read", "a", outcome)), event("edit", "a"))

    assert (decision.action == "warn") is found


def test_an_explanation_names_the_demand() -> None:
    """`why` says which demand was broken, in words."""
    rules = rules_of(READ)

    text = rules.why(rules.rules["p.rule"], event("edit", "a"), Past().history())

    assert text == "it requires `read` ok of the same `path` in this epoch, which is broken"
