"""
The index of messages in a SQLite store: a cache that catches up when it is asked.

An append knows nothing of it, so decisions cost what they did. How far each session is indexed
stands beside its hash: where other rows came to stand there, the session is indexed anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from governance.journal.records import Head
from governance.journal.searching import MESSAGE_KIND, Hit, Query, searched
from governance.journal.sqlite_lineage import ROW_HASH_SQL, Stretch, origin_of, stretches
from governance.journal.sqlite_rows import COLUMNS, record_of

if TYPE_CHECKING:
    import apsw

STEP_ROWS = 500
"""Messages that are indexed in one transaction, so that no writer waits for long."""

_BEHIND_SQL = (
    "SELECT s.id, s.head, s.hash, s.base, u.seq, u.hash FROM session s"
    " LEFT JOIN message_upto u ON u.session = s.id"
    " WHERE u.seq IS NULL OR u.seq <> s.head OR u.hash <> s.hash LIMIT 200"
)
_MESSAGES_SQL = (
    f"SELECT {COLUMNS} FROM event"  # noqa: S608 - our own names
    f" WHERE session = ? AND seq > ? AND seq <= ? AND kind = '{MESSAGE_KIND}'"
    " ORDER BY seq LIMIT ?"
)
_FIND_SQL = (
    "SELECT m.session, m.seq, m.at_ms, -bm25(message_text) AS score"
    " FROM message_text JOIN message m ON m.id = message_text.rowid"
    " WHERE message_text MATCH ? "
)
_NEWEST = " ORDER BY m.at_ms DESC, m.session DESC, m.seq DESC LIMIT ?"
_BEST = " ORDER BY score DESC, m.at_ms DESC, m.session DESC, m.seq DESC LIMIT ?"


def behind(connection: apsw.Connection) -> bool:
    """Whether any session has rows that the index has not looked at."""
    return connection.execute(_BEHIND_SQL).fetchone() is not None


def step(connection: apsw.Connection) -> bool:
    """Index some more messages, in a transaction of the writer; whether there may be more."""
    left = STEP_ROWS
    found: list[Any] = connection.execute(_BEHIND_SQL).fetchall()
    for session, seq, hash_, base, known, known_hash in found:
        begin = known
        if known is None or not _is_row(connection, session, base, known, known_hash):
            forget(connection, session)
            begin = base
        left -= _index(connection, Head(session, seq, hash_), begin, left)
        if left <= 0:
            break
    return bool(found)


def _is_row(connection: apsw.Connection, session: str, base: int, seq: int, hash_: bytes) -> bool:
    """Whether row *seq* of *session* still is the one up to which it was indexed."""
    if seq == base:
        return True
    found = connection.execute(ROW_HASH_SQL, (session, seq)).fetchone()
    return found is not None and found[0] == hash_


def _index(connection: apsw.Connection, head: Head, begin: int, limit: int) -> int:
    """Index at most *limit* messages of ``head.session`` after row *begin*; how many were read."""
    session = head.session
    end, count = head, 0
    for row in connection.execute(_MESSAGES_SQL, (session, begin, head.seq, limit)).fetchall():
        count += 1
        record = record_of(row)
        one = searched(record) if record is not None else None
        if record is not None and count == limit:
            end = Head(session, record.seq, record.hash)
        if one is None:
            continue
        words = " ".join(one.words)
        connection.execute(
            "INSERT INTO message (session, seq, at_ms, words) VALUES (?, ?, ?, ?)",
            (session, one.seq, one.at_ms, words),
        )
        connection.execute(
            "INSERT INTO message_text (rowid, words) VALUES (last_insert_rowid(), ?)", (words,)
        )
    connection.execute(
        "INSERT OR REPLACE INTO message_upto VALUES (?, ?, ?)", (session, end.seq, end.hash)
    )
    return max(1, count)


def forget(connection: apsw.Connection, session: str) -> None:
    """Take *session* out of the index, in a transaction of the writer."""
    connection.execute(
        "INSERT INTO message_text (message_text, rowid, words)"
        " SELECT 'delete', id, words FROM message WHERE session = ?",
        (session,),
    )
    for table in ("message", "message_upto"):
        connection.execute(f"DELETE FROM {table} WHERE session = ?", (session,))  # noqa: S608


def rebuild(connection: apsw.Connection) -> None:
    """Empty the index, in a transaction of the writer; it fills when it is asked again."""
    connection.execute("INSERT INTO message_text (message_text) VALUES ('delete-all')")
    connection.execute("DELETE FROM message")
    connection.execute("DELETE FROM message_upto")


def find(
    connection: apsw.Connection,
    path: Path,
    query: Query,
    session: str | None,
    ranked: bool,
    limit: int,
) -> tuple[Hit, ...]:
    """What the contract's ``search`` gives, of what is indexed."""
    match = " ".join('"' + " ".join(phrase) + '"' for phrase in query.phrases)
    wanted: list[Stretch] = []
    sql = _FIND_SQL
    values: list[str | int] = [match]
    if session is not None:
        head = connection.execute("SELECT head FROM session WHERE id = ?", (session,)).fetchone()
        if head is not None:
            origin = origin_of(connection, session)
            wanted = stretches(connection, path, session, origin, 0, head[0])
        inside = " OR ".join("(m.session = ? AND m.seq > ? AND m.seq <= ?)" for _ in wanted)
        sql += f" AND ({inside or '0'})"
        for one in wanted:
            values += (one.owner, one.after, one.upto)
    sql += _BEST if ranked else _NEWEST
    rows = connection.execute(sql, (*values, limit))
    return tuple(
        Hit(name, seq, at_ms, score if ranked else 0.0) for name, seq, at_ms, score in rows
    )
