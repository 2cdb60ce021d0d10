"""What formatters, archives, lookups and checks do to files."""

from __future__ import annotations

import pytest

from governance.shell import read_line


def _paths(line: str, fact: str) -> set[str]:
    return {str(word) for one in read_line(line).commands for word in getattr(one, fact)}


@pytest.mark.parametrize(
    "line",
    [
        "prettier --write a.json",
        "npx prettier -w a.json",
        "black a.json",
        "ruff check --fix a.json",
        "ruff format a.json",
        "taplo fmt a.json",
        "eslint --fix a.json",
        "biome format --write a.json",
        "shfmt -i 2 -w a.json",
        "gofmt -l -w a.json",
        "tar xf b.tar a.json",
        "unzip -o b.zip a.json",
    ],
)
def test_what_is_changed_in_place_is_written(line: str) -> None:
    """A formatter that is told to, and an archive of which one file is taken, write it."""
    assert any(one.endswith("a.json") for one in _paths(line, "writes"))


@pytest.mark.parametrize(
    "line",
    [
        "prettier --check a.json",
        "prettier a.json",
        "black --check a.json",
        "ruff check a.json",
        "ruff format --diff a.json",
        "taplo lint a.json",
        "eslint a.json",
        "biome format a.json",
        "shfmt -i 2 a.json",
        "gofmt -d a.json",
        "tar tf b.tar a.json",
        "unzip -l b.zip a.json",
    ],
)
def test_what_is_only_looked_at_is_not_written(line: str) -> None:
    """Without its flag, or with one that only asks, a formatter writes nothing."""
    assert not _paths(line, "writes")


@pytest.mark.parametrize(
    ("line", "removed"),
    [
        ("find . -delete -name '*.pyc'", {"."}),
        ("find . -name '*.pyc' -delete", {"./*.pyc"}),
        ("find . -path ./.git -prune -o -name '*.orig' -exec rm {} +", {"./*.orig"}),
        ("find . -type d -name .git -prune -exec rm -r {} +", {"./.git"}),
    ],
)
def test_the_order_of_tests_counts(line: str, removed: set[str]) -> None:
    """What stands after an action does not hold it back; what is pruned is left out."""
    assert _paths(line, "removes") == removed


def test_a_shell_that_only_checks_runs_nothing() -> None:
    """`bash -n` reads a script and runs none of it."""
    line = read_line("bash -n -c 'rm x'; sh -n deploy.sh")

    assert [one.program for one in line.commands] == ["bash", "sh"]
    assert not any(one.opaque for one in line.commands)


@pytest.mark.parametrize(
    "line",
    [
        "echo 'UPDATE t SET a = 1' > a.sql && psql -f a.sql",
        "echo 'UPDATE t SET a = 1' > a.sql && mysql shop < a.sql",
        "python3 -c \"c.execute(s.text('UPDATE t SET a = 1'))\"",
    ],
)
def test_a_file_of_statements_is_read(line: str) -> None:
    """What the line has written for a server to be told is told to it."""
    assert "UPDATE t SET a = 1" in _paths(line, "code")


def test_what_a_variable_has_powershell_run_is_not_known() -> None:
    """A text of PowerShell that is put together when it runs is dynamic besides."""
    kinds = [one.kind for one in read_line('pwsh -c "$CMD"').commands[0].opaque]

    assert kinds == ["foreign", "dynamic"]


@pytest.mark.parametrize(
    ("line", "fact", "paths"),
    [
        ("cmake -E rm -rf /x/y", "removes", {"/x/y"}),
        ("cmake -E remove_directory /x/y", "removes", {"/x/y"}),
        ("cmake -E rename /x/y z", "writes", {"z"}),
        ("cmake --build build", "removes", set()),
        ("git apply --include='.governance/*' a.patch", "writes", {".governance/*"}),
        ("git apply --check --include='.governance/*' a.patch", "writes", set()),
        ('perl -e \'open(F, "+<", "/dev/sdb")\'', "writes", {"/dev/sdb"}),
    ],
)
def test_tools_within_tools_write_and_remove(line: str, fact: str, paths: set[str]) -> None:
    """What a builder's own tools, a patch that is let write, and a file opened for both do."""
    assert paths <= _paths(line, fact)
    assert paths or not _paths(line, fact)
