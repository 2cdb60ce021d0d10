"""
Real clients, driven offline: ``pytest -m real_client tests/hosts``.

The plain test command passes over these tests, for they install a client with npm.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from governance.testing.services import kill_services
from tests.hosts import claude_client, codex_client, gemini_client, opencode_client, proofs
from tests.hosts.claude_client import Client
from tests.hosts.client_folder import client_folder
from tests.hosts.codex_client import Codex
from tests.hosts.codex_lab import CodexLab
from tests.hosts.gemini_client import Gemini
from tests.hosts.gemini_lab import GeminiLab
from tests.hosts.gemini_server import GeminiServer
from tests.hosts.lab import Lab
from tests.hosts.model_server import ModelServer
from tests.hosts.opencode_client import OpenCode, Served
from tests.hosts.opencode_lab import OpenCodeLab
from tests.hosts.responses_server import ResponsesServer

CLIENTS = {
    "claude-code": claude_client,
    "codex": codex_client,
    "gemini-cli": gemini_client,
    "opencode": opencode_client,
}
"""Host → the module that installs and drives its client."""

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
    # Only the process that the user started has every report.
    if _narrowed(session.config) or hasattr(session.config, "workerinput"):
        return
    found = _cells(session.config)
    if proofs.unproved(found) and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table of proofs."""
    found = _cells(config)
    if _narrowed(config) and not found:
        return
    terminalreporter.section("what the real client proved")
    versions = {host: client.VERSION for host, client in CLIENTS.items()}
    versions |= {host: proofs.version_of(host) for host in proofs.PINNED}
    for host, version in versions.items():
        if _narrowed(config) and not any(name.startswith(f"{host}: ") for name in found):
            continue
        for line in ("", *proofs.table(found, host, version)):
            terminalreporter.line(line)
    if not _narrowed(config):
        for one in proofs.unproved(found):
            terminalreporter.line(f"not proved: {one}", red=True)


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


@pytest.fixture(scope="session")
def opencode_binary() -> Path:
    """As `client_binary`, of OpenCode."""
    return opencode_client.install()


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Path]]:
    """A home and a project folder, and an environment in which that home is ours."""
    with client_folder() as root:
        home, project = root / "home", root / "project"
        home.mkdir()
        project.mkdir()
        # The engine keeps what belongs to a person below their home.
        monkeypatch.setenv("HOME", str(home))
        for name in [one for one in os.environ if one.startswith(("XDG_", "CODEX_", "GEMINI_"))]:
            monkeypatch.delenv(name)
        yield home, project
        kill_services(home)


@pytest.fixture
def lab(client_binary: Path, server: ModelServer, places: tuple[Path, Path]) -> Lab:
    """A governed project with Claude Code in it."""
    client = Client(client_binary, *places, server.url)
    client.variables["GOVERNANCE_SERVICE"] = os.environ.get(SERVICE, "on")
    return Lab(client, server)


@pytest.fixture(scope="module")
def opencode_world(opencode_binary: Path) -> Iterator[tuple[Served, ModelServer]]:
    """A served OpenCode for all tests of a module, each with a project folder of its own."""
    with client_folder() as root:
        home, project = root / "home", root / "nowhere"
        home.mkdir()
        project.mkdir()
        model = ModelServer()
        with OpenCode(opencode_binary, home, project, model.url).serve() as served:
            yield served, model
        model.close()
        kill_services(home)


@pytest.fixture
def opencode(
    opencode_world: tuple[Served, ModelServer],
    places: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[OpenCodeLab]:
    """A project folder of this test's own, for the module's served OpenCode."""
    served, model = opencode_world
    model.scripts.clear()
    model.requests.clear()
    monkeypatch.setenv("HOME", str(served.client.home))
    client = evolve(served.client, project=places[1])
    lab = OpenCodeLab(client, model, served)
    yield lab
    # The plugin then waits for what it still has to report.
    lab.leave()
    assert model.problems == []


@pytest.fixture
def opencode_alone(
    opencode_binary: Path, server: ModelServer, places: tuple[Path, Path]
) -> OpenCodeLab:
    """A project for runs of OpenCode that each have a process of their own."""
    return OpenCodeLab(OpenCode(opencode_binary, *places, server.url), server)


@pytest.fixture(scope="session")
def codex_binary() -> Path:
    """As `client_binary`, of Codex."""
    return codex_client.install()


@pytest.fixture
def codex(codex_binary: Path, places: tuple[Path, Path]) -> Iterator[CodexLab]:
    """A project with Codex in it."""
    made = ResponsesServer()
    yield CodexLab(Codex(codex_binary, *places, made.url), made)
    made.close()
    assert made.problems == []


@pytest.fixture(scope="session")
def gemini_script() -> Path:
    """As `client_binary`, of Gemini CLI."""
    return gemini_client.install()


@pytest.fixture
def gemini(gemini_script: Path, places: tuple[Path, Path]) -> Iterator[GeminiLab]:
    """A project with Gemini CLI in it."""
    made = GeminiServer()
    yield GeminiLab(Gemini(gemini_script, *places, made.url), made)
    made.close()
    assert made.problems == []
