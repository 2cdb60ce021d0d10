"""
The one interface for whoever changes this tree; `.ci/run` calls the same sessions.

Sessions run with the tools of the environment that nox itself runs in
(``pip install -e ".[dev]"``): nothing is installed twice, but by the two sessions that are
about other releases, of the dependencies (``lowest``) and of Python (``pythons``).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests", "docs"]
# A Python that is claimed and not there is no Python that was tried.
nox.options.error_on_missing_interpreters = True

PYTHON = sys.executable
PYTHONS = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))
CODE = ("governance", "tests", "docs", "examples", "conftest.py", "noxfile.py")
# Tools that were installed with this Python stand beside it.
BIN = Path(PYTHON).parent


def tool(session: nox.Session, name: str, *words: str) -> None:
    """Run the tool *name* of this environment; a tool that is missing is an error."""
    file = BIN / name
    if not file.exists():
        session.error(f'`{name}` is not installed: pip install -e ".[dev]"')
    session.run(str(file), *words, external=True)


@nox.session
def fix(session: nox.Session) -> None:
    """Format, and mend what can be mended."""
    tool(session, "ruff", "check", "--fix", *CODE)
    tool(session, "ruff", "format", *CODE)
    session.run(PYTHON, "docs/tables.py", "--write", external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Hold style, import contracts, slots and the change log's fragments."""
    tool(session, "ruff", "check", *CODE)
    tool(session, "ruff", "format", "--check", *CODE)
    tool(session, "lint-imports")
    tool(session, "slotscheck", "-m", "governance", "--require-superclass")
    tool(session, "towncrier", "build", "--draft", "--version", "next")


@nox.session
def types(session: nox.Session) -> None:
    """Check the package, and its use as a user would write it, with mypy and pyright."""
    tool(session, "mypy")
    tool(session, "pyright", "--pythonpath", PYTHON)


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test but those that need a real client or a fresh environment."""
    coverage = str(BIN / "coverage")
    session.run(coverage, "erase", external=True)
    session.run(coverage, "run", "-m", "pytest", "-n0", *session.posargs, external=True)
    session.run(coverage, "combine", "-q", external=True)
    session.run(coverage, "report", external=True)


@nox.session(venv_backend="venv", python=PYTHONS)
def pythons(session: nox.Session) -> None:
    """Run the tests with each Python that is claimed, in an environment of its own."""
    session.install("-q", "-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(venv_backend="venv")
def lowest(session: nox.Session) -> None:
    """Run the tests of single rooms with the oldest release of each dependency."""
    constraints = Path(session.virtualenv.location) / "lowest.txt"
    session.run(PYTHON, "-m", "tests.dependency_ranges", str(constraints), external=True)
    # With the pip of this environment: that of a fresh one may be years old, and slow.
    python = Path(session.bin) / "python"
    words = ("-q", "--constraint", str(constraints), "-e", ".[test]")
    session.run(PYTHON, "-m", "pip", "--python", str(python), "install", *words, external=True)
    rooms = session.posargs or ("tests/unit", "tests/contract", "tests/property")
    session.run("python", "-m", "pytest", *rooms, env={"HYPOTHESIS_PROFILE": "brief"})


@nox.session
def hosts(session: nox.Session) -> None:
    """Install each host's pinned client and prove that it is governed; needs npm."""
    # Clients are waited for, until a time is out: one more at a time keeps the cores busy.
    workers = f"-n{(os.cpu_count() or 1) + 1}"
    words = (workers, "-m", "real_client", "tests/hosts", *session.posargs)
    session.run(PYTHON, "-m", "pytest", *words, external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    session.run(PYTHON, "docs/tables.py", external=True)
    tool(session, "sphinx-build", "-n", "-W", "-q", "--keep-going", "docs", "docs/_build")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure against the yardsticks and print measured, bound and margin; a miss exits 1."""
    session.run(PYTHON, "-m", "tests.bench", *session.posargs, external=True)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build sdist and wheel, install the wheel far from the checkout, and use it."""
    words = ("-n0", "-m", "wheel", "tests/packaging")
    session.run(PYTHON, "-m", "pytest", *words, external=True)
