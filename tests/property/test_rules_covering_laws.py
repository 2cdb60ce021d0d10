"""A rule that is said to cover another matches whatever the other matches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from governance.calls import ToolCall
from governance.rules.compiling import compile_rules
from governance.rules.covering import covers
from governance.rules.facts import facts_of_call
from governance.rules.format import Pack, Rule
from governance.rules.paths import PLAIN_PLACES
from governance.rules.verdicts import RuleEvent
from governance.rules.vocabulary import default_vocabulary

VOCABULARY = default_vocabulary()

tables = st.fixed_dictionaries(
    {"program": st.sampled_from(["git", ["git", "rm"], {"not": "git"}, {"starts_with": "g"}])},
    optional={
        "subcommand": st.sampled_from(["push", ["push", "pull"], {"starts_with": "p"}]),
        "flags_any": st.lists(st.sampled_from(["-f", "-r", "--all"]), min_size=1, unique=True),
        "flags_all": st.lists(st.sampled_from(["-f", "-r", "--all"]), min_size=1, unique=True),
        "words": st.sampled_from(["x", {"glob": "x*"}, {"every": "x"}, {"length": 1}]),
    },
)
shells = st.one_of(tables, st.lists(tables, min_size=1, max_size=2))
whens = st.fixed_dictionaries(
    {},
    optional={
        "shell": shells,
        "command": st.sampled_from([{"contains": "-f"}, {"ends_with": "x"}, {"contains": "f"}]),
        "depth": st.sampled_from([1, {"gt": 0}, {"lte": 1}, {"not": 1}]),
    },
).filter(bool)
words = st.lists(
    st.sampled_from(["push", "pull", "-f", "-r", "-rf", "--all", "x", "xy", "&&", "git"]),
    max_size=4,
)
lines = st.tuples(st.sampled_from(["git", "rm", "sudo git"]), words).map(
    lambda parts: " ".join([parts[0], *parts[1]])
)


def rule(name: str, when: dict[str, object], unless: dict[str, object]) -> Rule:
    """A rule on shell calls."""
    return Rule(
        id=f"p.{name}",
        pack="p",
        layer="user",
        position=0,
        tools=("shell",),
        when=when,
        unless=unless,
        action="warn",
        message="No.",
    )


excuses = st.sampled_from([{}, {}, {"depth": 1}, {"command": {"contains": "x"}}])


@given(whens, whens, excuses, excuses, lines, st.integers(0, 2))
def test_what_is_covered_matches_nowhere_else(
    narrow: dict[str, object],
    wide: dict[str, object],
    one: dict[str, object],
    other: dict[str, object],
    line: str,
    depth: int,
) -> None:
    """No call is matched by the covered rule and missed by the other."""
    made = (rule("narrow", narrow, one), rule("wide", wide, other))
    pack = Pack(
        name="p", version="1.0.0", summary="x", layer="user", file="p", hash="p", rules=made
    )
    rules = compile_rules([pack], VOCABULARY)
    left, right = rules.compiled["p.narrow"], rules.compiled["p.wide"]
    facts = facts_of_call(ToolCall("shell", "", {"command": line}, {}), PLAIN_PLACES)
    event = RuleEvent("tool", {**facts, "depth": depth})

    if covers(right, left, VOCABULARY) and left in rules.matching(event):
        assert right in rules.matching(event)
