"""`report`: what sessions did over time, in the terminal, as a page or for programs."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import click

from governance.analytics.measures import MEASURES, SECTIONS
from governance.analytics.projection import catch_up
from governance.analytics.report import By, Report, report_of
from governance.analytics.wording import change_text, name_text, tone_of, value_text
from governance.cli.files import write_file
from governance.cli.frame import FINE, Example, command, dir_option, project_of
from governance.cli.opening import store_of
from governance.cli.output import Tone, console, print_json, print_line, styled
from governance.cli.progress import working
from governance.cli.tables import fold
from governance.config import load_config
from governance.errors import number_of

_BLOCKS = " ▁▂▃▄▅▆▇█"
_LINE_PERIODS = 40
_NAMED_MAX = 5
_BAR_CHARACTERS = 30
_BAR_CHARACTERS_MIN = 6
"""A terminal that has no room for so much of a bar beside the names has them folded."""

_MEASURE_CHARACTERS = 56
"""What a measure takes beside its line: name, value and change."""

_GROUPS_SHOWN = ("action", "outcome", "tool", "rule", "violated", "hour")


@command(
    "report",
    examples=[
        Example("governance report", "What all sessions did, with charts, by day."),
        Example("governance report --by week --format markdown", "The same by week, as a text."),
        Example("governance report --format html -o report.html", "One page with pictures."),
        Example(
            "governance report --since 2026-01-01 --until 2026-12-31 --anew",
            "One year, counted anew from the rows.",
        ),
    ],
)
@click.option("--since", metavar="DAY", help="First day, such as 2026-01-31 (UTC).")
@click.option("--until", metavar="DAY", help="Last day.")
@click.option("--by", type=click.Choice(["day", "week"]), default="day", show_default=True,
              help="Length of the periods; weeks begin on Monday.")  # fmt: skip
@click.option("--anew", is_flag=True, help="Count the whole journal again.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["text", "json", "csv", "markdown", "html"]),
    default="text",
    show_default=True,
    help="For people, for programs, for a table calculator, or as a page.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False),
              help="File to write it to; one that is there is replaced.")  # fmt: skip
@dir_option
def report(
    since: str | None,
    until: str | None,
    by: By,
    anew: bool,
    format_name: str,
    output: Path | None,
    directory: Path | None,
) -> int:
    """
    Report what sessions did: usage, performance, behaviour and quality, and how they move.

    All of it is counted from the journal. What was counted is kept in the store, so that
    the next report reads what is new alone. Days are those of UTC.
    """
    first, last = _day("--since", since), _day("--until", until)
    project = project_of(directory)
    title = load_config(project.directory).project.name or project.directory.name
    with store_of(project) as journal, working("counting"):
        counted = catch_up(journal, anew=anew)
    if not counted.days and last is None:
        last = datetime.now(UTC).date()  # nothing was ever counted: until today
    if counted.damaged:
        names = ", ".join(f"`{name}`" for name in counted.damaged[:_NAMED_MAX])
        print_line(
            f"{number_of(len(counted.damaged), 'session')} cannot be read, so not all is counted: "
            f"{names}; `governance repair` mends them",
            "bad",
            stderr=True,
        )
    made = report_of(counted.days, title=title, since=first, until=last, by=by)
    if output is None and format_name == "text":
        _print(made)
        return FINE
    if output is None and format_name == "json":
        print_json(made.as_json())
        return FINE
    text = _text(made, format_name)
    if output is None:
        sys.stdout.write(text)
        return FINE
    data = text.encode()
    write_file(output, data, 0o644, project=project.directory)
    print_line(f"{output}: {format_name}, {number_of(len(data), 'byte')}", "good", stderr=True)
    return FINE


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"`{text}` is no day; write it as 2026-01-31", param_hint=option
        ) from None


def _text(made: Report, format_name: str) -> str:
    from governance.analytics.pages import csv_page, html_page, markdown_page

    if format_name == "csv":
        return csv_page(made)
    if format_name == "html":
        return html_page(made)
    if format_name == "json":
        from governance.values import dump_json

        return dump_json(made.as_json()).decode() + "\n"
    if format_name == "markdown":
        return markdown_page(made)
    raise click.BadParameter(
        "text goes to the terminal; a file takes another", param_hint="--format"
    )


def _print(made: Report) -> None:
    from rich.table import Table

    print_line(f"{made.title}: {made.since} to {made.until} (UTC), by {made.by}")
    if not made.whole:
        print_line("nothing happened in these days", "quiet")
        return
    for section, doc in SECTIONS.items():
        _head(f"{section}: {doc[0].lower()}{doc[1:]}")
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(justify="right", overflow="fold")
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True)
        periods = min(_LINE_PERIODS, console().width - _MEASURE_CHARACTERS)
        for one in (each for each in MEASURES if each.section == section):
            value, trend = made.measure(one.name), made.trend(one.name)
            if not value:
                continue  # what never happened would drown what did
            tone: Tone = "good" if tone_of(one, trend) == "good" else "plain"
            tone = "bad" if tone_of(one, trend) == "bad" else tone
            grid.add_row(
                styled(f"  {name_text(one.name)}"),
                styled(value_text(value, one.unit)),
                styled(spark(made.series(one.name), periods), "quiet"),
                styled(change_text(trend), tone),
            )
        console().print(grid)
    for group in _GROUPS_SHOWN:
        if made.whole.get(group):
            _bars(name_text(group), made.top(group))


def _head(text: str) -> None:
    line = styled(f"\n{text}")
    line.stylize("bold")
    console().print(line)


def _bars(title: str, named: tuple[tuple[str, int], ...]) -> None:
    from rich.table import Table

    _head(title)
    out = console()
    top = max(value for _, value in named)
    figures = [value_text(float(value)) for _, value in named]
    labels = [styled(name) for name, _ in named]
    # Two blanks before a name, between columns and at the end.
    room = out.width - 8 - max(map(len, figures))
    longest = max(min(label.cell_len for label in labels), room - _BAR_CHARACTERS_MIN)
    wide = min(max(label.cell_len for label in labels), max(1, longest))
    bars = max(1, min(_BAR_CHARACTERS, room - wide))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=wide + 2)
    grid.add_column(width=bars)
    grid.add_column(justify="right", no_wrap=True)
    for label, (_, value), figure in zip(labels, named, figures, strict=True):
        bar = "█" * max(round(bars * value / top), 1 if value else 0)
        for at, line in enumerate(fold(label, wide).split("\n")):
            shown = (bar, figure) if at == 0 else ("", "")
            grid.add_row(styled("  ").append_text(line), *map(styled, shown))
    out.print(grid)


def spark(values: tuple[float | None, ...], periods_max: int = _LINE_PERIODS) -> str:
    """
    The newest values as a line of blocks.

    >>> spark((0.0, 1.0, None, 2.0))
    ' ▄ █'
    """
    newest = values[-periods_max:] if periods_max > 0 else ()
    top = max((one for one in newest if one is not None), default=0.0)
    if len(newest) < 2 or top <= 0:
        return ""
    steps = len(_BLOCKS) - 1
    return "".join(_BLOCKS[-(-round(steps * (one or 0) / top * 100) // 100)] for one in newest)


COMMANDS = {"report": report}
