"""Laws of what an author writes: case of hosts, lines of elements, and what is never silent."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import Problem
from governance.rules.loader import read_rules
from governance.rules.matchers import Matcher
from governance.rules.operators import build_matcher
from governance.rules.paths import PLAIN_PLACES
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import FactSpec, default_vocabulary
from tests.profiles import examples

VOCABULARY = default_vocabulary()
HEAD = 'format = 1\n[pack]\nname = "p"\nversion = "1.0.0"\nsummary = "x"\n'
SETTINGS = LoadSettings(time_zone="UTC")


def matcher(fact: str, raw: object, on: str = "tool") -> Matcher | None:
    """What *raw* is of the fact; ``None`` where it is refused."""
    spec = VOCABULARY.fact(fact, on=on, tools=None)
    assert isinstance(spec, FactSpec)
    problems: list[Problem] = []
    return build_matcher(
        spec, raw, variables={}, places=PLAIN_PLACES, path=(), report=problems.append
    )


HOSTS = ["example.com", "a.example.com", "example.org", "evil-example.com"]
OF_HOSTS = {
    "equals": ["example.com", "a.example.com"],
    "glob": ["*.example.com", "*example*"],
    "contains": ["example", ".example"],
    "starts_with": ["a.", "example"],
    "ends_with": [".com", "example.org"],
    "regex": ["^a", "[.]example[.]com$"],
    "domain_in": ["*.example.com", "example.org"],
}


@settings(max_examples=examples(60), deadline=None)
@given(
    asked=st.sampled_from([(name, one) for name, texts in OF_HOSTS.items() for one in texts]),
    host=st.sampled_from(HOSTS),
    negated=st.booleans(),
)
def test_hosts_are_compared_without_case(asked: tuple[str, str], host: str, negated: bool) -> None:
    """Whichever operator asks, small and capital letters of its text say the same."""
    name, text = asked

    small, capital = (
        matcher("domains", {"not": {name: one}} if negated else {name: one})
        for one in (text, text.upper())
    )

    assert small is not None
    assert capital is not None
    assert small.test([host], {}) is capital.test([host], {})


ELEMENTS = {
    "path = { glob": ('"/a/**"', '"bare"'),
    "path = { path_under": ('"/a"', '"/a/*"'),
    "path = { regex": ('"/a"', '"("'),
    "path = { starts_with": ('"/a"', '"a"'),
    "path = { in": ('"/a"', '"bare"'),
    "path = { contains": ('"a"', "7"),
    "tool = { in": ('"read"', '"raed"'),
}


@settings(max_examples=examples(60), deadline=None)
@given(
    asked=st.sampled_from(sorted(ELEMENTS)),
    wrong=st.lists(st.booleans(), min_size=1, max_size=6).filter(any),
)
def test_what_is_wrong_in_an_array_is_told_on_its_line(asked: str, wrong: list[bool]) -> None:
    """Each wrong element has an error of its own, where it stands, and no right one has any."""
    right, slip = ELEMENTS[asked]
    elements = "".join(f"{slip if one else right},\n" for one in wrong)
    text = (
        f'{HEAD}[[rule]]\nid = "p.r"\ntools = ["read"]\naction = "warn"\nmessage = "m"\n'
        f"when.{asked} = [\n{elements}] }}\n"
    )

    loaded = read_rules([PackSource("", text, "p.toml", "user")], VOCABULARY, settings=SETTINGS)

    first = text.split("\n").index(f"when.{asked} = [") + 2
    lines = [first + index for index, one in enumerate(wrong) if one]
    assert sorted(one.line for one in loaded.errors) == lines


NUMBERS = ["depth", "turn", "approvals_open", "usage.tokens", "usage.context_ratio"]


@settings(max_examples=examples(100), deadline=None)
@given(
    fact=st.sampled_from(NUMBERS),
    name=st.sampled_from(["equals", "lt", "lte", "gt", "gte"]),
    bound=st.integers(-3, 3),
)
def test_a_bound_that_no_value_keeps_is_refused(fact: str, name: str, bound: int) -> None:
    """What is taken holds for a value that the fact can have; what is refused for none, or all."""
    high = 1 if fact == "usage.context_ratio" else 100
    values = [high * step / 8 for step in range(9)] if high == 1 else list(range(high + 1))

    made = matcher(fact, {name: bound})

    if made is not None:
        assert any(made.test(one, {}) is True for one in values)
    else:
        spec = VOCABULARY.fact(fact, on="tool", tools=None)
        assert isinstance(spec, FactSpec)
        assert spec.outside(bound) or (name, bound) in {("lt", spec.low), ("gt", spec.high)}


@settings(max_examples=examples(100), deadline=None)
@given(
    name=st.sampled_from(["equals", "starts_with", "glob"]),
    text=st.text("/ab: ", min_size=1, max_size=6),
)
def test_a_command_that_is_taken_can_be_given(name: str, text: str) -> None:
    """A name is one word without a slash before it, so nothing else may be asked for."""
    made = matcher("command", {name: text}, on="command")

    if text.startswith("/"):
        assert made is None
    elif made is not None and name == "equals":
        assert len(text.split()) <= 1
        assert made.test(text, {}) is True
