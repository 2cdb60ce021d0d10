"""
Rows of a SQLite store in and out, each checked against the chain as it is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from governance.errors import StoreDamaged
from governance.journal.chain import ZERO_HASH, chain_rows, snapshot_digest
from governance.journal.faults import DAMAGED_REMEDY
from governance.journal.gaps import GAP_KIND, Link, bridge_of, is_next, link_after
from governance.journal.records import (
    Append,
    Appended,
    Conflict,
    Duplicate,
    Head,
    Record,
    Snapshot,
)

if TYPE_CHECKING:
    import apsw

COLUMNS = "session, seq, kind, at_ms, body, durable, key, hash"

_KINDS: tuple[type | tuple[type, ...], ...] = (
    str,
    int,
    str,
    int,
    bytes,
    int,
    (str, type(None)),
    bytes,
)

HEAD_SQL = "SELECT head, hash FROM session WHERE id = ?"
_ROW_HASH_SQL = "SELECT hash FROM event WHERE session = ? AND seq = ?"
_LINK_SQL = (
    f"SELECT hash, iif(kind = '{GAP_KIND}', body, NULL) FROM event"  # noqa: S608 - our own names
    " WHERE session = ? AND seq = ?"
)
_KEY_SQL = f"SELECT {COLUMNS} FROM event WHERE key = ?"  # noqa: S608 - our own names
INSERT_SQL = f"INSERT INTO event ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_HEAD_UPSERT_SQL = (
    "INSERT INTO session VALUES (?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET head = excluded.head, hash = excluded.hash"
)


def record_of(columns: tuple[object, ...]) -> Record | None:
    """The record in *columns*, or none where a value has not the type it was written with."""
    for value, kind in zip(columns, _KINDS, strict=True):
        if not isinstance(value, kind):
            return None
    session, seq, kind_, at_ms, body, durable, key, hash_ = columns
    if durable not in (0, 1):
        return None
    return Record(session, seq, kind_, at_ms, body, bool(durable), key, hash_)  # type: ignore[arg-type]


def damaged(path: Path, session: str, seq: int, why: str) -> StoreDamaged:
    """The error for row *seq* of *session*, which *why* contradicts."""
    return StoreDamaged(
        f"row {seq} of `{session}` in the store `{path}` is damaged: {why}", remedy=DAMAGED_REMEDY
    )


def stored_head(connection: apsw.Connection, session: str) -> Head:
    """The head as the store states it."""
    found = connection.execute(HEAD_SQL, (session,)).fetchone()
    return Head(session, *found) if found is not None else Head(session, 0, ZERO_HASH)


def sound_head(connection: apsw.Connection, path: Path, session: str) -> Head:
    """
    The head, when the row it names is there and carries its hash.

    Raises:
        StoreDamaged: It is not; then nothing may be built on it.
    """
    found = connection.execute(HEAD_SQL, (session,)).fetchone()
    if found is None:
        return Head(session, 0, ZERO_HASH)
    seq, hash_ = found
    # Two look-ups cost a third of one join.
    own = connection.execute(_ROW_HASH_SQL, (session, seq)).fetchone()
    if own is None or own[0] != hash_:
        raise damaged(path, session, seq, "the head does not match the last row")
    return Head(session, seq, hash_)


def hash_at(connection: apsw.Connection, session: str, seq: int) -> bytes | None:
    """The hash of row *seq*, the zero hash for 0, or none where there is no such row."""
    if seq == 0:
        return ZERO_HASH
    found = connection.execute(_ROW_HASH_SQL, (session, seq)).fetchone()
    return found[0] if found is not None else None


def link_at(connection: apsw.Connection, session: str, seq: int) -> Link | None:
    """What must follow row *seq*: as `hash_at`, but for the rows that stand for lost ones."""
    if seq == 0:
        return ZERO_HASH
    found = connection.execute(_LINK_SQL, (session, seq)).fetchone()
    if found is None:
        return None
    own, gap = found
    return own if gap is None else bridge_of(own, gap)


def read_rows(
    connection: apsw.Connection, path: Path, session: str, after: int, limit: int, reverse: bool
) -> tuple[Record, ...]:
    """
    The rows that the contract's ``read`` gives, every one checked; in one read transaction.

    Raises:
        StoreDamaged: A row is missing, changed or unreadable, or the head is not the end.
    """
    head = stored_head(connection, session)
    if reverse:
        first = max(after, head.seq - limit)
        last = head.seq
    else:
        first, last = after, min(head.seq, after + limit)
    found = connection.execute(
        f"SELECT {COLUMNS} FROM event WHERE session = ? AND seq > ? ORDER BY seq LIMIT ?",  # noqa: S608
        (session, first, limit),
    )
    link = link_at(connection, session, first) if first <= head.seq else ZERO_HASH
    records = _chained(found, path, session, first, link)
    end = records[-1].seq if records else first
    if end != max(last, first):
        raise damaged(path, session, min(end, last) + 1, f"the head says {head.seq} rows")
    if records and end == head.seq and records[-1].hash != head.hash:
        raise damaged(path, session, end, "the head carries another hash")
    return tuple(reversed(records)) if reverse else tuple(records)


def _chained(
    found: Iterable[tuple[object, ...]],
    path: Path,
    session: str,
    after: int,
    link: Link | None,
) -> list[Record]:
    records: list[Record] = []
    seq = after
    for columns in found:
        seq += 1
        record = record_of(columns)
        if record is None:
            raise damaged(path, session, seq, "a column has another type")
        if record.seq != seq:
            raise damaged(path, session, seq, f"row {record.seq} stands in its place")
        if link is None:
            raise damaged(path, session, after, "it is missing")
        if not is_next(link, record):
            raise damaged(path, session, seq, "it does not have the hash it carries")
        link = link_after(record)
        records.append(record)
    return records


def find_key(connection: apsw.Connection, path: Path, key: str) -> Record | None:
    """
    The row that carries *key*, checked against its chain, or none.

    Raises:
        StoreDamaged: It is not what was written.
    """
    columns = connection.execute(_KEY_SQL, (key,)).fetchone()
    if columns is None:
        return None
    record = record_of(columns)
    if record is None:
        raise damaged(path, str(columns[0]), 0, "a column has another type")
    before = link_at(connection, record.session, record.seq - 1)
    if record.key != key or before is None or not is_next(before, record):
        raise damaged(path, record.session, record.seq, "it does not have the hash it carries")
    return record


def look(
    connection: apsw.Connection,
    path: Path,
    batch: tuple[Append, ...],
    key: str | None,
    known: dict[str, Head],
) -> tuple[Head, ...] | Conflict | Duplicate:
    """
    The heads to write *batch* after, or why nothing is to be written.

    Heads in *known* are taken as they are; others are read, checked, and added to it.
    """
    if key is not None:
        first = find_key(connection, path, key)
        if first is not None:
            return Duplicate(first)
    heads: list[Head] = []
    fits = True
    for one in batch:
        head = known.get(one.session)
        if head is None:
            head = known[one.session] = sound_head(connection, path, one.session)
        fits = fits and head.seq == one.expected_seq
        heads.append(head)
    return tuple(heads) if fits else Conflict(tuple(heads))


def write(
    connection: apsw.Connection,
    batch: tuple[Append, ...],
    heads: tuple[Head, ...],
    key: str | None,
) -> Appended:
    """Insert *batch* after *heads*; not yet committed."""
    written: list[Record] = []
    after: list[Head] = []
    for place, (one, head) in enumerate(zip(batch, heads, strict=True)):
        own_key = key if place == 0 else None
        records = chain_rows(head.hash, one.session, head.seq, one.rows, own_key)
        for r in records:
            connection.execute(
                INSERT_SQL,
                (r.session, r.seq, r.kind, r.at_ms, r.body, r.durable, r.key, r.hash),
            )
        last = records[-1]
        connection.execute(_HEAD_UPSERT_SQL, (last.session, last.seq, last.hash))
        after.append(Head(last.session, last.seq, last.hash))
        written += records
    return Appended(tuple(after), tuple(written))


def put_snapshot(connection: apsw.Connection, snapshot: Snapshot) -> None:
    """Insert *snapshot* in place of its session's older one; not yet committed."""
    connection.execute(
        "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?, ?, ?)",
        (
            snapshot.session,
            snapshot.seq,
            snapshot.hash,
            snapshot.version,
            snapshot.body,
            snapshot_digest(snapshot),
        ),
    )


def kept_snapshot(connection: apsw.Connection, session: str, version: int) -> Snapshot | None:
    """The snapshot that the contract's ``snapshot_get`` gives."""
    found = connection.execute(
        "SELECT session, seq, hash, version, body, digest FROM snapshot"
        " WHERE session = ? AND version = ?",
        (session, version),
    ).fetchone()
    if found is None:
        return None
    kept = Snapshot(*found[:5])
    if found[5] != snapshot_digest(kept) or kept.seq < 1:
        return None
    return kept if hash_at(connection, session, kept.seq) == kept.hash else None
