"""
Everything that can still be read of a SQLite store, whatever happened to its file.

First by SQL along the primary key, from the front and from the back, which meet where nothing
is damaged. Where that does not give all, from the raw pages of the file and of its log, one by
one. A row is never changed once written, so an old image of a page is as good as a new one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field

from governance.errors import StoreDamaged, StoreNewer
from governance.journal.chain import snapshot_digest
from governance.journal.records import Head, Snapshot
from governance.journal.salvage_pages import (
    Pages,
    Value,
    free_pages,
    log_frames,
    records_in,
    shape_of,
)
from governance.journal.sqlite_rows import COLUMNS
from governance.journal.sqlite_schema import APPLICATION_ID, VERSION
from governance.journal.staging import Staging

if TYPE_CHECKING:
    import apsw

_HEAD_COLUMNS = 3
_SNAPSHOT_COLUMNS = 6
_EVENT_COLUMNS = 8


@define(eq=False, repr=False)
class Salvage:
    """
    What is taken out of one copy of a store, into a `Staging`.

    Attributes:
        path: The copy, which may be changed, with its log beside it.

        source: What the copy is called in the report.

        store_id: The store's id, once it was found; ``""``: it was not.

        problems: What could not be read on the way.
    """

    path: Path
    source: str
    staging: Staging
    store_id: str = field(default="", init=False)
    problems: list[str] = field(factory=list, init=False)

    def by_key(self) -> bool:
        """
        Take what SQL gives, along the primary key from both ends; whether it gave all.

        Raises:
            StoreNewer: A newer engine wrote the store.
        """
        import apsw

        try:
            connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE)
        except apsw.Error as error:
            self.problems.append(f"cannot be opened: {error}")
            return False
        try:
            connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
            connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
            refuse_newer_file(connection, self.path)
            return self._tables(connection)
        finally:
            connection.close()

    def _tables(self, connection: apsw.Connection) -> bool:
        whole = True
        for _, value in self._both_ways(connection, "store", "name, value", "name"):
            self.store_id = self.store_id or (value if isinstance(value, str) else "")
        for session, seq, hash_ in self._both_ways(connection, "session", "id, head, hash", "id"):
            whole = self._head(session, seq, hash_) and whole
        columns = "session, seq, hash, version, body, digest"
        for found in self._both_ways(connection, "snapshot", columns, "session"):
            self._snapshot(found)
        rows = self._both_ways(connection, "event", COLUMNS, "session, seq")
        self.staging.add(rows, self.source)
        return whole and not self.problems

    def _both_ways(
        self, connection: apsw.Connection, table: str, columns: str, key: str
    ) -> Iterator[tuple[object, ...]]:
        """Rows of *table* from the first on, and, where that breaks off, from the last back."""
        import apsw

        backward = ", ".join(f"{name} DESC" for name in key.split(", "))
        for order in (key, backward):
            sql = f"SELECT {columns} FROM {table} ORDER BY {order}"  # noqa: S608 - our own names
            try:
                yield from connection.execute(sql)
            except (apsw.Error, UnicodeDecodeError) as error:
                self.problems.append(f"`{table}`: {error}")
            else:
                return

    def by_page(self) -> None:
        """Take what lies in the pages of the file and of its log, each looked at by itself."""
        log = self.path.with_name(f"{self.path.name}-wal")
        handle = os.open(self.path, os.O_RDONLY)
        try:
            pages = _pages(handle)
            self._take(pages, pages, free_pages(pages))
            if log.exists():
                self._take_log(log, pages)
        finally:
            os.close(handle)

    def _take_log(self, log: Path, overflow: Pages) -> None:
        handle = os.open(log, os.O_RDONLY)
        try:
            header = os.pread(handle, 32, 0)
            frames = log_frames(header, os.fstat(handle).st_size, overflow.shape)
            images = Pages(_reading(handle), overflow.shape, frames, wal=True)
            self._take(images, overflow, frozenset())
        finally:
            os.close(handle)

    def _take(self, pages: Pages, overflow: Pages, free: frozenset[int]) -> None:
        def rows() -> Iterator[tuple[object, ...]]:
            for number in range(1, pages.pages + 1):
                if number not in free:
                    for values in records_in(pages, number, overflow):
                        if not self._other(values):
                            yield _event(values)

        self.staging.add(rows(), f"{self.source}, page by page")

    def _other(self, values: tuple[Value, ...]) -> bool:
        """Whether *values* are no event; heads and snapshots are taken note of."""
        match values:
            case (str(), int(), str(), int(), *_) if len(values) >= _EVENT_COLUMNS:
                return False
            case (str(session), int(seq), bytes(hash_), *_) if len(values) == _HEAD_COLUMNS:
                self._head(session, seq, hash_)
            case (str(), int(), bytes(), int(), bytes(), bytes()):
                self._snapshot(values)
            case ("id", str(value)):
                self.store_id = self.store_id or value
            case _:
                pass
        return True

    def _head(self, session: object, seq: object, hash_: object) -> bool:
        if not (isinstance(session, str) and isinstance(seq, int) and isinstance(hash_, bytes)):
            return False
        self.staging.state(Head(session, seq, hash_), self.source)
        return True

    def _snapshot(self, values: tuple[object, ...]) -> None:
        """A snapshot that is what was written knows the hash of its row."""
        session, seq, hash_, version, body, digest = values
        if (
            isinstance(session, str)
            and isinstance(seq, int)
            and isinstance(version, int)
            and isinstance(hash_, bytes)
            and isinstance(body, bytes)
            and min(seq, version) >= 0
            and digest == snapshot_digest(Snapshot(session, seq, hash_, version, body))
        ):
            self.staging.know(Head(session, seq, hash_), "a snapshot")


def _event(values: tuple[Value, ...]) -> tuple[object, ...]:
    """The columns of an event as they are stored, in the order of `COLUMNS`."""
    session, seq, kind, at_ms, durable, key, body, hash_ = values[:_EVENT_COLUMNS]
    return session, seq, kind, at_ms, body, durable, key, hash_


def _pages(handle: int) -> Pages:
    read = _reading(handle)
    shape = shape_of(read(0, 100))
    return Pages(read, shape, os.fstat(handle).st_size // shape.page_bytes)


def _reading(handle: int) -> _Read:
    return _Read(handle)


@define(eq=False, repr=False)
class _Read:
    handle: int

    def __call__(self, offset: int, amount: int) -> bytes:
        return os.pread(self.handle, amount, offset)


def refuse_newer_file(connection: apsw.Connection, path: Path) -> None:
    """
    Return quietly unless the file says that a newer engine wrote it.

    Raises:
        StoreNewer: It does, and it is a store of ours.
        StoreDamaged: It is a sound file of another program.
    """
    import apsw

    try:
        ours = connection.execute("PRAGMA application_id").get == APPLICATION_ID
        version = int(connection.execute("PRAGMA user_version").get)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    except apsw.Error:
        return
    if ours and version > VERSION:
        raise StoreNewer(
            f"the store `{path}` has schema version {version}; this engine knows {VERSION}",
            remedy="upgrade `session-governance`; the store was left as it is",
        )
    if not ours and tables and "event" not in tables:
        raise StoreDamaged(
            f"`{path}` is no store of this engine", remedy="name another file; nothing was changed"
        )
