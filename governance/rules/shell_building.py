"""
Building the matcher of the fact `shell`; what is wrong with its tables is reported at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from governance._attrs import define
from governance.errors import Problem
from governance.rules.building import found_text
from governance.rules.fact_table import FACTS, OPERATORS
from governance.rules.operators import build_matcher
from governance.rules.paths import Places
from governance.rules.shell_keys import SHELL_KEYS, ShellKey
from governance.rules.shell_matchers import (
    ShellMatcher,
    ShellPart,
    ShellTable,
    flags_test,
    flows_test,
    opaque_test,
    value_test,
)
from governance.rules.shell_terms import literals
from governance.rules.vocabulary import FactSpec, Place, Report

NESTING_MAX = 8
"""How deep `flows_to` may be nested."""

_OPERATORS = {name for names in OPERATORS.values() for name in (*names, "every")}
_COSTS: Mapping[str, int] = {"program": 0, "subcommand": 1, "bool": 1, "flags": 2, "opaque": 2}
_PATHS = frozenset({"reads", "writes", "removes"})


def build_shell(
    spec: FactSpec,
    raw: object,
    *,
    variables: Mapping[str, object],
    places: Places,
    path: Place,
    report: Report,
    proven: bool = False,
) -> ShellMatcher | None:
    """
    The matcher that *raw* describes, or ``None`` after every problem was reported.

    Args:
        proven: It was built before without a problem: each table is when it is needed.
    """
    builder = _Builder(variables, places, report, proven)
    tables = builder.tables(raw, path, 0)
    return None if builder.problems else ShellMatcher(spec, raw, path, tables)


@define(eq=False)
class _Builder:
    variables: Mapping[str, object]
    places: Places
    report: Report
    proven: bool
    problems: int = 0

    def fail(self, code: str, message: str, path: Place, mend: str = "") -> None:
        self.problems += 1
        self.report(Problem(code, message, path, mend))

    def tables(self, raw: object, path: Place, depth: int) -> tuple[ShellTable, ...]:
        """*raw* as one table, or as an array of tables of which one holds."""
        if depth > NESTING_MAX:
            self.fail("GOV224", f"`flows_to` is nested deeper than {NESTING_MAX}", path)
            return ()
        if isinstance(raw, list) and not raw:
            self.fail("GOV229", "an empty array can never hold", path)
        several = isinstance(raw, list)
        made: list[ShellTable] = []
        for index, one in enumerate(raw if isinstance(raw, list) else [raw]):
            here = (*path, index) if several else path
            if isinstance(one, Mapping):
                made.append(self.table(one, here, depth))
            else:
                mend = 'write `{ program = "git" }`, or match the line itself by `command`'
                what = found_text(one)
                self.fail("GOV224", f"a table of matchers is wanted, not {what}", here, mend)
        return tuple(made)

    def table(self, raw: Mapping[str, object], path: Place, depth: int) -> ShellTable:
        if not raw:
            self.fail("GOV229", "an empty table asks nothing of a command", path)

        def build() -> tuple[ShellPart, ...]:
            before = self.problems
            parts = [
                part
                for name, value in raw.items()
                for part in self.part(name, value, (*path, name), depth)
            ]
            if self.proven and self.problems > before:
                # Whoever is asked now cannot report it any more: the rule then denies.
                raise ValueError("a table that was proven before cannot be built")
            return tuple(sorted(parts, key=lambda one: one.cost))

        made = ShellTable(raw, build)
        if not self.proven:
            _ = made.parts
        return made

    def part(self, name: str, raw: object, path: Place, depth: int) -> Iterator[ShellPart]:
        key = SHELL_KEYS.get(name)
        if key is None:
            self.unknown_key(name, path)
            return
        cost = _COSTS.get(name, _COSTS.get(key.takes, 4 if name in _PATHS else 3))
        if key.takes == "flags":
            flags = self.flags(name, raw, path)
            yield ShellPart(name, raw, cost, flags_test(flags, every=name == "flags_all"))
        elif key.takes == "shell":
            yield ShellPart(name, raw, 5, flows_test(self.tables(raw, path, depth + 1)))
        elif key.takes == "opaque" and isinstance(raw, bool):
            yield ShellPart(name, raw, cost, opaque_test(raw))
        else:
            yield from self.matcher(key, raw, path, cost)

    def matcher(self, key: ShellKey, raw: object, path: Place, cost: int) -> Iterator[ShellPart]:
        def noted(problem: Problem) -> None:
            self.problems += problem.severity == "error"
            self.report(problem)

        made = build_matcher(
            key.spec, raw, variables=self.variables, places=self.places, path=path, report=noted
        )
        if made is None:
            return
        if key.name == "program":
            self.programs(raw, path)
        yield ShellPart(key.name, made.raw, cost, value_test(key.name, made.test))

    def unknown_key(self, name: str, path: Place) -> None:
        from governance.rules.reading import nearest  # only a pack with an error pays for it

        if name in _OPERATORS:
            hint = f"an operator stands behind a key, as `program = {{ {name} = … }}`"
        elif any(one.name == name for one in FACTS):
            hint = f"`{name}` is a fact of its own: write it beside `shell`"
        else:
            hint = nearest(name, SHELL_KEYS) or "the keys are " + ", ".join(
                f"`{one}`" for one in SHELL_KEYS
            )
        self.fail("GOV220", f"a command of a line has no `{name}`", path, hint)

    def flags(self, name: str, raw: object, path: Place) -> tuple[str, ...]:
        if not isinstance(raw, list):
            mend = f'write `{name} = ["-f", "--force"]`'
            self.fail("GOV224", f"`{name}` takes an array of flags", path, mend)
            return ()
        if not raw:
            self.fail("GOV229", f"an empty array can never hold for `{name}`", path)
        found: list[str] = []
        for index, one in enumerate(raw):
            mend = flag_mend(one)
            if mend:
                what = f"`{one}` is no flag" if isinstance(one, str) else f"no flag is {one!r}"
                self.fail("GOV224", what, (*path, index), mend)
            else:
                found.append(str(one))
        return tuple(found)

    def programs(self, raw: object, path: Place) -> None:
        """Report names of programs that no program has."""
        for name in literals(raw) or ():
            if "/" in name or "\\" in name:
                last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
                message = f"`{name}` has a folder, and a program is compared without it"
                self.fail("GOV226", message, path, f"write `{last}`" if last else "")
            elif " " in name.strip():
                first, _, rest = name.strip().partition(" ")
                mend = f'write `program = "{first}", subcommand = "{rest.strip()}"`'
                self.fail("GOV226", f"no program is called `{name}`", path, mend)


def flag_mend(flag: object) -> str:
    """What to write instead of *flag*, which has no value; ``""`` if it is one."""
    if not isinstance(flag, str):
        return "a flag is a string, as `--force`"
    bare = flag.strip()
    if "=" in flag:
        name = bare.partition("=")[0]
        return f"a value is no part of a flag: write `{name}`, or ask it of `options`"
    if any(sign.isspace() for sign in flag):
        return "write each flag as a string of its own"
    if not flag.startswith("-"):
        dashes = "-" if len(bare) == 1 else "--"
        return f"a flag begins with a dash: `{dashes}{bare}`"
    return "" if bare.strip("-") else "a flag has a name behind its dashes"
