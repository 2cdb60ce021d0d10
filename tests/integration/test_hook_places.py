"""Variables that a host gives a hook, as a repository's settings may, move nobody's rules."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from governance import project as places
from governance.cli import main
from governance.engine import Engine
from governance.hooking.hook_client import Options, is_elsewhere
from governance.hosts import installer_of
from governance.project import Person, person, pin, user_config_directory, user_state_directory
from governance.rules.paths import places_of

PACK = """
format = 1
[pack]
name = "mine"
version = "1.0.0"
summary = "What a person wants of every project."

[[rule]]
id = "mine.never"
tools = ["shell"]
when.command = { contains = "FORBIDDEN" }
action = "deny"
message = "not in any project of mine"
must_match = [{ tool = "shell", command = "FORBIDDEN" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "mine.diary"
tools = ["read"]
when.path = "~/diary.txt"
action = "deny"
message = "nobody reads my diary"
must_match = [{ tool = "read", path = "~/diary.txt" }]
must_not_match = [{ tool = "read", path = "~/other.txt" }]
"""


@pytest.fixture
def unpinned() -> Iterator[None]:
    yield
    places._PINNED.clear()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with our hooks, and rules of its person's own in their home."""
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    own = user_config_directory()
    own.mkdir(parents=True)
    (own / "governance.toml").write_text('[packs]\npaths = ["mine.toml"]\n')
    (own / "mine.toml").write_text(PACK)
    made = tmp_path / "project"
    made.mkdir()
    (made / "governance.toml").write_text("[packs]\npaths = []\n")
    monkeypatch.chdir(made)
    assert main(["init", "--host", "claude-code"]) == 0
    ask(made, "Read", {"file_path": "briefed"}, {}, "")
    return made


def ask(project: Path, tool: str, given: dict[str, str], moved: dict[str, str], cut: str) -> str:
    """What the installed hook says to the call with the variables *moved*; ``""``: nothing."""
    command = installer_of("claude-code").commands(project)["PreToolUse"]
    payload = {
        "session_id": "s", "cwd": str(project), "hook_event_name": "PreToolUse",
        "tool_name": tool, "tool_input": given, "tool_use_id": "c",
    }  # fmt: skip
    done = subprocess.run(
        ["sh", "-c", re.sub(cut, "", command) if cut else command],
        input=json.dumps(payload).encode(),
        capture_output=True,
        env={**os.environ, **moved},
        check=True,
    )
    said = json.loads(done.stdout)["hookSpecificOutput"] if done.stdout else {}
    return str(said.get("permissionDecisionReason", ""))


def overruled(project: Path) -> list[dict[str, Any]]:
    with Engine.open(project) as engine:
        rows = engine.journal.read("s")
    return [json.loads(one.body)["data"] for one in rows if one.kind == "environment.overruled"]


PINS = r' --(home|config|state) "[^"]*"'


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (("XDG_CONFIG_HOME",), ["config"]),
        (("XDG_STATE_HOME",), ["state"]),
        (("HOME",), ["config", "home", "state"]),
    ],
)
def test_a_persons_rules_are_not_moved(
    project: Path, tmp_path: Path, names: tuple[str, ...], places: list[str]
) -> None:
    """They hold with each variable, and the journal says once what the variables said."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = dict.fromkeys(names, str(elsewhere))
    diary = {"file_path": str(tmp_path / "home" / "diary.txt")}

    assert "any project of mine" in ask(project, "Bash", {"command": "FORBIDDEN"}, moved, "")
    assert "diary" in ask(project, "Read", diary, moved, "")
    assert "diary" in ask(project, "Read", {"file_path": "~/diary.txt"}, moved, "")

    (found,) = overruled(project)
    assert found["host"] == "claude-code"
    assert sorted(found["places"]) == places
    assert all(one.startswith(str(elsewhere)) for one in found["places"].values())
    assert list(elsewhere.iterdir()) == [], "nothing of ours is kept there"


def test_without_what_init_wrote_they_are(project: Path, tmp_path: Path) -> None:
    """The control: it is the command of the hook that holds them."""
    moved = {"XDG_CONFIG_HOME": str(tmp_path / "elsewhere")}

    assert ask(project, "Bash", {"command": "FORBIDDEN"}, moved, PINS) == ""


def test_where_nothing_was_moved_nothing_is_said(project: Path) -> None:
    """The places of `init` are those of the hook, and no row is written."""
    assert "any project of mine" in ask(project, "Bash", {"command": "FORBIDDEN"}, {}, "")
    assert overruled(project) == []


def test_the_service_is_not_asked_with_other_places(project: Path) -> None:
    """Neither would it be started with them, to go on so for other projects."""
    command = installer_of("claude-code").commands(project)["SessionStart"]
    words = shlex.split(command)
    options = Options(words[words.index("--host") :])
    own = {b"HOME": os.environ["HOME"].encode()}

    assert not is_elsewhere(options, own)
    assert not is_elsewhere(options, {**own, b"XDG_CONFIG_HOME": own[b"HOME"] + b"/.config/"})
    assert not is_elsewhere(options, {**own, b"XDG_STATE_HOME": b"not/absolute"})
    for name in (b"HOME", b"XDG_CONFIG_HOME", b"XDG_STATE_HOME"):
        assert is_elsewhere(options, {**own, name: b"/elsewhere"})
    assert is_elsewhere(options, {})
    assert not is_elsewhere(Options(["--host", "h", "--dir", "/d"]), {}), "of an older `init`"


@pytest.mark.usefixtures("unpinned")
def test_pinned_places_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders and patterns are those that were pinned; paths of calls keep the variables'."""
    monkeypatch.setenv("HOME", "/other")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/var/mine")

    assert person() == Person(
        "/other", "/other/.config/session-governance", "/var/mine/session-governance"
    )
    found = pin(Person("/home/u", "/home/u/.config/x", "/var/mine/session-governance"))

    assert found == ("home", "config")
    assert user_config_directory() == Path("/home/u/.config/x")
    assert user_state_directory() == Path("/var/mine/session-governance")
    assert user_config_directory({"HOME": "/given"}) == Path("/given/.config/session-governance")
    seen = places_of(str(tmp_path))
    assert seen.absolute("~/a") == "/other/a"
    assert seen.homes == ("/home/u",)
