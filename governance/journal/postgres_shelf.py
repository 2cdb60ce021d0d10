"""The values beside the journals of a PostgreSQL store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from governance._attrs import define
from governance.errors import StoreBusy
from governance.journal.chain import entry_digest, entry_of
from governance.journal.faults import bad_value
from governance.journal.limits import SCAN_BYTES_MAX, check_entry, check_scan, check_value
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_schema import sql
from governance.journal.postgres_url import Target
from governance.journal.records import Entry
from governance.journal.session_values import SESSION_SHELVES, SESSION_SIGN, bounds

T = TypeVar("T")

_COLUMNS = "SELECT shelf, name, version, value, digest FROM @.shelf"
NEXT_SQL = (
    _COLUMNS + " WHERE tenant = %(tenant)s AND (shelf, name) > (%(shelf)s, %(name)s)"
    " ORDER BY shelf, name LIMIT 1"
)
"""The value behind another one, for who looks at all of them."""

_ONE = " WHERE tenant = %(tenant)s AND shelf = %(shelf)s AND name = %(name)s"
GET_SQL = _COLUMNS + _ONE
_SCAN_SQL = (
    _COLUMNS + " WHERE tenant = %(tenant)s AND shelf = %(shelf)s AND name > %(after)s"
    " ORDER BY name LIMIT %(limit)s"
)
_SIZES_SQL = (
    "SELECT name, octet_length(value) FROM @.shelf WHERE tenant = %(tenant)s"
    " AND shelf = %(shelf)s AND name > %(after)s ORDER BY name LIMIT %(limit)s"
)
_SEEN_SQL = "SELECT version FROM @.shelf" + _ONE
_VERSION_SQL = _SEEN_SQL + " FOR UPDATE"
_PUT_SQL = (
    "INSERT INTO @.shelf AS s (tenant, shelf, name, version, value, digest) VALUES"
    " (%(tenant)s, %(shelf)s, %(name)s, %(version)s, %(value)b, %(digest)b)"
    " ON CONFLICT (tenant, shelf, name) DO UPDATE SET version = excluded.version,"
    " value = excluded.value, digest = excluded.digest WHERE s.version = %(known)s"
    " RETURNING version"
)
_DELETE_SQL = "DELETE FROM @.shelf" + _ONE + " AND version = %(known)s"
_FORGET_SQL = (
    "DELETE FROM @.shelf WHERE tenant = %(tenant)s AND shelf = ANY(%(shelves)s)"
    " AND name > %(after)s AND name < %(end)s"
    " AND position(%(sign)s in substr(name, %(begin)s)) = 0"
)
_TRIES_MAX = 8


class Lent(Protocol):
    """How a journal lends a connection: to read, or for one transaction."""

    def __call__(self, work: Callable[[Connection], T]) -> T: ...


@define(eq=False, repr=False)
class PostgresShelf:
    """
    The `Shelf` of a `PostgresJournal`, read and changed through what that one lends.

    A value that was deleted is gone for every query. The server's own files hold it until
    they are vacuumed and its log is recycled: no client can overwrite it there.
    """

    _target: Target
    _reading: Lent
    _change: Lent

    def get(self, shelf: str, name: str) -> Entry | None:
        """
        As the contract says.

        Raises:
            StoreDamaged: The value is not what was put.
        """
        check_entry(shelf, name)
        words = self._words(shelf, name=name)

        def work(connection: Connection) -> Entry | None:
            found = connection.execute(self._sql(GET_SQL), words, binary=True).fetchone()
            return _sound(found) if found is not None else None

        return self._reading(work)

    def put(
        self, shelf: str, name: str, value: bytes, *, expected_version: int | None = None
    ) -> Entry | None:
        """As the contract says."""
        check_entry(shelf, name, expected_version)
        check_value(value)

        def work(connection: Connection) -> Entry | None:
            words = self._words(shelf, name=name)
            for _ in range(_TRIES_MAX):
                known = self._version(connection, words)
                if expected_version not in (None, known):
                    return None
                made = Entry(shelf, name, known + 1, value)
                row = {"version": made.version, "value": value, "digest": entry_digest(made)}
                put = {**words, **row, "known": known}
                # Nothing comes back where another one has made it since: it is looked at anew.
                if connection.execute(self._sql(_PUT_SQL), put).fetchone() is not None:
                    return made
            raise StoreBusy(f"the value `{name}` is put by others all the time")

        return self._change(work)

    def delete(self, shelf: str, name: str, *, expected_version: int | None = None) -> bool:
        """As the contract says, but for what is overwritten: see the class."""
        check_entry(shelf, name, expected_version)
        words = self._words(shelf, name=name)

        def work(connection: Connection) -> bool:
            known = self._version(connection, words)
            if not known or expected_version not in (None, known):
                return False
            gone = connection.execute(self._sql(_DELETE_SQL), {**words, "known": known})
            return gone.rowcount == 1

        return self._change(work)

    def scan(self, shelf: str, *, after: str = "", limit: int = 1000) -> tuple[Entry, ...]:
        """As the contract says; raises as `get`."""
        check_scan(shelf, after, limit)

        def work(connection: Connection) -> tuple[Entry, ...]:
            words = self._words(shelf, after=after, limit=limit)
            sizes = connection.execute(self._sql(_SIZES_SQL), words).fetchall()
            count = size = 0
            for _, size_bytes in sizes:
                count, size = count + 1, size + size_bytes
                if size > SCAN_BYTES_MAX:
                    break
            if not count:
                return ()
            words["limit"] = count
            rows = connection.execute(self._sql(_SCAN_SQL), words, binary=True).fetchall()
            return tuple(_sound(row) for row in rows)

        return self._reading(work)

    def _version(self, connection: Connection, words: dict[str, object]) -> int:
        """The version of a value, which is held until the transaction ends; 0: it is not there."""
        # A role that may not change it is not shown it for that, and must not take it for none:
        # what it does to it next, the server refuses by name.
        for text in (_VERSION_SQL, _SEEN_SQL):
            found = connection.execute(self._sql(text), words).fetchone()
            if found is not None:
                return int(found[0])
        return 0

    def _words(self, shelf: str, **more: object) -> dict[str, object]:
        return {"tenant": self._target.tenant, "shelf": shelf, **more}

    def _sql(self, text: str) -> bytes:
        return sql(self._target.schema, text)


def forget(
    connection: Connection,
    target: Target,
    session: str,
    shelves: Sequence[str] = SESSION_SHELVES,
) -> None:
    """Let go of the values of *session* on *shelves*, in the transaction of its caller."""
    after, end = bounds(session)
    words = {
        "tenant": target.tenant,
        "shelves": list(shelves),
        "after": after,
        "end": end,
        "sign": SESSION_SIGN,
        "begin": len(after) + 1,
    }
    connection.execute(sql(target.schema, _FORGET_SQL), words)


def _sound(columns: tuple[object, ...]) -> Entry:
    entry = entry_of(columns)
    if entry is None:
        raise bad_value(columns[0], columns[1])
    return entry
