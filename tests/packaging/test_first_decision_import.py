"""A process of one decision imports no module that its answer does not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from governance._shipped import pack_texts
from governance.config import default_toml
from governance.journal.opening import open_journal
from governance.project import create_project

ROOT = Path(__file__).parents[2]

HEAVY = (
    "argparse",
    "asyncio",
    "cattrs",
    "click",
    "concurrent",
    "dataclasses",
    "difflib",
    "email",
    "encodings.idna",
    "http",
    "hypothesis",
    "importlib.metadata",
    "importlib.resources",
    "logging",
    "pickle",
    "re2",
    "rich",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "transitions",
    "uuid",
    "zoneinfo",
)
"""Modules that cost a hook's process milliseconds, and that a plain call needs not."""

UNNEEDED = (
    "governance.cli",
    "governance.diagrams",
    "governance.journal.searching",
    "governance.rules.examples",
    "governance.rules.explain",
    "governance.testing",
    "governance.verify",
)
"""Rooms of the engine for other moments; examples are left alone once they were run."""

_DECIDE = """
import sys
from governance import Engine
with Engine.open({project!r}) as engine:
    reply = engine.session("s").tool("read", {{"path": "a.py"}}, call_id="1")
assert reply.state, reply
print("\\n".join(sys.modules))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project, whose state is kept in a folder of the test."""
    for name in ("STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    folder = tmp_path / "project"
    folder.mkdir()
    create_project(folder, default_toml())
    open_journal(base=folder, create=True).close()
    return folder


def modules_of_a_decision(project: Path) -> set[str]:
    """Names of the modules that a process has imported which opened *project* and decided."""
    # -S: an editable installation's own start-up code is none of ours.
    paths = [str(ROOT), *(one for one in sys.path if one.endswith("site-packages"))]
    code = f"import sys; sys.path[:0] = {paths!r}" + _DECIDE.format(project=str(project))
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_a_decision_imports_nothing_that_it_does_not_need(project: Path) -> None:
    """From the second process on, neither heavy modules nor other rooms are imported."""
    modules_of_a_decision(project)
    found = modules_of_a_decision(project)

    assert "governance.engine.engine" in found
    assert sorted(found & {*HEAVY, *UNNEEDED}) == []


def test_the_first_process_does_more(project: Path) -> None:
    """The measure works: the process that has to prove a project's rules is seen to do so."""
    (project / "own.toml").write_text(pack_texts()["git-safety"] + "\n# the project's own\n")
    (project / "governance.toml").write_text('packs.paths = ["own.toml"]\n')
    assert {"re2", "governance.rules.examples"} <= modules_of_a_decision(project)
