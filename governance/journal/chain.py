"""
The hash chain: each row's sha256 covers the hash before it and every column of the row.

The encoding is unambiguous: fixed-width integers, and a length before every text, so no two
different rows (nor two different ways of cutting the same bytes) share an input.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable

from governance.journal.records import Record, Row, Snapshot

ZERO_HASH = bytes(32)
"""The hash before the first row of every session."""

_DOMAIN = b"governance/row/1\n"
_SNAPSHOT_DOMAIN = b"governance/snapshot/1\n"
_HEADER = struct.Struct(">QqB")
_LENGTH = struct.Struct(">Q")
_NO_KEY = b"\x00"
_KEY = b"\x01"


def row_hash(
    previous: bytes,
    session: str,
    seq: int,
    kind: str,
    at_ms: int,
    durable: bool,
    key: str | None,
    body: bytes,
) -> bytes:
    """
    The 32 bytes that stand in the ``hash`` column of this row.

    Input in order: a domain label, *previous*, *seq* (u64), *at_ms* (i64), *durable* (u8),
    then session, kind, key and body, each after its length in bytes (u64); a key that is
    not there is one zero byte, one that is there a one byte before its length.
    """
    name, sort = session.encode(), kind.encode()
    length = _LENGTH.pack
    parts = [
        _DOMAIN,
        previous,
        _HEADER.pack(seq, at_ms, durable),
        length(len(name)),
        name,
        length(len(sort)),
        sort,
    ]
    if key is None:
        parts.append(_NO_KEY)
    else:
        word = key.encode()
        parts += (_KEY, length(len(word)), word)
    parts += (length(len(body)), body)
    return hashlib.sha256(b"".join(parts)).digest()


def record_hash(previous: bytes, record: Record) -> bytes:
    """The hash that *record* should carry after a row whose hash is *previous*."""
    return row_hash(
        previous,
        record.session,
        record.seq,
        record.kind,
        record.at_ms,
        record.durable,
        record.key,
        record.body,
    )


def chain_rows(
    previous: bytes, session: str, seq: int, rows: Iterable[Row], key: str | None
) -> list[Record]:
    """
    *rows* as records after sequence *seq*, whose hash is *previous*.

    *key* goes on the last of them.
    """
    made: list[Record] = []
    todo = list(rows)
    for place, row in enumerate(todo, start=1):
        own_key = key if place == len(todo) else None
        previous = row_hash(
            previous, session, seq + place, row.kind, row.at_ms, row.durable, own_key, row.body
        )
        made.append(
            Record(
                session, seq + place, row.kind, row.at_ms, row.body, row.durable, own_key, previous
            )
        )
    return made


def snapshot_digest(snapshot: Snapshot) -> bytes:
    """What a stored snapshot must still hash to; a flipped bit makes it worthless, not wrong."""
    name = snapshot.session.encode()
    parts = (
        _SNAPSHOT_DOMAIN,
        _LENGTH.pack(len(name)),
        name,
        _LENGTH.pack(snapshot.seq),
        snapshot.hash,
        _LENGTH.pack(snapshot.version),
        _LENGTH.pack(len(snapshot.body)),
        snapshot.body,
    )
    return hashlib.sha256(b"".join(parts)).digest()
