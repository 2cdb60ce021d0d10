"""
The edges of a picture: moves of a machine, joined where they say the same.

A machine has more moves than a picture can hold. Moves of one event that lead to one state
under one condition become one edge when they leave from every state of a frame, such as all
states in which work goes on; the frame then stands for its states.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import field

from governance._attrs import frozen
from governance.machine.definition import LEFT, Branch, Definition

WORK = "at work"
REST = "nobody works"
HISTORY = "H"
"""As the target of an edge: whichever state was left."""


@frozen
class Move:
    """One move of one event: what a session can really have done."""

    source: str
    event: str
    target: str
    conditions: tuple[str, ...]
    guards: tuple[str, ...]
    history: bool = False


@frozen
class Edge:
    """
    One arrow of a picture.

    Attributes:
        source: A state or a frame.

        target: A state, or `HISTORY`.

        moves: What it stands for.
    """

    source: str
    event: str
    target: str
    conditions: tuple[str, ...]
    guards: tuple[str, ...]
    moves: tuple[Move, ...] = field(hash=False)

    @property
    def held(self) -> str:
        """What must hold, in brackets; ``""`` where nothing must."""
        words = (*self.conditions, *self.guards)
        return f"[{', '.join(words)}]" if words else ""

    @property
    def returns(self) -> bool:
        """Whether it leads back to what was left, wherever that is."""
        return self.target == HISTORY


def frames(definition: Definition) -> dict[str, tuple[str, ...]]:
    """The frames of *definition*: where work goes on, and where nobody works any more."""
    live = tuple(name for name, row in definition.states.items() if row.live)
    rest = tuple(
        name
        for name, row in definition.states.items()
        if not row.live and name != definition.initial
    )
    return {WORK: live, REST: rest}


def moves_of(definition: Definition) -> tuple[Move, ...]:
    """Every move of *definition*, each once; conditions that only say *else* are left out."""
    found: dict[Move, None] = {}
    for source, name, target, branch in definition.moves():
        cell = definition.events[name].cells[source]
        conditions = _conditions(cell.branches, branch)
        move = Move(source, name, target, conditions, cell.guards, branch.to == LEFT)
        found[move] = None
    return tuple(found)


def _conditions(branches: Sequence[Branch], branch: Branch) -> tuple[str, ...]:
    """
    What must hold for *branch*, in as few words as tell it from the others of its cell.

    What must not hold is said only where another row asks for the same and for more. When
    every case leads to the same place nothing is said, and nothing of how the chain came.
    """
    ways = {one.when for one in branches if one.to == branch.to}
    if len(ways) == 2 and {len(way) for way in ways} == {1}:
        ((name, _),), ((other, _),) = ways
        if name == other:
            return ()
    yes = {name for name, answer in branch.when if answer}
    more: set[str] = set()
    for one in branches:
        asked = {name for name, answer in one.when if answer}
        if yes < asked and (yes or len(asked) == 1):
            more |= asked - yes
    words = [
        name if answer else f"not {name}"
        for name, answer in branch.when
        if name not in _UNSAID and (answer or name in more)
    ]
    return tuple(words)


# How a chain came to a row, and what only sends it another way first.
_UNSAID = frozenset({"chained", "process_died", "away", "away_between_turns", "halted"})


def joined(definition: Definition) -> tuple[Edge, ...]:
    """The edges of the picture of *definition*, in order of declaration."""
    groups: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[Move]] = {}
    for move in moves_of(definition):
        target = HISTORY if move.history else move.target
        groups.setdefault((move.event, target, move.conditions, move.guards), []).append(move)
    edges: list[Edge] = []
    for (event, target, conditions, guards), moves in groups.items():
        sources = {move.source for move in moves}
        for frame, members in frames(definition).items():
            if len(members) > 1 and sources >= set(members):
                held = tuple(move for move in moves if move.source in members)
                edges.append(Edge(frame, event, target, conditions, guards, held))
                sources -= set(members)
        for source in definition.states:
            if source in sources:
                held = tuple(move for move in moves if move.source == source)
                edges.append(Edge(source, event, target, conditions, guards, held))
    return tuple(edges)


def unframed(definition: Definition) -> tuple[Edge, ...]:
    """An edge for each move, for pictures without frames and without the sign H."""
    return tuple(
        Edge(
            one.source,
            one.event,
            one.target,
            (*one.conditions, "left here") if one.history else one.conditions,
            one.guards,
            (one,),
        )
        for one in moves_of(definition)
    )


@frozen
class Bundle:
    """All edges that go from one place to another: one line, with several labels."""

    source: str
    target: str
    edges: tuple[Edge, ...] = field(hash=False)

    @property
    def key(self) -> tuple[str, str]:
        return self.source, self.target

    def events(self) -> dict[str, tuple[Edge, ...]]:
        """Its edges by event, in order."""
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.event, []).append(edge)
        return {event: tuple(held) for event, held in found.items()}


def bundles(edges: Iterable[Edge]) -> tuple[Bundle, ...]:
    """*edges* gathered by where they begin and where they lead."""
    found: dict[tuple[str, str], list[Edge]] = {}
    for edge in edges:
        found.setdefault((edge.source, edge.target), []).append(edge)
    return tuple(Bundle(source, target, tuple(held)) for (source, target), held in found.items())
