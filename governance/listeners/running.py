"""
Runs a listener within its time limit, on a bounded number of threads.

A listener that hangs keeps its thread, for no thread can be stopped from outside; the caller
goes on when the limit is over, and whatever comes later is thrown away. Threads are daemons,
so that a hanging listener never keeps a process alive.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar, copy_context
from queue import SimpleQueue
from time import monotonic
from typing import TypeAlias

from attrs import field

from governance._attrs import define, frozen

NESTED_MAX = 8
"""How deep listeners may lead to listeners: each level keeps a thread waiting."""

_NESTED: ContextVar[int] = ContextVar("governance_listeners_nested", default=0)


@frozen
class Done:
    """It returned *value* in time."""

    value: object


@frozen
class Raised:
    """It raised *error* in time."""

    error: BaseException


@frozen
class Late:
    """It had not finished when its limit was over."""


@frozen
class Busy:
    """It was never begun: every thread was taken until its limit was over."""


@frozen
class Nested:
    """It was not begun: listeners had led to listeners `NESTED_MAX` times over."""


Ended: TypeAlias = Done | Raised | Late | Busy | Nested


@define(eq=False)
class Running:
    """One call that was begun, to be waited for."""

    _deadline: float
    _finished: threading.Event = field(factory=threading.Event)
    _ended: Ended | None = None

    def finish(self, ended: Ended) -> None:
        """Say what became of it."""
        self._ended = ended
        self._finished.set()

    def wait(self) -> Ended:
        """What became of it; at the latest when its limit is over."""
        if not self._finished.wait(max(0.0, self._deadline - monotonic())):
            return Late()
        # INVARIANT: the event is set after the outcome is.
        assert self._ended is not None
        return self._ended


@define(eq=False)
class Threads:
    """At most *threads_max* daemon threads, started when they are first needed."""

    threads_max: int = 16
    _free: threading.Semaphore = field(init=False)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)
    _idle: int = field(init=False, default=0)
    _started: int = field(init=False, default=0)
    _closed: bool = field(init=False, default=False)
    _work: SimpleQueue[Callable[[], None] | None] = field(init=False, factory=SimpleQueue)

    def __attrs_post_init__(self) -> None:
        self._free = threading.Semaphore(self.threads_max)

    def begin(self, function: Callable[[], object], limit_seconds: float) -> Running:
        """
        Call *function* on a thread; the outcome is read with `Running.wait`.

        It sees the context variables of the caller. Waits for a free thread as long as the
        limit allows.
        """
        running = Running(monotonic() + limit_seconds)
        nested = _NESTED.get()
        if nested >= NESTED_MAX:
            running.finish(Nested())
            return running
        if not self._free.acquire(timeout=limit_seconds):
            running.finish(Busy())
            return running
        context = copy_context()

        def work() -> None:
            context.run(_NESTED.set, nested + 1)
            running.finish(_outcome(lambda: context.run(function)))

        if not self._hand_over(work):
            self._free.release()
            running.finish(Busy())
        return running

    def call(self, function: Callable[[], object], limit_seconds: float) -> Ended:
        """Begin and wait."""
        return self.begin(function, limit_seconds).wait()

    def close(self) -> None:
        """Take no more work, and let every thread end; calls under way go on."""
        with self._lock:
            started, self._started, self._closed = self._started, 0, True
        for _ in range(started):
            self._work.put(None)

    def _hand_over(self, work: Callable[[], None]) -> bool:
        with self._lock:
            if self._closed:
                return False
            start = self._idle == 0
            if start:
                self._started += 1
            else:
                self._idle -= 1
            self._work.put(work)
        if start:
            name = "governance-listener"
            threading.Thread(target=self._serve, name=name, daemon=True).start()
        return True

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            with self._lock:
                self._idle += 1
            self._free.release()


def _outcome(call: Callable[[], object]) -> Done | Raised | Late:
    try:
        return Done(call())
    except _LimitOver:
        return Late()
    except BaseException as error:  # noqa: BLE001
        # Whatever a listener raises, SystemExit too, is its failure and not this thread's.
        return Raised(error)


class _LimitOver(Exception):
    """A coroutine was cancelled, because its limit was over."""


def call_function(
    function: Callable[..., object], argument: object, limit_seconds: float
) -> object:
    """
    *function* of *argument*; what it returns, or what its coroutine comes to.

    A coroutine gets an event loop of its own on this thread and is cancelled when the limit
    is over, so that it gives its thread back.
    """
    value = function(argument)
    if not isinstance(value, Awaitable):
        return value
    import asyncio

    async def bounded() -> object:
        limit = asyncio.timeout(limit_seconds)
        try:
            async with limit:
                return await value
        except TimeoutError:
            if limit.expired():
                raise _LimitOver from None
            raise

    return asyncio.run(bounded())
