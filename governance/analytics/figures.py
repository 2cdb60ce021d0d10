"""
Figures of one day: counts by name, in groups.

Everything is a count, also how long something took (how often it fell into each step of a
scale), so that figures of days, sessions and processes are added up in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, log2
from typing import TypeAlias

Figures: TypeAlias = Mapping[str, Mapping[str, int]]
"""Group → name → count."""

Counting: TypeAlias = dict[str, dict[str, int]]
"""Figures that are being counted."""

NAMES_MAX = 300
"""Names of one group and day; what comes on top is counted under `OTHER`."""

OTHER = "(other)"
NAME_CHARACTERS_MAX = 100
_STEPS = 4
"""Steps of the scale of durations for each doubling: a figure is at most 19 % too high."""

GROUPS: Mapping[str, str] = {
    "count": "What happened, each kind in one figure.",
    "tool": "Tool calls, by tool.",
    "action": "Tool calls, by what was decided.",
    "outcome": "Tool calls that came to an end, by outcome.",
    "denied": "Tool calls that were denied or halted, by tool.",
    "failed": "Tool calls that failed, by tool.",
    "tool_ms": "How long tool calls took: calls by step of the scale.",
    "tool_time": "Milliseconds that tools ran, by tool.",
    "turn_ms": "How long turns took: turns by step of the scale.",
    "session_ms": "How long sessions were worked on at a stretch: stretches by step of the scale.",
    "host": "Sessions, by host.",
    "role": "Tool calls, by role.",
    "hour": "Turns and tool calls, by hour of the day (UTC).",
    "prompt": "Turns, by who spoke.",
    "command": "Commands of the host, by name.",
    "task": "Tasks on agents' lists, by how they ended.",
    "rule": "Matches of rules on tool calls, by rule.",
    "shadow": "Matches of rules in shadow mode on tool calls, by rule.",
    "violated": "Violations, by rule.",
    "severity": "Violations, by severity.",
    "approval": "Settled approvals, by what was decided.",
    "injection": "Injections of context, by what called for them.",
    "interruption": "Interruptions, by reason.",
    "stall": "Sessions that went round in circles, by pattern.",
}
"""Every group, and what is counted in it."""


def count(figures: Counting, group: str, name: object, by: int = 1) -> None:
    """Add *by* to the figure *name* of *group*."""
    named = figures.setdefault(group, {})
    key = str(name)[:NAME_CHARACTERS_MAX] or "(none)"
    if key not in named and len(named) >= NAMES_MAX:
        key = OTHER
    named[key] = named.get(key, 0) + by


def add(figures: Counting, more: Figures) -> None:
    """Add *more* to *figures*; nothing is put under `OTHER` that was not there before."""
    for group, named in more.items():
        into = figures.setdefault(group, {})
        for name, value in named.items():
            into[name] = into.get(name, 0) + value


def step(milliseconds: float) -> int:
    """
    The step of the scale that a duration falls into.

    >>> [step(value) for value in (0, 1, 10, 1000)]
    [0, 4, 14, 40]
    """
    return ceil(_STEPS * log2(max(milliseconds, 0) + 1))


def step_ms(place: int) -> float:
    """The longest duration of a step, in milliseconds."""
    return float(2.0 ** (place / _STEPS)) - 1


def percentile(scale: Mapping[str, int], part: float) -> float | None:
    """
    The duration that *part* of those in *scale* do not exceed, in milliseconds.

    At most 19 % (and 0.2 ms) above the true one; none where nothing was measured.

    >>> scale = {str(step(10)): 95, str(step(1000)): 5}
    >>> round(percentile(scale, 0.5)), round(percentile(scale, 0.96))
    (10, 1023)
    """
    whole = sum(scale.values())
    if not whole:
        return None
    seen = 0
    places = sorted((int(name), value) for name, value in scale.items() if name != OTHER)
    for place, value in places:
        seen += value
        if seen >= part * whole:
            return step_ms(place)
    return step_ms(places[-1][0]) if places else None
