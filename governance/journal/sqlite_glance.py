"""
A look into a SQLite store for who may neither wait nor write, nor import what a journal is.

A status line is asked for after every message. It runs this file without its package, whose
modules would cost more than all that is read: what they know of the store is written down here
again. The chain is not walked: nothing may be decided on what this gives.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    import apsw

    Event: TypeAlias = tuple[str, int, bytes]
    """Kind, time in milliseconds, and body of a row."""

APPLICATION_ID = 0x676F7631
SCHEMA_VERSION = 4
"""As `sqlite_schema` has them."""

BUSY_MS_MAX = 20
"""A writer keeps no reader out; whoever mends the log after a crash does, for a moment."""


class Elsewhere(Exception):
    """What is asked for has to be read with all that the package has."""


class Unreadable(Exception):
    """Nobody can read it; the text says why, for people."""


class Seen:
    """
    What a store holds of a session.

    Attributes:
        head: Its number of rows; 0: it is not there.

        kept: The state that is kept of it, as bytes, or ``None``.

        rows: The rows after that, the newest first.

        project: The newest rows of the project's own journal, the newest first.
    """

    def __init__(self) -> None:
        self.head = 0
        self.kept: bytes | None = None
        self.rows: list[Event] = []
        self.project: list[Event] = []


def look(
    store: str, session: str, *, fold: int, rows_max: int, project: str, project_rows_max: int
) -> Seen:
    """
    What the file *store* holds of *session*, and of the *project*'s own journal.

    Args:
        fold: Version of the kept state that is wanted.

    Raises:
        Elsewhere: It is encrypted, or may not be written; *session* is a branch, or more than
            *rows_max* rows would have to be read.

        Unreadable: It is busy, damaged, or of another version.
    """
    import apsw

    try:
        connection = apsw.Connection(store, flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(BUSY_MS_MAX)
            connection.execute("BEGIN")
            _require_known(connection)
            seen = Seen()
            seen.project = _newest(connection, project, -1, project_rows_max)
            _see(connection, seen, session, fold, rows_max)
        finally:
            connection.close()
    except apsw.BusyError:
        raise Unreadable("the store is busy") from None
    except apsw.CantOpenError:
        raise Elsewhere from None  # it may not be written, and nobody has it open
    except (apsw.Error, TypeError, ValueError):
        raise damaged() from None
    return seen


def damaged() -> Unreadable:
    """The error for a store that does not hold what was written."""
    return Unreadable("the store is damaged: run `governance verify`")


def _require_known(connection: apsw.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone() or (0,)
    (version,) = connection.execute("PRAGMA user_version").fetchone() or (0,)
    if application != APPLICATION_ID:
        raise damaged()
    if version > SCHEMA_VERSION:
        raise Unreadable("the store is of a newer engine: upgrade `session-governance`")
    if version < SCHEMA_VERSION:
        raise Unreadable("the store is of an older engine: the next call brings it up to date")
    sealed = "SELECT 1 FROM shelf WHERE shelf = 'key' AND name = 'vault'"
    if connection.execute(sealed).fetchone():
        raise Elsewhere


def _see(connection: apsw.Connection, seen: Seen, session: str, fold: int, rows_max: int) -> None:
    entry = connection.execute(
        "SELECT head, parent FROM session WHERE id = ?", (session,)
    ).fetchone()
    if entry is None:
        return
    seen.head, parent = entry
    if parent is not None:
        raise Elsewhere
    kept = connection.execute(
        "SELECT seq, body FROM snapshot WHERE session = ? AND version = ? AND seq <= ?",
        (session, fold, seen.head),
    ).fetchone()
    after, seen.kept = kept or (0, None)
    if seen.head - after > rows_max:
        raise Elsewhere
    seen.rows = _newest(connection, session, after, rows_max)
    if len(seen.rows) != seen.head - after:
        raise damaged()


def _newest(connection: apsw.Connection, session: str, after: int, limit: int) -> list[Event]:
    found = connection.execute(
        "SELECT kind, at_ms, body FROM event WHERE session = ? AND seq > ?"
        " ORDER BY seq DESC LIMIT ?",
        (session, after, limit),
    )
    return [(kind, at_ms, body) for kind, at_ms, body in found]
