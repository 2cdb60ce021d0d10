"""How Claude Code is refused where nothing else can be said; it may import nothing."""

from __future__ import annotations

DECIDING = frozenset({"PreToolUse", "UserPromptSubmit", "UserPromptExpansion"})
"""Events for which the client waits for leave; a failure of ours is a deny there."""


def deny_bytes(event: str, reason: str) -> bytes:
    """
    A deny of *event* in the client's shape; *reason* is a JSON string with its quotes.

    >>> deny_bytes("UserPromptSubmit", '"no"')
    b'{"decision":"block","reason":"no"}'
    """
    if event == "PreToolUse":
        made = (
            '{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny",'
            f'"permissionDecisionReason":{reason}}}}}'
        )
    else:
        made = f'{{"decision":"block","reason":{reason}}}'
    return made.encode("utf-8", "replace")
