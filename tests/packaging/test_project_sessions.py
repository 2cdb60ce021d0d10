"""The sessions of nox: each is told of, and what CI calls is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What CI leaves out: it mends, is run by the command of the README, needs more, or measures.
APART = {"fix", "tests", "pythons", "bench"}


def sessions() -> set[str]:
    """The names of the sessions, as the file of nox defines them."""
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any("nox.session" in ast.unparse(one) for one in node.decorator_list)
    }


def test_contributing_tells_of_every_session() -> None:
    """Each session has its row in the table, and no row is of a session that is gone."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `\.venv/bin/nox -s (\w+)` \|", text, re.MULTILINE)) == sessions()


def test_ci_calls_every_session_that_any_machine_can_run() -> None:
    """The script of CI calls all but what mends, measures, or needs more interpreters."""
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    one_by_one = " ".join(re.findall(r"^for session in (.+);", text, re.MULTILINE)).split()
    beside = re.findall(r"^\.venv/bin/nox -s (\w+) .*&$", text, re.MULTILINE)

    assert sorted(one_by_one + beside) == sorted(sessions() - APART)
