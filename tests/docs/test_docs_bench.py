"""The page of bounds speaks of what is measured, and a part of a run changes its part alone."""

from __future__ import annotations

import re

import pytest

from tests.bench.__main__ import EVERY, MARKS, PAGE, Found, chosen, page_with, rows_of
from tests.bench.rows import BENCHES, THRESHOLDS, Bench

REQUIREMENTS = PAGE.with_name("session-management.md")


def _tables() -> dict[str, dict[str, str]]:
    page = PAGE.read_text(encoding="utf-8")
    return {
        mark: rows_of(page.partition(f"<!-- {mark} -->")[2].partition(f"<!-- end of {mark} -->")[0])
        for mark in MARKS
    }


def test_every_row_is_one_that_is_measured() -> None:
    """Each row of the page is a bench of its table, in the words that it has now."""
    for mark, table in _tables().items():
        known = {one.name: one for one in MARKS[mark]}
        for name, line in table.items():
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            assert known[name].what == cells[1], name
            assert known[name].unit in cells[2]


def test_every_threshold_is_on_the_page() -> None:
    """What a manager of sessions is asked for is measured, each, and none of it missed."""
    table = _tables()["thresholds"]

    assert {one.name for one in THRESHOLDS} <= table.keys()
    assert not [name for name, line in table.items() if "missed" in line]
    section = REQUIREMENTS.read_text(encoding="utf-8").partition("## Thresholds")[2]
    assert set(re.findall(r"`([a-z-]+)`", section)) >= {one.name for one in THRESHOLDS}


def test_names_are_told_apart() -> None:
    """No two benches of either table have one name."""
    assert len({one.name for one in EVERY}) == len(BENCHES) + len(THRESHOLDS)


def test_a_part_of_a_run_changes_its_rows_alone() -> None:
    """A row that was measured takes its place; all others stay, in the order of the benches."""
    page = PAGE.read_text(encoding="utf-8")
    bench = next(one for one in BENCHES if one.name == "flat")

    changed = page_with(page, [Found(bench, 1.25, 1.5, 1.0)])

    assert "| flat | " + bench.what + " | 1.25 × | ≤ 1.5 × | 1.2 × |" in changed
    before, after = page.splitlines(), changed.splitlines()
    kept = {line for line in before if line.startswith("| ") and not line.startswith("| flat |")}
    assert kept <= set(after)
    names = [line.split()[1] for line in after if re.match(r"\| [\w-]+ \|", line)]
    known = [one.name for one in EVERY]
    places = [known.index(name) for name in names if name in known]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["flat", "--write"], ["flat"]),
        (["--from", EVERY[-2].name], [one.name for one in EVERY[-2:]]),
        (["--from", EVERY[-2].name, EVERY[-1].name], [EVERY[-1].name]),
        ([], [one.name for one in EVERY]),
    ],
)
def test_words_choose(words: list[str], names: list[str]) -> None:
    """Names, a place to go on from, or all."""
    assert [one.name for one in chosen(words)[0]] == names


@pytest.mark.parametrize("words", [["nothing"], ["--from"], ["--from", "nothing"]])
def test_what_is_not_known_is_said(words: list[str]) -> None:
    """An unknown name runs nothing."""
    assert chosen(words) == ((), chosen(words)[1])
    assert chosen(words)[1]


def test_a_miss_is_seen_on_either_side() -> None:
    """Above a bound that is the most, below one that is the least."""
    most, least = Bench("a", "", lambda _: (0, 0)), Bench("b", "", lambda _: (0, 0), least=True)

    assert [Found(most, measured, 2, 0).missed for measured in (-1, 0, 1, 3)] == [
        False,
        False,
        False,
        True,
    ]
    assert [Found(least, measured, 2, 0).missed for measured in (1, 3)] == [True, False]
