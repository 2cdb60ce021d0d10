"""A bounded queue of events for background listeners, and the thread that works it off."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

from attrs import field

from governance._attrs import define

T = TypeVar("T")


@define(eq=False)
class Background(Generic[T]):
    """
    Works off items one after the other, in the order in which they came.

    Attributes:
        handle: Called with each item on a thread of its own; must not raise.

        queue_max: Items that may wait; what comes on top is dropped, and the caller told.
    """

    handle: Callable[[T], None]
    queue_max: int
    _items: deque[T] = field(init=False, factory=deque)
    _changed: threading.Condition = field(init=False, factory=threading.Condition)
    _working: bool = field(init=False, default=False)
    _closed: bool = field(init=False, default=False)
    _thread: threading.Thread | None = field(init=False, default=None)

    def put(self, item: T) -> bool:
        """Queue *item*; false when it was dropped, because the queue is full or closed."""
        with self._changed:
            if self._closed or len(self._items) >= self.queue_max:
                return False
            self._items.append(item)
            if self._thread is None:
                name = "governance-background"
                self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
                self._thread.start()
            self._changed.notify_all()
            return True

    def drain(self, limit_seconds: float) -> bool:
        """Wait until nothing is left to do; false when the limit was over first."""
        deadline = monotonic() + limit_seconds
        with self._changed:
            while self._items or self._working:
                left = deadline - monotonic()
                if left <= 0 or threading.current_thread() is self._thread:
                    return False
                self._changed.wait(left)
            return True

    def close(self, limit_seconds: float) -> list[T]:
        """Drain, take nothing more, and give what was still waiting."""
        self.drain(limit_seconds)
        with self._changed:
            self._closed = True
            left = list(self._items)
            self._items.clear()
            self._changed.notify_all()
            return left

    def _serve(self) -> None:
        while True:
            with self._changed:
                while not self._items and not self._closed:
                    self._changed.wait()
                if not self._items:
                    return
                item = self._items.popleft()
                self._working = True
            self.handle(item)
            with self._changed:
                self._working = False
                self._changed.notify_all()
