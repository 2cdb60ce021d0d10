"""The values beside a journal in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable

from attrs import field

from governance._attrs import define
from governance.journal.limits import SCAN_BYTES_MAX, check_entry, check_scan, check_value
from governance.journal.records import Entry
from governance.journal.session_values import SESSION_SHELVES, session_of


@define(eq=False, repr=False)
class MemoryShelf:
    """The `Shelf` of a `MemoryJournal`, whose lock it shares."""

    _lock: threading.RLock
    _check_open: Callable[[], None]
    _entries: dict[tuple[str, str], Entry] = field(factory=dict, init=False)

    def get(self, shelf: str, name: str) -> Entry | None:
        """As the contract says."""
        check_entry(shelf, name)
        with self._lock:
            self._check_open()
            return self._entries.get((shelf, name))

    def put(
        self, shelf: str, name: str, value: bytes, *, expected_version: int | None = None
    ) -> Entry | None:
        """As the contract says."""
        check_entry(shelf, name, expected_version)
        check_value(value)
        with self._lock:
            self._check_open()
            known = self._entries.get((shelf, name))
            version = known.version if known is not None else 0
            if expected_version not in (None, version):
                return None
            made = self._entries[shelf, name] = Entry(shelf, name, version + 1, value)
            return made

    def delete(self, shelf: str, name: str, *, expected_version: int | None = None) -> bool:
        """As the contract says."""
        check_entry(shelf, name, expected_version)
        with self._lock:
            self._check_open()
            known = self._entries.get((shelf, name))
            if known is None or expected_version not in (None, known.version):
                return False
            del self._entries[shelf, name]
            return True

    def scan(self, shelf: str, *, after: str = "", limit: int = 1000) -> tuple[Entry, ...]:
        """As the contract says."""
        check_scan(shelf, after, limit)
        with self._lock:
            self._check_open()
            names = sorted(name for kind, name in self._entries if kind == shelf and name > after)
            found: list[Entry] = []
            size = 0
            for name in names[:limit]:
                found.append(self._entries[shelf, name])
                size += len(found[-1].value)
                if size > SCAN_BYTES_MAX:
                    break
        return tuple(found)

    def forget(self, session: str) -> None:
        """Let go of the values of *session*; its caller holds the lock."""
        for kind, name in tuple(self._entries):
            if kind in SESSION_SHELVES and session_of(name) == session:
                del self._entries[kind, name]
