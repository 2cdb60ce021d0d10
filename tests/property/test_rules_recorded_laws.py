"""Laws of recorded schemas: whatever they say, nothing is let through by them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.authoring.toml_text import inline
from governance.rules.deciding import RuleEvent, RuleSet
from governance.rules.facts import facts_of_call, session_facts
from governance.rules.format import ArgumentType, Layer
from governance.rules.loader import read_rules
from governance.rules.paths import PLAIN_PLACES
from governance.rules.recorded import ARGUMENT_TYPES
from governance.rules.sources import PackSource
from governance.rules.vocabulary import PYTHON_TOOLS, call_of, default_vocabulary
from governance.session.replies import ACTIONS
from governance.values import Json

VOCABULARY = default_vocabulary()
HEAD = 'format = 1\n[pack]\nname = "{name}"\nversion = "1.0.0"\nsummary = "x"\n'
TRUE: dict[str, ArgumentType] = {
    "s": "str", "n": "int", "f": "float", "b": "bool", "l": "list[str]", "e": ("a", "b"),
}  # fmt: skip

MATCHERS: tuple[tuple[str, object], ...] = (
    ("s", "a"), ("s", ["a", "b"]), ("s", {"not": "a"}), ("s", {"regex": "^a"}),
    ("s", {"exists": False}), ("n", 3), ("n", {"gt": 2}), ("n", {"not": {"lte": 2}}),
    ("f", {"gte": 1.5}), ("b", True), ("l", "a"), ("l", {"every": "a"}),
    ("l", {"length": {"gt": 1}}), ("l", {"not": "a"}), ("e", "a"), ("e", {"not": "b"}),
)  # fmt: skip
VALUES: tuple[Json, ...] = (
    "a", "b", "ab", "", None, True, False, 0, 3, 2.5,
    [], ["a"], ["a", "b"], ["b", "a"], [3], ["a", 3], {"a": 1}, [["a"]],
)  # fmt: skip

matchers = st.sampled_from(MATCHERS)
values = st.sampled_from(VALUES)
calls = st.dictionaries(st.sampled_from([*TRUE, "x"]), values)
kinds = st.one_of(
    st.sampled_from(ARGUMENT_TYPES),
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True).map(tuple),
)
records = st.dictionaries(st.sampled_from([*TRUE, "x"]), kinds)


def schema(args: dict[str, ArgumentType]) -> str:
    lines = "".join(f"args.{name} = {inline(kind)}\n" for name, kind in args.items())
    return f'[[schema]]\ntool = "mcp:t:call"\n{lines or "args = {}"}\n'


def rule(matcher: tuple[str, object]) -> str:
    return (
        '[[rule]]\nid = "p.r"\ntools = ["mcp:t:call"]\naction = "deny"\nmessage = "m"\n'
        f"when.args.{matcher[0]} = {inline(matcher[1])}\n"
        'must_match = [{ tool = "mcp:t:call" }]\n'
        'must_not_match = [{ tool = "read", path = "/a" }]\n'
    )


def law(*packs: tuple[Layer, str]) -> RuleSet | None:
    """The rules of packs, each a layer and a text; ``None``: they are refused."""
    sources = [
        PackSource("", HEAD.format(name=f"p{number}") + text, f"{number}.toml", layer)
        for number, (layer, text) in enumerate(packs)
    ]
    # What the examples prove is no matter here.
    return read_rules(sources, VOCABULARY, tries=False).rules


def action(rules: RuleSet, arguments: dict[str, Json]) -> int:
    call = call_of(PYTHON_TOOLS, "mcp:t:call", arguments)
    facts = {**session_facts(turn=1), **facts_of_call(call, PLAIN_PLACES)}
    return ACTIONS.index(rules.decide(RuleEvent("tool", facts, call)).action)


@pytest.mark.parametrize("matcher", MATCHERS, ids=str)
def test_a_changed_record_never_lets_through_what_was_denied(matcher: tuple[str, object]) -> None:
    """Of each type it is refused, or of any value the answer is at least a question to a person."""
    name = matcher[0]
    calls_of: list[dict[str, Json]] = [{}, *({name: value} for value in VALUES)]
    before = law(("project", rule(matcher)), ("project", schema(TRUE)))
    assert before is not None
    denied = [one for one in calls_of if action(before, one) >= ACTIONS.index("deny")]
    assert denied
    for kind in (*ARGUMENT_TYPES, ("a", "b"), ("a", "b", "c"), ("c",), None):
        record = {one: said for one, said in {**TRUE, name: kind}.items() if said is not None}
        after = law(("project", rule(matcher)), ("project", schema(record)))
        for one in denied if after is not None else ():
            assert action(after, one) >= ACTIONS.index("ask"), (kind, one)


@given(matchers, records, calls)
def test_a_lower_record_changes_nothing_of_an_upper_rule(
    matcher: tuple[str, object], record: dict[str, ArgumentType], arguments: dict[str, Json]
) -> None:
    """The user's rule with the user's record decides alike in every repository."""
    own: tuple[tuple[Layer, str], ...] = (("user", rule(matcher)), ("user", schema(TRUE)))
    alone, beside = law(*own), law(*own, ("project", schema(record)))

    assert alone is not None
    assert beside is not None
    assert action(beside, arguments) == action(alone, arguments)


@given(matchers, records)
def test_without_a_record_of_its_own_an_upper_rule_is_refused(
    matcher: tuple[str, object], record: dict[str, ArgumentType]
) -> None:
    """Whatever a repository records, nothing is decided by it for its user."""
    assert law(("user", rule(matcher)), ("project", schema(record))) is None
