"""Laws of deciding, for any rules and any call."""

from __future__ import annotations

import random
from collections.abc import Mapping

from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st

from governance.rules.deciding import Decision, History, RuleEvent, compile_rules
from governance.rules.domains import hosts_of
from governance.rules.facts import facts_of_call, session_facts
from governance.rules.format import Change, Defaults, Exempt, Pack, RoleDef, Rule
from governance.rules.globs import path_glob, path_test, text_glob
from governance.rules.kleene import Truth, all_of, any_of, negated
from governance.rules.matching import Condition, Exemption, Match, build_condition
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.vocabulary import PYTHON_TOOLS, Unknown, call_of, default_vocabulary
from governance.session.replies import ACTIONS, Action
from governance.values import Json
from tests.profiles import examples

VOCABULARY = default_vocabulary()
KNOWN = History(frozenset({"read"}), known=True)
WINDOWS = Places("C:/p", "C:/u", case_sensitive=False)

words = st.sampled_from(["a", "b", "ab", "a b", ".env", "x.org", "src/a"])
truths = st.sampled_from([True, False, Unknown("u")])
actions: st.SearchStrategy[Action] = st.sampled_from(ACTIONS)


def text_matchers() -> st.SearchStrategy[object]:
    leaves = st.one_of(
        words,
        st.lists(words, min_size=1, max_size=2),
        words.map(lambda one: {"contains": one}),
        words.map(lambda one: {"starts_with": one}),
        st.just({"length": {"gt": 2}}),
        st.booleans().map(lambda one: {"exists": one}),
    )
    return st.recursive(leaves, lambda inner: inner.map(lambda one: {"not": one}), max_leaves=3)


path_matchers = st.sampled_from(
    [{"glob": "**/.env"}, {"path_under": "src"}, {"not": {"path_under": "src"}}, {"exists": False}]
)
domain_matchers = st.sampled_from(
    [
        {"domain_in": "x.org"},
        {"not": {"domain_in": "*.x.org"}},
        {"every": {"domain_in": "x.org"}},
        {"length": {"gt": 1}},
    ]
)
tables: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {},
    optional={
        "command": text_matchers(),
        "path": path_matchers,
        "domains": domain_matchers,
        "turn": st.sampled_from([1, {"gt": 1}, {"not": 2}]),
        "role": text_matchers(),
    },
)
calls: st.SearchStrategy[tuple[str, dict[str, Json]]] = st.one_of(
    words.map(lambda one: ("shell", {"command": one})),
    st.sampled_from(["src/a", ".env", "/etc/x", "../x"]).map(lambda one: ("read", {"path": one})),
    st.sampled_from(["https://x.org", "https://a.x.org", "file:///x", 5]).map(
        lambda one: ("fetch", {"url": one})
    ),
    st.lists(st.sampled_from(["src/a", ".env"]), min_size=1, max_size=3).map(
        lambda some: ("edit", {"path": some, "content": "x"})  # type: ignore[dict-item]
    ),
)


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    count = draw(st.integers(0, 5))
    return [draw(one_rule(number)) for number in range(count)]


@st.composite
def one_rule(draw: st.DrawFn, number: int) -> Rule:
    action = draw(actions)
    rewrite: dict[str, Change] = {}
    if action == "rewrite":
        rewrite = {"command": Change(value=draw(st.sampled_from(["ls", "pwd"])))}
    return Rule(
        id=f"p.r{number}",
        pack="p",
        layer="user",
        position=number,
        tools=draw(st.sampled_from([("shell",), ("fetch",), ("read", "edit")]))
        if action == "rewrite"
        else (),
        when=draw(tables),
        unless=draw(tables),
        any=tuple(one for one in draw(st.lists(tables, max_size=2)) if one),
        action=action,
        rewrite=rewrite,
        message="m {tool}",
        mode=draw(st.sampled_from(["enforce", "enforce", "shadow"])),
        unknown=draw(st.sampled_from(["ask", "deny", "ignore"])),
        labels=draw(st.sampled_from([(), ("l",), ("k", "l")])),
    )


def event(call: tuple[str, Mapping[str, Json]], **session: object) -> RuleEvent:
    made = call_of(PYTHON_TOOLS, call[0], call[1])
    known = {"role": "a", "turn": 1, "host": "python", **session}
    facts = {**session_facts(**known), **facts_of_call(made, PLAIN_PLACES)}  # type: ignore[arg-type]
    return RuleEvent("tool", facts, made)


def decide(
    packed: list[Rule],
    asked: RuleEvent,
    *,
    exempts: tuple[Exempt, ...] = (),
    defaults: Defaults | None = None,
    roles: tuple[RoleDef, ...] = (),
) -> Decision:
    # A rule whose tools cannot have a fact would not load; the laws are about those that do.
    pack = Pack(
        name="p", version="1", summary="", layer="user", file="p", hash="h",
        rules=tuple(packed), roles=roles,
    )  # fmt: skip
    compiled = compile_rules(
        [pack], VOCABULARY, exempts=exempts, defaults=defaults, report=lambda file, problem: None
    )
    return compiled.decide(asked, KNOWN)


def strictness(decision: Decision) -> int:
    return ACTIONS.index(decision.action)


@given(rules(), calls, st.data())
def test_adding_a_denial_never_allows_more(
    packed: list[Rule], call: tuple[str, dict[str, Json]], data: st.DataObject
) -> None:
    """One more deny rule leaves the decision as strict or stricter."""
    more = evolve(data.draw(one_rule(99)), action="deny", rewrite={})
    asked = event(call)

    assert strictness(decide([*packed, more], asked)) >= strictness(decide(packed, asked))


@given(rules(), calls, st.randoms(use_true_random=False))
def test_order_changes_nothing(
    packed: list[Rule], call: tuple[str, dict[str, Json]], shuffle: random.Random
) -> None:
    """Rules in another order and facts in another order give the same decision."""
    asked = event(call)
    turned = list(packed)
    shuffle.shuffle(turned)
    facts = list(asked.facts.items())
    shuffle.shuffle(facts)
    other = RuleEvent("tool", dict(facts), asked.call)

    assert decide(turned, other) == decide(packed, asked)


@given(rules(), calls, tables, st.integers(0, 4))
def test_an_exemption_never_tightens(
    packed: list[Rule], call: tuple[str, dict[str, Json]], when: dict[str, object], which: int
) -> None:
    """Exempting a rule that forbids leaves the decision as mild or milder."""
    forbidding = [one for one in packed if one.action != "allow"]
    exempt = Exempt(rule=f"p.r{which}", reason="r", layer="user", when=when)
    asked = event(call)

    before = decide(forbidding, asked)
    after = decide(forbidding, asked, exempts=(exempt,))

    # Two rewrites in conflict deny; without one of them the other goes through.
    assert strictness(after) <= strictness(before)


@given(calls, actions, st.sampled_from(["ask", "deny"]))
def test_unknown_is_never_silently_allowed(
    call: tuple[str, dict[str, Json]], action: Action, unknown: str
) -> None:
    """A rule that forbids and cannot be decided is never passed over, but for `ignore`."""
    if action == "allow":
        return
    change = {"rewrite": {"command": Change(value="ls")}} if action == "rewrite" else {}
    rule = Rule(
        id="p.r", pack="p", layer="user", position=0, action=action, unknown=unknown,  # type: ignore[arg-type]
        when={"role": "b"}, message="m", **change,  # type: ignore[arg-type]
    )  # fmt: skip
    asked = event(call)
    blurred = RuleEvent("tool", {**asked.facts, "role": Unknown("blurred")}, asked.call)

    assert decide([rule], blurred).action == unknown
    assert decide([evolve(rule, unknown="ignore")], blurred).action == "allow"


@given(rules(), calls)
def test_stricter_defaults_never_allow_more(
    packed: list[Rule], call: tuple[str, dict[str, Json]]
) -> None:
    """`tool = "deny"` is as strict as `"ask"`, and that as `"allow"`."""
    asked = event(call)
    mild, middle, strict = (
        strictness(decide(packed, asked, defaults=Defaults(tool=tool)))
        for tool in ("allow", "ask", "deny")
    )  # type: ignore[misc]

    assert mild <= middle <= strict


@given(rules(), calls)
def test_a_parent_never_widens(packed: list[Rule], call: tuple[str, dict[str, Json]]) -> None:
    """A child under a parent's role is allowed no more than without it."""
    roles = tuple(
        RoleDef(name=name, pack="p", layer="user", position=n, tools=tools)
        for n, (name, tools) in enumerate({"a": ("read", "shell"), "b": ("shell",)}.items())
    )
    alone = decide(packed, event(call), roles=roles)
    below = decide(packed, event(call, parent_roles=("b",)), roles=roles)

    assert strictness(below) >= strictness(alone)


@given(st.lists(truths, max_size=6), st.randoms(use_true_random=False))
def test_kleene(values: list[bool | Unknown], shuffle: random.Random) -> None:
    """De Morgan, double negation, order, and what is known decides alone."""
    turned = list(values)
    shuffle.shuffle(turned)

    def kind(value: bool | Unknown) -> object:
        return None if isinstance(value, Unknown) else value

    assert kind(negated(all_of(values))) == kind(any_of([negated(one) for one in values]))
    assert [kind(negated(negated(one))) for one in values] == [kind(one) for one in values]
    assert kind(all_of(turned)) == kind(all_of(values))
    assert kind(any_of(turned)) == kind(any_of(values))
    assert all_of([*values, False]) is False
    assert any_of([*values, True]) is True


paths = st.text(alphabet="ab./\\~: é", min_size=1, max_size=20)


NAMES = ("role", "model", "native")
asked_of = st.dictionaries(st.sampled_from(NAMES), st.sampled_from("ab"), min_size=1)
facts_known = st.fixed_dictionaries(
    dict.fromkeys(NAMES, st.sampled_from(["a", "b", Unknown("u")])),
    optional={"at_ms": st.sampled_from([4, 5])},
)


def condition(table: Mapping[str, str]) -> Condition:
    made = build_condition(
        table, vocabulary=VOCABULARY, on="tool", tools=None, places=PLAIN_PLACES, path=(),
        report=lambda problem: None,
    )  # fmt: skip
    assert made is not None
    return made


@given(
    st.none() | asked_of,
    st.lists(asked_of, max_size=3),
    st.none() | asked_of,
    st.lists(st.tuples(asked_of | asked_of | st.none(), st.sampled_from([None, 5])), max_size=1),
    facts_known,
)
@example(None, [{"role": "a"}, {"model": "a"}], None, [], {"role": "b", "model": Unknown("u")})
@settings(max_examples=examples(200))
def test_a_match_is_when_and_any_and_not_unless(
    when: Mapping[str, str] | None,
    any_: list[Mapping[str, str]],
    unless: Mapping[str, str] | None,
    exempts: list[tuple[Mapping[str, str] | None, int | None]],
    facts: Mapping[str, object],
) -> None:
    """By Kleene's tables; only what is known to hold, and has not expired, excuses."""

    def holds(table: Mapping[str, str]) -> Truth:
        return all_of(
            facts[name] if isinstance(facts[name], Unknown) else facts[name] == value
            for name, value in table.items()
        )

    excused = any(
        (until_ms is None or facts.get("at_ms") == 4) and (table is None or holds(table) is True)
        for table, until_ms in [*exempts, *([(unless, None)] if unless else [])]
    )
    asked = [*([holds(when)] if when else []), *([any_of(map(holds, any_))] if any_ else [])]
    expected = False if excused else all_of(asked)
    made = Match(
        when=condition(when) if when else None,
        any=tuple(map(condition, any_)),
        unless=condition(unless) if unless else None,
    )

    found = made.test(
        facts, [Exemption(condition(one) if one else None, until, "r") for one, until in exempts]
    )

    assert found == expected
    assert type(found) is type(expected)


@given(paths, st.sampled_from([PLAIN_PLACES, WINDOWS]))
def test_normal_paths_are_idempotent(text: str, places: Places) -> None:
    """A normalised path is absolute, has no dots, and is its own normal form."""
    once = places.absolute(text)

    assert isinstance(once, str)
    assert places.absolute(once) == once
    assert not {".", ".."} & set(once.split("/"))


@settings(max_examples=examples(500))
@given(
    st.lists(st.sampled_from(["a", "b", "*", "*"]), max_size=8).map("".join),
    st.text(alphabet="ab", max_size=8),
)
def test_globs_of_text_agree_with_the_plain_algorithm(glob: str, text: str) -> None:
    """The compiled glob says what a plain backtracking matcher says."""
    import re

    assert (re.fullmatch(text_glob(glob), text, re.DOTALL) is not None) is _plain(glob, text)


names = st.sampled_from(["a", "b", "ab", "*", "a*", "*b", "*a*b"])
segments = st.lists(st.one_of(names, st.just("**")), min_size=2, max_size=6)
parts = st.lists(st.sampled_from(["a", "b", "ab", "ba"]), min_size=1, max_size=6)


@settings(max_examples=examples(1_000))
@given(segments, parts)
def test_globs_of_paths_agree_with_the_plain_algorithm(glob: list[str], path: list[str]) -> None:
    """The compiled glob of a path says what a plain backtracking matcher says."""
    import re

    whole = "/" + "/".join(glob)
    tested = "/" + "/".join(path)
    found = re.fullmatch(path_glob(whole), tested) is not None

    assert found is _plain_path(glob, path)
    assert path_test(whole)(tested) is found
    assert path_test("/other", whole, "/more/**")(tested) is found


escaped = st.sampled_from(["a", "\\*", "a\\*", "\\*b", "*\\*", "\\{a*", "*", "**"])
spelled = st.sampled_from(["a", "*", "a*", "*b", "{a", "{ab", "b*"])


@settings(max_examples=examples(500))
@given(
    st.lists(escaped, min_size=1, max_size=4).filter(lambda some: some[-1] != "a"),
    st.lists(spelled, min_size=1, max_size=4),
)
def test_a_look_for_fixed_words_loses_no_path(glob: list[str], path: list[str]) -> None:
    """Of globs with signs taken by themselves, too, nothing is passed over that would fit."""
    import re

    whole, tested = ("/" + "/".join(one) for one in (glob, path))
    found = re.fullmatch(path_glob(whole), tested) is not None

    assert path_test(whole)(tested) is found
    assert path_test("/other", whole)(tested) is found


def _plain(glob: str, text: str) -> bool:
    if not glob:
        return not text
    if glob[0] == "*":
        return any(_plain(glob[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and text[0] == glob[0] and _plain(glob[1:], text[1:])


def _plain_path(glob: list[str], path: list[str]) -> bool:
    if not glob:
        return not path
    if glob[0] != "**":
        return bool(path) and _plain(glob[0], path[0]) and _plain_path(glob[1:], path[1:])
    if set(glob) == {"**"}:
        return bool(path)  # what is below, and never the folder itself
    return any(_plain_path(glob[1:], path[at:]) for at in range(len(path) + 1))


@given(st.text(max_size=40))
def test_any_address_has_an_answer(address: str) -> None:
    """Whatever text comes as an address, there is at least one host or an unknown."""
    hosts = hosts_of(address)

    assert hosts
    assert all(isinstance(one, Unknown) or (one and one == one.lower()) for one in hosts)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3), words)
def test_any_call_has_facts_and_a_decision(args: dict[str, str], native: str) -> None:
    """Whatever a host sends, there are facts, and a decision without an exception."""
    for tool in ("shell", "edit", "fetch", "grep", "mcp:a:b", native):
        asked = event((tool, dict(args)))
        assert decide([], asked).action == "allow"
        assert asked.facts["intent"]
