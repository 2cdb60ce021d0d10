"""
What lies in a PostgreSQL store, whatever its chains say of it.

A statement of its own for each page, so that what the server cannot read costs no more than it
must; see `around`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from governance.errors import StoreDamaged
from governance.journal.around import PAGE_ROWS, Unreadable, around
from governance.journal.limits import HASH_BYTES
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_schema import sql
from governance.journal.postgres_shelf import Lent
from governance.journal.postgres_url import Target
from governance.journal.records import Head, Origin, Stated

_NAMES = 1_000
_COLUMNS = "e.session, e.seq, e.kind, e.at_ms, e.body, e.durable::int, e.key, e.hash"

_HEADS_SQL = """
    SELECT s.id, s.head, s.hash, s.parent, s.base, l.seq, l.hash
        FROM @.session s LEFT JOIN LATERAL (
            SELECT e.seq, e.hash FROM @.event e
                WHERE e.tenant = s.tenant AND e.session = s.id ORDER BY e.seq DESC LIMIT 1
        ) AS l ON true
        WHERE s.tenant = %(tenant)s AND s.tombstone IS NULL AND s.id > %(after)s
        ORDER BY s.id LIMIT %(limit)s
"""
_UNLISTED_SQL = """
    SELECT DISTINCT ON (e.session) e.session, e.seq, e.hash FROM @.event e
        WHERE e.tenant = %(tenant)s AND e.session > %(after)s AND NOT EXISTS
            (SELECT FROM @.session s WHERE s.tenant = e.tenant AND s.id = e.session)
        ORDER BY e.session, e.seq DESC LIMIT %(limit)s
"""
_BETWEEN_SQL = f"""
    SELECT {_COLUMNS} FROM @.event e WHERE e.tenant = %(tenant)s AND e.session = %(session)s
        AND e.seq BETWEEN %(first)s AND %(last)s ORDER BY e.seq
"""
_AFTER_SQL = f"""
    SELECT {_COLUMNS} FROM @.event e WHERE e.tenant = %(tenant)s AND e.session = %(session)s
        AND e.seq > %(after)s ORDER BY e.seq LIMIT %(limit)s
"""


def _rows(lent: Lent, target: Target, text: str, **words: object) -> list[tuple[Any, ...]]:
    statement, filled = sql(target.schema, text), {"tenant": target.tenant, **words}

    def work(connection: Connection) -> list[tuple[Any, ...]]:
        return connection.execute(statement, filled, binary=True).fetchall()

    return lent(work)


def _events(lent: Lent, target: Target, text: str, **words: object) -> list[tuple[Any, ...]]:
    """Rows whose hash is one, though it may be wrong: all else of a row may be as it was."""
    found = _rows(lent, target, text, **words)
    return [(*one[:-1], bytes(one[-1]).ljust(HASH_BYTES, b"\0")[:HASH_BYTES]) for one in found]


def unproven_heads(lent: Lent, target: Target) -> Iterator[Stated]:
    """As `GivesUnproven.unproven_heads` says."""
    after = ""
    while page := _rows(lent, target, _HEADS_SQL, after=after, limit=_NAMES):
        for columns in page:
            yield from _stated(*columns)
        after = page[-1][0]
    after = ""
    while page := _rows(lent, target, _UNLISTED_SQL, after=after, limit=_NAMES):
        for session, seq, hash_ in page:
            yield Stated(Head(session, seq, hash_), None, sure=False)
        after = page[-1][0]


def _stated(
    session: str,
    seq: int,
    hash_: bytes,
    parent: str | None,
    base: int,
    last: int | None,
    last_hash: bytes | None,
) -> Iterator[Stated]:
    head = Head(session, seq, hash_)
    origin = None if parent is None else Origin(parent, base)
    at_base = last is None and seq == base
    yield Stated(head, origin, sure=at_base or (seq, hash_) == (last, last_hash))
    if last is not None and last_hash is not None and (seq, hash_) != (last, last_hash):
        yield Stated(Head(session, last, last_hash), origin, sure=False)


def unproven_rows(
    lent: Lent, target: Target, session: str, first: int, last: int
) -> list[tuple[Any, ...]]:
    """As `GivesUnproven.unproven_rows` says."""
    return _events(lent, target, _BETWEEN_SQL, session=session, first=first, last=last)


def every_row(
    lent: Lent, target: Target, session: str, last: int, unreadable: Unreadable
) -> Iterator[tuple[object, ...]]:
    """
    All own rows of *session* that the server can read, also where nobody knows how many there are.

    Args:
        last: The row up to which single ones are tried where a page cannot be read.
    """
    after = 0
    while not unreadable.full:
        try:
            page = _events(lent, target, _AFTER_SQL, session=session, after=after, limit=PAGE_ROWS)
        except StoreDamaged:
            if after >= last:
                return

            def read(begin: int, end: int) -> list[tuple[Any, ...]]:
                return unproven_rows(lent, target, session, begin, end)

            end = min(after + PAGE_ROWS, last)
            yield from around(read, session, after + 1, end, unreadable)
            after = end
            continue
        if not page:
            return
        yield from page
        after = page[-1][1]
