"""Figures and health in the text format of Prometheus, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from governance._attrs import frozen
from governance.analytics.figures import OTHER, Figures, step_ms
from governance.process_metrics import BOUNDS_SECONDS
from governance.values import Json

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@frozen
class Exposed:
    """
    A group of figures as one counter, or one histogram of seconds.

    Attributes:
        label: What each name of the group is; ``""``: the group is a scale of durations.

        total: Of a histogram: the group and the name in it (``""``: all) that hold the sum of
            milliseconds.
    """

    name: str
    group: str
    label: str
    doc: str
    total: tuple[str, str] = ("", "")


METRICS: tuple[Exposed, ...] = (
    Exposed("governance_sessions_total", "host", "host", "Sessions that began."),
    Exposed("governance_tool_calls_total", "tool", "tool", "Tool calls that were decided."),
    Exposed("governance_tool_decisions_total", "action", "action", "The same, by decision."),
    Exposed("governance_tool_outcomes_total", "outcome", "outcome", "Tool calls that ended."),
    Exposed("governance_tool_denials_total", "denied", "tool", "Calls denied or halted."),
    Exposed("governance_tool_failures_total", "failed", "tool", "Tool calls that failed."),
    Exposed("governance_rule_matches_total", "rule", "rule", "Matches of rules on calls."),
    Exposed("governance_violations_total", "violated", "rule", "Violations, by rule."),
    Exposed("governance_violation_severities_total", "severity", "severity", "By severity."),
    Exposed("governance_approvals_total", "approval", "decision", "Settled approvals."),
    Exposed("governance_injections_total", "injection", "why", "Injections of context."),
    Exposed("governance_interruptions_total", "interruption", "reason", "Work that broke off."),
    Exposed("governance_stalls_total", "stall", "kind", "Sessions that went in circles."),
    Exposed("governance_commands_total", "command", "command", "Commands of the host."),
    Exposed("governance_happenings_total", "count", "what", "Everything that is counted."),
    Exposed(
        "governance_tool_duration_seconds", "tool_ms", "", "How long tool calls took.",
        ("tool_time", ""),
    ),
    Exposed(
        "governance_turn_duration_seconds", "turn_ms", "", "How long turns took.",
        ("count", "turn_time"),
    ),
    Exposed(
        "governance_session_duration_seconds", "session_ms", "",
        "How long sessions were worked on at a stretch.", ("count", "session_time"),
    ),
)  # fmt: skip
"""Every metric that figures become, in the order of the text."""

HEALTHY = "governance_healthy"
CHECKED = "governance_check_duration_seconds"
CPU = "governance_process_cpu_seconds_total"
MEMORY = "governance_process_resident_memory_bytes"
TIMES: Mapping[str, tuple[str, str]] = {
    "load": ("governance_session_load_duration_seconds", "How long sessions took to load."),
    "save": ("governance_session_save_duration_seconds", "How long steps took to save, durably."),
}
"""What a process tells of itself → the histogram that it becomes, and what that means."""
_POWERS = range(1, 31)
_STEPS_A_POWER = 4


@frozen
class Looked:
    """A check of health: whether it is green, and how long the look took."""

    ok: bool
    seconds: float


def exposition(
    figures: Figures,
    health: Mapping[str, Looked],
    processes: Mapping[str, Mapping[str, Json]] | None = None,
) -> str:
    """
    The text for *figures* of all days and for what *health* says of each check.

    Args:
        processes: Name of a process → `ProcessMetrics.as_json` of it.

    >>> exposition({}, {"write": Looked(True, 0.5)}).splitlines()[-1]
    'governance_healthy{check="write"} 1'
    """
    lines: list[str] = []
    for one in METRICS:
        named = figures.get(one.group, {})
        kind = "counter" if one.label else "histogram"
        lines += [f"# HELP {one.name} {one.doc}", f"# TYPE {one.name} {kind}"]
        if one.label:
            lines += [
                f'{one.name}{{{one.label}="{_escaped(name)}"}} {value}'
                for name, value in sorted(named.items())
            ]
        else:
            lines += _histogram(one, named, figures)
    lines += _processes(processes or {})
    lines += [f"# HELP {CHECKED} How long a check of health took.", f"# TYPE {CHECKED} gauge"]
    lines += [f'{CHECKED}{{check="{name}"}} {one.seconds:g}' for name, one in health.items()]
    lines += [f"# HELP {HEALTHY} Whether a check of health is green.", f"# TYPE {HEALTHY} gauge"]
    lines += [f'{HEALTHY}{{check="{name}"}} {int(one.ok)}' for name, one in health.items()]
    return "\n".join(lines) + "\n"


def _histogram(one: Exposed, scale: Mapping[str, int], figures: Figures) -> Iterable[str]:
    steps = sorted((int(name), value) for name, value in scale.items() if name != OTHER)
    for power in _POWERS:
        # Every bound is the end of a step, so that the buckets are exact.
        last = power * _STEPS_A_POWER
        below = sum(value for place, value in steps if place <= last)
        yield f'{one.name}_bucket{{le="{step_ms(last) / 1000:g}"}} {below}'
    whole = sum(scale.values())
    group, name = one.total
    sums = figures.get(group, {})
    total_ms = sums.get(name, 0) if name else sum(sums.values())
    yield f'{one.name}_bucket{{le="+Inf"}} {whole}'
    yield f"{one.name}_sum {total_ms / 1000:g}"
    yield f"{one.name}_count {whole}"


def _processes(processes: Mapping[str, Mapping[str, Json]]) -> Iterable[str]:
    """What each of *processes* has taken, and how long it loaded and saved."""
    yield f"# HELP {CPU} CPU time that a process has taken."
    yield f"# TYPE {CPU} counter"
    for name, told in processes.items():
        spent = _number(told.get("cpu_user_seconds")) + _number(told.get("cpu_system_seconds"))
        yield f'{CPU}{{process="{name}"}} {spent:g}'
    yield f"# HELP {MEMORY} Memory of a process that is resident."
    yield f"# TYPE {MEMORY} gauge"
    for name, told in processes.items():
        yield f'{MEMORY}{{process="{name}"}} {int(_number(told.get("memory_bytes")))}'
    for what, (metric, doc) in TIMES.items():
        yield f"# HELP {metric} {doc}"
        yield f"# TYPE {metric} histogram"
        for name, told in processes.items():
            yield from _times(metric, name, told.get(what))


def _times(metric: str, process: str, told: Json) -> Iterable[str]:
    counts = told.get("counts") if isinstance(told, Mapping) else None
    if not isinstance(told, Mapping) or not isinstance(counts, (list, tuple)):
        return
    below = 0
    bounds = (*(f"{bound:g}" for bound in BOUNDS_SECONDS), "+Inf")
    for bound, count in zip(bounds, counts, strict=False):
        below += int(_number(count))
        yield f'{metric}_bucket{{process="{process}",le="{bound}"}} {below}'
    yield f'{metric}_sum{{process="{process}"}} {_number(told.get("seconds")):g}'
    yield f'{metric}_count{{process="{process}"}} {below}'


def _number(value: Json) -> float:
    return value if isinstance(value, (int, float)) else 0.0


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
