"""
One function for all monitors of a rule set, generated from templates of this module.

No text of any file is put into it: atoms and slots are numbers, and everything else is handed
over as constants. What it does is what the closures of `governance.temporal.closures` do,
many times as fast, for it neither calls nor looks up anything per operator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

from attrs import field

from governance._attrs import define
from governance.temporal.cells import Hits, pushed, slice_stepped
from governance.temporal.closures import cell_step
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
    is_still,
)
from governance.temporal.registers import Slot

AllStep: TypeAlias = Callable[["tuple[Slot, ...]", Hits, int, int], "tuple[Slot, ...]"]
"""Remembered, hits, time + 1 and boundaries to registers."""


@define(eq=False)
class _Writer:
    """Collects lines; formulas are written operands first, as closures step them."""

    atoms: Mapping[str, int]
    lines: list[str] = field(factory=list)
    spans: list[int] = field(factory=list)
    constants: list[object] = field(factory=list)
    values: int = 0

    def constant(self, value: object) -> str:
        """The name under which *value* is handed over."""
        self.constants.append(value)
        return f"c{len(self.constants) - 1}"

    def slot(self, bit: int) -> str:
        self.spans.append(bit)
        return f"r{len(self.spans) - 1}"

    def value(self, text: str) -> str:
        """A name for the truth that the expression *text* has now."""
        self.values += 1
        name = f"v{self.values}"
        self.lines.append(f"{name} = {text}")
        return name

    def write(self, formula: Formula, *, needed: bool) -> str:
        """
        The lines of *formula*, and an expression of its truth.

        Args:
            needed: Whether anybody asks for the truth; registers step in any case.
        """
        match formula:
            case Atom(name):
                return f"({self.atoms[name]:d} in h)"
            case Not(of):
                return f"(not {self.write(of, needed=needed)})"
            case And(of) | Or(of):
                word, empty = ("and", "True") if isinstance(formula, And) else ("or", "False")
                parts = [self.write(part, needed=needed) for part in of]
                return "(" + f" {word} ".join(parts or [empty]) + ")"
            case Historically(of, span):
                return f"(not {self.write(Once(Not(of), span), needed=needed)})"
            case Sliced():
                return self._sliced(formula)
            case Count():
                return self._count(formula, needed)
            case _:
                return self._once(formula, needed)

    def _once(self, operator: Once | Since, needed: bool) -> str:
        hold = ""
        if isinstance(operator, Since):
            hold = self.write(operator.hold, needed=True)
            start = self.write(operator.start, needed=True)
        else:
            start = self.write(operator.of, needed=True)
        timed, back = not operator.span.bit, operator.span.back_ms
        r = self.slot(operator.span.bit)
        if hold:
            self.lines += [f"if {r} and not {hold}:", f"    {r} = 0"]
        if timed:
            self.lines += [f"if {start} and {r} < n:", f"    {r} = n"]
        else:
            self.lines += [f"if {start}:", f"    {r} = 1"]
        if not needed:
            return "False"
        return self.value(f"{r} != 0 and {r} >= n - {back:d}" if timed else f"{r} != 0")

    def _count(self, operator: Count, needed: bool) -> str:
        of = self.write(operator.of, needed=True)
        forget = "" if operator.forget is None else self.write(operator.forget, needed=True)
        most, timed, back = operator.at_least, not operator.span.bit, operator.span.back_ms
        r = self.slot(operator.span.bit)
        if forget:
            self.lines += [f"if {r} and {forget}:", f"    {r} = 0"]
        if most and timed:
            self.lines += [f"if {of}:", f"    {r} = pushed({r}, n, {most:d})"]
        elif most:
            self.lines += [f"if {r} < {most:d} and {of}:", f"    {r} += 1"]
        if not needed:
            return "False"
        if not most:
            return "True"
        if timed:
            return self.value(f"{r} != 0 and len({r}) >= {most:d} and {r}[0] >= n - {back:d}")
        return self.value(f"{r} >= {most:d}")

    def _sliced(self, formula: Sliced) -> str:
        own = tuple(dict.fromkeys(self.atoms[name] for name in atoms_of(formula)))
        step = self.constant(cell_step(formula, self.atoms))
        atoms = self.constant(own)
        r = self.slot(formula.of.span.bit)
        touched = " or ".join(f"{atom:d} in h" for atom in own) or "False"
        upper = formula.bound == "upper"
        self.lines += [
            f"if {touched}:",
            f"    {r} = sliced({r}, {step}, {atoms}, h, n, upper={upper})",
        ]
        return "False"


def generated(formulas: Sequence[Formula], atoms: Mapping[str, int]) -> AllStep:
    """
    The step of all *formulas* as one function; takes milliseconds for some hundred.

    Args:
        atoms: Name → number, for every atom in them.
    """
    writer = _written(formulas, atoms)
    source = _source(writer, still=all(is_still(one) for one in formulas))
    space: dict[str, object] = {"__builtins__": {"len": len}}
    space |= {"pushed": pushed, "sliced": slice_stepped}
    space |= {f"c{place}": value for place, value in enumerate(writer.constants)}
    # Written here from numbers and these templates alone, as the docstring says.
    exec(compile(source, "<monitors>", "exec"), space)  # noqa: S102
    return cast("AllStep", space["step"])


def source_of(formulas: Sequence[Formula], atoms: Mapping[str, int]) -> str:
    """The text of the function that `generated` makes, for whoever wants to read it."""
    return _source(_written(formulas, atoms), still=all(is_still(one) for one in formulas))


def _written(formulas: Sequence[Formula], atoms: Mapping[str, int]) -> _Writer:
    writer = _Writer(atoms)
    for formula in formulas:
        writer.write(formula, needed=False)
    return writer


def _source(writer: _Writer, *, still: bool) -> str:
    names = [f"r{place}" for place in range(len(writer.spans))]
    if not names:
        return "def step(r, h, n, b):\n    return r\n"
    listed = ", ".join(names) + ","
    lines = ["def step(r, h, n, b):"]
    if still:
        lines += ["    if not h and not b:", "        return r"]
    lines.append(f"    {listed} = r")
    boundaries = [
        (bit, [name for name, own in zip(names, writer.spans, strict=True) if own == bit])
        for bit in sorted(set(writer.spans) - {0})
    ]
    if boundaries:
        lines.append("    if b:")
        for bit, own in boundaries:
            lines += [f"        if b & {bit:d}:", f"            {' = '.join(own)} = 0"]
    if writer.lines:
        lines.append("    if h:" if still else "    if True:")
        lines += [f"        {line}" for line in writer.lines]
    lines.append(f"    return ({listed})")
    return "\n".join(lines) + "\n"
