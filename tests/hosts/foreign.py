"""
Proofs that only a Python with a foreign package can run, each shown by its own name.

They are functions `prove_…` in files `proofs_….py` of one folder, and are all run at once.
"""

from __future__ import annotations

import ast
import os
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path

from governance.testing.host_contract import HostContract
from tests.hosts.environments import ROOT

PROOFS_SECONDS_MAX = 240


def proofs(folder: Path) -> list[str]:
    """The names of all proofs, read from their files: nothing here can import the package."""
    return [
        node.name
        for file in sorted(folder.glob("proofs_*.py"))
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("prove_")
    ]


def promises() -> list[str]:
    """The names of all tests of the contract of adapters."""
    return [name for name in dir(HostContract) if name.startswith("test_")]


def clean() -> dict[str, str]:
    """The whole environment of a run: nothing is inherited that could lead elsewhere."""
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}


def run(python: Path, folder: Path, home: Path) -> Mapping[str, list[str]]:
    """Proof → what went wrong in it, an empty list for nothing."""
    report = home / "report.xml"
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-c", folder / "pytest.ini", folder, f"--junitxml={report}"],
        cwd=home,
        env=clean() | {"HOME": str(home)},
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
