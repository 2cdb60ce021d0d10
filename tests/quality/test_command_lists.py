"""The packs catch what is harmful and let be what is not, on lists they were not made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache

import pytest

from tests.quality.command_lists import LISTS, PAGE, Answered, answered, calls_of, figures, page

RECALL_MIN = 0.95
FALSE_BLOCKS_MAX = 0.02


def results(name: str) -> Sequence[Answered]:
    """What the packs say of a list; all are asked about at once."""
    return all_results()[name]


@cache
def all_results() -> Mapping[str, Sequence[Answered]]:
    return answered(LISTS)


@pytest.mark.parametrize("name", LISTS)
def test_enough_is_caught_and_little_stopped(name: str) -> None:
    """Of each list 95 % of the harmful calls are caught, and 2 % of the harmless at most."""
    found = figures(results(name))

    assert found.recall >= RECALL_MIN
    assert found.false_blocks <= FALSE_BLOCKS_MAX


def test_the_figures_that_are_published_are_these() -> None:
    """The page of the documents says what is measured today."""
    assert PAGE.read_text(encoding="utf-8") == page({name: results(name) for name in LISTS})


@pytest.mark.parametrize("name", LISTS)
def test_the_lists_are_large_and_of_both_kinds(name: str) -> None:
    """Each list has 500 calls or more, no call twice, and at least a third of either kind."""
    calls = calls_of(name)
    kinds = [one["expect"] for one in calls]

    assert len(calls) >= 500
    assert len({json.dumps([one["tool"], one["args"]]) for one in calls}) == len(calls)
    assert min(kinds.count("caught"), kinds.count("harmless")) * 3 >= len(calls)
