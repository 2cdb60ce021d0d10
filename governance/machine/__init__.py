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

    The shipped machine is taken as it was proven when the package was made, and only
    proven again when its file was changed since. *file* names *text* in messages.

    Raises:
        DefinitionError: GOV150 to GOV167, every problem of the text at once.
    """
    if text is None:
        return _shipped_machine()
    from governance.machine.loader import load_definition

    return SessionMachine(load_definition(text, file))


PACKED = "session.packed.json"
"""The shipped machine as it was proven; worth nothing when the file's hash is another."""


@cache
def _shipped_machine() -> SessionMachine:
    from governance._shipped import machine_text

    text = machine_text()
    return _proven(text) or load_machine(text, file="states/session.toml")


def _proven(text: str) -> SessionMachine | None:
    """
    The machine of *text*, if it was proven before; a hook process has no time to do it.

    Whoever could forge the packed file could as well change this module beside it.
    """
    import json
    from hashlib import sha256
    from pathlib import Path

    from governance.machine.packed import unpack_machine

    try:
        packed = json.loads(Path(__file__).with_name(PACKED).read_bytes())
        if packed["sha256"] != sha256(text.encode()).hexdigest():
            return None
        return unpack_machine(packed)
    except (OSError, ValueError, KeyError, TypeError):
        # Not there, or not ours: the file itself is read and proven instead.
        return None
