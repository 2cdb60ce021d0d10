"""The governed agent cannot govern itself: who may call the commands of a person."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from governance.cli import guard
from governance.cli.guard import PersonNeeded, Surroundings, make_key, remove_key, require_person
from governance.hooking.processes import Process
from governance.project import Project

TERMINAL = Surroundings(environment={}, terminal=True)
NO_TERMINAL = Surroundings(environment={}, terminal=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder)


def code_of(project: Project, key: Path | None, around: Surroundings) -> str:
    with pytest.raises(PersonNeeded) as refused:
        require_person("pardon", project, key, around)
    return refused.value.code


def process(program: str = "bash", **environment: str) -> Process:
    return Process(7, frozenset({program}), environment)


def test_a_terminal_outside_any_host_is_a_person(project: Project) -> None:
    """Without marks and with a terminal nothing is refused."""
    assert require_person("pardon", project, None, TERMINAL) is None


def test_no_terminal_is_refused(project: Project) -> None:
    """A pipe or a scheduler is not a person."""
    assert code_of(project, None, NO_TERMINAL) == "GOV602"


@pytest.mark.parametrize(
    ("host", "mark"), [(host, mark) for host, marks in guard.MARKS.items() for mark in marks]
)
def test_each_mark_of_each_host_refuses(project: Project, host: str, mark: str) -> None:
    """Every mark alone refuses, even with a terminal, and the host is named."""
    around = Surroundings(environment={mark: ""}, terminal=True)

    with pytest.raises(PersonNeeded, match=host) as refused:
        require_person("approve", project, None, around)

    assert refused.value.code == "GOV601"


def test_a_mark_that_was_taken_out_is_seen_above(project: Project) -> None:
    """`env -u CLAUDECODE governance …` in a terminal of the agent's own is refused."""
    around = Surroundings(
        environment={}, above=(process(HOME="/"), process(CLAUDECODE="1")), terminal=True
    )

    assert code_of(project, None, around) == "GOV601"


@pytest.mark.parametrize(
    ("host", "program"), [(host, one) for host, names in guard.PROGRAMS.items() for one in names]
)
def test_the_program_of_a_host_above_refuses(project: Project, host: str, program: str) -> None:
    """A shell that was replaced has no mark left; the client that started it is still there."""
    around = Surroundings(environment={}, above=(process(), process(program)), terminal=True)

    with pytest.raises(PersonNeeded, match=host):
        require_person("approve", project, None, around)


def test_a_key_that_the_agent_made_elsewhere_does_not_open(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside a host the digest is looked for where the person's own variables say."""
    theirs = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    inside = Surroundings(environment={}, above=(process("claude", **theirs),))
    key = make_key(project)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own-config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "own-state"))
    own = make_key(project)

    assert own != key
    assert code_of(project, own, inside) == "GOV603"
    assert require_person("pardon", project, key, inside) is None


def test_the_key_opens_everywhere(project: Project, tmp_path: Path) -> None:
    """The key that `init` made opens inside a host too, wherever the person has put it."""
    key = make_key(project)
    moved = tmp_path / "moved.key"
    moved.write_bytes(key.read_bytes())
    inside = Surroundings(environment={"CLAUDECODE": "1"}, terminal=False)

    assert require_person("pardon", project, key, inside) is None
    assert require_person("pardon", project, moved, inside) is None


def test_an_inherited_key_does_not_open_a_host(project: Project) -> None:
    """A variable that the host got from its shell opens nothing to its agent."""
    key = make_key(project)
    inherited = {guard.KEY_VARIABLE: str(key)}

    require_person("pardon", project, None, Surroundings(environment=inherited))
    inside = Surroundings(environment={**inherited, "CLAUDECODE": "1"})
    assert code_of(project, None, inside) == "GOV601"


@pytest.mark.parametrize("content", [b"", b"guess\n", b"\xff\xfe", b"x" * 5000])
def test_a_wrong_key_is_refused(project: Project, tmp_path: Path, content: bytes) -> None:
    """No content but the key itself opens, on a terminal as well."""
    make_key(project)
    wrong = tmp_path / "wrong"
    wrong.write_bytes(content)

    assert code_of(project, wrong, TERMINAL) == "GOV603"


def test_a_project_without_a_key_has_no_key_that_opens(project: Project, tmp_path: Path) -> None:
    """An empty file does not match a digest that was never made, nor another project's key."""
    other = tmp_path / "other"
    other.mkdir()
    key = make_key(Project(other))
    empty = tmp_path / "empty"
    empty.touch()

    assert code_of(project, empty, TERMINAL) == "GOV603"
    assert code_of(project, key, TERMINAL) == "GOV603"
    assert code_of(project, tmp_path / "missing", TERMINAL) == "GOV603"


def test_the_key_is_private_stays_and_can_be_removed(project: Project) -> None:
    """The key is its owner's alone, is made once, and does not lie in the project."""
    key = make_key(project)
    content = key.read_text()

    assert make_key(project).read_text() == content
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert not key.is_relative_to(project.directory)

    remove_key(project)
    assert not key.exists()
    remove_key(project)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="platform: no /proc")
def test_the_environment_above_is_really_read() -> None:
    """A real process that takes the mark out of its child's environment is still seen."""
    ask = "from governance.cli.guard import surroundings; print(surroundings().host())"
    inner = [sys.executable, "-c", ask]
    outer = (
        "import os, subprocess, sys; os.environ.pop('CLAUDECODE'); "
        f"sys.exit(subprocess.call({inner!r}))"
    )
    environment = {**os.environ, "CLAUDECODE": "1"}

    result = subprocess.run(
        [sys.executable, "-c", outer],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.strip() == "claude-code"
