"""
What the real Mellea, pinned and in an environment of its own, proves on loopback.

The proofs stand in `tests/hosts/mellea`, and are run there by a Python that has Mellea; here
each of them passes or fails by its own name.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from governance.engine import Engine
from governance.journal import open_journal
from governance.project import create_project
from governance.states import State
from tests.hosts.environments import ROOT, environment
from tests.hosts.foreign import clean, promises, proofs, run

FOLDER = Path(__file__).parent / "mellea"
PACKS = ("briefing.toml", "git-safety.toml")
EXAMPLE = ROOT / "examples" / "mellea_custom_session.py"


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter that has Mellea."""
    return environment("mellea")


@pytest.fixture(scope="module")
def told(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """Proof → what went wrong in it, an empty list for nothing; run once for all."""
    return run(python, FOLDER, tmp_path_factory.mktemp("mellea"))


@pytest.mark.real_client
@pytest.mark.parametrize("name", proofs(FOLDER))
def test_proof(told: Mapping[str, list[str]], name: str) -> None:
    """The real Mellea does what the proof of that name says."""
    assert name in told, "it did not run"
    assert told[name] == []


@pytest.mark.real_client
@pytest.mark.parametrize("name", promises())
def test_contract(told: Mapping[str, list[str]], name: str) -> None:
    """The adapter keeps the promise of that name with the real package."""
    assert name in told, "it did not run"
    assert told[name] == []


@pytest.mark.real_client
def test_the_example_of_an_own_session_type_runs(python: Path, tmp_path: Path) -> None:
    """A subclass with its own context and method is briefed, and refused a force push."""
    project = tmp_path / "project"
    (project / "rules").mkdir(parents=True)
    for name in PACKS:
        shutil.copyfile(ROOT / "rules" / name, project / "rules" / name)
    named = ", ".join(f'"rules/{name}"' for name in PACKS)
    create_project(project, f"[packs]\npaths = [{named}]\n")
    open_journal(base=project, create=True).close()
    env = clean() | {"HOME": str(tmp_path)}

    done = subprocess.run(
        [python, EXAMPLE, project],
        env=env,
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "governance.toml" in done.stdout
    assert "git.no-force-push" in done.stdout
    told = int(done.stdout.partition("was told ")[2].split()[0])
    assert told > 0
    session = done.stdout.partition("session ")[2].split()[0]
    with Engine.open(project) as engine:
        state = engine.state(session)
        kinds = [record.kind for record in engine.journal.read(session)]
    assert state.state is State.ENDED
    assert kinds.count("session.created") == kinds.count("session.ended") == 1
    assert "governance.injected" in kinds
