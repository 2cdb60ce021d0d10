"""What takes long says so on a terminal: while packs are loaded no item is done yet."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from governance import cli
from governance.cli import progress

PACK = """\
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
message = "A person deploys."
must_match = [{ tool = "shell", command = "make deploy" }]
must_not_match = [{ tool = "shell", command = "make test" }]
"""


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, where everything takes long."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("init", "."), "reading the rules … "),
        (("check", "team.toml"), "checking team.toml … "),
        (("test", "team.toml"), "loading the packs … "),
        (
            ("rule", "new", "team.x", "--pack", "new.toml", "--path", "x/**"),
            "adding to new.toml … ",
        ),
    ],
    ids=["init", "check", "test", "rule"],
)
def test_a_slow_command_counts_its_seconds(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    """Nobody has to wonder whether it hangs; the line is wiped at the end."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)  # pytest puts its own there before each phase
    Path("team.toml").write_text(PACK, encoding="utf-8")

    assert cli.main(words) == 0

    shown = terminal.getvalue()
    assert said in shown
    assert "\r " in shown[shown.index(said) :]
