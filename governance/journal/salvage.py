"""
Everything that can still be read of a SQLite store, whatever happened to its file.

First by SQL along the primary key, from the front and from the back, which meet where nothing
is damaged. Where that does not give all, from the raw pages of the file and of its log, one by
one. A row is never changed once written, so an old image of a page is as good as a new one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import define
from governance.errors import StoreDamaged
from governance.journal.chain import entry_digest, snapshot_digest
from governance.journal.faults import newer
from governance.journal.records import KEY_SHELF, Entry, Head, Origin, Snapshot
from governance.journal.salvage_pages import (
    Pages,
    Value,
    free_pages,
    log_frames,
    records_in,
    shape_of,
)
from governance.journal.sqlite_header import HEADER_BYTES, mended_header
from governance.journal.sqlite_lineage import tombstone_of
from governance.journal.sqlite_rows import COLUMNS
from governance.journal.sqlite_schema import AHEAD_MAX, APPLICATION_ID, VERSION
from governance.journal.staging import Staging
from governance.journal.vault import ERASED_PREFIX

if TYPE_CHECKING:
    import apsw

_VERSION_AT = slice(60, 64)
_HEAD_COLUMNS = 6
_EVENT_COLUMNS = 8


_ID = re.compile("[0-9a-f]{32}")
_MARK = re.compile(f"{ERASED_PREFIX}[0-9a-f]{{64}}")


@define(eq=False, repr=False)
class Salvage:
    """
    What is taken out of one copy of a store, into a `Staging`.

    Attributes:
        path: The copy, which may be changed, with its log beside it.

        source: What the copy is called in the report.

        store_id: The store's id, once it was found; ``""``: it was not.

        problems: What could not be read on the way.

        shelf_whole: Every value beside the journals could be read.

        damaged: Shelf and name of each value that is there and is not what was put.

        header_mended: The file did not say how it is to be read, and in the copy it does.
    """

    path: Path
    source: str
    staging: Staging
    store_id: str = field(default="", init=False)
    problems: list[str] = field(factory=list, init=False)
    shelf_whole: bool = field(default=False, init=False)
    damaged: set[tuple[str, str]] = field(factory=set, init=False)
    header_mended: bool = field(default=False, init=False)

    def by_key(self) -> bool:
        """
        Take what SQL gives, along the primary key from both ends; whether it gave all.

        Raises:
            StoreNewer: A newer engine wrote the store.
        """
        import apsw

        self._mend_header()
        try:
            connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE)
        except apsw.Error as error:
            self.problems.append(f"cannot be opened: {error}")
            return False
        try:
            connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
            connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
            refuse_newer_file(connection, Path(self.source))
            return self._tables(connection)
        finally:
            connection.close()

    def _mend_header(self) -> None:
        with self.path.open("r+b") as file:
            header = file.read(HEADER_BYTES)
            mended = mended_header(header)
            if int.from_bytes(mended[_VERSION_AT], "big", signed=True) > VERSION + AHEAD_MAX:
                mended = mended[:60] + VERSION.to_bytes(4, "big") + mended[64:]
            self.header_mended = mended != header
            if self.header_mended:
                self.problems.append("the header of the file")
                file.seek(0)
                file.write(mended)

    def _tables(self, connection: apsw.Connection) -> bool:
        whole = True
        branches = "parent" in _columns_of(connection, "session")
        for name, value in self._both_ways(connection, "store", "name, value", "name"):
            self._fact(name, value)
        heads = "id, head, hash, parent, base, position" if branches else "id, head, hash"
        for found in self._both_ways(connection, "session", heads, "id"):
            whole = self._head(*found) and whole
        if branches:
            self._beside(connection)
        else:
            self.shelf_whole = not self.problems
        columns = "session, seq, hash, version, body, digest"
        if _columns_of(connection, "snapshot"):  # the first stores had none
            for found in self._both_ways(connection, "snapshot", columns, "session"):
                self._snapshot(found)
        rows = self._both_ways(connection, "event", COLUMNS, "session, seq")
        self.staging.add(rows, self.source)
        return whole and not self.problems

    def _beside(self, connection: apsw.Connection) -> None:
        """Tombstones, and the values beside the journals."""
        removed = "id, head, hash, parent, base, position, digest"
        for found in self._both_ways(connection, "removed", removed, "id"):
            self._tombstone(found)
        before = len(self.problems)
        shelf = "shelf, name, version, value, digest"
        for found in self._both_ways(connection, "shelf", shelf, "shelf, name"):
            self._entry(found)
        self.shelf_whole = len(self.problems) == before

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
            case (str(), int(), bytes(), None | str(), int(), int(), bytes()):
                self._tombstone(values)
            case (str(), int(), bytes()) | (str(), int(), bytes(), None | str(), int(), *_):
                self._head(*values[:_HEAD_COLUMNS])
            case (str(), int(), bytes(), int(), bytes(), bytes()):
                self._snapshot(values)
            case (str(), str(), int(), bytes(), bytes()):
                # Found again, or no such value at all: only a sound one counts here.
                entry = sound_entry(values)
                if entry is not None:
                    self.staging.keep(entry)
            case (str(name), str(value)):
                self._fact(name, value)
            case _:
                pass
        return True

    def _fact(self, name: object, value: object) -> None:
        """What the store says of itself."""
        if name == "id" and isinstance(value, str) and _ID.fullmatch(value):
            self.store_id = self.store_id or value
        elif name == "position" and isinstance(value, str) and value.isdecimal():
            self.staging.position = max(self.staging.position, int(value))

    def _head(
        self,
        session: object,
        seq: object,
        hash_: object,
        parent: object = None,
        base: object = 0,
        position: object = 0,
    ) -> bool:
        if not (isinstance(session, str) and isinstance(seq, int) and isinstance(hash_, bytes)):
            return False
        origin = None
        if isinstance(parent, str) and isinstance(base, int) and base > 0:
            origin = Origin(parent, base)
        if isinstance(position, int):
            self.staging.position = max(self.staging.position, position)
        self.staging.state(Head(session, seq, hash_), origin, self.source)
        return origin is not None or parent is None

    def _tombstone(self, values: tuple[object, ...]) -> None:
        session, *rest = values
        if isinstance(session, str):
            found = tombstone_of(tuple(rest), session)
            if found is not None and not self.staging.is_live(session):
                self.staging.went(found.head, found.origin)

    def _entry(self, values: tuple[object, ...]) -> None:
        shelf, name, version, value, _ = values
        entry = sound_entry(values)
        if entry is None:
            self.problems.append(f"`shelf`: a damaged value, {shelf!r} {name!r}")
            if isinstance(shelf, str) and isinstance(name, str):
                self.damaged.add((shelf, name))
                entry = mark_of(shelf, name, version, value)
        if entry is not None:
            self.staging.keep(entry)

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


def mark_of(shelf: str, name: str, version: object, value: object) -> Entry | None:
    """
    The mark that a data key was destroyed, if that value is one; it says so by its name alone.

    A damaged one that was let go of would let the key come back from an older copy.
    """
    if shelf != KEY_SHELF or not _MARK.fullmatch(name):
        return None
    known = version if isinstance(version, int) and version > 0 else 1
    return Entry(shelf, name, known, value if isinstance(value, bytes) else b"")


def sound_entry(values: tuple[object, ...]) -> Entry | None:
    """The value beside the journals in these columns, or none where it is damaged."""
    shelf, name, version, value, digest = values
    if not (isinstance(shelf, str) and isinstance(name, str) and isinstance(version, int)):
        return None
    if not isinstance(value, bytes) or version < 0:
        return None
    entry = Entry(shelf, name, version, value)
    return entry if digest == entry_digest(entry) else None


def _columns_of(connection: apsw.Connection, table: str) -> frozenset[str]:
    import apsw

    try:
        found = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
        return frozenset(str(name) for (name,) in found)
    except apsw.Error:
        return frozenset()


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
        raise newer(version, VERSION, f"the store `{path}`")
    if not ours and tables and "event" not in tables:
        raise StoreDamaged(
            f"`{path}` is no store of this engine", remedy="name another file; nothing was changed"
        )
