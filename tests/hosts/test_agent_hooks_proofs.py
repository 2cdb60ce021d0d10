"""
What the real SDK of agent-hooks and its conformance kit, both pinned, prove.

`tests/hosts/agent_hooks/vectors.toml` says of each vector whether it passes through the engine,
or which seat is missing for it. It is held against the kit here; after a change of either,
``python -m tests.hosts.test_agent_hooks_proofs`` writes it anew.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from governance.engine import Engine
from governance.states import State
from tests.hosts import python_host
from tests.hosts.environments import environment
from tests.hosts.foreign import clean, proofs, run

FOLDER = Path(__file__).parent / "agent_hooks"
VECTORS = FOLDER / "vectors.toml"
EXPECTED: Mapping[str, Mapping[str, str]] = tomllib.loads(VECTORS.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter that has the SDK and its kit."""
    return environment("agent-hooks")


def results(python: Path, home: Path) -> Mapping[str, Mapping[str, Any]]:
    """Vector → its part, the seat that is missing for it, and what went wrong."""
    done = subprocess.run(
        [python, "-m", "tests.hosts.agent_hooks.vectors"],
        cwd=home,
        env=clean() | {"HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: Mapping[str, Mapping[str, Any]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def vectors(
    python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Mapping[str, Any]]:
    """`results`, run once for all."""
    return results(python, tmp_path_factory.mktemp("vectors"))


@pytest.fixture(scope="module")
def told(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """Proof → what went wrong in it; run once for all."""
    return run(python, FOLDER, tmp_path_factory.mktemp("emitter"))


@pytest.mark.real_client
@pytest.mark.parametrize("name", EXPECTED)
def test_vector(vectors: Mapping[str, Mapping[str, Any]], name: str) -> None:
    """It passes through the engine, or the seat that is missing is the one that is named."""
    assert name in vectors, "it did not run"
    assert vectors[name]["failures"] == []
    assert {key: vectors[name][key] for key in ("part", "seat")} == EXPECTED[name]


@pytest.mark.real_client
def test_no_vector_is_left_out(vectors: Mapping[str, Mapping[str, Any]]) -> None:
    """Each vector that the kit has is named, and most pass."""
    assert set(vectors) == set(EXPECTED)
    assert sum(not one["seat"] for one in EXPECTED.values()) * 2 > len(EXPECTED)


@pytest.mark.real_client
@pytest.mark.parametrize("name", proofs(FOLDER))
def test_proof(told: Mapping[str, list[str]], name: str) -> None:
    """The real SDK does what the proof of that name says."""
    assert name in told, "it did not run"
    assert told[name] == []


@pytest.mark.real_client
def test_the_example_runs(python: Path, tmp_path: Path) -> None:
    """An agent is briefed, and refused a force push."""
    project = python_host.project_at(tmp_path)

    said = python_host.example(python, "agent_hooks_governed.py", project)

    assert "governance.toml" in said
    assert "git.no-force-push" in said
    with Engine.open(project) as engine:
        state = engine.state("hooks-1")
        kinds = [record.kind for record in engine.journal.read("hooks-1")]
    assert state.state is State.ENDED
    assert kinds.count("session.created") == kinds.count("session.ended") == 1
    assert "governance.injected" in kinds


def write() -> None:
    """Write down what the kit says now; nothing is written where a vector fails."""
    with tempfile.TemporaryDirectory() as home:
        found = results(environment("agent-hooks"), Path(home))
    wrong = {name: one["failures"] for name, one in found.items() if one["failures"]}
    if wrong:
        raise SystemExit(json.dumps(wrong, indent=1))
    lines = ["# Vector of the kit → its part, and the seat that is missing for it."]
    lines += [
        f"{name} = {{ part = {json.dumps(one['part'])}, seat = {json.dumps(one['seat'])} }}"
        for name, one in found.items()
    ]
    VECTORS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
