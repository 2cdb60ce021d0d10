"""
Monitors as trees of closures: the readable form, and what generated code is compared with.

Each closure steps its own register and gives the truth at the event. All operands step, even
where the first decides: each may own a register.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

from governance.temporal.cells import (
    CellStep,
    Hits,
    held,
    pushed,
    slice_cell,
    slice_stepped,
)
from governance.temporal.formulas import (
    And,
    Atom,
    Count,
    Formula,
    Historically,
    Not,
    Once,
    Or,
    Since,
    Sliced,
    atoms_of,
)
from governance.temporal.registers import Cell, Slot

Step: TypeAlias = Callable[[list[Slot], Hits, int], bool]
"""Steps the registers in place, and gives the truth; the time comes plus one."""

Look: TypeAlias = Callable[[tuple[Slot, ...], int, str], bool]
"""The truth at an event that has just this time and key, and changes nothing."""


class Slots:
    """Numbers for registers, in the order in which formulas ask for them."""

    def __init__(self) -> None:
        self.spans: list[int] = []

    def take(self, bit: int) -> int:
        """A new slot that forgets at the boundary *bit*."""
        self.spans.append(bit)
        return len(self.spans) - 1


def each(parts: Sequence[Step], registers: list[Slot], hits: Hits, stamp: int) -> list[bool]:
    """What every one of *parts* says: a list, so that all have stepped before one is asked."""
    return [part(registers, hits, stamp) for part in parts]


def step_of(formula: Formula, atoms: Mapping[str, int], slots: Slots) -> Step:
    """The stepping closure of *formula*; takes its slots."""
    match formula:
        case Atom(name):
            number = atoms[name]
            return lambda _registers, hits, _stamp: number in hits
        case Not(of):
            inner = step_of(of, atoms, slots)
            return lambda registers, hits, stamp: not inner(registers, hits, stamp)
        case And(of):
            parts = [step_of(part, atoms, slots) for part in of]
            return lambda registers, hits, stamp: all(each(parts, registers, hits, stamp))
        case Or(of):
            parts = [step_of(part, atoms, slots) for part in of]
            return lambda registers, hits, stamp: any(each(parts, registers, hits, stamp))
        case Historically(of, span):
            broken = step_of(Once(Not(of), span), atoms, slots)
            return lambda registers, hits, stamp: not broken(registers, hits, stamp)
        case Sliced():
            return _sliced_step(formula, atoms, slots)
        case _:
            return _operator_step(formula, atoms, slots)


def _operator_step(operator: Once | Since | Count, atoms: Mapping[str, int], slots: Slots) -> Step:
    cell = _cell_step(operator, atoms, slots)
    place = slots.take(operator.span.bit)

    def step(registers: list[Slot], hits: Hits, stamp: int) -> bool:
        new = cell(registers, cast("Cell", registers[place]), hits, stamp)
        registers[place] = new
        return held(operator, new, stamp)

    return step


def _cell_step(
    operator: Once | Since | Count, atoms: Mapping[str, int], slots: Slots
) -> Callable[[list[Slot], Cell, Hits, int], Cell]:
    """How one cell of *operator* changes; its operands have registers of their own."""
    timed = not operator.span.bit
    match operator:
        case Once(of):
            start, hold = step_of(of, atoms, slots), None
        case Since(held_on, begun):
            hold, start = step_of(held_on, atoms, slots), step_of(begun, atoms, slots)
        case Count():
            return _count_step(operator, atoms, slots)

    def step(registers: list[Slot], cell: Cell, hits: Hits, stamp: int) -> Cell:
        goes_on = hold is None or hold(registers, hits, stamp)
        begins = start(registers, hits, stamp)
        known = cast("int", cell) if goes_on else 0
        if not begins:
            return known
        return max(known, stamp) if timed else 1

    return step


def _count_step(
    operator: Count, atoms: Mapping[str, int], slots: Slots
) -> Callable[[list[Slot], Cell, Hits, int], Cell]:
    of = step_of(operator.of, atoms, slots)
    forget = None if operator.forget is None else step_of(operator.forget, atoms, slots)
    timed, most = not operator.span.bit, operator.at_least

    def step(registers: list[Slot], cell: Cell, hits: Hits, stamp: int) -> Cell:
        counts = of(registers, hits, stamp)
        if forget is not None and forget(registers, hits, stamp):
            cell = 0
        if not counts or most == 0:
            return cell
        return pushed(cell, stamp, most) if timed else min(cast("int", cell) + 1, most)

    return step


def cell_step(sliced: Sliced, atoms: Mapping[str, int]) -> CellStep:
    """How the cell of one key changes: the operands of a slice have no registers."""
    step = _cell_step(sliced.of, atoms, Slots())
    nothing: list[Slot] = []
    return lambda cell, hits, stamp: step(nothing, cell, hits, stamp)


def _sliced_step(formula: Sliced, atoms: Mapping[str, int], slots: Slots) -> Step:
    step = cell_step(formula, atoms)
    own = tuple(dict.fromkeys(atoms[name] for name in atoms_of(formula)))
    upper = formula.bound == "upper"
    place = slots.take(formula.of.span.bit)

    def step_all(registers: list[Slot], hits: Hits, stamp: int) -> bool:
        registers[place] = slice_stepped(registers[place], step, own, hits, stamp, upper=upper)
        return False  # a slice has a truth for each key, and none of its own

    return step_all


def look_of(formula: Formula, slots: Slots) -> Look:
    """The looking closure of *formula*, over the slots that `step_of` took for it."""
    match formula:
        case Atom():
            return lambda _registers, _stamp, _key: False
        case Not(of):
            inner = look_of(of, slots)
            return lambda registers, stamp, key: not inner(registers, stamp, key)
        case And(of):
            parts = [look_of(part, slots) for part in of]
            return lambda registers, stamp, key: all(part(registers, stamp, key) for part in parts)
        case Or(of):
            parts = [look_of(part, slots) for part in of]
            return lambda registers, stamp, key: any(part(registers, stamp, key) for part in parts)
        case Historically(of, span):
            broken = look_of(Once(Not(of), span), slots)
            return lambda registers, stamp, key: not broken(registers, stamp, key)
        case Sliced(operator):
            place = slots.take(operator.span.bit)
            return lambda registers, stamp, key: held(
                operator, slice_cell(registers[place], key), stamp
            )
        case _:
            return _operator_look(formula, slots)


def _operator_look(operator: Once | Since | Count, slots: Slots) -> Look:
    match operator:
        case Once(of):
            start, stop = look_of(of, slots), None
        case Since(hold, begun):
            stop, start = look_of(Not(hold), slots), look_of(begun, slots)
        case Count():
            return _count_look(operator, slots)
    place = slots.take(operator.span.bit)

    def look(registers: tuple[Slot, ...], stamp: int, key: str) -> bool:
        if start(registers, stamp, key):
            return True
        if stop is not None and stop(registers, stamp, key):
            return False
        return held(operator, cast("Cell", registers[place]), stamp)

    return look


def _count_look(operator: Count, slots: Slots) -> Look:
    of = look_of(operator.of, slots)
    forget = None if operator.forget is None else look_of(operator.forget, slots)
    place = slots.take(operator.span.bit)
    timed, most = not operator.span.bit, operator.at_least

    def look(registers: tuple[Slot, ...], stamp: int, key: str) -> bool:
        cell = cast("Cell", registers[place])
        if forget is not None and forget(registers, stamp, key):
            cell = 0
        if of(registers, stamp, key) and most:
            cell = pushed(cell, stamp, most) if timed else cast("int", cell) + 1
        return held(operator, cell, stamp)

    return look
