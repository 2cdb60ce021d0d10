"""
One register of one operator: how an event changes it, and when it says yes.

Times are kept plus one, so that 0 is never. Clocks may go back: what counts is the newest
time, and a time that lies ahead is inside every interval.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from governance.temporal.formulas import Count, Once, Since
from governance.temporal.registers import OTHERS, Cell, Slice, Slot

KEYS_MAX = 256
"""Keys that one slice keeps apart."""

Keys: TypeAlias = "tuple[str, ...] | None"
"""The keys for which an atom holds; ``None``: for every key there is."""

Hits: TypeAlias = Mapping[int, Keys]
"""The atoms that hold at an event, each for some keys; formulas without keys ask no more."""

CellStep: TypeAlias = Callable[[Cell, Hits, int], Cell]
"""A cell after an event with these hits at this time + 1."""


def pushed(ring: Cell, stamp: int, size: int) -> Cell:
    """The *size* newest of the times in *ring* and *stamp*, in order."""
    times = list(ring) if isinstance(ring, tuple) else []
    insort(times, stamp)
    return tuple(times[-size:])


def held(operator: Once | Since | Count, cell: Cell, stamp: int) -> bool:
    """Whether *cell* says yes at *stamp*, without anything new."""
    back = operator.span.back_ms
    timed = not operator.span.bit
    if isinstance(operator, Count):
        if operator.at_least == 0:
            return True
        if not timed:
            return cast("int", cell) >= operator.at_least
        full = isinstance(cell, tuple) and len(cell) >= operator.at_least
        return full and cast("tuple[int, ...]", cell)[0] >= stamp - back
    return cell != 0 and (not timed or cast("int", cell) >= stamp - back)


def joined(one: Cell, other: Cell) -> Cell:
    """The least cell that says yes wherever one of both does."""
    if isinstance(one, int) and isinstance(other, int):
        return max(one, other)
    left = list(one) if isinstance(one, tuple) else []
    right = list(other) if isinstance(other, tuple) else []
    size = max(len(left), len(right))
    left = [0] * (size - len(left)) + left
    right = [0] * (size - len(right)) + right
    return tuple(max(pair) for pair in zip(left, right, strict=True))


def slice_stepped(
    kept: Slot, step: CellStep, atoms: tuple[int, ...], hits: Hits, stamp: int, *, upper: bool
) -> Slot:
    """
    A slice after an event: touched keys step, and go to the end.

    Args:
        atoms: Those that the operator looks at.
    """
    cells = dict(cast("Slice", kept)) if kept != 0 else {}
    others = cells.pop(OTHERS, 0)
    touched: dict[str, None] = {}
    every: dict[int, Keys] = {}
    for atom in atoms:
        if atom in hits:
            keys = hits[atom]
            if keys is None:
                every[atom] = None
            else:
                touched.update(dict.fromkeys(keys))
    if every:
        cells = {
            key: step(cell, every, stamp) for key, cell in cells.items() if key not in touched
        } | {key: cells[key] for key in cells if key in touched}
    for key in touched:
        own: dict[int, Keys] = {
            atom: None
            for atom in atoms
            if atom in hits and (atom in every or key in cast("tuple[str, ...]", hits[atom]))
        }
        # An upper bound takes a key that is new to it for one that it may have lost.
        cells[key] = step(cells.pop(key, others), own, stamp)
    if every and (upper or others):
        others = step(others, every, stamp)
    while len(cells) > KEYS_MAX:
        oldest = next(iter(cells))
        gone = cells.pop(oldest)
        if upper:
            others = joined(others, gone)
    if not upper:
        others = 0
    pairs = tuple((key, cell) for key, cell in cells.items() if cell != others)
    return ((OTHERS, others), *pairs) if others else pairs or 0


def slice_cell(kept: Slot, key: str) -> Cell:
    """What a slice says of *key*, or of all that it does not name."""
    if kept == 0:
        return 0
    others: Cell = 0
    for name, cell in cast("Slice", kept):
        if name == key:
            return cell
        if name == OTHERS:
            others = cell
    return others
