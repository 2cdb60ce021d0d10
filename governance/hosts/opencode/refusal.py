"""How OpenCode's plugin is refused where nothing else can be said; it may import nothing."""

from __future__ import annotations

DECIDING = frozenset({"chat.message", "command.execute.before", "tool.execute.before"})
"""Events for which the plugin waits for leave; a failure of ours is a deny there."""


def deny_bytes(event: str, reason: str) -> bytes:
    """
    A deny of *event* in the shape that the plugin reads; *reason* is JSON with its quotes.

    >>> deny_bytes("chat.message", '"no"')
    b'{"governance":1,"event":"chat.message","action":"deny","message":"no"}'
    """
    made = f'{{"governance":1,"event":"{event}","action":"deny","message":{reason}}}'
    return made.encode("utf-8", "replace")
