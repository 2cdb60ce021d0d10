"""
Telemetry for OpenTelemetry: a listener that turns events into metrics and spans.

It is the entry point ``opentelemetry`` of the group ``governance.listeners``, and nothing of it
is loaded unless a trusted configuration names it. It is called in the background, after the
commit, so that no decision waits for it. Only the API is used: which SDK is there, and where it
sends to, is the program's own affair; without one nothing happens.

Names are those of the semantic conventions for generative AI where there is one. Sessions are
named in spans alone, and nothing of what was said or run is in either.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from attrs import field
from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from governance._attrs import define
from governance.events import Event
from governance.listeners.loading import Registrar
from governance.process_metrics import (
    BOUNDS_SECONDS,
    PROCESS,
    ProcessMetrics,
    cpu_seconds,
    memory_bytes,
)

SCOPE = "governance"
TURNS_MAX = 10_000
"""Open turns whose beginning is remembered; of one that is forgotten no duration is told."""

NAME_CHARACTERS_MAX = 200
"""Characters of one attribute; what is longer is cut."""

DURATION = "gen_ai.client.operation.duration"
LOADS = "governance.session.load.duration"
SAVES = "governance.session.save.duration"
CPU = "process.cpu.time"
MEMORY = "process.memory.usage"
_OPERATION_BOUNDS_SECONDS = tuple(0.01 * 2**power for power in range(14))

COUNTERS: Mapping[str, tuple[str, str, str]] = {
    "session.created": ("governance.sessions", "{session}", "Sessions that began."),
    "turn.started": ("governance.turns", "{turn}", "Turns that began."),
    "tool.decided": ("governance.tool.decisions", "{call}", "Tool calls that were decided."),
    "tool.finished": ("governance.tool.outcomes", "{call}", "Tool calls that came to an end."),
    "violation.counted": ("governance.violations", "{violation}", "Violations of rules."),
    "session.halted": ("governance.halts", "{halt}", "Sessions that were halted."),
    "approval.asked": ("governance.approvals.asked", "{question}", "Questions to a person."),
    "approval.settled": ("governance.approvals.settled", "{question}", "Answers to them."),
    "governance.injected": ("governance.injections", "{text}", "Context that was injected."),
    "session.interrupted": ("governance.interruptions", "{session}", "Work that broke off."),
    "session.stalled": ("governance.stalls", "{session}", "Sessions that went in circles."),
    "guard.gap": ("governance.guard.gaps", "{gap}", "Times that the guard was off."),
    "guard.bypassed": ("governance.guard.bypasses", "{call}", "Calls that ran against the rules."),
    "listener.failed": ("governance.listener.failures", "{failure}", "Listeners that failed."),
}
"""Kind of event → the counter that it adds one to: name, unit, meaning."""

ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "tool.decided": {"action": "governance.action", "tool": "gen_ai.tool.name"},
    "tool.finished": {"outcome": "governance.outcome", "tool": "gen_ai.tool.name"},
    "violation.counted": {"severity": "governance.severity", "rule": "governance.rule"},
    "approval.settled": {"decision": "governance.decision"},
    "governance.injected": {"why": "governance.why"},
    "session.interrupted": {"reason": "governance.reason"},
    "session.stalled": {"kind": "governance.stall"},
}
"""Kind of event → own field → the attribute that it becomes."""


def register(registrar: Registrar) -> None:
    """Register the listener, with the meter and the tracer of the process."""
    PROCESS.on = True
    telemetry = Telemetry(metrics.get_meter(SCOPE), trace.get_tracer(SCOPE))
    events = sorted({*COUNTERS, "turn.ended"})
    registrar.register(events, telemetry, mode="background", on_error="ignore", name="telemetry")


@define(eq=False)
class Telemetry:
    """
    Turns events into metrics and spans; called from one thread.

    How long loading and saving took is told with the next event, for what measures it must
    not wait for whoever is told.
    """

    meter: Meter
    tracer: Tracer
    process: ProcessMetrics = PROCESS
    _counters: dict[str, Counter] = field(init=False)
    _duration: Histogram = field(init=False)
    _loads: Histogram = field(init=False)
    _saves: Histogram = field(init=False)
    _turns: OrderedDict[str, int] = field(init=False, factory=OrderedDict)

    def __attrs_post_init__(self) -> None:
        self._counters = {
            kind: self.meter.create_counter(name, unit, doc)
            for kind, (name, unit, doc) in COUNTERS.items()
        }
        self._duration = self.meter.create_histogram(
            DURATION,
            "s",
            "How long turns and tool calls took.",
            explicit_bucket_boundaries_advisory=_OPERATION_BOUNDS_SECONDS,
        )
        self._loads, self._saves = (
            self.meter.create_histogram(
                name, "s", doc, explicit_bucket_boundaries_advisory=BOUNDS_SECONDS
            )
            for name, doc in (
                (LOADS, "How long sessions took to load that were not in memory."),
                (SAVES, "How long steps of sessions took to save, durably."),
            )
        )
        self.meter.create_observable_counter(
            CPU, [_cpu], "s", "CPU time that the process has taken, by mode."
        )
        self.meter.create_observable_up_down_counter(
            MEMORY, [_memory], "By", "Memory of the process that is resident."
        )

    def __call__(self, event: Event) -> None:
        for took in self.process.load.take():
            self._loads.record(took)
        for took in self.process.save.take():
            self._saves.record(took)
        counter = self._counters.get(event.name)
        if counter is not None:
            counter.add(1, _attributes(event))
        if event.name == "tool.finished":
            self._tool(event)
        elif event.name == "turn.started":
            self._turns[event.session_id] = event.at_ms
            if len(self._turns) > TURNS_MAX:
                self._turns.popitem(last=False)
        elif event.name == "turn.ended":
            self._turn(event)

    def _tool(self, event: Event) -> None:
        took = event.data.get("duration_ms")
        if not isinstance(took, (int, float)) or took < 0:
            return
        self._operation(
            event,
            "execute_tool",
            {"gen_ai.tool.name": _text(event.data.get("tool"))},
            took,
            {"gen_ai.tool.call.id": event.call_id or ""},
            "tool_failed" if event.data.get("outcome") == "failed" else "",
        )

    def _turn(self, event: Event) -> None:
        began = self._turns.pop(event.session_id, None)
        if began is None or event.at_ms < began:
            return
        failed = "turn_failed" if event.data.get("failure") else ""
        self._operation(
            event, "invoke_agent", {"gen_ai.agent.name": event.role or ""}, event.at_ms - began,
            {}, failed,
        )  # fmt: skip

    def _operation(
        self,
        event: Event,
        operation: str,
        named: Mapping[str, str],
        took_ms: float,
        also: Mapping[str, str],
        failed: str,
    ) -> None:
        """Measure one operation, and tell it as a span that has just ended."""
        attributes = {"gen_ai.operation.name": operation, "governance.host": event.host, **named}
        if failed:
            attributes["error.type"] = failed
        self._duration.record(took_ms / 1000, attributes)
        subject = next(iter(named.values()))
        span = self.tracer.start_span(
            f"{operation} {subject}".rstrip(),
            kind=SpanKind.INTERNAL,
            start_time=round((event.at_ms - took_ms) * 1_000_000),
            attributes={**attributes, **also, "gen_ai.conversation.id": event.session_id},
        )
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=event.at_ms * 1_000_000)


def _cpu(_options: CallbackOptions) -> Iterable[Observation]:
    user, system = cpu_seconds()
    return (Observation(user, {"cpu.mode": "user"}), Observation(system, {"cpu.mode": "system"}))


def _memory(_options: CallbackOptions) -> Iterable[Observation]:
    return (Observation(memory_bytes()),)


def _attributes(event: Event) -> dict[str, str]:
    made = {"governance.host": event.host}
    for own, attribute in ATTRIBUTES.get(event.name, {}).items():
        made[attribute] = _text(event.data.get(own))
    return made


def _text(value: object) -> str:
    """*value* as an attribute: a model may name a tool as it likes, and at any length."""
    return str(value or "")[:NAME_CHARACTERS_MAX]
