"""A machine as it was declared: states, events, cells and branches, all of it plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from attrs import field

from governance._attrs import frozen

Mode: TypeAlias = Literal["asked", "told", "made"]

EVENTS = (
    "start",
    "brief",
    "turn_start",
    "turn_end",
    "tool_before",
    "tool_after",
    "command",
    "compacting",
    "compact",
    "lapse",
    "interrupt",
    "resume",
    "reset",
    "end",
    "child_start",
    "child_end",
)
"""Every event of a session machine; adapters speak in these words."""

LEFT = "left"
"""As the target of a move: the live state that was left."""


@frozen
class Branch:
    """
    One row of the table: what an event comes to, where all of `when` holds.

    Exactly one of `first`, `refuse` and `outcome` is set.

    Attributes:
        when: Predicates with the answer each must have.

        first: The event that has to come before this one, which is then tried again.

        refuse: Why the event must not happen.

        outcome: A word of `governance.machine.OUTCOMES`.

        to: The state a move ends in, or ``"left"``; ``""`` where nothing moves.

        do: Effects on the registers, in order.

        emits: Lifecycle events, in order.

        index: Its place among the rows of its event.

        line: Where it stands in the file.
    """

    when: tuple[tuple[str, bool], ...]
    first: str
    refuse: str
    outcome: str
    to: str
    do: tuple[str, ...]
    emits: tuple[str, ...]
    index: int = field(default=0, eq=False)
    line: int = field(default=0, eq=False)


@frozen
class Cell:
    """What one event does in one state: the guards it must pass, and its branches."""

    guards: tuple[str, ...]
    branches: tuple[Branch, ...]


@frozen
class EventRow:
    """
    One event.

    Attributes:
        mode: ``"asked"`` has not happened and may be refused; ``"told"`` has happened and
            never is; ``"made"`` is the engine's own.

        emits: What it emits where a branch says nothing else.

        guards: Predicates that must hold, in every state that names no others.

        uses: Circumstances that are spent once this event was part of a chain.

        cells: State → cell.
    """

    name: str
    mode: Mode
    summary: str
    emits: tuple[str, ...]
    guards: tuple[str, ...]
    uses: tuple[str, ...]
    cells: Mapping[str, Cell] = field(hash=False)
    line: int = field(default=0, eq=False)


@frozen
class StateRow:
    """
    One state.

    Attributes:
        live: Whether work goes on in it.

        mark: Its letter in tables, or ``""``.

        title: Its name in pictures.
    """

    name: str
    title: str
    mark: str
    live: bool
    summary: str


@frozen
class Definition:
    """
    A whole machine.

    Attributes:
        chain_max: The longest run of steps that one event may make, itself included.
    """

    name: str
    initial: str
    final: str
    chain_max: int
    states: Mapping[str, StateRow] = field(hash=False)
    events: Mapping[str, EventRow] = field(hash=False)
    sha256: str = ""

    def moves(self) -> tuple[tuple[str, str, str, Branch], ...]:
        """
        Every edge as (source, event, target, branch), in order of declaration.

        A move to ``"left"`` gives one edge for each live state.
        """
        found: list[tuple[str, str, str, Branch]] = []
        live = [name for name, row in self.states.items() if row.live]
        for event in self.events.values():
            for source, cell in event.cells.items():
                for branch in cell.branches:
                    targets = live if branch.to == LEFT else [branch.to] if branch.to else []
                    found += [(source, event.name, target, branch) for target in targets]
        return tuple(found)
