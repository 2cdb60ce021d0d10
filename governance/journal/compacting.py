"""
Room that a SQLite store has and does not use, and how it goes back to the disk.

What sessions that are gone have left is used again by what is written next, so a store does not
grow by it; it shrinks only when it is told to. That is done in place, a few pages in a short
transaction at a time: others read and write between two of them, and nobody's decision waits for
more than one. It needs no second copy of the store, and whoever stops it has lost nothing.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import apsw

from governance._attrs import frozen
from governance.errors import JournalError
from governance.journal.replacing import named_errors
from governance.journal.sqlite_connection import Patience, connect, is_there, missing_store
from governance.journal.sqlite_read_only import connected_to_read
from governance.journal.sqlite_schema import check_store

STEP_PAGES = 128
"""Pages that one transaction gives back."""

_LOCK_MS = 5_000
_PAUSE_SECONDS = 0.005
_INCREMENTAL = 2


class NotCompactable(JournalError):
    """The store was made by an engine that could not give its room back in place."""

    code = "GOV536"


@frozen
class Room:
    """
    What the file of a store takes.

    Attributes:
        total_bytes: Its size by its own count; a write-ahead log comes on top.

        unused_bytes: Of these, what nothing is kept in.

        shrinks: `compact_steps` can give that back.
    """

    total_bytes: int
    unused_bytes: int
    page_bytes: int
    shrinks: bool


def room_of(path: Path) -> Room:
    """
    What the store at *path* takes: a look at its first page.

    Raises:
        StoreMissing: There is none.
        JournalError: It cannot be read.
    """
    if not is_there(path):
        raise missing_store(path)
    patience = Patience()
    patience.allow(_LOCK_MS)
    with named_errors(path), connected_to_read(path, patience) as connection:
        return _room(connection)


def compact_steps(path: Path, *, seconds_max: float) -> Generator[int]:
    """
    Give back what the store at *path* does not use; after each step how many bytes are left.

    Ends when nothing is left, or after *seconds_max*; what was given back by then stays so.
    The file is shorter once its log is folded back, which is tried in the end and waits for nobody.

    Raises:
        NotCompactable: It was made without what this needs; nothing was changed.
        StoreMissing: There is none.
        StoreBusy: Somebody held it for five seconds.
        JournalError: It cannot be read or written.
    """
    until = time.monotonic() + seconds_max
    patience = Patience()
    with named_errors(path), closing(_connected(path, patience)) as connection:
        check_store(connection, path)
        room = _room(connection)
        if not room.shrinks:
            raise NotCompactable(
                f"the store `{path}` was made without a map of its pages",
                remedy="`governance backup`, then `governance restore latest`, makes it anew",
            )
        while room.unused_bytes and time.monotonic() < until:
            patience.allow(_LOCK_MS)
            for _ in connection.execute(f"PRAGMA incremental_vacuum({STEP_PAGES})"):
                pass
            room = _room(connection)
            yield room.unused_bytes
            time.sleep(_PAUSE_SECONDS)  # whoever waits for the lock has it now
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)


def _connected(path: Path, patience: Patience) -> apsw.Connection:
    if not is_there(path):
        raise missing_store(path)
    patience.allow(_LOCK_MS)
    return connect(path, patience)


def _room(connection: apsw.Connection) -> Room:
    page, pages, unused, mode = (
        int(connection.execute(f"PRAGMA {name}").get)
        for name in ("page_size", "page_count", "freelist_count", "auto_vacuum")
    )
    return Room(page * pages, page * unused, page, mode == _INCREMENTAL)
