"""
The one connection that writes: a group of appends in one transaction, and snapshots.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from attrs import field

from governance._attrs import define
from governance.errors import JournalError, OutcomeUnknown, StoreDamaged, StoreMissing
from governance.journal import sqlite_rows
from governance.journal.faults import DAMAGED_REMEDY, RemovalRefused, folder_error, store_error
from governance.journal.group_commit import Request
from governance.journal.limits import DEADLINE_MS_DEFAULT
from governance.journal.mirror import Mirror
from governance.journal.records import Appended, Conflict, Duplicate, Head, Snapshot
from governance.journal.sqlite_connection import Patience
from governance.journal.sqlite_positions import Positions
from governance.journal.sqlite_schema import VERSION, refuse_newer, schema_version

if TYPE_CHECKING:
    import apsw

T = TypeVar("T")


def file_identity(path: str | Path) -> tuple[int, int]:
    """What tells the file at *path* from one that takes its place; raises `OSError`."""
    seen = os.stat(path)  # noqa: PTH116 - every append asks, and a path object is slower
    return seen.st_dev, seen.st_ino


_EMPTY_LOG_MS = 2_000
"""How long a log that is to be emptied is waited for."""

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
    _positions: Positions = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._place = str(self.path)
        self._positions = Positions(self.connection, self.path)

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
        self._positions.doubt()
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

    def alone(
        self, decide: Callable[[], Request | None], wait_ms: int
    ) -> Appended | Conflict | Duplicate:
        """
        Write what *decide* gives, called while the store's write lock is held.

        Raises:
            JournalError: As `begin` and an append do; nothing was written, but for
                `OutcomeUnknown`.
        """
        self.begin(True, wait_ms)
        try:
            request = decide()
        except BaseException:
            self._undo()
            raise
        if request is None:
            self._undo()
            return Appended((), ())
        self.commit([request])
        return request.outcome()

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
                self._forget()
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
        position = self._positions.take(len(request.batch))
        written = sqlite_rows.write(self.connection, request.batch, heads, request.key, position)
        self._heads.update((head.session, head) for head in written.heads)
        return written

    def _forget(self) -> None:
        """What is remembered of the store may not be so any more."""
        self._heads.clear()
        self._positions.forget()

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

        self._forget()
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
        self._within(lambda connection: sqlite_rows.put_snapshot(connection, snapshot))

    def change(
        self, work: Callable[[apsw.Connection], T], *, wipe: bool = True, empty_log: bool = False
    ) -> T:
        """
        What *work* gives, which it did in one durable transaction.

        Args:
            wipe: What it deletes or replaces is overwritten in the file.

            empty_log: The log is emptied afterwards, so that it holds none of that either,
                unless readers stand in the way.

        Raises:
            JournalError: As an append; nothing was changed, but for `OutcomeUnknown`.
            GovernanceError: What *work* raised; nothing was changed.
        """
        self.connection.execute(f"PRAGMA secure_delete={'ON' if wipe else 'OFF'}")
        try:
            result = self._within(work, durable=True)
        finally:
            self.connection.execute("PRAGMA secure_delete=OFF")
        if empty_log:
            self._empty_log()
        return result

    def move(self, work: Callable[[Positions], T], *, wipe: bool = False) -> T:
        """As `change`, for *work* that moves heads; those that it gives reach the mirror."""
        result = self.change(lambda _: work(self._positions), wipe=wipe, empty_log=wipe)
        self._heads.clear()
        heads = [result] if isinstance(result, Head) else result
        if self.mirror is not None and isinstance(heads, list):
            self.mirror.note(heads, durable=True)
        return result

    def announce(self, head: Head) -> None:
        """
        Tell the mirror, before the commit, that the session of *head* is being removed.

        Raises:
            RemovalRefused: It cannot be told: later the removal could not be told from a loss.
        """
        if self.mirror is None:
            return
        self.mirror.announce(head)
        if self.mirror.problem:
            raise RemovalRefused(
                f"session `{head.session}` was not removed, for the mirror of heads cannot be "
                f"told: {self.mirror.problem}",
                remedy="mend the mirror, or open the store without one",
            )

    def _within(self, work: Callable[[apsw.Connection], T], *, durable: bool = False) -> T:
        import apsw

        self.begin(durable, DEADLINE_MS_DEFAULT)
        committing = False
        try:
            result = work(self.connection)
            committing = True
            self.connection.execute("COMMIT")
            self._seen_version = self.connection.data_version()
        except apsw.Error as error:
            raise self._failed(error, committing) from None
        except UnicodeDecodeError:
            self._undo()
            raise sqlite_rows.damaged(self.path, "?", 0, "no UTF-8") from None
        except BaseException:
            self._undo()
            raise
        return result

    def _empty_log(self) -> None:
        """Fold the log back and cut it, so that it holds no older state; as far as it goes."""
        import apsw

        self.patience.allow(_EMPTY_LOG_MS)
        # Readers of an older state keep it: then the next fold does it.
        with contextlib.suppress(apsw.BusyError):
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the connection and the mirror."""
        self.connection.close()
        if self.mirror is not None:
            self.mirror.close()
