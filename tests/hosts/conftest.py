"""
Real clients, driven offline: ``pytest -m real_client tests/hosts``.

The plain test command passes over these tests, for they install a client with npm.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.testing.services import kill_services
from tests.hosts import claude_client, proofs
from tests.hosts.claude_client import Client
from tests.hosts.lab import Lab
from tests.hosts.model_server import ModelServer

SERVICE = "GOVERNANCE_PROOFS_SERVICE"
"""``off``: the clients' hooks decide by themselves; else they start a service and ask it."""


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker that ties a test to its proof."""
    config.addinivalue_line("markers", "proof(name): what the test proves of a client")


def _narrowed(config: pytest.Config) -> bool:
    """Whether only some proofs were asked for, so that the others may stay blank."""
    return (
        "real_client" not in (config.option.markexpr or "")
        or "not real_client" in config.option.markexpr
        or bool(config.option.keyword)
        or any("::" in arg or arg.endswith(".py") for arg in config.args)
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Carry the name of the proof into the report of its test."""
    for mark in item.iter_markers("proof"):
        item.user_properties.append(("proof", mark.args[0]))


def _cells(config: pytest.Config) -> dict[str, str]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = [
        one
        for kind in ("passed", "failed", "error")
        for one in reporter.stats.get(kind, ())
        if isinstance(one, pytest.TestReport)
    ]
    return dict(proofs.cells(reports))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A proof that nobody gave fails the run, unless only some were asked for."""
    if _narrowed(session.config):
        return
    found = _cells(session.config)
    if any(found.get(name) != proofs.PASSED for name in proofs.PROOFS) and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table of proofs."""
    found = _cells(config)
    if _narrowed(config) and not found:
        return
    terminalreporter.section("what the real client proved")
    for line in proofs.table(found, claude_client.VERSION):
        terminalreporter.line(line)


@pytest.fixture(scope="session")
def client_binary() -> Path:
    """The pinned client, installed; failing to install it is an error of every proof."""
    return claude_client.install()


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A scripted model of this test's own."""
    made = ModelServer()
    yield made
    made.close()
    assert made.problems == []


@pytest.fixture
def lab(client_binary: Path, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A home and a governed project with the client in it."""
    with tempfile.TemporaryDirectory(prefix="governed-") as folder:
        root = Path(folder).resolve()
        home, project = root / "home", root / "project"
        home.mkdir()
        project.mkdir()
        # The engine keeps what belongs to a person below their home.
        monkeypatch.setenv("HOME", str(home))
        for name in [one for one in os.environ if one.startswith("XDG_")]:
            monkeypatch.delenv(name)
        client = Client(client_binary, home, project, server.url)
        client.variables["GOVERNANCE_SERVICE"] = os.environ.get(SERVICE, "on")
        yield Lab(client, server)
        kill_services(home)
