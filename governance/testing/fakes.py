"""Fakes that keep the contract of what they stand for, for tests of whoever embeds the engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, TypeVar, get_args

from attrs import field

from governance._attrs import define, frozen
from governance.authoring.clock import ManualClock
from governance.errors import MisuseError
from governance.events import Event
from governance.journal.records import (
    Append,
    Appended,
    Conflict,
    Duplicate,
    Entry,
    Head,
    Journal,
    Moved,
    Origin,
    Record,
    RestoresMany,
    Shelf,
    Snapshot,
    VerifyReport,
    Whole,
)

Method: TypeAlias = Literal[
    "append", "read", "head", "sessions", "moved", "branch", "origin", "remove", "removed",
    "restore", "snapshot_put", "snapshot_get", "verify", "close",
    "shelf.get", "shelf.put", "shelf.delete", "shelf.scan",
]  # fmt: skip
METHODS: tuple[Method, ...] = get_args(Method)

T = TypeVar("T")


@frozen
class _Fault:
    method: Method
    error: Exception
    first: int
    end: int
    done: bool


@define(eq=False)
class FailingJournal:
    """
    A journal that fails when it is told to, and is otherwise the one that it wraps.

    Attributes:
        journal: Where everything else goes.

        calls: How often each method was called, failed calls among them.
    """

    journal: Journal
    calls: Counter[str] = field(init=False, factory=Counter)
    _faults: list[_Fault] = field(init=False, factory=list)

    def fail(
        self,
        method: Method,
        error: Exception,
        *,
        skip: int = 0,
        times: int = 1,
        done: bool = False,
    ) -> None:
        """
        Let calls of *method* raise *error*, counted from now.

        Args:
            skip: Calls that still go well.

            times: Calls that fail after those.

            done: The work is done before the error is raised, as with a commit whose
                answer was lost.

        Raises:
            MisuseError: No journal has such a method, or nothing would ever fail.
        """
        if method not in METHODS or skip < 0 or times < 1:
            raise MisuseError(f"`{method}` cannot fail {times} times after {skip} calls")
        start = self.calls[method] + skip
        self._faults.append(_Fault(method, error, start, start + times, done))

    def append(
        self,
        batch: Sequence[Append],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Appended | Conflict | Duplicate:
        """As `Journal.append`, or the error that was asked for."""
        return self._do(
            "append", lambda: self.journal.append(batch, key=key, deadline_ms=deadline_ms)
        )

    def read(
        self,
        session: str,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        reverse: bool = False,
    ) -> tuple[Record, ...]:
        """As `Journal.read`, or the error that was asked for."""
        return self._do(
            "read",
            lambda: self.journal.read(
                session, after=after, before=before, limit=limit, reverse=reverse
            ),
        )

    def head(self, session: str) -> Head:
        """As `Journal.head`, or the error that was asked for."""
        return self._do("head", lambda: self.journal.head(session))

    def sessions(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """As `Journal.sessions`, or the error that was asked for."""
        return self._do("sessions", lambda: self.journal.sessions(after=after, limit=limit))

    def moved(self, *, after: int = 0, limit: int = 1000) -> tuple[Moved, ...]:
        """As `Journal.moved`, or the error that was asked for."""
        return self._do("moved", lambda: self.journal.moved(after=after, limit=limit))

    def branch(self, session: str, parent: str, parent_seq: int) -> Head | Conflict:
        """As `Journal.branch`, or the error that was asked for."""
        return self._do("branch", lambda: self.journal.branch(session, parent, parent_seq))

    def origin(self, session: str) -> Origin | None:
        """As `Journal.origin`, or the error that was asked for."""
        return self._do("origin", lambda: self.journal.origin(session))

    def remove(self, session: str, *, expected: Head) -> bool | Conflict:
        """As `Journal.remove`, or the error that was asked for."""
        return self._do("remove", lambda: self.journal.remove(session, expected=expected))

    def removed(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """As `Journal.removed`, or the error that was asked for."""
        return self._do("removed", lambda: self.journal.removed(after=after, limit=limit))

    def restore(
        self, head: Head, records: Sequence[Record], *, origin: Origin | None = None
    ) -> Head | Conflict:
        """As `Journal.restore`, or the error that was asked for."""
        return self._do("restore", lambda: self.journal.restore(head, records, origin=origin))

    def restore_many(self, wholes: Sequence[Whole]) -> bool:
        """As `RestoresMany.restore_many`, or the error that was asked for of ``"restore"``."""
        many = self.journal
        return isinstance(many, RestoresMany) and self._do(
            "restore", lambda: many.restore_many(wholes)
        )

    @property
    def shelf(self) -> Shelf:
        """As `Journal.shelf`, whose methods fail under the names ``"shelf.get"`` and so on."""
        return _FailingShelf(self)

    def snapshot_put(self, snapshot: Snapshot) -> None:
        """As `Journal.snapshot_put`, or the error that was asked for."""
        self._do("snapshot_put", lambda: self.journal.snapshot_put(snapshot))

    def snapshot_get(self, session: str, *, version: int) -> Snapshot | None:
        """As `Journal.snapshot_get`, or the error that was asked for."""
        return self._do("snapshot_get", lambda: self.journal.snapshot_get(session, version=version))

    def verify(self, session: str | None = None) -> VerifyReport:
        """As `Journal.verify`, or the error that was asked for."""
        return self._do("verify", lambda: self.journal.verify(session))

    def close(self) -> None:
        """As `Journal.close`, or the error that was asked for."""
        self._do("close", self.journal.close)

    def _do(self, method: Method, work: Callable[[], T]) -> T:
        number = self.calls[method]
        self.calls[method] += 1
        for fault in self._faults:
            if fault.method == method and fault.first <= number < fault.end:
                if fault.done:
                    work()
                raise fault.error
        return work()


@define(eq=False)
class _FailingShelf:
    _owner: FailingJournal

    def get(self, shelf: str, name: str) -> Entry | None:
        owner = self._owner
        return owner._do("shelf.get", lambda: owner.journal.shelf.get(shelf, name))

    def put(
        self, shelf: str, name: str, value: bytes, *, expected_version: int | None = None
    ) -> Entry | None:
        owner = self._owner
        return owner._do(
            "shelf.put",
            lambda: owner.journal.shelf.put(shelf, name, value, expected_version=expected_version),
        )

    def delete(self, shelf: str, name: str, *, expected_version: int | None = None) -> bool:
        owner = self._owner
        return owner._do(
            "shelf.delete",
            lambda: owner.journal.shelf.delete(shelf, name, expected_version=expected_version),
        )

    def scan(self, shelf: str, *, after: str = "", limit: int = 1000) -> tuple[Entry, ...]:
        owner = self._owner
        return owner._do(
            "shelf.scan", lambda: owner.journal.shelf.scan(shelf, after=after, limit=limit)
        )


@define(eq=False)
class RecordingListener:
    """
    A listener that remembers what it was shown.

    Attributes:
        answer: What it returns, or an exception that it raises; may be changed at any time.

        events: What it was shown, in order.
    """

    answer: object = None
    events: list[Event] = field(init=False, factory=list)

    def __call__(self, event: Event) -> object:
        self.events.append(event)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def names(self) -> list[str]:
        """Names of the events, in order."""
        return [one.name for one in self.events]


__all__ = ["METHODS", "FailingJournal", "ManualClock", "Method", "RecordingListener"]
