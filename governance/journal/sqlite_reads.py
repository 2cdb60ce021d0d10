"""
What a journal in a SQLite file gives to whoever reads it, whether or not the file may be written.

One connection reads, in one transaction a call; what reads long brings its own.
"""

from __future__ import annotations

import contextlib
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import define
from governance.errors import MisuseError, StoreDamaged
from governance.journal import sqlite_moves, sqlite_rows
from governance.journal.faults import DAMAGED_REMEDY, store_error
from governance.journal.limits import (
    DEADLINE_MS_DEFAULT,
    check_limit,
    check_name_after,
    check_page,
    check_session,
)
from governance.journal.mirror import Mirror
from governance.journal.records import Finding, Head, Moved, Origin, Record, Snapshot, VerifyReport
from governance.journal.sqlite_connection import Patience
from governance.journal.sqlite_lineage import origin_of
from governance.journal.sqlite_positions import moved

if TYPE_CHECKING:
    import apsw

_SESSIONS_SQL = "SELECT id, head, hash FROM session WHERE id > ? ORDER BY id LIMIT ?"


@define(eq=False, repr=False)
class SqliteReads(ABC):
    """
    The reading half of a `Journal` in the SQLite file *path*. Thread-safe.

    Attributes:
        path: The store's file.

        store_id: What tells this store from every other, wherever its file is moved.
    """

    path: Path
    store_id: str
    _process: int = field(factory=os.getpid, init=False)
    _read_lock: threading.Lock = field(factory=threading.Lock, init=False)
    _reader: apsw.Connection | None = field(default=None, init=False)
    _patience: Patience = field(factory=Patience, init=False)
    _closed: bool = field(default=False, init=False)
    _quiet: tuple[int, int] = field(default=(-1, 0), init=False)

    @abstractmethod
    def _connected(self, patience: Patience) -> apsw.Connection:
        """A new connection to the store; raises `apsw.Error`."""

    @abstractmethod
    def _in_place(self) -> bool:
        """Whether the file at the path is the one that was opened."""

    @property
    @abstractmethod
    def _mirror(self) -> Mirror | None:
        """Where the heads of this store are kept beside it."""

    def read(
        self,
        session: str,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        reverse: bool = False,
    ) -> tuple[Record, ...]:
        """
        As the contract says; every row is checked against the chain before it is given.

        Raises:
            StoreDamaged: A row is missing, changed or unreadable: none is given.
        """
        check_session(session)
        check_page(after, limit, before)
        with self._reading() as connection:
            return sqlite_rows.read_rows(
                connection,
                self.path,
                session,
                after=after,
                before=before,
                limit=limit,
                reverse=reverse,
            )

    def head(self, session: str) -> Head:
        """As the contract says; checked against the last row."""
        check_session(session)
        with self._reading() as connection:
            return sqlite_rows.sound_head(connection, self.path, session)

    def sessions(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """As the contract says."""
        check_name_after(after)
        check_limit(limit)
        with self._reading() as connection:
            return tuple(Head(*row) for row in connection.execute(_SESSIONS_SQL, (after, limit)))

    def moved(self, *, after: int = 0, limit: int = 1000) -> tuple[Moved, ...]:
        """As the contract says; looks at every head where anything was written meanwhile."""
        check_page(after, limit)
        with self._reading() as connection:
            state = connection.execute("PRAGMA data_version").get
            if state == self._quiet[0] and after >= self._quiet[1]:
                return ()
            found = moved(connection, self.path, after, limit)
            if not found:
                self._quiet = (state, after)
            return found

    def origin(self, session: str) -> Origin | None:
        """As the contract says."""
        check_session(session)
        with self._reading() as connection:
            return origin_of(connection, session)

    def removed(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """As the contract says."""
        check_name_after(after)
        check_limit(limit)
        with self._reading() as connection:
            return sqlite_moves.removed(connection, after, limit)

    def snapshot_get(self, session: str, *, version: int) -> Snapshot | None:
        """As the contract says; a snapshot with a flipped bit is none."""
        check_session(session)
        with self._reading() as connection:
            return sqlite_rows.kept_snapshot(connection, session, version)

    def cache_findings(self) -> tuple[Finding, ...]:
        """As `governance.journal.caches.Caching` says; beside readers and writers."""
        from governance.journal.sqlite_verify_caches import cache_findings

        with self._looking() as connection:
            return cache_findings(connection)

    def verify(self, session: str | None = None) -> VerifyReport:
        """
        As the contract says; of all sessions, the structure of the file is checked as well.

        Streams in bounded memory, beside readers and writers.
        """
        return self._verified(None if session is None else (session,))

    def verify_many(self, sessions: Sequence[str]) -> VerifyReport:
        """As `governance.journal.records.VerifiesMany` says."""
        return self._verified(sessions)

    def _verified(self, sessions: Sequence[str] | None) -> VerifyReport:
        from governance.journal.sqlite_verify import verify_store

        for session in sessions or ():
            check_session(session)
        self._check_open()
        if not self._in_place():
            gone = f"the store `{self.path}` was removed or replaced while it was open"
            return VerifyReport(0, 0, False, (Finding("vanished", "", 0, gone),))
        with self._looking() as connection:
            return verify_store(connection, self.path, self._mirror, sessions)

    @contextlib.contextmanager
    def _looking(self) -> Iterator[apsw.Connection]:
        """A connection of its own, for what reads long."""
        self._check_open()
        patience = Patience()
        patience.allow(DEADLINE_MS_DEFAULT)
        with self._named_errors():
            connection = self._connected(patience)
            try:
                yield connection
            finally:
                connection.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        """The reading connection, in a read transaction, its errors named."""
        self._check_open()
        with self._read_lock, self._named_errors():
            self._patience.allow(DEADLINE_MS_DEFAULT)
            if self._reader is None:
                self._reader = self._connected(self._patience)
            connection = self._reader
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        import apsw

        try:
            yield
        except apsw.Error as error:
            raise store_error(error, self.path) from None
        except UnicodeDecodeError:
            raise StoreDamaged(
                f"the store `{self.path}` holds text that is no UTF-8", remedy=DAMAGED_REMEDY
            ) from None

    def _check_open(self) -> None:
        if self._closed:
            raise MisuseError("the journal is closed; open it again")
        if os.getpid() != self._process:
            raise MisuseError("the journal was opened before a fork; open it in each process")

    def _close_reader(self) -> None:
        with self._read_lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
