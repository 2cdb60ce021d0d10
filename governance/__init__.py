"""
Governance of AI-agent sessions.

An explicit state machine for each session, rules in TOML that decide what its agent may
do, context that is injected when the model needs it, and a journal that proves itself.

>>> from governance import State
>>> State.BETWEEN_TURN
<State.BETWEEN_TURN: 'between-turn'>

Names are imported when they are first used: a hook process pays for what it touches.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` alone would cost more than all else that is imported here
if TYPE_CHECKING:
    from governance.aengine import AsyncEngine
    from governance.calls import ToolCall
    from governance.clock import Clock, SystemClock
    from governance.engine import Engine, Session
    from governance.errors import (
        DefinitionError,
        Diagnostic,
        GovernanceError,
        JournalError,
        MisuseError,
        OutcomeUnknown,
        StoreBusy,
        StoreDamaged,
        StoreFull,
        StoreMissing,
        StoreNewer,
    )
    from governance.events import Event
    from governance.listeners import Listeners
    from governance.session.commands import Command, HostTraits
    from governance.session.replies import Injection, Reply
    from governance.states import State
    from governance.tools import ToolRefused, governed_tool, governing

__version__ = "0.1.0"

__all__ = [
    "AsyncEngine",
    "Clock",
    "Command",
    "DefinitionError",
    "Diagnostic",
    "Engine",
    "Event",
    "GovernanceError",
    "HostTraits",
    "Injection",
    "JournalError",
    "Listeners",
    "MisuseError",
    "OutcomeUnknown",
    "Reply",
    "Session",
    "State",
    "StoreBusy",
    "StoreDamaged",
    "StoreFull",
    "StoreMissing",
    "StoreNewer",
    "SystemClock",
    "ToolCall",
    "ToolRefused",
    "governed_tool",
    "governing",
]

_HOMES = {
    "AsyncEngine": "governance.aengine",
    "Clock": "governance.clock",
    "Command": "governance.session.commands",
    "DefinitionError": "governance.errors",
    "Diagnostic": "governance.errors",
    "Engine": "governance.engine",
    "Event": "governance.events",
    "GovernanceError": "governance.errors",
    "HostTraits": "governance.session.commands",
    "Injection": "governance.session.replies",
    "JournalError": "governance.errors",
    "Listeners": "governance.listeners",
    "MisuseError": "governance.errors",
    "OutcomeUnknown": "governance.errors",
    "Reply": "governance.session.replies",
    "Session": "governance.engine",
    "State": "governance.states",
    "StoreBusy": "governance.errors",
    "StoreDamaged": "governance.errors",
    "StoreFull": "governance.errors",
    "StoreMissing": "governance.errors",
    "StoreNewer": "governance.errors",
    "SystemClock": "governance.clock",
    "ToolCall": "governance.calls",
    "ToolRefused": "governance.tools",
    "governed_tool": "governance.tools",
    "governing": "governance.tools",
}


def __getattr__(name: str) -> object:
    from governance._lazy import lazily  # not above: a status line imports this package alone

    return lazily(__name__, _HOMES)(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
