"""
What a SQLite store keeps to save time, held against its rows: snapshots, and the index of
messages with the full-text index behind it.

Each session is one read transaction. The full-text index is compared by a sum over all places
of all words, which needs no memory and no lock: it tells that it is wrong, not where.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING

from governance.journal.caches import FINDINGS_MAX, KEPT, Indexed, first_wrong, wrong_snapshot
from governance.journal.records import Finding, Snapshot
from governance.journal.searching import MESSAGE_KIND, Searched, searched
from governance.journal.sqlite_lineage import hash_at
from governance.journal.sqlite_rows import COLUMNS, record_of

if TYPE_CHECKING:
    import apsw

_SNAPSHOT_SQL = (
    "SELECT k.session, k.seq, k.hash, k.version, k.body, k.digest, s.head FROM snapshot k"
    " LEFT JOIN session s ON s.id = k.session WHERE k.session > ? ORDER BY k.session LIMIT 1"
)
_NAME_SQL = (
    "SELECT min(n) FROM (SELECT min(session) AS n FROM message_upto WHERE session > ?1"
    " UNION ALL SELECT min(session) FROM message WHERE session > ?1)"
)
_UPTO_SQL = "SELECT seq, hash FROM message_upto WHERE session = ?"
_HEAD_SQL = "SELECT head, base FROM session WHERE id = ?"
_MESSAGES_SQL = (
    f"SELECT {COLUMNS} FROM event WHERE session = ? AND seq > ? AND seq <= ?"  # noqa: S608
    f" AND kind = '{MESSAGE_KIND}' ORDER BY seq"
)
_INDEXED_SQL = "SELECT seq, at_ms, words FROM message WHERE session = ? ORDER BY seq"
_VOCABULARY_SQL = (
    "CREATE VIRTUAL TABLE temp.message_words USING fts5vocab('main', 'message_text', 'instance')",
    "CREATE VIRTUAL TABLE temp.message_terms USING fts5vocab('main', 'message_text', 'row')",
)
_TERM_SQL = "SELECT cnt FROM temp.message_terms WHERE term = ?"
_PLACES_SQL = "SELECT term, doc, offset FROM temp.message_words"
_SIZES_SQL = "SELECT id, sz FROM message_text_docsize ORDER BY id"
_TOTALS_SQL = "SELECT block FROM message_text_data WHERE id = 1"
_SETTING_SQL = "SELECT k, v FROM message_text_config ORDER BY k"
_SETTINGS = ({"secure-delete"}, {"secure-delete", "version"})
_MASK = 2**64 - 1


def cache_findings(connection: apsw.Connection) -> tuple[Finding, ...]:
    """
    What of it is not what the rows tell, at most `FINDINGS_MAX`.

    The connection is used for nothing else and is left with a temporary table.
    """
    found = list(islice(_snapshots(connection), FINDINGS_MAX))
    wrong = list(islice(_messages(connection), FINDINGS_MAX))
    if not wrong and not _is_full_text_sound(connection):
        why = "the full-text index is not what the index of messages says"
        wrong.append(Finding(KEPT, "", 0, why))
    return tuple((found + wrong)[:FINDINGS_MAX])


def _snapshots(connection: apsw.Connection) -> Iterator[Finding]:
    after = ""
    while (looked := _next_snapshot(connection, after)) is not None:
        after, why = looked
        if why:
            yield Finding(KEPT, after, 0, why)


def _next_snapshot(connection: apsw.Connection, after: str) -> tuple[str, str] | None:
    """The session after that one that has a snapshot, and what is wrong with it."""
    looked: tuple[str, str] | None = None
    with connection:
        for *columns, digest, head in connection.execute(_SNAPSHOT_SQL, (after,)):
            kept = Snapshot(*columns)
            own = hash_at(connection, kept.session, kept.seq) if head is not None else None
            looked = kept.session, wrong_snapshot(kept, digest, own, head)
    return looked


def _messages(connection: apsw.Connection) -> Iterator[Finding]:
    after = ""
    while (looked := _next_indexed(connection, after)) is not None:
        after, found = looked
        if found is not None:
            yield found


def _next_indexed(connection: apsw.Connection, after: str) -> tuple[str, Finding | None] | None:
    """The session after that one that is in the index, and what is wrong with it there."""
    looked: tuple[str, Finding | None] | None = None
    with connection:
        name = connection.execute(_NAME_SQL, (after,)).get
        if name is not None:
            looked = name, _wrong_session(connection, name)
    return looked


def _wrong_session(connection: apsw.Connection, session: str) -> Finding | None:
    upto = connection.execute(_UPTO_SQL, (session,)).fetchone()
    entry = connection.execute(_HEAD_SQL, (session,)).fetchone()
    if upto is None or entry is None:
        what = "which the store does not have" if entry is None else "and does not say how far"
        return Finding(KEPT, session, 0, f"the index of messages holds a session {what}")
    (seq, hash_), (head, base) = upto, entry
    if not base <= seq <= head or hash_at(connection, session, seq) != hash_:
        why = f"the index of messages goes to a row {seq} that the session does not have"
        return Finding(KEPT, session, seq, why)

    def told() -> Iterator[tuple[Searched, tuple[str, ...]]]:
        for row in connection.execute(_MESSAGES_SQL, (session, base, seq)):
            record = record_of(row)
            one = searched(record) if record is not None else None
            if one is not None:
                yield one, one.words

    def indexed() -> Iterator[Indexed]:
        for at, at_ms, text in connection.execute(_INDEXED_SQL, (session,)):
            words = tuple(text.split(" ")) if text else ()
            yield Indexed(at, at_ms, words, len(words))

    return first_wrong(session, told(), indexed())


def _is_full_text_sound(connection: apsw.Connection) -> bool:
    """Whether every word of every message stands where it ought to, and is counted."""
    with suppress(ValueError), connection:
        return _has_settings(connection) and _has_places(connection)
    return False


def _has_settings(connection: apsw.Connection) -> bool:
    settings: Sequence[tuple[object, ...]] = connection.execute(_SETTING_SQL).fetchall()
    names = {name for name, _ in settings}
    return names in _SETTINGS and ("secure-delete", 1) in settings


def _has_places(connection: apsw.Connection) -> bool:
    # Hashes of this process alone, so that nobody can choose words of which the sum is the same.
    total = count = length = 0
    sizes = iter(connection.execute(_SIZES_SQL))
    for number, text in connection.execute("SELECT id, words FROM message ORDER BY id"):
        words = text.split(" ") if text else []
        for offset, word in enumerate(words):
            total += hash((word, number, offset))
        count, length = count + 1, length + len(words)
        if next(sizes, None) != (number, _varint(len(words))):
            return False
    if next(sizes, None) is not None:
        return False
    totals = connection.execute(_TOTALS_SQL).fetchone()
    if count and (totals is None or totals[0] != _varint(count) + _varint(length)):
        return False
    for statement in _VOCABULARY_SQL:
        connection.execute(statement)
    # In order of the words; each is looked up as well, as a search would.
    for term, places in groupby(connection.execute(_PLACES_SQL), key=itemgetter(0)):
        often = 0
        for place in places:
            total -= hash(place)
            often += 1
        if connection.execute(_TERM_SQL, (term,)).get != often:
            return False
    return total & _MASK == 0


def _varint(number: int) -> bytes:
    """*number*, below 2 ** 49, as SQLite writes it: seven bits a byte, the highest first."""
    signs = [number & 0x7F]
    while number := number >> 7:
        signs.append(number & 0x7F | 0x80)
    return bytes(reversed(signs))
