"""
The journal in one SQLite file: the embedded default.

One connection writes, led by one caller at a time (see `governance.journal.group_commit`);
another reads; `verify` brings its own. Several processes may have one store open: SQLite's
lock orders their commits, and the expected heads decide who wins.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import define
from governance.errors import JournalError
from governance.journal import sqlite_moves, sqlite_rows
from governance.journal.faults import store_error
from governance.journal.group_commit import GroupCommit, Request
from governance.journal.limits import (
    DEADLINE_MS_DEFAULT,
    check_append,
    check_branch,
    check_head,
    check_restored,
    check_session,
    check_snapshot,
    check_wholes,
)
from governance.journal.mirror import Damaged, Gone, Identity, Mirror
from governance.journal.records import (
    Append,
    Appended,
    Conflict,
    Duplicate,
    Head,
    Origin,
    Record,
    Snapshot,
    Whole,
)
from governance.journal.sqlite_connection import (
    Patience,
    connect,
    is_there,
    missing_store,
)
from governance.journal.sqlite_identity import known_store, store_id_of
from governance.journal.sqlite_positions import Positions
from governance.journal.sqlite_reads import SqliteReads
from governance.journal.sqlite_schema import check_library, check_store, create_store
from governance.journal.sqlite_shelf import SqliteShelf
from governance.journal.sqlite_writer import T, Writer, file_identity

if TYPE_CHECKING:
    import apsw

    from governance.journal.searching import Hit, Query


@define(eq=False, repr=False)
class SqliteJournal(SqliteReads):
    """
    A `Journal` in the SQLite file *path*; made by `open`. Thread-safe.

    A journal does not survive `os.fork`: a child process opens its own.

    Attributes:
        shelf: The named values beside the journals.
    """

    _writer: Writer
    _group: GroupCommit
    _vfs: str | None
    shelf: SqliteShelf = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.shelf = SqliteShelf(self._reading, self._change)

    def _connected(self, patience: Patience) -> apsw.Connection:
        return connect(self.path, patience, vfs=self._vfs)

    def _in_place(self) -> bool:
        return self._writer.in_place()

    @property
    def _mirror(self) -> Mirror | None:
        return self._writer.mirror

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        create: bool,
        mirror: Path | None = None,
        power_safe: bool = True,
        vfs: str | None = None,
    ) -> SqliteJournal:
        """
        The journal in the store at *path*.

        Args:
            create: Make the store, and its private folder, where there is none. Without it
                nothing is ever made.

            mirror: File outside the project that keeps the heads; none: not anchored.

            power_safe: ``False`` syncs nothing: a power cut may then damage the store. For
                filling a store that can be filled again.

            vfs: Name of a SQLite VFS that was registered, instead of the platform's own.

        Raises:
            StoreMissing: There is no store, and *create* is not set, or the mirror knows of
                one that stood here.
            StoreDamaged: The file is no store, or not a whole one.
            StoreNewer: A newer engine wrote it.
            StoreBusy: It stayed locked for 30 seconds.
            JournalError: Another child, where the system does not let it be opened.
        """
        import apsw

        check_library(apsw.sqlite_lib_version())
        path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
        known = known_store(path, mirror)
        if not is_there(path):
            if not create:
                raise missing_store(path)
            create_store(path)
        patience = Patience()
        # Before it is opened: a file that is replaced meanwhile is not the one behind
        # *connection*, and the first append says so.
        file = file_identity(path)
        connection = _open_checked(path, patience, vfs)
        try:
            store_id = store_id_of(connection, path, known, mirror)
            heads = _mirror_of(connection, path, store_id, known, mirror)
            writer = Writer(path, connection, patience, heads, power_safe, file)
        except BaseException:
            connection.close()
            raise
        return cls(path, store_id, writer, GroupCommit(writer), vfs)

    @property
    def mirror_problem(self) -> str:
        """Why heads are not mirrored at present, or ``""``."""
        mirror = self._writer.mirror
        return mirror.problem if mirror is not None else "no mirror was asked for"

    def append(
        self,
        batch: Sequence[Append],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Appended | Conflict | Duplicate:
        """
        As the contract says; callers on several threads share a commit.

        Raises:
            OutcomeUnknown: The disk failed in the commit itself; read the heads.
            StoreBusy: Another process, or this one's callers, held the store too long.
            StoreFull: No room; nothing was written, and the store works once there is.
            StoreDamaged: The session's last row is not what its head says.
            StoreMissing: The file was removed or replaced under the open journal.
        """
        request = Request.of(check_append(batch, key), key)
        self._check_open()
        return self._group.submit(
            request, DEADLINE_MS_DEFAULT if deadline_ms is None else deadline_ms
        )

    def append_later(
        self,
        batch: Sequence[Append],
        done: Callable[[Callable[[], Appended | Conflict | Duplicate]], None],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
        told: Callable[[], None] | None = None,
    ) -> None:
        """
        As `append`, without waiting: see `governance.journal.records.AppendsLater`.

        Raises:
            StoreBusy: Too many callers wait already; *done* is never called.
        """
        request = Request.of(check_append(batch, key), key)
        self._check_open()
        self._group.submit_later(
            request,
            lambda: done(request.outcome),
            DEADLINE_MS_DEFAULT if deadline_ms is None else deadline_ms,
            told,
        )

    def append_alone(
        self,
        session: str,
        decide: Callable[[], Sequence[Append]],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Appended | Conflict | Duplicate:
        """
        As `append`: see `governance.journal.records.AppendsAlone`.

        The whole store is held meanwhile, against other processes too.
        """
        check_session(session)
        self._check_open()
        wait_ms = DEADLINE_MS_DEFAULT if deadline_ms is None else deadline_ms
        until = time.monotonic() + wait_ms / 1000
        found: list[Appended | Conflict | Duplicate] = []

        def decided() -> Request | None:
            batch = decide()
            return Request.of(check_append(batch, key), key) if batch else None

        def work() -> None:
            left_ms = max(0, int((until - time.monotonic()) * 1000))
            found.append(self._writer.alone(decided, left_ms))

        self._group.alone(work, wait_ms)
        return found[0]

    def branch(self, session: str, parent: str, parent_seq: int) -> Head | Conflict:
        """As the contract says."""
        check_branch(session, parent, parent_seq)
        origin = Origin(parent, parent_seq)
        return self._move(lambda positions: sqlite_moves.branch(positions, session, origin))

    def remove(self, session: str, *, expected: Head) -> bool | Conflict:
        """
        As the contract says; the rows are overwritten where they lie.

        Raises:
            RemovalRefused: The mirror cannot be told of it, which it is before the commit.
        """
        check_session(session)
        check_head(expected)

        def work(positions: Positions) -> bool | Conflict:
            answer = sqlite_moves.remove(positions, session, expected)
            if answer is True:
                self._writer.announce(expected)
            return answer

        return self._move(work, wipe=True)

    def restore(
        self, head: Head, records: Sequence[Record], *, origin: Origin | None = None
    ) -> Head | Conflict:
        """As the contract says; raises `RemovalRefused` as `remove` does."""
        whole = check_restored(head, records, origin)

        def work(positions: Positions) -> Head | Conflict:
            answer = sqlite_moves.restore(positions, head, whole, origin)
            if isinstance(answer, Head) and answer != head:
                self._writer.announce(head)
            return answer

        return self._move(work)

    def restore_many(self, wholes: Sequence[Whole]) -> bool:
        """As `governance.journal.records.RestoresMany` says."""
        given = check_wholes(wholes)
        return self._move(lambda places: sqlite_moves.restore_many(places, given)) is not None

    def snapshot_put(self, snapshot: Snapshot) -> None:
        """As the contract says."""
        check_snapshot(snapshot)
        self._check_open()
        self._group.alone(lambda: self._writer.keep(snapshot), DEADLINE_MS_DEFAULT)

    def search(
        self, query: Query, *, session: str | None = None, ranked: bool = False, limit: int = 20
    ) -> tuple[Hit, ...]:
        """
        As `governance.journal.searching.Search` says; the index catches up first.

        What is written to the index meanwhile holds up writers for short moments only.
        """
        # Hardly a process searches.
        from governance.journal import sqlite_search
        from governance.journal.searching import check_search

        check_search(limit)
        if session is not None:
            check_session(session)
        with self._reading() as connection:
            late = sqlite_search.behind(connection)
        while late:
            late = self._change(sqlite_search.step, False)
        with self._reading() as connection:
            return sqlite_search.find(connection, self.path, query, session, ranked, limit)

    def rebuild_search(self) -> None:
        """Empty the index of messages; the next search fills it anew."""
        from governance.journal import sqlite_search

        self._change(sqlite_search.rebuild, False)

    def drop_caches(self) -> None:
        """As `governance.journal.caches.Caching` says."""
        self.rebuild_search()
        self._change(sqlite_rows.drop_snapshots, False)

    def close(self) -> None:
        """
        Close the files, after the commit that is under way.

        Heads of observations that no durable commit followed are not in the mirror.
        """
        if self._closed:
            return
        self._closed = True
        if os.getpid() != self._process:
            return  # the parent's connection: closing it here would spoil the parent's locks
        self._group.alone(self._writer.close, DEADLINE_MS_DEFAULT)
        self._group.close()
        self._close_reader()

    def _move(self, work: Callable[[Positions], T], *, wipe: bool = False) -> T:
        return self._in_turn(lambda: self._writer.move(work, wipe=wipe))

    def _change(self, work: Callable[[apsw.Connection], T], empty_log: bool) -> T:
        return self._in_turn(lambda: self._writer.change(work, empty_log=empty_log))

    def _in_turn(self, work: Callable[[], T]) -> T:
        """What *work* gives, done while nobody commits."""
        self._check_open()
        found: list[T] = []
        self._group.alone(lambda: found.append(work()), DEADLINE_MS_DEFAULT)
        return found[0]


def _mirror_of(
    connection: apsw.Connection,
    path: Path,
    store_id: str,
    known: Identity | Damaged | None,
    mirror: Path | None,
) -> Mirror | None:
    if mirror is None:
        return None
    made = Mirror(mirror, Identity(store_id, str(path)))
    if isinstance(known, Damaged):
        made.problem = f"`{mirror}`: its first line is damaged"
    else:
        made.begin(_all_heads(connection, path) if known is None else ())
    return made


def _open_checked(path: Path, patience: Patience, vfs: str | None) -> apsw.Connection:
    """A connection to a store that was found to be one, of a version this engine knows."""
    import apsw

    patience.allow(DEADLINE_MS_DEFAULT)
    connection: apsw.Connection | None = None
    try:
        connection = connect(path, patience, vfs=vfs)
        check_store(connection, path)
        mode = connection.execute("PRAGMA journal_mode").get
        if mode != "wal" and connection.execute("PRAGMA journal_mode=WAL").get != "wal":
            raise JournalError(
                f"the store `{path}` cannot use a write-ahead log here",
                remedy="move it to a local disk; network file systems are not supported",
            )
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, apsw.Error):
            raise store_error(error, path) from None
        raise
    return connection


def _all_heads(connection: apsw.Connection, path: Path) -> Iterator[Head | Gone]:
    import apsw

    try:
        for row in connection.execute("SELECT id, head, hash FROM session"):
            yield Head(*row)
        for row in connection.execute("SELECT id, head, hash FROM removed"):
            yield Gone(Head(*row))
    except apsw.Error as error:
        raise store_error(error, path) from None
