"""
Past-time formulas over events, and monitors that keep their truth in registers.

The room knows nothing of rules or facts: an event is a set of atoms that hold, a time, and
the boundaries that it crosses.
"""

from __future__ import annotations

from governance.temporal.formulas import (
    CONTEXT,
    EPOCH,
    TURN,
    And,
    Atom,
    Count,
    Formula,
    FormulaRefused,
    Historically,
    Not,
    Once,
    Or,
    Since,
    Sliced,
    Span,
    last,
)
from governance.temporal.monitors import Monitors
from governance.temporal.registers import (
    NOTHING,
    Registers,
    applied,
    carried,
    changes,
    registers_json,
    registers_of_json,
)

__all__ = [
    "CONTEXT",
    "EPOCH",
    "NOTHING",
    "TURN",
    "And",
    "Atom",
    "Count",
    "Formula",
    "FormulaRefused",
    "Historically",
    "Monitors",
    "Not",
    "Once",
    "Or",
    "Registers",
    "Since",
    "Sliced",
    "Span",
    "applied",
    "carried",
    "changes",
    "last",
    "registers_json",
    "registers_of_json",
]
