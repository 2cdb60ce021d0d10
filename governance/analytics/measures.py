"""What figures say: the measures of a report, each with its section, unit and meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from governance._attrs import frozen
from governance.analytics.figures import Figures, percentile

SECTIONS: Mapping[str, str] = {
    "usage": "How much was done",
    "performance": "How long it took",
    "behaviour": "How agents and people went about it",
    "quality": "How well it went",
}


@frozen(eq=False)
class Measure:
    """
    One measure.

    Attributes:
        unit: ``""`` for a count, ``"%"``, ``"ms"``, ``"characters"``, ``"bytes"``.

        better: Where a change is good: ``"more"``, ``"less"``, or ``""`` where it says nothing.

        of: Its value; none where there is nothing to measure.
    """

    name: str
    section: str
    unit: str
    better: str
    doc: str
    of: Callable[[Figures], float | None]


def _count(name: str, group: str = "count") -> Callable[[Figures], float | None]:
    return lambda figures: float(figures.get(group, {}).get(name, 0))


def _sum(figures: Figures, group: str) -> int:
    return sum(figures.get(group, {}).values())


def _part(above: float, below: float, by: float = 1.0) -> float | None:
    return above * by / below if below else None


def _per(above: str, below: str) -> Callable[[Figures], float | None]:
    return lambda figures: _part(
        figures.get("count", {}).get(above, 0), figures.get("count", {}).get(below, 0)
    )


def _scale(group: str, part: float) -> Callable[[Figures], float | None]:
    return lambda figures: percentile(figures.get(group, {}), part)


def _share(group: str, *names: str) -> Callable[[Figures], float | None]:
    return lambda figures: _part(
        sum(figures.get(group, {}).get(name, 0) for name in names), _sum(figures, group), 100
    )


MEASURES: tuple[Measure, ...] = (
    Measure("sessions", "usage", "", "", "Sessions that began.", _count("sessions")),
    Measure(
        "session_p50", "usage", "ms", "",
        "Half of the stretches from begin or resume to end or interruption were no longer.",
        _scale("session_ms", 0.5),
    ),
    Measure(
        "session_p95", "usage", "ms", "", "95 of 100 of these stretches were no longer.",
        _scale("session_ms", 0.95),
    ),
    Measure(
        "session_time", "usage", "ms", "", "These stretches, together.", _count("session_time")
    ),
    Measure("turn_time", "usage", "ms", "", "Turns, together.", _count("turn_time")),
    Measure("turns", "usage", "", "", "Turns that began.", _count("turns")),
    Measure("calls", "usage", "", "", "Tool calls that were decided.", _count("calls")),
    Measure("commands", "usage", "", "", "Commands of the host.", _count("commands")),
    Measure("children", "usage", "", "", "Sub-sessions that began.", _count("children")),
    Measure("tasks", "usage", "", "", "Tasks that were done.", _count("tasks")),
    Measure("files_changed", "usage", "", "", "Changes of files.", _count("files_changed")),
    Measure("rows", "usage", "", "", "Rows that were written.", _count("rows")),
    Measure("bytes", "usage", "bytes", "", "Size of their bodies.", _count("bytes")),
    Measure(
        "tool_p50", "performance", "ms", "less", "Half of the tool calls took no longer.",
        _scale("tool_ms", 0.5),
    ),
    Measure(
        "tool_p95", "performance", "ms", "less", "95 of 100 tool calls took no longer.",
        _scale("tool_ms", 0.95),
    ),
    Measure(
        "turn_p50", "performance", "ms", "less", "Half of the turns took no longer.",
        _scale("turn_ms", 0.5),
    ),
    Measure(
        "turn_p95", "performance", "ms", "less", "95 of 100 turns took no longer.",
        _scale("turn_ms", 0.95),
    ),
    Measure(
        "tool_time", "performance", "ms", "", "Time that tools ran, together.",
        lambda figures: float(_sum(figures, "tool_time")),
    ),
    Measure(
        "compactions", "performance", "", "less", "Compactions of the context.",
        _count("compactions"),
    ),
    Measure(
        "injected_per_turn", "performance", "characters", "less",
        "Context that was injected, for each turn.", _per("injected_characters", "turns"),
    ),
    Measure(
        "calls_per_turn", "behaviour", "", "", "Tool calls for each turn.", _per("calls", "turns")
    ),
    Measure(
        "turns_per_session", "behaviour", "", "", "Turns for each session that began.",
        _per("turns", "sessions"),
    ),
    Measure(
        "approvals_asked", "behaviour", "", "", "Questions to a person.", _count("approvals_asked")
    ),
    Measure(
        "interruptions", "behaviour", "", "less", "Times that work broke off.",
        _count("interruptions"),
    ),
    Measure("resumes", "behaviour", "", "", "Times that work went on.", _count("resumes")),
    Measure("resets", "behaviour", "", "less", "New epochs.", _count("resets")),
    Measure(
        "overrides", "behaviour", "", "less", "Denials that users lifted.", _count("overrides")
    ),
    Measure("pauses", "behaviour", "", "less", "Pauses of governance.", _count("pauses")),
    Measure(
        "ok_share", "quality", "%", "more", "Tool calls that went well, of those that ended.",
        _share("outcome", "ok"),
    ),
    Measure(
        "denied_share", "quality", "%", "less", "Tool calls that were denied or halted, of all.",
        _share("action", "deny", "halt"),
    ),
    Measure("violations", "quality", "", "less", "Violations of rules.", _count("violations")),
    Measure(
        "violations_per_100", "quality", "", "less", "Violations for 100 tool calls.",
        lambda figures: _part(
            figures.get("count", {}).get("violations", 0),
            figures.get("count", {}).get("calls", 0), 100,
        ),
    ),
    Measure("halts", "quality", "", "less", "Sessions that were halted.", _count("halts")),
    Measure("stalls", "quality", "", "less", "Sessions that went in circles.", _count("stalls")),
    Measure(
        "failed_turns", "quality", "", "less", "Turns that broke off.", _count("failed_turns")
    ),
    Measure(
        "missed_calls", "quality", "", "less", "Tool calls that passed while the guard was off.",
        _count("missed_calls"),
    ),
    Measure(
        "irregular", "quality", "", "less", "Reports that came late, twice or out of place.",
        _count("irregular"),
    ),
    Measure(
        "listener_failures", "quality", "", "less", "Listeners that failed.",
        _count("listener_failures"),
    ),
    Measure(
        "damaged", "quality", "", "less", "Sessions whose rows were found damaged.",
        _count("damaged"),
    ),
)  # fmt: skip
"""Every measure, in the order of a report."""
