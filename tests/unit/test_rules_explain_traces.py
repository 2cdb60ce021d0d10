"""Explaining: which matcher said what of which value, and what would turn the rule over."""

from __future__ import annotations

import pytest

from governance.rules.deciding import RuleEvent, RuleSet, compile_rules
from governance.rules.explain import explain, trace_rule
from governance.rules.facts import facts_of_call
from governance.rules.format import Exempt, Pack, Rule
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.vocabulary import PYTHON_TOOLS, Unknown, call_of, default_vocabulary
from governance.values import Json

PUSH = Rule(
    id="p.push",
    pack="p",
    layer="user",
    position=0,
    tools=("shell",),
    when={"command": {"starts_with": "git"}, "cwd": {"path_under": "src"}},
    any=({"command": {"contains": "push"}}, {"command": {"contains": "fetch"}}),
    unless={"command": {"contains": "--dry-run"}},
    action="deny",
    message="no",
)
READ = Rule(
    id="p.read", pack="p", layer="user", position=1, tools=("read",), action="warn", message="hm"
)
EXEMPT = Exempt(rule="p.push", reason="on holiday", layer="user", when={"command": "git push x"})


def rules() -> RuleSet:
    pack = Pack(
        name="p", version="1", summary="", layer="user", file="p", hash="h", rules=(PUSH, READ)
    )
    return compile_rules([pack], default_vocabulary(), exempts=[EXEMPT])


RULES = rules()


def event(command: Json, cwd: str = "/project/src") -> RuleEvent:
    call = call_of(PYTHON_TOOLS, "shell", {"command": command}, cwd=cwd)
    return RuleEvent("tool", facts_of_call(call, PLAIN_PLACES), call)


def test_every_matcher_is_traced() -> None:
    """A trace holds each matcher with its part, its fact, its value and its word."""
    trace = trace_rule(RULES, RULES.compiled["p.push"], event("git push"))

    assert trace.fires is True
    assert [(one.part, one.fact, one.result) for one in trace.matchers] == [
        ("when", "command", True),
        ("when", "cwd", True),
        ("any.0", "command", True),
        ("any.1", "command", False),
        ("unless", "command", False),
        ("exempt.0", "command", False),
    ]
    assert trace.matchers[1].found == "/project/src"


@pytest.mark.parametrize(
    ("command", "cwd", "flips"),
    [
        ("hg push", "/project/src", [("when", "command")]),
        ("git push", "/etc", [("when", "cwd")]),
        ("git pull", "/project/src", [("any.0", "command"), ("any.1", "command")]),
        ("git push --dry-run", "/project/src", [("unless", "command")]),
    ],
)
def test_the_smallest_change_that_flips(
    command: str, cwd: str, flips: list[tuple[str, str]]
) -> None:
    """Of a rule that does not fire, the one matcher that is to blame is named."""
    trace = trace_rule(RULES, RULES.compiled["p.push"], event(command, cwd))

    assert trace.fires is False
    assert [(one.part, one.fact) for one in trace.flips] == flips


def test_several_failures_are_all_named() -> None:
    """Where no single change would do, every matcher that failed is named."""
    trace = trace_rule(RULES, RULES.compiled["p.push"], event("hg push", "/etc"))

    assert [(one.part, one.fact) for one in trace.flips] == [("when", "command"), ("when", "cwd")]


def test_words_for_people() -> None:
    """A trace as text names the matcher and the value."""
    text = RULES.why(PUSH, event("git push", "/etc"))

    assert text == "`when.cwd` = { path_under = src } does not hold for `/etc`"


def test_unknown_is_said() -> None:
    """What could not be known is said with its reason."""
    trace = trace_rule(RULES, RULES.compiled["p.push"], event(5))

    assert isinstance(trace.fires, Unknown)
    assert "cannot be known for an unknown value (`command` is no string)" in str(trace)


def test_exemptions_are_named() -> None:
    """An exemption that holds is given by its reason."""
    trace = trace_rule(RULES, RULES.compiled["p.push"], event("git push x"))

    assert trace.exempt == ("on holiday",)


def test_a_rule_that_is_not_about_it() -> None:
    """A rule about other tools says so."""
    assert RULES.why(READ, event("ls")) == "`p.read` is not about this event or tool"


def test_explaining_a_decision() -> None:
    """The candidates stand with those that fired first, beside the decision itself."""
    explanation = explain(RULES, event("git push"))

    assert explanation.decision.action == "deny"
    assert [one.rule for one in explanation.rules] == ["p.push"]


def test_values_for_people() -> None:
    """Missing, unknown, tables, lists and links are said in words."""
    rule = Rule(
        id="p.all", pack="p", layer="user", position=0, tools=("read",), action="warn", message="m"
    )
    when = Rule(
        id="p.path", pack="p", layer="user", position=1, tools=("read",), action="warn",
        message="m", when={"path": {"not": {"glob": ["src/**", "/x/*"]}}, "role": {"exists": True}},
    )  # fmt: skip
    pack = Pack(
        name="p", version="1", summary="", layer="user", file="p", hash="h", rules=(rule, when)
    )
    compiled = compile_rules([pack], default_vocabulary())
    linked = Places("/project", "/home/user", resolve=lambda path: path.replace("src", "etc"))
    call = call_of(PYTHON_TOOLS, "read", {"path": "src/a"})
    read = RuleEvent("tool", facts_of_call(call, linked), call)

    assert compiled.why(rule, read) == "`p.all` asks nothing of the event, so it always fires"
    trace = trace_rule(compiled, compiled.compiled["p.path"], read)
    assert [str(one) for one in trace.matchers] == [
        "`when.role` = { exists = true } does not hold for a fact that is missing",
        "`when.path` = { not = { glob = [src/**, /x/*] } } holds for `/project/src/a`, "
        "which leads to `/project/etc/a`",
    ]
