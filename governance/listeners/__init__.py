"""
Listeners: functions and programs that are shown lifecycle events.

A *before* event can be refused or, in its writable fields, changed; an *after* event is
committed and can only be looked at. What listeners do is a value (`BeforeResult`,
`ListenerFailure`): whatever they raise, and however long they hang, the engine goes on.

>>> from governance.events import Event
>>> from governance.listeners import Listeners, Refuse
>>> listeners = Listeners()
>>> def careful(event: Event) -> Refuse | None:
...     return Refuse("no shell today") if event.data["tool"] == "shell" else None
>>> _ = listeners.register("tool.asked", careful, mode="sequential", name="careful")
>>> asked = Event(name="tool.asked", session_id="s", data={"tool": "shell"})
>>> [refusal.reason for refusal in listeners.run_before(asked).refusals]
['no shell today']
>>> listeners.close()
()
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from governance._lazy import lazily

if TYPE_CHECKING:
    from governance.listeners.answers import (
        Answer,
        BeforeResult,
        ListenerFailure,
        Refusal,
        Refuse,
        Write,
    )
    from governance.listeners.listener import MODES, ON_ERRORS, Listener
    from governance.listeners.loading import (
        Registrar,
        listeners_of,
        register_commands,
        register_entry_points,
    )
    from governance.listeners.origins import ORIGINS, Origin, origin_table
    from governance.listeners.patterns import check_events, events_of
    from governance.listeners.registry import Listeners

__all__ = [
    "CODES",
    "MODES",
    "ON_ERRORS",
    "ORIGINS",
    "Answer",
    "BeforeResult",
    "Listener",
    "ListenerFailure",
    "Listeners",
    "Origin",
    "Refusal",
    "Refuse",
    "Registrar",
    "Write",
    "check_events",
    "events_of",
    "listeners_of",
    "origin_table",
    "register_commands",
    "register_entry_points",
]

CODES: Mapping[str, str] = {
    "GOV341": "a listener that is not installed",
    "GOV342": "an installed listener that cannot be loaded",
    "GOV440": "a listener that cannot be registered, or an event that cannot be shown",
    "GOV441": "a listener's program that could not do its work",
    "GOV442": "an answer that a listener may not give",
}

_NAMES = {
    "answers": ("Answer", "BeforeResult", "ListenerFailure", "Refusal", "Refuse", "Write"),
    "loading": ("Registrar", "listeners_of", "register_commands", "register_entry_points"),
    "origins": ("ORIGINS", "Origin", "origin_table"),
    "patterns": ("check_events", "events_of"),
    "listener": ("MODES", "ON_ERRORS", "Listener"),
    "registry": ("Listeners",),
}
# A process that answers one hook and has no listeners pays for none.
_HOMES = {name: f".{home}" for home, names in _NAMES.items() for name in names}

__getattr__ = lazily(__name__, _HOMES)
