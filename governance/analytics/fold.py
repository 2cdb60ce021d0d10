"""
The fold: rows of journals in, figures by day out. Pure, and the same in any order of sessions.

Rows of one session must come in their order and may come twice: each session's place is part
of the value, and a row at or before it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.analytics.figures import Counting, Figures, add, count, step
from governance.formats import RowNewer, body_of
from governance.journal.records import Record
from governance.values import Json, ValueRefused

FOLD_VERSION = 2
"""Grows with every change of what is counted; what another version kept is counted anew."""

DAY_MS = 86_400_000
DAYS_MAX = 4_000
"""Days that are kept, the newest ones: eleven years."""

DURATION_MS_MAX = 7 * DAY_MS
"""What is said to have taken longer is taken for a clock that was set."""

Data: TypeAlias = Mapping[str, Json]


@frozen
class Place:
    """
    How far one session was counted.

    Attributes:
        turn_ms: When the open turn began, in milliseconds since 1970 UTC; 0: none is open.

        begun_ms: When the session was begun or resumed that has not ended or broken off since;
            0: it has.

        last_ms: When the newest row was written.
    """

    seq: int = 0
    turn_ms: int = 0
    begun_ms: int = 0
    last_ms: int = 0


@frozen
class Rollup:
    """
    Figures by day (days since 1970 UTC), and how far each session was counted.

    >>> Rollup()
    Rollup(days=mappingproxy({}), places=mappingproxy({}))
    """

    days: Mapping[int, Figures] = field(factory=lambda: MappingProxyType({}))
    places: Mapping[str, Place] = field(factory=lambda: MappingProxyType({}))


def update(rollup: Rollup, record: Record) -> Rollup:
    """*rollup* with one more row; unchanged by one that it holds already."""
    return fold(rollup, (record,))


def fold(rollup: Rollup, records: Iterable[Record]) -> Rollup:
    """*rollup* with *records*, those of each session in their order."""
    draft = Draft.of(rollup)
    for record in records:
        draft.add(record)
    return draft.done()


def merged(rollups: Iterable[Rollup]) -> dict[int, Counting]:
    """The figures of all *rollups* by day; each session may be in one of them alone."""
    days: dict[int, Counting] = {}
    for rollup in rollups:
        for day, figures in rollup.days.items():
            add(days.setdefault(day, {}), figures)
    return days


@define(eq=False)
class Draft:
    """A rollup while rows are added to it; the value that it was made of stays as it is."""

    days: dict[int, Counting]
    places: dict[str, Place]

    @classmethod
    def of(cls, rollup: Rollup) -> Draft:
        days = {
            day: {group: dict(named) for group, named in figures.items()}
            for day, figures in rollup.days.items()
        }
        return cls(days, dict(rollup.places))

    def done(self) -> Rollup:
        return Rollup(MappingProxyType(self.days), MappingProxyType(self.places))

    def add(self, record: Record) -> None:
        """Count *record*, unless its session was counted that far already."""
        place = self.places.get(record.session, Place())
        if record.seq <= place.seq:
            return
        figures = self._day(record.at_ms // DAY_MS)
        self.places[record.session] = _counted(figures, record, place)

    def _day(self, day: int) -> Counting:
        """The figures of *day*; of one that is too old to be kept some that nobody keeps."""
        found = self.days.get(day)
        if found is None:
            if len(self.days) >= DAYS_MAX:
                oldest = min(self.days)
                if day < oldest:
                    return {}
                del self.days[oldest]
            found = self.days[day] = {}
        return found


def _counted(figures: Counting, record: Record, place: Place) -> Place:
    """Count *record* in *figures*; how far its session was counted then."""
    count(figures, "count", "rows")
    count(figures, "count", "bytes", len(record.body))
    begun_ms = _stretch(figures, record, place)
    after = Place(record.seq, place.turn_ms, begun_ms, record.at_ms)
    try:
        body = body_of(record)
    except (ValueRefused, RowNewer):
        count(figures, "count", "unreadable")
        return after
    data = body.get("data")
    own: Data = data if isinstance(data, Mapping) else {}
    named = _COUNTS.get(record.kind)
    if named is not None:
        count(figures, "count", named)
    more = _MORE.get(record.kind)
    if more is not None:
        more(figures, own, body)
    if record.kind in _ACTIVE:
        count(figures, "hour", f"{record.at_ms % DAY_MS // 3_600_000:02d}")
    if record.kind == "turn.started":
        return evolve(after, turn_ms=record.at_ms)
    if record.kind == "turn.ended" and place.turn_ms:
        _lasted(figures, "turn", place.turn_ms, record.at_ms)
        return evolve(after, turn_ms=0)
    return after


def _stretch(figures: Counting, record: Record, place: Place) -> int:
    """
    Count how long a session was worked on at a stretch, where *record* ends one.

    That it broke off, or was left without a word, is found out later: then it ended with the row
    before.

    Returns:
        When the stretch began that is open after it; 0: none is.
    """
    if record.kind == "session.ended":
        ended_ms = record.at_ms
    elif record.kind in _BREAKS or record.kind in _BEGINS:
        ended_ms = place.last_ms
    else:
        return place.begun_ms
    if place.begun_ms:
        _lasted(figures, "session", place.begun_ms, ended_ms)
    return record.at_ms if record.kind in _BEGINS else 0


def _lasted(figures: Counting, what: str, from_ms: int, until_ms: int) -> None:
    took = until_ms - from_ms
    if 0 <= took <= DURATION_MS_MAX:
        count(figures, f"{what}_ms", step(took))
        count(figures, "count", f"{what}_time", took)


_BEGINS = frozenset({"session.created", "session.branched", "session.resumed"})
_BREAKS = frozenset({"session.interrupted"})
_ACTIVE = frozenset({"turn.started", "tool.decided"})

_COUNTS: Mapping[str, str] = {
    "session.created": "sessions",
    "turn.started": "turns",
    "tool.decided": "calls",
    "tool.finished": "finished",
    "command.executed": "commands",
    "task.completed": "tasks",
    "file.changed": "files_changed",
    "governance.injected": "injections",
    "governance.lapsed": "lapses",
    "governance.paused": "pauses",
    "rules.changed": "rules_changed",
    "rules.refused": "rules_refused",
    "anchor.added": "anchors",
    "session.compacted": "compactions",
    "session.idle": "idle",
    "session.interrupted": "interruptions",
    "session.resumed": "resumes",
    "session.reset": "resets",
    "session.ended": "ended",
    "violation.counted": "violations",
    "violation.pardoned": "pardons",
    "session.escalated": "escalations",
    "session.halted": "halts",
    "approval.asked": "approvals_asked",
    "approval.settled": "approvals_settled",
    "permission.asked": "permissions_asked",
    "session.stalled": "stalls",
    "child.started": "children",
    "guard.gap": "guard_gaps",
    "guard.bypassed": "guard_bypasses",
    "event.late": "irregular",
    "event.duplicate": "irregular",
    "event.unmatched": "irregular",
    "event.refused": "refused_events",
    "listener.failed": "listener_failures",
    "session.skewed": "clock_skews",
    "session.gap": "lost_rows",
    "session.branched": "branches",
    "session.merged": "merges",
    "merge.conflicted": "merge_conflicts",
    "session.archived": "archived",
    "session.removed": "removed",
    "session.damaged": "damaged",
    "session.repaired": "repaired",
}
"""The figure of group ``count`` that each kind of row adds one to."""


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else ()


def _whole(value: Json) -> int:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0


def _created(figures: Counting, data: Data, body: Data) -> None:
    count(figures, "host", body.get("host") or "")
    if data.get("adopted") is True:
        count(figures, "count", "adopted")


def _turn(figures: Counting, data: Data, _: Data) -> None:
    count(figures, "prompt", data.get("prompt_source") or "")
    count(figures, "count", "prompt_characters", _whole(data.get("prompt_characters")))


def _turn_ended(figures: Counting, data: Data, _: Data) -> None:
    if data.get("failure"):
        count(figures, "count", "failed_turns")


def _decided(figures: Counting, data: Data, body: Data) -> None:
    action, tool = str(data.get("action") or ""), data.get("tool") or ""
    count(figures, "action", action)
    count(figures, "tool", tool)
    count(figures, "role", body.get("role") or "")
    if action in ("deny", "halt"):
        count(figures, "denied", tool)
    for rule in _texts(data.get("rules")):
        count(figures, "rule", rule)
    for rule in _texts(data.get("shadows")):
        count(figures, "shadow", rule)
    if data.get("reasons"):
        count(figures, "count", "refused_by_state")
    if data.get("paused") is True:
        count(figures, "count", "ungoverned")


def _finished(figures: Counting, data: Data, _: Data) -> None:
    tool, outcome = data.get("tool") or "", str(data.get("outcome") or "")
    count(figures, "outcome", outcome)
    if outcome == "failed":
        count(figures, "failed", tool)
    if data.get("unasked") is True:
        count(figures, "count", "unasked")
    took = data.get("duration_ms")
    if isinstance(took, (int, float)) and 0 <= took <= DURATION_MS_MAX:
        count(figures, "tool_ms", step(took))
        count(figures, "tool_time", tool, round(took))


def _command(figures: Counting, data: Data, _: Data) -> None:
    count(figures, "command", data.get("name") or "")
    if data.get("overridden"):
        count(figures, "count", "overrides")


def _injected(figures: Counting, data: Data, _: Data) -> None:
    count(figures, "injection", data.get("why") or "")
    count(figures, "count", "injected_characters", _whole(data.get("characters")))


def _violated(figures: Counting, data: Data, _: Data) -> None:
    count(figures, "violated", data.get("rule") or "")
    count(figures, "severity", data.get("severity") or "")


def _gap(figures: Counting, data: Data, _: Data) -> None:
    count(figures, "count", "missed_calls", _whole(data.get("missed")))


def _by(group: str, name: str) -> Callable[[Counting, Data, Data], None]:
    def fold_one(figures: Counting, data: Data, _: Data) -> None:
        count(figures, group, data.get(name) or "")

    return fold_one


_MORE: Mapping[str, Callable[[Counting, Data, Data], None]] = {
    "session.created": _created,
    "turn.started": _turn,
    "turn.ended": _turn_ended,
    "tool.decided": _decided,
    "tool.finished": _finished,
    "command.executed": _command,
    "task.completed": _by("task", "outcome"),
    "governance.injected": _injected,
    "session.interrupted": _by("interruption", "reason"),
    "violation.counted": _violated,
    "approval.settled": _by("approval", "decision"),
    "session.stalled": _by("stall", "kind"),
    "guard.gap": _gap,
}
"""What a kind of row adds beside its figure of `_COUNTS`."""
