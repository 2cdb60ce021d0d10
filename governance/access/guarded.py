"""A journal that shows and takes only what its actor may see and do."""

from __future__ import annotations

from collections.abc import Sequence

from governance._attrs import define, frozen
from governance.access.guard import Guard
from governance.journal.records import (
    KEY_SHELF,
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
    Shelf,
    Snapshot,
    VerifyReport,
)
from governance.journal.searching import Hit, Query, Search
from governance.journal.verifying import verify_some


@define(eq=False, repr=False)
class GuardedJournal:
    """
    A `Journal` over *inner*, whose every method asks *guard* first.

    Lists leave out what the actor may not read; everything else raises `AccessRefused`.

    Attributes:
        looking: The action that a read of a session is: ``"read"`` or ``"export"``.
    """

    inner: Journal
    guard: Guard
    looking: str = "read"

    @property
    def shelf(self) -> Shelf:
        """The shelves, asked as the sessions are that their values belong to."""
        return _GuardedShelf(self.inner.shelf, self.guard, self.looking)

    def append(
        self,
        batch: Sequence[Append],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Appended | Conflict | Duplicate:
        """As the contract says, where every session may be written."""
        for one in batch:
            self.guard.require("write", one.session)
        return self.inner.append(batch, key=key, deadline_ms=deadline_ms)

    def read(
        self,
        session: str,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        reverse: bool = False,
    ) -> tuple[Record, ...]:
        """As the contract says."""
        # From the newest back the first page has no end, forwards it begins with the first row.
        goes_on = before is not None if reverse else after > 0
        self.guard.require(self.looking, session, goes_on=goes_on)
        return self.inner.read(session, after=after, before=before, limit=limit, reverse=reverse)

    def head(self, session: str) -> Head:
        """As the contract says."""
        self.guard.require(self.looking, session)
        return self.inner.head(session)

    def sessions(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """As the contract says, without those that the actor may not read."""
        self.guard.require("list", goes_on=bool(after))
        found: list[Head] = []
        while len(found) < limit:
            page = self.inner.sessions(after=after, limit=limit)
            if not page:
                break
            found += [one for one in page if not self.guard.hides(one.session)]
            after = page[-1].session
        return tuple(found[:limit])

    def moved(self, *, after: int = 0, limit: int = 1000) -> tuple[Moved, ...]:
        """As the contract says, without those that the actor may not read."""
        self.guard.require("list", goes_on=after > 0)
        found: list[Moved] = []
        while len(found) < limit:
            page = self.inner.moved(after=after, limit=limit)
            if not page:
                break
            found += [one for one in page if not self.guard.hides(one.session)]
            after = page[-1].position
        return tuple(found[:limit])

    def branch(self, session: str, parent: str, parent_seq: int) -> Head | Conflict:
        """As the contract says: the parent is read, the branch written."""
        self.guard.require(self.looking, parent)
        self.guard.require("write", session)
        return self.inner.branch(session, parent, parent_seq)

    def origin(self, session: str) -> Origin | None:
        """As the contract says."""
        self.guard.require(self.looking, session)
        return self.inner.origin(session)

    def remove(self, session: str, *, expected: Head) -> bool | Conflict:
        """As the contract says."""
        self.guard.require("keep", session)
        return self.inner.remove(session, expected=expected)

    def removed(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """As the contract says; who began what is gone is not known, so it takes a whole grant."""
        self.guard.require("keep")
        return self.inner.removed(after=after, limit=limit)

    def restore(
        self, head: Head, records: Sequence[Record], *, origin: Origin | None = None
    ) -> Head | Conflict:
        """As the contract says."""
        self.guard.require("keep", head.session)
        return self.inner.restore(head, records, origin=origin)

    def snapshot_put(self, snapshot: Snapshot) -> None:
        """As the contract says."""
        self.guard.require("write", snapshot.session)
        self.inner.snapshot_put(snapshot)

    def snapshot_get(self, session: str, *, version: int) -> Snapshot | None:
        """As the contract says."""
        self.guard.require(self.looking, session)
        return self.inner.snapshot_get(session, version=version)

    def verify(self, session: str | None = None) -> VerifyReport:
        """As the contract says."""
        self.guard.require("verify", session or "")
        return self.inner.verify(session)

    def verify_many(self, sessions: Sequence[str]) -> VerifyReport:
        """As `VerifiesMany` says, where each of them may be verified."""
        for session in sessions:
            self.guard.require("verify", session)
        return verify_some(self.inner, sessions)

    def close(self) -> None:
        """As the contract says; asks nobody."""
        self.inner.close()


@define(eq=False, repr=False)
class _GuardedSearch(GuardedJournal):
    """One whose actor may read everything, so that the index of *inner* tells no more than that."""

    def search(
        self, query: Query, *, session: str | None = None, ranked: bool = False, limit: int = 20
    ) -> tuple[Hit, ...]:
        """As the contract says."""
        self.guard.require(self.looking, session or "")
        assert isinstance(self.inner, Search), "`guarded` looked"
        return self.inner.search(query, session=session, ranked=ranked, limit=limit)


def guarded(inner: Journal, guard: Guard, looking: str = "read") -> GuardedJournal:
    """
    *inner* as the actor of *guard* may see it now.

    Its index is asked only by whoever may read every session: it ranks by all of them.
    """
    whole = looking == "read" and isinstance(inner, Search) and guard.shows_all
    return (_GuardedSearch if whole else GuardedJournal)(inner, guard, looking)


@frozen(eq=False)
class _GuardedShelf:
    """A `Shelf` whose values are asked for as the session ``SESSION#REST`` is that they name."""

    inner: Shelf
    guard: Guard
    looking: str

    def get(self, shelf: str, name: str) -> Entry | None:
        """As the contract says."""
        self._require(shelf, name, self.looking)
        return self.inner.get(shelf, name)

    def put(
        self, shelf: str, name: str, value: bytes, *, expected_version: int | None = None
    ) -> Entry | None:
        """As the contract says."""
        self._require(shelf, name, "write")
        return self.inner.put(shelf, name, value, expected_version=expected_version)

    def delete(self, shelf: str, name: str, *, expected_version: int | None = None) -> bool:
        """As the contract says."""
        self._require(shelf, name, "write")
        return self.inner.delete(shelf, name, expected_version=expected_version)

    def scan(self, shelf: str, *, after: str = "", limit: int = 1000) -> tuple[Entry, ...]:
        """As the contract says, for whoever may read every session."""
        self._require(shelf, "", self.looking)
        return self.inner.scan(shelf, after=after, limit=limit)

    def _require(self, shelf: str, name: str, action: str) -> None:
        if shelf == KEY_SHELF:
            self.guard.require("keys")
        else:
            self.guard.require(action, name.rpartition("#")[0])
