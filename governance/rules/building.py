"""
What building a matcher has in common for all operators: types, variables, problems.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import field

from governance._attrs import define
from governance.errors import Problem, did_you_mean
from governance.rules.globs import PatternError, composed, split_tool_name
from governance.rules.kleene import Truth, all_of
from governance.rules.matchers import PYTHON_TYPES, Test
from governance.rules.needs import Wanted
from governance.rules.partial import Could, by_either_name, partly, rooted
from governance.rules.paths import BarePathError, Places, is_absolute
from governance.rules.vocabulary import OPERATORS, SLASH, TOOLS, FactSpec, Place, Report

NESTING_MAX = 16
"""How deep `not` and `every` may be nested."""

WholeTest: TypeAlias = Callable[..., Truth]
"""A test of a whole list: the list, the world, whether it is judged strictly."""


@define
class Made:
    """The parts of a matcher while it is built."""

    depth: int = 0
    element: list[Test] = field(factory=list)
    whole: list[WholeTest] = field(factory=list)
    on_missing: bool = True
    cost: int = 0
    hosted: bool = False
    wanted: list[Wanted] = field(factory=list)


Operator: TypeAlias = Callable[["Builder", object, Place, Made], None]
"""Adds the test of one operator to what is made, or reports what is wrong."""


@define(eq=False)
class Builder:
    spec: FactSpec
    variables: Mapping[str, object]
    places: Places
    report: Report
    table: Mapping[str, Operator]
    problems: int = 0
    by_variable: bool = False

    def fail(self, code: str, message: str, path: Place, mend: str = "") -> None:
        if code == "GOV224" and self.by_variable:
            code = "GOV205"
        self.problems += 1
        self.report(Problem(code, message, path, mend))

    def resolved(self, raw: object, path: Place) -> object:
        """*raw*, or what the variable holds that it stands for."""
        if not isinstance(raw, Mapping) or "var" not in raw:
            return raw
        name = raw["var"]
        if len(raw) != 1 or type(name) is not str:
            self.fail("GOV204", '`{ var = "name" }` stands alone', path)
        elif name not in self.variables:
            hint = did_you_mean(name, self.variables) or f"write `{name} = …` under `[vars]`"
            self.fail("GOV204", f"unknown variable `{name}`", (*path, "var"), hint)
        else:
            self.by_variable = True
            return self.variables[name]
        return None

    def shown(self, raw: object) -> object:
        """*raw* with its variables put in, for people to read."""
        if isinstance(raw, Mapping):
            if "var" in raw:
                return self.variables.get(str(raw["var"]), raw)
            return {key: self.shown(one) for key, one in raw.items()}
        return [self.shown(one) for one in raw] if isinstance(raw, list) else raw

    def build(self, raw: object, path: Place, depth: int) -> Made:
        """The parts of *raw*; what is wrong has been reported."""
        made = Made(depth)
        failed = self.problems
        value = self.resolved(raw, path)
        if self.problems > failed:
            return made
        if depth > NESTING_MAX:
            self.fail("GOV224", f"nested deeper than {NESTING_MAX}", path)
        elif isinstance(value, Mapping):
            self._table(value, path, made)
        elif isinstance(value, list):
            if "in" in self.spec.operators:
                for index, one in enumerate(value):
                    self._is_no_glob(one, (*path, index))
                self._operator("in", value, path, made)
            else:
                self.fail("GOV224", f"`{self.spec.name}` is {wanted_text(self.spec)}", path)
        else:
            self._is_no_glob(value, path)
            self._operator("equals", value, path, made)
        self.by_variable = False
        return made

    def _is_no_glob(self, value: object, path: Place) -> None:
        """Report a plain name with a star, which only one with that very star equals."""
        if self.spec.name not in _NAMES or not isinstance(value, str) or "*" not in value:
            return
        message = f"`{value}` is compared whole, and its `*` stands for nothing but itself"
        mend = f'write `{{ glob = "{value}" }}`; a `*` that is meant, `{{ equals = "{value}" }}`'
        self.fail("GOV224", message, path, mend)

    def _table(self, table: Mapping[str, object], path: Place, made: Made) -> None:
        if not table:
            self.fail("GOV229", f"an empty table asks nothing of `{self.spec.name}`", path)
        known = self.spec.operators
        failed = self.problems
        for name, value in table.items():
            here = (*path, name)
            if name in known:
                self._operator(name, value, here, made)
            elif name in _ALL_OPERATORS:
                have = ", ".join(f"`{one}`" for one in known)
                message = f"`{name}` does not fit `{self.spec.name}`, which is {self._type()}"
                self.fail("GOV223", message, here, f"it takes {have}")
            else:
                hint = did_you_mean(name, known) or did_you_mean(name, _ALL_OPERATORS)
                self.fail("GOV222", f"unknown operator `{name}`", here, hint)
        if self.problems == failed:
            self._can_hold({key: self.shown(one) for key, one in table.items()}, path, made)

    def _type(self) -> str:
        return "a list" if self.spec.is_list else f"of type {self.spec.type}"

    def _can_hold(self, table: Mapping[str, object], path: Place, made: Made) -> None:
        """Report a table of which it is certain that no value fits it."""
        name = self.spec.name
        if table.get("exists") is False and len(table.keys() - {"not", "exists"}):
            message = f"`{name}` cannot be missing and something at once"
            self.fail("GOV226", message, path)
            return
        if _empty_range(table, whole=self.spec.element == "int"):
            self.fail("GOV226", f"no number of `{name}` lies between these bounds", path)
        given = [table["equals"]] if "equals" in table else table.get("in")
        compared = self.spec.kind in ("text", SLASH) and not made.hosted
        if not isinstance(given, list) or len(table) < 2 or not compared:
            return
        if not self.spec.is_list and all(
            all_of(test(one) for test in made.element) is False for one in given
        ):
            self.fail("GOV226", f"none of the values of `{name}` fits the other operators", path)

    def _operator(self, name: str, value: object, path: Place, made: Made) -> None:
        failed = self.problems
        if name not in ("not", "every", "length"):
            value = self.resolved(value, path)
            if self.problems > failed:
                return
        self.table[name](self, value, path, made)
        if name not in ("not", "exists"):
            made.on_missing = False
        self.by_variable = False

    def add(self, made: Made, test: Test, could: Could | None = None, *, sure: bool = True) -> None:
        """
        Take *test* into *made*, fit for texts of which only parts are known.

        Args:
            could: Whether a text with holes could hold, where that can be told.

            sure: Whether what holds of the known part of a text holds of the whole.
        """
        if self.spec.partial:
            known = rooted(test) if self.spec.kind == "path" else test
            test = partly(known, could, sure=sure)
        if self.spec.kind == "program":
            test = by_either_name(test)
        made.element.append(test)

    # Values ---------------------------------------------------------------------------

    def scalar(self, value: object, path: Place) -> object | None:
        """*value* if it is exactly of the fact's type and enumeration, normalised."""
        spec = self.spec
        if type(value) not in PYTHON_TYPES[spec.element] or spec.element == "time":
            self.fail(
                "GOV224", f"`{spec.name}` is {wanted_text(spec)}, not {found_text(value)}", path
            )
            return None
        if isinstance(value, float) and (value != value or value in (_INFINITE, -_INFINITE)):
            self.fail("GOV224", f"`{spec.name}` is a finite number, not `{value}`", path)
            return None
        if type(value) is not str:
            outside = spec.outside(value)
            if outside:
                self.fail("GOV226", outside, path)
            return value
        text = composed(value)
        self.begins(text, path)
        known = spec.values
        if known is None and spec.kind == "tool" and not text.startswith("mcp:"):
            known = tuple(one for one in TOOLS if one != "mcp")
        parts = split_tool_name(text)
        if known is None and spec.kind == "tool" and (len(parts) < 3 or not all(parts)):
            message = f"`{text}` is not of the form `mcp:server:tool`"
            self.fail("GOV225", message, path, f'write `{{ glob = "{text}*" }}` for several')
        if known is not None and text not in known:
            hint = did_you_mean(text, known) or (
                "it is one of " + ", ".join(f"`{one}`" for one in known)
                if known
                else f"no rule names any `{spec.name}`"
            )
            self.fail("GOV225", f"`{spec.name}` is never `{text}`", path, hint)
            return None
        return text

    def begins(self, text: str, path: Place, *, part: bool = False) -> None:
        """
        Report a *text* with which no value of the fact begins, as such values are written.

        Args:
            part: It is no whole value, but the beginning of one.
        """
        kind = self.spec.kind
        if kind == SLASH and text.startswith("/"):
            message = f"a command is named without its slash, and `{text}` begins with one"
            bare = text.lstrip("/")
            self.fail("GOV224", message, path, f"write `{bare}`" if bare else "take it out")
        elif kind == SLASH and len(text.split()) > 1 and not part:
            name, words = text.split(maxsplit=1)
            message = f"a command is named by one word, and `{text}` has several"
            mend = f"write `{name}`, and ask for `{words}` by `arguments`"
            self.fail("GOV224", message, path, mend)
        elif kind == "path" and part and not is_absolute(text):
            message = f"a path is compared from the root on, and none begins with `{text}`"
            self.fail("GOV224", message, path, "`path_under` and `glob` begin at the project")

    def at(self, value: object, index: int, path: Place) -> Place:
        """Where the element *index* stands of what `texts` gave for *value*."""
        return (*path, index) if isinstance(value, list) else path

    def texts(self, value: object, path: Place, what: str) -> list[str] | None:
        """One string or an array of them, as operators on text take them."""
        given = value if isinstance(value, list) else [value]
        if not given:
            self.fail("GOV229", f"an empty array holds no {what}", path)
            return None
        texts: list[str] = []
        for index, one in enumerate(given):
            here = self.at(value, index, path)
            if type(one) is not str:
                self.fail("GOV224", f"a {what} is a string, not {found_text(one)}", here)
            elif not one:
                self.fail("GOV229", f"an empty {what} fits everything", here)
            else:
                texts.append(composed(one))
        return texts if len(texts) == len(given) else None

    def fold(self, text: str) -> str:
        """*text* as the tested side is folded."""
        if self.spec.kind == "domain":
            return text.lower()
        return self.places.fold(text) if self.spec.kind == "path" else text

    def pattern_failed(self, error: PatternError, path: Place, text: str) -> None:
        if isinstance(error, BarePathError):
            mend = f"write `**/{text}` for any folder of the project, `./{text}` for its root"
            self.fail("GOV228", str(error), path, mend)
        else:
            self.fail("GOV224", str(error), path)


_NAMES = frozenset(
    {
        "command", "program", "subcommand", "tool", "native", "server", "mcp_tool", "agent",
        "model", "url",
    }
)  # fmt: skip
"""Facts of which many are meant by a star, and hardly one has it in its own text."""

_INFINITE = float("inf")
_ALL_OPERATORS = tuple(
    dict.fromkeys([one for row in OPERATORS.values() for one in row] + ["every"])
)


def _empty_range(table: Mapping[str, object], *, whole: bool) -> bool:
    """Whether no number is above the lower and below the upper bounds at once."""
    step = 1 if whole else 0
    lows = [(bound + step, key == "gt") for key, bound in _bounds(table, "gt", "gte", step)]
    highs = [(bound - step, key == "lt") for key, bound in _bounds(table, "lt", "lte", step)]
    if not lows or not highs:
        return False
    low, above = max(lows)
    high, below = min((bound, not strict) for bound, strict in highs)
    return low > high or (low == high and not whole and (above or not below))


def _bounds(
    table: Mapping[str, object], strict: str, loose: str, step: int
) -> list[tuple[str, int | float]]:
    found: list[tuple[str, int | float]] = []
    sign = 1 if strict == "gt" else -1
    for key in (strict, loose):
        bound = table.get(key)
        if isinstance(bound, (int, float)):
            # A loose bound already is the last number that fits.
            found.append((key, bound - sign * step if key == loose else bound))
    return found


def wanted_text(spec: FactSpec) -> str:
    names = {"str": "a string", "int": "an integer", "float": "a number", "bool": "a boolean"}
    return names.get(spec.element, "a time: use `between`")


def found_text(value: object) -> str:
    if isinstance(value, bool):
        return f"the boolean `{str(value).lower()}`"
    names = {str: "the string", int: "the integer", float: "the number"}
    name = names.get(type(value))
    if name:
        return f"{name} `{str(value)[:80]}`"
    return "an array" if isinstance(value, list) else f"`{str(value)[:80]}`"
