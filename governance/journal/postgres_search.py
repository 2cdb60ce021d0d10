"""
The index of messages in a PostgreSQL store: a cache that catches up when it is asked.

It holds which words a message has, not where: it says which messages may fit, and each of those
is read before it is given. So phrases are exact, however long a message is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from governance._attrs import define
from governance.errors import MisuseError
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_moves import stored
from governance.journal.postgres_schema import sql
from governance.journal.postgres_url import Target
from governance.journal.records import BRANCH_DEPTH_MAX, Record
from governance.journal.searching import (
    MESSAGE_KIND,
    Hit,
    Query,
    Searched,
    Statistics,
    best_of,
    fits,
    searched,
)

T = TypeVar("T")

STEP_ROWS = 200
"""Messages that are indexed in one transaction."""

CANDIDATES_MAX = 10_000
"""Messages that are read to rank; of more, the newest are."""

_PAGE = 200
_LEXEMES_BYTES_MAX = 500_000
"""Bytes of the words of one message in the index; one with more is read for every search."""

_BEHIND_SQL = (
    "SELECT s.id, s.head, s.hash, s.base, u.seq, u.hash FROM @.session s"
    " LEFT JOIN @.message_upto u ON u.tenant = s.tenant AND u.session = s.id"
    " WHERE s.tenant = %(tenant)s AND s.tombstone IS NULL"
    " AND (u.seq IS NULL OR u.seq <> s.head OR u.hash <> s.hash) ORDER BY s.id LIMIT 200"
)
_ROWS_SQL = (
    "SELECT seq, at_ms, body, hash FROM @.event WHERE tenant = %(tenant)s"
    " AND session = %(session)s AND seq > %(after)s AND seq <= %(upto)s"
    f" AND kind = '{MESSAGE_KIND}' ORDER BY seq LIMIT %(limit)s"
)
_HASH_SQL = (
    "SELECT 1 FROM @.event WHERE tenant = %(tenant)s AND session = %(session)s"
    " AND seq = %(seq)s AND hash = %(hash)b"
)
_PUT_SQL = (
    "INSERT INTO @.message (tenant, session, seq, at_ms, size, whole, words) VALUES"
    " (%(tenant)s, %(session)s, %(seq)s, %(at_ms)s, %(size)s, %(whole)s,"
    " array_to_tsvector(%(words)s::text[])) ON CONFLICT DO NOTHING"
)
_UPTO_SQL = (
    "INSERT INTO @.message_upto AS u (tenant, session, seq, hash) VALUES"
    " (%(tenant)s, %(session)s, %(seq)s, %(hash)b) ON CONFLICT (tenant, session)"
    " DO UPDATE SET seq = excluded.seq, hash = excluded.hash"
)
_FORGET_SQL = (
    "DELETE FROM @.message WHERE tenant = %(tenant)s AND session = %(session)s",
    "DELETE FROM @.message_upto WHERE tenant = %(tenant)s AND session = %(session)s",
)
_FIND_SQL = (
    "SELECT m.session, m.seq, m.at_ms, e.body FROM @.message m JOIN @.event e"
    " ON e.tenant = m.tenant AND e.session = m.session AND e.seq = m.seq"
    " WHERE m.tenant = %(tenant)s AND (m.words @@ %(query)s::tsquery OR NOT m.whole)"
)
_ORDER_SQL = (
    ' ORDER BY m.at_ms DESC, m.session COLLATE "C" DESC, m.seq DESC'
    " LIMIT %(limit)s OFFSET %(offset)s"
)
_TOTAL_SQL = "SELECT count(*), coalesce(sum(size), 0) FROM @.message WHERE tenant = %(tenant)s"
_COUNT_SQL = (
    "SELECT count(*) FROM @.message WHERE tenant = %(tenant)s"
    " AND (words @@ %(query)s::tsquery OR NOT whole)"
)


class Reads(Protocol):
    """How a journal lends a connection to read."""

    def __call__(self, work: Callable[[Connection], T]) -> T: ...


class Changes(Protocol):
    """How a journal lends a connection for one transaction."""

    def __call__(self, work: Callable[[Connection], T], *, durable: bool = True) -> T: ...


@define(eq=False, repr=False)
class PostgresSearch:
    """What a `PostgresJournal` searches with; raises as that one does."""

    _target: Target
    _read: Reads
    _change: Changes

    def search(
        self, query: Query, session: str | None, ranked: bool, limit: int
    ) -> tuple[Hit, ...]:
        """As `governance.journal.searching.Search` says."""
        if self._read(self._is_behind):
            while self._change(self._step, durable=False):
                pass
        return self._read(lambda connection: self._find(connection, query, session, ranked, limit))

    # -- filling ------------------------------------------------------------------

    def _is_behind(self, connection: Connection) -> bool:
        return self._run(connection, _BEHIND_SQL).fetchone() is not None

    def _step(self, connection: Connection) -> bool:
        """Index some more messages; whether there may be more."""
        left = STEP_ROWS
        found = self._run(connection, _BEHIND_SQL).fetchall()
        for session, seq, hash_, base, known, known_hash in found:
            begin = known
            if known is None or not self._is_row(connection, session, base, known, known_hash):
                forget(connection, self._target, session)
                begin = base
            left -= self._index(connection, session, (seq, bytes(hash_)), begin, left)
            if left <= 0:
                break
        return bool(found)

    def _is_row(
        self, connection: Connection, session: str, base: int, seq: int, hash_: bytes
    ) -> bool:
        if seq == base:
            return True
        found = self._run(connection, _HASH_SQL, session=session, seq=seq, hash=bytes(hash_))
        return found.fetchone() is not None

    def _index(
        self, connection: Connection, session: str, end: tuple[int, bytes], begin: int, limit: int
    ) -> int:
        rows = self._run(
            connection, _ROWS_SQL, session=session, after=begin, upto=end[0], limit=limit
        ).fetchall()
        for seq, at_ms, body, _ in rows:
            one = message_of(session, seq, at_ms, body)
            if one is None:
                continue
            words = sorted(set(one.words))
            whole = sum(len(word.encode()) + 8 for word in words) <= _LEXEMES_BYTES_MAX
            self._run(
                connection, _PUT_SQL, session=session, seq=seq, at_ms=one.at_ms,
                size=len(one.words), whole=whole, words=words if whole else [],
            )  # fmt: skip
        seq, hash_ = end if len(rows) < limit else (rows[-1][0], bytes(rows[-1][3]))
        self._run(connection, _UPTO_SQL, session=session, seq=seq, hash=hash_)
        return max(1, len(rows))

    # -- finding ------------------------------------------------------------------

    def _find(
        self, connection: Connection, query: Query, session: str | None, ranked: bool, limit: int
    ) -> tuple[Hit, ...]:
        found: list[Searched] = []
        wanted = CANDIDATES_MAX if ranked else limit
        for one in self._candidates(connection, query, session):
            if fits(query, one.words):
                found.append(one)
                if len(found) == wanted:
                    break
        if not ranked:
            return tuple(Hit(one.session, one.seq, one.at_ms) for one in found)
        return best_of(found, self._statistics(connection, query), limit)

    def _candidates(
        self, connection: Connection, query: Query, session: str | None
    ) -> Iterator[Searched]:
        """Messages that have all words of *query*, perhaps not as its phrases; newest first."""
        inside, words = self._inside(connection, session)
        every = sorted({word for phrase in query.phrases for word in phrase})
        offset = 0
        while True:
            rows = self._run(
                connection, _FIND_SQL + inside + _ORDER_SQL, query=_asked(every),
                limit=_PAGE, offset=offset, **words,
            ).fetchall()  # fmt: skip
            for owner, seq, at_ms, body in rows:
                one = message_of(owner, seq, at_ms, body)
                if one is not None:
                    yield one
            if len(rows) < _PAGE:
                return
            offset += _PAGE

    def _inside(
        self, connection: Connection, session: str | None
    ) -> tuple[str, dict[str, str | int]]:
        """What keeps a search within *session* and what it shares."""
        if session is None:
            return "", {}
        parts: list[str] = []
        words: dict[str, str | int] = {}
        owner, upto = session, 2**63 - 1
        for at in range(BRANCH_DEPTH_MAX + 1):
            found = stored(connection, self._target, owner)
            if found is None or found.gone:
                break
            base = found.origin.seq if found.origin is not None else 0
            parts.append(
                f"(m.session = %(owner{at})s AND m.seq > %(base{at})s AND m.seq <= %(upto{at})s)"
            )
            words |= {f"owner{at}": owner, f"base{at}": base, f"upto{at}": upto}
            if found.origin is None:
                break
            owner, upto = found.origin.parent, min(upto, base)
        return f" AND ({' OR '.join(parts) or 'false'})", words

    def _statistics(self, connection: Connection, query: Query) -> Statistics:
        """Figures to rank by; how many messages hold a phrase is at most what is counted."""
        total, size = self._run(connection, _TOTAL_SQL).fetchone() or (0, 0)
        counts = {}
        for phrase in query.phrases:
            found = self._run(connection, _COUNT_SQL, query=_asked(sorted(set(phrase)))).fetchone()
            counts[phrase] = int(found[0]) if found is not None else 0
        return Statistics(int(total), int(size), counts)

    def _run(self, connection: Connection, text: str, **words: Any) -> Any:
        values = {"tenant": self._target.tenant, **words}
        return connection.execute(sql(self._target.schema, text), values, binary=True)


def forget(connection: Connection, target: Target, session: str) -> None:
    """Take *session* out of the index."""
    for text in _FORGET_SQL:
        words = {"tenant": target.tenant, "session": session}
        connection.execute(sql(target.schema, text), words)


def drop_caches(connection: Connection, target: Target) -> None:
    """Forget the index and every snapshot."""
    for table in ("message", "message_upto", "snapshot"):
        text = f"DELETE FROM @.{table} WHERE tenant = %(tenant)s"
        connection.execute(sql(target.schema, text), {"tenant": target.tenant})


def _asked(words: Sequence[str]) -> str:
    """A query for all of *words*, which are letters and digits alone."""
    if not all(word.isalnum() for word in words):
        raise MisuseError("a word of a search holds a sign", code="GOV569")
    return " & ".join(f"'{word}'" for word in words)


def message_of(session: str, seq: int, at_ms: int, body: Any) -> Searched | None:
    """What is searched of the row *seq* of *session*, which is a message."""
    return searched(Record(session, seq, MESSAGE_KIND, at_ms, bytes(body), False, None, b""))
