"""
What a store keeps: which sessions go, decided from what is known of each, purely.

The longest untouched go first, and none that somebody may still need.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from governance._attrs import frozen
from governance.ledger import halted
from governance.session.state import SessionState

Why = Literal["person", "age", "count", "size"]


@frozen(kw_only=True)
class RetentionPolicy:
    """
    What is kept; 0 is no bound.

    Attributes:
        age_ms_max: A session that was not touched for longer goes.

        sessions_max: How many sessions stay, those that may not go among them; what cannot be
            read takes nobody's place.

        bytes_max: Bytes that the rows of all of them may have together.

        folder: Where archives are written, absolute; ``""``: rows go without an archive.
    """

    age_ms_max: int = 0
    sessions_max: int = 0
    bytes_max: int = 0
    folder: str = ""

    @property
    def bounded(self) -> bool:
        """Whether anything can ever go."""
        return bool(self.age_ms_max or self.sessions_max or self.bytes_max)


@frozen
class Candidate:
    """
    One session as retention sees it.

    Attributes:
        seen_at_ms: When something was last known of it.

        needed: Why it stays whatever the bounds say, or ``""``.

        readable: Whether its rows can be read. What cannot (it was erased, it is damaged) is
            never taken away, so that it would hold the place of one that could stay for ever.
    """

    session: str
    seen_at_ms: int
    size_bytes: int
    needed: str = ""
    readable: bool = True


def candidate(state: SessionState, now_ms: int) -> Candidate:
    """*state* as retention sees it, before it is known whether a branch needs it."""
    needed = ""
    if state.live:
        needed = "it is live"
    elif halted(state.ledger, now_ms) is not None:
        needed = "it is halted"
    elif state.conflicts:
        needed = "it has conflicts open"
    elif any(one.open_at(now_ms) for one in state.ledger.approvals):
        needed = "it waits for a person"
    seen = max(state.last_work_at_ms or 0, state.created_at_ms, state.interrupted_at_ms or 0)
    return Candidate(state.id, seen, state.size_bytes, needed)


def plan(
    found: Sequence[Candidate], policy: RetentionPolicy, now_ms: int
) -> tuple[tuple[str, Why], ...]:
    """
    The sessions that go by *policy*, the longest untouched first, and the first bound that
    asks for each.

    A clock that went back makes nobody old: what lies in the future is of now.
    """
    count = sum(one.readable for one in found)
    size = sum(one.size_bytes for one in found)
    gone: list[tuple[str, Why]] = []
    for one in sorted(found, key=lambda each: (each.seen_at_ms, each.session)):
        why: Why | None = None
        if policy.age_ms_max and now_ms - one.seen_at_ms > policy.age_ms_max:
            why = "age"
        elif policy.sessions_max and count > policy.sessions_max and one.readable:
            why = "count"
        elif policy.bytes_max and size > policy.bytes_max:
            why = "size"
        if why is None or one.needed:
            continue
        gone.append((one.session, why))
        count -= one.readable
        size -= one.size_bytes
    return tuple(gone)
