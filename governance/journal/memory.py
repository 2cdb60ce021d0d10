"""The journal in memory: the model that every other back end is compared with."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import field

from governance._attrs import define
from governance.errors import MisuseError, StoreBusy
from governance.journal.chain import ZERO_HASH, chain_rows
from governance.journal.faults import too_deep, was_removed
from governance.journal.gaps import Link, Losses, is_next, link_after
from governance.journal.limits import (
    DEADLINE_MS_DEFAULT,
    check_append,
    check_branch,
    check_head,
    check_limit,
    check_name_after,
    check_page,
    check_restored,
    check_session,
    check_snapshot,
    check_wholes,
)
from governance.journal.memory_shelf import MemoryShelf
from governance.journal.records import (
    BRANCH_DEPTH_MAX,
    Append,
    Appended,
    Conflict,
    Duplicate,
    Finding,
    Head,
    Moved,
    Origin,
    Record,
    Snapshot,
    VerifyReport,
    Whole,
)
from governance.journal.restored import refuse_key, refuse_last, sound_rows, sound_wholes


@define(eq=False, repr=False)
class _Chain:
    """
    One session: its own rows, and what they go on from.

    Attributes:
        base: The row before its own first one, as a head: of a branch, else the empty one.

        link: What its own first row must be chained to.

        gone: The head that it had when it was removed; its rows are being put back.
    """

    base: Head
    link: Link
    origin: Origin | None = None
    rows: list[Record] = field(factory=list)
    position: int = 0
    gone: Head | None = None

    @property
    def head(self) -> Head:
        """The last row's place, or the base where there is no row yet."""
        if not self.rows:
            return self.base
        return Head(self.base.session, self.rows[-1].seq, self.rows[-1].hash)


@define(eq=False, repr=False)
class MemoryJournal:
    """
    A `Journal` that lives as long as the process; nothing reaches a disk.

    >>> from governance.journal.records import Append, Row
    >>> journal = MemoryJournal()
    >>> done = journal.append([Append("s-1", 0, (Row("turn.started", 0, b"{}"),))])
    >>> journal.head("s-1").seq
    1

    Attributes:
        shelf: The named values beside the journals.
    """

    shelf: MemoryShelf = field(init=False)
    _chains: dict[str, _Chain] = field(factory=dict, init=False)
    _keys: dict[str, Record] = field(factory=dict, init=False)
    _snapshots: dict[str, Snapshot] = field(factory=dict, init=False)
    _position: int = field(default=0, init=False)
    _lock: threading.RLock = field(factory=threading.RLock, init=False)
    _deciding: bool = field(default=False, init=False)
    _closed: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.shelf = MemoryShelf(self._lock, self._check_open)

    def append(
        self,
        batch: Sequence[Append],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,  # noqa: ARG002 - the lock here is not held long
    ) -> Appended | Conflict | Duplicate:
        """As the contract says; *deadline_ms* is never needed."""
        whole = check_append(batch, key)
        with self._lock:
            self._check_open()
            self._check_own_turn()
            return self._append(whole, key)

    def append_alone(
        self,
        session: str,
        decide: Callable[[], Sequence[Append]],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Appended | Conflict | Duplicate:
        """As `append`: see `governance.journal.records.AppendsAlone`; the whole store is held."""
        check_session(session)
        limit_ms = DEADLINE_MS_DEFAULT if deadline_ms is None else deadline_ms
        if not self._lock.acquire(timeout=limit_ms / 1000):
            raise StoreBusy("the store stayed locked past the deadline", remedy="try again")
        try:
            self._check_open()
            self._check_own_turn()
            self._deciding = True
            try:
                batch = decide()
            finally:
                self._deciding = False
            return self._append(check_append(batch, key), key) if batch else Appended((), ())
        finally:
            self._lock.release()

    def _append(
        self, whole: tuple[Append, ...], key: str | None
    ) -> Appended | Conflict | Duplicate:
        known = self._keys.get(key) if key is not None else None
        if known is not None:
            return Duplicate(known)
        for one in whole:
            self._check_not_removed(one.session)
        before = tuple(self._head(one.session) for one in whole)
        if any(head.seq != one.expected_seq for head, one in zip(before, whole, strict=True)):
            return Conflict(before)
        return self._write(whole, before, key)

    def _write(
        self, whole: tuple[Append, ...], before: tuple[Head, ...], key: str | None
    ) -> Appended:
        written: list[Record] = []
        for place, (one, head) in enumerate(zip(whole, before, strict=True)):
            own_key = key if place == 0 else None
            records = chain_rows(head.hash, one.session, head.seq, one.rows, own_key)
            chain = self._chains.setdefault(one.session, _Chain(head, head.hash))
            chain.rows.extend(records)
            self._move(chain)
            if own_key is not None:
                self._keys[own_key] = records[-1]
            written += records
        return Appended(tuple(self._head(one.session) for one in whole), tuple(written))

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
        check_session(session)
        check_page(after, limit, before)
        with self._lock:
            self._check_open()
            rows = list(self._rows(session))[: None if before is None else before - 1]
            if reverse:
                return tuple(rows[max(after, len(rows) - limit) :][::-1])
            return tuple(rows[after : after + limit])

    def head(self, session: str) -> Head:
        """As the contract says."""
        check_session(session)
        with self._lock:
            self._check_open()
            return self._head(session)

    def sessions(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """As the contract says."""
        check_name_after(after)
        check_limit(limit)
        with self._lock:
            self._check_open()
            heads = {name: one.head for name, one in self._chains.items() if one.gone is None}
            return _page(heads, after, limit)

    def moved(self, *, after: int = 0, limit: int = 1000) -> tuple[Moved, ...]:
        """As the contract says."""
        check_page(after, limit)
        with self._lock:
            self._check_open()
            found = [
                Moved(name, one.head.seq if one.gone is None else 0, one.position)
                for name, one in self._chains.items()
                if one.position > after
            ]
        return tuple(sorted(found, key=lambda one: one.position)[:limit])

    def branch(self, session: str, parent: str, parent_seq: int) -> Head | Conflict:
        """As the contract says."""
        check_branch(session, parent, parent_seq)
        with self._lock:
            self._check_open()
            self._check_own_turn()
            self._check_not_removed(session)
            self._check_not_removed(parent)
            if session in self._chains:
                return Conflict((self._head(session),))
            row = self._row_at(parent, parent_seq)
            if row is None:
                return Conflict((self._head(parent),))
            self._check_depth(parent)
            base = Head(session, parent_seq, row.hash)
            chain = _Chain(base, link_after(row), Origin(parent, parent_seq))
            self._chains[session] = chain
            self._move(chain)
            return base

    def origin(self, session: str) -> Origin | None:
        """As the contract says."""
        check_session(session)
        with self._lock:
            self._check_open()
            chain = self._chains.get(session)
            return chain.origin if chain is not None else None

    def remove(self, session: str, *, expected: Head) -> bool | Conflict:
        """As the contract says."""
        check_session(session)
        check_head(expected)
        with self._lock:
            self._check_open()
            self._check_own_turn()
            head = self._head(session)
            if head != expected:
                return Conflict((head,))
            for one in self._chains.values():
                if one.gone is None and one.origin is not None and one.origin.parent == session:
                    return False
            chain = self._chains[session]
            for record in chain.rows:
                if record.key is not None:
                    del self._keys[record.key]
            chain.rows.clear()
            chain.gone = head
            self._snapshots.pop(session, None)
            self.shelf.forget(session)
            self._move(chain)
            return True

    def removed(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """As the contract says."""
        check_name_after(after)
        check_limit(limit)
        with self._lock:
            self._check_open()
            gone = {name: one.gone for name, one in self._chains.items() if one.gone is not None}
            return _page(gone, after, limit)

    def restore(
        self, head: Head, records: Sequence[Record], *, origin: Origin | None = None
    ) -> Head | Conflict:
        """As the contract says."""
        whole = check_restored(head, records, origin)
        with self._lock:
            self._check_open()
            self._check_own_turn()
            chain = self._chains.get(head.session)
            if chain is not None and chain.gone != head:
                return Conflict((chain.gone or chain.head,))
            if chain is not None and origin not in (None, chain.origin):
                raise MisuseError(f"`{head.session}` was no branch of `{origin}`")
            origin = chain.origin if chain is not None else origin
            base = Head(head.session, 0, ZERO_HASH)
            link: Link = base.hash
            if origin is not None:
                row = self._row_at(origin.parent, origin.seq)
                if row is None:
                    return Conflict((self._head(origin.parent),))
                self._check_depth(origin.parent)
                base, link = Head(head.session, origin.seq, row.hash), link_after(row)
            if chain is None:
                chain = _Chain(base, link, origin, gone=head)
            fresh = sound_rows(whole, chain.rows, base.seq, link, head)
            for record in fresh:
                if record.key is not None and record.key in self._keys:
                    raise refuse_key(record)
            end = Head(head.session, fresh[-1].seq, fresh[-1].hash) if fresh else chain.head
            refuse_last(end, head)
            if end == head or head.session not in self._chains:
                self._move(chain)
            self._chains[head.session] = chain
            chain.rows.extend(fresh)
            self._keys.update({one.key: one for one in fresh if one.key is not None})
            if end == head:
                chain.gone = None
            return end

    def restore_many(self, wholes: Sequence[Whole]) -> bool:
        """As `governance.journal.records.RestoresMany` says."""
        given = check_wholes(wholes)
        with self._lock:
            self._check_open()
            keys = sound_wholes(given)
            if any(one.head.session in self._chains for one in given):
                return False
            if not self._keys.keys().isdisjoint(keys):
                return False
            for one in given:
                self.restore(one.head, one.records)
            return True

    def snapshot_put(self, snapshot: Snapshot) -> None:
        """As the contract says."""
        check_snapshot(snapshot)
        with self._lock:
            self._check_open()
            if self._head(snapshot.session).seq:
                self._snapshots[snapshot.session] = snapshot

    def snapshot_get(self, session: str, *, version: int) -> Snapshot | None:
        """As the contract says."""
        check_session(session)
        with self._lock:
            self._check_open()
            kept = self._snapshots.get(session)
            if kept is None or kept.version != version:
                return None
            row = self._row_at(session, kept.seq)
            return kept if row is not None and row.hash == kept.hash else None

    def verify(self, session: str | None = None) -> VerifyReport:
        """As the contract says; never anchored, for nothing outlives the process."""
        if session is not None:
            check_session(session)
        with self._lock:
            self._check_open()
            names = list(self._chains) if session is None else list(self._lineage(session))
            if session in self._chains and not names:
                names = [session]
            walked = [(self._chains[name], tuple(self._chains[name].rows)) for name in names]
        found = tuple(bad for chain, rows in walked if (bad := _first_bad(chain, rows)))
        sessions = sum(chain.gone is None for chain, _ in walked)
        return VerifyReport(sessions, sum(len(rows) for _, rows in walked), False, found)

    def close(self) -> None:
        """Refuse every later call but this one."""
        with self._lock:
            self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise MisuseError("the journal is closed; open it again")

    def _check_own_turn(self) -> None:
        if self._deciding:
            raise MisuseError("nothing else can be written to a journal in one's turn of it")

    def _check_not_removed(self, session: str) -> None:
        chain = self._chains.get(session)
        if chain is not None and chain.gone is not None:
            raise was_removed(session, chain.gone.seq)

    def _check_depth(self, parent: str) -> None:
        if len(list(self._lineage(parent))) > BRANCH_DEPTH_MAX:
            raise too_deep(parent)

    def _move(self, chain: _Chain) -> None:
        self._position += 1
        chain.position = self._position

    def _head(self, session: str) -> Head:
        chain = self._chains.get(session)
        if chain is None or chain.gone is not None:
            return Head(session, 0, ZERO_HASH)
        return chain.head

    def _lineage(self, session: str) -> Iterator[str]:
        """*session*, unless it is not live, and the sessions that it stems from."""
        chain = self._chains.get(session)
        while chain is not None and chain.gone is None:
            yield chain.base.session
            chain = self._chains.get(chain.origin.parent) if chain.origin is not None else None

    def _rows(self, session: str) -> Iterable[Record]:
        """The rows of *session*, those that it shares first."""
        rows: list[Record] = []
        upto = self._head(session).seq
        for name in self._lineage(session):
            chain = self._chains[name]
            rows[:0] = chain.rows[: max(0, upto - chain.base.seq)]
            upto = min(upto, chain.base.seq)
        return rows

    def _row_at(self, session: str, seq: int) -> Record | None:
        if seq > self._head(session).seq:
            return None
        for name in self._lineage(session):
            chain = self._chains[name]
            if seq > chain.base.seq:
                return chain.rows[seq - chain.base.seq - 1]
        return None


def _page(heads: dict[str, Head], after: str, limit: int) -> tuple[Head, ...]:
    names = sorted(heads)
    start = bisect_right(names, after)
    return tuple(heads[name] for name in names[start : start + limit])


def _first_bad(chain: _Chain, rows: tuple[Record, ...]) -> Finding | None:
    session, link = chain.base.session, chain.link
    losses = Losses()
    for seq, record in enumerate(rows, start=chain.base.seq + 1):
        if record.seq != seq:
            return Finding("gap", session, seq, f"row {record.seq} stands where {seq} belongs")
        if not is_next(link, record):
            return Finding("hash", session, seq, "the row does not have the hash it carries")
        link = link_after(record)
        losses.see(record)
    return Finding("lost", session, losses.first, losses.message) if losses.message else None
