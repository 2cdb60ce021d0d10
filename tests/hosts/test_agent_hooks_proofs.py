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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.hosts import proofs
from tests.hosts.environments import environment
from tests.hosts.python_host import PythonHost, check_example, clean, project_at

HOST = "agent-hooks"
VECTORS = proofs.folder_of(HOST) / "vectors.toml"
KIT_SECONDS_MAX = 120


def results(python: Path, home: Path, *words: str) -> Mapping[str, Mapping[str, Any]]:
    """Vector → its part, the seat that is missing for it, and what went wrong."""
    done = subprocess.run(
        [python, "-m", "tests.hosts.agent_hooks.vectors", *words],
        cwd=home,
        env=clean(home),
        capture_output=True,
        text=True,
        timeout=KIT_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stderr
    found: Mapping[str, Mapping[str, Any]] = json.loads(done.stdout)
    return found


class TestAgentHooks(PythonHost):
    """Its proofs, its example, and the vectors of its kit."""

    HOST = HOST

    @pytest.fixture(scope="class")
    @classmethod
    def found(
        cls, python: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> Mapping[str, Mapping[str, Any]]:
        """`results`, run once for all."""
        return results(python, tmp_path_factory.mktemp("vectors"))

    @pytest.mark.real_client
    def test_vector(self, found: Mapping[str, Mapping[str, Any]], vector: str) -> None:
        """It passes through the engine, or the seat that is missing is the one that is named."""
        assert vector in found, "it did not run"
        assert found[vector]["failures"] == []
        said = {key: found[vector][key] for key in ("part", "seat")}
        assert said == proofs.vectors_of(HOST)[vector]

    @pytest.mark.real_client
    def test_no_vector_is_left_out(self, found: Mapping[str, Mapping[str, Any]]) -> None:
        """Each vector that the kit has is named, and most pass."""
        expected = proofs.vectors_of(HOST)
        assert set(found) == set(expected)
        assert sum(not one["seat"] for one in expected.values()) * 2 > len(expected)

    @pytest.mark.real_client
    def test_the_kit_finds_an_adapter_that_denies_nothing(
        self, python: Path, tmp_path: Path
    ) -> None:
        """Vectors that pass do so because of what the adapter answers."""
        found = results(python, tmp_path, "lenient")
        wrong = {name for name, one in found.items() if one["failures"]}
        assert {"AH-CTK-010", "AH-CTK-011", "AH-CTK-074", "AH-CTK-100"} <= wrong

    @pytest.mark.real_client
    def test_the_example_runs(self, python: Path, tmp_path: Path) -> None:
        """An agent is briefed, and refused a force push."""
        project = project_at(tmp_path)
        check_example(self.example(python, "agent_hooks_governed.py", project), project, "hooks-1")


def write() -> None:
    """Write down what the kit says now; nothing is written where a vector fails."""
    with tempfile.TemporaryDirectory() as home:
        found = results(environment(HOST), Path(home))
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
