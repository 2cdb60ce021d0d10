"""
Branches, removals and what is put back, in a SQLite store: each one transaction.

Every function runs inside a transaction of the writer and leaves the commit to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from governance.errors import MisuseError
from governance.journal.chain import ZERO_HASH, tombstone_digest
from governance.journal.faults import too_deep
from governance.journal.gaps import Link
from governance.journal.records import BRANCH_DEPTH_MAX, Conflict, Head, Origin, Record, Whole
from governance.journal.restored import refuse_key, refuse_last, sound_rows, sound_wholes
from governance.journal.sqlite_lineage import (
    depth,
    hash_at,
    link_at,
    origin_of,
    refuse_removed,
    tombstone,
)
from governance.journal.sqlite_positions import Positions
from governance.journal.sqlite_rows import COLUMNS, INSERT_SQL, damaged, record_of, sound_head
from governance.journal.sqlite_shelf import forget as forget_values

if TYPE_CHECKING:
    import apsw

_REMOVED_SQL = "SELECT id, head, hash FROM removed WHERE id > ? ORDER BY id LIMIT ?"
_HEAD_INSERT_SQL = (
    "INSERT INTO session (id, head, hash, parent, base, position, echo)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, -?6)"
)

_KNOWN_SQL = (
    "SELECT 1 FROM session WHERE id = ?1 UNION ALL SELECT 1 FROM removed WHERE id = ?1"
    " UNION ALL SELECT 1 FROM event WHERE session = ?1 LIMIT 1"
)


def removed(connection: apsw.Connection, after: str, limit: int) -> tuple[Head, ...]:
    """What the contract's ``removed`` gives."""
    return tuple(Head(*row) for row in connection.execute(_REMOVED_SQL, (after, limit)))


def branch(positions: Positions, session: str, origin: Origin) -> Head | Conflict:
    """Begin *session* at *origin*: one row."""
    connection, path = positions.connection, positions.path
    refuse_removed(connection, path, session)
    refuse_removed(connection, path, origin.parent)
    own = sound_head(connection, path, session)
    if own.seq:
        return Conflict((own,))
    base = _base(connection, path, session, origin)
    if isinstance(base, Head):
        _make_live(connection, base, origin, positions.take())
    return base


def _base(
    connection: apsw.Connection, path: Path, session: str, origin: Origin | None
) -> Head | Conflict:
    """What the first row of *session* goes on from; a conflict where the parent has it not."""
    if origin is None:
        return Head(session, 0, ZERO_HASH)
    parent = sound_head(connection, path, origin.parent)
    hash_ = hash_at(connection, origin.parent, origin.seq) if parent.seq >= origin.seq else None
    if hash_ is None:
        return Conflict((parent,))
    if depth(connection, origin.parent) + 1 > BRANCH_DEPTH_MAX:
        raise too_deep(origin.parent)
    return Head(session, origin.seq, hash_)


def _make_live(
    connection: apsw.Connection, head: Head, origin: Origin | None, position: int
) -> None:
    parent, base = (None, 0) if origin is None else (origin.parent, origin.seq)
    connection.execute(
        _HEAD_INSERT_SQL, (head.session, head.seq, head.hash, parent, base, position)
    )


def remove(positions: Positions, session: str, expected: Head) -> bool | Conflict:
    """Put a tombstone in the place of the rows of *session*."""
    connection, path = positions.connection, positions.path
    head = sound_head(connection, path, session)
    if head != expected:
        return Conflict((head,))
    if connection.execute("SELECT 1 FROM session WHERE parent = ?", (session,)).fetchone():
        return False
    origin = origin_of(connection, session)
    from governance.journal.sqlite_search import forget  # hardly a process removes a session

    forget(connection, session)
    forget_values(connection, session)
    for table, column in (("event", "session"), ("snapshot", "session"), ("session", "id")):
        connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (session,))  # noqa: S608
    _bury(connection, head, origin, positions.take())
    return True


def _bury(connection: apsw.Connection, head: Head, origin: Origin | None, position: int) -> None:
    parent, base = (None, 0) if origin is None else (origin.parent, origin.seq)
    digest = tombstone_digest(head, origin, position)
    connection.execute(
        "INSERT INTO removed VALUES (?, ?, ?, ?, ?, ?, ?)",
        (head.session, head.seq, head.hash, parent, base, position, digest),
    )


def restore(
    positions: Positions, head: Head, records: tuple[Record, ...], origin: Origin | None
) -> Head | Conflict:
    """Put *records* back under the tombstone of *head*; with the last one it goes."""
    connection, path = positions.connection, positions.path
    session = head.session
    found = tombstone(connection, path, session)
    live = sound_head(connection, path, session)
    if live.seq:
        return Conflict((live,))
    if found is not None and found.head != head:
        return Conflict((found.head,))
    if found is not None and origin not in (None, found.origin):
        raise MisuseError(f"`{session}` was no branch of `{origin}`")
    origin = found.origin if found is not None else origin
    base = _base(connection, path, session, origin)
    if isinstance(base, Conflict):
        return base
    end = _put_back(positions, head, records, base, origin)
    if end == head:
        connection.execute("DELETE FROM removed WHERE id = ?", (session,))
        _make_live(connection, head, origin, positions.take())
    elif found is None:
        _bury(connection, head, origin, positions.take())
    return end


def restore_many(positions: Positions, wholes: Sequence[Whole]) -> list[Head] | None:
    """Make *wholes* live; none, and nothing written, where anything of them is known."""
    connection = positions.connection
    keys = sound_wholes(wholes)
    for one in wholes:
        if connection.execute(_KNOWN_SQL, (one.head.session,)).fetchone() is not None:
            return None
    if any(_key_is_known(connection, key) for key in keys):
        return None
    first = positions.take(len(wholes))
    for position, one in enumerate(wholes, first):
        for r in one.records:
            connection.execute(
                INSERT_SQL, (r.session, r.seq, r.kind, r.at_ms, r.body, r.durable, r.key, r.hash)
            )
        _make_live(connection, one.head, None, position)
    return [one.head for one in wholes]


def _put_back(
    positions: Positions,
    head: Head,
    records: tuple[Record, ...],
    base: Head,
    origin: Origin | None,
) -> Head:
    """Insert those of *records* that are not there yet; the end of what is there now."""
    connection, session = positions.connection, head.session
    last = connection.execute(
        "SELECT seq, hash FROM event WHERE session = ? ORDER BY seq DESC LIMIT 1", (session,)
    ).fetchone()
    end = Head(session, *last) if last is not None else base
    for r in sound_rows(
        records,
        _known(connection, positions.path, end, records),
        base.seq,
        _link_of(connection, origin),
        head,
    ):
        if r.key is not None and _key_is_known(connection, r.key):
            raise refuse_key(r)
        connection.execute(
            INSERT_SQL, (r.session, r.seq, r.kind, r.at_ms, r.body, r.durable, r.key, r.hash)
        )
        end = Head(session, r.seq, r.hash)
    refuse_last(end, head)
    return end


def _known(
    connection: apsw.Connection, path: Path, end: Head, records: tuple[Record, ...]
) -> list[Record]:
    """Rows that were put back before: those in the places of *records*, or the last one."""
    if not records:
        return []
    sql = f"SELECT {COLUMNS} FROM event WHERE session = ? AND seq BETWEEN ? AND ? ORDER BY seq"  # noqa: S608
    wanted = (end.session, min(records[0].seq, end.seq), records[-1].seq)
    known: list[Record] = []
    for columns in connection.execute(sql, wanted):
        record = record_of(columns)
        if record is None:
            raise damaged(path, end.session, 0, "a column has another type")
        known.append(record)
    return known


def _link_of(connection: apsw.Connection, origin: Origin | None) -> Link:
    """What the first own row of a session that begins at *origin* must be chained to."""
    link = ZERO_HASH if origin is None else link_at(connection, origin.parent, origin.seq)
    # INVARIANT: whoever puts rows back has looked for the row at which the branch begins.
    assert link is not None
    return link


def _key_is_known(connection: apsw.Connection, key: str) -> bool:
    return connection.execute("SELECT 1 FROM event WHERE key = ?", (key,)).fetchone() is not None
