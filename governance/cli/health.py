"""`health`: whether the guard can do its work now, for monitoring."""

from __future__ import annotations

import os
from pathlib import Path

import click

from governance.cli.examining import CHECKS, Surroundings
from governance.cli.frame import (
    FINE,
    FOUND,
    Example,
    command,
    dir_option,
    format_option,
    project_of,
)
from governance.cli.opening import store_of
from governance.cli.output import (
    diagnostic_json,
    print_diagnostics,
    print_json,
    print_line,
    print_table,
    styled,
)
from governance.clock import SystemClock
from governance.engine.health import (
    FREE_MEGABYTES_MIN,
    WAL_MEGABYTES_MAX,
    Health,
    HealthCheck,
    HealthLimits,
    failed,
    guarded,
    health_of,
)
from governance.errors import GovernanceError
from governance.project import Project

_ALSO = ("backup", "heartbeat")
"""Checks of `doctor` that can turn red by themselves while nobody changes anything."""


@command(
    "health",
    examples=[
        Example("governance health", "Whether the store can be read, written and trusted."),
        Example("governance health --format json", "The same, for monitoring."),
        Example(
            "governance health --wal-megabytes-max 64 --free-megabytes-min 500",
            "With limits of your own.",
        ),
    ],
    exits="0 healthy, 1 something is wrong, 2 it could not look",
)
@click.option("--wal-megabytes-max", type=click.IntRange(1, 1_000_000), default=WAL_MEGABYTES_MAX,
              show_default=True, help="How large the write-ahead log may be.")  # fmt: skip
@click.option("--free-megabytes-min", type=click.IntRange(0, 1_000_000_000),
              default=FREE_MEGABYTES_MIN, show_default=True,
              help="How much room the disk must have.")  # fmt: skip
@format_option()
@dir_option
def health(
    wal_megabytes_max: int, free_megabytes_min: int, format_name: str, directory: Path | None
) -> int:
    """
    Look whether the guard can do its work now; cheap enough for every minute.

    The store is opened, read and written; a part of its chain is walked, each time the
    next one; its write-ahead log and the room on the disk are measured; a backup that failed
    and calls that no hook was asked about (missed heartbeats) are told. `governance doctor`
    looks at far more.
    """
    project = project_of(directory)
    now_ms = SystemClock().now_ms()
    seen = _store(project, now_ms, HealthLimits(wal_megabytes_max, free_megabytes_min))
    around = Surroundings(project, now_ms, dict(os.environ))
    seen += tuple(_also(name, around) for name in _ALSO)
    whole = Health(seen)
    if format_name == "json":
        print_json(
            {
                "ok": whole.ok,
                "checks": [{"check": one.name, "ok": one.ok, "saw": one.saw} for one in seen],
                "diagnostics": [diagnostic_json(found) for one in seen for found in one.findings],
            }
        )
        return FINE if whole.ok else FOUND
    print_table(
        ("check", "", "seen"),
        [
            (one.name, styled("ok", "good") if one.ok else styled("bad", "bad"), one.saw)
            for one in seen
        ],
    )
    print_diagnostics([found for one in seen for found in one.findings])
    print_line("healthy" if whole.ok else "not healthy", "good" if whole.ok else "bad")
    return FINE if whole.ok else FOUND


def _store(project: Project, now_ms: int, limits: HealthLimits) -> tuple[HealthCheck, ...]:
    """What is seen of the store, as far as it can be opened."""
    try:
        with store_of(project) as journal:
            return health_of(journal, now_ms=now_ms, limits=limits).checks
    except GovernanceError as error:
        return (failed("open", error),)


def _also(name: str, around: Surroundings) -> HealthCheck:
    def look() -> HealthCheck:
        found = CHECKS[name](around)
        return HealthCheck(found.name, found.saw, found.findings)

    return guarded(name, look)


COMMANDS = {"health": health}
