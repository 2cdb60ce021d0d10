"""
Branches, removals and what is put back, in a PostgreSQL store: each one transaction.

A removed session keeps its row as a tombstone, so that the primary key alone keeps a session
from being begun anew under its name. Every function runs inside a transaction that its caller
commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from governance._attrs import frozen
from governance.errors import JournalError, MisuseError, StoreDamaged
from governance.journal.chain import ZERO_HASH, tombstone_digest
from governance.journal.faults import DAMAGED_REMEDY, too_deep, was_removed
from governance.journal.gaps import Link, chained, link_after
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_rows import (
    LINE,
    POSITION,
    damaged,
    hash_at,
    link_at,
    record_of,
    stored_heads,
)
from governance.journal.postgres_schema import POSITIONS_A_COMMIT, missing, sql
from governance.journal.postgres_shelf import forget
from governance.journal.postgres_url import Target
from governance.journal.records import (
    BRANCH_DEPTH_MAX,
    Conflict,
    Head,
    Moved,
    Origin,
    Record,
    Whole,
)
from governance.journal.restored import refuse_key, refuse_last, sound_rows, sound_wholes

_MOVED_SQL = f"""
    SELECT s.id, CASE WHEN s.tombstone IS NULL THEN s.head ELSE 0 END, s.position
        FROM @.session s JOIN @.tenant t ON t.name = s.tenant
        WHERE s.tenant = %(tenant)s AND s.position > %(after)s AND s.position < t.base
            + pg_snapshot_xmin(pg_current_snapshot())::text::bigint * {POSITIONS_A_COMMIT}
        ORDER BY s.position LIMIT %(limit)s
"""
# Above the oldest transaction that still runs, heads may yet move to lower positions.

_SESSION_SQL = """
    SELECT head, hash, parent, base, position, tombstone FROM @.session
        WHERE tenant = %(tenant)s AND id = %(session)s
"""
_LISTED_SQL = """
    SELECT id, head, hash FROM @.session WHERE tenant = %(tenant)s AND id > %(after)s
        AND (tombstone IS NOT NULL) = %(gone)s ORDER BY id LIMIT %(limit)s
"""
_POSITION_SQL = f"SELECT {POSITION} FROM @.tenant t WHERE t.name = %(tenant)s"
_BEGIN_SQL = """
    INSERT INTO @.session (tenant, id, head, hash, position, parent, base, tombstone)
        VALUES (%(tenant)s, %(session)s, %(head)s, %(hash)b, %(position)s, %(parent)s, %(base)s,
            %(tombstone)b)
        ON CONFLICT DO NOTHING RETURNING id
"""
_BURY_SQL = """
    UPDATE @.session SET tombstone = %(tombstone)b, position = %(position)s
        WHERE tenant = %(tenant)s AND id = %(session)s
"""


@frozen
class Stored:
    """One row of the table of sessions: a live session, or what is left of a removed one."""

    head: Head
    origin: Origin | None
    gone: bool


def moved(connection: Connection, target: Target, after: int, limit: int) -> tuple[Moved, ...]:
    """What the contract's ``moved`` gives."""
    words = {"tenant": target.tenant, "after": after, "limit": limit}
    found = connection.execute(sql(target.schema, _MOVED_SQL), words)
    return tuple(Moved(*row) for row in found.fetchall())


def listed(
    connection: Connection, target: Target, after: str, limit: int, *, gone: bool
) -> tuple[Head, ...]:
    """What the contract's ``sessions`` gives, or with *gone* its ``removed``."""
    words = {"tenant": target.tenant, "after": after, "limit": limit, "gone": gone}
    found = connection.execute(sql(target.schema, _LISTED_SQL), words)
    return tuple(Head(id_, seq, bytes(hash_)) for id_, seq, hash_ in found.fetchall())


def stored(
    connection: Connection, target: Target, session: str, *, lock: str = ""
) -> Stored | None:
    """
    The row of *session*, held with *lock* until the transaction ends; none where it is new.

    Raises:
        StoreDamaged: It is a tombstone, and not the one that was written.
    """
    words = {"tenant": target.tenant, "session": session}
    found = connection.execute(sql(target.schema, _SESSION_SQL + lock), words).fetchone()
    if found is None:
        return None
    seq, hash_, parent, base, position, tombstone = found
    head = Head(session, seq, hash_)
    origin = None if parent is None else Origin(parent, base)
    if tombstone is not None and tombstone != tombstone_digest(head, origin, position):
        raise StoreDamaged(
            f"the tombstone of `{session}` is damaged in {target.place}", remedy=DAMAGED_REMEDY
        )
    return Stored(head, origin, tombstone is not None)


def branch(connection: Connection, target: Target, session: str, origin: Origin) -> Head | Conflict:
    """Begin *session* at *origin*: one row."""
    own = stored(connection, target, session)
    for found in (own, stored(connection, target, origin.parent)):
        if found is not None and found.gone:
            raise was_removed(found.head.session, found.head.seq)
    if own is not None:
        return Conflict((own.head,))
    base = _base(connection, target, session, origin)
    if isinstance(base, Conflict):
        return base
    if not _begin(connection, target, base, origin, gone=False):
        return branch(connection, target, session, origin)  # another one has begun it just now
    return base


def _base(connection: Connection, target: Target, session: str, origin: Origin) -> Head | Conflict:
    """The row at which *session* begins, as its head; conflicts where the parent has it not."""
    # Held, so that nobody removes the parent's rows before the branch stands.
    parent = stored(connection, target, origin.parent, lock=" FOR SHARE")
    if parent is None or parent.gone:
        return Conflict((Head(origin.parent, 0, ZERO_HASH),))
    head = stored_heads(connection, target, [origin.parent])[0].head
    if head.seq < origin.seq:
        return Conflict((head,))
    hash_ = hash_at(connection, target, origin.parent, origin.seq)
    if hash_ is None:
        return Conflict((head,))
    if _depth(connection, target, origin.parent) >= BRANCH_DEPTH_MAX:
        raise too_deep(origin.parent)
    return Head(session, origin.seq, hash_)


def _depth(connection: Connection, target: Target, session: str) -> int:
    """How many sessions *session* stems from."""
    words = {"tenant": target.tenant, "session": session}
    text = LINE + "SELECT max(depth) FROM line"
    found = connection.execute(sql(target.schema, text), words).fetchone()
    return found[0] if found is not None and found[0] is not None else 0


def next_position(connection: Connection, target: Target) -> int:
    """Where a head that this transaction moves stands in the feed."""
    found = connection.execute(
        sql(target.schema, _POSITION_SQL), {"tenant": target.tenant}
    ).fetchone()
    if found is None:
        raise missing(target)
    return int(found[0])


def _begin(
    connection: Connection, target: Target, head: Head, origin: Origin | None, *, gone: bool
) -> bool:
    """Make the row of a session; ``False`` where one stands there."""
    position = next_position(connection, target)
    words = {
        "tenant": target.tenant,
        "session": head.session,
        "position": position,
        "head": head.seq,
        "hash": head.hash,
        "parent": None if origin is None else origin.parent,
        "base": 0 if origin is None else origin.seq,
        "tombstone": tombstone_digest(head, origin, position) if gone else None,
    }
    return connection.execute(sql(target.schema, _BEGIN_SQL), words).fetchone() is not None


def _bury(connection: Connection, target: Target, found: Stored, *, gone: bool) -> None:
    """Make the row of a live session a tombstone, or the other way round."""
    position = next_position(connection, target)
    digest = tombstone_digest(found.head, found.origin, position) if gone else None
    words = {
        "tenant": target.tenant,
        "session": found.head.session,
        "position": position,
        "tombstone": digest,
    }
    connection.execute(sql(target.schema, _BURY_SQL), words)


def remove(connection: Connection, target: Target, session: str, expected: Head) -> bool | Conflict:
    """Put a tombstone in the place of the rows of *session*."""
    found = stored(connection, target, session, lock=" FOR UPDATE")
    if found is None or found.gone:
        return Conflict((Head(session, 0, ZERO_HASH),))
    head = stored_heads(connection, target, [session])[0].head
    if head != expected:
        return Conflict((head,))
    words = {"tenant": target.tenant, "session": session}
    needed = connection.execute(
        sql(
            target.schema,
            "SELECT 1 FROM @.session WHERE tenant = %(tenant)s AND parent = %(session)s"
            " AND tombstone IS NULL LIMIT 1",
        ),
        words,
    ).fetchone()
    if needed is not None:
        return False
    for table in ("event", "event_key", "snapshot", "message", "message_upto"):
        text = f"DELETE FROM @.{table} WHERE tenant = %(tenant)s AND session = %(session)s"
        connection.execute(sql(target.schema, text), words)
    forget(connection, target, session)
    _bury(connection, target, found, gone=True)
    return True


def restore(
    connection: Connection,
    target: Target,
    head: Head,
    records: tuple[Record, ...],
    origin: Origin | None,
) -> Head | Conflict:
    """Put *records* back under the tombstone of *head*; with the last one it goes."""
    session = head.session
    found = stored(connection, target, session, lock=" FOR UPDATE")
    if found is not None and (not found.gone or found.head != head):
        return Conflict((found.head,))
    if found is not None and origin not in (None, found.origin):
        raise MisuseError(f"`{session}` was no branch of `{origin}`")
    origin = found.origin if found is not None else origin
    base = 0
    link: Link = ZERO_HASH
    if origin is not None:
        begins = _base(connection, target, session, origin)
        if isinstance(begins, Conflict):
            return begins
        base = begins.seq
        link = link_at(connection, target, origin.parent, base) or begins.hash
    if found is None:
        found = Stored(head, origin, True)
        if not _begin(connection, target, head, origin, gone=True):
            return restore(connection, target, head, records, origin)
    end = _put_back(connection, target, head, records, base, link)
    if end == head:
        _bury(connection, target, found, gone=False)
    return end


_KNOWN_SQL = """
    SELECT 1 FROM @.session WHERE tenant = %(tenant)s AND id = ANY(%(ids)s)
    UNION ALL SELECT 1 FROM @.event_key WHERE tenant = %(tenant)s AND name = ANY(%(keys)s)
    LIMIT 1
"""
_COPIES = (
    (
        "COPY @.event (tenant, session, seq, kind, at_ms, durable, key, body, hash)"
        " FROM STDIN (FORMAT BINARY)",
        ("text", "text", "int8", "text", "int8", "bool", "text", "bytea", "bytea"),
    ),
    (
        "COPY @.event_key (tenant, name, session, seq) FROM STDIN (FORMAT BINARY)",
        ("text", "text", "text", "int8"),
    ),
    (
        "COPY @.session (tenant, id, head, hash, position) FROM STDIN (FORMAT BINARY)",
        ("text", "text", "int8", "bytea", "int8"),
    ),
)


def restore_many(connection: Connection, target: Target, wholes: Sequence[Whole]) -> bool:
    """
    Make *wholes* live, by three streams; nothing where anything of them is known.

    Another engine that begins one of them meanwhile has this transaction fail, and be sent again.
    """
    tenant = target.tenant
    words = {"tenant": tenant, "ids": [one.head.session for one in wholes]}
    known = {**words, "keys": sound_wholes(wholes)}
    if connection.execute(sql(target.schema, _KNOWN_SQL), known).fetchone() is not None:
        return False
    rows = [row for one in wholes for row in one.records]
    # INVARIANT: a commit has `POSITIONS_A_COMMIT` places, which are more than it may bring heads.
    first = next_position(connection, target)
    streams: tuple[Iterable[tuple[object, ...]], ...] = (
        ((tenant, r.session, r.seq, r.kind, r.at_ms, r.durable, r.key, r.body, r.hash)
         for r in rows),
        ((tenant, r.key, r.session, r.seq) for r in rows if r.key is not None),
        ((tenant, one.head.session, one.head.seq, one.head.hash, place)
         for place, one in enumerate(wholes, first)),
    )  # fmt: skip
    with connection.cursor() as cursor:
        for (text, types), stream in zip(_COPIES, streams, strict=True):
            with cursor.copy(sql(target.schema, text)) as copy:
                copy.set_types(types)
                for row in stream:
                    copy.write_row(row)
    return True


_LAST_SQL = """
    SELECT seq, hash FROM @.event WHERE tenant = %(tenant)s AND session = %(session)s
        ORDER BY seq DESC LIMIT 1
"""
_BETWEEN_SQL = """
    SELECT session, seq, kind, at_ms, body, durable, key, hash FROM @.event
        WHERE tenant = %(tenant)s AND session = %(session)s
            AND seq BETWEEN %(first)s AND %(last)s ORDER BY seq
"""
_TAKEN_SQL = """
    SELECT name FROM @.event_key WHERE tenant = %(tenant)s AND name = ANY(%(keys)s) LIMIT 1
"""
_KEYS_SQL = """
    INSERT INTO @.event_key (tenant, name, session, seq)
        SELECT %(tenant)s, k.name, %(session)s, k.seq
            FROM unnest(%(keys)s::text[], %(seqs)b::bigint[]) AS k (name, seq)
"""
_ROWS_SQL = """
    INSERT INTO @.event (tenant, session, seq, kind, at_ms, durable, key, body, hash)
        SELECT %(tenant)s, %(session)s, r.* FROM unnest(
            %(seqs)b::bigint[], %(kinds)s::text[], %(at_ms)b::bigint[], %(durable)b::boolean[],
            %(keys)s::text[], %(bodies)b::bytea[], %(hashes)b::bytea[]
        ) AS r
"""


def _put_back(
    connection: Connection,
    target: Target,
    head: Head,
    records: tuple[Record, ...],
    base: int,
    link: Link,
) -> Head:
    """Insert those of *records* that are not there yet; the end of what is there now."""
    words: dict[str, object] = {"tenant": target.tenant, "session": head.session}
    last = connection.execute(sql(target.schema, _LAST_SQL), words).fetchone()
    known: list[Record] = []
    if records and last is not None and records[0].seq > base:
        first = min(records[0].seq, last[0])
        between = {**words, "first": first, "last": records[-1].seq}
        rows = connection.execute(sql(target.schema, _BETWEEN_SQL), between).fetchall()
        before = link if first - 1 == base else _link_after(connection, target, words, first - 1)
        known = chained(
            map(record_of, rows), first - 1, before, partial(damaged, target, head.session)
        )
    fresh = sound_rows(records, known, base, link, head)
    own = link if isinstance(link, bytes) else link.own
    end = Head(head.session, base, own) if last is None else Head(head.session, *last)
    if fresh:
        _insert(connection, target, words, fresh)
        end = Head(head.session, fresh[-1].seq, fresh[-1].hash)
    refuse_last(end, head)
    return end


def _link_after(
    connection: Connection, target: Target, words: dict[str, object], seq: int
) -> Link | None:
    """What must follow row *seq* of a session whose rows are hidden."""
    between = {**words, "first": seq, "last": seq}
    found = connection.execute(sql(target.schema, _BETWEEN_SQL), between).fetchone()
    record = record_of(found) if found is not None else None
    return link_after(record) if record is not None else None


def _insert(
    connection: Connection, target: Target, words: dict[str, object], fresh: tuple[Record, ...]
) -> None:
    keyed = [record for record in fresh if record.key is not None]
    if keyed:
        keys = {**words, "keys": [record.key for record in keyed]}
        taken = connection.execute(sql(target.schema, _TAKEN_SQL), keys).fetchone()
        for record in keyed:
            if taken is not None and record.key == taken[0]:
                raise refuse_key(record)
        keys["seqs"] = [record.seq for record in keyed]
        connection.execute(sql(target.schema, _KEYS_SQL), keys)
    rows = {
        **words,
        "seqs": [record.seq for record in fresh],
        "kinds": [record.kind for record in fresh],
        "at_ms": [record.at_ms for record in fresh],
        "durable": [record.durable for record in fresh],
        "keys": [record.key for record in fresh],
        "bodies": [record.body for record in fresh],
        "hashes": [record.hash for record in fresh],
    }
    done = connection.execute(sql(target.schema, _ROWS_SQL), rows)
    # INVARIANT: a statement that inserts either does so for every row or fails.
    if done.rowcount != len(fresh):
        raise JournalError(f"{target.place} took {done.rowcount} of {len(fresh)} rows")
