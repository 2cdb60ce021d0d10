"""What survives faults, as shares that are counted; each has a control that must fall short."""

from __future__ import annotations

from pathlib import Path

from tests.postgres_server import Server
from tests.quality.fault_counts import DAMAGES, crashes, integrity, recovery

INTEGRITY_PERCENT_MIN = 99.9
RECOVERY_PERCENT_MIN = 95.0


def test_what_was_acknowledged_survives_power_cuts(tmp_path: Path) -> None:
    """At least 99.9 % of thousands of rows, over 120 cuts."""
    found = integrity(tmp_path, seeds=(4,))

    assert found.of > 2_000
    assert found.percent >= INTEGRITY_PERCENT_MIN


def test_without_syncs_it_does_not(tmp_path: Path) -> None:
    """Negative control: the same count falls below the bound where nothing is synced."""
    assert integrity(tmp_path, power_safe=False, seeds=(4,)).percent < INTEGRITY_PERCENT_MIN


def test_damaged_stores_come_back(tmp_path: Path) -> None:
    """More than 95 % of stores, whatever was destroyed, with a backup and without one."""
    found = recovery(tmp_path, cases=8 * len(DAMAGES), seed=1)

    assert found.percent > RECOVERY_PERCENT_MIN


def test_without_repair_they_do_not(tmp_path: Path) -> None:
    """Negative control: the same count falls below the bound where nobody repairs."""
    found = recovery(tmp_path, cases=4 * len(DAMAGES), seed=1, repair=False)

    assert found.percent < RECOVERY_PERCENT_MIN


def test_a_server_that_crashes_loses_nothing(server: Server, tmp_path: Path) -> None:
    """Of what was acknowledged as durable at least 99.9 %, and whoever wrote goes on by itself."""
    kept, back = crashes(server, tmp_path, rounds=5)

    assert kept.of > 100
    assert kept.percent >= INTEGRITY_PERCENT_MIN
    assert back.percent > RECOVERY_PERCENT_MIN


def test_a_server_that_acknowledges_first_loses(server: Server, tmp_path: Path) -> None:
    """Negative control: both counts fall short where commits are not waited for."""
    kept, back = crashes(server, tmp_path, rounds=2, durable=False)

    assert kept.percent < INTEGRITY_PERCENT_MIN
    assert back.percent < RECOVERY_PERCENT_MIN
