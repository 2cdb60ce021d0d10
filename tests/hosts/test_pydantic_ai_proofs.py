"""What the real Pydantic AI, pinned and in an environment of its own, proves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts.python_host import AdapterHost, check_example, project_at


class TestPydanticAi(AdapterHost):
    """Its proofs, and its example."""

    HOST = "pydantic-ai"

    @pytest.mark.real_client
    def test_the_example_runs(self, python: Path, tmp_path: Path) -> None:
        """An agent and the one that a tool runs are briefed, and refused a force push."""
        project = project_at(tmp_path)
        said = self.example(python, "pydantic_ai_governed.py", project)
        check_example(said, project, "pydantic-1")
