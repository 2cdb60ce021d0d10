"""Charts as SVG: columns over periods, bars of names, and small lines; no script, no outside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from governance._attrs import frozen

INK, SOFT, GRID = "#1f2933", "#52606d", "#d9dee4"
DEEP = "#7a1f18"
"""Graver than red."""

COLOURS = ("#3b6fb6", "#e0a030", "#c8463c", "#2e8540", "#6d4fb3", "#7b8794")
_FONT = "font-family=\"system-ui, 'DejaVu Sans', Verdana, sans-serif\""
_WIDTH, _HEIGHT = 720.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 8.0, 12.0, 28.0
_COLUMN_MAX = 64.0
_LABELS_MAX = 8
_LABEL_WIDTH = 66.0
"""Of a day such as 2026-11-29, at the size of its letters."""

_NAME_CHARACTERS = 30


@frozen
class Series:
    """One colour of a chart: a value for each period, none where nothing was measured."""

    name: str
    colour: str
    values: tuple[float | None, ...]


def columns_chart(title: str, periods: Sequence[str], series: Sequence[Series]) -> str:
    """Stacked columns, one for each period; what is none is nothing."""
    sums = [sum(one.values[at] or 0 for one in series) for at in range(len(periods))]
    top = nice_top(max(sums, default=0))
    scale = (_HEIGHT - _TOP - _BOTTOM) / top
    slot = (_WIDTH - _LEFT - _RIGHT) / max(len(periods), 1)
    column = min(slot * 0.76, _COLUMN_MAX)
    parts = [_open(title, _WIDTH, _HEIGHT), *_grid(top)]
    for at, period in enumerate(periods):
        x, base = _LEFT + (at + 0.5) * slot - column / 2, _HEIGHT - _BOTTOM
        for one in series:
            value = one.values[at] or 0
            if value:
                height = value * scale
                base -= height
                parts.append(
                    f'<rect x="{_n(x)}" y="{_n(base)}" width="{_n(column)}" '
                    f'height="{_n(height)}" fill="{one.colour}"><title>{escape(period)}, '
                    f"{escape(one.name)}: {_figure(value)}</title></rect>"
                )
    parts += _period_labels(periods, slot)
    return "".join([*parts, "</svg>"])


def bars_chart(title: str, named: Sequence[tuple[str, int]], colour: str = COLOURS[0]) -> str:
    """A bar for each name, with its figure at the end."""
    row, left, width = 22.0, 210.0, 520.0
    top = max((value for _, value in named), default=0) or 1
    parts = [_open(title, width, row * len(named) + 4)]
    for at, (name, value) in enumerate(named):
        y = at * row + 4
        length = (width - left - 70) * value / top
        parts.append(
            f"<g><title>{escape(name)}: {_figure(value)}</title>"
            f'<text x="{_n(left - 8)}" y="{_n(y + 12)}" font-size="12" text-anchor="end" '
            f'fill="{INK}">{escape(_short(name))}</text>'
            f'<rect x="{_n(left)}" y="{_n(y)}" width="{_n(max(length, 1))}" height="15" rx="2" '
            f'fill="{colour}"/><text x="{_n(left + length + 6)}" y="{_n(y + 12)}" '
            f'font-size="12" fill="{SOFT}">{_figure(value)}</text></g>'
        )
    return "".join([*parts, "</svg>"])


def sparkline(title: str, values: Sequence[float | None]) -> str:
    """A small line of *values*; it breaks where nothing was measured."""
    width, height = 120.0, 28.0
    top = max((one for one in values if one is not None), default=0) or 1
    step = (width - 6) / max(len(values) - 1, 1)
    runs: list[list[str]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            y = height - 3 - (height - 6) * max(value, 0) / top
            runs[-1].append(f"{_n(3 + at * step)},{_n(y)}")
    lines = [
        f'<polyline points="{" ".join(run)}" fill="none" stroke="{COLOURS[0]}" '
        f'stroke-width="1.6" stroke-linejoin="round"/>'
        if len(run) > 1
        else f'<circle cx="{run[0].partition(",")[0]}" cy="{run[0].partition(",")[2]}" r="2" '
        f'fill="{COLOURS[0]}"/>'
        for run in runs
        if run
    ]
    return "".join([_open(title, width, height), *lines, "</svg>"])


def nice_top(value: float) -> float:
    """
    The end of an axis that holds *value*: 1, 2 or 5 times a power of ten.

    >>> nice_top(0), nice_top(7), nice_top(130)
    (1.0, 10.0, 200.0)
    """
    top = 1.0
    while top < value:
        for factor in (2, 5, 10):
            if top * factor >= value:
                return top * factor
        top *= 10
    return top


def _open(title: str, width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(width)}" height="{_n(height)}" '
        f'viewBox="0 0 {_n(width)} {_n(height)}" role="img" {_FONT}>'
        f"<title>{escape(title)}</title>"
    )


def _grid(top: float) -> list[str]:
    found = []
    for part in (0.0, 0.5, 1.0):
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * part
        found.append(
            f'<line x1="{_n(_LEFT)}" x2="{_n(_WIDTH - _RIGHT)}" y1="{_n(y)}" y2="{_n(y)}" '
            f'stroke="{GRID}"/><text x="{_n(_LEFT - 6)}" y="{_n(y + 4)}" font-size="11" '
            f'text-anchor="end" fill="{SOFT}">{_figure(top * part)}</text>'
        )
    return found


def _short(name: str) -> str:
    """*name* without its middle where it is long: what tells names apart stands at their ends."""
    if len(name) <= _NAME_CHARACTERS:
        return name
    half = _NAME_CHARACTERS // 2
    return f"{name[: half - 1]}…{name[-half:]}"


def _period_labels(periods: Sequence[str], slot: float) -> list[str]:
    """Those that have room: none reaches into the next or over the right edge."""
    every = -(-len(periods) // _LABELS_MAX) or 1
    last = _WIDTH - _LABEL_WIDTH / 2
    return [
        f'<text x="{_n(_LEFT + (at + 0.5) * slot)}" y="{_n(_HEIGHT - 9)}" font-size="11" '
        f'text-anchor="middle" fill="{SOFT}">{escape(period)}</text>'
        for at, period in enumerate(periods)
        if at % every == 0 and _LEFT + (at + 0.5) * slot <= last
    ]


def _figure(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if value == int(value) else f"{value:.1f}"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
