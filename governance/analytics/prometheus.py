"""Figures and health in the text format of Prometheus, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from governance.analytics.figures import OTHER, Figures, step_ms

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
)  # fmt: skip
"""Every metric that figures become, in the order of the text."""

HEALTHY = "governance_healthy"
_POWERS = range(1, 31)
_STEPS_A_POWER = 4


def exposition(figures: Figures, health: Mapping[str, bool]) -> str:
    """
    The text for *figures* of all days and for what *health* says of each check.

    >>> exposition({}, {"write": True}).splitlines()[-1]
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
    lines += [f"# HELP {HEALTHY} Whether a check of health is green.", f"# TYPE {HEALTHY} gauge"]
    lines += [f'{HEALTHY}{{check="{name}"}} {int(ok)}' for name, ok in health.items()]
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


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
