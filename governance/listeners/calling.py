"""
The one loop that calls listeners, and what became of each call.

Made when the first listener is registered: a process that has none pays for none.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from attrs import evolve, field

from governance._attrs import define
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
from governance.listeners.listener import Listener
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


@define(eq=False, repr=False)
class Calls:
    """
    Calls listeners by the plan of their registry. Thread-safe.

    Attributes:
        plans: The listeners of each event in the order of their calls; replaced as a whole.

        disabled: Names of listeners that are called no more.

        pending: Failures that were not reported yet, by listener and reason.
    """

    threads_max: int
    queue_max: int
    plans: Mapping[str, tuple[Listener, ...]] = field(init=False, factory=dict)
    disabled: set[str] = field(init=False, factory=set)
    pending: dict[tuple[str, str], ListenerFailure] = field(init=False, factory=dict)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)
    _threads: Threads = field(init=False)
    _background: Background[tuple[Listener, Event]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._threads = Threads(self.threads_max)
        self._background = Background(self._show_later, self.queue_max)

    def before(self, event: Event) -> BeforeResult:
        """As `Listeners.run_before`, of an event that is one."""
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

    def after(self, events: Iterable[Event]) -> tuple[ListenerFailure, ...]:
        """As `Listeners.run_after`."""
        shown = tuple(events)
        failures: list[ListenerFailure] = []
        if not shown or any(event.name != "listener.failed" for event in shown):
            failures += self._take_pending()
        for event in shown:
            spec = CATALOGUE.get(event.name)
            if event.name not in self.plans or spec is None or spec.when == "before":
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
                    self.report_later(failure)
            else:
                failures += found
        return tuple(failures)

    def drain(self, limit_seconds: float) -> bool:
        """As `Listeners.drain`, in seconds."""
        return self._background.drain(limit_seconds)

    def close(self, limit_seconds: float) -> tuple[ListenerFailure, ...]:
        """As `Listeners.close`, in seconds."""
        for listener, event in self._background.close(limit_seconds):
            self.report_later(self._failure(listener, event, "left", "closed before its turn"))
        self._threads.close()
        return self._take_pending()

    def _enabled(self, event_name: str, mode: str) -> list[Listener]:
        return [
            one
            for one in self.plans.get(event_name, ())
            if one.mode == mode and one.name not in self.disabled
        ]

    def _begin(self, listener: Listener, event: Event) -> Running:
        limit_seconds = listener.time_limit_ms / 1000

        def work() -> Answer:
            # The answer is looked at here: an object of the listener's own could hang as well.
            answer = call_function(listener.function, event, limit_seconds)
            return checked(answer, listener.mode, event)

        return self._threads.begin(work, limit_seconds)

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
                first = listener.name not in self.disabled
                self.disabled.add(listener.name)
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
                self.report_later(self._failure(listener, event, "dropped", text))

    def _show_later(self, item: tuple[Listener, Event]) -> None:
        listener, event = item
        if listener.name in self.disabled:
            return
        found: list[ListenerFailure] = []
        self._failed(found, listener, event, self._call(listener, event))
        for failure in found:
            self.report_later(failure)

    def report_later(self, failure: ListenerFailure) -> None:
        """As `Listeners.report_later`."""
        key = (failure.listener, failure.why)
        with self._lock:
            before = self.pending.get(key)
            if before is not None:
                count = before.count + failure.count
                disabled = before.disabled or failure.disabled
                failure = evolve(failure, count=count, disabled=disabled)
            self.pending[key] = failure

    def _take_pending(self) -> tuple[ListenerFailure, ...]:
        if not self.pending:
            return ()
        with self._lock:
            found = tuple(self.pending.values())
            self.pending.clear()
        return found
