"""
Everything of one store into another, of whatever kind: sessions, branches, tombstones, values.

Rows arrive with the hashes they had, so that the heads are the same in the end, which is what
the last step looks at. A copy that was interrupted goes on where it stopped, and one that is
made again takes what has come since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import field

from governance._attrs import define, frozen
from governance.errors import JournalError, StoreDamaged
from governance.journal.chain import chain_rows
from governance.journal.records import (
    BRANCH_DEPTH_MAX,
    KEY_SHELF,
    ROWS_MAX,
    VAULT,
    Append,
    Appended,
    Conflict,
    Finding,
    Head,
    Journal,
    Origin,
    Record,
    RestoresMany,
    Row,
    Whole,
)
from governance.journal.session_values import COPIED_SHELVES
from governance.journal.vault import vault_id

PAGE_ROWS = 500
PAGE_BYTES_MAX = 64 * 1024 * 1024
"""Bodies that are put into the other store at once, beside the last one."""

MANY_SESSIONS_MAX = 500
MANY_BYTES_MAX = 8 * 1024 * 1024
"""Short sessions that are brought in one commit, and the bodies of all of them."""

BROKEN_MAX = 10_000
"""Sessions that a copy passes over; with one more it ends."""

_NAMES = 1_000


class CopyRefused(JournalError):
    """The store that was to be copied into holds something else already."""

    code = "GOV535"


@frozen
class CopyReport:
    """
    What was done, and whether both stores now are the same.

    Attributes:
        sessions, rows, values: How many of the source's the other store holds now.

        new_rows: How many rows this copy has brought.

        findings: What differs in the end, and what `verify` says of the other store.
    """

    sessions: int
    rows: int
    values: int
    new_rows: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not self.findings


@define(eq=False, repr=False)
class _Copy:
    source: Journal
    other: Journal
    told: Callable[[Head], None]
    sessions: int = 0
    rows: int = 0
    values: int = 0
    new_rows: int = 0
    broken: dict[tuple[str, str], Finding] = field(factory=dict, init=False)
    parents: set[str] = field(factory=set, init=False)
    _waiting: list[Whole] = field(factory=list, init=False)
    _waiting_rows: int = field(default=0, init=False)
    _waiting_bytes: int = field(default=0, init=False)

    @contextmanager
    def sparing(self, session: str, shelf: str = "") -> Iterator[None]:
        """Go on after the block where it meets damage, told of *session* or *shelf* in the end."""
        try:
            yield
        except StoreDamaged as error:
            if len(self.broken) == BROKEN_MAX:
                raise
            self.broken[session, shelf] = Finding(
                "unreadable", session, 0, f"not copied: {error.message}"
            )

    def wait(self, head: Head) -> bool:
        """Whether the session of *head*, a short one, is brought together with others."""
        if not isinstance(self.other, RestoresMany):
            return False
        if head.seq > PAGE_ROWS or head.session in self.parents:
            return False
        records = self.source.read(head.session, before=head.seq + 1, limit=PAGE_ROWS)
        size = sum(len(record.body) for record in records)
        if len(records) != head.seq or size > MANY_BYTES_MAX:
            return False
        if (
            len(self._waiting) == MANY_SESSIONS_MAX
            or self._waiting_rows + len(records) > ROWS_MAX
            or self._waiting_bytes + size > MANY_BYTES_MAX
        ):
            self.bring_waiting()
        self._waiting.append(Whole(head, records))
        self._waiting_rows += len(records)
        self._waiting_bytes += size
        return True

    def count(self, head: Head, origin: Origin | None) -> None:
        """Take note that the other store has the session of *head*, or will have it."""
        self.sessions += 1
        self.rows += head.seq - (origin.seq if origin is not None else 0)

    def bring_waiting(self) -> None:
        """Bring all that wait, in one commit; one by one where something is known there."""
        wholes, self._waiting = self._waiting, []
        self._waiting_rows = self._waiting_bytes = 0
        if not wholes:
            return
        if isinstance(self.other, RestoresMany) and self.other.restore_many(wholes):
            for one in wholes:
                self.new_rows += len(one.records)
                self.told(one.head)
            return
        for one in wholes:
            _bring(self, one.head, 0)
            self.told(one.head)


def copy_store(
    source: Journal, other: Journal, *, told: Callable[[Head], None] = lambda _head: None
) -> CopyReport:
    """
    Bring everything of *source* into *other*, and see that the heads are the same then.

    A session that is damaged in *source* is not brought, nor what branches off it, and is told as
    a finding; all others are.

    Snapshots are not brought: they are caches, and every engine makes its own.

    Args:
        told: Called with the head of each session that has been brought.

    Raises:
        CopyRefused: *other* has rows of a session that are not those of *source*, or is
            encrypted by keys of its own.
        JournalError: One of the stores fails; what was brought stays, and counts next time.
    """
    _check_keys(source, other)
    copy = _Copy(source, other, told)
    for head, there in _beside(source.sessions, other.sessions):
        with copy.sparing(head.session):
            origin = source.origin(head.session)
            if there is None and origin is None and copy.wait(head):
                copy.count(head, origin)
                continue
            if there != head:
                _bring(copy, head, 0)
            copy.count(head, origin)
            copy.told(head)
    copy.bring_waiting()
    for head in _all(source.removed):
        with copy.sparing(head.session):
            _bring_tombstone(copy, head)
    for shelf in COPIED_SHELVES:
        with copy.sparing("", shelf):
            _bring_values(copy, shelf)
    with copy.sparing("", KEY_SHELF):
        _drop_keys(copy)
    return CopyReport(
        copy.sessions, copy.rows, copy.values, copy.new_rows, tuple(_differences(copy))
    )


def _beside(
    ours: Callable[..., tuple[Head, ...]], theirs: Callable[..., tuple[Head, ...]]
) -> Iterator[tuple[Head, Head | None]]:
    """Every head of *ours*, and the one that *theirs* had of that session when it was listed."""
    there = _all(theirs)
    found = next(there, None)
    for head in _all(ours):
        while found is not None and found.session < head.session:
            found = next(there, None)
        yield head, found if found is not None and found.session == head.session else None


def _all(page_of: Callable[..., tuple[Head, ...]]) -> Iterator[Head]:
    after = ""
    while page := page_of(after=after, limit=_NAMES):
        yield from page
        after = page[-1].session


def _bring(copy: _Copy, head: Head, depth: int) -> None:
    """Bring one live session, after those that it stems from."""
    if depth > BRANCH_DEPTH_MAX:
        raise CopyRefused(f"`{head.session}` stems from more than {BRANCH_DEPTH_MAX} sessions")
    origin = copy.source.origin(head.session)
    there = copy.other.head(head.session)
    if there.seq:
        _catch_up(copy, head, there)
    else:
        if origin is not None:
            copy.bring_waiting()  # it may be among them
            parent = copy.source.head(origin.parent)
            if parent.seq < origin.seq:
                raise StoreDamaged(
                    f"row {origin.seq} of `{origin.parent}`, where it began, is gone"
                )
            _bring(copy, parent, depth + 1)
            copy.parents.add(origin.parent)
        _put(copy, head, origin)


def _put(copy: _Copy, head: Head, origin: Origin | None) -> None:
    """Bring a session that the other store has not, or not whole; it appears when it is whole."""
    base = origin.seq if origin is not None else 0
    if base == head.seq:
        # It has no rows of its own: there is nothing to hide until it is whole.
        assert origin is not None
        _agreed(copy.other.branch(head.session, origin.parent, base), head)
        return
    end, pages = Head(head.session, base, b""), _pages(copy.source, base, head)
    if base + PAGE_ROWS < head.seq:
        # What breaks off halfway would stand there as if it had been removed.
        for _ in pages:
            pass
        # Of a long one the rows that an earlier copy has brought are not read again.
        end = _agreed(copy.other.restore(head, (), origin=origin), head)
        pages = _pages(copy.source, max(base, end.seq), head)
    for records in pages:
        end = _agreed(copy.other.restore(head, records, origin=origin), head)
        copy.new_rows += len(records)
    if end != head:
        raise CopyRefused(f"the rows of `{head.session}` end at {end.seq} and not at {head.seq}")


def _agreed(answer: Head | Conflict, head: Head) -> Head:
    if isinstance(answer, Conflict):
        raise _other_rows(head, answer.actual[0])
    return answer


def _other_rows(head: Head, there: Head) -> CopyRefused:
    return CopyRefused(
        f"the other store has a session `{there.session}` with a row {there.seq} of its own, "
        f"which does not go with row {head.seq} of `{head.session}` here",
        remedy="copy into a store that is new, or into one that came from this one",
    )


def _pages(source: Journal, after: int, head: Head) -> Iterator[tuple[Record, ...]]:
    """Rows after *after* up to *head*, a page that any store takes at a time."""
    while after < head.seq:
        page: list[Record] = []
        size = 0
        for record in source.read(head.session, after=after, before=head.seq + 1, limit=PAGE_ROWS):
            page.append(record)
            size += len(record.body)
            if size > PAGE_BYTES_MAX:
                break
        if not page:
            raise CopyRefused(f"row {after + 1} of `{head.session}` went while it was copied")
        yield tuple(page)
        after = page[-1].seq


def _catch_up(copy: _Copy, head: Head, there: Head) -> None:
    """Bring what has come since the last copy of a session."""
    if there.seq > head.seq:
        raise _other_rows(head, there)
    same = copy.source.read(head.session, after=there.seq - 1, before=there.seq + 1, limit=1)
    if not same or same[0].hash != there.hash:
        raise _other_rows(head, there)
    before = there.hash
    for records in _pages(copy.source, there.seq, head):
        for some in _keyed(records):
            _append(copy, some, before)
            before = some[-1].hash


def _keyed(records: tuple[Record, ...]) -> Iterator[list[Record]]:
    """*records* in runs of which the last alone may carry a key, as an append writes them."""
    run: list[Record] = []
    for record in records:
        run.append(record)
        if record.key is not None:
            yield run
            run = []
    if run:
        yield run


def _append(copy: _Copy, records: list[Record], before: bytes) -> None:
    last, seq = records[-1], records[0].seq - 1
    rows = tuple(Row(one.kind, one.at_ms, one.body, one.durable) for one in records)
    if chain_rows(before, last.session, seq, rows, last.key) != records:
        # A row after those that were lost is chained to one of them, which no append does.
        raise CopyRefused(
            f"rows of `{last.session}` up to {last.seq} were lost and stated since the last copy",
            remedy="copy into a store that is new",
        )
    answer = copy.other.append([Append(last.session, seq, rows)], key=last.key)
    if not isinstance(answer, Appended) or answer.heads[0].hash != last.hash:
        raise _other_rows(Head(last.session, last.seq, last.hash), copy.other.head(last.session))
    copy.new_rows += len(records)


def _bring_tombstone(copy: _Copy, head: Head) -> None:
    origin = copy.source.origin(head.session)
    there = copy.other.head(head.session)
    if there.seq:
        # It was copied before it was removed, and goes there as it went here.
        if there != head or copy.other.remove(head.session, expected=head) is not True:
            raise _other_rows(head, there)
    else:
        _agreed(copy.other.restore(head, (), origin=origin), head)
    copy.told(head)


def _bring_values(copy: _Copy, shelf: str) -> None:
    after = ""
    while page := copy.source.shelf.scan(shelf, after=after, limit=_NAMES):
        for entry in page:
            there = copy.other.shelf.get(shelf, entry.name)
            if there is None or there.value != entry.value:
                copy.other.shelf.put(shelf, entry.name, entry.value)
            copy.values += 1
        after = page[-1].name


def _check_keys(source: Journal, other: Journal) -> None:
    """Refuse a store whose own keys the copy would replace, or whose rows it would show."""
    ours, theirs = (one.shelf.get(KEY_SHELF, VAULT) for one in (source, other))
    if theirs is not None and (ours is None or vault_id(ours.value) != vault_id(theirs.value)):
        raise CopyRefused(
            "the other store is encrypted by keys of its own",
            remedy="copy into a store that is new, or into one that came from this one",
        )


def _drop_keys(copy: _Copy) -> None:
    """What was erased here since the last copy is erased there."""
    ours, theirs = copy.source.shelf, copy.other.shelf
    after = ""
    while page := theirs.scan(KEY_SHELF, after=after, limit=_NAMES):
        for entry in page:
            if ours.get(KEY_SHELF, entry.name) is None:
                theirs.delete(KEY_SHELF, entry.name)
        after = page[-1].name


def _differences(copy: _Copy) -> Iterator[Finding]:
    """
    What was not copied, what `verify` finds in the other store, and every other head that is
    not the same in both.
    """
    yield from copy.broken.values()
    yield from copy.other.verify().findings
    for ours, theirs in (
        (copy.source.sessions, copy.other.sessions),
        (copy.source.removed, copy.other.removed),
    ):
        for head, found in _beside(ours, theirs):
            if found != head and (head.session, "") not in copy.broken:
                message = f"row {head.seq} is not where it ends in the other store"
                hint = "; if it is in use, copy again"
                yield Finding("head", head.session, head.seq, message + hint)
