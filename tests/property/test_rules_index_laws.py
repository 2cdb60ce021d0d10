"""Laws of the index of rules: what it leaves untried could have said nothing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from governance.rules import patterns as patterns_module
from governance.rules.deciding import History, RuleEvent, RuleSet, compile_rules
from governance.rules.format import Pack, Rule
from governance.rules.index import Index
from governance.rules.matchers import ELEMENTS_MAX, REAL_PATHS
from governance.rules.partial import HOLE
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.patterns import PatternRefused, PatternSet
from governance.rules.shell_entries import PLAIN_LOOKS
from governance.rules.vocabulary import Unknown, default_vocabulary
from tests.profiles import examples

VOCABULARY = default_vocabulary()
KNOWN = History(known=True)
FOLDING = Places("/Project", "/home/User", case_sensitive=False)
WINDOWS = Places("C:/Project", "C:/Users/u", case_sensitive=False)
places = st.sampled_from([PLAIN_PLACES, FOLDING, WINDOWS])

pieces = st.sampled_from(["rm", "l", "ls -l", "a", "é", "e\u0301", "ß", "ab", "b", "\u0130"])
patterns = st.sampled_from(
    [
        "rm", "(?i)RM", "^rm", "m$", "a|b", "|", "(?P<name>r)m", "(?P<name>l)s", r"\Qls", r"\Qr\E",
        r"\bls\b", "[|)]", "é", "e\u0301", "x*", ".", r"\.", "(?s)a.b", "SS", "(?i)ss", r"\C",
    ]
)  # fmt: skip
text_globs = st.sampled_from(["rm*", "*l", "*s -*", "{rm,a*}b", "*", "l", r"a\*", "*a*b*"])


def asked_of_text() -> st.SearchStrategy[object]:
    return st.one_of(
        pieces,
        st.lists(pieces, min_size=1, max_size=3),
        _some("contains", pieces),
        _some("starts_with", pieces),
        _some("ends_with", pieces),
        _some("regex", patterns),
        _some("glob", text_globs),
        st.sampled_from([{"length": {"gt": 2}}, {"exists": True}, {"exists": False}]),
    )


def _some(name: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    one_or_more = st.one_of(values, st.lists(values, min_size=1, max_size=3))
    return one_or_more.map(lambda given: {name: given})


@st.composite
def joined(draw: st.DrawFn, single: st.SearchStrategy[object]) -> object:
    """One matcher, negated, or of several operators."""
    asked = draw(single)
    match draw(st.integers(0, 4)):
        case 0:
            return {"not": asked}
        case 1:
            other = draw(single)
            if isinstance(asked, dict) and isinstance(other, dict):
                return {**asked, **other}
    return asked


folders = st.sampled_from(["src", "/etc", "~", "..", "/", "~/x", "src/A"])
path_globs = st.sampled_from(
    ["**/.env", "src/**", "/etc/*", "src/*.py", "{src,/etc}/**/b", "~/**", "/**/x/**", "**/a*b"]
)
asked_of_paths = st.one_of(
    _some("glob", path_globs),
    _some("path_under", folders),
    _some("regex", patterns),
    _some("contains", st.sampled_from(["src", "SRC", "é", ".env"])),
    _some("ends_with", st.sampled_from([".py", "Env", "b"])),
    st.sampled_from(["src/a", "/etc/b", "~/x", ["src/a", "./src/b"]]),
)
domains = st.sampled_from(["x.org", "*.x.org", "*.org", "a.x.org"])
asked_of_hosts = st.one_of(
    _some("domain_in", domains),
    domains.map(lambda d: d[-5:]),
    _some("regex", st.sampled_from(["^A[.]", "X", "(?-i)X|org$", "evil"])),
    _some("contains", st.sampled_from(["X.", ".x", "EVIL"])),
    _some("starts_with", st.sampled_from(["A.", "x"])),
    _some("ends_with", st.sampled_from([".ORG", "evil"])),
    _some("glob", st.sampled_from(["*.X.org", "a*", "X*"])),
)
asked_of_lists = st.one_of(
    asked_of_paths.map(lambda one: {"every": one}),
    st.just({"length": 2}),
    st.just({"length": {"gt": 1}}),
)
numbers = st.sampled_from([1, 2, [1, 3], {"gt": 1}, {"not": 2}, {"lte": 2, "gt": 0}])
tables: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {},
    optional={
        "command": joined(asked_of_text()),
        "native": joined(asked_of_text()),
        "cwd": joined(asked_of_paths),
        "writes": joined(st.one_of(asked_of_paths, asked_of_lists)),
        "domains": joined(asked_of_hosts),
        "url": joined(st.one_of(_some("domain_in", domains), asked_of_text())),
        "turn": numbers,
        "usage.cost_usd": st.sampled_from([1.0, 2, {"gte": 1.5}]),
    },
)
filled = tables.filter(bool)


@st.composite
def one_rule(draw: st.DrawFn, number: int) -> Rule:
    return Rule(
        id=f"p.r{number}",
        pack="p",
        layer="machine",
        position=number,
        when=draw(tables),
        any=tuple(draw(st.lists(filled, max_size=2))),
        unless=draw(st.one_of(st.just({}), tables)),
        action=draw(st.sampled_from(["deny", "warn", "ask"])),
        unknown=draw(st.sampled_from(["ask", "deny", "ignore"])),
        message="No.",
    )


unknowable = st.sampled_from([Unknown("u"), None, 7, True, 1.5, ["rm"], {"a": 1}, ()])
texts = st.one_of(
    st.text(alphabet="rmlsab .|)\né", max_size=6),
    pieces,
    st.sampled_from(["ls -l", "rm -r x", "\ud800", "rm\ud800", "", "SS", "\0", "i\u0307"]),
)
paths = st.one_of(
    st.sampled_from(
        [
            "/project/src/a", "/Project/SRC/A", "/project/.env", "/etc/b", "/home/user/x",
            "C:/Project/src/b", "/", "/x/x/x", "/project/src/m.py", "/etc/\ud800", "/project/É",
        ]
    ),
    st.text(alphabet="/srcabé.", max_size=6).map(lambda one: "/" + one),
)  # fmt: skip
hosts = st.sampled_from(["x.org", "a.x.org", "x.org.evil", "org", Unknown("h")])
addresses = st.sampled_from(
    ["https://x.org/", "https://a.x.org@b", "x.org", "file:///x", "https://pypi.org\\@x.org"]
)


def listed(single: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(
        st.lists(st.one_of(single, single, unknowable), max_size=3),
        st.lists(single, max_size=2).map(tuple),
    )


worlds: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {},
    optional={
        "command": st.one_of(texts, unknowable),
        "native": st.one_of(texts, unknowable),
        "cwd": st.one_of(paths, unknowable),
        "writes": st.one_of(listed(paths), unknowable),
        "domains": st.one_of(listed(hosts), unknowable),
        # A list of addresses would be decided one by one.
        "url": st.one_of(addresses, texts, st.sampled_from([Unknown("u"), None, 7])),
        "turn": st.one_of(st.integers(0, 3), unknowable),
        "usage.cost_usd": st.one_of(st.floats(0, 3), st.integers(0, 3), unknowable),
        REAL_PATHS: st.dictionaries(paths, paths, max_size=3),
    },
)


def _compiled(made: tuple[Rule, ...], where: Places = PLAIN_PLACES) -> RuleSet:
    pack = Pack(
        name="p", version="1.0.0", summary="", layer="machine", file="", hash="", rules=made
    )
    # A rule that cannot be compiled is left out: the law is about those that can.
    return compile_rules([pack], VOCABULARY, places=where, report=lambda file, problem: None)


@st.composite
def rule_sets(draw: st.DrawFn) -> tuple[Rule, ...]:
    return tuple(draw(one_rule(number)) for number in range(draw(st.integers(1, 8))))


@settings(max_examples=examples(200), deadline=None)
@given(rule_sets(), places, st.lists(worlds, min_size=1, max_size=4))
def test_an_indexed_decision_is_that_of_all_rules_one_by_one(
    made: tuple[Rule, ...], where: Places, facts: list[dict[str, object]]
) -> None:
    """However often a rule set has decided, its verdicts are those of its rules one by one."""
    rules = _compiled(made, where)
    for _ in range(PLAIN_LOOKS):
        rules.decide(_event({}), KNOWN)

    for known in facts:
        event = _event(known)
        expected = {
            verdict
            for one in rules.candidates(event)
            if (verdict := one.verdict(event)) is not None
        }

        assert {*rules.decide(event, KNOWN).verdicts} == expected


def _event(facts: Mapping[str, object]) -> RuleEvent:
    return RuleEvent("tool", {"tool": "other", "host": "h", "intent": "i", **facts})


def _rule(number: int, **given: object) -> Rule:
    return Rule(
        id=f"p.r{number}", pack="p", layer="machine", position=number, action="deny",
        message="No.", **given,  # type: ignore[arg-type]
    )  # fmt: skip


@settings(max_examples=examples(200))
@given(st.lists(st.text(alphabet="ab", max_size=4), max_size=8), st.text(alphabet="ab", max_size=6))
@example(["", "a", "ab", "abb", "b"], "abab")
def test_every_beginning_and_every_end_is_found(keys: list[str], text: str) -> None:
    """Of many beginnings and ends exactly those that a text has bring their rules."""
    wanted = [one for one in keys if one]
    for operator, holds in (("starts_with", str.startswith), ("ends_with", str.endswith)):
        rules = _compiled(
            tuple(
                _rule(number, when={"command": {operator: one}})
                for number, one in enumerate(wanted)
            )
        )
        index = Index(tuple(rules.compiled.values()), looks_left=1)

        tried = {one.rule.id for one in index.to_try({"command": text})}

        assert tried == {f"p.r{n}" for n, one in enumerate(wanted) if holds(text, one)}


def test_a_list_that_is_too_long_is_tried() -> None:
    """Of a list that matchers do not read to its end, nothing is left out."""
    rules = _compiled((_rule(0, when={"writes": {"glob": "**/.env"}}),))
    index = Index(tuple(rules.compiled.values()), looks_left=1)
    long = ["/project/a"] * (ELEMENTS_MAX + 1)

    assert index.to_try({"writes": long})
    assert not index.to_try({"writes": long[:3]})


def test_a_rule_behind_an_error_is_tried() -> None:
    """A rule that would fail before it comes to its own key is tried, and denies."""
    common = {"command": {"regex": "x"}}
    behind: list[dict[str, object]] = [
        {"when": {**common, "native": {"regex": "y"}}},
        {"when": common, "any": ({"native": "y"},)},
        {"any": ({**common, "native": {"regex": "y"}},)},
    ]
    for asked in behind:
        others = [_rule(number, when=common) for number in range(1, 4)]
        rules = _compiled((_rule(0, **asked), *others))
        index = Index(tuple(rules.compiled.values()), looks_left=1)

        tried = index.to_try({"command": "\ud800", "native": "z"})

        assert "p.r0" in {one.rule.id for one in tried}


CASES = st.one_of(
    st.tuples(st.just("command"), joined(asked_of_text()), st.one_of(texts, unknowable)),
    st.tuples(st.just("cwd"), joined(asked_of_paths), st.one_of(paths, unknowable)),
    st.tuples(
        st.just("writes"),
        joined(st.one_of(asked_of_paths, asked_of_lists)),
        st.one_of(listed(paths), unknowable),
    ),
    st.tuples(
        st.just("domains"),
        joined(_some("domain_in", domains)),
        st.one_of(listed(hosts), unknowable),
    ),
    st.tuples(
        st.just("url"),
        joined(_some("domain_in", domains)),
        st.one_of(addresses, texts, unknowable),
    ),
    st.tuples(st.just("turn"), joined(numbers), st.one_of(st.integers(0, 3), unknowable)),
)


@settings(max_examples=examples(2_000), deadline=None)
@given(CASES, places, st.dictionaries(paths, paths, max_size=2), st.data())
@example(("writes", {"glob": "**/.env"}, ["/a"]), PLAIN_PLACES, {"/a": "/project/.env"}, None)
@example(("writes", {"glob": "src/**"}, ["/PROJECT/SRC/a"]), FOLDING, {}, None)
@example(("cwd", {"regex": "SS"}, "/ss"), FOLDING, {}, None)
@example(("cwd", {"path_under": "src"}, "/project/src"), PLAIN_PLACES, {}, None)
@example(("domains", {"domain_in": "*.x.org"}, ["a.x.org"]), PLAIN_PLACES, {}, None)
@example(("url", {"domain_in": "x.org"}, "file:///x"), PLAIN_PLACES, {}, None)
@example(("writes", {"glob": "**/.env"}, [5]), PLAIN_PLACES, {}, None)
@example(("command", {"glob": "*"}, "x"), PLAIN_PLACES, {}, None)
def test_what_one_matcher_may_say_is_always_tried(
    case: tuple[str, object, object],
    where: Places,
    links: dict[str, str],
    data: st.DataObject | None,
) -> None:
    """A rule of one matcher that has a verdict on a value is among those that are tried."""
    fact, asked, value = case
    rules = _compiled((_rule(0, when={fact: asked}),), where)
    for one in rules.compiled.values():
        if links and data is not None and isinstance(value, list):
            value = data.draw(st.one_of(st.just(value), st.just(list(links))))
        event = _event({fact: value, REAL_PATHS: links})

        if one.verdict(event) is not None:
            assert Index((one,), looks_left=1).to_try(event.facts)


HIDDEN = st.one_of(
    st.tuples(
        st.just("writes"),
        joined(st.one_of(asked_of_paths, asked_of_lists)),
        st.lists(paths, min_size=1, max_size=2),
    ),
    st.tuples(
        st.just("domains"),
        joined(_some("domain_in", domains)),
        st.lists(st.sampled_from(["x.org", "a.x.org", "x.org.evil"]), min_size=1, max_size=2),
    ),
)


@given(HIDDEN, places, st.data())
def test_what_is_hidden_is_never_ruled_out(
    case: tuple[str, object, list[str]], where: Places, data: st.DataObject
) -> None:
    """A rule that has a verdict on a text has one where a part of that is not known yet."""
    fact, asked, value = case
    at = data.draw(st.integers(0, len(value) - 1))
    whole = value[at]
    places_ = st.integers(0, len(whole))
    first, last = sorted(data.draw(st.tuples(places_, places_)))
    partly = [*value[:at], whole[:first] + HOLE + whole[last:], *value[at + 1 :]]

    for one in _compiled((_rule(0, when={fact: asked}),), where).compiled.values():
        if one.verdict(_event({fact: value})) is not None:
            assert one.verdict(_event({fact: partly})) is not None


class _OutOfMemory:
    """A set of RE2 whose search failed: it gives what it gives when nothing is found."""

    def Match(self, text: bytes) -> list[int] | None:  # noqa: N802 -- RE2 calls it so
        return None


def test_a_set_that_fails_is_not_one_that_finds_nothing() -> None:
    """Where RE2 could not search, that is known, and every rule of the set is tried."""
    failing: PatternSet[int] = PatternSet((1,), _OutOfMemory())
    (sound,) = PatternSet.of([("a", 1), ("b", 2), ("a|b", 3)])

    assert failing.found(b"a") is None
    assert sound.found(b"xyz") == []
    assert sorted(sound.found(b"xay") or ()) == [1, 3]


def test_a_set_that_is_too_large_is_made_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little memory a set may use, all of its patterns are looked for."""
    monkeypatch.setattr(patterns_module, "SET_BYTES_MAX", 10_000)
    several = [(f"a.*b{number}.*c", number) for number in range(9)]

    made = list(PatternSet.of(several))

    assert len(made) > 1
    found = [number for one in made for number in one.found(b"xaxxb4xxc") or ()]
    assert found == [4]
    with pytest.raises(PatternRefused):
        list(PatternSet.of([("(a.*b){60}", 0)]))


@pytest.mark.parametrize("name", ["regex", "contains", "starts_with", "glob"])
def test_hosts_are_looked_up_without_case(name: str) -> None:
    """What a matcher finds in small letters, the look for its rule finds in them as well."""
    asked = {"regex": "^A[.]X", "contains": "A.X", "starts_with": "A.", "glob": "A.X*"}[name]
    others = tuple(
        _rule(one, when={"domains": {name: f"Q{one}{asked[-1]}"}}) for one in range(1, 30)
    )
    rules = _compiled((_rule(0, when={"domains": {name: asked}}), *others))
    event = _event({"domains": ["a.x.org"]})

    for _ in range(PLAIN_LOOKS + 2):
        assert [one.rule for one in rules.decide(event, KNOWN).verdicts] == ["p.r0"]
