"""
Rows that stand where others were lost, and how a chain goes on after them.

Every sequence number of a session has a row, so each lost row has a stand-in of kind
`GAP_KIND`. A stand-in is chained to the row before it like any other. The row after the last
of them was chained to a row that is gone; so the last stand-in says what that link was: the
hash of the lost row where somebody still knows it, else a digest of the very row that follows.
Rows keep their numbers and hashes that way, and a copy that is found later still fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from governance._attrs import define, frozen
from governance.journal.chain import ZERO_HASH, record_hash, row_hash
from governance.journal.records import Record
from governance.values import Json, ValueRefused, dump_json, load_json

GAP_KIND = "session.gap"
"""Kind of a row that stands for one that was lost."""

DAMAGED_KIND = "session.damaged"
"""Kind of the row at the end of a session that says what was lost of it."""

ACCEPTED_KIND = "session.repaired"
"""Kind of the row by which a person accepts the gaps before it."""


@frozen
class Bridge:
    """
    What may follow a stand-in.

    Attributes:
        own: The stand-in's own hash: rows written after the repair are chained to it.

        lost: Hash of the lost row, or ``b""`` where nobody knows it.

        next_hash: Hash that the next row carries, where *lost* is not known.

        next_digest: Digest of all columns of that row.
    """

    own: bytes
    lost: bytes = b""
    next_hash: bytes = b""
    next_digest: bytes = b""


Link = bytes | Bridge
"""What the next row of a session must be chained to."""


def row_digest(record: Record) -> bytes:
    """A hash of every column of *record* but its own hash, by itself."""
    return record_hash(ZERO_HASH, record)


def is_next(link: Link, record: Record) -> bool:
    """Whether *record* is the row that *link* lets follow, unchanged."""
    if isinstance(link, bytes):
        return record_hash(link, record) == record.hash
    if record_hash(link.own, record) == record.hash:
        return True
    if link.lost:
        return record_hash(link.lost, record) == record.hash
    return record.hash == link.next_hash and row_digest(record) == link.next_digest


def link_after(record: Record) -> Link:
    """What must follow *record*."""
    return record.hash if record.kind != GAP_KIND else bridge_of(record.hash, record.body)


def chained(
    rows: Iterable[Record | None],
    after: int,
    link: Link | None,
    damaged: Callable[[int, str], Exception],
) -> list[Record]:
    """
    *rows* as a store holds them, proven to follow row *after* of their session and *link*.

    Args:
        rows: ``None`` for one that has another shape than it was written in.

        link: ``None``: row *after* is not there.

        damaged: Makes what is raised of the first row that is wrong, from its number and why.
    """
    records: list[Record] = []
    for seq, record in enumerate(rows, after + 1):
        if record is None:
            raise damaged(seq, "a column has another type")
        if record.seq != seq:
            raise damaged(seq, f"row {record.seq} stands in its place")
        if link is None:
            raise damaged(after, "it is missing")
        if not is_next(link, record):
            raise damaged(seq, "it does not have the hash it carries")
        link = link_after(record)
        records.append(record)
    return records


def bridge_of(own: bytes, body: bytes) -> Bridge:
    """The bridge that a stand-in with *body* and the hash *own* holds; damaged ones hold none."""
    try:
        told = load_json(body)
        link = told.get("link") if isinstance(told, Mapping) else None
        if not isinstance(link, Mapping):
            return Bridge(own)
        lost, next_hash, digest = (
            bytes.fromhex(str(link.get(name) or "")) for name in ("lost", "next", "digest")
        )
    except (ValueRefused, ValueError):
        return Bridge(own)
    return Bridge(own, lost, next_hash, digest)


def stand_in(
    session: str, seq: int, at_ms: int, previous: bytes, run: tuple[int, int], bridge: Bridge | None
) -> Record:
    """
    The row that stands for the lost row *seq*.

    Args:
        previous: Hash of the row before it.

        run: First and last lost row of the stretch that *seq* lies in.

        bridge: On the last of the stretch: what the next row is linked by; ``None``: this is
            not the last one, or nothing follows.
    """
    first, last = run
    rows = last - first + 1
    what = f"row {first} is lost" if rows == 1 else f"rows {first} to {last} are lost"
    body: dict[str, Json] = {"data": {"what": what, "from": first, "to": last, "rows": rows}}
    if bridge is not None:
        told = {"lost": bridge.lost, "next": bridge.next_hash, "digest": bridge.next_digest}
        body["link"] = {name: value.hex() for name, value in told.items() if value}
    data = dump_json(body)
    own = row_hash(previous, session, seq, GAP_KIND, at_ms, True, None, data)
    return Record(session, seq, GAP_KIND, at_ms, data, True, None, own)


def damaged_row(
    session: str, seq: int, at_ms: int, previous: bytes, lost: Sequence[tuple[int, int]]
) -> Record:
    """The row *seq* that says which stretches of a session a repair did not find."""
    rows = sum(last - first + 1 for first, last in lost)
    first, last = lost[0]
    what = f"row {first} is lost" if last == first else f"rows {first} to {last} are lost"
    if len(lost) > 1:
        what = f"{rows} rows between {first} and {lost[-1][1]} are lost"
    body: dict[str, Json] = {"data": {"what": what, "rows": rows}, "actor": "repair"}
    data = dump_json(body)
    own = row_hash(previous, session, seq, DAMAGED_KIND, at_ms, True, None, data)
    return Record(session, seq, DAMAGED_KIND, at_ms, data, True, None, own)


@define(eq=False)
class Losses:
    """What a walk along a session has met of losses that no person has accepted."""

    first: int = 0
    last: int = 0

    def see(self, record: Record) -> None:
        """Take note of *record*, the next one."""
        if record.kind in (GAP_KIND, DAMAGED_KIND):
            self.first, self.last = self.first or record.seq, record.seq
        elif record.kind == ACCEPTED_KIND:
            self.first = self.last = 0

    @property
    def message(self) -> str:
        """What `verify` says of them, or ``""``."""
        if not self.first:
            return ""
        where = f"at {self.first}"
        if self.last > self.first:
            where = f"between {self.first} and {self.last}"
        return f"rows are lost {where}, and no person has accepted that"
