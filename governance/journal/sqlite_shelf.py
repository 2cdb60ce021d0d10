"""The values beside the journals of a SQLite store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from governance._attrs import define
from governance.journal.chain import entry_digest, entry_of
from governance.journal.faults import bad_value
from governance.journal.limits import SCAN_BYTES_MAX, check_entry, check_scan, check_value
from governance.journal.records import KEY_SHELF, Entry
from governance.journal.session_values import SESSION_SHELVES, SESSION_SIGN, bounds

if TYPE_CHECKING:
    import apsw

    from governance.journal.sqlite_writer import T

VALUE_COLUMNS = "shelf, name, version, value, digest"

_GET_SQL = f"SELECT {VALUE_COLUMNS} FROM shelf WHERE shelf = ? AND name = ?"  # noqa: S608
_SCAN_SQL = (
    f"SELECT {VALUE_COLUMNS} FROM shelf"  # noqa: S608 - our own names
    " WHERE shelf = ? AND name > ? ORDER BY name LIMIT ?"
)
_VERSION_SQL = "SELECT version FROM shelf WHERE shelf = ? AND name = ?"
_FORGET_SQL = (
    "DELETE FROM shelf WHERE shelf = ? AND name > ? AND name < ? AND NOT instr(substr(name, ?), ?)"
)
_DELETE_SQL = "DELETE FROM shelf WHERE shelf = ? AND name = ?"


class Change(Protocol):
    """Does work in one durable transaction; see `Writer.change`."""

    def __call__(self, work: Callable[[apsw.Connection], T], empty_log: bool) -> T: ...


@define(eq=False, repr=False)
class SqliteShelf:
    """
    The `Shelf` of a `SqliteJournal`, read and changed through what that one lends.

    What is deleted or replaced is overwritten in the file. After a key went, the log is emptied
    as well; where a reader of an older state keeps it from that, as soon as that one is done.
    """

    _reading: Callable[[], AbstractContextManager[apsw.Connection]]
    _change: Change

    def get(self, shelf: str, name: str) -> Entry | None:
        """
        As the contract says.

        Raises:
            StoreDamaged: The value is not what was put.
        """
        check_entry(shelf, name)
        with self._reading() as connection:
            found = connection.execute(_GET_SQL, (shelf, name)).fetchone()
        return _sound(found) if found is not None else None

    def put(
        self, shelf: str, name: str, value: bytes, *, expected_version: int | None = None
    ) -> Entry | None:
        """As the contract says."""
        check_entry(shelf, name, expected_version)
        check_value(value)

        def work(connection: apsw.Connection) -> Entry | None:
            version = _version(connection, shelf, name)
            if expected_version not in (None, version):
                return None
            made = Entry(shelf, name, version + 1, value)
            connection.execute(
                "INSERT OR REPLACE INTO shelf VALUES (?, ?, ?, ?, ?)",
                (shelf, name, made.version, value, entry_digest(made)),
            )
            return made

        return self._change(work, shelf == KEY_SHELF and expected_version != 0)

    def delete(self, shelf: str, name: str, *, expected_version: int | None = None) -> bool:
        """As the contract says."""
        check_entry(shelf, name, expected_version)

        def work(connection: apsw.Connection) -> bool:
            version = _version(connection, shelf, name)
            if not version or expected_version not in (None, version):
                return False
            connection.execute(_DELETE_SQL, (shelf, name))
            return True

        return self._change(work, shelf == KEY_SHELF)

    def scan(self, shelf: str, *, after: str = "", limit: int = 1000) -> tuple[Entry, ...]:
        """As the contract says; raises as `get`."""
        check_scan(shelf, after, limit)
        found: list[Entry] = []
        size = 0
        with self._reading() as connection:
            for row in connection.execute(_SCAN_SQL, (shelf, after, limit)):
                found.append(_sound(row))
                size += len(found[-1].value)
                if size > SCAN_BYTES_MAX:
                    break
        return tuple(found)


def forget(connection: apsw.Connection, session: str) -> None:
    """Let go of the values of *session*, in a transaction of the writer."""
    after, end = bounds(session)
    for shelf in SESSION_SHELVES:
        connection.execute(_FORGET_SQL, (shelf, after, end, len(after) + 1, SESSION_SIGN))


def _version(connection: apsw.Connection, shelf: str, name: str) -> int:
    """The version of a value, or 0 where there is none."""
    found = connection.execute(_VERSION_SQL, (shelf, name)).fetchone()
    return found[0] if found is not None else 0


def _sound(columns: tuple[object, ...]) -> Entry:
    entry = entry_of(columns)
    if entry is None:
        raise bad_value(columns[0], columns[1])
    return entry
