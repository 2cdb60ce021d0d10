"""A report as one HTML page that needs nothing beside itself, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from html import escape

from governance.analytics.charts import (
    COLOURS,
    DEEP,
    GRID,
    INK,
    SOFT,
    Series,
    bars_chart,
    columns_chart,
    sparkline,
)
from governance.analytics.measures import MEASURES, SECTIONS, Measure
from governance.analytics.report import Report
from governance.analytics.wording import change_text, name_text, tone_of, value_text

_ACTIONS = (("allow", COLOURS[3]), ("warn", "#8fbf6a"), ("rewrite", COLOURS[4]),
            ("ask", COLOURS[1]), ("deny", COLOURS[2]), ("halt", DEEP))  # fmt: skip
_OUTCOMES = (("ok", COLOURS[3]), ("failed", COLOURS[2]), ("refused", COLOURS[1]),
             ("unknown", COLOURS[5]))  # fmt: skip
_SEVERITIES = (("info", COLOURS[5]), ("low", COLOURS[0]), ("medium", COLOURS[1]),
               ("high", COLOURS[2]), ("critical", DEEP))  # fmt: skip
_OVER_TIME = (
    ("Tool calls by decision", "action", _ACTIONS),
    ("Tool calls by outcome", "outcome", _OUTCOMES),
    ("Violations by severity", "severity", _SEVERITIES),
)
_CURVES = (
    ("Turns", "turns", COLOURS[0]),
    ("95 of 100 tool calls took no longer (ms)", "tool_p95", COLOURS[4]),
)

_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.45 system-ui,'DejaVu Sans',Verdana,sans-serif;color:#1f2933;margin:0 auto;
max-width:1180px;padding:24px}h1{font-size:26px;margin:0}h2{font-size:19px;margin:34px 0 4px;
border-bottom:1px solid #d9dee4;padding-bottom:4px}h3{font-size:14px;margin:0 0 6px}
p{color:#52606d;margin:4px 0 12px}table{border-collapse:collapse;width:100%;table-layout:fixed}
td.name{width:17%}td.value{width:16%}td.change{width:9%}td.line{width:15%}
td{padding:3px 12px 3px 0;border-bottom:1px solid #eef1f4;vertical-align:middle}
td.value{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;font-weight:600}
td.doc,td.change{color:#52606d;white-space:nowrap}td.doc{white-space:normal}
td.good{color:#2e8540}td.bad{color:#c8463c}.grid{display:grid;gap:22px;
grid-template-columns:repeat(auto-fit,minmax(min(480px,100%),1fr))}
.grid svg{max-width:100%;height:auto}
.key{color:#52606d;font-size:13px}.key i{display:inline-block;width:10px;height:10px;
border-radius:2px;margin:0 4px 0 12px}.empty{padding:40px 0;text-align:center}
@media (max-width:640px){body{padding:16px}table,tbody{display:block}
tr{display:grid;grid-template-columns:1fr auto auto;border-bottom:1px solid #eef1f4;padding:3px 0}
td{border:0;padding:1px 0 1px 12px}td.name,td.doc{padding-left:0}td.line{display:none}
td.name,td.value,td.change{width:auto}td.doc{grid-column:1/-1}}
"""

_DARK = {INK: "#e4e8ec", SOFT: "#a3aeb9", GRID: "#39434e", DEEP: "#f2a49b"}
"""Colour of charts on white → what stands in its place where the reader wants it dark."""


def _dark_style() -> str:
    """The colours of a page in the dark; charts say theirs in attributes, which this overrides."""
    ink, soft, grid = _DARK[INK], _DARK[SOFT], _DARK[GRID]
    charts = "".join(
        f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}'
        f'i[style*="{light}"]{{background:{dark}!important}}'
        for light, dark in _DARK.items()
    )
    return (
        f"@media (prefers-color-scheme:dark){{body{{background:#14191f;color:{ink}}}"
        f"p,td.doc,td.change,.key{{color:{soft}}}h2,td,tr{{border-color:{grid}}}"
        f"td.good{{color:#5fbf77}}td.bad{{color:#ef7d73}}{charts}}}"
    )


def html_page(report: Report) -> str:
    """*report* as one page, pictures within; no script, nothing is fetched."""
    heading = escape(f"Sessions of {report.title}" if report.title else "Sessions")
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width">'
        f"<title>{heading}</title><style>{_STYLE}{_dark_style()}</style></head><body>",
        f"<h1>{heading}</h1><p>{escape(_span(report))}</p>",
    ]
    if report.whole:
        parts.append('<div class="grid">')
        parts += _over_time(report)
        parts.append("</div>")
        for section, doc in SECTIONS.items():
            parts.append(f"<h2>{section.capitalize()}</h2><p>{doc}.</p><table>")
            parts += [_row(report, one) for one in MEASURES if one.section == section]
            parts.append("</table>")
        parts.append('<h2>What and who</h2><div class="grid">')
        for group in report.groups():
            title = escape(name_text(group))
            parts.append(f"<div><h3>{title}</h3>{bars_chart(title, report.top(group))}</div>")
        parts.append("</div>")
    else:
        parts.append('<p class="empty">Nothing happened in these days.</p>')
    return "".join([*parts, "</body></html>\n"])


def _over_time(report: Report) -> list[str]:
    names = [one.name for one in report.periods]
    found = []
    for title, group, colours in _OVER_TIME:
        series = [
            Series(
                name, colour,
                tuple(float(one.figures.get(group, {}).get(name, 0)) for one in report.periods),
            )
            for name, colour in colours
            if report.whole.get(group, {}).get(name)
        ]  # fmt: skip
        if series:
            key = "".join(f'<i style="background:{s.colour}"></i>{escape(s.name)}' for s in series)
            found.append(_figure(title, columns_chart(title, names, series), key))
    for title, measure, colour in _CURVES:
        values = report.series(measure)
        if any(values):
            chart = columns_chart(title, names, [Series(title, colour, values)])
            found.append(_figure(title, chart, ""))
    return found


def _figure(title: str, chart: str, key: str) -> str:
    shown = f'<div class="key">{key}</div>' if key else ""
    return f"<div><h3>{escape(title)}</h3>{chart}{shown}</div>"


def _row(report: Report, measure: Measure) -> str:
    trend = report.trend(measure.name)
    values = report.series(measure.name)
    line = sparkline(measure.name, values) if len(values) > 1 and any(values) else ""
    return (
        f'<tr><td class="name">{escape(name_text(measure.name))}</td>'
        f'<td class="value">{escape(value_text(report.measure(measure.name), measure.unit))}</td>'
        f'<td class="change {tone_of(measure, trend)}">{escape(change_text(trend))}</td>'
        f'<td class="line">{line}</td><td class="doc">{escape(measure.doc)}</td></tr>'
    )


def _span(report: Report) -> str:
    return (
        f"{report.since} to {report.until} (UTC), by {report.by}. Changes are those of the newer "
        "half of the periods against the older one."
    )


def markdown_page(report: Report) -> str:
    """*report* as Markdown, with tables."""
    title = f"Sessions of {_cell(report.title)}" if report.title else "Sessions"
    parts = [f"# {title}", "", _span(report)]
    if not report.whole:
        return "\n".join([*parts, "", "Nothing happened in these days.", ""])
    for section, doc in SECTIONS.items():
        parts += ["", f"## {section.capitalize()}", "", f"{doc}.", ""]
        parts += ["| measure | value | change | meaning |", "| --- | ---: | ---: | --- |"]
        for one in (each for each in MEASURES if each.section == section):
            value = value_text(report.measure(one.name), one.unit)
            change = change_text(report.trend(one.name))
            parts.append(f"| {name_text(one.name)} | {value} | {change} | {one.doc} |")
    parts += ["", f"## By {report.by}", ""]
    shown = ("sessions", "turns", "calls", "denied_share", "violations")
    parts += [
        "| " + " | ".join([report.by, *map(name_text, shown)]) + " |",
        "| --- |" + " ---: |" * len(shown),
    ]
    units = {one.name: one.unit for one in MEASURES}
    for period in report.periods:
        cells = [value_text(report.measure(one, period.figures), units[one]) for one in shown]
        parts.append("| " + " | ".join([period.name, *cells]) + " |")
    for group in report.groups():
        parts += ["", f"## {name_text(group)}", "", "| name | times |", "| --- | ---: |"]
        parts += [f"| {_cell(name)} | {value} |" for name, value in report.top(group)]
    return "\n".join([*parts, ""])


def csv_page(report: Report) -> str:
    """
    *report* as comma-separated values: a row for each period, a column for each measure.

    Figures are in the unit of their measure, and empty where they are not known. No name that an
    agent chose stands in it, for a table calculator takes some texts for formulas.
    """
    made = io.StringIO()
    rows = csv.writer(made, lineterminator="\n")
    rows.writerow(["period", "days", *(one.name for one in MEASURES)])
    for period in report.periods:
        values = [report.measure(one.name, period.figures) for one in MEASURES]
        rows.writerow([period.name, period.days, *map(_plain_figure, values)])
    return made.getvalue()


def _plain_figure(value: float | None) -> str:
    return "" if value is None else repr(int(value) if value == int(value) else value)


def _cell(text: str) -> str:
    """*text* of an agent's as plain words in a table: nothing in it is markup."""
    plain = " ".join(text.split())
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>()#+-.!|~&" else sign for sign in plain)
