"""
From the text of a machine file to a checked `Definition`, or to all of its problems.

Reading is strict: an unknown key is an error, a name nobody knows is an error with the name
that was probably meant, and the checks of `governance.machine.checks` prove that the table
is total and deterministic before any session runs on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias, TypeGuard, cast

from governance._toml import Document, place, read_toml
from governance.errors import DefinitionError, Problem, did_you_mean
from governance.machine.definition import (
    EVENTS,
    LEFT,
    Branch,
    Cell,
    Definition,
    EventRow,
    Mode,
    StateRow,
)
from governance.machine.effects import EFFECTS
from governance.machine.predicates import PREDICATES
from governance.machine.registers import OUTCOMES
from governance.states import LIVE_STATES, State

FORMAT = 1
BYTES_MAX = 200_000
ROWS_MAX = 200
"""Rows that one event may have."""

_MODES = ("asked", "told", "made")
_USABLE = ("gap", "history", "other_run")
_DEFAULT_EMITS: Mapping[str, tuple[str, ...]] = {
    "duplicate": ("event.duplicate",),
    "late": ("event.late",),
    "outdated": ("event.late",),
    "unmatched": ("event.unmatched",),
}

Report: TypeAlias = Callable[[Problem], None]
Where: TypeAlias = "tuple[str | int, ...]"


def load_definition(text: str | bytes, file: str) -> Definition:
    """
    The checked definition in *text*; *file* only names it in messages.

    Raises:
        DefinitionError: GOV101 and GOV102 for what is no TOML, GOV150 to GOV167 for what
            is no machine: every problem at once, each with file and line.
    """
    from hashlib import sha256

    from governance.machine.checks import check_definition

    document = read_toml(text, file, bytes_max=BYTES_MAX)
    problems: list[Problem] = []
    reader = _Reader(document, problems.append)
    definition = reader.definition(sha256(document.text.encode()).hexdigest())
    problems += check_definition(definition, whole=not problems)
    if problems:
        placed = [place(document, one) for one in problems]
        placed.sort(key=lambda one: (one.line, one.code))
        raise DefinitionError(tuple(placed))
    return definition


def _is_table(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


class _Reader:
    """Reads one document; what is wrong is reported, and reading goes on without it."""

    def __init__(self, document: Document, report: Report) -> None:
        self.document = document
        self.report = report
        self.emittable = _catalogue()

    def definition(self, digest: str) -> Definition:
        data = self.document.data
        self._keys(data, (), ("format", "machine", "state", "event"), ())
        if type(data.get("format")) is not int or data["format"] != FORMAT:
            found = f"`{data['format']}`" if "format" in data else "missing"
            self._wrong(("format",), f"`format` is {found} where `{FORMAT}` was expected")
        machine = self._table(data, "machine", ())
        path = ("machine",)
        self._keys(machine, path, ("name", "initial", "final", "chain_max"), ())
        chain_max = machine.get("chain_max", 4)
        if type(chain_max) is not int or not 1 <= chain_max <= 16:
            self._wrong((*path, "chain_max"), "`chain_max` must be an integer from 1 to 16")
            chain_max = 4
        states = self._states(self._table(data, "state", ()))
        return Definition(
            name=self._text(machine, "name", path),
            initial=self._state(machine, "initial", path, State.ABSENT),
            final=self._state(machine, "final", path, State.ENDED),
            chain_max=chain_max,
            states=states,
            events=self._events(self._table(data, "event", ())),
            sha256=digest,
        )

    def _states(self, tables: Mapping[str, object]) -> dict[str, StateRow]:
        found: dict[str, StateRow] = {}
        for name, table in tables.items():
            path = ("state", name)
            if name not in set(State):
                self._unknown("GOV152", "state", name, State, path)
                continue
            if not _is_table(table):
                self._wrong(path, f"`{name}` must be a table")
                continue
            self._keys(table, path, ("title", "mark", "summary"), ("live",))
            live = table.get("live", False)
            if type(live) is not bool:
                self._wrong((*path, "live"), "`live` must be `true` or `false`")
            elif live is not (name in LIVE_STATES):
                # The engine itself goes back to such states, and to no others.
                said = f"`{name}` is {'no' if live else 'a'} state in which work goes on"
                self._wrong((*path, "live"), said, f"write `live = {str(not live).lower()}`")
            title, mark = self._text(table, "title", path), self._text(table, "mark", path)
            summary = self._text(table, "summary", path)
            found[name] = StateRow(name, title, mark, live is True, summary)
        for state in State:
            if state not in tables:
                problem = Problem("GOV167", f"the state `{state}` is not declared", ("state",))
                self.report(problem)
        return found

    def _events(self, tables: Mapping[str, object]) -> dict[str, EventRow]:
        found: dict[str, EventRow] = {}
        for name, table in tables.items():
            path = ("event", name)
            if name not in EVENTS:
                self._unknown("GOV153", "event", name, EVENTS, path)
            elif not _is_table(table):
                self._wrong(path, f"`{name}` must be a table")
            else:
                found[name] = self._event(name, table, path)
        for name in EVENTS:
            if name not in tables:
                problem = Problem("GOV167", f"the event `{name}` is not declared", ("event",))
                self.report(problem)
        return found

    def _event(self, name: str, table: dict[str, object], path: Where) -> EventRow:
        self._keys(table, path, ("mode", "summary", "emits", "rows"), ("guards", "uses"))
        mode = table.get("mode")
        if mode not in _MODES:
            said = f"`mode` is `{mode}` where one of {_listed(_MODES)} was expected"
            self._wrong((*path, "mode"), said, did_you_mean(str(mode), _MODES))
            mode = "told"
        emits = self._names(table, "emits", path, "GOV157", "lifecycle event", self.emittable)
        guards = self._guards(table, path)
        uses = self._names(table, "uses", path, "GOV150", "circumstance", _USABLE)
        return EventRow(
            name=name,
            mode=cast("Mode", mode),
            summary=self._text(table, "summary", path),
            emits=emits,
            guards=guards,
            uses=uses,
            cells=self._cells(table, path, emits, guards),
            line=self.document.line_of(path),
        )

    def _cells(
        self,
        table: Mapping[str, object],
        path: Where,
        emits: tuple[str, ...],
        guards: tuple[str, ...],
    ) -> dict[str, Cell]:
        rows = table.get("rows", [])
        where = (*path, "rows")
        if not isinstance(rows, list) or len(rows) > ROWS_MAX:
            self._wrong(where, f"`rows` must be an array of at most {ROWS_MAX} tables")
            return {}
        branches: dict[str, list[Branch]] = {}
        own: dict[str, tuple[str, ...]] = {}
        for index, row in enumerate(rows):
            at: Where = (*where, index)
            if not _is_table(row):
                self._wrong(at, "a row must be a table in braces")
                continue
            branch = self._branch(row, at, index, emits)
            held = self._guards(row, at) if "guards" in row else guards
            for state in self._names(row, "in", at, "GOV152", "state", State, need=True):
                if own.setdefault(state, held) != held:
                    said = f"rows for `{state}` name different `guards`"
                    self._wrong((*at, "guards"), said, "give all rows of a state the same")
                branches.setdefault(state, []).append(branch)
        return {state: Cell(own[state], tuple(found)) for state, found in branches.items()}

    def _branch(
        self,
        row: dict[str, object],
        at: Where,
        index: int,
        emits: tuple[str, ...],
    ) -> Branch:
        kinds = ("first", "to", "outcome", "refuse")
        self._keys(row, at, ("in",), ("when", "do", "emits", "guards", *kinds))
        given = [kind for kind in kinds if kind in row]
        if len(given) != 1:
            found = _listed(given) if given else "none"
            self._wrong(at, f"a row has exactly one of {_listed(kinds)}; this one has {found}")
        first = self._one(row, "first", at, "GOV153", "event", EVENTS)
        to = self._one(row, "to", at, "GOV152", "state", (*State, LEFT))
        outcome = self._one(row, "outcome", at, "GOV156", "outcome", sorted(OUTCOMES))
        if outcome == "move":
            self._wrong((*at, "outcome"), "a move names where it goes", 'write `to = "…"`')
        if to:
            outcome = "move"
        if first or "refuse" in row:
            emits = ()
        emits = _DEFAULT_EMITS.get(outcome, emits)
        if "emits" in row:
            known = self.emittable
            emits = self._names(row, "emits", at, "GOV157", "lifecycle event", known)
        return Branch(
            when=self._when(row, at),
            first=first,
            refuse=self._text(row, "refuse", at) if "refuse" in row else "",
            outcome=outcome,
            to=to,
            do=self._names(row, "do", at, "GOV155", "effect", EFFECTS),
            emits=emits,
            index=index,
            line=self.document.line_of(at),
        )

    def _when(self, row: Mapping[str, object], at: Where) -> tuple[tuple[str, bool], ...]:
        found: dict[str, bool] = {}
        for index, word in enumerate(self._array(row, "when", at)):
            name = word.removeprefix("not ").strip()
            here = (*at, "when", index)
            if name not in PREDICATES:
                self._unknown("GOV154", "predicate", name, PREDICATES, here)
            elif name in found:
                self.report(Problem("GOV158", f"`{name}` stands twice in `when`", here))
            else:
                found[name] = not word.startswith("not ")
        return tuple(found.items())

    def _guards(self, table: Mapping[str, object], at: Where) -> tuple[str, ...]:
        able = [name for name, one in PREDICATES.items() if one.refusal]
        return self._names(table, "guards", at, "GOV154", "guard", able)

    # -- small readers ------------------------------------------------------------------

    def _names(
        self,
        table: Mapping[str, object],
        key: str,
        at: Where,
        code: str,
        kind: str,
        known: Iterable[str],
        *,
        need: bool = False,
    ) -> tuple[str, ...]:
        """The known names in the array at *key*; unknown and repeated ones are reported."""
        names = set(known)
        found: dict[str, None] = {}
        for index, word in enumerate(self._array(table, key, at)):
            if word not in names:
                self._unknown(code, kind, word, names, (*at, key, index))
            elif word in found:
                said = f"`{word}` stands twice in `{key}`"
                self.report(Problem("GOV158", said, (*at, key, index), "remove one"))
            else:
                found[word] = None
        if need and key in table and not table[key]:
            self._wrong((*at, key), f"`{key}` is empty")
        return tuple(found)

    def _one(
        self,
        row: Mapping[str, object],
        key: str,
        at: Where,
        code: str,
        kind: str,
        known: Iterable[str],
    ) -> str:
        if key not in row:
            return ""
        word = self._text(row, key, at)
        names = list(known)
        if word and word not in names:
            self._unknown(code, kind, word, names, (*at, key))
            return ""
        return word

    def _state(self, table: Mapping[str, object], key: str, at: Where, need: State) -> str:
        word = self._one(table, key, at, "GOV152", "state", State)
        if word and word != need:
            self._wrong((*at, key), f"`{key}` is `{word}` where `{need}` was expected")
        return need.value

    def _array(self, table: Mapping[str, object], key: str, at: Where) -> list[str]:
        value = table.get(key, [])
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return value
        self._wrong((*at, key), f"`{key}` must be an array of strings")
        return []

    def _text(self, table: Mapping[str, object], key: str, at: Where) -> str:
        value = table.get(key, "")
        if isinstance(value, str) and (value or key not in table):
            return value
        self._wrong((*at, key), f"`{key}` must be a string with something in it")
        return ""

    def _table(self, data: Mapping[str, object], key: str, at: Where) -> dict[str, object]:
        value = data.get(key, {})
        if _is_table(value):
            return value
        self._wrong((*at, key), f"`{key}` must be a table")
        return {}

    def _keys(
        self,
        table: Mapping[str, object],
        at: Where,
        need: tuple[str, ...],
        may: tuple[str, ...],
    ) -> None:
        for key in table:
            if key not in need and key not in may:
                self._unknown("GOV150", "key", key, (*need, *may), (*at, key))
        for key in need:
            if key not in table:
                self._wrong(at, f"the key `{key}` is missing")

    def _unknown(self, code: str, kind: str, word: str, known: Iterable[str], at: Where) -> None:
        names = sorted(known)
        near = did_you_mean(word, names) or f"known are {_listed(names)}"
        self.report(Problem(code, f"no {kind} is called `{word}`", at, near))

    def _wrong(self, at: Where, message: str, suggestion: str = "") -> None:
        self.report(Problem("GOV150", message, at, suggestion))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _catalogue() -> frozenset[str]:
    from governance.events import CATALOGUE

    return frozenset(CATALOGUE)
