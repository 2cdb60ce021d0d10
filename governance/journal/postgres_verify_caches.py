"""
What a PostgreSQL store keeps to save time, held against its rows: snapshots, and the index of
messages. Each page is one statement, so of one moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from governance._attrs import define
from governance.journal.caches import FINDINGS_MAX, KEPT, Indexed, first_wrong, wrong_snapshot
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_rows import hash_at
from governance.journal.postgres_schema import sql
from governance.journal.postgres_search import message_of
from governance.journal.postgres_shelf import Lent
from governance.journal.postgres_url import Target
from governance.journal.records import Finding, Snapshot
from governance.journal.searching import MESSAGE_KIND, Searched

_PAGE_ROWS = 500

_SNAPSHOT_SQL = """
    SELECT k.session, k.seq, k.hash, k.version, k.body, k.digest, s.head FROM @.snapshot k
        LEFT JOIN @.session s
            ON s.tenant = k.tenant AND s.id = k.session AND s.tombstone IS NULL
        WHERE k.tenant = %(tenant)s AND k.session > %(after)s ORDER BY k.session LIMIT 1
"""
_NAME_SQL = """
    SELECT n.session, u.seq, u.hash, s.head, s.base FROM (
            SELECT session FROM @.message_upto WHERE tenant = %(tenant)s AND session > %(after)s
            UNION SELECT session FROM @.message WHERE tenant = %(tenant)s AND session > %(after)s
            ORDER BY 1 LIMIT 1) AS n
        LEFT JOIN @.message_upto u ON u.tenant = %(tenant)s AND u.session = n.session
        LEFT JOIN @.session s
            ON s.tenant = %(tenant)s AND s.id = n.session AND s.tombstone IS NULL
"""
_MESSAGES_SQL = f"""
    SELECT e.seq, e.at_ms, e.body, m.seq, m.at_ms, m.size, m.whole, tsvector_to_array(m.words)
        FROM (SELECT seq, at_ms, body FROM @.event WHERE tenant = %(tenant)s
                AND session = %(session)s AND kind = '{MESSAGE_KIND}' AND seq > %(base)s
                AND seq <= %(upto)s AND seq > %(after)s ORDER BY seq LIMIT %(limit)s) AS e
        FULL JOIN (SELECT seq, at_ms, size, whole, words FROM @.message WHERE tenant = %(tenant)s
                AND session = %(session)s AND seq > %(after)s ORDER BY seq LIMIT %(limit)s) AS m
            ON m.seq = e.seq
        ORDER BY coalesce(e.seq, m.seq) LIMIT %(limit)s
"""


@define(eq=False, repr=False)
class CacheWalk:
    """Looks at what the store behind *lent* keeps."""

    lent: Lent
    target: Target

    def findings(self) -> tuple[Finding, ...]:
        """What of it is not what the rows tell, at most `FINDINGS_MAX`."""
        return tuple(islice(chain(self._snapshots(), self._messages()), FINDINGS_MAX))

    def _rows(self, text: str, **words: Any) -> list[tuple[Any, ...]]:
        filled: Mapping[str, Any] = {"tenant": self.target.tenant, **words}

        def work(connection: Connection) -> list[tuple[Any, ...]]:
            statement = sql(self.target.schema, text)
            return connection.execute(statement, filled, binary=True).fetchall()

        return self.lent(work)

    def _hash_at(self, session: str, seq: int) -> bytes | None:
        return self.lent(lambda connection: hash_at(connection, self.target, session, seq))

    def _snapshots(self) -> Iterator[Finding]:
        after = ""
        while found := self._rows(_SNAPSHOT_SQL, after=after):
            *columns, digest, head = found[0]
            kept = Snapshot(*columns)
            own = self._hash_at(kept.session, kept.seq) if head is not None else None
            why = wrong_snapshot(kept, digest, own, head)
            if why:
                yield Finding(KEPT, kept.session, 0, why)
            after = kept.session

    def _messages(self) -> Iterator[Finding]:
        after = ""
        while found := self._rows(_NAME_SQL, after=after):
            session, seq, hash_, head, base = found[0]
            one = self._wrong_session(session, seq, hash_, head, base)
            if one is not None:
                yield one
            after = session

    def _wrong_session(
        self, session: str, seq: int | None, hash_: bytes, head: int | None, base: int
    ) -> Finding | None:
        if seq is None or head is None:
            what = "which the store does not have" if head is None else "and does not say how far"
            return Finding(KEPT, session, 0, f"the index of messages holds a session {what}")
        if not base <= seq <= head or self._hash_at(session, seq) != hash_:
            why = f"the index of messages goes to a row {seq} that the session does not have"
            return Finding(KEPT, session, seq, why)
        after = 0
        while page := self._rows(
            _MESSAGES_SQL, session=session, base=base, upto=seq, after=after, limit=_PAGE_ROWS
        ):
            told, indexed = _told(session, page), _indexed(page)
            one = first_wrong(session, told, indexed)
            if one is not None:
                return one
            after = page[-1][0] or page[-1][3]
        return None


def _told(session: str, page: list[tuple[Any, ...]]) -> Iterator[tuple[Searched, tuple[str, ...]]]:
    for seq, at_ms, body, *_ in page:
        one = message_of(session, seq, at_ms, body) if seq is not None else None
        if one is not None:
            yield one, tuple(sorted(set(one.words)))


def _indexed(page: list[tuple[Any, ...]]) -> Iterator[Indexed]:
    for _, _, _, seq, at_ms, size, whole, words in page:
        if seq is not None:
            yield Indexed(seq, at_ms, tuple(sorted(words)) if whole else None, size)
