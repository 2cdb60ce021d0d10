"""
Values that a matcher may be met or missed by: what coverage and the smallest change try.

They are taken from what stands in rules: words that matchers ask for, and the values of
examples. Nothing is promised of any of them; whoever uses one decides with it and looks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from governance.rules.fact_table import DOMAINS_OF, FAMILIES, READS_OF, REMOVES_OF, WRITES_OF
from governance.rules.format import Example, Rule
from governance.rules.globs import PatternError, expand_braces

SIGNS_MAX = 400
"""Signs of a text by which it is compared with others."""

LENGTH_MAX = 2_000
"""Characters of a text that is made to be of some length."""

WORDS_MAX = 60
"""Words of a text of which each is left out in turn."""

BRACES_MAX = 20
"""Patterns that one pattern with braces stands for and that are looked at."""

ELEMENTS_MAX = 200
"""Elements of one list in a rule that are looked at."""

FAR_FETCHED = 24
"""What a change counts more that no author would think of."""

NESTED = ("shell", "flows_to")
"""Matchers that are tables of matchers themselves, of one command of a line."""

_READ_OFF: Mapping[str, Mapping[str, str]] = {
    "reads": READS_OF,
    "writes": WRITES_OF,
    "removes": REMOVES_OF,
    "domains": DOMAINS_OF,
}
_FLAGS = ("flags_any", "flags_all", "flags_none")
_CLASS = re.compile(r"\[!?(.)[^\]]*\]")


def literals(raw: object) -> Iterator[object]:
    """
    Values that the matcher *raw* speaks of, in the order in which they stand in it.

    >>> list(literals({"starts_with": "git"})), list(literals({"gt": 3}))
    (['git', 'git x'], [2, 3, 4])
    """
    if isinstance(raw, Mapping):
        for operator, value in raw.items():
            yield from _by_operator(str(operator), value)
    elif isinstance(raw, (list, tuple)):
        for one in raw[:ELEMENTS_MAX]:
            yield from literals(one)
    elif isinstance(raw, bool):
        yield from (raw, not raw)
    else:
        yield raw


def _by_operator(operator: str, value: object) -> Iterator[object]:
    if operator == "length":
        for bound in _numbers(value):
            yield from ("x" * size for size in (bound - 1, bound, bound + 1) if size > 0)
    elif operator in ("lt", "lte", "gt", "gte") and isinstance(value, (int, float)):
        yield from (value - 1, value, value + 1)
    elif operator in ("regex", "detect", "exists"):
        return
    elif operator in ("not", "every", "equals", "in"):
        yield from literals(value)
    else:
        for text in value[:ELEMENTS_MAX] if isinstance(value, (list, tuple)) else [value]:
            if isinstance(text, str):
                yield from _fitting(operator, text)
            else:
                yield text


def _fitting(operator: str, text: str) -> Iterator[str]:
    """Texts that the operator may hold for, the plainest first."""
    match operator:
        case "glob":
            yield from filled(text)
        case "path_under":
            yield from (f"{text.rstrip('/')}/a", text)
        case "domain_in":
            yield text.replace("*", "a")
        case "starts_with":
            yield from (text, f"{text} x" if not text.endswith("/") else f"{text}x")
        case "ends_with":
            yield from (text, f"x{text}")
        case _:
            yield text


def filled(glob: str) -> Iterator[str]:
    """Paths or names that *glob* takes: `**` as no folder and as one, `*` as a letter."""
    try:
        plain = expand_braces(glob)[:BRACES_MAX]
    except PatternError:
        return
    for deep in ("", "a/"):
        for one in plain:
            made = _CLASS.sub(r"\1", one).replace("?", "a").replace("**/", deep)
            made = made.removesuffix("**") + "a" if made.endswith("**") else made
            yield made.replace("**", "a").replace("*", "a")


def _numbers(value: object) -> Iterator[int]:
    for one in literals(value):
        if isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= LENGTH_MAX:
            yield one


def command_lines(table: Mapping[str, object]) -> Iterator[str]:
    """Command lines that a `shell` table may be met by, put together from its words."""

    def words(key: str) -> list[str]:
        found = [one for one in literals(table.get(key, ())) if isinstance(one, str) and one]
        return list(dict.fromkeys(found))

    programs = words("program") or ["x"]
    subcommands = words("subcommand") or [""]
    flags = [one for key in _FLAGS for one in words(key)] or [""]
    operands = [one for key in ("words", "arguments", "removes", "reads") for one in words(key)]
    for program in programs[:5]:
        for subcommand in subcommands[:5]:
            for flag in ("", *flags[:10]):
                for operand in ("", *operands[:5]):
                    parts = (program, subcommand, flag, operand)
                    yield " ".join(one for one in parts if one)


def spoken_of(condition: Mapping[str, object], tool: str) -> Iterator[tuple[str, object]]:
    """
    Own facts of a call of *tool*, each with a value that *condition* speaks of.

    What is read off a call stands for what it is read off: `domains` for the address.
    """
    for name, raw in condition.items():
        if name in NESTED:
            for table in raw if isinstance(raw, list) else [raw]:
                if isinstance(table, Mapping):
                    yield from (("command", line) for line in command_lines(table))
        elif name in FAMILIES and isinstance(raw, Mapping):
            for member, inner in raw.items():
                yield from ((f"{name}.{member}", one) for one in literals(inner))
        else:
            fact = _source_of(name, tool)
            for one in literals(raw):
                value = f"https://{one}/" if fact == "url" and name == "domains" else one
                yield fact, value


def _source_of(fact: str, tool: str) -> str:
    table = _READ_OFF.get(fact, {})
    return table.get(tool, fact)


def conditions_of(rule: Rule) -> tuple[Mapping[str, object], ...]:
    """The tables of matchers of *rule*."""
    return tuple(one for one in (rule.when, *rule.any, rule.unless) if one)


def examples_of(rules: Iterable[Rule]) -> Iterator[Example]:
    """Every example of *rules* that they are held to; how they are got round is told by none."""
    for rule in rules:
        yield from (*rule.must_match, *rule.must_not_match)


def edited(fact: str, value: object) -> Iterator[tuple[object, int]]:
    """
    *value* with a little less in it, or something else in its place; and how far-fetched.
    """
    if isinstance(value, bool):
        yield not value, 0
    elif isinstance(value, (int, float)):
        yield from ((value - 1, 0), (value + 1, 0))
    elif isinstance(value, str):
        words = value.split(" ")
        if 1 < len(words) <= WORDS_MAX:
            for at in range(len(words)):
                yield " ".join((*words[:at], *words[at + 1 :])), 0
        folder, slash, name = value.rpartition("/")
        if slash and name and fact in ("path", "url"):
            yield from ((f"{folder}/x", 0), (name, 0))
        yield from ((one, FAR_FETCHED) for one in ("", "x", f"x{value}", f"{value}x"))


def distance(left: object, right: object) -> int:
    """
    How far apart two values are: signs of one that do not stand in the other, and more for
    each word of one that is none of the other.

    >>> distance("git push -f", "git push") < distance("git push -f", "git push -n")
    True
    """
    if not isinstance(left, str) or not isinstance(right, str):
        return 0 if left == right else 1
    from difflib import SequenceMatcher

    left, right = left[:SIGNS_MAX], right[:SIGNS_MAX]
    near = SequenceMatcher(None, left, right, autojunk=False)
    same = sum(block.size for block in near.get_matching_blocks())
    words = Counter(left.split(" "))
    words.subtract(right.split(" "))
    others = sum(abs(count) for count in words.values())
    return _WORD * others + len(left) + len(right) - 2 * same


_WORD = 8
