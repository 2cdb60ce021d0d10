"""A refusal proposes nothing that would be refused, whatever rules and defaults there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from governance.calls import ToolCall
from governance.rules.deciding import History, RuleEvent, RuleSet, compile_rules
from governance.rules.facts import facts_of_call, session_facts
from governance.rules.format import Defaults, Example, Pack, RoleDef, Rule
from governance.rules.paths import PLAIN_PLACES
from governance.rules.vocabulary import default_vocabulary
from governance.testing.engines import memory_engine

TOOLS = ("read", "write", "delete", "fetch")
NAMES = ("a", "b", "c")
KNOWN = History(known=True)


def own_of(tool: str, name: str) -> dict[str, object]:
    return {"url": f"https://{name}.test/"} if tool == "fetch" else {"path": f"/project/{name}"}


@st.composite
def rules(draw: st.DrawFn, number: int) -> Rule:
    """A rule about one thing of one tool, with a remedy that may name what was asked for."""
    tool, about = draw(st.sampled_from(TOOLS)), draw(st.sampled_from(NAMES))
    fact = "url" if tool == "fetch" else "path"
    to = draw(st.sampled_from(TOOLS))
    target = dict(own_of(to, draw(st.sampled_from(NAMES))))
    if tool != "fetch" and to != "fetch" and draw(st.booleans()):
        target = {"path": "{path}"}
    return Rule(
        id=f"p.r{number}", pack="p", layer="user", position=number, on="tool", tools=(tool,),
        when={fact: own_of(tool, about)[fact]},
        action=draw(st.sampled_from(["deny", "ask", "halt", "warn", "allow"])), message="No.",
        remedy=Example(facts={"tool": to, **target}),
    )  # fmt: skip


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    """Up to six rules, perhaps a role that has few tools, and any default."""
    made = [draw(rules(number)) for number in range(draw(st.integers(1, 6)))]
    role = RoleDef(
        name="few", pack="p", layer="user", position=0,
        tools=tuple(draw(st.sets(st.sampled_from(TOOLS), min_size=1))),
    )  # fmt: skip
    pack = Pack(
        name="p", version="1", summary="", layer="user", file="p", hash="h",
        rules=tuple(made), roles=(role,),
    )  # fmt: skip
    return compile_rules(
        [pack],
        default_vocabulary(),
        defaults=Defaults(tool=draw(st.sampled_from(["allow", "ask", "deny"]))),
    )


def event_of(tool: str, own: dict[str, object], role: str | None) -> RuleEvent:
    call = ToolCall(tool, own=own)  # type: ignore[arg-type]
    return RuleEvent(
        "tool", {**session_facts(role=role), **facts_of_call(call, PLAIN_PLACES)}, call
    )


@given(rule_sets(), st.sampled_from(TOOLS), st.sampled_from(NAMES), st.sampled_from([None, "few"]))
def test_nothing_is_proposed_that_would_be_refused(
    made: RuleSet, tool: str, name: str, role: str | None
) -> None:
    """What the message proposes is let through or asked about; what would be is proposed."""
    event = event_of(tool, own_of(tool, name), role)
    decision = made.decide(event, KNOWN)

    for one in decision.verdicts:
        remedy = made.rules[one.rule].remedy if one.rule in made.rules else None
        if remedy is None:
            continue
        own = {
            fact: str(value).replace("{path}", str(event.facts.get("path")))
            for fact, value in remedy.facts.items()
            if fact != "tool"
        }
        again = made.decide(event_of(str(remedy.facts["tool"]), own, role), KNOWN)
        assert bool(one.remedy) is (again.action not in ("deny", "halt"))
        assert "{path}" not in one.remedy
        assert not one.remedy or f"Instead: {one.remedy}" in decision.message


READ_INSTEAD = """
format = 1
[pack]
name = "p"
version = "1.0.0"
summary = "One way out."

[[rule]]
id = "p.write"
tools = ["write"]
action = "deny"
severity = "high"
message = "No."
remedy = { tool = "shell", command = "cat {path}" }
must_match = [{ tool = "write", path = "/a" }]
must_not_match = [{ tool = "read", path = "/a" }]
"""

FREEZE = """
[[escalation]]
id = "p.freeze"
count = 1
within = "1h"
of = { severity = ["high"] }
action = "deny"
tools = ["shell"]
lasts = "1h"
message = "No shell for an hour."
"""


def test_a_remedy_is_told_with_what_it_names() -> None:
    """A placeholder is filled with the fact of the call that was refused."""
    session = memory_engine(READ_INSTEAD).start("s")
    session.turn("go")

    assert "Instead: shell `cat /project/a.py`" in session.tool("write", {"path": "a.py"}).message


def test_what_the_ladder_shuts_is_not_proposed() -> None:
    """The first violation shuts the shell, so the second refusal no longer proposes it."""
    session = memory_engine(READ_INSTEAD + FREEZE).start("s")
    session.turn("go")
    session.tool("write", {"path": "a.py"})

    second = session.tool("write", {"path": "a.py"})

    assert session.tool("shell", {"command": "cat a.py"}).denied
    assert "Instead" not in second.message
