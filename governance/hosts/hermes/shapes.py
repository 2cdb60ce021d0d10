"""
How Hermes is told *no*, in the very shapes that it heeds.

Nothing is imported here: these are also given when nothing else of ours works. A block
without a message is no block to Hermes, and whatever raises lets the tool run.
"""

from __future__ import annotations

UNREADY = "governance cannot decide, so this is refused"


def block(reason: str) -> dict[str, str]:
    """
    The answer of ``pre_tool_call``: the tool does not run, its result is the message.

    >>> block("")
    {'action': 'block', 'message': 'governance cannot decide, so this is refused'}
    """
    return {"action": "block", "message": reason or UNREADY}


def denied_command(reason: str) -> dict[str, str]:
    """The answer of ``command:*``: nothing runs, the user reads the message."""
    return {"decision": "deny", "message": reason or UNREADY}
