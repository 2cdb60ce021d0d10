"""The time a session was away has exactly one class, and every bound belongs to the upper."""

from __future__ import annotations

import pytest

from governance.errors import DefinitionError
from governance.machine import GapBounds, classify_gap

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("gap_ms", "expected"),
    [
        (None, "unknown"),
        (-HOUR, "negative"),
        (-1, "negative"),
        (0, "short"),
        (HOUR - 1, "short"),
        (HOUR, "notice"),
        (48 * HOUR - 1, "notice"),
        (48 * HOUR, "stale"),
        (168 * HOUR - 1, "stale"),
        (168 * HOUR, "fresh"),
        (10**15, "fresh"),
    ],
)
def test_bounds(gap_ms: int | None, expected: str) -> None:
    """One hour, two days and a week to the millisecond belong to the class above."""
    assert classify_gap(gap_ms, GapBounds()) == expected


@pytest.mark.parametrize(
    ("bounds", "wrong"),
    [
        ((0, 2, 3), ["notice_seconds_min"]),
        ((-1, 2, 3), ["notice_seconds_min"]),
        ((5, 5, 6), ["stale_seconds_min"]),
        ((5, 6, 6), ["fresh_seconds_min"]),
        ((9, 6, 3), ["stale_seconds_min", "fresh_seconds_min"]),
    ],
)
def test_bounds_must_rise(bounds: tuple[int, int, int], wrong: list[str]) -> None:
    """Bounds that do not rise are refused, each by its name."""
    with pytest.raises(DefinitionError) as caught:
        GapBounds(*bounds)
    assert [one.path[-1] for one in caught.value.diagnostics] == wrong
    assert {one.code for one in caught.value.diagnostics} == {"GOV169"}
