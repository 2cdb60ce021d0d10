"""What the real Claude Agent SDK proves, which drives the client that is pinned for Claude Code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.hosts import claude_client
from tests.hosts.python_host import PythonHost, check_example, project_at


class TestClaudeAgentSdk(PythonHost):
    """Its proofs, and its example."""

    HOST = "claude-agent-sdk"

    @classmethod
    def variables(cls) -> Mapping[str, str]:
        """The client is not on the path."""
        return {"GOVERNANCE_CLAUDE": str(claude_client.install())}

    @pytest.mark.real_client
    def test_the_example_runs(self, python: Path, tmp_path: Path) -> None:
        """An agent is briefed, and refused a force push."""
        project = project_at(tmp_path)
        said = self.example(python, "claude_agent_governed.py", project)
        check_example(said, project, said.partition("session ")[2].split()[0])
