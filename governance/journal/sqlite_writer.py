"""
The one connection that writes: a group of appends in one transaction, and snapshots.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field

from governance.errors import JournalError, OutcomeUnknown, StoreDamaged, StoreMissing
from governance.journal import sqlite_rows
from governance.journal.faults import DAMAGED_REMEDY, folder_error, store_error
from governance.journal.group_commit import Request
from governance.journal.limits import DEADLINE_MS_DEFAULT
from governance.journal.mirror import Mirror
from governance.journal.records import Appended, Conflict, Duplicate, Head, Snapshot
from governance.journal.sqlite_connection import Patience
from governance.journal.sqlite_schema import VERSION, refuse_newer, schema_version

if TYPE_CHECKING:
    import apsw


def file_identity(path: str | Path) -> tuple[int, int]:
    """What tells the file at *path* from one that takes its place; raises `OSError`."""
    seen = os.stat(path)  # noqa: PTH116 - every append asks, and a path object is slower
    return seen.st_dev, seen.st_ino


HEADS_KEPT_MAX = 4_096
"""Sessions whose heads a writer remembers; then it begins to learn them anew."""


@define(eq=False, repr=False)
class Writer:
    """
    Writes groups to the store at *path*; a `Committer`, so used by one caller at a time.

    Attributes:
        mirror: Where heads go after a commit; none: nowhere.
    """

    path: Path
    connection: apsw.Connection
    patience: Patience
    mirror: Mirror | None
    power_safe: bool
    _file: tuple[int, int]
    _level: str = field(default="", init=False)
    _place: str = field(init=False)
    _seen_version: int = field(default=-1, init=False)
    _heads: dict[str, Head] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._place = str(self.path)

    def in_place(self) -> bool:
        """
        Whether the file at the path is the one that was opened.

        Raises:
            JournalError: The operating system does not let it be seen.
        """
        try:
            return file_identity(self._place) == self._file
        except FileNotFoundError:
            return False
        except OSError as error:
            raise folder_error(error, self.path) from None

    def begin(self, durable: bool, wait_ms: int) -> None:
        """
        Take the store's write lock for a commit that is synced if *durable*.

        Raises:
            StoreBusy: Another process held it for *wait_ms*.
            StoreMissing: The file at the path is not the one that was opened.
            StoreNewer: A newer engine has migrated it meanwhile.
            JournalError: Another child.
        """
        import apsw

        if not self.in_place():
            raise StoreMissing(
                f"the store `{self.path}` was removed or replaced while it was open",
                remedy="stop this process, restore the store and open it again",
            )
        self.patience.allow(wait_ms)
        try:
            if self.connection.in_transaction:
                # A leader was interrupted between its BEGIN and its commit.
                self._undo()
            self._sync_level(durable)
            self.connection.execute("BEGIN IMMEDIATE")
            self._check_version()
        except apsw.Error as error:
            self._undo()
            raise store_error(error, self.path) from None

    def _check_version(self) -> None:
        """
        Refuse a store that another engine migrated, and forget the heads known so far.

        Both only when another connection has changed the file since our last commit: SQLite
        says so in a counter that costs no statement.
        """
        data = self.connection.data_version()
        if data == self._seen_version and len(self._heads) < HEADS_KEPT_MAX:
            return
        self._heads.clear()
        version = schema_version(self.connection)
        if version != VERSION:
            self._undo()
            refuse_newer(version, self.path)
            raise StoreDamaged(
                f"the store `{self.path}` went back to schema version {version}",
                remedy=DAMAGED_REMEDY,
            )
        self._seen_version = data

    def commit(self, group: list[Request]) -> None:
        """
        Write and settle every request of *group*, whose transaction `begin` opened.

        A request that conflicts, or whose session is damaged, fails alone. When the
        transaction itself fails, each request of a larger group is tried by itself, so that
        one that does not fit takes no other down with it.
        """
        failure = self._attempt(group)
        if failure is None:
            return
        if len(group) == 1 or isinstance(failure, OutcomeUnknown):
            for one in group:
                one.error = failure
            return
        for one in group:
            try:
                self.begin(one.durable, DEADLINE_MS_DEFAULT)
                one.error = self._attempt([one])
            except JournalError as error:
                one.error = error

    def _attempt(self, group: list[Request]) -> JournalError | None:
        """Write *group* in the open transaction; settle it, or give why nothing was written."""
        import apsw

        answers: list[Appended | Conflict | Duplicate | JournalError] = []
        committing = committed = False
        try:
            answers.extend(self._write(one) for one in group)
            committing = True
            self.connection.execute("COMMIT")
            committed = True
            # Our own commit counts as a change too, and changed no version.
            self._seen_version = self.connection.data_version()
        except apsw.Error as error:
            return self._failed(error, committing)
        except UnicodeDecodeError:
            self._undo()
            return sqlite_rows.damaged(self.path, group[0].batch[0].session, 0, "no UTF-8")
        except BaseException:
            # Somebody interrupts this thread; the callers it led still need their answer.
            if not committing:
                self._undo()
            elif not committed and self.connection.in_transaction:
                self._undo()
                committing = False
            if committing:
                self._heads.clear()
                for one in group:
                    one.error = self._unknown("the thread that committed was interrupted")
            raise
        self._settle(group, answers)
        return None

    def _settle(
        self, group: list[Request], answers: list[Appended | Conflict | Duplicate | JournalError]
    ) -> None:
        heads: list[Head] = []
        durable = False
        for one, answer in zip(group, answers, strict=True):
            if isinstance(answer, JournalError):
                one.error = answer
                continue
            one.answer = answer
            if isinstance(answer, Appended):
                durable = durable or one.durable
                heads += answer.heads
        if self.mirror is not None and heads:
            self.mirror.note(heads, durable=durable)

    def _write(self, request: Request) -> Appended | Conflict | Duplicate | JournalError:
        try:
            heads = sqlite_rows.look(
                self.connection, self.path, request.batch, request.key, self._heads
            )
        except JournalError as error:
            return error
        if isinstance(heads, (Conflict, Duplicate)):
            return heads
        written = sqlite_rows.write(self.connection, request.batch, heads, request.key)
        self._heads.update((head.session, head) for head in written.heads)
        return written

    def _failed(self, error: apsw.Error, committing: bool) -> JournalError:
        """What *error* means: rolled back for certain, or not known."""
        import apsw

        self._undo()
        if committing and isinstance(error, apsw.IOError):
            return self._unknown(str(error))
        if isinstance(error, apsw.ConstraintError):
            return sqlite_rows.damaged(
                self.path, "?", 0, f"rows stand beyond a head ({error}); run `governance verify`"
            )
        return store_error(error, self.path)

    def _unknown(self, why: str) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"a commit to the store `{self.path}` was sent and its result is not known: {why}",
            remedy="read the head of each session: the rows are there or they are not",
        )

    def _undo(self) -> None:
        import apsw

        self._heads.clear()
        try:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        except apsw.Error:
            # SQLite has rolled back by itself where it could not go on; a transaction that
            # is still open after this makes the next BEGIN fail, which is then named.
            return

    def _sync_level(self, durable: bool) -> None:
        """FULL syncs the log at every commit; NORMAL only when it is folded back."""
        level = "OFF" if not self.power_safe else "FULL" if durable else "NORMAL"
        if level != self._level:
            self.connection.execute(f"PRAGMA synchronous={level}")
            self._level = level

    def keep(self, snapshot: Snapshot) -> None:
        """Put *snapshot* in place of the older one; raises a `JournalError`."""
        import apsw

        self.begin(False, DEADLINE_MS_DEFAULT)
        try:
            sqlite_rows.put_snapshot(self.connection, snapshot)
            self.connection.execute("COMMIT")
        except apsw.Error as error:
            self._undo()
            raise store_error(error, self.path) from None

    def close(self) -> None:
        """Close the connection and the mirror."""
        self.connection.close()
        if self.mirror is not None:
            self.mirror.close()
