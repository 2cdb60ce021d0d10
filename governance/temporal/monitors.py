"""All monitors of one rule set: their registers' names, the step, and the look."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import cast

from attrs import field

from governance._attrs import define
from governance.temporal.cells import Hits, held
from governance.temporal.closures import Look, Slots, Step, look_of, step_of
from governance.temporal.formulas import Formula, Sliced, atoms_of, check_formula
from governance.temporal.generated import AllStep, generated
from governance.temporal.registers import OTHERS, Remembered, Slice, Slot, carried

PLAIN_STEPS = 64
"""Steps by closures before the one function is generated: making it takes about as long as
these, so that a process which takes one event never pays for it."""

NAME_CHARS = 12


@define(eq=False)
class Monitors:
    """
    Formulas by name, and what it takes to keep them true to the events of a session.

    Immutable but for the generated function, which two threads may both make: it is alike.

    Attributes:
        atoms: The number of each atom, for hits.

        names: The names of the slots. A slot's name tells the whole formula that it belongs
            to, so that a formula which was changed finds nothing of what it was before.
    """

    formulas: Mapping[str, Formula]
    atoms: Mapping[str, int] = field(init=False)
    names: tuple[str, ...] = field(init=False)
    _steps: tuple[Step, ...] = field(init=False)
    _looks: Mapping[str, Look] = field(init=False)
    _spans: tuple[int, ...] = field(init=False)
    _places: dict[str, int] = field(init=False)
    _all: AllStep | None = field(default=None, init=False)
    _plain_left: int = field(default=PLAIN_STEPS, init=False)

    def __attrs_post_init__(self) -> None:
        for formula in self.formulas.values():
            check_formula(formula)
        found = (atom for formula in self.formulas.values() for atom in atoms_of(formula))
        self.atoms = {atom: number for number, atom in enumerate(dict.fromkeys(found))}
        stepping, looking = Slots(), Slots()
        steps: list[Step] = []
        looks: dict[str, Look] = {}
        self._places = {}
        names: list[str] = []
        for name, formula in self.formulas.items():
            self._places[name] = len(names)
            steps.append(step_of(formula, self.atoms, stepping))
            looks[name] = look_of(formula, looking)
            identity = sha256(repr(formula).encode()).hexdigest()[:NAME_CHARS]
            several = len(stepping.spans) - len(names)
            names += [f"{identity}.{at}" if at else identity for at in range(several)]
        # INVARIANT: both kinds of closure and the generated code ask for slots alike.
        assert stepping.spans == looking.spans, "a look reads what a step wrote"
        self.names, self._steps, self._looks = tuple(names), tuple(steps), looks
        self._spans = tuple(stepping.spans)

    def fresh(self) -> Remembered:
        """The registers of a session in which nothing has happened."""
        return carried(Remembered(), self.names)

    def step(
        self, registers: Remembered, hits: Hits, at_ms: int, boundaries: int = 0
    ) -> Remembered:
        """
        *registers* after one event.

        Args:
            hits: The numbers of the atoms that hold.

            boundaries: What begins with this event, as bits; it is forgotten first.
        """
        registers = carried(registers, self.names)
        if not self.names:
            return registers
        stamp = max(0, at_ms) + 1
        slots = self._code()(registers.slots, hits, stamp, boundaries)
        return registers if slots == registers.slots else Remembered(registers.names, slots)

    def holds(self, name: str, registers: Remembered, at_ms: int, key: str = "") -> bool:
        """
        Whether the formula *name* is true at an event of this time that has no atoms.

        Args:
            key: The key that is asked for, of a formula that is kept apart by keys.
        """
        registers = carried(registers, self.names)
        return self._looks[name](registers.slots, max(0, at_ms) + 1, key)

    def holds_for_some(
        self, name: str, registers: Remembered, at_ms: int, prefix: str = ""
    ) -> bool:
        """
        Whether the formula *name*, which is kept apart by keys, holds for any key.

        Args:
            prefix: Only keys that begin so are asked, and what stands for lost ones.
        """
        formula = self.formulas[name]
        # INVARIANT: only what is kept apart is asked about some key.
        assert isinstance(formula, Sliced), "only a slice has keys"
        slot = carried(registers, self.names).slots[self._places[name]]
        stamp = max(0, at_ms) + 1
        return any(
            held(formula.of, cell, stamp)
            for key, cell in (cast("Slice", slot) if slot != 0 else ())
            if key == OTHERS or key.startswith(prefix)
        ) or held(formula.of, 0, stamp)

    def stepped_by_closures(
        self, slots: tuple[Slot, ...], hits: Hits, stamp: int, boundaries: int
    ) -> tuple[Slot, ...]:
        """The step as the closures take it: the reference."""
        new: list[Slot] = [
            0 if bit & boundaries else slot for slot, bit in zip(slots, self._spans, strict=True)
        ]
        for step in self._steps:
            step(new, hits, stamp)
        return tuple(new)

    def generated(self) -> AllStep:
        """The step as one function, made when it is first asked for."""
        if self._all is None:
            self._all = generated(tuple(self.formulas.values()), self.atoms)
        return self._all

    def _code(self) -> AllStep:
        if self._all is not None:
            return self._all
        self._plain_left -= 1
        return self.generated() if self._plain_left < 0 else self.stepped_by_closures
