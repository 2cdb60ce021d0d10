"""The names of the session's states, and of what may be refused, shared by every room."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """
    Where a session stands; `states/session.toml` says how it gets from one to another.

    ``ABSENT`` (never seen) and ``ENDED`` are both drawn as ``[*]``.
    """

    ABSENT = "absent"
    BEGINNING = "beginning"
    BETWEEN_TURN = "between-turn"
    COMPACTED = "compacted"
    RESUMED = "resumed"
    INTERRUPTED = "interrupted"
    ENDED = "ended"


LIVE_STATES = frozenset({State.BEGINNING, State.BETWEEN_TURN, State.COMPACTED, State.RESUMED})

DEAD_STATES = frozenset({State.ABSENT, State.ENDED})
"""Where a session holds back all who stand below it."""

OWED = ("beginning", "compacted", "resumed", "due")
"""What a model must still be told, in the order in which it is told."""

ASKED_EVENTS = ("start", "turn_start", "tool_before", "command", "compacting", "child_start")
"""Events of the machine that have not happened yet, so that they may be refused."""
