"""Figures as people read them, the same in every form of a report."""

from __future__ import annotations

from governance.analytics.measures import Measure
from governance.analytics.report import Trend

_SIZES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def value_text(value: float | None, unit: str = "") -> str:
    """
    *value* with its unit, to three digits where it is no count.

    >>> value_text(12345.0), value_text(1500.0, "ms"), value_text(2.5, "%"), value_text(None)
    ('12 345', '1.5 s', '2.50 %', '–')
    """
    if value is None:
        return "–"
    if unit == "ms":
        return _duration(value)
    if unit == "bytes":
        for name, size in _SIZES:
            if value >= size:
                return f"{value / size:.1f} {name}"
        return f"{value:.0f} B"
    number = _number(value)
    return f"{number} {unit}" if unit else number


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _duration(value: float) -> str:
    for name, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if value >= size:
            return f"{value / size:.1f} {name}"
    return f"{value:.0f} ms"


def change_text(trend: Trend) -> str:
    """
    The change of a measure, with an arrow.

    >>> change_text(Trend(2.0, 3.0)), change_text(Trend(4.0, 3.0)), change_text(Trend(None, 3.0))
    ('↑ 50 %', '↓ 25 %', '')
    """
    change = trend.change
    if change is None:
        return ""
    if abs(change) < 0.005:
        return "→ 0 %"
    return f"{'↑' if change > 0 else '↓'} {abs(change) * 100:.0f} %"


def tone_of(measure: Measure, trend: Trend) -> str:
    """``good``, ``bad`` or ``""``: what the change of a measure means."""
    change = trend.change
    if change is None or abs(change) < 0.005 or not measure.better:
        return ""
    return "good" if (change > 0) == (measure.better == "more") else "bad"


def name_text(name: str) -> str:
    """A measure's or group's name in words."""
    return _WORDS.get(name, name.replace("_", " "))


_WORDS = {
    "tool": "Tool calls by tool",
    "action": "Tool calls by decision",
    "outcome": "Tool calls by outcome",
    "rule": "Matches by rule",
    "violated": "Violations by rule",
    "severity": "Violations by severity",
    "denied": "Denied calls by tool",
    "failed": "Failed calls by tool",
    "host": "Sessions by host",
    "role": "Tool calls by role",
    "hour": "Work by hour of the day (UTC)",
    "command": "Commands",
    "approval": "Approvals by decision",
    "interruption": "Interruptions by reason",
    "stall": "Stalls by pattern",
}
