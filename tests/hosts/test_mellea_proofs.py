"""What the real Mellea, pinned and in an environment of its own, proves on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts.python_host import AdapterHost, check_example, project_at


class TestMellea(AdapterHost):
    """Its proofs, and its example."""

    HOST = "mellea"

    @pytest.mark.real_client
    def test_the_example_of_an_own_session_type_runs(self, python: Path, tmp_path: Path) -> None:
        """A subclass with its own context and method is briefed, and refused a force push."""
        project = project_at(tmp_path)
        said = self.example(python, "mellea_custom_session.py", project)
        assert "governance.toml" in said
        check_example(said, project, said.partition("session ")[2].split()[0])
