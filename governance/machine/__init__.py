"""
The session state machine: a table in TOML, checked whole, and one pure function over it.

>>> from governance.machine import ABSENT, Circumstances, load_machine
>>> machine = load_machine()
>>> run = machine.run(ABSENT, "start", Circumstances())
>>> run.steps[0].after.state
<State.BEGINNING: 'beginning'>

`load_machine` gives the machine that comes with the engine, or one of your own; `run` says
what an event comes to; `classify_gap` sorts the time a session was away into classes.
"""

from __future__ import annotations

from functools import cache

from governance.machine.definition import EVENTS, Definition
from governance.machine.gaps import GapBounds, classify_gap
from governance.machine.registers import (
    ABSENT,
    OUTCOMES,
    Circumstances,
    Refusal,
    Registers,
    Run,
    Step,
)
from governance.machine.running import SessionMachine

__all__ = [
    "ABSENT",
    "EVENTS",
    "OUTCOMES",
    "Circumstances",
    "Definition",
    "GapBounds",
    "Refusal",
    "Registers",
    "Run",
    "SessionMachine",
    "Step",
    "classify_gap",
    "load_machine",
]


def load_machine(text: str | None = None, *, file: str = "session.toml") -> SessionMachine:
    """
    The machine declared in *text*; without one, the machine that comes with the engine.

    The shipped machine is read and checked once a process. *file* names *text* in messages.

    Raises:
        DefinitionError: GOV150 to GOV167, every problem of the text at once.
    """
    if text is None:
        return _shipped_machine()
    from governance.machine.loader import load_definition

    return SessionMachine(load_definition(text, file))


@cache
def _shipped_machine() -> SessionMachine:
    from governance._shipped import machine_text
    from governance.machine.loader import load_definition

    return SessionMachine(load_definition(machine_text(), "states/session.toml"))
