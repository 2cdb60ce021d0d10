"""`governance show` of a sub-session: what holds of it because it holds of one above it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from governance.clock import SystemClock
from governance.engine import Engine, Session
from governance.journal import open_journal
from governance.journal.records import Append, Row
from tests.integration.conftest import TEAM_CONFIG, TEAM_PACK, made_project
from tests.integration.conftest import run_words as run

OWN = """
[[rule]]
id = "team.stop"
tools = ["shell"]
when.command = "stop"
action = "halt"
halt.scope = "session"
message = "Stop here."
must_match = [{ tool = "shell", command = "stop" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[escalation]]
id = "team.freeze"
count = 1
within = "10m"
of = { rule = ["team.no-deploy"] }
action = "deny"
tools = ["shell"]
lasts = "1h"
message = "The shell is off for an hour."
"""


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "160")
    return made_project(tmp_path, monkeypatch, TEAM_CONFIG, {"team.toml": TEAM_PACK + OWN})


def begun(engine: Engine) -> list[Session]:
    """A root, its child and its grandchild, at work."""
    line = [engine.start("s")]
    line[0].turn("go")
    for name in ("a", "b"):
        line.append(line[-1].child(name))
        line[-1].turn("go")
    return line


def shown(
    project: Path, capsys: pytest.CaptureFixture[str], session: str = "s/a/b"
) -> tuple[list[dict[str, Any]], str]:
    """What the JSON says of those above, and all that the terminal says."""
    as_json = run(capsys, "show", session, "--dir", str(project), "--format", "json")
    text = run(capsys, "show", session, "--dir", str(project))
    assert (as_json[0], text[0]) == (0, 0)
    return json.loads(as_json[1])["above"], text[1]


def test_who_stands_above_is_told_where_nothing_is_held(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole line, nearest first; people see nothing of it, and a root has none."""
    with Engine.open(project) as engine:
        begun(engine)

    above, text = shown(project, capsys)

    free = {"state": "between-turn", "works": True, "halted": None, "steps_in_force": []}
    assert above == [{"session": "s/a"} | free, {"session": "s"} | free]
    assert "above it" not in text
    assert shown(project, capsys, "s")[0] == []


def test_a_halt_above_is_shown_with_what_lifts_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said whose halt it is, and the words lead to that session."""
    with Engine.open(project) as engine:
        root, _, leaf = begun(engine)
        root.tool("shell", {"command": "stop"}, call_id="c")
        assert leaf.tool("shell", {"command": "fine"}, call_id="c").denied

    above, text = shown(project, capsys)

    assert above[0]["halted"] is None
    assert "Stop here." in above[1]["halted"]
    assert f"HALTED by `s` above it: {above[1]['halted']}" in text
    assert "`governance pardon s --reason …` lifts it" in text


def test_a_step_of_the_ladder_above_is_shown(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A step that holds for the root holds for all below, and says until when."""
    with Engine.open(project) as engine:
        root, _, leaf = begun(engine)
        root.tool("shell", {"command": "make deploy"}, call_id="c")
        assert "off for an hour" in leaf.tool("shell", {"command": "fine"}, call_id="c").message

    above, text = shown(project, capsys)

    assert [[step["step"] for step in one["steps_in_force"]] for one in above] == [
        [], ["team.freeze"],
    ]  # fmt: skip
    assert "in force by s" in text
    assert "team.freeze: deny shell until" in text


def test_one_above_that_has_ended_is_shown(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody works below a session that is over."""
    with Engine.open(project) as engine:
        root, _, leaf = begun(engine)
        root.end()
        assert leaf.turn("go on").denied

    above, text = shown(project, capsys)

    assert [(one["session"], one["state"], one["works"]) for one in above] == [
        ("s/a", "interrupted", True), ("s", "ended", False),
    ]  # fmt: skip
    assert "HELD: `s` above it has ended, so nothing may happen here" in text


def test_one_above_that_cannot_be_read_is_said_to_be_unknown(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The session itself is shown all the same, and nothing is claimed of the line."""
    with Engine.open(project) as engine:
        begun(engine)
    journal = open_journal(base=project, create=False)
    head = journal.head("s/a").seq
    journal.append(
        [Append("s/a", head, (Row("of.a.newer.engine", SystemClock().now_ms(), b"{}"),))]
    )
    journal.close()

    above, text = shown(project, capsys)

    assert above[0]["state"] is None
    assert "newer engine" in above[0]["unknown"]
    assert len(above) == 1
    assert "what `s/a` above it holds is not known: " in text
