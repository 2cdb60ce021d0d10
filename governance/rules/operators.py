"""
Operators: what a matcher may ask of one fact, checked when it is built.

`build_matcher` is the one door: it gives a `Matcher`, or reports every problem it found
and gives none.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import time

from governance.errors import did_you_mean
from governance.rules.building import Builder, Made, Operator, found_text
from governance.rules.domains import domain_test, normal_domain, normal_pattern
from governance.rules.format import PATTERN_SETS
from governance.rules.globs import Fit, PatternError, expand_braces, path_test, text_glob
from governance.rules.kleene import Truth, all_of, any_of, negated
from governance.rules.matchers import (
    ELEMENTS_MAX,
    MAY_FAIL_COST,
    Hosted,
    Matcher,
    Test,
    World,
)
from governance.rules.partial import (
    could_be_host,
    could_end,
    could_equal,
    could_fit,
    could_start,
    opposite,
)
from governance.rules.paths import Places, under_test
from governance.rules.vocabulary import MISSING, FactSpec, Place, Report, Unknown

_COMPARE: Mapping[str, Callable[..., bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


def build_matcher(
    spec: FactSpec,
    raw: object,
    *,
    variables: Mapping[str, object],
    places: Places,
    path: Place,
    report: Report,
) -> Matcher | None:
    """
    The matcher that *raw* describes, or ``None`` after every problem was reported.

    *raw* is a value (equals), an array (any of) or a table of operators (all hold);
    ``{ var = "x" }`` stands for any of them.
    """
    builder = Builder(spec, variables, places, report, _OPERATORS)
    made = builder.build(raw, path, 0)
    if builder.problems:
        return None
    fold = None if spec.kind != "path" or places.case_sensitive else places.fold
    return Matcher(
        spec,
        builder.shown(raw),
        path,
        made.on_missing,
        made.cost,
        _join(made.element),
        tuple(made.whole),
        made.hosted,
        fold,
        () if made.on_missing else tuple(made.wanted),
    )


def _join(tests: list[Test]) -> Test | None:
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda value: all_of(test(value) for test in tests)


# The operators themselves -------------------------------------------------------------
#
# Each adds its test to *made*, or reports what is wrong with its value.


def _equals(make: Builder, value: object, path: Place, made: Made) -> None:
    if isinstance(value, (list, Mapping)):
        make.fail("GOV224", f"`equals` takes one value, not {found_text(value)}", path)
    else:
        _in(make, [value], path, made, alone=True)


def _in(
    make: Builder,
    value: object,
    path: Place,
    made: Made,
    alone: bool = False,
) -> None:
    if not isinstance(value, list):
        make.fail("GOV224", f"`in` takes an array, not {found_text(value)}", path)
        return
    if not value:
        make.fail("GOV229", f"an empty array can never hold for `{make.spec.name}`", path)
        return
    failed = make.problems
    values: list[object] = []
    for index, one in enumerate(value):
        here = path if alone else (*path, index)
        before = make.problems
        given = make.resolved(one, here)
        found = make.scalar(given, here) if make.problems == before else None
        if found is not None:
            values.append(found)
    if make.problems > failed:
        return
    if make.spec.kind == "path":
        paths: set[str] = set()
        for index, one in enumerate(values):
            try:
                paths |= make.places.spellings(str(one))
            except PatternError as error:
                make.pattern_failed(error, path if alone else (*path, index), str(one))
        made.wanted.append(("exact", tuple(paths)))
        could = could_equal(map(make.fold, map(str, values)), path=True)
        make.add(made, paths.__contains__, could)
        return
    if make.spec.kind == "domain":
        for index, one in enumerate(values):
            try:
                values[index] = normal_domain(str(one))
            except PatternError as error:
                make.pattern_failed(error, path if alone else (*path, index), "")
        if make.problems > failed:
            return
    could = could_equal(values, path=False)
    made.wanted.append(("exact", values))
    if len(values) == 1:
        only = values[0]
        make.add(made, lambda tested: tested == only, could)
    else:
        make.add(made, frozenset(values).__contains__, could)


def _some(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda value: any_of(test(value) for test in tests)


def _not(make: Builder, value: object, path: Place, made: Made) -> None:
    inner = make.build(value, path, made.depth + 1)
    if inner.whole and inner.element:
        message = "`not` over both the list and its elements could mean two things"
        make.fail("GOV223", message, path, "write two `not`s, in `any` or in two rules")
    made.on_missing = made.on_missing and not inner.on_missing
    made.cost = max(made.cost, inner.cost)
    made.hosted = made.hosted or inner.hosted
    if inner.whole:
        tests = tuple(inner.whole)
        made.whole.append(
            lambda whole, world, strict: negated(
                all_of(test(whole, world, not strict) for test in tests)
            )
        )
    joined = _join(inner.element)
    if joined is not None:
        made.element.append(
            opposite(joined) if make.spec.partial else lambda tested: negated(joined(tested))
        )


def _every(make: Builder, value: object, path: Place, made: Made) -> None:
    inner = make.build(value, path, made.depth + 1)
    if inner.whole:
        make.fail("GOV223", "`every` is asked of elements, which are no lists", path)
        return
    matcher = Matcher(
        make.spec, value, path, False, 0, _join(inner.element), (), inner.hosted,
        make.places.fold if make.spec.kind == "path" else None,
    )  # fmt: skip
    made.cost = max(made.cost, inner.cost)
    made.wanted += inner.wanted

    def test(whole: object, world: World, strict: bool) -> Truth:
        assert isinstance(whole, (list, tuple))  # INVARIANT: `Matcher.test` has looked
        results = [matcher.test_element(one, world, strict) for one in whole[:ELEMENTS_MAX]]
        if len(whole) > ELEMENTS_MAX:
            results.append(Unknown(f"more than {ELEMENTS_MAX} elements"))
        return all_of([bool(whole), *results])

    made.whole.append(test)


def _length(make: Builder, value: object, path: Place, made: Made) -> None:
    counted = FactSpec(f"{make.spec.name}.length", "int", make.spec.events, "", low=0)
    inner = Builder(counted, make.variables, make.places, make.report, make.table)
    parts = inner.build(value, path, made.depth + 1)
    make.problems += inner.problems
    test = _join(parts.element)
    if test is None or inner.problems:
        return
    counts = test
    if make.spec.is_list:
        made.whole.append(lambda whole, *_: _counted(whole, counts))
    else:
        make.add(made, lambda tested: counts(len(tested)), sure=False)


def _exists(make: Builder, value: object, path: Place, made: Made) -> None:
    if type(value) is not bool:
        make.fail("GOV224", f"`exists` is true or false, not {found_text(value)}", path)
        return
    made.on_missing = made.on_missing and not value
    present = bool(value)
    if make.spec.is_list:
        # A command that touches nothing has no paths, as a tool that touches none.
        filled = make.spec.partial
        made.whole.append(lambda whole, *_: _present(whole, present) if filled else present)
    else:
        made.element.append(lambda _: present)


def _open_end(whole: Sequence[object]) -> Unknown | None:
    """Why more elements may belong to *whole* than stand in it, if that is so."""
    return next((one for one in whole if isinstance(one, Unknown) and one.more), None)


def _counted(whole: Sequence[object], counts: Test) -> Truth:
    """Whether *counts* holds of the number of elements."""
    end = _open_end(whole)
    return counts(len(whole)) if end is None else end


def _present(whole: Sequence[object], wanted: bool) -> Truth:
    """Whether *whole* has an element, or has none, as *wanted*."""
    if any(not (isinstance(one, Unknown) and one.more) for one in whole):
        return wanted
    end = _open_end(whole)
    return (not wanted) if end is None else end


def _glob(make: Builder, value: object, path: Place, made: Made) -> None:
    texts = make.texts(value, path, "glob") or []
    for index, text in enumerate(texts):
        make.begins(text, make.at(value, index, path), part=make.spec.kind != "path")
    if make.spec.kind == "domain":
        texts = [make.fold(one) for one in texts]
    if not texts:
        return
    try:
        could = could_fit(map(make.fold, texts), path=make.spec.kind == "path")
        if make.spec.kind == "path":
            globs = make.places.rooted(texts)
            make.add(made, path_test(*globs), could)
        else:
            globs = tuple(one for text in texts for one in expand_braces(text))
            make.add(made, _text_test(*texts), could)
        made.wanted.append(("glob", globs))
        made.cost = max(made.cost, 1)
    except PatternError:
        for index, text in enumerate(texts):
            _report_glob(make, text, make.at(value, index, path))


def _report_glob(make: Builder, text: str, path: Place) -> None:
    """Report what is wrong with one of several globs, if it is this one."""
    try:
        (make.places.glob if make.spec.kind == "path" else _text_test)(text)
    except PatternError as error:
        make.pattern_failed(error, path, text)


def _text_test(*globs: str) -> Test:
    return Fit("|".join(map(text_glob, globs)))


_BEGINS = r"(?:\(\?[A-Za-z]+\))?\^([\w~/])(?!:)"
"""A pattern of which it is certain with what sign a text begins that it fits."""


def _regex(make: Builder, value: object, path: Place, made: Made) -> None:
    from governance.rules.patterns import PatternRefused, compile_pattern

    tests: list[Test] = []
    sensitive = make.spec.kind != "path" or make.places.case_sensitive
    # The flag stands in the pattern itself, so that whoever looks rules up by it has it too.
    flags = "(?i)" if make.spec.kind == "domain" else ""
    texts = make.texts(value, path, "pattern") or []
    for index, text in enumerate(texts):
        here = make.at(value, index, path)
        begin = re.match(_BEGINS, text)
        if begin and "|" not in text:
            make.begins(begin[1], here, part=True)
        try:
            search = compile_pattern(flags + text, case_sensitive=sensitive).search
        except PatternRefused as error:
            make.fail("GOV227", f"RE2 refuses `{text}`: {error}", here, _mend_of(str(error)))
        else:
            tests.append(_searching(search))
    if tests:
        make.add(made, _some(tests))
        made.wanted.append(("pattern", [flags + one for one in texts]))
        made.cost = max(made.cost, MAY_FAIL_COST)


def _mend_of(refusal: str) -> str:
    """What to write instead of a pattern that RE2 refused with these words."""
    if "perl operator" in refusal or "escape sequence" in refusal:
        return "look-around and back-references do not exist in RE2"
    if "repetition size" in refusal:
        return "what is repeated is so 1000 times at most, one repetition within another counted"
    return "a sign that is meant as itself has a backslash before it, as `\\\\(`"


def _searching(search: Callable[[str], object]) -> Test:
    return lambda text: search(text) is not None


def _contains(make: Builder, value: object, path: Place, made: Made) -> None:
    texts = [make.fold(one) for one in make.texts(value, path, "text") or ()]
    made.wanted.append(("text", texts))
    if len(texts) == 1:
        only = texts[0]
        make.add(made, lambda text: only in text)
    elif texts:
        make.add(made, lambda text: any(one in text for one in texts))


def _starts_with(make: Builder, value: object, path: Place, made: Made) -> None:
    texts = make.texts(value, path, "text") or ()
    for index, text in enumerate(texts):
        make.begins(text, make.at(value, index, path), part=True)
    starts = tuple(make.fold(one) for one in texts)
    could = None if make.spec.kind == "path" else could_start(starts)
    made.wanted.append(("prefix", starts))
    make.add(made, lambda text: text.startswith(starts), could)


def _ends_with(make: Builder, value: object, path: Place, made: Made) -> None:
    ends = tuple(make.fold(one) for one in make.texts(value, path, "text") or ())
    made.wanted.append(("suffix", ends))
    make.add(made, lambda text: text.endswith(ends), could_end(ends))


def _path_under(make: Builder, value: object, path: Place, made: Made) -> None:
    if make.spec.kind != "path":
        message = f"`{make.spec.name}` is no path"
        make.fail("GOV223", message, path, "use `starts_with`, or a fact that is a path")
        return
    texts = make.texts(value, path, "folder")
    if texts is None:
        return
    folders: frozenset[str] = frozenset()
    for index, text in enumerate(texts):
        try:
            folders |= make.places.folders([text])
        except PatternError as error:
            make.pattern_failed(error, make.at(value, index, path), text)
    made.wanted.append(("under", tuple(folders)))
    make.add(made, under_test(folders))


def _domain_in(make: Builder, value: object, path: Place, made: Made) -> None:
    texts = make.texts(value, path, "domain")
    failed = make.problems
    patterns: list[str] = []
    for index, text in enumerate(texts or ()):
        try:
            patterns.append(normal_pattern(text))
        except PatternError as error:
            here = make.at(value, index, path)
            make.fail("GOV224", str(error), here, "as `example.com` or `*.example.com`")
    if texts is None or make.problems > failed:
        return
    test = domain_test(texts)
    made.wanted.append(("domain", patterns))
    if make.spec.kind == "domain":
        make.add(made, test, could_be_host(texts))
        return
    made.hosted = True

    def of_address(tested: object) -> Truth:
        assert isinstance(tested, Hosted)  # INVARIANT: `Matcher.test_element` has split it
        return tested.host if isinstance(tested.host, Unknown) else test(tested.host)

    made.element.append(of_address)


def _detect(make: Builder, value: object, path: Place, made: Made) -> None:
    from governance.rules.detect import detector

    names = make.texts(value, path, "pattern set") or []
    failed = make.problems
    for index, name in enumerate(names):
        if name not in PATTERN_SETS:
            hint = did_you_mean(name, PATTERN_SETS) or "they are " + ", ".join(PATTERN_SETS)
            here = make.at(value, index, path)
            make.fail("GOV225", f"unknown pattern set `{name}`", here, hint)
    if make.problems > failed:
        return
    tests: list[Test] = [detector(name) for name in names]
    if tests:
        make.add(made, _some(tests))
        made.cost = max(made.cost, 4)


def _compared(name: str) -> Operator:
    compare = _COMPARE[name]

    def build(make: Builder, value: object, path: Place, made: Made) -> None:
        bound = make.scalar(value, path)
        if bound is None:
            return
        spec = make.spec
        if bound == {"lt": spec.low, "gt": spec.high}.get(name, MISSING):
            end = "below" if name == "lt" else "above"
            make.fail("GOV226", f"`{spec.name}` is never {end} {bound}", path)
        made.element.append(lambda tested: compare(tested, bound))

    return build


def _between(make: Builder, value: object, path: Place, made: Made) -> None:
    if not isinstance(value, list) or [type(one) for one in value] != [time, time]:
        mend = "as `[18:00:00, 08:00:00]`"
        make.fail("GOV224", "`between` takes two times of day", path, mend)
        return
    start, end = (one.isoformat() for one in value)
    if start == end:
        make.fail("GOV226", "no time lies between two equal times", path)
    elif start < end:
        made.element.append(lambda now: start <= now < end)
    else:
        made.element.append(lambda now: now >= start or now < end)


_OPERATORS: Mapping[str, Operator] = {
    "equals": _equals,
    "in": _in,
    "not": _not,
    "every": _every,
    "length": _length,
    "exists": _exists,
    "glob": _glob,
    "regex": _regex,
    "contains": _contains,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "path_under": _path_under,
    "domain_in": _domain_in,
    "detect": _detect,
    "lt": _compared("lt"),
    "lte": _compared("lte"),
    "gt": _compared("gt"),
    "gte": _compared("gte"),
    "between": _between,
}
