"""
Values on shelves that belong to a session: named ``SESSION#REST``, and gone with its rows.

A session's id may hold the sign, REST never does: so what a name belongs to is told by the
last one.
"""

from __future__ import annotations

from collections.abc import Iterator

from governance.journal.records import KEY_SHELF, VAULT, Entry, Shelf

BLOB_SHELF = "blob"
"""What is too big for a row, by its sha256."""

INDEX_SHELF = "index"
"""What values are found by; made anew from the rows where it is not there."""

SESSION_SHELVES = (BLOB_SHELF, INDEX_SHELF)
"""Shelves whose values `Journal.remove` lets go of with the rows of their session."""

COPIED_SHELVES = (KEY_SHELF, BLOB_SHELF, "archive")
"""What one store gives to another. Rollups and leases are about one store, and are made anew."""

SESSION_SIGN = "#"
PAGE_ENTRIES = 100


def is_made_anew(shelf: str, name: str) -> bool:
    """Whether that value is told by rows or by other values, so that it is never lost."""
    return shelf == INDEX_SHELF or (shelf, name) == (KEY_SHELF, VAULT)


def shelf_name(session: str, rest: str) -> str:
    """The name of the value *rest* of *session*."""
    return f"{session}{SESSION_SIGN}{rest}"


def session_of(name: str) -> str:
    """Whose the value called *name* is; ``""``: no session's."""
    session, _, rest = name.rpartition(SESSION_SIGN)
    return session if rest else ""


def bounds(session: str) -> tuple[str, str]:
    """Names of *session* sort after the first and before the second; so do some of others."""
    return shelf_name(session, ""), f"{session}{chr(ord(SESSION_SIGN) + 1)}"


def values_of(shelf: Shelf, kind: str, session: str) -> Iterator[Entry]:
    """The values of *session* on the shelf *kind*, in order of their names."""
    after, end = bounds(session)
    while page := shelf.scan(kind, after=after, limit=PAGE_ENTRIES):
        for entry in page:
            if entry.name >= end:
                return
            if session_of(entry.name) == session:
                yield entry
        after = page[-1].name
