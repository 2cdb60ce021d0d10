"""The journal in memory: the model that every other back end is compared with."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Sequence

from attrs import define, field

from governance.errors import MisuseError
from governance.journal.chain import ZERO_HASH, chain_rows
from governance.journal.gaps import Link, Losses, is_next, link_after
from governance.journal.limits import (
    check_append,
    check_limit,
    check_name_after,
    check_page,
    check_session,
    check_snapshot,
)
from governance.journal.records import (
    Append,
    Appended,
    Conflict,
    Duplicate,
    Finding,
    Head,
    Record,
    Snapshot,
    VerifyReport,
)


@define(eq=False, repr=False)
class MemoryJournal:
    """
    A `Journal` that lives as long as the process; nothing reaches a disk.

    >>> from governance.journal.records import Append, Row
    >>> journal = MemoryJournal()
    >>> done = journal.append([Append("s-1", 0, (Row("turn.started", 0, b"{}"),))])
    >>> journal.head("s-1").seq
    1
    """

    _rows: dict[str, list[Record]] = field(factory=dict, init=False)
    _keys: dict[str, Record] = field(factory=dict, init=False)
    _snapshots: dict[str, Snapshot] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _closed: bool = field(default=False, init=False)

    def append(
        self,
        batch: Sequence[Append],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,  # noqa: ARG002 - the lock here is never held long
    ) -> Appended | Conflict | Duplicate:
        """As the contract says; *deadline_ms* is never needed."""
        whole = check_append(batch, key)
        with self._lock:
            self._check_open()
            known = self._keys.get(key) if key is not None else None
            if known is not None:
                return Duplicate(known)
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
            self._rows.setdefault(one.session, []).extend(records)
            if own_key is not None:
                self._keys[own_key] = records[-1]
            written += records
        return Appended(tuple(self._head(one.session) for one in whole), tuple(written))

    def read(
        self, session: str, *, after: int = 0, limit: int = 1000, reverse: bool = False
    ) -> tuple[Record, ...]:
        """As the contract says."""
        check_session(session)
        check_page(after, limit)
        with self._lock:
            self._check_open()
            rows = self._rows.get(session, [])
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
            names = sorted(self._rows)
            start = bisect_right(names, after)
            return tuple(self._head(name) for name in names[start : start + limit])

    def snapshot_put(self, snapshot: Snapshot) -> None:
        """As the contract says."""
        check_snapshot(snapshot)
        with self._lock:
            self._check_open()
            self._snapshots[snapshot.session] = snapshot

    def snapshot_get(self, session: str, *, version: int) -> Snapshot | None:
        """As the contract says."""
        check_session(session)
        with self._lock:
            self._check_open()
            kept = self._snapshots.get(session)
            rows = self._rows.get(session, [])
            if kept is None or kept.version != version or kept.seq > len(rows):
                return None
            return kept if rows[kept.seq - 1].hash == kept.hash else None

    def verify(self, session: str | None = None) -> VerifyReport:
        """As the contract says; never anchored, for nothing outlives the process."""
        if session is not None:
            check_session(session)
        with self._lock:
            self._check_open()
            names = sorted(self._rows) if session is None else [session]
            walked = {name: tuple(self._rows[name]) for name in names if name in self._rows}
        found = tuple(
            finding for name, rows in walked.items() if (finding := _first_bad(name, rows))
        )
        return VerifyReport(len(walked), sum(map(len, walked.values())), False, found)

    def close(self) -> None:
        """Refuse every later call but this one."""
        with self._lock:
            self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise MisuseError("the journal is closed; open it again")

    def _head(self, session: str) -> Head:
        rows = self._rows.get(session)
        return Head(session, len(rows), rows[-1].hash) if rows else Head(session, 0, ZERO_HASH)


def _first_bad(session: str, rows: tuple[Record, ...]) -> Finding | None:
    link: Link = ZERO_HASH
    losses = Losses()
    for seq, record in enumerate(rows, start=1):
        if record.seq != seq:
            return Finding("gap", session, seq, f"row {record.seq} stands where {seq} belongs")
        if not is_next(link, record):
            return Finding("hash", session, seq, "the row does not have the hash it carries")
        link = link_after(record)
        losses.see(record)
    return Finding("lost", session, losses.first, losses.message) if losses.message else None
