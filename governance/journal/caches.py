"""What a store keeps of its rows to save time, and how it is held against them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from governance._attrs import frozen
from governance.journal.chain import snapshot_digest
from governance.journal.records import Finding, Snapshot
from governance.journal.searching import Searched

KEPT = "kept"
"""What a finding is called that something is at fault for which is kept of rows."""

FINDINGS_MAX = 1_000
"""Findings about what is kept that one look gives."""


@runtime_checkable
class Caching(Protocol):
    """A `Journal` that keeps more than rows and values: an index of messages, and snapshots."""

    def cache_findings(self) -> tuple[Finding, ...]:
        """What of it is not what the rows tell, at most `FINDINGS_MAX`; reads all messages."""
        ...

    def drop_caches(self) -> None:
        """Forget all of it; it comes anew as it is asked for."""
        ...


@frozen
class Indexed:
    """
    One message as the index has it.

    Attributes:
        words: In the order of the index; ``None``: too many to be in it.
    """

    seq: int
    at_ms: int
    words: tuple[str, ...] | None
    size: int


def wrong_snapshot(
    snapshot: Snapshot, digest: bytes, row_hash: bytes | None, head: int | None
) -> str:
    """What is wrong with *snapshot*, whose row has *row_hash* in a session up to *head*."""
    if digest != snapshot_digest(snapshot):
        return "the state that is kept of it is not what was put there"
    if head is None:
        return "a state is kept of a session that the store does not have"
    if snapshot.seq < 1 or snapshot.seq > head or row_hash != snapshot.hash:
        return f"the state that is kept of it is tied to row {snapshot.seq}, which it does not fit"
    return ""


def first_wrong(
    session: str, told: Iterable[tuple[Searched, Sequence[str]]], indexed: Iterable[Indexed]
) -> Finding | None:
    """
    The first message of *session* that is not in the index as its row tells it.

    Args:
        told: The messages with their words as the index ought to have them, in order.
    """
    found = iter(indexed)
    for one, words in told:
        there = next(found, None)
        if there is None or there.seq > one.seq:
            return _finding(session, one.seq, "is not in the index of messages")
        if there.seq < one.seq:
            return _finding(session, there.seq, "is no message, and in their index")
        size = len(one.words)
        fits = there.words is None or there.words == tuple(words)
        if not fits or (there.at_ms, there.size) != (one.at_ms, size):
            return _finding(session, one.seq, "is otherwise in the index of messages")
    more = next(found, None)
    return _finding(session, more.seq, "is no message, and in their index") if more else None


def _finding(session: str, seq: int, what: str) -> Finding:
    return Finding(KEPT, session, seq, f"the row {what}")
