"""How Gemini CLI is refused where nothing else can be said; it may import nothing."""

from __future__ import annotations

DECIDING = frozenset({"BeforeAgent", "BeforeTool"})
"""Events for which the client waits for leave; a failure of ours is a deny there."""


def deny_bytes(_: str, reason: str) -> bytes:
    """
    A deny in the client's shape, one for all events; *reason* is a JSON string with its quotes.

    >>> deny_bytes("BeforeTool", '"no"')
    b'{"decision":"deny","reason":"no"}'
    """
    return f'{{"decision":"deny","reason":{reason}}}'.encode("utf-8", "replace")
