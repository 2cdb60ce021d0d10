"""
What LangGraph, the OpenAI Agents SDK, fsspec and Litestream, all real and pinned, prove.

The proofs stand in `tests/hosts/interop`, and are run there by a Python that has them; here
each of them passes or fails by its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.hosts.environments import environment
from tests.hosts.foreign import proofs, run

FOLDER = Path(__file__).parent / "interop"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """Proof → what went wrong in it, an empty list for nothing; run once for all."""
    return run(environment("interop"), FOLDER, tmp_path_factory.mktemp("interop"))


@pytest.mark.real_client
@pytest.mark.parametrize("name", proofs(FOLDER))
def test_proof(told: Mapping[str, list[str]], name: str) -> None:
    """What the proof of that name says holds with the real packages."""
    assert name in told, "it did not run"
    assert told[name] == []
