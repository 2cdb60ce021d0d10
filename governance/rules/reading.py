"""
Reading tables strictly: every key by `KEYS`, every type exactly, every problem kept.

Nothing here stops at the first problem. What is wrong is noted in `Findings` and left out
of the result, so that the rest of the file is still checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from math import isfinite

from attrs import evolve, field

from governance._attrs import define
from governance._toml import Document, place
from governance.errors import WARNING, Diagnostic, Problem, did_you_mean, meant
from governance.rules.format import SPANS, parse_duration
from governance.rules.keys import KEYS, Key

Path = tuple[str | int, ...]

INFO = "info"
"""Severity of what an author should know, though nothing is wrong."""

EVENTS_FORM = '[{ tool = "shell", command = "…" }]'
"""How examples are written."""

VALUE_CODES = frozenset({"GOV208", "GOV223", "GOV224", "GOV225", "GOV229"})


@define(eq=False)
class Findings:
    """
    The problems of one document, and what its variables stand for.

    Attributes:
        dead: Paths below which more problems would only repeat the first.

        put_in: Where a variable's value was put in, and the variable.
    """

    document: Document
    problems: list[Problem] = field(factory=list)
    dead: set[Path] = field(factory=set)
    put_in: dict[Path, str] = field(factory=dict)
    _told: set[Problem] = field(factory=set, init=False, repr=False)

    def report(self, problem: Problem) -> None:
        """Keep *problem*, unless a cause above it is known already."""
        path = problem.path
        if self.dead and any(path[:end] in self.dead for end in range(len(path) + 1)):
            return
        # Some names have codes of their own when nobody declared them.
        if problem.code == "GOV220" and "fields" in path:
            problem = evolve(problem, code="GOV272")
        elif problem.code == "GOV225" and "labels" in path:
            problem = evolve(problem, code="GOV235")
        elif problem.code == "GOV213" and path[:1] == ("role",):
            problem = evolve(problem, code="GOV260")
        if self.put_in and problem.code in VALUE_CODES:
            problem = self._blame_variable(problem)
        problem = _sharpened(problem)
        # The same tools and globs are looked at when names are linked and when rules are
        # compiled; an author is told once.
        if problem not in self._told:
            self._told.add(problem)
            self.problems.append(problem)

    def _blame_variable(self, problem: Problem) -> Problem:
        for end in range(len(problem.path), 0, -1):
            name = self.put_in.get(problem.path[:end])
            if name is not None:
                message = f"variable `{name}` does not fit here: {problem.message}"
                return Problem("GOV205", message, problem.path, problem.suggestion)
        return problem

    def wrong(self, code: str, message: str, path: Path, mend: str = "") -> None:
        """Report an error."""
        self.report(Problem(code, message, path, mend))

    def warn(self, code: str, message: str, path: Path, mend: str = "") -> None:
        """Report a warning."""
        self.report(Problem(code, message, path, mend, WARNING))

    def tell(self, code: str, message: str, path: Path, mend: str = "") -> None:
        """Report what is worth knowing, and no fault."""
        self.report(Problem(code, message, path, mend, INFO))

    def diagnostics(self) -> list[Diagnostic]:
        """Every problem with its file and line, in order of lines."""
        found = [place(self.document, one) for one in self.problems]
        return sorted(found, key=lambda one: (one.line, one.code))


def _sharpened(problem: Problem) -> Problem:
    """
    *problem* with every name in its suggestion that is one slip away.

    The most alike name is not always the one that was meant (`tge` is `gte`, not `lte`), and
    whoever looks a fact up does not know that an example has keys of its own as well.
    """
    word = problem.path[-1] if problem.path else ""
    if problem.code == "GOV220" and "shell" in problem.path[:-1]:
        return problem  # the keys of a shell table are no facts, and were looked through
    if problem.code not in ("GOV220", "GOV222", "GOV234", "GOV242") or not isinstance(word, str):
        return problem
    from governance.rules.fact_table import FACTS, FAMILIES, OPERATORS

    if problem.code == "GOV222":
        known = {name for names in OPERATORS.values() for name in (*names, "every")}
    else:
        known = {*FAMILIES, *(one.name for one in FACTS)}
        known |= keys_of("example").keys() if _EXAMPLES.intersection(problem.path) else set()
    if word in known or not any(one_slip(word, name) for name in known):
        return problem
    return evolve(problem, suggestion=nearest(word, known))


_EXAMPLES = frozenset({"must_match", "must_not_match", "known_gaps", "remedy"})


@cache
def keys_of(table: str) -> Mapping[str, Key]:
    """The keys of *table*, by name, as `KEYS` lists them."""
    return {key.name: key for key in KEYS if key.table == table}


def nearest(word: str, known: Iterable[str]) -> str:
    """
    What *word* was meant to be, as a question: every name that is one slip away (a letter
    dropped, added, changed or swapped with its neighbour), else the most alike, else ``""``.

    >>> nearest("witin", ["within", "when"])
    'did you mean `within`?'
    """
    names = list(known)
    slips = sorted({name for name in names if one_slip(word, name)})
    if slips:
        return meant(word, slips)
    return did_you_mean(word, names)


def one_slip(left: str, right: str) -> bool:
    """Whether one letter dropped, added, changed or swapped makes *right* of *left*."""
    if left == right or abs(len(left) - len(right)) > 1:
        return False
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    rest, other = left[start:], right[start:]
    return (
        rest[1:] == other
        or rest == other[1:]
        or rest[1:] == other[1:]
        or (rest[:2] == other[1::-1] and len(rest) > 1 and rest[2:] == other[2:])
    )


def read_keys(
    findings: Findings, table: str, raw: Mapping[str, object], path: Path
) -> dict[str, object]:
    """
    The keys of *raw* that are right, each with its value; *table* is its name in `KEYS`.

    Durations come as seconds, arrays as tuples. A key that is absent, unknown, of a later
    engine or of the wrong type is not in the result; all but the first were reported.
    """
    known = keys_of(table)
    made: dict[str, object] = {}
    meant: set[str] = set()
    for name, value in raw.items():
        key = known.get(name)
        if key is None:
            meant |= _unknown_key(findings, table, name, known, (*path, name))
        elif key.feature:
            findings.wrong(
                "GOV202",
                f"`{name}` is not supported by this engine: format 1 feature {key.feature}",
                (*path, name),
                "take the rule out, or use an engine that has it",
            )
            findings.dead.add((*path, name))
        else:
            read = read_value(findings, key, value, (*path, name))
            if read is not None:
                made[name] = read
    for name, key in known.items():
        if key.required and name not in raw and name not in meant:
            _missing(findings, table, key, raw, path)
    return made


def _missing(
    findings: Findings, table: str, key: Key, raw: Mapping[str, object], path: Path
) -> None:
    for name, value in raw.items():
        # After a `[rule.when]` header, the rule's later keys belong to `when`, where they
        # are reported as no facts; that they are missing here says nothing more.
        if isinstance(value, dict) and key.name in value and name != "rewrite":
            return
    where = f"`[[{table}]]`" if len(path) == 2 else f"`{table}`" if table else "the file"
    mend = f"write `{key.name} = …`: {key.meaning}"
    if key.values:
        mend += " (" + ", ".join(key.values) + ")"
    findings.wrong(key.codes[0], f"{where} has no `{key.name}`", path, mend)


def _unknown_key(
    findings: Findings, table: str, name: str, known: Mapping[str, Key], path: Path
) -> set[str]:
    hint = nearest(name, known)
    where = f" of `{table}`" if table else ""
    code = "GOV230" if table in _PAST_TABLES else "GOV207"
    where = " of a past event" if table == "past" else where
    findings.wrong(code, f"unknown key `{name}`{where}", path, hint or _fact_hint(table, name))
    return set(re.findall("`([^`]*)`", hint))


_PAST_TABLES = ("past", "limit")
_PROJECT_KEYS = ("packs", "hosts", "time_zone", "defaults", "fields", "project", "session")


def _fact_hint(table: str, name: str) -> str:
    if table == "" and name in _PROJECT_KEYS:
        return f"`{name}` stands in `governance.toml`"
    if table in ("rule", "past"):
        return f"facts are matched as `when.{name} = …`"
    return "the keys here are " + ", ".join(f"`{one}`" for one in keys_of(table))


def read_value(findings: Findings, key: Key, value: object, path: Path) -> object:
    """*value* as the type of *key*, or ``None`` after reporting why it is none."""
    if key.type == "value":
        return value
    read = _READERS.get(key.type, _plain)(key, value)
    if not isinstance(read, _Wrong):
        return read
    # GOV208 where the codes of a key speak of what is inside its table.
    shape = key.type in ("matchers", "tables", "table", "events", "event")
    code = "GOV208" if shape else key.codes[0]
    at = path if read.index is None else (*path, read.index)
    findings.wrong(code, f"`{key.name}` {read.message}", at, read.mend)
    findings.dead.add(at)
    return None


@define(eq=False)
class _Wrong:
    message: str
    mend: str = ""
    index: int | None = None


def kind_of(value: object) -> str:
    """What an author would call the type of *value*."""
    names: Sequence[tuple[type, str]] = (
        (bool, "a boolean"),
        (int, "an integer"),
        (float, "a float"),
        (str, "a string"),
        (list, "an array"),
        (dict, "a table"),
        (datetime, "a date-time"),
        (date, "a date"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "a time")


def _not(what: str, value: object, mend: str = "") -> _Wrong:
    return _Wrong(f"must be {what}, not {kind_of(value)}", mend)


def _str(key: Key, value: object) -> object:
    if type(value) is not str:
        return _not("a string", value, "put it in quotes")
    if not value.strip() and key.name != "with":
        return _Wrong("is empty", f"say {key.meaning}")
    return value


_ACTIONS_ELSEWHERE = {
    "block": "deny",
    "refuse": "deny",
    "forbid": "deny",
    "permit": "allow",
    "confirm": "ask",
    "prompt": "ask",
}
"""What other languages of policy call an action, and what it is here."""


def _enum(key: Key, value: object) -> object:
    allowed = ", ".join(f"`{one}`" for one in key.values)
    if type(value) is not str:
        return _not(f"one of {allowed}", value)
    if value not in key.values:
        meant = _ACTIONS_ELSEWHERE.get(value, "")
        hint = f"did you mean `{meant}`?" if meant in key.values else nearest(value, key.values)
        return _Wrong(f"cannot be `{value}`; it is one of {allowed}", hint)
    return value


def _each(key: Key, value: object, one_of: bool) -> object:
    if type(value) is not list:
        return _not("an array of strings", value, "put it in brackets")
    for index, one in enumerate(value):
        read = _enum(key, one) if one_of else _str(key, one)
        if isinstance(read, _Wrong):
            return _Wrong(f"holds what {read.message}", read.mend, index)
    if one_of and not value:
        return _Wrong("is empty", "name at least one, or leave it out")
    seen: set[str] = set()
    for index, one in enumerate(value):
        if one in seen:
            return _Wrong(f"names `{one}` twice", "keep one", index)
        seen.add(one)
    return tuple(value)


def _strs(key: Key, value: object) -> object:
    return _each(key, value, one_of=False)


def _enums(key: Key, value: object) -> object:
    return _each(key, value, one_of=True)


def _duration(key: Key, value: object) -> object:
    if key.name == "lasts" and value == "pardon":
        return value
    mend = 'write one number with `s`, `m`, `h` or `d`, such as `"10m"`'
    if type(value) is not str:
        return _not("a duration", value, mend)
    seconds = parse_duration(value)
    return _Wrong(f"cannot be `{value}`", mend) if seconds is None else seconds


def _span(key: Key, value: object) -> object:
    """A span's name, or seconds."""
    spans = ", ".join(f"`{one}`" for one in SPANS)
    mend = f'write `{key.name}` as {spans}, or a duration such as `"10m"`'
    if type(value) is not str:
        return _not("a span", value, mend)
    if value in SPANS:
        return value
    seconds = parse_duration(value)
    hint = nearest(value, SPANS) or mend
    return _Wrong(f"cannot be `{value}`", hint) if seconds is None else seconds


def _tables(key: Key, value: object) -> object:
    if type(value) is dict and key.table == "":
        mend = f"write `[[{key.name}]]` with double brackets"
        return _not("an array of tables", value, mend)
    form = f"write `{EVENTS_FORM}`" if key.type == "events" else "write `[{ … }, { … }]`"
    if type(value) is not list:
        return _not("an array of tables", value, form)
    for index, one in enumerate(value):
        if type(one) is not dict:
            return _Wrong(f"holds {kind_of(one)} where a table must be", form, index)
    return tuple(value)


def _matchers(key: Key, value: object) -> object:
    if type(value) is not dict:
        mend = f"write dotted keys, such as `{key.name}.path = …`"
        return _not("a table of facts", value, mend)
    return value


# Exactly these types: a boolean is no integer, and a date-time is no date.
_PLAIN: Mapping[str, tuple[tuple[type, ...], str, str]] = {
    "int": ((int,), "an integer", "write a whole number, without quotes"),
    "number": ((int, float), "a number", "write it without quotes"),
    "bool": ((bool,), "`true` or `false`", "write it without quotes"),
    "date": ((date,), "a date", "write it without quotes, as `2030-01-31`"),
    "datetime": ((datetime,), "a date-time", "write it without quotes, as `2030-01-31T09:00:00`"),
    "table": ((dict,), "a table", "write it in braces"),
    "event": ((dict,), "a table of facts", 'write `{ tool = "…", … }`'),
}


def _plain(key: Key, value: object) -> object:
    kinds, what, mend = _PLAIN[key.type]
    if type(value) not in kinds:
        return _not(what, value, mend)
    if type(value) is float and not isfinite(value):
        return _Wrong("must be a finite number")
    if value == {} and key.type == "event":
        return _Wrong("is empty", "say what happens, by facts")
    return value


_READERS = {
    "str": _str,
    "enum": _enum,
    "strs": _strs,
    "enums": _enums,
    "duration": _duration,
    "span": _span,
    "tables": _tables,
    "matchers": _matchers,
    "events": _tables,
}
