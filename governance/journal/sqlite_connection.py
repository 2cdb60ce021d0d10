"""
One SQLite connection as this engine wants it: private, without mmap, waiting by a deadline.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from governance._attrs import define
from governance.errors import StoreDamaged, StoreMissing
from governance.journal.faults import folder_error

if TYPE_CHECKING:
    import apsw

WAL_BYTES_KEPT = 16 * 1024 * 1024
"""What is left of a write-ahead log after it was folded back into the store."""

_NAP_SECONDS_MIN = 0.000_2
_NAP_SECONDS_MAX = 0.01


@define(eq=False, repr=False)
class Patience:
    """
    How long a connection waits for a lock: until *until*, in seconds of `time.monotonic`.

    SQLite's own handler sleeps up to 100 ms at a time and knows no deadline; this one naps
    in small, slightly uneven steps, so that two processes do not keep missing each other.
    """

    until: float = 0.0

    def allow(self, milliseconds: int) -> None:
        """Wait up to *milliseconds* from now on."""
        self.until = time.monotonic() + milliseconds / 1000

    def wait(self, tries: int) -> bool:
        """Nap and say that SQLite shall try again; ``False`` once the deadline passed."""
        left = self.until - time.monotonic()
        if left <= 0:
            return False
        nap = min(_NAP_SECONDS_MIN * 2 ** min(tries, 6), _NAP_SECONDS_MAX)
        uneven = 0.5 + (time.monotonic_ns() >> 4 & 0xFF) / 256
        time.sleep(min(nap * uneven, left))
        return True


def connect(path: Path, patience: Patience, *, vfs: str | None = None) -> apsw.Connection:
    """
    A connection to the store at *path*, which must be there: it is never created.

    Nothing that a file brings along is run: triggers and views are off, functions in the
    schema are not trusted, and the schema cannot be written.

    Raises:
        apsw.Error: As SQLite says it; the caller names the store.
    """
    import apsw

    return settled(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs), patience)


def settled(connection: apsw.Connection, patience: Patience) -> apsw.Connection:
    """*connection*, newly made, as this engine wants every one; closed where that fails."""
    import apsw

    try:
        connection.set_busy_handler(patience.wait)
        for switch, value in (
            (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),
            (apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
            (apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0),
            (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
        ):
            connection.config(switch, value)
        connection.execute("PRAGMA mmap_size=0")
        connection.execute("PRAGMA cell_size_check=ON")
        connection.execute(f"PRAGMA journal_size_limit={WAL_BYTES_KEPT}")
        if sys.platform == "darwin":
            # Without it a sync there does not reach the platter.
            connection.execute("PRAGMA fullfsync=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def is_there(path: Path) -> bool:
    """
    Whether a file with something in it stands at *path*.

    Raises:
        StoreDamaged: It is empty, as no store ever is.
        JournalError: Nobody can look.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    except OSError as error:
        raise folder_error(error, path) from None
    if size == 0:
        raise StoreDamaged(
            f"the store `{path}` is an empty file",
            remedy="bring it back with `governance restore`",
        )
    return True


def missing_store(path: Path) -> StoreMissing:
    """The error for a store that was asked for and is not at *path*."""
    return StoreMissing(
        f"there is no store at `{path}`",
        remedy="bring it back: `governance restore`, or make one: `governance init`",
    )
