"""
Live sessions in memory, under a number, a size and an age.

A cache and nothing else: what is dropped is restored from the journal at its next
event, so that eviction cannot be seen from outside.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from attrs import field

from governance._attrs import define
from governance.session.state import SessionState

STATE_BYTES_ESTIMATE = 1536
"""What one live session takes at most on average (tests/bench measures it)."""

_CALL_BYTES = 400
_TEXT_BYTES = 80
_CONFLICT_BYTES = 1_000


def bytes_estimate(state: SessionState) -> int:
    """
    What *state* takes in memory, by what is large in some sessions and small in most.

    An estimate from above: it never asks the objects themselves, for it runs at every step.
    """
    extra = len(state.kept_anchors) + len(state.recent) + 2 * len(state.task)
    extra += _CALL_BYTES * (len(state.open_calls) + len(state.ledger.approvals))
    extra += _TEXT_BYTES * (len(state.labels) + len(state.children) + len(state.denied))
    return STATE_BYTES_ESTIMATE + extra + _CONFLICT_BYTES * len(state.conflicts)


@define(eq=False, repr=False)
class LiveSessions:
    """
    Session states by id, the least recently used first.

    Attributes:
        sessions_max: How many are kept.

        megabytes_max: How much memory they may take, by estimate.

        idle_ms_max: How long one is kept that nobody asked for.

        capacity: How many states of the usual size fit under both bounds.

        size_bytes: What the states that are held take, by estimate.
    """

    sessions_max: int
    megabytes_max: int
    idle_ms_max: int
    _kept: OrderedDict[str, tuple[SessionState, int]] = field(factory=OrderedDict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    capacity: int = field(init=False)
    size_bytes: int = field(default=0, init=False)

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
        # What a state takes is told again when it goes: it never changes, and a number of its
        # own for each of 100,000 would take more than the telling.
        size = bytes_estimate(state)
        with self._lock:
            held = self._kept.get(state.id)
            if held is not None:
                if held[0].head > state.head:
                    return
                self.size_bytes -= bytes_estimate(held[0])
            self._kept[state.id] = (state, now_ms)
            self._kept.move_to_end(state.id)
            self.size_bytes += size
            bytes_max = self.megabytes_max * 1_000_000
            # The newest stays even if it is larger than all that may be kept.
            while len(self._kept) > 1 and (
                len(self._kept) > self.sessions_max or self.size_bytes > bytes_max
            ):
                _, (gone, _) = self._kept.popitem(last=False)
                self.size_bytes -= bytes_estimate(gone)

    def drop(self, session: str) -> None:
        """Forget *session*; its next event restores it."""
        with self._lock:
            held = self._kept.pop(session, None)
            self.size_bytes -= bytes_estimate(held[0]) if held is not None else 0

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
            session, (state, touched_ms) = next(iter(self._kept.items()))
            # A clock that went back makes ages negative: then nothing is old.
            if now_ms - touched_ms <= self.idle_ms_max:
                return
            del self._kept[session]
            self.size_bytes -= bytes_estimate(state)

    def __len__(self) -> int:
        return len(self._kept)
