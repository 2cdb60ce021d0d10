"""The table of defects names tests that exist, and leaves out none that is about one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "defects.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)
ABOUT_DEFECTS = (
    "tests/quality/test_regressions_idumb.py",
    "tests/quality/test_regressions_storage.py",
)


def names_in(file: str) -> set[str]:
    """The names of the tests that *file* has."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda word: word.split("/")[-1])
def test_a_named_test_exists(file: str, name: str) -> None:
    """Whoever doubts a row finds its test."""
    assert (ROOT / file).exists()
    assert name in names_in(file)


@pytest.mark.parametrize("file", ABOUT_DEFECTS)
def test_every_test_about_a_defect_is_in_the_table(file: str) -> None:
    """A regression test without a row is one that nobody knows the reason of."""
    assert names_in(file) - {name for where, name in NAMED if where == file} == set()


def test_every_row_has_a_test() -> None:
    """Nothing is claimed that is not built."""
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row.startswith(("| what", "| ---"))]

    assert len(rows) > 50
    for row in rows:
        _, holds, *test = (cell.strip() for cell in row.strip("| ").split(" | "))
        assert holds, row
        assert test, row
        assert "::test_" in test[0], row
