"""
Rows of a SQLite store in and out, each checked against the chain as it is read.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from governance.errors import StoreDamaged
from governance.journal.chain import ZERO_HASH, chain_rows, snapshot_digest
from governance.journal.faults import DAMAGED_REMEDY
from governance.journal.gaps import Link, chained, is_next, link_after
from governance.journal.records import (
    Append,
    Appended,
    Conflict,
    Duplicate,
    Head,
    Origin,
    Record,
    Snapshot,
)
from governance.journal.sqlite_lineage import (
    ROW_HASH_SQL,
    TOMBSTONE_SQL,
    Stretch,
    hash_at,
    link_at,
    refuse_removed,
    stretches,
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
_ENTRY_SQL = "SELECT head, hash, parent, base FROM session WHERE id = ?"
_ROWS_SQL = f"SELECT {COLUMNS} FROM event WHERE session = ? AND seq > ? AND seq <= ? ORDER BY seq"  # noqa: S608
_BEYOND_SQL = "SELECT seq FROM event WHERE session = ? AND seq > ? ORDER BY seq LIMIT 1"
_KEY_SQL = f"SELECT {COLUMNS} FROM event WHERE key = ?"  # noqa: S608 - our own names
INSERT_SQL = f"INSERT INTO event ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_HEAD_INSERT_SQL = "INSERT INTO session (head, hash, position, echo, id) VALUES (?, ?, ?, ?, ?)"
_HEAD_UPDATE_SQL = "UPDATE session SET head = ?, hash = ?, position = ?, echo = ? WHERE id = ?"


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


def sound_head(connection: apsw.Connection, path: Path, session: str) -> Head:
    """
    The head, when the row it names is there and carries its hash.

    Raises:
        StoreDamaged: It is not; then nothing may be built on it.
    """
    found = connection.execute(HEAD_SQL, (session,)).fetchone()
    if found is None:
        return Head(session, 0, ZERO_HASH)
    seq, hash_ = _head_columns(path, session, found)
    # Two look-ups cost a third of one join.
    own = connection.execute(ROW_HASH_SQL, (session, seq)).fetchone()
    # A branch that has no row of its own yet ends with one that it shares.
    last = own[0] if own is not None else hash_at(connection, session, seq)
    if last != hash_:
        raise damaged(path, session, seq, "the head does not match the last row")
    return Head(session, seq, hash_)


def _head_columns(path: Path, session: str, columns: tuple[object, ...]) -> tuple[int, bytes]:
    seq, hash_ = columns[:2]
    if not isinstance(seq, int) or not isinstance(hash_, bytes):
        raise damaged(path, session, 0, "the head is not what was written")
    return seq, hash_


def _origin_columns(path: Path, session: str, columns: tuple[object, ...]) -> Origin | None:
    parent, base = columns[2:]
    if parent is None and base == 0:
        return None
    if not isinstance(parent, str) or not isinstance(base, int):
        raise damaged(path, session, 0, "where it was branched off is not what was written")
    return Origin(parent, base)


def read_rows(
    connection: apsw.Connection,
    path: Path,
    session: str,
    *,
    after: int,
    before: int | None,
    limit: int,
    reverse: bool,
) -> tuple[Record, ...]:
    """
    The rows that the contract's ``read`` gives, every one checked; in one read transaction.

    Raises:
        StoreDamaged: A row is missing, changed or unreadable, or the head is not the end.
    """
    entry = connection.execute(_ENTRY_SQL, (session,)).fetchone()
    seq, hash_ = _head_columns(path, session, entry) if entry is not None else (0, ZERO_HASH)
    origin = _origin_columns(path, session, entry) if entry is not None else None
    end = seq if before is None else min(seq, before - 1)
    first = max(after, end - limit) if reverse else after
    last = end if reverse else min(end, after + limit)
    records: list[Record] = []
    if first < last:
        link = link_at(connection, session, first)
        for part in stretches(connection, path, session, origin, first, last):
            records += _stretch(connection, path, part, link)
            link = link_after(records[-1])
        if last == seq and records[-1].hash != hash_:
            raise damaged(path, session, seq, "the head carries another hash")
    if last >= seq or first >= seq:
        # A session that was removed may have rows that are being put back.
        beyond = connection.execute(_BEYOND_SQL, (session, seq)).fetchone()
        if beyond is not None and (entry is not None or not _is_removed(connection, session)):
            raise damaged(path, session, beyond[0], f"the head says {seq} rows")
    return tuple(reversed(records)) if reverse else tuple(records)


def _is_removed(connection: apsw.Connection, session: str) -> bool:
    return connection.execute(TOMBSTONE_SQL, (session,)).fetchone() is not None


def _stretch(
    connection: apsw.Connection, path: Path, part: Stretch, link: Link | None
) -> list[Record]:
    """The rows of *part*, which follow *link*."""
    found = connection.execute(_ROWS_SQL, (part.owner, part.after, part.upto))
    records = chained(map(record_of, found), part.after, link, partial(damaged, path, part.owner))
    if len(records) != part.upto - part.after:
        due = part.after + len(records) + 1
        raise damaged(path, part.owner, due, f"there should be {part.upto} rows")
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
            head = sound_head(connection, path, one.session)
            if not head.seq:
                refuse_removed(connection, path, one.session)
            known[one.session] = head
        fits = fits and head.seq == one.expected_seq
        heads.append(head)
    return tuple(heads) if fits else Conflict(tuple(heads))


def write(
    connection: apsw.Connection,
    batch: tuple[Append, ...],
    heads: tuple[Head, ...],
    key: str | None,
    position: int,
) -> Appended:
    """Insert *batch* after *heads*, the first head moved to *position*; not yet committed."""
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
        moved = position + place
        connection.execute(
            _HEAD_UPDATE_SQL if head.seq else _HEAD_INSERT_SQL,
            (last.seq, last.hash, moved, -moved, last.session),
        )
        after.append(Head(last.session, last.seq, last.hash))
        written += records
    return Appended(tuple(after), tuple(written))


def put_snapshot(connection: apsw.Connection, snapshot: Snapshot) -> None:
    """Insert *snapshot* in place of its session's older one; not yet committed."""
    if connection.execute(HEAD_SQL, (snapshot.session,)).fetchone() is None:
        return
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


def drop_snapshots(connection: apsw.Connection) -> None:
    """Forget every snapshot; not yet committed."""
    connection.execute("DELETE FROM snapshot")


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
