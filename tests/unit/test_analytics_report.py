"""Figures of known sessions, and what reports make of figures."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from governance.access.guard import guard_of
from governance.access.guarded import GuardedJournal
from governance.analytics.charts import Series, bars_chart, columns_chart
from governance.analytics.figures import GROUPS, NAMES_MAX, OTHER, Counting, count
from governance.analytics.fold import DAYS_MAX, Rollup, fold
from governance.analytics.measures import MEASURES, SECTIONS
from governance.analytics.pages import csv_page, html_page, markdown_page
from governance.analytics.projection import POSITION, SHELF, catch_up, recomputed
from governance.analytics.prometheus import METRICS
from governance.analytics.report import _SHOWN, FIRST, LAST, PERIODS_MAX, By, Report, report_of
from governance.config import read_config
from governance.errors import MisuseError, StoreDamaged
from governance.events import CATALOGUE
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Record, Row
from governance.testing import ManualClock
from governance.testing.engines import memory_engine
from governance.values import Json, dump_json

DAY_MS = 86_400_000
NASTY = "<script>alert(1)</script>|`x`\u202e"
EDGES = [
    (date(1, 2, 1), None),
    (None, date(1, 2, 1)),
    (date(9999, 12, 1), None),
    (None, date(9999, 12, 31)),
    (date(9999, 12, 30), date(9999, 12, 31)),
]
PACK = """
format = 1
[pack]
name = "team"
version = "1.0.0"
summary = "One rule."
[[rule]]
id = "team.no-push"
tools = ["shell"]
when.command = "git push --force"
action = "deny"
severity = "high"
message = "No."
must_match = [{ tool = "shell", command = "git push --force" }]
must_not_match = [{ tool = "shell", command = "git push" }]
"""


def worked() -> MemoryJournal:
    """A journal of one session with two turns on two days."""
    clock = ManualClock(10 * DAY_MS)
    journal = MemoryJournal()
    engine = memory_engine(PACK, clock=clock, journal=journal)
    session = engine.start("s-1", role="builder")
    for _ in range(2):
        session.turn("go on")
        session.tool("shell", {"command": "git push --force"}, call_id="c0")
        session.tool("read", {"path": "a"}, call_id="c1")
        clock.advance(1_000)
        session.tool_finished("c1", outcome="ok")
        clock.advance(59_000)
        session.turn_ended()
        clock.advance(86_340_000)
    return journal


def test_a_session_is_counted_as_it_went() -> None:
    """Sessions, turns, calls, decisions, outcomes, violations, rules and the length of turns."""
    counted = catch_up(worked())
    report = report_of(counted.days)

    assert list(counted.days) == [10, 11]
    assert report.measure("sessions") == 1
    assert report.measure("turns") == 2
    assert report.measure("calls") == 4
    assert report.whole["action"] == {"deny": 2, "allow": 2}
    assert report.whole["outcome"] == {"ok": 2}
    assert report.whole["violated"] == {"team.no-push": 2}
    assert report.measure("denied_share") == 50
    assert report.measure("violations_per_100") == 50
    assert report.measure("turn_p50") == pytest.approx(60_000, rel=0.2)
    assert report.series("turns") == (1, 1)
    assert report.trend("turns").change == 0


def test_a_session_lasts_from_its_begin_to_its_end() -> None:
    """Gaps in which nobody worked do not count; what has not ended yet is not known."""
    minute_ms = 60_000
    clock = ManualClock(10 * DAY_MS)
    journal = MemoryJournal()
    engine = memory_engine(PACK, clock=clock, journal=journal)
    left, ended = engine.start("left"), engine.start("ended")
    left.turn("go on")
    clock.advance(5 * minute_ms)
    left.turn_ended()
    ended.end()
    assert report_of(catch_up(journal).days).measure("session_time") == 5 * minute_ms

    # `left` broke off without a word, which is seen when it goes on an hour later.
    clock.advance(60 * minute_ms)
    left.turn("where were we?")
    clock.advance(20 * minute_ms)
    left.turn_ended()
    left.interrupt("aborted")
    clock.advance(minute_ms)
    report = report_of(catch_up(journal).days)

    assert report.measure("session_time") == (5 + 5 + 20) * minute_ms
    assert report.measure("turn_time") == (5 + 20) * minute_ms
    assert sum(report.whole["session_ms"].values()) == 3
    assert report.measure("session_p50") == pytest.approx(5 * minute_ms, rel=0.2)
    assert report.measure("session_p95") == pytest.approx(20 * minute_ms, rel=0.2)


@pytest.mark.parametrize(
    ("kind", "data", "group", "wanted"),
    [
        ("turn.started", {"prompt_characters": 7}, "count", {"prompt_characters": 7}),
        ("turn.ended", {"failure": "overloaded"}, "count", {"failed_turns": 1}),
        ("tool.decided", {"action": "halt", "tool": "shell"}, "denied", {"shell": 1}),
        ("tool.decided", {"rules": ["a", 7]}, "rule", {"a": 1}),
        ("tool.decided", {"shadows": ["b", "b"]}, "shadow", {"b": 2}),
        ("tool.decided", {"reasons": ["not now"]}, "count", {"refused_by_state": 1}),
        ("tool.decided", {"paused": True}, "count", {"ungoverned": 1}),
        ("tool.finished", {"outcome": "failed", "tool": "read"}, "failed", {"read": 1}),
        ("tool.finished", {"unasked": True}, "count", {"unasked": 1}),
        ("tool.finished", {"tool": "read", "duration_ms": 2.4}, "tool_time", {"read": 2}),
        ("tool.finished", {"tool": "read", "duration_ms": -1}, "tool_time", {}),
        ("command.executed", {"name": "x", "overridden": True}, "count", {"overrides": 1}),
        ("task.completed", {"outcome": "done"}, "task", {"done": 1}),
        ("guard.gap", {"missed": 3}, "count", {"missed_calls": 3}),
        ("guard.gap", {"missed": "3"}, "count", {"missed_calls": 0}),
    ],
)
def test_each_row_adds_what_it_tells(
    kind: str, data: dict[str, Json], group: str, wanted: dict[str, int]
) -> None:
    """Beside the figure of its kind; what has the wrong type adds nothing."""
    journal = MemoryJournal()
    journal.append([Append("s", 0, (Row(kind, DAY_MS, dump_json({"data": data})),))])

    (figures,) = catch_up(journal).days.values()

    found = figures.get(group, {})
    assert {name: found.get(name, 0) for name in wanted} == wanted
    assert wanted or not found


def test_what_is_counted_has_a_kind_of_row() -> None:
    """No figure waits for an event that there is not."""
    from governance.analytics import fold as module

    named = set(module._COUNTS) | set(module._MORE) | module._BEGINS | module._BREAKS
    assert named <= set(CATALOGUE)
    assert {one.section for one in MEASURES} == set(SECTIONS)


def test_names_and_days_have_bounds() -> None:
    """A flood of names is counted under one, and the oldest days go."""
    figures: Counting = {}
    for number in range(NAMES_MAX + 5):
        count(figures, "tool", f"t{number}")
    journal = MemoryJournal()
    rows = tuple(Row("turn.started", day * DAY_MS, b"{}") for day in range(DAYS_MAX + 3))
    journal.append([Append("s", 0, rows)])

    rolled = fold(Rollup(), journal.read("s", limit=10_000))

    assert len(figures["tool"]) == NAMES_MAX + 1
    assert figures["tool"][OTHER] == 5
    assert (min(rolled.days), len(rolled.days)) == (3, DAYS_MAX)


@pytest.mark.parametrize(
    ("kinds", "measure", "wanted"),
    [
        (("turn.started", "tool.decided", "tool.decided"), "calls_per_turn", 2),
        (("session.created", "turn.started", "turn.started"), "turns_per_session", 2),
        (("approval.asked",), "approvals_asked", 1),
        (("session.interrupted",), "interruptions", 1),
        (("session.halted",), "halts", 1),
        (("session.stalled",), "stalls", 1),
        (("listener.failed",), "listener_failures", 1),
        (("file.changed",), "files_changed", 1),
    ],
)
def test_behaviour_and_quality_are_measured_by_their_rows(
    kinds: tuple[str, ...], measure: str, wanted: float
) -> None:
    """The row that tells of it moves its measure; a day without one shows nothing of it."""
    journal = MemoryJournal()
    journal.append([Append("s", 0, tuple(Row(kind, DAY_MS, b"{}") for kind in kinds))])

    found = report_of(catch_up(journal).days)

    assert found.measure(measure) == wanted
    assert not report_of({}).measure(measure)


def test_a_trend_is_the_later_half_against_the_earlier() -> None:
    """Its change is told, and the periods of its course."""
    days = {day: {"count": {"turns": turns}} for day, turns in enumerate((2, 2, 3, 5))}

    report = report_of(days)
    trend = report.trend("turns")

    assert (trend.earlier, trend.later, trend.change) == (4, 8, 1)
    assert report.series("turns") == (2, 2, 3, 5)


def test_weeks_begin_on_monday_and_miss_none() -> None:
    """Figures of a span fall into its weeks; those outside are left out."""
    days = {day: {"count": {"turns": 1}} for day in range(30)}

    report = report_of(days, since=date(1970, 1, 7), until=date(1970, 1, 20), by="week")

    assert [(one.first.weekday(), one.days) for one in report.periods] == [(0, 5), (0, 7), (0, 2)]
    assert report.series("turns") == (5, 7, 2)
    assert report.measure("turns") == 14


def test_no_days_are_no_report_but_an_empty_one() -> None:
    """Nothing was done: every form says so."""
    report = report_of({})

    assert report.whole == {}
    assert "Nothing happened" in html_page(report)
    assert "Nothing happened" in markdown_page(report)


def test_a_page_can_be_read_in_the_dark_and_on_a_phone() -> None:
    """Every colour of writing and lines has one for the dark; nothing is wider than the screen."""
    page = html_page(nasty_report())
    head, _, body = page.partition("</style>")

    written = set(re.findall(r'<text[^>]* fill="(#\w+)"|<line[^>]* stroke="(#\w+)"', body))
    for colour in {one or other for one, other in written}:
        assert f'="{colour}"]{{' in head.partition("prefers-color-scheme:dark")[2]
    assert "minmax(min(480px,100%),1fr)" in head
    assert "@media (max-width:640px)" in head


def test_one_period_is_a_column_and_no_wall() -> None:
    """However few there are a column keeps to its width, in the middle of its period."""
    chart = columns_chart("calls", ["2026-01-31"], [Series("ok", "#123456", (3.0,))])

    assert 'x="352" y="' in chart
    assert 'width="64"' in chart


@pytest.mark.parametrize("periods", [1, 2, 8, 9, 43, 366])
def test_no_label_of_a_chart_is_cut_or_covered(periods: int) -> None:
    """However many days there are, their names keep within the picture and apart."""
    names = [f"2026-{at:05d}" for at in range(periods)]

    chart = columns_chart("t", names, [Series("s", "#000", (1.0,) * periods)])

    places = [float(x) for x in re.findall(r'<text x="([\d.]+)"[^>]*middle', chart)]
    assert places
    assert places[0] >= 33
    assert places[-1] <= 720 - 33
    assert all(after - before >= 66 for before, after in pairwise(places))


def test_long_names_are_told_apart() -> None:
    """Of what is too long for its place the middle is left out, and the whole is its title."""
    names = [f"organisation.some-long-rule-name-that-goes-on-{at}" for at in (1, 2)]

    chart = bars_chart("t", [(name, 1) for name in names])

    shown = re.findall(r'text-anchor="end"[^>]*>([^<]*)<', chart)
    assert len(set(shown)) == 2
    assert all(len(one) <= 30 for one in shown)
    assert all(f"<title>{name}: 1</title>" in chart for name in names)


@pytest.mark.parametrize(
    ("since", "until"),
    [(date(2026, 1, 2), date(2026, 1, 1)), (date(2020, 1, 1), date(2026, 1, 1))],
)
def test_a_span_that_cannot_be_is_refused(since: date, until: date) -> None:
    """It ends before it begins, or has more periods than a report."""
    with pytest.raises(MisuseError) as refused:
        report_of({}, since=since, until=until)

    assert refused.value.code == "GOV576"


def test_old_days_are_left_out_where_no_span_is_asked_for() -> None:
    """The newest periods are shown, as many as a report may have."""
    report = report_of({0: {"count": {"turns": 1}}, 5000: {"count": {"turns": 1}}})

    assert len(report.periods) == PERIODS_MAX
    assert report.measure("turns") == 1


class Page(HTMLParser):
    """Which tags there are, and what they would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [name for name, _ in attrs if name in ("src", "href", "action", "onload")]


def nasty_report() -> Report:
    data = {"tool": NASTY, "action": "deny", "rules": [NASTY], "severity": NASTY}
    rows = tuple(
        Row(kind, day * DAY_MS, dump_json({"data": data, "host": NASTY}))
        for day in range(3)
        for kind in ("session.created", "turn.started", "tool.decided", "violation.counted")
    )
    journal = MemoryJournal()
    journal.append([Append("s", 0, rows)])
    return report_of(catch_up(journal).days, title=NASTY)


def test_the_page_needs_nothing_and_runs_nothing() -> None:
    """Pictures are within, nothing is fetched, and no name of an agent's is markup."""
    page = Page(html_page(nasty_report()))

    assert page.tags.count("svg") > 5
    assert "script" not in page.tags
    assert page.links == []


def test_markdown_holds_no_markup_of_agents() -> None:
    """Every table has as many cells in each row as in its head, whatever a tool is called."""
    text = markdown_page(nasty_report())

    assert "<script>" not in text
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(cells) == 1


def test_csv_has_a_row_for_each_period() -> None:
    """Every measure is a column; what is not known of a period is empty, and no name is there."""
    days = {
        day: {"count": {"turns": turns}, "tool": {"=1+1": 1}} for day, turns in ((0, 3), (2, 1))
    }

    rows = list(csv.DictReader(io.StringIO(csv_page(report_of(days)))))

    assert list(rows[0]) == ["period", "days", *(one.name for one in MEASURES)]
    assert [(row["period"], row["days"], row["turns"]) for row in rows] == [
        ("1970-01-01", "1", "3"),
        ("1970-01-02", "1", "0"),
        ("1970-01-03", "1", "1"),
    ]
    assert rows[0]["calls_per_turn"] == "0"
    assert rows[1]["calls_per_turn"] == rows[0]["tool_p50"] == ""
    assert list(csv.DictReader(io.StringIO(csv_page(report_of({}))))) != []


def test_json_has_every_measure() -> None:
    """Programs get all that people are shown."""
    value = json.loads(dump_json(nasty_report().as_json()))

    assert set(value["measures"]) == {one.name for one in MEASURES}
    assert len(value["periods"]) == len(value["measures"]["turns"]["series"]) == 3


def test_every_group_that_is_counted_or_shown_is_described() -> None:
    """The table of groups has each that a report, a page or a metric speaks of."""
    counted = {group for figures in catch_up(worked()).days.values() for group in figures}
    spoken = {one.group for one in METRICS} | {one.total[0] for one in METRICS} - {""}

    assert len(counted) > 5
    assert counted | spoken | set(_SHOWN) <= GROUPS.keys()


@pytest.mark.parametrize(("since", "until"), EDGES)
@pytest.mark.parametrize("by", ["day", "week"])
def test_days_at_the_ends_of_the_calendar_are_refused(
    since: date | None, until: date | None, by: By
) -> None:
    """No sum of days leaves the calendar: such a span is an error with its code."""
    with pytest.raises(MisuseError) as raised:
        report_of({0: {}, 20_000: {}}, since=since, until=until, by=by)

    assert raised.value.code == "GOV576"


@pytest.mark.parametrize("by", ["day", "week"])
@pytest.mark.parametrize("day", [FIRST, LAST])
def test_a_report_of_the_first_and_the_last_day(day: date, by: By) -> None:
    """What lies just within is reported, also of rows that claim a day beyond."""
    made = report_of({2**40: {"count": {"turns": 3}}}, since=day, until=day, by=by)

    assert (made.since, made.until, len(made.periods)) == (day, day, 1)
    assert made.measure("turns") == (3 if day == LAST else 0)


def test_figures_are_told_to_whom_may_not_keep_them() -> None:
    """A grant to read is enough: what was counted is then not kept, and is the same."""
    journal = worked()
    config = read_config(
        '[access.actors]\nann = ["eye"]\n[access.roles]\neye = ["read", "list"]\n',
        "governance.toml",
        Path("/project"),
    )
    guard = guard_of(config, journal, through="cli", clock=ManualClock(), actor="ann")
    assert guard is not None

    counted = catch_up(GuardedJournal(journal, guard))

    assert not counted.saved
    assert counted.days == catch_up(journal).days


def test_what_is_damaged_is_counted_once_it_is_mended() -> None:
    """Nothing that was counted without it is kept, and what was counted before it was stays."""

    class Harmed(MemoryJournal):
        harmed = ""

        def read(self, session: str, **words: Any) -> tuple[Record, ...]:
            if session == self.harmed:
                raise StoreDamaged(f"row 1 of `{session}` is damaged")
            return super().read(session, **words)

    journal = Harmed()
    engine = memory_engine(journal=journal)
    engine.start("a").turn("go")
    assert catch_up(journal).saved
    kept = journal.shelf.get(SHELF, POSITION)
    for name in "bc":
        engine.start(name).turn("go")
    journal.harmed = "b"

    harmed = catch_up(journal)

    assert (harmed.damaged, harmed.saved) == (("b",), False)
    assert journal.shelf.get(SHELF, POSITION) == kept
    (figures,) = harmed.days.values()
    assert figures["count"]["sessions"] == 2
    journal.harmed = ""
    mended = catch_up(journal)
    assert (mended.damaged, mended.saved) == ((), True)
    assert mended.days == recomputed(journal).days
