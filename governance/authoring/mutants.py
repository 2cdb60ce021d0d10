"""
Small faults put into a rule on purpose: one change each, made in the table as it was read.

The tables are changed and nothing else, so a fact or a key that the language gains later is
changed as well. What no longer is a rule, the loader refuses; nobody has to know here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import time
from typing import TypeAlias

from governance._attrs import frozen
from governance.authoring.values import ELEMENTS_MAX, NESTED
from governance.rules.explain import shown
from governance.rules.fact_table import FAMILIES
from governance.rules.format import parse_duration

Path: TypeAlias = "tuple[str | int, ...]"

HISTORY = ("requires", "forbids", "limit")
"""Keys of a rule that speak of the past."""

_BOUNDS = {"lt": "lte", "lte": "lt", "gt": "gte", "gte": "gt"}
_NEEDED = frozenset({"tools", "on", "max", "per", "label", "file", "when", "any"})
_DAY_MINUTES = 24 * 60


@frozen
class Mutant:
    """
    A rule with one fault.

    Attributes:
        kind: ``rule``, ``negated``, ``matcher``, ``bound``, ``alternative``, ``excuse``,
            ``history``; ``element``: one of the values of a list.

        change: What was done, as a sentence's end: ``without `unless```.

        path: Where in the rule.

        table: The rule as it stands now; ``None``: it is not there.
    """

    kind: str
    change: str
    path: Path
    table: Mapping[str, object] | None


def mutants_of(rule: Mapping[str, object]) -> Iterator[Mutant]:
    """Every fault that is put into *rule*, a ``[[rule]]`` table with its variables put in."""
    yield Mutant("rule", "without the rule", (), None)
    yield from _elements(rule, ("tools",), rule.get("tools"))
    for path, condition in _conditions(rule):
        yield from _of_condition(rule, path, condition)
    alternatives = rule.get("any")
    if isinstance(alternatives, list) and len(alternatives) > 1:
        for index in range(len(alternatives)):
            # Another takes its place: two alternatives there have to be.
            other = alternatives[index - 1]
            changed = [*alternatives[:index], other, *alternatives[index + 1 :]]
            words = f"without the alternative `any.{index}`"
            yield Mutant("alternative", words, ("any", index), {**rule, "any": changed})
    if "unless" in rule:
        rest = {name: value for name, value in rule.items() if name != "unless"}
        yield Mutant("excuse", "without `unless`", ("unless",), rest)
    for name in HISTORY:
        if name in rule:
            yield from _of_history(rule, (name,), rule[name])


def _conditions(rule: Mapping[str, object]) -> Iterator[tuple[Path, Mapping[str, object]]]:
    """Every table of matchers, those of past events and of single commands among them."""
    waiting: list[tuple[Path, object]] = [(("when",), rule.get("when"))]
    waiting.append((("unless",), rule.get("unless")))
    for name in ("any", *HISTORY):
        waiting += _tables_below((name,), rule.get(name))
    while waiting:
        path, table = waiting.pop(0)
        if isinstance(table, Mapping) and table:
            yield path, table
            for name in (*NESTED, *FAMILIES):
                inner = table.get(name)
                if isinstance(inner, Mapping) and not inner.keys() & {"not", "exists"}:
                    waiting.append(((*path, name), inner))
                elif isinstance(inner, list):
                    waiting += [((*path, name, at), one) for at, one in enumerate(inner)]


def _tables_below(path: Path, value: object) -> list[tuple[Path, object]]:
    if path[0] == "any" and len(path) == 1:
        return [
            (("any", at), one) for at, one in enumerate(value if isinstance(value, list) else ())
        ]
    if isinstance(value, list):
        return [one for at, each in enumerate(value) for one in _tables_below((*path, at), each)]
    if not isinstance(value, Mapping):
        return []
    found: list[tuple[Path, object]] = [((*path, "when"), value.get("when"))]
    for name in ("any", "of", "not_since"):
        found += _tables_below((*path, name), value.get(name))
    return found


def _of_condition(
    rule: Mapping[str, object], path: Path, condition: Mapping[str, object]
) -> Iterator[Mutant]:
    for name, raw in condition.items():
        place = (*path, name)
        if name in FAMILIES:
            continue
        words = f"`{dotted(place)}` = {shown(raw)}"
        if name not in NESTED:
            yield Mutant("negated", f"with {words} negated", place, put(rule, place, negated(raw)))
        if len(condition) > 1:
            yield Mutant("matcher", f"without {words}", place, put(rule, place))
        elif path == ("when",):
            yield Mutant("matcher", f"without {words}", place, put(rule, path))
        if name in NESTED:
            yield from _elements(rule, place, raw)
        else:
            yield from _inside(rule, place, raw)


def negated(raw: object) -> object:
    """The matcher that holds where *raw* does not."""
    if isinstance(raw, bool):
        return not raw
    if isinstance(raw, Mapping):
        if raw.keys() == {"not"}:
            return raw["not"]
        if raw.keys() == {"exists"}:
            return {"exists": not raw["exists"]}
    return {"not": raw}


def _inside(rule: Mapping[str, object], path: Path, raw: object) -> Iterator[Mutant]:
    """Bounds moved, elements and operators taken out, in one matcher."""
    yield from _elements(rule, path, raw)
    if not isinstance(raw, Mapping):
        return
    for name, value in raw.items():
        place = (*path, name)
        if name in _BOUNDS:
            words = f"with `{dotted(place)}` = {shown(value)} as `{_BOUNDS[name]}`"
            moved = {_BOUNDS[name] if key == name else key: one for key, one in raw.items()}
            yield Mutant("bound", words, place, put(rule, path, moved))
        elif name == "between":
            yield from _span_moved(rule, place, value)
        elif name == "length" and type(value) is int:
            words = f"with `{dotted(place)}` = {value + 1}"
            yield Mutant("bound", words, place, put(rule, place, value + 1))
        else:
            yield from _inside(rule, place, value)
        if len(raw) > 1:
            words = f"without `{dotted(place)}` = {shown(value)}"
            yield Mutant("matcher", words, place, put(rule, place))


def _elements(rule: Mapping[str, object], path: Path, raw: object) -> Iterator[Mutant]:
    if not isinstance(raw, list) or len(raw) < 2:
        return
    for at, one in enumerate(raw[:ELEMENTS_MAX]):
        rest = [*raw[:at], *raw[at + 1 :]]
        if isinstance(one, Mapping):
            words = f"without the alternative `{dotted((*path, at))}`"
            yield Mutant("alternative", words, (*path, at), put(rule, path, rest))
        else:
            words = f"without {shown(one)} in `{dotted(path)}`"
            yield Mutant("element", words, (*path, at), put(rule, path, rest))


def _span_moved(rule: Mapping[str, object], path: Path, value: object) -> Iterator[Mutant]:
    if not isinstance(value, list) or len(value) != 2:
        return
    for at, one in enumerate(value):
        if isinstance(one, time):
            minutes = (one.hour * 60 + one.minute + 1) % _DAY_MINUTES
            moved = one.replace(hour=minutes // 60, minute=minutes % 60)
            words = f"with {one.isoformat()} in `{dotted(path)}` a minute later"
            changed = [moved if at == index else each for index, each in enumerate(value)]
            yield Mutant("bound", words, (*path, at), put(rule, path, changed))


def _of_history(rule: Mapping[str, object], path: Path, raw: object) -> Iterator[Mutant]:
    if len(path) == 1:
        yield Mutant("history", f"without `{dotted(path)}`", path, put(rule, path))
    if isinstance(raw, list):
        for at, one in enumerate(raw):
            if len(raw) > 1:
                words = f"without `{dotted((*path, at))}`"
                yield Mutant("history", words, (*path, at), put(rule, (*path, at)))
            yield from _of_history(rule, (*path, at), one)
        return
    if not isinstance(raw, Mapping):
        return
    for name, value in raw.items():
        place = (*path, name)
        if name == "max" and type(value) is int:
            words = f"with `{dotted(place)}` = {value + 1}"
            yield Mutant("bound", words, place, put(rule, place, value + 1))
        elif isinstance(value, str) and (seconds := parse_duration(value)) is not None:
            words = f"with `{dotted(place)}` twice as long"
            yield Mutant("bound", words, place, put(rule, place, f"{2 * seconds}s"))
        elif name == "when":
            continue
        elif name in ("of", "any"):
            yield from _of_history(rule, place, value)
        else:
            yield from _elements(rule, place, value)
        if name not in _NEEDED:
            words = f"without `{dotted(place)}` = {shown(value)}"
            yield Mutant("history", words, place, put(rule, place))


class _Gone:
    """Stands for a value that is taken out."""


_GONE = _Gone()


def put(
    table: Mapping[str, object], path: Sequence[str | int], value: object = _GONE
) -> dict[str, object]:
    """*table* with *value* at *path*, or with nothing there; *table* itself stays as it is."""
    made = _put(table, tuple(path), value)
    # INVARIANT: a path into a table gives a table.
    assert isinstance(made, dict), "a table stays a table"
    return made


def _put(inside: object, path: Path, value: object) -> object:
    key, rest = path[0], path[1:]
    if isinstance(inside, Mapping):
        made = dict(inside)
        if rest:
            made[str(key)] = _put(made[str(key)], rest, value)
        elif isinstance(value, _Gone):
            del made[str(key)]
        else:
            made[str(key)] = value
        return made
    # INVARIANT: paths are made by walking the very table.
    assert isinstance(inside, list), "a path leads through tables and arrays"
    assert isinstance(key, int), "an array is walked by numbers"
    if not rest and isinstance(value, _Gone):
        return [*inside[:key], *inside[key + 1 :]]
    changed = _put(inside[key], rest, value) if rest else value
    return [*inside[:key], changed, *inside[key + 1 :]]


def dotted(path: Sequence[str | int]) -> str:
    """*path* as an author would say it."""
    return ".".join(str(one) for one in path)
