"""
What matchers leave possible: a value that all of them accept, or the proof that none is.

Numbers, times, booleans and enumerations are tried at every point where an answer can change;
texts are sets of texts (`governance.rules.languages`), of which only patterns and detectors
cannot be looked into. What is not certain is never claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import time
from itertools import pairwise
from typing import Final

from governance._attrs import frozen
from governance.errors import Problem
from governance.rules.domains import normal_domain, normal_pattern
from governance.rules.fact_table import ALL_EVENTS, FactSpec
from governance.rules.globs import PatternError, composed, expand_braces
from governance.rules.languages import (
    ALWAYS,
    LENGTH_MAX,
    PATHS,
    STATES_MAX,
    Counted,
    Formula,
    Joined,
    Opaque,
    Opposite,
    Said,
    TextSet,
    Undecided,
    below,
    containing,
    ending,
    exact,
    find,
    fitting,
    paths_fitting,
    starting,
)
from governance.rules.matchers import Matcher
from governance.rules.operators import build_matcher
from governance.rules.paths import Places

SAMPLES_MAX: Final = 8
"""Texts of one operator that are tried before all of its texts are looked at."""

_LENGTH: Final = FactSpec("length", "int", ALL_EVENTS, "")
_BEGIN_OF_DAY: Final = "00:00:00"
_OF_WHOLE: Final = frozenset({"every", "length", "exists"})


@frozen
class Nothing:
    """No value at all can be, for certain."""


@frozen
class Unsure:
    """Whether there is a value is not known."""


NOTHING: Final = Nothing()
UNSURE: Final = Unsure()


def some_value(
    matchers: Sequence[Matcher], places: Places, *, states_max: int = STATES_MAX
) -> object:
    """
    A value that each of *matchers* accepts, `NOTHING`, or `UNSURE`.

    All are of one fact; of a list the value is one element. What is given was tried with the
    matchers themselves.
    """
    spec = matchers[0].spec
    finite = _candidates(matchers)
    if finite is not None:
        results = [(one, _accepted(matchers, one)) for one in finite]
        for value, result in results:
            if result is True:
                return value
        certain = spec.kind != "program" and all(result is False for _, result in results)
        return NOTHING if certain else UNSURE
    if spec.element != "str":
        return UNSURE
    every = any("every" in _operators(one.raw) for one in matchers)
    for one in () if every else matchers:
        for sample in _samples(one.raw, spec, places):
            if _accepted(matchers, sample) is True:
                return sample
    found = find(_formula(matchers, places), states_max=states_max)
    if isinstance(found, Undecided):
        return UNSURE
    if found is None:
        return NOTHING if _certain(matchers) else UNSURE
    return found if _accepted(matchers, found) is True else UNSURE


def implied(by: Sequence[Matcher], matcher: Matcher, places: Places) -> bool:
    """Whether *matcher* certainly holds wherever all *by*, which are of the same fact, do."""
    if any(one.raw == matcher.raw for one in by):
        return True
    spec = matcher.spec
    if not by or (all(one.on_missing for one in by) and not matcher.on_missing):
        return False
    if _asks_whole(matcher):
        return False
    # The elements that two matchers of a list single out may differ, as may the two forms
    # of a path by which they hold.
    groups = [[one] for one in by] if spec.is_list or spec.kind == "path" else [list(by)]
    return any(_covered(group, matcher, places) for group in groups)


def _covered(by: Sequence[Matcher], matcher: Matcher, places: Places) -> bool:
    spec = matcher.spec
    finite = _candidates(by, (matcher.raw,))
    if finite is not None:
        if spec.kind == "program" and _negates(matcher.raw):
            return False
        return all(
            matcher.test_element(one, {}, False) is True
            for one in finite
            if _accepted(by, one) is not False
        )
    if spec.element != "str" or spec.kind == "program" or not _certain([*by, matcher]):
        return False
    other = Opposite(_formula([matcher], places))
    return find(Joined((_formula(by, places), other))) is None


def _accepted(matchers: Sequence[Matcher], value: object) -> bool | None:
    """Whether all accept *value*; ``None``: that cannot be told."""
    results = [one.test_element(value, {}, False) for one in matchers]
    if any(one is False for one in results):
        return False
    return True if all(one is True for one in results) else None


def _asks_whole(matcher: Matcher) -> bool:
    raw = matcher.raw
    if not isinstance(raw, Mapping):
        return False
    asked = set(_operators(raw))
    return "exists" in asked or (matcher.spec.is_list and not asked.isdisjoint(_OF_WHOLE))


def _operators(raw: object) -> Iterator[str]:
    if isinstance(raw, Mapping):
        for name, value in raw.items():
            yield str(name)
            yield from _operators(value)


def _negates(raw: object) -> bool:
    return "not" in _operators(raw)


# Where answers can change ---------------------------------------------------------------


def _candidates(
    matchers: Sequence[Matcher], further: Iterable[object] = ()
) -> Sequence[object] | None:
    """Values of which one is accepted if any is; ``None``: no list has them all."""
    spec = matchers[0].spec
    if spec.values is not None:
        return list(spec.values)
    if spec.element == "bool":
        return [True, False]
    raws = [*(one.raw for one in matchers), *further]
    if spec.element in ("int", "float"):
        return _numbers(sorted({one for raw in raws for one in _literals(raw)}), spec.element)
    if spec.element == "time":
        times = {_BEGIN_OF_DAY, *(one.isoformat() for raw in raws for one in _times(raw))}
        return sorted(times)
    listed = [found for one in matchers if (found := _exact(one.raw, one.spec)) is not None]
    return min(listed, key=len) if listed else None


def _numbers(bounds: Sequence[int | float], element: str) -> Sequence[object]:
    """Every bound, and a number in each gap between them."""
    if not bounds:
        return [0]
    if element == "int":
        near = {int(one) + step for one in bounds for step in (-1, 0, 1)}
        return sorted(near)
    between = [left + (right - left) / 2 for left, right in pairwise(bounds)]
    return [bounds[0] - 1, *bounds, *between, bounds[-1] + 1]


def _literals(raw: object) -> Iterator[int | float]:
    if isinstance(raw, bool):
        return
    if isinstance(raw, (int, float)):
        yield raw
    elif isinstance(raw, (list, Mapping)):
        for one in raw.values() if isinstance(raw, Mapping) else raw:
            yield from _literals(one)


def _times(raw: object) -> Iterator[time]:
    if isinstance(raw, time):
        yield raw
    elif isinstance(raw, (list, Mapping)):
        for one in raw.values() if isinstance(raw, Mapping) else raw:
            yield from _times(one)


def _exact(raw: object, spec: FactSpec) -> list[object] | None:
    """The texts of which one must be there; ``None``: it may be any. A path is no such text."""
    if spec.kind == "path":
        return None
    if isinstance(raw, Mapping):
        for name in ("equals", "in"):
            if name in raw:
                return _exact(raw[name], spec)
        return None
    listed = raw if isinstance(raw, list) else [raw]
    try:
        return [_normal(one, spec) for one in listed if isinstance(one, str)]
    except PatternError:
        return None


def _normal(text: str, spec: FactSpec) -> str:
    return normal_domain(text) if spec.kind == "domain" else composed(text)


# Texts ----------------------------------------------------------------------------------


def _formula(matchers: Iterable[Matcher], places: Places) -> Formula:
    parts: list[Formula] = [_said(one.raw, one.spec, places) for one in matchers]
    if any(one.spec.kind == "path" for one in matchers):
        parts.append(Said(PATHS))
    return Joined(tuple(parts))


def _said(raw: object, spec: FactSpec, places: Places) -> Formula:
    """What *raw* says of one text; on a path, of its absolute form."""
    if not isinstance(raw, Mapping):
        return _operator("in", raw, spec, places)
    return Joined(tuple(_operator(name, one, spec, places) for name, one in raw.items()))


def _operator(name: str, raw: object, spec: FactSpec, places: Places) -> Formula:
    if name == "not":
        whole = spec.is_list and not set(_operators(raw)).isdisjoint(_OF_WHOLE)
        return Opaque(f"not {raw!r}") if whole else Opposite(_said(raw, spec, places))
    if name == "every":
        return _said(raw, spec, places)
    if name == "exists":
        return ALWAYS if raw is True or spec.is_list else Opposite(ALWAYS)
    if name == "length":
        return ALWAYS if spec.is_list else _length(raw, places)
    texts = [composed(one) for one in (raw if isinstance(raw, list) else [raw]) if type(one) is str]
    try:
        found = _set_of(name, texts, spec, places)
    except PatternError:
        found = None
    return Opaque(f"{name} {raw!r}") if found is None else Said(found)


def _set_of(name: str, texts: list[str], spec: FactSpec, places: Places) -> TextSet | None:
    if spec.kind == "path":
        if name in ("equals", "in"):
            return exact(one for text in texts for one in places.spellings(text))
        if name == "glob":
            return paths_fitting(places.rooted(texts))
        if name == "path_under":
            return below(places.folders(texts))
        texts = [places.fold(one) for one in texts]
    elif spec.kind == "domain" and name == "domain_in":
        return _domains(normal_pattern(one) for one in texts)
    elif name in ("equals", "in"):
        return exact(_normal(one, spec) for one in texts)
    elif name == "glob":
        return fitting(one.lower() if spec.kind == "domain" else one for one in texts)
    elif spec.kind == "domain":
        texts = [one.lower() for one in texts]
    make: Callable[[Iterable[str]], TextSet] | None = _PLAIN.get(name)
    return make(texts) if make else None


_PLAIN: Final[Mapping[str, Callable[[Iterable[str]], TextSet]]] = {
    "starts_with": starting,
    "ends_with": ending,
    "contains": containing,
}


def _domains(patterns: Iterable[str]) -> TextSet:
    made = TextSet()
    begin = made.run(0)
    for one in patterns:
        made.end(made.text(begin if one.startswith(".") else 0, one))
    return made


def _samples(raw: object, spec: FactSpec, places: Places) -> Iterator[str]:
    """A few texts that may fit *raw*: the simplest way to meet each of its operators."""
    table = raw if isinstance(raw, Mapping) else {"in": raw}
    for name, value in table.items():
        texts = value if isinstance(value, list) else [value]
        for text in [one for one in texts if isinstance(one, str)][:SAMPLES_MAX]:
            yield from _simplest(str(name), composed(text), spec, places)


def _simplest(name: str, text: str, spec: FactSpec, places: Places) -> Iterator[str]:
    starts: Iterable[str] = [text]
    if spec.kind == "path":
        try:
            if name == "glob":
                starts = places.rooted([text])
            elif name in ("equals", "in", "path_under"):
                starts = places.folders([text])
        except PatternError:
            return
    elif name in ("glob", "domain_in"):
        try:
            starts = expand_braces(text)
        except PatternError:
            return
    for one in starts:
        if name in ("glob", "domain_in"):
            plain = one.replace("/**/", "/").replace("**", "x")
            yield plain.replace("*", "x")
            yield plain.replace("*", "")
        elif name == "path_under":
            yield one.rstrip("/") + "/x"
        elif name in ("contains", "ends_with") and spec.kind == "path":
            yield "/" + one.strip("/")
            yield "/x" + one
        elif name in ("equals", "in", "starts_with", "contains", "ends_with"):
            yield one


def _length(raw: object, places: Places) -> Formula:
    wrong: list[Problem] = []
    test = build_matcher(_LENGTH, raw, variables={}, places=places, path=(), report=wrong.append)
    bound = max((int(one) for one in _literals(raw)), default=0) + 2
    if test is None or bound > LENGTH_MAX:
        return Opaque(f"length {raw!r}")
    return Counted(lambda count: test.test_element(count, {}, False) is True, bound)


def _certain(matchers: Iterable[Matcher]) -> bool:
    """
    Whether what was found of *matchers* holds wherever a project lies.

    The root, the home and the project are three places, of which one may lie in another.
    """
    starts = {
        start
        for one in matchers
        if one.spec.kind == "path"
        for text in texts_in(one.raw)
        for start in _starts(text)
    }
    return len(starts) <= 1


def _starts(text: str) -> Iterator[str]:
    if text.startswith("{"):
        yield from ("~", "/", "")
    else:
        yield text[:1] if text[:1] in ("~", "/") else ""


def texts_in(raw: object) -> Iterator[str]:
    """Every text in the raw condition *raw*, however deep."""
    if isinstance(raw, str):
        yield raw
    elif isinstance(raw, (list, Mapping)):
        for one in raw.values() if isinstance(raw, Mapping) else raw:
            yield from texts_in(one)
