"""Laws of screening: joint patterns decide exactly as the rules one by one."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from governance.rules.deciding import History, RuleEvent, compile_rules
from governance.rules.facts import facts_of_call, session_facts
from governance.rules.format import Pack, Rule
from governance.rules.paths import PLAIN_PLACES
from governance.rules.screening import GROUP_RULES_MAX, PLAIN_LOOKS, screened
from governance.rules.vocabulary import PYTHON_TOOLS, call_of, default_vocabulary

VOCABULARY = default_vocabulary()
KNOWN = History(known=True)

patterns = st.sampled_from(
    [
        "rm", "(?i)RM", "^rm", "m$", "a|b", "|", "(?P<name>r)m", "(?P<name>l)s", r"\Qls", r"\Qr\E",
        r"\bls\b", "[|)]", "é", "e\u0301", "x*", ".", r"\.", "(?s)a.b",
    ]
)  # fmt: skip
wanted = st.one_of(
    patterns.map(lambda one: {"command": {"regex": one}}),
    st.lists(patterns, min_size=1, max_size=3).map(lambda some: {"command": {"regex": some}}),
    patterns.map(lambda one: {"command": {"not": {"regex": one}}}),
    st.tuples(patterns, st.sampled_from(["l", "zz"])).map(
        lambda both: {"command": {"regex": both[0], "contains": both[1]}}
    ),
    patterns.map(lambda one: {"command": {"regex": one}, "cwd": "/elsewhere"}),
    patterns.map(lambda one: {"native": {"regex": one}}),
)
commands = st.one_of(
    st.text(alphabet="rmlsab .|)\n\u00e9", max_size=8),
    st.sampled_from(["ls -l", "rm -r x", "\ud800", "", 7, ["ls", "rm"]]),
)


def _rule(number: int, when: dict[str, object], in_any: bool) -> Rule:
    return Rule(
        id=f"p.r{number}",
        pack="p",
        layer="machine",
        position=number,
        tools=("shell",),
        when={} if in_any else when,
        any=(when,) if in_any else (),
        action="deny",
        message="No.",
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(wanted, st.booleans()), min_size=1, max_size=2 * GROUP_RULES_MAX + 2),
    st.lists(commands, min_size=1, max_size=4),
)
@example(
    [({"command": {"regex": r"\Qls"}}, False), ({"command": {"regex": r"\Qr\E"}}, False)],
    ["rm -r x"],
)
def test_screened_rules_decide_as_each_would_by_itself(
    wishes: list[tuple[dict[str, object], bool]], texts: list[object]
) -> None:
    """However often a rule set has decided, its verdicts are those of its rules one by one."""
    made = tuple(_rule(number, when, in_any) for number, (when, in_any) in enumerate(wishes))
    pack = Pack(
        name="p", version="1.0.0", summary="", layer="machine", file="", hash="", rules=made
    )
    rules = compile_rules([pack], VOCABULARY)
    for _ in range(PLAIN_LOOKS * (len(made) + 1)):
        rules.decide(_event("a"), KNOWN)
    for text in texts:
        event = _event(text)
        expected = {
            verdict
            for one in rules.candidates(event)
            if (verdict := one.verdict(event)) is not None
        }
        assert {*rules.decide(event, KNOWN).verdicts} == expected


def _event(command: object) -> RuleEvent:
    call = call_of(PYTHON_TOOLS, "shell", {"command": command})  # type: ignore[dict-item]
    facts = {**session_facts(host="python", turn=1), **facts_of_call(call, PLAIN_PLACES)}
    # What a fact holds is not always clean: a rule then says that it cannot be evaluated.
    if command == "\ud800":
        facts["command"] = command
    return RuleEvent("tool", facts, call)


@given(st.lists(wanted, max_size=2 * GROUP_RULES_MAX + 2))
def test_screening_loses_no_rule(wishes: list[dict[str, object]]) -> None:
    """Every rule stands in exactly one group."""
    made = tuple(_rule(number, when, in_any=False) for number, when in enumerate(wishes))
    pack = Pack(
        name="p", version="1.0.0", summary="", layer="machine", file="", hash="", rules=made
    )
    compiled = compile_rules([pack], VOCABULARY).compiled.values()
    grouped = [one.rule.id for group in screened(compiled) for one in group.rules]
    assert sorted(grouped) == sorted(one.rule.id for one in compiled)
