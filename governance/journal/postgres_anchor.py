"""
The mirror of heads, told by many connections at once.

A head goes into it only after its row is on the server's disk. Rows of observations are
acknowledged before that; they are there once a durable commit that began later has been
acknowledged, because the server writes its log in order.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from attrs import define, field

from governance.journal.mirror import PENDING_MAX, Mirror
from governance.journal.records import Head


@define(eq=False, repr=False)
class Anchor:
    """What a `Mirror` is told, in which order. Thread-safe."""

    mirror: Mirror
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _count: int = field(default=0, init=False)
    _pending: dict[str, tuple[int, Head]] = field(factory=dict, init=False)

    def mark(self) -> int:
        """Asked before a commit is sent: what was acknowledged up to now, that commit covers."""
        return self._count

    def note(self, heads: Iterable[Head], *, mark: int, durable: bool) -> None:
        """*heads* were acknowledged, by a commit before which `mark` had given *mark*."""
        with self._lock:
            if not durable:
                for head in heads:
                    self._count += 1
                    self._pending.pop(head.session, None)
                    self._pending[head.session] = (self._count, head)
                while len(self._pending) > PENDING_MAX:
                    del self._pending[next(iter(self._pending))]
                return
            covered = [head for number, head in self._pending.values() if number <= mark]
            for head in covered:
                del self._pending[head.session]
            self.mirror.note([*covered, *heads], durable=True)

    def close(self) -> None:
        with self._lock:
            self.mirror.close()
