"""
A SQLite store that this process may not write: on a read-only medium, or in another's folder.

SQLite reads a store by a file beside it, `-shm`, which it makes where there is none. Where it
can make none, nobody else has the store open from here, and it is read without: its log into
memory, and a store without a log as a file that does not change. Whether it has changed all the
same, written from elsewhere, is looked at around everything that is read.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias
from urllib.parse import quote

from attrs import field

from governance._attrs import define
from governance.errors import StoreBusy
from governance.journal.faults import (
    StoreReadOnly,
    StoreUnopenable,
    only_readable,
    store_error,
    unwritable,
)
from governance.journal.limits import DEADLINE_MS_DEFAULT
from governance.journal.mirror import Identity, Mirror
from governance.journal.records import (
    Append,
    Appended,
    Conflict,
    Duplicate,
    Head,
    Origin,
    Record,
    Snapshot,
)
from governance.journal.sqlite import SqliteJournal
from governance.journal.sqlite_connection import (
    Patience,
    connect,
    is_there,
    missing_store,
    settled,
)
from governance.journal.sqlite_identity import known_store, store_id_of
from governance.journal.sqlite_reads import SqliteReads
from governance.journal.sqlite_schema import check_library, check_readable
from governance.journal.sqlite_shelf import SqliteShelf
from governance.journal.sqlite_writer import file_identity

if TYPE_CHECKING:
    from collections.abc import Callable

    import apsw

    from governance.journal.sqlite_writer import T

Standing: TypeAlias = tuple[tuple[int, int, int] | None, ...]
"""Which files a store has, and of each its number, size and time of change."""

_LOCKLESS = "win32-none" if sys.platform == "win32" else "unix-none"
"""SQLite's own access to files, without locks: a lock takes a file that may be written."""


def open_to_read(path: Path, *, mirror: Path | None = None) -> SqliteJournal | SqliteReadOnly:
    """
    The journal in the store at *path* for who only reads, whether or not it may be written.

    Raises:
        JournalError: As `SqliteJournal.open` and `SqliteReadOnly.open`.
    """
    if unwritable(path) is None:
        # A sandbox may refuse what the system says that this process may do.
        with contextlib.suppress(StoreReadOnly, StoreUnopenable):
            return SqliteJournal.open(path, create=False, mirror=mirror)
    return SqliteReadOnly.open(path, mirror=mirror)


@contextlib.contextmanager
def connected_to_read(
    path: Path, patience: Patience, *, vfs: str | None = None
) -> Iterator[apsw.Connection]:
    """
    A connection to the store at *path* for who only reads, closed afterwards.

    Raises:
        apsw.Error: As SQLite says it.
        StoreBusy: As `unwritten`.
    """
    if unwritable(path) is None:
        with contextlib.closing(connect(path, patience, vfs=vfs)) as connection:
            yield connection
        return
    locked = takes_locks(path)
    with (
        unwritten(path, locked=locked),
        contextlib.closing(connect_read_only(path, patience)) as connection,
    ):
        yield connection


def connect_read_only(path: Path, patience: Patience) -> apsw.Connection:
    """
    A connection to the store at *path* that changes nothing there, and sees all that was committed.

    Where it takes no lock what is written meanwhile would spoil what it reads: see `unwritten`.

    Raises:
        apsw.Error: As SQLite says it.
    """
    import apsw

    if not takes_locks(path) and not _size(path, "-wal"):
        return settled(connect_unchanging(path), patience)
    vfs = None if takes_locks(path) else _LOCKLESS
    connection = settled(
        apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs), patience
    )
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    if vfs is not None:
        # Then the index of the log is kept in memory, and no `-shm` is asked for.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    return connection


def connect_unchanging(path: Path) -> apsw.Connection:
    """A connection to the file *path*, which must have no log and which nobody writes."""
    import apsw

    uri = f"file:{quote(str(path.absolute()))}?immutable=1"
    return apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


def takes_locks(path: Path) -> bool:
    """Whether the store at *path* is read by SQLite's own locks, beside those who write it."""
    beside = _size(path, "-wal") is not None and _size(path, "-shm") is not None
    # A journal of the older kind is for SQLite to judge: it may have to be rolled back.
    return beside or bool(_size(path, "-journal"))


def standing(path: Path) -> Standing:
    """How the files of the store at *path* stand now."""
    return tuple(_seen(path, ending) for ending in ("", "-wal", "-journal"))


def _seen(path: Path, ending: str) -> tuple[int, int, int] | None:
    try:
        seen = path.with_name(path.name + ending).stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def _size(path: Path, ending: str) -> int | None:
    seen = _seen(path, ending)
    return seen[1] if seen is not None else None


@contextlib.contextmanager
def unwritten(path: Path, *, locked: bool = False) -> Iterator[None]:
    """
    What is read within of the store at *path*, which may not be written here, was read whole.

    Args:
        locked: SQLite's own locks see to that already.

    Raises:
        StoreBusy: It was written from elsewhere meanwhile, whatever came of that within.
    """
    before = standing(path)
    try:
        yield
    finally:
        if not locked and standing(path) != before:
            raise StoreBusy(
                f"the store `{path}` was written from elsewhere while it was read",
                remedy="try again",
            )


@define(eq=False, repr=False)
class SqliteReadOnly(SqliteReads):
    """
    A `Journal` in a SQLite file that may not be written; made by `open`. Thread-safe.

    It has no index of messages to search, for that would have to catch up.

    Attributes:
        shelf: The named values beside the journals.
    """

    _file: tuple[int, int]
    _heads: Mirror | None
    _barred: Path | None
    _stood: Standing = field(default=(), init=False)
    shelf: SqliteShelf = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.shelf = SqliteShelf(self._reading, self._change)

    @classmethod
    def open(cls, path: Path, *, mirror: Path | None = None) -> SqliteReadOnly:
        """
        The journal in the store at *path*, of which nothing is changed, nor of *mirror*.

        Raises:
            StoreMissing: There is no store, or another one than *mirror* knows.
            StoreDamaged: The file is no store, or not a whole one.
            StoreNewer: A newer engine wrote it.
            StoreReadOnly: An older engine wrote it, so that it has to be migrated first.
            JournalError: Another child, where it cannot be read.
        """
        import apsw

        check_library(apsw.sqlite_lib_version())
        path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
        known = known_store(path, mirror)
        if not is_there(path):
            raise missing_store(path)
        patience = Patience()
        patience.allow(DEADLINE_MS_DEFAULT)
        try:
            with contextlib.closing(connect_read_only(path, patience)) as connection:
                check_readable(connection, path)
                store_id = store_id_of(connection, path, known, mirror)
        except apsw.Error as error:
            raise store_error(error, path) from None
        # None is begun: what it would say of the past is what the store says now.
        heads = Mirror(mirror, Identity(store_id, str(path))) if mirror is not None else None
        return cls(path, store_id, file_identity(path), heads, unwritable(path))

    def _connected(self, patience: Patience) -> apsw.Connection:
        return connect_read_only(self.path, patience)

    def _in_place(self) -> bool:
        return file_identity(self.path) == self._file

    @property
    def _mirror(self) -> Mirror | None:
        return self._heads

    @contextlib.contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        stands = standing(self.path)
        if stands != self._stood:
            # Written since, or never read: what is known of the file may not be so any more.
            self._close_reader()
            self._stood = stands
        locked = takes_locks(self.path)
        with unwritten(self.path, locked=locked), SqliteReads._reading(self) as connection:
            yield connection

    @contextlib.contextmanager
    def _looking(self) -> Iterator[apsw.Connection]:
        locked = takes_locks(self.path)
        with unwritten(self.path, locked=locked), SqliteReads._looking(self) as connection:
            yield connection

    def append(
        self,
        batch: Sequence[Append],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Appended | Conflict | Duplicate:
        """Refuses."""
        self._refuse()

    def branch(self, session: str, parent: str, parent_seq: int) -> Head | Conflict:
        """Refuses."""
        self._refuse()

    def remove(self, session: str, *, expected: Head) -> bool | Conflict:
        """Refuses."""
        self._refuse()

    def restore(
        self, head: Head, records: Sequence[Record], *, origin: Origin | None = None
    ) -> Head | Conflict:
        """Refuses."""
        self._refuse()

    def snapshot_put(self, snapshot: Snapshot) -> None:
        """Refuses."""
        self._refuse()

    def _change(self, work: Callable[[apsw.Connection], T], empty_log: bool) -> T:
        self._refuse()

    def _refuse(self) -> NoReturn:
        self._check_open()
        raise only_readable(self.path, self._barred)

    def close(self) -> None:
        """Close the file."""
        if not self._closed:
            self._closed = True
            self._close_reader()
