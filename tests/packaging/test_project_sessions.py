"""The sessions of nox: each is told of, and what CI calls is there."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

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


TOOLS = """mkdir -p .venv/bin
echo 'echo "== $2"; [ "$2" != "$BAD" ]' > .venv/bin/nox
echo true > .venv/bin/pip
chmod +x .venv/bin/*
echo '=== 12 passed in 1.00s ==='"""
"""In place of the README's test command: tools that do nothing but fail where they are to."""


@pytest.mark.parametrize("bad", ["", "lint", "types", "hosts"])
def test_ci_ends_as_its_sessions_do(tmp_path: Path, bad: str) -> None:
    """With 0 and pytest's closing line, or with the code of what failed; nothing is left behind."""
    tree, rest = tmp_path / "tree", tmp_path / "rest"
    (tree / ".ci").mkdir(parents=True)
    rest.mkdir()
    shutil.copy(ROOT / ".ci" / "run", tree / ".ci" / "run")
    (tree / "README.md").write_text(f"<!-- command: test -->\n```sh\n{TOOLS}\n```\n")
    for words in (("init", "-q"), ("add", ".")):
        subprocess.run(["git", *words], cwd=tree, check=True)

    done = subprocess.run(
        [str(tree / ".ci" / "run")],
        env={**os.environ, "TMPDIR": str(rest), "BAD": bad},
        capture_output=True,
        text=True,
    )

    assert done.returncode == (1 if bad else 0), done.stderr
    assert ("12 passed" in done.stdout.splitlines()[-1]) is not bool(bad)
    assert list(rest.iterdir()) == []
