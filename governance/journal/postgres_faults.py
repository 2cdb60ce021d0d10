"""
Errors that only a store on a PostgreSQL server can have, and what the server's own become.

No message holds a password: none is ever in a URL, and what libpq says of a connection names
host, database and user alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.errors import (
    JournalError,
    OutcomeUnknown,
    StoreBusy,
    StoreDamaged,
    StoreFull,
    StoreMissing,
)
from governance.journal.faults import DAMAGED_REMEDY, StoreReadOnly
from governance.journal.records import Head

if TYPE_CHECKING:
    import psycopg

_WORDS_MAX = 300


class ServerUnreachable(JournalError):
    """The PostgreSQL server did not take a connection; nothing was written."""

    code = "GOV530"


class ServerRefused(JournalError):
    """The PostgreSQL server does not let this user in, or not do this; nothing was written."""

    code = "GOV531"


class ServerUnsuitable(JournalError):
    """The PostgreSQL server or database is not one that a store can live in."""

    code = "GOV532"


class DriverMissing(JournalError):
    """The driver for PostgreSQL is not installed."""

    code = "GOV533"


class RowsLost(JournalError):
    """The store lacks rows that it has acknowledged as durable; nothing was written."""

    code = "GOV527"


RETRIED = frozenset({"40001", "40P01"})
"""The server took the statement back and says: again (serialization, deadlock)."""

_STARTING = frozenset({"57P03", "53300"})
_UNKNOWN = frozenset({"40003", "57P01", "57P02", "57P05"})
_BUSY = frozenset({"55P03", "57014", "25P03"})
_DAMAGED = frozenset({"XX001", "XX002"})
_GONE = frozenset({"3F000", "42P01", "42703"})

DUPLICATE = "23505"
DIVISION = "22012"
"""What an append says when some of its sessions fit and others do not."""

# What libpq says when trying again is of no use; a server in another language is tried again.
_HOPELESS = (
    "authentication failed",
    "no password supplied",
    "does not exist",
    "pg_hba.conf",
    "certificate",
    "does not support ssl",
    "permission denied for database",
    "not permitted to log in",
    "requires peer",
)


def is_hopeless(error: psycopg.Error) -> bool:
    """Whether a connection that was refused with *error* would be refused again."""
    text = str(error).lower()
    return any(word in text for word in _HOPELESS) and "no such file" not in text


def connect_error(error: psycopg.Error, place: str) -> JournalError:
    """*error*, met while connecting to *place*."""
    said = told(error)
    if is_hopeless(error):
        return ServerRefused(
            f"{place} does not let this user in: {said}",
            remedy="look at the user, at PGPASSWORD or the password file, and at `pg_hba.conf`",
        )
    return ServerUnreachable(
        f"{place} takes no connection: {said}",
        remedy="start the server, or mend the URL and the network; then the same call works",
    )


def told(error: BaseException) -> str:
    """What *error* says, on one line and not for ever."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _WORDS_MAX else text[:_WORDS_MAX] + " …"


def is_unknown(error: psycopg.Error, *, alive: bool) -> bool:
    """Whether *error* leaves open what became of the statement; *alive*: the connection is."""
    return not alive or error.sqlstate in _UNKNOWN


def unknown(place: str, why: str) -> OutcomeUnknown:
    """The error for a statement that was sent to *place* and whose answer was lost."""
    return OutcomeUnknown(
        f"rows were sent to {place} and the answer was lost: {why}",
        remedy="read the head of each session: the rows are there or they are not",
    )


def lost(place: str, known: Head, found: Head) -> RowsLost:
    """The error for *place*, which had acknowledged *known* and ends with *found* now."""
    return RowsLost(
        f"{place} has acknowledged row {known.seq} of `{found.session}`, and "
        + (
            f"ends with row {found.seq} now"
            if found.seq < known.seq
            else "holds another row in its place now"
        ),
        remedy="a server took over that had not got everything: see `governance verify`; a "
        "process that is started again goes on from what is there",
    )


def server_error(error: psycopg.Error, place: str) -> JournalError:
    """
    *error* of a statement that the server has refused, as a child of `JournalError`.

    What the statement would have written was not written.
    """
    state = error.sqlstate or ""
    said = f"{told(error)} (SQLSTATE {state or 'none'})"
    if state in _BUSY or state in RETRIED:
        return StoreBusy(
            f"{place} held a session too long: {said}",
            remedy="try again, or find the connection that holds it",
        )
    if state in _STARTING or state.startswith(("08", "57P")) or not state:
        return ServerUnreachable(
            f"{place} does not answer: {said}",
            remedy="look at the server and the network; then the same call works",
        )
    if state.startswith("53"):
        return StoreFull(
            f"{place} has no room: {said}; nothing was written",
            remedy="free space on the server; then the same call works",
        )
    if state == "25006":
        return StoreReadOnly(
            f"{place} may only be read: {said}",
            remedy="name the primary, or add `target_session_attrs=read-write` to the URL",
        )
    if state in _DAMAGED:
        return StoreDamaged(f"{place} is damaged: {said}", remedy=DAMAGED_REMEDY)
    if state in _GONE:
        return StoreMissing(
            f"{place} has lost its tables: {said}", remedy="restore the database from a backup"
        )
    if state.startswith("28") or state == "42501":
        return ServerRefused(
            f"{place} does not allow this: {said}",
            remedy="see which role the URL names, and what `governance store grant` gave it",
        )
    return JournalError(f"{place} failed: {said}", remedy="look at the server's log")
