"""
Who listens to what, and the one loop that calls them.

Order within an event: sequential, transform, audit, concurrent, background; in a mode by
priority, the lower first, then by name. The first refusal ends the asking: later sequential,
transform and concurrent listeners are not called, audit and background ones are. No lock is
held while a listener runs, so that it may call the engine again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

from attrs import define, evolve, field

from governance.errors import did_you_mean
from governance.events import CATALOGUE, Event
from governance.listeners.answers import (
    Answer,
    BeforeResult,
    ListenerFailure,
    Refusal,
    Refuse,
    Why,
    Write,
)
from governance.listeners.background import Background
from governance.listeners.checking import BadAnswer, checked, said
from governance.listeners.listener import Function, Listener, Mode, OnError, check, misuse, name_of
from governance.listeners.patterns import events_of
from governance.listeners.running import (
    Busy,
    Done,
    Ended,
    Late,
    Nested,
    Raised,
    Running,
    Threads,
    call_function,
)
from governance.values import Json

LISTENERS_MAX = 1_000


@define(eq=False)
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
    _listeners: dict[str, Listener] = field(init=False, factory=dict, repr=False)
    _plans: Mapping[str, tuple[Listener, ...]] = field(init=False, factory=dict, repr=False)
    _disabled: set[str] = field(init=False, factory=set, repr=False)
    _pending: dict[tuple[str, str], ListenerFailure] = field(init=False, factory=dict, repr=False)
    _closed: bool = field(init=False, default=False)
    _lock: threading.Lock = field(init=False, factory=threading.Lock, repr=False)
    _threads: Threads = field(init=False, repr=False)
    _background: Background[tuple[Listener, Event]] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._threads = Threads(self.threads_max)
        self._background = Background(self._show_later, self.queue_max)

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
        with self._lock:
            self._open()
            if called in self._listeners:
                raise misuse(f"another listener is called `{called}`", "give it a name of its own")
            if len(self._listeners) >= LISTENERS_MAX:
                raise misuse(f"there are {LISTENERS_MAX} listeners already", "")
            self._listeners[called] = listener
            self._plan()
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
                raise misuse(f"no listener is called `{name}`", hint)
            del self._listeners[name]
            self._disabled.discard(name)
            self._plan()

    def wants(self, event_name: str) -> bool:
        """Whether anybody listens to that event, so that it is worth making."""
        return event_name in self._plans

    def wants_after(self) -> bool:
        """Whether anybody listens to after events, or failed in the background since."""
        return bool(self._pending) or any(CATALOGUE[one].when == "after" for one in self._plans)

    def describe(self) -> tuple[tuple[Listener, bool], ...]:
        """Every listener in the order in which they are called, and whether it is enabled."""
        with self._lock:
            found = sorted(self._listeners.values(), key=lambda one: one.place)
            return tuple((one, one.name not in self._disabled) for one in found)

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
            raise misuse(f"`{event.name}` is no before event", "publish it with `run_after`")
        self._open()
        result = BeforeResult(event)
        for listener in self._enabled(event.name, "sequential"):
            if not result.refused:
                result = self._took(result, listener, self._call(listener, result.event))
        for listener in self._enabled(event.name, "transform"):
            if not result.refused:
                result = self._took(result, listener, self._call(listener, result.event))
        for listener in self._enabled(event.name, "audit"):
            result = self._took(result, listener, self._call(listener, result.event))
        if not result.refused:
            shown = result.event
            begun = [
                (one, self._begin(one, shown)) for one in self._enabled(event.name, "concurrent")
            ]
            for listener, running in begun:
                result = self._took(result, listener, running.wait())
        self._queue(result.event)
        return evolve(result, failures=(*self._take_pending(), *result.failures))

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
        shown = tuple(events)
        failures: list[ListenerFailure] = []
        if not shown or any(event.name != "listener.failed" for event in shown):
            failures += self._take_pending()
        for event in shown:
            spec = CATALOGUE.get(event.name)
            if event.name not in self._plans or spec is None or spec.when == "before":
                continue
            found: list[ListenerFailure] = []
            for mode in ("sequential", "audit"):
                for listener in self._enabled(event.name, mode):
                    self._failed(found, listener, event, self._call(listener, event))
            begun = [
                (one, self._begin(one, event)) for one in self._enabled(event.name, "concurrent")
            ]
            for listener, running in begun:
                self._failed(found, listener, event, running.wait())
            self._queue(event)
            if event.name == "listener.failed":
                for failure in found:
                    self._report_later(failure)
            else:
                failures += found
        return tuple(failures)

    def drain(self, limit_ms: int) -> bool:
        """Wait until the background has nothing to do; false when the limit was over first."""
        return self._background.drain(limit_ms / 1000)

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
        for listener, event in self._background.close(limit / 1000):
            self._report_later(self._failure(listener, event, "left", "closed before its turn"))
        self._threads.close()
        return self._take_pending()

    def _open(self) -> None:
        if self._closed:
            raise misuse("the listeners are closed", "")

    def _plan(self) -> None:
        plans: dict[str, list[Listener]] = {}
        for listener in sorted(self._listeners.values(), key=lambda one: one.place):
            for name in listener.events:
                plans.setdefault(name, []).append(listener)
        # Replaced as a whole: whoever reads needs no lock.
        self._plans = {name: tuple(found) for name, found in plans.items()}

    def _enabled(self, event_name: str, mode: str) -> list[Listener]:
        return [
            one
            for one in self._plans.get(event_name, ())
            if one.mode == mode and one.name not in self._disabled
        ]

    def _begin(self, listener: Listener, event: Event) -> Running:
        limit_seconds = listener.time_limit_ms / 1000

        def work() -> Answer:
            # The answer is looked at here: an object of the listener's own could hang as well.
            answer = call_function(listener.function, event, limit_seconds)
            return checked(answer, listener.mode, event)

        return self._threads.begin(work, limit_seconds)

    def _begin_all(self, event: Event) -> list[tuple[Listener, Running]]:
        return [(one, self._begin(one, event)) for one in self._enabled(event.name, "concurrent")]

    def _call(self, listener: Listener, event: Event) -> Ended:
        return self._begin(listener, event).wait()

    def _took(self, result: BeforeResult, listener: Listener, ended: Ended) -> BeforeResult:
        """*result* with what became of one listener's call."""
        if isinstance(ended, Done):
            answer = ended.value
            if isinstance(answer, Refuse):
                refusal = Refusal(listener.name, answer.reason)
                return evolve(result, refusals=(*result.refusals, refusal))
            if isinstance(answer, Write):
                data = {**result.event.data, **answer.fields}
                written: dict[str, Mapping[str, Json]] = dict(result.written)
                written[listener.name] = answer.fields
                return evolve(result, event=evolve(result.event, data=data), written=written)
            return result
        found: list[ListenerFailure] = []
        self._failed(found, listener, result.event, ended)
        refusals = result.refusals
        if listener.on_error == "fail":
            reason = f"the listener `{listener.name}` failed: {found[0].error}"
            refusals = (*refusals, Refusal(listener.name, reason))
        return evolve(result, refusals=refusals, failures=(*result.failures, *found))

    def _failed(
        self, found: list[ListenerFailure], listener: Listener, event: Event, ended: Ended
    ) -> None:
        """Add to *found* what a call failed with, if it did."""
        match ended:
            case Done():
                return
            case Raised(BadAnswer() as error):
                failure = self._failure(listener, event, error.why, error.text)
            case Raised(error):
                failure = self._failure(listener, event, "raised", said(error))
            case Late():
                text = f"it took longer than {listener.time_limit_ms} ms"
                failure = self._failure(listener, event, "late", text)
            case Busy():
                text = f"all {self.threads_max} threads were taken"
                failure = self._failure(listener, event, "busy", text)
            case Nested():
                text = "listeners led to listeners too many times over"
                failure = self._failure(listener, event, "nested", text)
        if listener.on_error == "disable":
            with self._lock:
                first = listener.name not in self._disabled
                self._disabled.add(listener.name)
            failure = evolve(failure, disabled=first)
        found.append(failure)

    @staticmethod
    def _failure(listener: Listener, event: Event, why: Why, error: str) -> ListenerFailure:
        return ListenerFailure(
            listener.name, event.name, event.event_id, why, error, event.session_id
        )

    def _queue(self, event: Event) -> None:
        for listener in self._enabled(event.name, "background"):
            if not self._background.put((listener, event)):
                text = f"{self.queue_max} events were waiting"
                self._report_later(self._failure(listener, event, "dropped", text))

    def _show_later(self, item: tuple[Listener, Event]) -> None:
        listener, event = item
        if listener.name in self._disabled:
            return
        found: list[ListenerFailure] = []
        self._failed(found, listener, event, self._call(listener, event))
        for failure in found:
            self._report_later(failure)

    def _report_later(self, failure: ListenerFailure) -> None:
        key = (failure.listener, failure.why)
        with self._lock:
            before = self._pending.get(key)
            if before is not None:
                count = before.count + failure.count
                disabled = before.disabled or failure.disabled
                failure = evolve(failure, count=count, disabled=disabled)
            self._pending[key] = failure

    def _take_pending(self) -> tuple[ListenerFailure, ...]:
        if not self._pending:
            return ()
        with self._lock:
            found = tuple(self._pending.values())
            self._pending.clear()
        return found
