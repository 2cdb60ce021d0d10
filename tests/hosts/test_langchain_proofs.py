"""What the real LangChain, pinned and in an environment of its own, proves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts.python_host import AdapterHost, check_example, project_at


class TestLangChain(AdapterHost):
    """Its proofs, and its example."""

    HOST = "langchain"

    @pytest.mark.real_client
    def test_the_example_runs(self, python: Path, tmp_path: Path) -> None:
        """An agent is briefed, and refused a force push."""
        project = project_at(tmp_path)
        check_example(self.example(python, "langchain_governed.py", project), project, "chain-1")
