"""`health`: whether the guard can do its work now, for monitoring."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from attrs import evolve

from governance.cli.examining import CHECKS, Surroundings
from governance.cli.founding import examined
from governance.cli.frame import (
    FINE,
    FOUND,
    Example,
    command,
    dir_option,
    format_option,
)
from governance.cli.opening import guarded_store_of
from governance.cli.output import diagnostic_json, print_diagnostics, print_json, print_line, styled
from governance.cli.tables import print_table
from governance.cli.values import Seconds
from governance.clock import SystemClock
from governance.config import HealthTable, load_config
from governance.engine.health import (
    Health,
    HealthLimits,
    failed,
    guarded,
    health_of,
)
from governance.engine.health_check import HealthCheck
from governance.engine.lawmaking import health_limits_of, trusted_config
from governance.engine.store_place import place_elsewhere
from governance.errors import Diagnostic, GovernanceError
from governance.project import Project
from governance.service.client import ask

CODES = {"GOV584": "a service that takes too much memory"}

_MEGABYTE = 1_000_000
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
        Example(
            "governance health --load-seconds-max 30 --save-seconds-max 10"
            " --memory-megabytes-max 900",
            "With more patience, for a store over a network.",
        ),
    ],
    exits="0 healthy, 1 something is wrong, 2 there is no project, nor what is left of one",
)
@click.option("--wal-megabytes-max", type=click.IntRange(1, 1_000_000), default=None,
              help="How large the write-ahead log may be.")  # fmt: skip
@click.option("--free-megabytes-min", type=click.IntRange(0, 1_000_000_000), default=None,
              help="How much room the disk must have.")  # fmt: skip
@click.option("--load-seconds-max", type=Seconds(0.001, 3_600), default=None,
              help="How long loading one session may take, by the clock.")  # fmt: skip
@click.option("--save-seconds-max", type=Seconds(0.001, 3_600), default=None,
              help="How long one small durable write may take, by the clock.")  # fmt: skip
@click.option("--memory-megabytes-max", type=click.IntRange(1, 1_000_000), default=None,
              help="How much memory the local service may take.")  # fmt: skip
@format_option()
@dir_option
def health(
    wal_megabytes_max: int | None,
    free_megabytes_min: int | None,
    load_seconds_max: float | None,
    save_seconds_max: float | None,
    memory_megabytes_max: int | None,
    format_name: str,
    directory: Path | None,
) -> int:
    """
    Look whether the guard can do its work now; cheap enough for every minute.

    The store is opened, read and written, and a session loaded, each time the next one; both
    must be fast enough. A part of its chain is walked, and of the values beside the rows, each
    time the next one; how the pages of its file are built is looked at for a second; its
    write-ahead log and the room on the disk are measured, and the memory of the local service,
    where one runs; a backup that failed and calls that no hook was asked about (missed
    heartbeats) are told. What is kept of rows to save time is not looked at: `governance verify`
    looks at all, and `governance doctor` at what else governs a project.

    What is too much stands under `[health]` in `governance.toml`; an option counts in its place.
    """
    project = examined(directory)
    now_ms = SystemClock().now_ms()
    limits, memory_max = _configured(project)
    given: dict[str, Any] = {
        "wal_megabytes_max": wal_megabytes_max,
        "free_megabytes_min": free_megabytes_min,
        "load_seconds_max": load_seconds_max,
        "save_seconds_max": save_seconds_max,
    }
    limits = evolve(limits, **{name: one for name, one in given.items() if one is not None})
    if memory_megabytes_max is not None:
        memory_max = memory_megabytes_max
    seen = _store(project, now_ms, limits)
    around = Surroundings(project, now_ms, dict(os.environ))
    seen += tuple(_also(name, around) for name in _ALSO)
    seen += (guarded("service", lambda: _service(memory_max)),)
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
    seen_part = "healthy, as far as one look goes; `governance verify` looks at all"
    print_line(seen_part if whole.ok else "not healthy", "good" if whole.ok else "bad")
    return FINE if whole.ok else FOUND


def _configured(project: Project) -> tuple[HealthLimits, int]:
    """What `[health]` says, and the most memory of the service in megabytes."""
    try:
        config = trusted_config(load_config(project.directory))
    except GovernanceError:
        # What is wrong with it is found when the store is opened, or cannot be.
        return HealthLimits(), HealthTable().memory_megabytes_max
    return health_limits_of(config), config.health.memory_megabytes_max


def _store(project: Project, now_ms: int, limits: HealthLimits) -> tuple[HealthCheck, ...]:
    """What is seen of the store, as far as it can be opened."""
    try:
        with guarded_store_of(project) as (journal, inner):
            checks = health_of(journal, now_ms=now_ms, limits=limits, loading=inner).checks
        elsewhere = place_elsewhere(load_config(project.directory))
        if elsewhere is None:
            return checks
        return (*checks, HealthCheck("place", f"`{elsewhere}`, outside the project"))
    except GovernanceError as error:
        return (failed("open", error),)


def _also(name: str, around: Surroundings) -> HealthCheck:
    def look() -> HealthCheck:
        found = CHECKS[name](around)
        return HealthCheck(found.name, found.saw, found.findings)

    return guarded(name, look)


def _service(megabytes_max: int) -> HealthCheck:
    """What the local service takes, which has the engines of all projects open."""
    told = ask("status")
    process = told.get("process") if told is not None else None
    if told is None or not isinstance(process, Mapping):
        return HealthCheck("service", "none runs, or none that tells")
    taken, user, system = (
        value if isinstance(value := process.get(name), (int, float)) else 0
        for name in ("memory_bytes", "cpu_user_seconds", "cpu_system_seconds")
    )
    saw = f"{taken / _MEGABYTE:.0f} MB, {user + system:.1f} s of CPU in {told.get('seconds')} s"
    if taken <= megabytes_max * _MEGABYTE:
        return HealthCheck("service", saw)
    found = Diagnostic(
        "GOV584",
        f"the service takes {saw}, more than {megabytes_max} MB",
        suggestion="`[live]` bounds what an engine holds; `governance serve --stop` ends it",
    )
    return HealthCheck("service", saw, (found,))


COMMANDS = {"health": health}
