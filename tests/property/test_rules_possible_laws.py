"""What is claimed of matchers holds for every value: nothing is possible, one implies another."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from governance.rules.fact_table import ALL_EVENTS, FactSpec
from governance.rules.matchers import Matcher
from governance.rules.operators import build_matcher
from governance.rules.paths import PLAIN_PLACES
from governance.rules.possible import NOTHING, UNSURE, implied, some_value

TEXT = FactSpec("text", "str", ALL_EVENTS, "")
PATH = FactSpec("place", "str", ALL_EVENTS, "", kind="path")
HOST = FactSpec("host", "str", ALL_EVENTS, "", kind="domain")
NUMBER = FactSpec("number", "int", ALL_EVENTS, "")
RATIO = FactSpec("ratio", "float", ALL_EVENTS, "")

short = st.text("ab", min_size=1, max_size=3)
words = st.text("ab", max_size=5)
patterns = st.one_of(
    st.fixed_dictionaries({"starts_with": short}),
    st.fixed_dictionaries({"ends_with": short}),
    st.fixed_dictionaries({"contains": short}),
    st.fixed_dictionaries({"glob": st.text("ab*", min_size=1, max_size=5)}),
    st.fixed_dictionaries({"in": st.lists(short, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"length": st.fixed_dictionaries({"lt": st.integers(0, 5)})}),
    st.fixed_dictionaries({"regex": st.sampled_from(["^a", "b$", "ab"])}),
)
texts = st.recursive(
    patterns,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"not": inner}),
        st.tuples(inner, inner).map(lambda both: {**both[0], **both[1]}),
    ),
    max_leaves=4,
)
mixed = st.text("aB.", min_size=1, max_size=3)
hosts = st.recursive(
    st.one_of(
        st.fixed_dictionaries({"starts_with": mixed}),
        st.fixed_dictionaries({"ends_with": mixed}),
        st.fixed_dictionaries({"contains": mixed}),
        st.fixed_dictionaries({"glob": st.text("aB.*", min_size=1, max_size=5)}),
        st.fixed_dictionaries({"in": st.sampled_from([["a.B"], ["A"], ["b.a", "AB"]])}),
        st.fixed_dictionaries({"domain_in": st.sampled_from(["*.B", "a.B", "A"])}),
        st.fixed_dictionaries({"regex": st.sampled_from(["^A", "b$", "a[.]B"])}),
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"not": inner}),
        st.tuples(inner, inner).map(lambda both: {**both[0], **both[1]}),
    ),
    max_leaves=3,
)
names = st.sampled_from(["a", "b", ".env", "a.py"])
folders = st.lists(st.sampled_from(["a", "b", "**", "*", "*.py", ".env"]), min_size=2, max_size=4)
globs = folders.map("/".join)
places = st.recursive(
    st.one_of(
        st.fixed_dictionaries({"glob": globs}),
        st.fixed_dictionaries({"path_under": st.sampled_from(["a", "a/b", "b"])}),
        st.fixed_dictionaries({"ends_with": st.sampled_from([".py", "/.env"])}),
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"not": inner}),
        st.tuples(inner, inner).map(lambda both: {**both[0], **both[1]}),
    ),
    max_leaves=3,
)
paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: "/project/" + "/".join(parts))


def comparing(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[dict[str, object]]:
    """Tables of bounds."""
    one = st.sampled_from(["lt", "lte", "gt", "gte"])
    return st.dictionaries(one, numbers, min_size=1, max_size=2).flatmap(
        lambda table: st.sampled_from([table, {"not": table}])
    )


def matcher(spec: FactSpec, raw: object) -> Matcher | None:
    """The matcher, if it is one that builds."""
    return build_matcher(
        spec, raw, variables={}, places=PLAIN_PLACES, path=(), report=lambda _: None
    )


def check(spec: FactSpec, left: object, right: object, value: object) -> None:
    """Hold what is claimed of two matchers against one value."""
    one, other = matcher(spec, left), matcher(spec, right)
    if one is None or other is None:
        return
    held, also = (each.test_element(value, {}, False) for each in (one, other))

    found = some_value([one, other], PLAIN_PLACES)

    if found is NOTHING:
        assert not (held is True and also is True)
    elif found is not UNSURE:
        assert one.test_element(found, {}, False) is True
        assert other.test_element(found, {}, False) is True
    if held is True and implied([one], other, PLAIN_PLACES):
        assert also is True


@given(texts, texts, words)
def test_claims_of_texts_hold_for_every_text(left: object, right: object, value: str) -> None:
    """No text fits what is said to be impossible, or escapes what is said to be implied."""
    check(TEXT, left, right, value)


@example({"starts_with": "Ba"}, {"glob": "b*b"}, "bab")
@given(hosts, hosts, st.sampled_from(["a", "b", "a.b", "b.a", "ab", "a.a.b"]))
def test_claims_of_hosts_hold_for_every_host(left: object, right: object, value: str) -> None:
    """Small and capital letters of a matcher are the same in claims as where it is asked."""
    check(HOST, left, right, value)


@given(places, places, paths)
def test_claims_of_paths_hold_for_every_path(left: object, right: object, value: str) -> None:
    """Globs and folders are compared as the matchers themselves compare them."""
    check(PATH, left, right, value)


@given(comparing(st.integers(-3, 3)), comparing(st.integers(-3, 3)), st.integers(-6, 6))
def test_claims_of_integers_hold_for_every_integer(left: object, right: object, value: int) -> None:
    """Every bound and both of its neighbours are tried."""
    check(NUMBER, left, right, value)


@given(comparing(st.floats(-2, 2)), comparing(st.floats(-2, 2)), st.floats(-4, 4))
def test_claims_of_numbers_hold_for_every_number(left: object, right: object, value: float) -> None:
    """Between two bounds one number stands for all."""
    check(RATIO, left, right, value)
