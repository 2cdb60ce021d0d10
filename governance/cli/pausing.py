"""`pause`: a person's way out when rules are wrong; it ends by itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from governance.cli.durations import DURATION
from governance.cli.frame import (
    FINE,
    Example,
    command,
    dir_option,
    format_option,
    key_option,
    project_of,
)
from governance.cli.guard import require_person
from governance.cli.opening import behind_guard, store_of
from governance.cli.output import moment, print_json, print_line, span
from governance.cli.recording import person_name, recorded_json, recording_engine
from governance.cli.values import REASON, require_unset
from governance.clock import SystemClock
from governance.engine.opening import PAUSE_ROWS_MAX, PROJECT_SESSION, paused_reason
from governance.formats import body_of
from governance.journal.records import Journal
from governance.project import Project
from governance.values import Json

PAUSE_MS_MAX = 86_400_000
"""The longest pause: a day. Whoever needs more says so again."""


@command(
    "pause",
    examples=[
        Example("governance pause", "Whether governance is paused."),
        Example(
            """governance pause --for 10m --reason "a pack is broken" """.strip(),
            "Let everything through for ten minutes.",
        ),
        Example("governance pause --end", "Put the rules in force again, before the time."),
    ],
)
@click.option(
    "--for", "lasts_ms", type=DURATION, default=None, help="How long: 10m, 1h; at most 1d."
)
@click.option("--reason", type=REASON, default=None,
              help="Why; it is recorded, and shown in status lines.")  # fmt: skip
@click.option("--end", "ends", is_flag=True, help="End the pause now.")
@format_option()
@key_option
@dir_option
def pause(
    lasts_ms: int | None,
    reason: str | None,
    ends: bool,
    format_name: str,
    key_file: Path | None,
    directory: Path | None,
) -> int:
    """
    Put the rules of this project out of force for a while.

    A person's command, and the way out when a pack is broken and stops everybody: until
    the time is over every call is let through, recorded as such. What sessions did and
    where they stand is still recorded. Without options it says whether a pause holds.
    """
    project = project_of(directory)
    if ends and lasts_ms is not None:
        raise click.UsageError("either --for or --end")
    if not ends and lasts_ms is None:
        require_unset(["reason"], "goes with --for, or with --end")
        return _tell(project, format_name)
    if not ends and reason is None:
        raise click.UsageError("a pause needs its --reason")
    if lasts_ms is not None and lasts_ms > PAUSE_MS_MAX:
        raise click.BadParameter(
            f"at most {span(PAUSE_MS_MAX)}; pause again when it is over", param_hint="--for"
        )
    require_person("pause", project, key_file)
    return _record(project, lasts_ms or 0, reason or "ended", format_name)


def _record(project: Project, lasts_ms: int, reason: str, format_name: str) -> int:
    with recording_engine(project) as engine:
        now_ms = engine.clock.now_ms()
        held = paused_reason(behind_guard(engine.journal), now_ms)
        if not lasts_ms and not held:
            return _say({"paused": False}, "governance is in force; no pause to end", format_name)
        data: dict[str, Json] = {
            "until_ms": now_ms + lasts_ms,
            "by": person_name(),
            "reason": reason,
        }
        record = engine.record(PROJECT_SESSION, "governance.paused", data, actor=person_name())
    told = recorded_json(
        {**data, "paused": bool(lasts_ms)}, session=PROJECT_SESSION, seq=record.seq
    )
    if not lasts_ms:
        return _say(told, "the pause is over; the rules are in force", format_name)
    until = f"until {moment(now_ms + lasts_ms)}, {span(lasts_ms)} from now"
    return _say(told, f"paused {until}: every call is let through", format_name, bad=True)


def _tell(project: Project, format_name: str) -> int:
    now_ms = SystemClock().now_ms()
    with store_of(project) as journal:
        reason = paused_reason(journal, now_ms)
        newest = _newest(journal) if reason else {}
    if not reason:
        return _say({"paused": False}, "governance is in force", format_name)
    until, by = newest.get("until_ms"), newest.get("by")
    until_ms = until if isinstance(until, int) else now_ms
    told: dict[str, Json] = {"paused": True, "until_ms": until_ms, "by": by, "reason": reason}
    text = f"paused for another {span(until_ms - now_ms)} by {by}: {reason}"
    return _say(told, text, format_name, bad=True)


def _newest(journal: Journal) -> Mapping[str, Json]:
    """Own fields of the newest pause."""
    for record in journal.read(PROJECT_SESSION, limit=PAUSE_ROWS_MAX, reverse=True):
        data = body_of(record).get("data")
        if record.kind == "governance.paused" and isinstance(data, Mapping):
            return data
    return {}


def _say(told: Mapping[str, Json], text: str, format_name: str, *, bad: bool = False) -> int:
    if format_name == "json":
        print_json(told)
    else:
        print_line(text, "bad" if bad else "good")
    return FINE


COMMANDS = {"pause": pause}
