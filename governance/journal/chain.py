"""
The hash chain: each row's sha256 covers the hash before it and every column of the row.

The encoding is unambiguous: numbers of fixed width, and all lengths before all texts, so no
two different rows (nor two different ways of cutting the same bytes) share an input.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

from governance.journal.records import Entry, Head, Origin, Record, Row, Snapshot

ZERO_HASH = bytes(32)
"""The hash before the first row of every session."""

_DOMAIN = b"governance/row/1\n"
_SNAPSHOT_DOMAIN = b"governance/snapshot/1\n"
_TOMBSTONE_DOMAIN = b"governance/tombstone/1\n"
_ENTRY_DOMAIN = b"governance/entry/1\n"
_HEADER = struct.Struct(">QqBBQQQQ")
_LENGTH = struct.Struct(">Q")


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

    Input in order, numbers big-endian: a domain label; *previous*; *seq* (u64), *at_ms*
    (i64), *durable* (u8), whether there is a key (u8), the lengths in bytes of session,
    kind, key and body (u64 each); then those four themselves.
    """
    name, sort = session.encode(), kind.encode()
    word = b"" if key is None else key.encode()
    header = _HEADER.pack(
        seq, at_ms, durable, key is not None, len(name), len(sort), len(word), len(body)
    )
    return hashlib.sha256(b"".join((_DOMAIN, previous, header, name, sort, word, body))).digest()


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
    previous: bytes, session: str, seq: int, rows: Sequence[Row], key: str | None
) -> list[Record]:
    """
    *rows* as records after sequence *seq*, whose hash is *previous*.

    *key* goes on the last of them.
    """
    made: list[Record] = []
    last = seq + len(rows) if key is not None else 0
    for row in rows:
        seq += 1
        own_key = key if seq == last else None
        kind, at_ms, body, durable = row.kind, row.at_ms, row.body, row.durable
        previous = row_hash(previous, session, seq, kind, at_ms, durable, own_key, body)
        made.append(Record(session, seq, kind, at_ms, body, durable, own_key, previous))
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


def tombstone_digest(head: Head, origin: Origin | None, position: int) -> bytes:
    """What the tombstone of a removed session must still hash to; no row is left to tell."""
    name = head.session.encode()
    parent = b"" if origin is None else origin.parent.encode()
    parts = (
        _TOMBSTONE_DOMAIN,
        _LENGTH.pack(head.seq),
        _LENGTH.pack(0 if origin is None else origin.seq),
        _LENGTH.pack(position),
        _LENGTH.pack(len(name)),
        _LENGTH.pack(len(parent)),
        head.hash,
        name,
        parent,
    )
    return hashlib.sha256(b"".join(parts)).digest()


def entry_digest(entry: Entry) -> bytes:
    """What a stored value must still hash to; against accidents alone."""
    shelf, name = entry.shelf.encode(), entry.name.encode()
    parts = (
        _ENTRY_DOMAIN,
        _LENGTH.pack(entry.version),
        _LENGTH.pack(len(shelf)),
        _LENGTH.pack(len(name)),
        shelf,
        name,
        entry.value,
    )
    return hashlib.sha256(b"".join(parts)).digest()


def entry_of(columns: tuple[object, ...]) -> Entry | None:
    """
    The value in *columns* (shelf, name, version, value, digest), or none where it is not what was
    put.
    """
    shelf, name, version, value, digest = columns
    if not (isinstance(shelf, str) and isinstance(name, str) and isinstance(version, int)):
        return None
    if version < 1 or not isinstance(value, bytes):
        return None
    entry = Entry(shelf, name, version, value)
    return entry if entry_digest(entry) == digest else None
