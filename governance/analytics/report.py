"""A report: figures of a span of days, whole and by day or week, with measures and trends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Literal, TypeAlias

from governance._attrs import frozen
from governance.analytics.figures import Counting, Figures, add
from governance.analytics.measures import MEASURES
from governance.errors import MisuseError
from governance.values import Json

By: TypeAlias = Literal["day", "week"]

PERIODS_MAX = 400
"""Periods of one report."""

TOP = 10
"""Names of each group that a report shows, the most frequent ones."""

FIRST, LAST = date(1900, 1, 1), date(9900, 12, 31)
"""Between these days a report can lie: no row is older, and no calendar ends."""

CODES: Mapping[str, str] = {"GOV576": "a span of days that no report can be made of"}

_EPOCH = date(1970, 1, 1)
_SHOWN = (
    "tool", "action", "outcome", "rule", "violated", "severity", "denied", "failed", "host", "role",
    "hour", "command", "approval", "interruption", "stall",
)  # fmt: skip


@frozen
class Period:
    """
    The figures of one day or week.

    Attributes:
        first: Its first day (UTC); a week begins on Monday.

        days: Days of it that lie in the report's span.
    """

    first: date
    days: int
    figures: Figures

    @property
    def name(self) -> str:
        return self.first.isoformat()


@frozen
class Trend:
    """
    How a measure moved: its value in the newest half of the periods, and in those before.

    Attributes:
        change: In parts of the earlier value: 0.5 is half as much again; none where it was 0.
    """

    earlier: float | None
    later: float | None

    @property
    def change(self) -> float | None:
        if not self.earlier or self.later is None:
            return None
        return self.later / self.earlier - 1


@frozen
class Report:
    """
    What sessions did in a span of days.

    Attributes:
        since, until: First and last day of it (UTC), both within.

        periods: Without a gap, the oldest first.

        whole: Figures of all of them.
    """

    title: str
    since: date
    until: date
    by: By
    periods: tuple[Period, ...]
    whole: Figures

    def measure(self, name: str, figures: Figures | None = None) -> float | None:
        """The value of a measure of the whole, or of *figures*."""
        return _OF[name](self.whole if figures is None else figures)

    def series(self, name: str) -> tuple[float | None, ...]:
        """A measure of each period."""
        return tuple(_OF[name](one.figures) for one in self.periods)

    def trend(self, name: str) -> Trend:
        """
        How a measure moved. Both halves are measured whole and have as many periods: of an odd
        number the oldest one is left out.
        """
        half = len(self.periods) // 2
        if not half:
            return Trend(None, None)
        earlier, later = self.periods[-2 * half : -half], self.periods[-half:]
        return Trend(_OF[name](_sum(earlier)), _OF[name](_sum(later)))

    def top(self, group: str) -> tuple[tuple[str, int], ...]:
        """The most frequent names of *group*; hours are all there, in their order."""
        named = self.whole.get(group, {})
        if group == "hour":
            return tuple((f"{hour:02d}", named.get(f"{hour:02d}", 0)) for hour in range(24))
        return tuple(sorted(named.items(), key=lambda one: (-one[1], one[0]))[:TOP])

    def groups(self) -> tuple[str, ...]:
        """The groups of which there is something to show."""
        return tuple(name for name in _SHOWN if self.whole.get(name))

    def as_json(self) -> dict[str, Json]:
        """All of it, for programs."""
        return {
            "title": self.title,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "by": self.by,
            "measures": {
                one.name: {
                    "section": one.section,
                    "unit": one.unit,
                    "value": _figure(self.measure(one.name)),
                    "change": self.trend(one.name).change,
                    "series": [_figure(value) for value in self.series(one.name)],
                }
                for one in MEASURES
            },
            "periods": [
                {"first": one.name, "days": one.days, "figures": _plain(one.figures)}
                for one in self.periods
            ],
            "figures": _plain(self.whole),
        }


_OF = {one.name: one.of for one in MEASURES}


def report_of(
    days: Mapping[int, Figures],
    *,
    title: str = "",
    since: date | None = None,
    until: date | None = None,
    by: By = "day",
) -> Report:
    """
    The report of *days* (days since 1970 UTC).

    Args:
        since: First day; by default the first that has figures, but no more than
            `PERIODS_MAX` periods before *until*.

        until: Last day; by default the last that has figures.

    Raises:
        MisuseError: GOV576, *since* is after *until*, there would be too many periods, or a
            day lies before `FIRST` or after `LAST`.
    """
    last = until or _day(max(days, default=0))
    for one in (since, last):
        if one is not None and not FIRST <= one <= LAST:
            raise MisuseError(f"a report until or since {one}; days are {FIRST} to {LAST}",
                              code="GOV576")  # fmt: skip
    start = _EPOCH if since is None else since
    within = [day for day in days if start <= _day(day) <= last]
    size = 7 if by == "week" else 1
    if since is None:
        first = max(
            _day(min(within)) if within else last, last - timedelta((PERIODS_MAX - 1) * size)
        )
    else:
        first = since
    if first > last:
        raise MisuseError(
            f"a report from {first} until {last}: it ends before it begins", code="GOV576"
        )
    begin = first - timedelta(first.weekday()) if by == "week" else first
    if (last - begin).days // size >= PERIODS_MAX:
        raise MisuseError(
            f"a report of more than {PERIODS_MAX} periods", code="GOV576",
            remedy="ask for fewer days, or `--by week`",
        )  # fmt: skip
    counted: dict[date, Counting] = {}
    while begin <= last:
        counted[begin] = {}
        begin += timedelta(size)
    for day in within:
        at = _day(day)
        if at >= first:
            add(counted[at - timedelta(at.weekday()) if by == "week" else at], days[day])
    periods = tuple(
        Period(at, (min(last, at + timedelta(size - 1)) - max(first, at)).days + 1, figures)
        for at, figures in counted.items()
    )
    return Report(title, first, last, by, periods, _sum(periods))


def _day(number: int) -> date:
    # A row may claim any time; what lies beyond the calendar is put at its ends.
    return min(_EPOCH + timedelta(min(max(number, 0), 2_900_000)), LAST)


def _sum(periods: Sequence[Period]) -> Counting:
    whole: Counting = {}
    for one in periods:
        add(whole, one.figures)
    return whole


def _figure(value: float | None) -> Json:
    return int(value) if value is not None and value == int(value) else value


def _plain(figures: Figures) -> dict[str, Json]:
    return {group: dict(named) for group, named in figures.items()}
