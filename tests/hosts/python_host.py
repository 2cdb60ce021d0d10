"""
Proofs of harnesses that are Python packages, each run by a Python that has it.

They are functions `prove_…` in files `proofs_….py` of a folder of the harness's name, run all
at once there; `PythonHost` shows each of them here by its own name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from governance.engine import Engine
from governance.journal import open_journal
from governance.project import create_project
from governance.states import State
from tests.hosts import proofs
from tests.hosts.environments import ROOT, environment

PROOFS_SECONDS_MAX = 240
EXAMPLE_SECONDS_MAX = 120
PACKS = ("briefing.toml", "git-safety.toml")


class PythonHost:
    """
    The proofs of one harness, as tests: a subclass ``TestNAME`` says which.

    Attributes:
        HOST: Its name; its proofs are in the folder of that name, with ``_`` for ``-``.
    """

    HOST: ClassVar[str]

    @classmethod
    def variables(cls) -> Mapping[str, str]:
        """What its proofs and its example find in their environment, beyond the usual."""
        return {}

    @pytest.fixture(scope="class")
    @classmethod
    def python(cls) -> Path:
        """The interpreter that has the harness."""
        return environment(cls.HOST)

    @pytest.fixture(scope="class")
    @classmethod
    def told(
        cls, python: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> Mapping[str, list[str]]:
        """Proof → what went wrong in it, an empty list for nothing; run once for all."""
        home = tmp_path_factory.mktemp(cls.HOST)
        return _told(python, proofs.folder_of(cls.HOST), home, cls.variables())

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test a proof, a promise of the contract of adapters, a vector."""
        found = {
            "proof": proofs.functions_of,
            "promise": proofs.promises_of,
            "vector": proofs.vectors_of,
        }
        for name, names in found.items():
            if name in metafunc.fixturenames:
                listed = tuple(names(self.HOST))
                marks = {one: proofs.mark_of(self.HOST, one) for one in listed}
                metafunc.parametrize(
                    name, [pytest.param(one, marks=marks[one], id=one) for one in listed]
                )

    @pytest.mark.real_client
    def test_proof(self, told: Mapping[str, list[str]], proof: str) -> None:
        """The real harness does what the proof of that name says."""
        assert proof in told, "it did not run"
        assert told[proof] == [], "\n".join(told[proof])

    def example(self, python: Path, name: str, project: Path) -> str:
        """What the example *name* prints, run in *project*; it must exit with 0."""
        done = subprocess.run(
            [python, ROOT / "examples" / name, project],
            env=clean(project.parent) | self.variables(),
            cwd=project,
            capture_output=True,
            text=True,
            timeout=EXAMPLE_SECONDS_MAX,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


class AdapterHost(PythonHost):
    """A harness whose adapter is run by the contract of adapters too, in `proofs_contract.py`."""

    @pytest.mark.real_client
    def test_contract(self, told: Mapping[str, list[str]], promise: str) -> None:
        """The adapter keeps the promise of that name with the real harness."""
        assert promise in told, "it did not run"
        assert told[promise] == [], "\n".join(told[promise])


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


def _told(
    python: Path, folder: Path, home: Path, variables: Mapping[str, str]
) -> Mapping[str, list[str]]:
    report = home / "report.xml"
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-c", folder / "pytest.ini", folder, f"--junitxml={report}"],
        cwd=home,
        env=clean(home) | variables,
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


def check_example(said: str, project: Path, session: str) -> None:
    """The model of *session* was briefed, it was refused a force push, and it ended once."""
    assert "git.no-force-push" in said
    assert int(said.partition("was told ")[2].split()[0]) > 0
    with Engine.open(project) as engine:
        state = engine.state(session)
        kinds = [record.kind for record in engine.journal.read(session)]
    assert state.state is State.ENDED
    assert kinds.count("session.created") == kinds.count("session.ended") == 1
    assert "governance.injected" in kinds
