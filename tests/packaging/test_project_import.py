"""`import governance` is light and lazy, and what it offers is really there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import governance

HEAVY = (
    "apsw",
    "psycopg",
    "asyncio",
    "attr",
    "cattrs",
    "click",
    "concurrent",
    "dataclasses",
    "email",
    "hypothesis",
    "importlib.metadata",
    "importlib.resources",
    "inspect",
    "json",
    "logging",
    "pathlib",
    "re2",
    "rich",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "tomllib",
    "transitions",
    "urllib",
    "zoneinfo",
)


def modules_after(statement: str) -> set[str]:
    """Names of the modules that *statement* added to those a bare interpreter has."""
    code = (
        "import sys; before = set(sys.modules); "
        f"{statement}; print('\\n'.join(set(sys.modules) - before))"
    )
    # -S: an editable installation's own start-up code is none of ours.
    result = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=str(__import__("pathlib").Path(__file__).parents[2]),
    )
    return set(result.stdout.split())


def test_importing_the_package_imports_nothing_heavy() -> None:
    """A hook process pays for what it uses and for nothing else."""
    added = modules_after("import governance")

    assert "governance" in added
    assert sorted(added & set(HEAVY)) == []


def test_the_list_of_heavy_modules_can_be_hit() -> None:
    """The measure works: an import that is heavy is seen as such."""
    assert "tomllib" in modules_after("import tomllib")


@pytest.mark.parametrize("name", governance.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """What `__all__` lists can be had, and `dir` shows it."""
    assert getattr(governance, name) is not None
    assert name in dir(governance)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelled name fails as in any module."""
    with pytest.raises(AttributeError, match="`Enigne`"):
        governance.Enigne  # noqa: B018 -- the access itself is under test


def test_the_public_names_are_sorted_and_unique() -> None:
    """The list can be read."""
    assert sorted(set(governance.__all__)) == list(governance.__all__)
