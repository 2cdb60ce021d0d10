"""
Proofs of a harness that is a Python package, run by a Python that has it.

They are functions `prove_…` in a folder; each of them passes or fails by its own name.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path

from governance.journal import open_journal
from governance.project import create_project
from tests.hosts.environments import ROOT

PROOFS_SECONDS_MAX = 240
PACKS = ("briefing.toml", "git-safety.toml")


def proofs(folder: Path) -> list[str]:
    """The names of all proofs, read from their files: nothing here can import the harness."""
    return [
        node.name
        for file in sorted(folder.glob("proofs_*.py"))
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("prove_")
    ]


def clean(home: Path) -> dict[str, str]:
    """The whole environment of a run: nothing is inherited that could lead elsewhere."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "OPENAI_AGENTS_DISABLE_TRACING": "1",
        "LANGSMITH_TRACING": "false",
    }


def told(python: Path, folder: Path, home: Path) -> Mapping[str, list[str]]:
    """Proof → what went wrong in it, an empty list for nothing."""
    report = home / "report.xml"
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-c", folder / "pytest.ini", folder, f"--junitxml={report}"],
        cwd=home,
        env=clean(home),
        capture_output=True,
        text=True,
        timeout=PROOFS_SECONDS_MAX,
    )
    assert report.exists(), done.stdout + done.stderr
    found: dict[str, list[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.get("name", "").partition("[")[0]
        wrong = [one.text or one.tag for one in case if one.tag in ("failure", "error", "skipped")]
        found.setdefault(name, []).extend(wrong)
    return found


def project_at(folder: Path) -> Path:
    """A project with a briefing and the rules on git."""
    project = folder / "project"
    (project / "rules").mkdir(parents=True)
    for name in PACKS:
        shutil.copyfile(ROOT / "rules" / name, project / "rules" / name)
    named = ", ".join(f'"rules/{name}"' for name in PACKS)
    create_project(project, f"[packs]\npaths = [{named}]\n")
    open_journal(base=project, create=True).close()
    return project


def example(python: Path, name: str, project: Path) -> str:
    """What the example *name* prints, run in *project*; it must exit with 0."""
    done = subprocess.run(
        [python, ROOT / "examples" / name, project],
        env=clean(project.parent),
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
