"""
Live sessions in memory, under a number, a size and an age.

A cache and nothing else: what is dropped is restored from the journal at its next
event, so that eviction cannot be seen from outside.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from attrs import define, field

from governance.session.state import SessionState

STATE_BYTES_ESTIMATE = 1536
"""What one live session takes at most on average (tests/bench measures it)."""


@define(eq=False, repr=False)
class LiveSessions:
    """
    Session states by id, the least recently used first.

    Attributes:
        sessions_max: How many are kept.

        megabytes_max: How much memory they may take, by estimate.

        idle_ms_max: How long one is kept that nobody asked for.

        capacity: How many states fit under both bounds.
    """

    sessions_max: int
    megabytes_max: int
    idle_ms_max: int
    _kept: OrderedDict[str, tuple[SessionState, int]] = field(factory=OrderedDict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    capacity: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        by_size = self.megabytes_max * 1_000_000 // STATE_BYTES_ESTIMATE
        self.capacity = max(1, min(self.sessions_max, by_size))

    def get(self, session: str, now_ms: int) -> SessionState | None:
        """The state of *session* if it is still held."""
        with self._lock:
            self._drop_old(now_ms)
            found = self._kept.get(session)
            if found is None:
                return None
            self._kept[session] = (found[0], now_ms)
            self._kept.move_to_end(session)
            return found[0]

    def put(self, state: SessionState, now_ms: int) -> None:
        """Hold *state*, unless a newer one of its session is held already."""
        with self._lock:
            held = self._kept.get(state.id)
            if held is not None and held[0].head > state.head:
                return
            self._kept[state.id] = (state, now_ms)
            self._kept.move_to_end(state.id)
            while len(self._kept) > self.capacity:
                self._kept.popitem(last=False)

    def drop(self, session: str) -> None:
        """Forget *session*; its next event restores it."""
        with self._lock:
            self._kept.pop(session, None)

    def oldest(self, count: int) -> tuple[SessionState, ...]:
        """The *count* states that were not asked for the longest."""
        with self._lock:
            found: list[SessionState] = []
            for state, _ in self._kept.values():
                if len(found) == count:
                    break
                found.append(state)
            return tuple(found)

    def _drop_old(self, now_ms: int) -> None:
        while self._kept:
            session, (_, touched_ms) = next(iter(self._kept.items()))
            # A clock that went back makes ages negative: then nothing is old.
            if now_ms - touched_ms <= self.idle_ms_max:
                return
            del self._kept[session]

    def __len__(self) -> int:
        return len(self._kept)
