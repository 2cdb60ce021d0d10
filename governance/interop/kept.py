"""
What both frameworks share: rows of a journal that prove themselves while they are read.

Each thread or session of a framework has a session of the journal of its own, whose name ends
in a number: rows that were removed leave a tombstone, which takes no rows, so what is begun
again under the same name gets the next number. The names begin with ``@``, as those of all
sessions that are no agent's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TypeVar

from attrs import field

from governance._attrs import define, frozen
from governance.errors import GovernanceError, MisuseError, StoreDamaged, StoreNewer
from governance.journal.chain import ZERO_HASH
from governance.journal.encrypted import as_stored
from governance.journal.gaps import GAP_KIND, Link, is_next, link_after
from governance.journal.records import Append, Appended, Conflict, Head, Journal, Record, Row

PAGE_ROWS = 100
PAGE_NAMES = 1_000
TRIES_MAX = 8
"""How often a write that others were faster than is tried before it is an error."""

GENERATIONS_MAX = 999_999
_DIGITS = 6

T = TypeVar("T")


class MovedOn(GovernanceError):
    """Somebody else wrote what this writer did not know of; nothing was written."""

    code = "GOV781"


@frozen
class Place:
    """Where a row stands, and what proves it when it is read again."""

    seq: int
    link: Link
    hash: bytes


def prefix_of(family: str, name: str) -> str:
    """What the names of all sessions of *name* begin with, each followed by its number."""
    return f"@{family}/{name}/"


def name_of(family: str, session: str) -> str | None:
    """The thread or session that *session* is kept for, none where it is not of *family*."""
    start = f"@{family}/"
    name, slash, number = session.removeprefix(start).rpartition("/")
    if not session.startswith(start) or not slash:
        return None
    return name if len(number) == _DIGITS and number.isascii() and number.isdigit() else None


def current_session(journal: Journal, family: str, name: str) -> str:
    """The session that *name* is kept in now: the one after those that were removed."""
    if type(name) is not str or not name:
        raise MisuseError(f"{name!r} names no thread or session; expected a text")
    prefix = prefix_of(family, name)
    newest, after = 0, prefix
    while page := journal.removed(after=after, limit=PAGE_NAMES):
        ours = [one.session for one in page if one.session.startswith(prefix)]
        numbers = [one[len(prefix) :] for one in ours if name_of(family, one) == name]
        newest = max([newest, *map(int, numbers)])
        after = page[-1].session
        if len(ours) < len(page):
            break
    if newest >= GENERATIONS_MAX:
        raise MisuseError(f"`{name}` was removed {newest} times; take another name")
    return f"{prefix}{newest + 1:0{_DIGITS}}"


@define(eq=False)
class Follower:
    """
    Reads the rows of one session, each once, and proves each by the chain.

    Attributes:
        seq: The last row that was read; 0 before the first.
    """

    journal: Journal
    session: str
    seq: int = field(default=0, init=False)
    _link: Link = field(default=ZERO_HASH, init=False)
    _hash: bytes = field(default=ZERO_HASH, init=False)

    def news(self) -> Iterator[tuple[Place, Record]]:
        """
        The rows since the last time, up to the present head.

        Raises:
            MovedOn: The rows that were read have been removed.
            StoreDamaged: A row, or the end, is not what the chain says.
        """
        head = self.journal.head(self.session)
        if head.seq == 0 and self.seq:
            raise MovedOn(f"`{self.session}` was removed meanwhile", remedy="read it again")
        while self.seq < head.seq:
            page = self.journal.read(self.session, after=self.seq, limit=PAGE_ROWS)
            if not page:
                raise self._damaged(self.seq + 1)
            for record in page:
                if record.seq != self.seq + 1 or not self._follows(self._link, record):
                    raise self._damaged(self.seq + 1)
                if record.kind == GAP_KIND:
                    raise StoreDamaged(f"rows of `{self.session}` were lost at {record.seq}")
                place = Place(record.seq, self._link, record.hash)
                yield place, record
                # Only after it was taken in: a row that could not be is met again.
                self.seq, self._link, self._hash = record.seq, link_after(record), record.hash
        if self.seq == head.seq and self._hash != head.hash:
            raise self._damaged(head.seq)
        if self.seq > head.seq and self.journal.head(self.session).seq < self.seq:
            raise self._damaged(head.seq + 1)

    def again(self, place: Place) -> Record:
        """
        The row at *place*, read once more.

        Raises:
            MovedOn: It has been removed.
            StoreDamaged: It is not the row that it was.
        """
        for record in self.journal.read(self.session, after=place.seq - 1, limit=1):
            same = record.seq == place.seq and record.hash == place.hash
            if same and self._follows(place.link, record):
                return record
        if self.journal.head(self.session).seq == 0:
            raise MovedOn(f"`{self.session}` was removed meanwhile", remedy="read it again")
        raise self._damaged(place.seq)

    def _follows(self, link: Link, record: Record) -> bool:
        # The chain is over what is stored. A body that was opened on the way proves itself: it
        # opens in its own place alone, and what holds it has checked the chain.
        return as_stored(self.journal) is not self.journal or is_next(link, record)

    def append(self, row: Row) -> bool:
        """Write *row* after the last one that was read; ``False``: others were faster."""
        told = self.journal.append((Append(self.session, self.seq, (row,)),))
        # INVARIANT: without a key there are no duplicates.
        assert isinstance(told, (Appended, Conflict))
        return isinstance(told, Appended)

    def remove(self) -> bool:
        """Let the rows go that were read; ``False``: there are others, or a branch needs them."""
        head = Head(self.session, self.seq, self._hash)
        return self.seq == 0 or self.journal.remove(self.session, expected=head) is True

    def _damaged(self, seq: int) -> StoreDamaged:
        return StoreDamaged(
            f"row {seq} of `{self.session}` is not what the chain says",
            remedy="look at it with `governance verify`",
        )


def no_sense(record: Record) -> StoreDamaged:
    """The error for *record*, whose kind is known here and whose body says nothing."""
    return StoreDamaged(f"row {record.seq} of `{record.session}` makes no sense here")


def unknown_row(record: Record) -> StoreNewer:
    """A row of a kind that a later version writes, or that never belonged there."""
    return StoreNewer(f"row {record.seq} of `{record.session}` is of kind `{record.kind}`")


async def settled(work: Callable[[], T]) -> T:
    """
    What *work* gives in a thread; who is cancelled waits for its end all the same.

    So a caller that goes on after a cancellation meets a store where nothing is half-way.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
        raise
