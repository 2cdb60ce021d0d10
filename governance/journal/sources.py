"""
Where rows that a store has lost may still be: a backup, a file that was kept, a replica.

Whatever a source gives is a candidate like any other: its hash says whether it is the row.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from attrs import field

from governance._attrs import define
from governance.errors import JournalError, StoreDamaged
from governance.journal.around import Unreadable, around
from governance.journal.faults import folder_error, store_error
from governance.journal.mirror import mirror_identity
from governance.journal.records import Entry, GivesUnproven, Head, Journal, Origin, Stated
from governance.journal.salvage import refuse_newer_file, sound_entry
from governance.journal.session_values import COPIED_SHELVES
from governance.journal.sqlite_read_only import connect_unchanging
from governance.journal.sqlite_rows import COLUMNS

if TYPE_CHECKING:
    import apsw

COPIES_MAX = 32
"""Copies that are looked into without being named."""

_PAGE_HEADS = 1000
_ROWS_SQL = f"SELECT {COLUMNS} FROM event WHERE session = ? AND seq BETWEEN ? AND ?"  # noqa: S608


class Source(Protocol):
    """
    What rows can be asked of.

    Attributes:
        name: What people call it.

        store_id: Of the store that it is a copy of; ``""`` where it does not say.

        problems: Which rows it could not give, in words.
    """

    @property
    def name(self) -> str: ...

    @property
    def store_id(self) -> str: ...

    @property
    def problems(self) -> list[str]: ...

    def heads(self) -> Iterator[Stated]:
        """The heads of all its sessions."""
        ...

    def rows(self, session: str, first: int, last: int) -> Iterator[tuple[object, ...]]:
        """What it holds of *session* from row *first* to *last*, in the order of `COLUMNS`."""
        ...

    def entries(self, shelf: str = "") -> Iterator[Entry]:
        """The values beside the journals, as far as it can list them; or those of one *shelf*."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


@define(eq=False, repr=False)
class FileSource:
    """A SQLite file that nobody writes to; it is opened without a lock and left as it is."""

    path: Path
    store_id: str = field(default="", init=False)
    _unreadable: Unreadable = field(factory=Unreadable, init=False)
    _connection: apsw.Connection | None = field(default=None, init=False)
    _copy: Path | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        return str(self.path)

    def __attrs_post_init__(self) -> None:
        """
        Open the file.

        Raises:
            StoreNewer: A newer engine wrote it.
            StoreDamaged: It is no store, or cannot be read as one.
            JournalError: It is not there, or could not be read.
        """
        import apsw

        unlike = (apsw.NotADBError, apsw.CorruptError, apsw.FormatError, apsw.SQLError)

        if not self.path.is_file():
            why = "is no file" if self.path.exists() else "is not there"
            raise JournalError(f"`{self.path}` {why}", remedy="name the file of a store")
        try:
            connection = self._connection = self._opened()
            refuse_newer_file(connection, self.path)
            found = connection.execute("SELECT value FROM store WHERE name = 'id'").get
        except BaseException as error:
            self.close()
            if isinstance(error, unlike):
                # What is to be done about the project's own store would not help here.
                raise StoreDamaged(
                    f"`{self.path}` cannot be read as a store: {error}",
                    remedy="name another file; `governance backup list` names the backups",
                ) from None
            if isinstance(error, apsw.Error):
                raise store_error(error, self.path) from None
            raise
        self.store_id = found if isinstance(found, str) else ""

    def _opened(self) -> apsw.Connection:
        import apsw

        log = self.path.with_name(f"{self.path.name}-wal")
        try:
            whole = not log.exists() or not log.stat().st_size
            if whole:
                return connect_unchanging(self.path)
            # What stands in the log counts as well, and folding it in changes the file.
            self._copy = Path(tempfile.mkdtemp(prefix="governance-copy-"))
            copy = self._copy / "copy.db"
            shutil.copyfile(self.path, copy)
            shutil.copyfile(log, copy.with_name(f"{copy.name}-wal"))
        except OSError as error:
            raise folder_error(error, self.path) from None
        return apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READWRITE)

    @property
    def problems(self) -> list[str]:
        return self._unreadable.problems

    def heads(self) -> Iterator[Stated]:
        branches = frozenset(
            self._each("SELECT name FROM pragma_table_info('session')", (), lambda name: name)
        )
        origin = "parent, base" if "parent" in branches else "NULL, 0"
        sql = f"SELECT id, head, hash, {origin} FROM session"  # noqa: S608 - our own names
        yield from self._each(sql, (), _stated)

    def rows(self, session: str, first: int, last: int) -> Iterator[tuple[object, ...]]:
        def read(begin: int, end: int) -> Iterator[tuple[object, ...]]:
            import apsw

            if self._connection is None:
                return
            try:
                yield from self._connection.execute(_ROWS_SQL, (session, begin, end))
            except (apsw.Error, UnicodeDecodeError) as error:
                raise StoreDamaged(f"`{self.path}`: {error}", remedy="name another") from None

        yield from around(read, session, first, last, self._unreadable)

    def entries(self, shelf: str = "") -> Iterator[Entry]:
        """The values beside the journals."""
        sql = "SELECT shelf, name, version, value, digest FROM shelf WHERE ?1 IN ('', shelf)"
        for entry in self._each(sql, (shelf,), lambda *columns: sound_entry(columns)):
            if entry is not None:
                yield entry

    def _each(self, sql: str, bindings: tuple[object, ...], made: object) -> Iterator:  # type: ignore[type-arg]
        import apsw

        if self._connection is None:
            return
        try:
            for columns in self._connection.execute(sql, bindings):
                yield made(*columns)  # type: ignore[operator]
        except (apsw.Error, UnicodeDecodeError):
            return  # a damaged copy gives what it has

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._copy is not None:
            shutil.rmtree(self._copy, ignore_errors=True)
            self._copy = None


def _stated(session: str, seq: int, hash_: bytes, parent: str | None, base: int) -> Stated:
    return Stated(Head(session, seq, hash_), Origin(parent, base) if parent is not None else None)


@define(eq=False, repr=False)
class JournalSource:
    """
    Another store of the same sessions, such as a replica or a damaged one on a server.

    Where it gives its rows as they lie there (`GivesUnproven`) it is asked for these; by the
    contract alone a sound row after a damaged one may be refused with it.
    """

    journal: Journal
    name: str
    store_id: str = ""
    _unreadable: Unreadable = field(factory=Unreadable, init=False)

    @property
    def problems(self) -> list[str]:
        return self._unreadable.problems

    def heads(self) -> Iterator[Stated]:
        if isinstance(self.journal, GivesUnproven):
            yield from self.journal.unproven_heads()
            return
        after = ""
        while page := self.journal.sessions(after=after, limit=_PAGE_HEADS):
            for head in page:
                yield Stated(head, self.journal.origin(head.session))
            after = page[-1].session

    def rows(self, session: str, first: int, last: int) -> Iterator[tuple[object, ...]]:
        read = partial(self._read, session)
        yield from around(read, session, first, last, self._unreadable)

    def _read(self, session: str, first: int, last: int) -> Iterator[tuple[object, ...]]:
        if isinstance(self.journal, GivesUnproven):
            yield from self.journal.unproven_rows(session, first, last)
            return
        at = first - 1
        while at < last and (page := self.journal.read(session, after=at, limit=last - at)):
            for r in page:
                yield r.session, r.seq, r.kind, r.at_ms, r.body, int(r.durable), r.key, r.hash
            at = page[-1].seq

    def entries(self, shelf: str = "") -> Iterator[Entry]:
        for one in (shelf,) if shelf else COPIED_SHELVES:
            after = ""
            # A damaged one ends its shelf: nothing of the contract goes past it.
            with suppress(StoreDamaged):
                while page := self.journal.shelf.scan(one, after=after, limit=1):
                    yield from page
                    after = page[-1].name

    def close(self) -> None:
        self.journal.close()


def copies_of(path: Path, folder: Path, mirror: Path | None) -> tuple[FileSource, ...]:
    """
    The copies of the store at *path* that can be found: its backups in *folder*, the newest
    first, then what earlier repairs and restores kept aside.

    One that cannot be opened, or that is a copy of another store, is left out.
    """
    from governance.journal.backup import backups_in

    known = mirror_identity(mirror)
    wanted = known.store if known is not None else ""
    found: list[FileSource] = []
    kept = [
        file
        for what in ("damaged", "replaced")
        for file in path.parent.glob(f"{path.name}.{what}-*Z*")
        if not file.name.endswith(("-wal", "-shm"))
    ]
    kept.sort(key=lambda file: file.name.rpartition("-2")[2], reverse=True)
    for file in (*(one.path for one in backups_in(folder)), *kept):
        if len(found) >= COPIES_MAX:
            break
        try:
            source = FileSource(file)
        except JournalError:
            continue
        wanted = wanted or source.store_id
        if source.store_id and source.store_id == wanted:
            found.append(source)
        else:
            source.close()
    return tuple(found)
