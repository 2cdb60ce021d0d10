"""
Rows of a PostgreSQL store in and out, each checked against the chain as it is read.

An append is one statement: nothing of it can be left half done by a client that dies, and no
transaction of it ever waits for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from governance._attrs import frozen
from governance.errors import StoreDamaged
from governance.journal.chain import ZERO_HASH, chain_rows, snapshot_digest
from governance.journal.faults import DAMAGED_REMEDY, was_removed
from governance.journal.gaps import GAP_KIND, Link, bridge_of, chained, is_next, link_after
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_schema import POSITIONS_A_COMMIT, VERSION, sql
from governance.journal.postgres_url import Target
from governance.journal.records import (
    BRANCH_DEPTH_MAX,
    Append,
    Appended,
    Conflict,
    Duplicate,
    Head,
    Record,
    Snapshot,
)
from governance.values import INTEGER_MAX

_KINDS: tuple[type | tuple[type, ...], ...] = (
    str,
    int,
    str,
    int,
    bytes,
    bool,
    (str, type(None)),
    bytes,
)

POSITION = f"pg_current_xact_id()::text::bigint * {POSITIONS_A_COMMIT} + t.base"
"""
The first place of the transaction that moves heads. By it, and not by a sequence, because
transactions commit in another order than they take numbers: what is below the oldest one
that still runs can be told for certain.
"""

# Who holds which rows of a session: itself those after its base, its parent those before.
LINE = f"""
    WITH RECURSIVE line (depth, id, base, upto, parent) AS (
        SELECT 0, s.id, s.base, s.head, s.parent FROM @.session s
            WHERE s.tenant = %(tenant)s AND s.id = %(session)s AND s.tombstone IS NULL
        UNION ALL
        SELECT line.depth + 1, p.id, p.base, least(line.base, line.upto), p.parent
            FROM line JOIN @.session p ON p.tenant = %(tenant)s AND p.id = line.parent
            WHERE line.depth <= {BRANCH_DEPTH_MAX} AND p.tombstone IS NULL
    )
"""

_READ_SQL = (
    LINE
    + f"""
    , own AS (
        SELECT s.head, s.hash, CASE WHEN %(reverse)s THEN greatest(%(after)s,
                least(s.head, %(before)s - 1) - %(limit)s) ELSE %(after)s END AS first
            FROM @.session s
            WHERE s.tenant = %(tenant)s AND s.id = %(session)s AND s.tombstone IS NULL
    ), found AS (
        SELECT e.session, e.seq, e.kind, e.at_ms, e.body, e.durable, e.key, e.hash
            FROM own CROSS JOIN line CROSS JOIN LATERAL (
                SELECT * FROM @.event v
                    WHERE v.tenant = %(tenant)s AND v.session = line.id
                        AND v.seq > greatest(own.first - 1, line.base)
                        AND (v.seq <= line.upto OR line.depth = 0)
                        AND v.seq < %(before)s
                        AND v.seq <= least(own.first, {INTEGER_MAX} - %(limit)s) + %(limit)s
                    ORDER BY v.seq LIMIT %(limit)s + 1
            ) AS e
            ORDER BY e.seq LIMIT %(limit)s + 1
    )
    SELECT own.head, own.hash, own.first, found.session, found.seq, found.kind, found.at_ms,
            found.body, found.durable, found.key, found.hash
        FROM own LEFT JOIN found ON true ORDER BY found.seq
    """
)
"""
The head, and the rows asked for with the one before them, all of one moment. Where the last of
them stands is said too: by a limit alone a server that has counted its rows may sort all that
come after the first, for every page of a long session.
"""

_HEADS_SQL = """
    SELECT w.id, s.head, s.hash, s.base, s.tombstone IS NOT NULL, e.hash
        FROM unnest(%(ids)s::text[]) WITH ORDINALITY AS w (id, place)
        LEFT JOIN @.session s ON s.tenant = %(tenant)s AND s.id = w.id
        LEFT JOIN @.event e ON e.tenant = %(tenant)s AND e.session = w.id AND e.seq = s.head
        ORDER BY w.place
"""

_LINK_SQL = (
    LINE
    + f"""
    SELECT e.hash, CASE WHEN e.kind = '{GAP_KIND}' THEN e.body END
        FROM line JOIN @.event e ON e.tenant = %(tenant)s AND e.session = line.id
            AND e.seq = %(seq)s WHERE %(seq)s > line.base AND %(seq)s <= line.upto
    """
)

_KEY_SQL = f"""
    SELECT e.session, e.seq, e.kind, e.at_ms, e.body, e.durable, e.key, e.hash,
            p.hash, CASE WHEN p.kind = '{GAP_KIND}' THEN p.body END, s.parent
        FROM @.event_key k
        LEFT JOIN @.event e ON e.tenant = k.tenant AND e.session = k.session AND e.seq = k.seq
        LEFT JOIN @.event p ON p.tenant = k.tenant AND p.session = k.session AND p.seq = k.seq - 1
        LEFT JOIN @.session s ON s.tenant = k.tenant AND s.id = k.session
        WHERE k.tenant = %(tenant)s AND k.name = %(key)s
"""

_APPEND_SQL = f"""
    WITH level AS MATERIALIZED (
        SELECT {POSITION} AS position,
            set_config('synchronous_commit', %(level)s, true),
            set_config('lock_timeout', %(wait_ms)s, true)
            FROM @.tenant t JOIN @.store v ON v.name = 'version' AND v.value = {{version}}
            WHERE t.name = %(tenant)s AND t.id = %(store)s
                AND NOT EXISTS (SELECT FROM @.event_key k
                    WHERE k.tenant = %(tenant)s AND k.name = %(key)s)
    ), wanted AS (
        SELECT w.*, level.position + w.place AS position FROM level, unnest(
            %(ids)s::text[], %(expected)b::bigint[], %(before)b::bytea[],
            %(heads)b::bigint[], %(hashes)b::bytea[], %(places)b::bigint[]
        ) AS w (id, expected, before, head, hash, place)
    ), moved AS (
        UPDATE @.session s SET head = w.head, hash = w.hash, position = w.position FROM wanted w
            WHERE s.tenant = %(tenant)s AND s.id = w.id AND s.head = w.expected
                AND s.hash = w.before AND s.tombstone IS NULL
            RETURNING s.id
    ), begun AS (
        INSERT INTO @.session (tenant, id, head, hash, position)
            SELECT %(tenant)s, w.id, w.head, w.hash, w.position FROM wanted w WHERE w.expected = 0
            ON CONFLICT DO NOTHING RETURNING id
    ), fit AS (
        SELECT (SELECT count(*) FROM moved) + (SELECT count(*) FROM begun) AS sessions
    ), keyed AS (
        INSERT INTO @.event_key (tenant, name, session, seq)
            SELECT %(tenant)s, %(key)s, %(key_session)s, %(key_seq)s FROM fit
            WHERE fit.sessions = %(count)s AND %(key)s::text IS NOT NULL
    ), written AS (
        INSERT INTO @.event (tenant, session, seq, kind, at_ms, durable, key, body, hash)
            SELECT %(tenant)s, r.* FROM fit, unnest(
                %(row_sessions)s::text[], %(seqs)b::bigint[], %(kinds)s::text[],
                %(at_ms)b::bigint[], %(durable)b::boolean[], %(keys)s::text[],
                %(bodies)b::bytea[], %(row_hashes)b::bytea[]
            ) AS r WHERE fit.sessions = %(count)s
    )
    SELECT CASE WHEN fit.sessions IN (0, %(count)s) THEN fit.sessions
        ELSE 1 / (fit.sessions - fit.sessions) END{{notice}} FROM fit
"""
# The division takes all of it back where some sessions fit and others do not.

_NOTICE = ", CASE WHEN fit.sessions > 0 THEN pg_notify(%(channel)s, '') END"


def append_sql(target: Target) -> bytes:
    """The statement that appends, or writes nothing at all."""
    text = _APPEND_SQL.format(version=VERSION, notice=_NOTICE if target.notifies else "")
    return sql(target.schema, text)


@frozen
class Batch:
    """An append whose rows have their places and hashes."""

    heads: tuple[Head, ...]
    records: tuple[Record, ...]
    key: str | None
    before: tuple[Head, ...]
    durable: bool

    @classmethod
    def of(cls, whole: tuple[Append, ...], before: Sequence[Head], key: str | None) -> Batch:
        """*whole* after the heads *before*."""
        records: list[Record] = []
        heads: list[Head] = []
        for place, (one, head) in enumerate(zip(whole, before, strict=True)):
            own_key = key if place == 0 else None
            records += chain_rows(head.hash, one.session, head.seq, one.rows, own_key)
            heads.append(Head(one.session, records[-1].seq, records[-1].hash))
        durable = any(record.durable for record in records)
        return cls(tuple(heads), tuple(records), key, tuple(before), durable)

    def words(self) -> dict[str, Any]:
        """What the statement of `append_sql` is filled in with, but for store and time."""
        rows = self.records
        # In one order for all, so that two appends to the same sessions rarely deadlock.
        ordered = sorted(
            zip(self.before, self.heads, range(len(self.heads)), strict=True),
            key=lambda one: one[1].session,
        )
        return {
            "key": self.key,
            "key_session": self.heads[0].session,
            "key_seq": self.heads[0].seq,
            "count": len(self.heads),
            "ids": [head.session for _, head, _ in ordered],
            "expected": [before.seq for before, _, _ in ordered],
            "before": [before.hash for before, _, _ in ordered],
            "heads": [head.seq for _, head, _ in ordered],
            "hashes": [head.hash for _, head, _ in ordered],
            "places": [place for _, _, place in ordered],
            "row_sessions": [row.session for row in rows],
            "seqs": [row.seq for row in rows],
            "kinds": [row.kind for row in rows],
            "at_ms": [row.at_ms for row in rows],
            "durable": [row.durable for row in rows],
            "keys": [row.key for row in rows],
            "bodies": [row.body for row in rows],
            "row_hashes": [row.hash for row in rows],
        }

    def appended(self) -> Appended:
        return Appended(self.heads, self.records)


def record_of(columns: Sequence[object]) -> Record | None:
    """The record in *columns*, or none where a value has not the type it was written with."""
    for value, kind in zip(columns, _KINDS, strict=True):
        if not isinstance(value, kind):
            return None
    return Record(*columns)  # type: ignore[arg-type]


def damaged(target: Target, session: str, seq: int, why: str) -> StoreDamaged:
    """The error for row *seq* of *session*, which *why* contradicts."""
    return StoreDamaged(
        f"row {seq} of `{session}` is damaged in {target.place}: {why}", remedy=DAMAGED_REMEDY
    )


@frozen
class Found:
    """
    The head of one session as it is stored.

    Attributes:
        gone: Its rows were removed; the head is what its tombstone says.
    """

    head: Head
    gone: bool = False


def stored_heads(connection: Connection, target: Target, ids: Sequence[str]) -> list[Found]:
    """
    The heads of *ids*, in that order, each checked against its last row.

    Raises:
        StoreDamaged: One of them is not the head of its rows; nothing may be built on it.
    """
    words = {"tenant": target.tenant, "ids": list(ids)}
    found: list[Found] = []
    for id_, seq, hash_, base, gone, own in connection.execute(
        sql(target.schema, _HEADS_SQL), words
    ).fetchall():
        if seq is None:
            found.append(Found(Head(id_, 0, ZERO_HASH)))
            continue
        head = Head(id_, seq, hash_)
        if not gone:
            # A branch without rows of its own ends with a row of another session.
            last = hash_at(connection, target, id_, seq) if seq == base else own
            if last != hash_:
                raise damaged(target, id_, seq, "the head does not match the last row")
        found.append(Found(head, gone))
    return found


def hash_at(connection: Connection, target: Target, session: str, seq: int) -> bytes | None:
    """The hash of row *seq* of a live session, or none where there is no such row."""
    link = link_at(connection, target, session, seq)
    return link if link is None or isinstance(link, bytes) else link.own


def link_at(connection: Connection, target: Target, session: str, seq: int) -> Link | None:
    """What must follow row *seq*: as `hash_at`, but for the rows that stand for lost ones."""
    words = {"tenant": target.tenant, "session": session, "seq": seq}
    found = connection.execute(sql(target.schema, _LINK_SQL), words, binary=True).fetchone()
    return _link(*found) if found is not None else None


def _link(own: bytes, gap: bytes | None) -> Link:
    return own if gap is None else bridge_of(own, gap)


def find_key(connection: Connection, target: Target, key: str) -> Record | None:
    """
    The row that carries *key*, checked against its chain, or none.

    Raises:
        StoreDamaged: It is not what was written.
    """
    words = {"tenant": target.tenant, "key": key}
    columns = connection.execute(sql(target.schema, _KEY_SQL), words, binary=True).fetchone()
    if columns is None:
        return None
    record = record_of(columns[:8])
    if record is None:
        raise damaged(target, str(columns[0]), 0, f"the row with key `{key}` is not there")
    before: Link | None = ZERO_HASH if record.seq == 1 else None
    if columns[8] is not None:
        before = _link(columns[8], columns[9])
    elif columns[10] is not None:
        before = link_at(connection, target, record.session, record.seq - 1)
    if record.key != key or before is None or not is_next(before, record):
        raise damaged(target, record.session, record.seq, "it does not have the hash it carries")
    return record


def look(
    connection: Connection, target: Target, whole: tuple[Append, ...], key: str | None
) -> tuple[Head, ...] | Conflict | Duplicate:
    """
    The heads to write *whole* after, or why nothing is to be written.

    Raises:
        StoreDamaged, SessionRemoved: What the sessions are, where nothing can be written.
    """
    found = stored_heads(connection, target, [one.session for one in whole])
    # The key after the heads: whoever moved a head under this key was there before it.
    if key is not None:
        first = find_key(connection, target, key)
        if first is not None:
            return Duplicate(first)
    for one in found:
        if one.gone:
            raise was_removed(one.head.session, one.head.seq)
    heads = tuple(one.head for one in found)
    fits = all(head.seq == one.expected_seq for head, one in zip(heads, whole, strict=True))
    return heads if fits else Conflict(heads)


def read_rows(
    connection: Connection,
    target: Target,
    session: str,
    after: int,
    before: int,
    limit: int,
    reverse: bool,
) -> tuple[Record, ...]:
    """
    The rows that the contract's ``read`` gives, every one checked.

    Raises:
        StoreDamaged: A row is missing, changed or unreadable, or the head is not the end.
    """
    words = {
        "tenant": target.tenant,
        "session": session,
        "after": after,
        "before": before,
        "limit": limit,
        "reverse": reverse,
    }
    found = connection.execute(sql(target.schema, _READ_SQL), words, binary=True).fetchall()
    if not found:
        return ()
    head, head_hash, first = found[0][:3]
    rows = [columns[3:] for columns in found if columns[4] is not None]
    link: Link | None = ZERO_HASH if first == 0 else None
    if first > 0 and rows and rows[0][1] == first:
        stands = record_of(rows.pop(0))
        link = link_after(stands) if stands is not None else None
    shown = map(record_of, rows[:limit])
    records = chained(shown, first, link, partial(damaged, target, session))
    last = max(first, min(head, before - 1, first + limit))
    end = records[-1].seq if records else first
    if end != last and first <= head:
        raise damaged(target, session, min(end, last) + 1, f"the head says {head} rows")
    if records and end == head and records[-1].hash != head_hash:
        raise damaged(target, session, end, "the head carries another hash")
    return tuple(reversed(records)) if reverse else tuple(records)


_SNAPSHOT_PUT_SQL = """
    INSERT INTO @.snapshot (tenant, session, seq, hash, version, body, digest)
        SELECT %(tenant)s, %(session)s, %(seq)s, %(hash)b, %(version)s, %(body)b, %(digest)b
            FROM @.session s WHERE s.tenant = %(tenant)s AND s.id = %(session)s
                AND s.tombstone IS NULL AND s.head > 0
        ON CONFLICT (tenant, session) DO UPDATE SET seq = excluded.seq, hash = excluded.hash,
            version = excluded.version, body = excluded.body, digest = excluded.digest
"""
_SNAPSHOT_GET_SQL = """
    SELECT session, seq, hash, version, body, digest FROM @.snapshot
        WHERE tenant = %(tenant)s AND session = %(session)s AND version = %(version)s
"""


def put_snapshot(connection: Connection, target: Target, snapshot: Snapshot) -> None:
    """Keep *snapshot* in place of its session's older one, if the session has a head."""
    connection.execute(
        sql(target.schema, _SNAPSHOT_PUT_SQL),
        {
            "tenant": target.tenant,
            "session": snapshot.session,
            "seq": snapshot.seq,
            "hash": snapshot.hash,
            "version": snapshot.version,
            "body": snapshot.body,
            "digest": snapshot_digest(snapshot),
        },
    )


def kept_snapshot(
    connection: Connection, target: Target, session: str, version: int
) -> Snapshot | None:
    """The snapshot that the contract's ``snapshot_get`` gives."""
    words = {"tenant": target.tenant, "session": session, "version": version}
    found = connection.execute(sql(target.schema, _SNAPSHOT_GET_SQL), words, binary=True).fetchone()
    if found is None:
        return None
    kept = Snapshot(*found[:5])
    if found[5] != snapshot_digest(kept) or kept.seq < 1:
        return None
    return kept if hash_at(connection, target, session, kept.seq) == kept.hash else None
