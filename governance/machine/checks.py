"""
What must be true of a machine before a session may run on it.

Every check is decidable, because every variable a predicate can read has few values: one
row for each combination, no row that never holds, no event that waits for itself, no told
event that could be refused, no state that cannot be reached or cannot reach the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from governance._attrs import define
from governance.errors import Problem
from governance.machine.definition import LEFT, Branch, Cell, Definition, EventRow
from governance.machine.predicates import PREDICATES, VARIABLES, View

Where = tuple[str | int, ...]


def check_definition(definition: Definition, *, whole: bool) -> list[Problem]:
    """
    Every problem of *definition*, in no special order; empty when it may be used.

    With *whole* false something of the file could not be read, and what would only follow
    from that (a state that cannot be reached, a chain without an end) is not looked for.
    """
    problems: list[Problem] = []
    for event in definition.events.values():
        problems += _undefined(definition, event)
        problems += _refusable(event)
        seen: set[int] = set()
        for state, cell in event.cells.items():
            problems += _ambiguous(event, state, cell)
            problems += _repeated(event, cell, seen)
    if whole and not problems:
        problems += _unreachable(definition)
        problems += _endless(definition)
    return problems


def _undefined(definition: Definition, event: EventRow) -> Iterator[Problem]:
    for state in definition.states:
        if state not in event.cells:
            yield Problem(
                "GOV151",
                f"nothing says what `{event.name}` does in `{state}`",
                ("event", event.name, "rows"),
                f'add a row with `in = ["{state}"]`',
            )


def _refusable(event: EventRow) -> Iterator[Problem]:
    """What has happened cannot be refused; what the engine makes can only be guarded."""
    if event.mode != "told":
        return
    path = ("event", event.name)
    mend = 'set `mode = "asked"`, or let the row record the event'
    guarded = event.guards or any(cell.guards for cell in event.cells.values())
    if guarded:
        said = f"`{event.name}` has happened when it is told, so no guard may refuse it"
        yield Problem("GOV166", said, (*path, "guards"), mend)
    seen: set[int] = set()
    for cell in event.cells.values():
        for branch in cell.branches:
            if branch.refuse and branch.index not in seen:
                seen.add(branch.index)
                said = f"`{event.name}` has happened when it is told, so no row may refuse it"
                yield Problem("GOV166", said, _row_path(event, branch), mend)


def _row_path(event: EventRow, branch: Branch) -> Where:
    return ("event", event.name, "rows", branch.index)


def _ambiguous(event: EventRow, state: str, cell: Cell) -> Iterator[Problem]:
    """Combinations for which no row holds, or several; and rows that never hold."""
    names = {name for branch in cell.branches for name, _ in branch.when}
    read = sorted({one for name in names for one in PREDICATES[name].reads})
    here = f"`{event.name}` in `{state}`"
    held = [False] * len(cell.branches)
    said_none = said_many = False
    for values in product(*(VARIABLES[name] for name in read)):
        facts = dict(zip(read, values, strict=True))
        found = [index for index, one in enumerate(cell.branches) if holds(one, facts)]
        for index in found:
            held[index] = True
        if not found and not said_none:
            said_none = True
            said = f"no row says what {here} comes to when {_spell(facts)}"
            mend = "add a row for it"
            yield Problem("GOV159", said, ("event", event.name, "rows"), mend)
        elif len(found) > 1 and not said_many:
            said_many = True
            lines = ", ".join(str(cell.branches[index].line) for index in found)
            said = f"the rows in lines {lines} all hold for {here} when {_spell(facts)}"
            yield Problem(
                "GOV160",
                said,
                _row_path(event, cell.branches[found[1]]),
                "let their `when` exclude each other",
            )
    for index, ever in enumerate(held):
        if not ever:
            said = f"this row can never hold for {here}: its `when` contradicts itself"
            yield Problem("GOV161", said, _row_path(event, cell.branches[index]), "remove it")


def _repeated(event: EventRow, cell: Cell, seen: set[int]) -> Iterator[Problem]:
    for index, branch in enumerate(cell.branches):
        if branch in cell.branches[:index] and branch.index not in seen:
            seen.add(branch.index)
            said = "this row stands twice"
            yield Problem("GOV158", said, _row_path(event, branch), "remove one of the two")


def _spell(facts: Mapping[str, object]) -> str:
    if not facts:
        return "nothing else is known"
    return ", ".join(f"`{name}` is `{_plain(value)}`" for name, value in facts.items())


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@define(eq=False, repr=False)
class _Facts:
    """A `View` of one combination of values; only what a predicate declares can be read."""

    values: Mapping[str, object]

    def __getattr__(self, name: str) -> object:
        return self.values[name]


def holds(branch: Branch, values: Mapping[str, object]) -> bool:
    """Whether every predicate of *branch* answers as it must, for one combination."""
    from typing import cast

    view = cast("View", _Facts(values))
    return all(PREDICATES[name].test(view) is answer for name, answer in branch.when)


def _unreachable(definition: Definition) -> Iterator[Problem]:
    edges: dict[str, set[str]] = {name: set() for name in definition.states}
    for source, _event, target, branch in definition.moves():
        # A state comes back as `left` only after another row had led to it.
        if branch.to != LEFT:
            edges[source].add(target)
    reached = _closure(edges, definition.initial)
    for name in definition.states:
        if name not in reached:
            said = f"no row leads to the state `{name}`"
            yield Problem("GOV162", said, ("state", name), f'add a row with `to = "{name}"`')
    for source, _event, target, branch in definition.moves():
        if branch.to == LEFT:
            edges[source].add(target)
    for name in definition.states:
        if definition.final not in _closure(edges, name):
            said = f"from the state `{name}` the end can never be reached"
            mend = f'add a row with `to = "{definition.final}"`'
            yield Problem("GOV163", said, ("state", name), mend)


def _closure(edges: Mapping[str, set[str]], start: str) -> set[str]:
    reached = {start}
    waiting = [start]
    while waiting:
        for name in edges[waiting.pop()] - reached:
            reached.add(name)
            waiting.append(name)
    return reached


def _endless(definition: Definition) -> Iterator[Problem]:
    """Chains of `first` that come back to where they were, or grow past `chain_max`."""
    from governance.machine.chains import longest_chains

    most = definition.chain_max
    said: set[str] = set()
    for event, state, length, words in longest_chains(definition):
        # One mistake spoils a chain in many states; the first of an event says it.
        if event in said or (length is not None and length <= most):
            continue
        said.add(event)
        path = ("event", event, "rows")
        if length is None:
            mend = "let the chain spend a circumstance in `uses`, or split the row"
            what = f"`{event}` in `{state}` waits for itself: {words}"
            yield Problem("GOV164", what, path, mend)
        else:
            what = f"`{event}` in `{state}` needs {length} steps, more than {most}: {words}"
            yield Problem("GOV165", what, path, "shorten the chain, or raise `chain_max`")
