"""
One store file in place of another: held against every writer, the old one kept aside.

While a store is held no other connection can open it, so that nothing that was acknowledged
can be written to a file that is about to go. The old file and its log are copied first, byte
for byte; then the new file takes the place in one rename.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from governance._attrs import define
from governance.errors import JournalError, StoreDamaged
from governance.journal.faults import folder_error, store_error, unwritable
from governance.journal.sqlite_connection import Patience
from governance.project import FILE_MODE
from governance.whole_file import sync_folder

if TYPE_CHECKING:
    import apsw

HOLD_MS_DEFAULT = 5_000
"""How long it is waited for others to let go of a store."""

_CHUNK_BYTES = 1024 * 1024
_DATABASE, _LOG = 0, 1


class StoreInUse(JournalError):
    """Somebody else has the store open, so it cannot be replaced now; nothing was changed."""

    code = "GOV540"


@define(eq=False, repr=False)
class Hold:
    """
    A store that nobody else can open while this is held; made by `hold`.

    Attributes:
        path: Its file; there may be none.
    """

    path: Path
    _connection: apsw.Connection | None

    def copy(self, to: Path) -> None:
        """
        Put a copy of the file at *to*, and of its log beside it, byte for byte, and synced.

        Raises:
            JournalError: It could not be written; nothing is left of it.
        """
        try:
            for which, suffix in ((_DATABASE, ""), (_LOG, "-wal")):
                source = _beside(self.path, suffix)
                if source.exists() and (which == _DATABASE or source.stat().st_size):
                    self._copy_one(which, source, _beside(to, suffix))
            sync_folder(to.parent)
        except OSError as error:
            for suffix in ("", "-wal"):
                _beside(to, suffix).unlink(missing_ok=True)
            raise folder_error(error, to) from None

    def _copy_one(self, which: int, source: Path, to: Path) -> None:
        handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(handle, "wb") as target:
            if self._connection is None:
                with source.open("rb") as file:
                    shutil.copyfileobj(file, target, _CHUNK_BYTES)
            else:
                # Opening the file here and closing it again would end the lock on it.
                size = source.stat().st_size
                for start in range(0, size, _CHUNK_BYTES):
                    amount = min(_CHUNK_BYTES, size - start)
                    target.write(self._connection.read("main", which, start, amount)[1])
            target.flush()
            os.fsync(target.fileno())

    def replace(self, draft: Path) -> None:
        """
        Put *draft*, a store without a log, in the place of the one that is held.

        The old one must have been copied; its log goes first, for it fits no other file.

        Raises:
            JournalError: The operating system refuses it.
        """
        try:
            for suffix in ("-wal", "-shm"):
                _beside(self.path, suffix).unlink(missing_ok=True)
            draft.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise folder_error(error, self.path) from None

    @property
    def there(self) -> bool:
        """Whether there is a store to hold."""
        return self.path.exists()


@contextlib.contextmanager
def hold(
    path: Path, *, wait_ms: int = HOLD_MS_DEFAULT, for_reading: bool = False
) -> Iterator[Hold]:
    """
    Hold the store at *path* against everybody else, for as long as the block runs.

    A file that is so broken that SQLite cannot open it needs no lock: nobody can write to it.

    Args:
        for_reading: It is only copied, so that one which may not be written is taken without a
            lock.

    Raises:
        StoreInUse: Another process, or this one, had it open for *wait_ms*.
        StoreBusy: It could not be held, and was written from elsewhere meanwhile.
    """
    import apsw

    if for_reading and path.exists() and unwritable(path) is not None:
        from governance.journal.sqlite_read_only import unwritten

        with unwritten(path):
            yield Hold(path, None)
        return
    connection: apsw.Connection | None = None
    if path.exists():
        patience = Patience()
        patience.allow(wait_ms)
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_handler(patience.wait)
            # What is held is evidence: closing it must not fold its log back.
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            _lock(connection, path, wait_ms)
        except apsw.Error as error:
            connection.close()
            told = store_error(error, path)
            if not isinstance(told, StoreDamaged):
                raise told from None
            connection = None
        except BaseException:
            connection.close()
            raise
    try:
        yield Hold(path, connection)
    finally:
        if connection is not None:
            connection.close()


def _lock(connection: apsw.Connection, path: Path, wait_ms: int) -> None:
    import apsw

    until = time.monotonic() + wait_ms / 1000
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    while True:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except (apsw.BusyError, apsw.LockedError):
            # Where others have the log open SQLite says so at once, without waiting.
            if time.monotonic() < until:
                time.sleep(0.05)
                continue
            raise StoreInUse(
                f"the store `{path}` is open in another process",
                remedy="stop every agent, service and command that uses it, then try again",
            ) from None
        connection.execute("COMMIT")
        return


@contextlib.contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """What SQLite or the system refuses within the block becomes a `JournalError` on *path*."""
    import apsw

    try:
        yield
    except apsw.Error as error:
        raise store_error(error, path) from None
    except OSError as error:
        raise folder_error(error, path) from None


def free_name(path: Path, what: str, stamp: str) -> Path:
    """A name beside *path* that nothing bears yet, such as ``journal.db.damaged-STAMP``."""
    for number in range(1, 10_000):
        found = path.with_name(f"{path.name}.{what}-{stamp}{f'-{number}' if number > 1 else ''}")
        if not found.exists():
            return found
    raise JournalError(f"there are too many files `{path}.{what}-{stamp}`", remedy="move them away")


def stamp_of(at_ms: int) -> str:
    """*at_ms* (milliseconds since 1970 UTC) as part of a name: ``20260131T235959.123Z``."""
    seconds, rest = divmod(at_ms, 1000)
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}.{rest:03d}Z"


def ms_of(stamp: str) -> int:
    """
    What `stamp_of` was given.

    Raises:
        ValueError: There is no such time.
    """
    import calendar

    when = time.strptime(stamp[:15], "%Y%m%dT%H%M%S")
    return calendar.timegm(when) * 1000 + int(stamp[16:19])


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
