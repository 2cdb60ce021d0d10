"""
What tests of the command share: homes, ways to run it, and one run of the main job.

`run` and `key` are about the fixture `project` of the file that asks for them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest
from attrs import frozen

from governance import cli
from governance.cli.guard import MARKS, make_key
from governance.config import default_toml, load_config
from governance.journal import open_journal
from governance.project import Project, create_project

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 240
RUN = "import sys; from governance.cli import entry; sys.exit(entry())"

Run = Callable[..., tuple[int, str, str]]
"""Words of a command → its exit code, and what it printed on both streams."""

ASKING = """format = 1
[pack]
name = "trial"
version = "1.0.0"
summary = "A rule that asks."
[[rule]]
id = "trial.ask"
tools = ["shell"]
when.command = "perhaps"
action = "ask"
message = "Perhaps?"
must_match = [{ tool = "shell", command = "perhaps" }]
must_not_match = [{ tool = "shell", command = "ls" }]
"""

TEAM_CONFIG = '[packs]\npaths = ["team.toml"]\n'
TEAM_PACK = """\
format = 1

[pack]
name = "team"
version = "1.0.0"
summary = "What the team agreed on."

[[rule]]
id = "team.no-deploy"
tools = ["shell"]
when.command = { starts_with = "make deploy" }
action = "deny"
severity = "high"
message = "A person deploys."
must_match = [{ tool = "shell", command = "make deploy" }]
must_not_match = [{ tool = "shell", command = "make test" }]

[[escalation]]
id = "team.halt"
count = 2
within = "1h"
of = { severity = ["high"] }
action = "halt"
lasts = "pardon"
message = "Twice is enough."
"""
"""The head of a team's pack, with what it denies and when it halts."""


@frozen
class Place:
    """A home of its own, with the command `governance` on its path."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def variables(self) -> Mapping[str, str]:
        """The environment of a person who just installed the engine."""
        ours = ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "GOVERNANCE_KEY_FILE")
        hosts = {mark for marks in MARKS.values() for mark in marks}
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ours and name not in hosts
        }
        path = f"{self.folder / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
        return {**kept, "HOME": str(self.home), "PATH": path, "COLUMNS": "100", "NO_COLOR": "1"}

    def run(self, *words: str, within: Path | None = None) -> subprocess.CompletedProcess[str]:
        """The command `governance` with *words*."""
        return self.shell([sys.executable, "-c", RUN, *words], within=within)

    def shell(
        self, words: Sequence[str], *, within: Path | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=within or self.folder,
            env={**self.variables(), "PYTHONPATH": str(ROOT), **more},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=SECONDS_MAX,
        )


def make_place(folder: Path) -> Place:
    """A new home below *folder*."""
    for name in ("home", "bin"):
        (folder / name).mkdir()
    script = folder / "bin" / "governance"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c \'{RUN}\' "$@"\n')
    script.chmod(0o755)
    return Place(folder)


@frozen
class Demo:
    """A demo that was run: where, what it showed, and its project."""

    place: Place
    project: Path
    shown: subprocess.CompletedProcess[str]

    def key(self) -> Path:
        """The key of its project, in the person's home."""
        (found,) = self.place.home.rglob(f"{Project(self.project).key}.key")
        return found


def run_demo(folder: Path, *words: str, service: str = "on") -> Demo:
    """Run `governance demo` in a home of its own below *folder*."""
    place = make_place(folder)
    words = (sys.executable, "-c", RUN, "demo", "--dir", "tried", *words)
    shown = place.shell(words, GOVERNANCE_SERVICE=service)
    return Demo(place, folder / "tried", shown)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo with the shipped packs."""
    return run_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def run(project: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on the project."""

    return lambda *words: run_words(capsys, *words, "--dir", str(project))


def run_words(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The command `governance` with *words*: exit code, and what it printed on both streams."""
    code = cli.main(words)
    shown = capsys.readouterr()
    return code, shown.out, shown.err


@pytest.fixture
def key(project: Path) -> tuple[str, str]:
    """The words that stand for a person where there is no terminal."""
    return "--key", str(make_key(Project(project)))


def bare_folder(folder: Path, monkeypatch: pytest.MonkeyPatch, *variables: str) -> Path:
    """A project without packs, a home beside it, and nothing around, *variables* among it."""
    made = folder / "project"
    made.mkdir()
    (made / "governance.toml").write_text("[packs]\npaths = []\n")
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "GOVERNANCE_KEY_FILE", *variables):
        monkeypatch.delenv(name, raising=False)
    return made


def made_project(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    config: str | None = None,
    packs: Mapping[str, str] = MappingProxyType({}),
    *,
    stored: bool = True,
) -> Path:
    """
    A project below *folder*, with the homes of a person of its own beside it.

    Args:
        config: Its `governance.toml`; none: the one that `init` writes.

        packs: File in it → text.

        stored: With an empty journal.
    """
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    made = folder / "project"
    made.mkdir()
    create_project(made, default_toml() if config is None else config)
    for name, text in packs.items():
        file = made / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    if stored:
        open_journal(load_config(made).journal.url, base=made, create=True).close()
    return made
