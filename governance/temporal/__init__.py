"""
Past-time formulas over events, and monitors that keep their truth in registers.

The room knows nothing of rules or facts: an event is a set of atoms that hold, a time, and
the boundaries that it crosses. Names are imported when they are first used, so that a
process whose rules do not look back pays for registers alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance._lazy import lazily

if TYPE_CHECKING:
    from governance.temporal.formulas import (
        CONTEXT,
        CONTEXT_BEGAN,
        EPOCH,
        EPOCH_BEGAN,
        TURN,
        TURN_BEGAN,
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
        Remembered,
        applied,
        carried,
        changes,
        registers_json,
        registers_of_json,
    )

__all__ = [
    "CONTEXT",
    "CONTEXT_BEGAN",
    "EPOCH",
    "EPOCH_BEGAN",
    "NOTHING",
    "TURN",
    "TURN_BEGAN",
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
    "Remembered",
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

_REGISTERS = (
    "NOTHING", "Remembered", "applied", "carried", "changes", "registers_json",
    "registers_of_json",
)  # fmt: skip
_HOMES = dict.fromkeys(__all__, ".formulas") | dict.fromkeys(_REGISTERS, ".registers")
_HOMES["Monitors"] = ".monitors"

__getattr__ = lazily(__name__, _HOMES)
