"""
From candidates for the rows of one session to its chain: what is kept, and what is lost.

Pure. A candidate is a row that was found somewhere, in whatever state. One that follows the
row before it by its hash is that row, whoever had it. After a row that is lost there are three
ways to know the next: somebody still knows the lost row's hash; the lost row's own column still
tells it, and the next row proves it; or the row after the next is chained to it. Where none of
the three holds and nothing contradicts it, a row is kept and the stand-in before it says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs

from governance._attrs import frozen
from governance.journal.chain import record_hash
from governance.journal.gaps import (
    GAP_KIND,
    Bridge,
    Link,
    is_next,
    link_after,
    row_digest,
    stand_in,
)
from governance.journal.records import Record

_AHEAD = 3
"""Slots that are looked at together."""

Slot = tuple[int, tuple[Record, ...]]
"""A sequence, and the candidates for the row that stands there."""


def _no_bridge(_seq: int) -> None:
    """No repair was made before."""


@frozen
class Facts:
    """
    What is known of a session besides its candidates.

    Attributes:
        base: Sequence before its first own row; 0 but for a branch.

        link: What the first row must be chained to.

        last: Sequence of its last row, as far as anybody knows.

        known: Hashes that the row of a sequence had, by the mirror, a snapshot or the head.

        fixed: Stand-ins that rows were written after: nothing can take their place.

        bridge: What an earlier repair said of the row that follows its stand-in of a
            sequence.
    """

    base: int
    link: Link
    last: int
    known: Callable[[int], tuple[bytes, ...]]
    fixed: frozenset[int] = frozenset()
    bridge: Callable[[int], Bridge | None] = _no_bridge


@frozen
class Kept:
    """
    A row that goes into the repaired session.

    Attributes:
        lost: Hash of the lost row before it, where this row proves it.

        proven: Whether its hash follows from what is known.
    """

    record: Record
    lost: bytes = b""
    proven: bool = True


@frozen
class Lost:
    """Rows *first* to *last*, of which no copy was found; the hash of the last, if known."""

    first: int
    last: int
    hash: bytes = b""


def reassemble(slots: Iterable[Slot], facts: Facts) -> Iterator[Kept | Lost]:
    """
    The rows of a session from its first to its last, each kept or lost, in order.

    Args:
        slots: Candidates in order of sequence; sequences without any may be left out.
    """
    link: Link | None = facts.link
    lost_from = 0
    rejected: tuple[Record, ...] = ()
    at = facts.base
    for (seq, found_here), (_, ahead), (_, beyond) in _with_next(slots):
        if seq <= facts.base:
            continue
        if seq > at + 1 and link is not None:
            if at >= facts.last:
                break  # beyond the end, and not even joined to it
            link, lost_from, rejected = None, at + 1, ()
        elif seq > at + 1:
            rejected = ()
        here = _allowed(found_here, seq, facts)
        found = _choose(link, here, (ahead, beyond), rejected, facts, seq)
        if found is None:
            if seq > facts.last:
                break
            rejected = here
            lost_from = lost_from if link is None else seq
            link, at = None, seq
            continue
        if link is None:
            if seq > facts.last and not found.proven:
                break
            yield Lost(lost_from, seq - 1, found.lost)
        yield found
        link, at, rejected = link_after(found.record), seq, ()
    last = max(at, facts.last)
    if link is not None and last > at:
        yield Lost(at + 1, last, _one(facts.known(last)))
    elif link is None:
        yield Lost(lost_from, last, _one(facts.known(last)))


def _with_next(slots: Iterable[Slot]) -> Iterator[tuple[Slot, Slot, Slot]]:
    """Each slot with the next two, an empty one where there is none for that sequence."""
    waiting: list[Slot] = []
    for slot in slots:
        waiting.append(slot)
        if len(waiting) == _AHEAD:
            yield _joined(waiting)
            waiting.pop(0)
    while waiting:
        yield _joined(waiting)
        waiting.pop(0)


def _joined(waiting: list[Slot]) -> tuple[Slot, Slot, Slot]:
    by_seq = dict(waiting)
    seq, here = waiting[0]
    return (seq, here), (seq + 1, by_seq.get(seq + 1, ())), (seq + 2, by_seq.get(seq + 2, ()))


def _allowed(here: tuple[Record, ...], seq: int, facts: Facts) -> tuple[Record, ...]:
    """
    Those of *here* that may stand at *seq*.

    Stand-ins of an earlier repair are made anew, as far as they are still needed, so that what
    was found since takes its place; but for those that rows were written after.
    """
    fixed = seq in facts.fixed
    return tuple(one for one in here if (one.kind == GAP_KIND) is fixed)


def _choose(
    link: Link | None,
    here: tuple[Record, ...],
    later: tuple[tuple[Record, ...], tuple[Record, ...]],
    rejected: tuple[Record, ...],
    facts: Facts,
    seq: int,
) -> Kept | None:
    """The row at *seq*, if one of the candidates is it; *later* are those of the next two."""
    if link is None:
        return _after_loss(here, later, rejected, facts, seq)
    for one in here:
        if is_next(link, one):
            return Kept(one)
    if isinstance(link, Bridge):
        link = link.own
    for one in here:
        # All columns may be right but that of the hash, and others say what that was.
        right = record_hash(link, one)
        if right in facts.known(seq) or _is_followed(right, later[0]):
            return Kept(attrs.evolve(one, hash=right))
    return None


def _after_loss(
    here: tuple[Record, ...],
    later: tuple[tuple[Record, ...], tuple[Record, ...]],
    rejected: tuple[Record, ...],
    facts: Facts,
    seq: int,
) -> Kept | None:
    ahead, beyond = later
    known = facts.known(seq - 1)
    for hash_ in (*known, *(one.hash for one in rejected)):
        for one in here:
            if record_hash(hash_, one) == one.hash:
                return Kept(one, hash_)
    if known:
        return None  # what the row was chained to is known, and none of these was
    bound = facts.bridge(seq - 1)
    if bound is not None and bound.next_digest:
        return next((Kept(one, proven=False) for one in here if is_next(bound, one)), None)
    for one in here:
        if one.hash in facts.known(seq) or _is_followed(one.hash, ahead):
            return Kept(one, proven=False)
    # The next row contradicts it, so one of the two is damaged. A next row whose own hash is
    # proven by a third one is believed, unless it is the longer one, which lies on more pages.
    trusted = [one for one in ahead if not beyond or _is_followed(one.hash, beyond)]
    for one in here:
        if all(len(one.body) < len(other.body) for other in trusted):
            return Kept(one, proven=False)
    return None


def _is_followed(hash_: bytes, ahead: tuple[Record, ...]) -> bool:
    return any(record_hash(hash_, one) == one.hash for one in ahead)


def _one(hashes: tuple[bytes, ...]) -> bytes:
    return hashes[0] if len(set(hashes)) == 1 else b""


def woven(parts: Iterable[Kept | Lost], session: str, own: bytes, at_ms: int) -> Iterator[Record]:
    """
    *parts* as the rows of the repaired session: what is lost has its stand-ins.

    Args:
        own: Hash of the row before the first.

        at_ms: When the stand-ins are made.
    """
    waiting: Lost | None = None
    for part in parts:
        if isinstance(part, Lost):
            waiting = part
            continue
        if waiting is not None:
            for one in _stand_ins(waiting, part.record, session, own, at_ms):
                own = one.hash
                yield one
            waiting = None
        own = part.record.hash
        yield part.record
    if waiting is not None:
        yield from _stand_ins(waiting, None, session, own, at_ms)


def _stand_ins(
    lost: Lost, following: Record | None, session: str, own: bytes, at_ms: int
) -> Iterator[Record]:
    bridge = None
    if lost.hash:
        bridge = Bridge(b"", lost=lost.hash)
    elif following is not None:
        bridge = Bridge(b"", next_hash=following.hash, next_digest=row_digest(following))
    run = (lost.first, lost.last)
    for seq in range(lost.first, lost.last + 1):
        made = stand_in(session, seq, at_ms, own, run, bridge if seq == lost.last else None)
        own = made.hash
        yield made
