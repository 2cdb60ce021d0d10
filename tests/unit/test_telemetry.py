"""What OpenTelemetry is told, by an SDK in memory; and that nothing is loaded where it is off."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from governance.events import CATALOGUE, Event
from governance.listeners import Listeners
from governance.listeners.loading import register_entry_points
from governance.process_metrics import PROCESS, ProcessMetrics
from governance.telemetry import (
    ATTRIBUTES,
    COUNTERS,
    NAME_CHARACTERS_MAX,
    TURNS_MAX,
    Telemetry,
)
from governance.testing import ManualClock
from governance.testing.engines import memory_engine

GOLDEN = {
    "gen_ai.client.operation.duration",
    "governance.approvals.asked", "governance.approvals.settled", "governance.guard.gaps",
    "governance.guard.bypasses",
    "governance.halts", "governance.injections", "governance.interruptions",
    "governance.listener.failures", "governance.session.load.duration",
    "governance.session.save.duration", "governance.sessions", "governance.stalls",
    "governance.tool.decisions", "governance.tool.outcomes", "governance.turns",
    "governance.violations", "process.cpu.time", "process.memory.usage",
}  # fmt: skip


class Seen:
    """A telemetry with everything that it was made to say."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.exporter = InMemorySpanExporter()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        meters = MeterProvider(metric_readers=[self.reader])
        self.process = ProcessMetrics()
        self.telemetry = Telemetry(
            meters.get_meter("test"), tracers.get_tracer("test"), self.process
        )

    def points(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        data = self.reader.get_metrics_data()
        return {
            metric.name: [(dict(one.attributes or {}), one) for one in metric.data.data_points]
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


def test_the_names_are_these() -> None:
    """Dashboards hang on them: a name changes here first."""
    seen = Seen()
    seen.process.load.add(0.1)
    seen.process.save.add(0.1)
    for kind in CATALOGUE:
        seen.telemetry(Event(name=kind, session_id="s", at_ms=5, data={"duration_ms": 1}))

    assert set(seen.points()) == GOLDEN
    assert set(COUNTERS) <= set(CATALOGUE)
    for kind, fields in ATTRIBUTES.items():
        assert set(fields) <= set(CATALOGUE[kind].fields)


def test_a_session_is_measured_as_it_goes() -> None:
    """Decisions, outcomes, durations of tools and turns, and a span for each operation."""
    seen, clock, listeners = Seen(), ManualClock(), Listeners()
    listeners.register([*COUNTERS, "turn.ended"], seen.telemetry, mode="audit", name="telemetry")
    with memory_engine(clock=clock, listeners=listeners) as engine:
        session = engine.start("s-1", role="builder")
        session.turn("go")
        session.tool("read", {"path": "a"}, call_id="c1")
        clock.advance(2_000)
        session.tool_finished("c1", outcome="failed")
        session.turn_ended()

    points = seen.points()
    (decided,) = points["governance.tool.decisions"]
    durations = {
        attributes["gen_ai.operation.name"]: one.sum
        for attributes, one in points["gen_ai.client.operation.duration"]
    }
    spans = seen.exporter.get_finished_spans()
    assert decided[0] == {
        "governance.host": "python", "governance.action": "allow", "gen_ai.tool.name": "read"
    }  # fmt: skip
    assert durations["invoke_agent"] == 2
    assert [span.name for span in spans][-1] == "invoke_agent builder"
    assert dict(spans[-1].attributes or {})["gen_ai.conversation.id"] == "s-1"


def test_the_process_is_measured_too() -> None:
    """Loads and saves are told once, with the next event; CPU by mode, memory in bytes."""
    seen = Seen()
    seen.process.load.add(0.25)
    seen.process.save.add(0.5)
    seen.process.save.add(1.5)
    assert "governance.session.save.duration" not in seen.points()
    for _ in range(2):
        seen.telemetry(Event(name="turn.started", session_id="s", at_ms=1))

    points = seen.points()

    times = {
        name: (one.count, one.sum)
        for name in ("governance.session.load.duration", "governance.session.save.duration")
        for _, one in points[name]
    }
    assert list(times.values()) == [(1, 0.25), (2, 2.0)]
    modes = {attributes["cpu.mode"] for attributes, _ in points["process.cpu.time"]}
    assert modes == {"user", "system"}
    assert points["process.memory.usage"][0][1].value > 5_000_000


def test_a_tool_that_took_its_time_is_a_span() -> None:
    """It ends when it was reported, began so much earlier, and is an error where it failed."""
    seen = Seen()
    data = {"tool": "read", "duration_ms": 1_500, "outcome": "failed"}

    seen.telemetry(
        Event(name="tool.finished", session_id="s", at_ms=10_000, call_id="c", data=data)
    )

    (span,) = seen.exporter.get_finished_spans()
    assert span.name == "execute_tool read"
    assert (span.start_time, span.end_time) == (8_500_000_000, 10_000_000_000)
    assert not span.status.is_ok
    assert dict(span.attributes or {})["error.type"] == "tool_failed"


def test_open_turns_have_bounds() -> None:
    """A flood of sessions whose turns never end takes no more than so much."""
    seen = Seen()
    for number in range(TURNS_MAX + 5):
        seen.telemetry(Event(name="turn.started", session_id=f"s-{number}", at_ms=1))

    assert len(seen.telemetry._turns) == TURNS_MAX


def test_without_an_sdk_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry point is installed and registers a background listener; the API does nothing."""
    monkeypatch.setattr(PROCESS, "on", False)
    listeners = Listeners()

    register_entry_points(listeners, ["opentelemetry"])

    assert PROCESS.on
    assert [one.mode for one, _ in listeners.describe()] == ["background"]
    with memory_engine(listeners=listeners) as engine:
        engine.start("s-1").turn("go")
        assert "listener.failed" not in {row.kind for row in engine.journal.read("s-1")}


def test_nothing_is_loaded_where_it_is_off() -> None:
    """An engine without the entry point does not import OpenTelemetry or figures."""
    code = (
        "import sys\nfrom governance.testing.engines import memory_engine\n"
        "memory_engine().start('s').turn('go')\n"
        "print([n for n in sys.modules if n.startswith(('opentelemetry', 'governance.analytics'))])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_name_that_a_model_made_up_is_cut() -> None:
    """An attribute has a bound, whatever a tool is called."""
    seen = Seen()
    data = {"tool": "x" * 10_000, "action": "deny", "duration_ms": 1}
    for kind in ("tool.decided", "tool.finished"):
        seen.telemetry(Event(name=kind, session_id="s", at_ms=5, data=data))

    named = [
        attributes["gen_ai.tool.name"]
        for points in seen.points().values()
        for attributes, _ in points
        if "gen_ai.tool.name" in attributes
    ]
    assert {len(one) for one in named} == {NAME_CHARACTERS_MAX}
