"""
Who listens to what; `governance.listeners.calling` calls them.

Order within an event: sequential, transform, audit, concurrent, background; in a mode by
priority, the lower first, then by name. The first refusal ends the asking: later sequential,
transform and concurrent listeners are not called, audit and background ones are. No lock is
held while a listener runs, so that it may call the engine again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import define
from governance.errors import MisuseError, did_you_mean
from governance.events import CATALOGUE, Event

if TYPE_CHECKING:
    from governance.listeners.answers import BeforeResult, ListenerFailure
    from governance.listeners.calling import Calls
    from governance.listeners.listener import Function, Listener, Mode, OnError

LISTENERS_MAX = 1_000


@define(eq=False, repr=False)
class Listeners:
    """
    The listeners of one engine. Thread-safe; starts no thread before it needs one.

    Attributes:
        threads_max: Listeners that may run at once, hanging ones among them.

        queue_max: Events that may wait for background listeners.

        drain_ms: How long `close` waits for them.
    """

    threads_max: int = 16
    queue_max: int = 1_000
    drain_ms: int = 2_000
    _listeners: dict[str, Listener] = field(init=False, factory=dict)
    _plans: Mapping[str, tuple[Listener, ...]] = field(init=False, factory=dict)
    _calls: Calls | None = field(init=False, default=None)
    _closed: bool = field(init=False, default=False)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)

    def register(
        self,
        events: str | Sequence[str],
        function: Function,
        *,
        mode: Mode = "audit",
        priority: int = 50,
        time_limit_ms: int = 2_000,
        on_error: OnError = "fail",
        name: str = "",
        source: str = "code",
    ) -> Listener:
        """
        Call *function* for every event that one of *events* (a name, a glob) means.

        Args:
            mode: ``sequential`` and ``concurrent`` may refuse before events, ``transform``
                may write their writable fields, ``audit`` and ``background`` only look.

            priority: Its place in its mode; lower first.

            time_limit_ms: Longer is a failure, and what it then answers is thrown away.

            on_error: ``fail``: its failure refuses a before event. ``ignore``: it is only
                recorded. ``disable``: recorded once, and never called again.

            name: Unique, for the journal; by default the function's own.

        Raises:
            MisuseError: GOV440, when it could never be called, or not be told from another.
        """
        from governance.listeners.listener import Listener, check, name_of
        from governance.listeners.patterns import events_of

        patterns = (events,) if isinstance(events, str) else tuple(events)
        called = name or name_of(function)
        check(called, patterns, function, mode, on_error, priority, time_limit_ms)
        means = {one for pattern in patterns for one in events_of(pattern, mode)}
        listener = Listener(
            name=called,
            function=function,
            patterns=patterns,
            events=tuple(one for one in CATALOGUE if one in means),
            mode=mode,
            priority=priority,
            time_limit_ms=time_limit_ms,
            on_error=on_error,
            source=source,
        )
        calls = self._calling()
        with self._lock:
            self._open()
            if called in self._listeners:
                raise _misuse(f"another listener is called `{called}`", "give it a name of its own")
            if len(self._listeners) >= LISTENERS_MAX:
                raise _misuse(f"there are {LISTENERS_MAX} listeners already", "")
            self._listeners[called] = listener
            self._plan(calls)
        return listener

    def unregister(self, name: str) -> None:
        """
        Call the listener *name* no more; calls under way go on.

        Raises:
            MisuseError: GOV440, when there is none.
        """
        with self._lock:
            if name not in self._listeners:
                hint = did_you_mean(name, self._listeners)
                raise _misuse(f"no listener is called `{name}`", hint)
            del self._listeners[name]
            # INVARIANT: there are calls since the first listener was registered.
            assert self._calls is not None
            self._calls.disabled.discard(name)
            self._plan(self._calls)

    def wants(self, event_name: str) -> bool:
        """Whether anybody listens to that event, so that it is worth making."""
        return event_name in self._plans

    def wants_after(self) -> bool:
        """Whether anybody listens to after events, or failed in the background; not once closed."""
        calls = self._calls
        if calls is None or self._closed:
            return False
        return bool(calls.pending) or any(CATALOGUE[one].when == "after" for one in self._plans)

    def describe(self) -> tuple[tuple[Listener, bool], ...]:
        """Every listener in the order in which they are called, and whether it is enabled."""
        with self._lock:
            found = sorted(self._listeners.values(), key=lambda one: one.place)
            disabled = self._calls.disabled if self._calls is not None else frozenset()
            return tuple((one, one.name not in disabled) for one in found)

    def run_before(self, event: Event) -> BeforeResult:
        """
        Ask everybody about *event*, which has not happened yet.

        Whatever listeners do, this answers a value, at the latest when their time limits
        are over. Failures of background listeners on earlier events come with it.

        Raises:
            MisuseError: *event* is no before event, or this is closed.
        """
        spec = CATALOGUE.get(event.name)
        if spec is None or spec.when != "before":
            raise _misuse(f"`{event.name}` is no before event", "publish it with `run_after`")
        self._open()
        return self._calling().before(event)

    def run_after(self, events: Iterable[Event]) -> tuple[ListenerFailure, ...]:
        """
        Show everybody what has happened, event by event; nothing can be undone.

        Before events among them are passed over: they were shown when they were asked. What
        fails on ``listener.failed`` is given with a later event, so that two listeners that
        fail on each other's failures never end in a loop.

        Raises:
            MisuseError: This is closed.
        """
        self._open()
        return self._calls.after(events) if self._calls is not None else ()

    def report_later(self, failure: ListenerFailure) -> None:
        """Give *failure*, which could not be recorded, again with the next events."""
        if self._calls is not None:
            self._calls.report_later(failure)

    def drain(self, limit_ms: int) -> bool:
        """Wait until the background has nothing to do; false when the limit was over first."""
        return self._calls is None or self._calls.drain(limit_ms / 1000)

    def close(self, limit_ms: int | None = None) -> tuple[ListenerFailure, ...]:
        """
        Drain the background and take nothing more; a second call does nothing.

        Gives what was not reported yet: what failed in the background, what was dropped,
        and what was still waiting when *limit_ms* (by default `drain_ms`) was over.
        """
        with self._lock:
            if self._closed:
                return ()
            self._closed = True
        limit = self.drain_ms if limit_ms is None else limit_ms
        return self._calls.close(limit / 1000) if self._calls is not None else ()

    def _calling(self) -> Calls:
        """What calls listeners, made at the first need; what it imports is dear to a hook."""
        with self._lock:
            if self._calls is None:
                from governance.listeners.calling import Calls

                self._calls = Calls(self.threads_max, self.queue_max)
            return self._calls

    def _open(self) -> None:
        if self._closed:
            raise _misuse("the listeners are closed", "")

    def _plan(self, calls: Calls) -> None:
        plans: dict[str, list[Listener]] = {}
        for listener in sorted(self._listeners.values(), key=lambda one: one.place):
            for name in listener.events:
                plans.setdefault(name, []).append(listener)
        # Replaced as a whole: whoever reads needs no lock.
        self._plans = calls.plans = {name: tuple(found) for name, found in plans.items()}


def _misuse(message: str, remedy: str) -> MisuseError:
    from governance.listeners.listener import misuse

    return misuse(message, remedy)
