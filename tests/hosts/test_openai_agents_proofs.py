"""What the real OpenAI Agents SDK, pinned and in an environment of its own, proves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from governance.engine import Engine
from governance.states import State
from tests.hosts import python_host
from tests.hosts.environments import environment
from tests.hosts.foreign import promises

FOLDER = Path(__file__).parent / "openai_agents"


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter that has the SDK."""
    return environment("openai-agents")


@pytest.fixture(scope="module")
def told(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """Proof → what went wrong in it; run once for all."""
    return python_host.told(python, FOLDER, tmp_path_factory.mktemp("openai-agents"))


@pytest.mark.real_client
@pytest.mark.parametrize("name", python_host.proofs(FOLDER))
def test_proof(told: Mapping[str, list[str]], name: str) -> None:
    """The real SDK does what the proof of that name says."""
    assert name in told, "it did not run"
    assert told[name] == []


@pytest.mark.real_client
@pytest.mark.parametrize("name", promises())
def test_contract(told: Mapping[str, list[str]], name: str) -> None:
    """The adapter keeps the promise of that name with the real package."""
    assert name in told, "it did not run"
    assert told[name] == []


@pytest.mark.real_client
def test_the_example_runs(python: Path, tmp_path: Path) -> None:
    """An agent and the one that it hands to are briefed, and refused a force push."""
    project = python_host.project_at(tmp_path)

    said = python_host.example(python, "openai_agents_governed.py", project)

    assert "git.no-force-push" in said
    assert int(said.partition("was told ")[2].split()[0]) > 0
    with Engine.open(project) as engine:
        state = engine.state("agents-1")
        kinds = [record.kind for record in engine.journal.read("agents-1")]
    assert state.state is State.ENDED
    assert kinds.count("session.created") == kinds.count("session.ended") == 1
    assert "governance.injected" in kinds
