"""Payloads of Gemini CLI become the events that they report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from governance.hooking.payload import Payload, PayloadRefused, Unbound
from governance.hooking.translation import CLIENT
from governance.hosts.gemini_cli.capabilities import EVENTS
from governance.hosts.gemini_cli.translate import translate
from governance.session.commands import Command

CAPTURES = Path(__file__).parent.parent / "captures" / "gemini-cli"
UNHEARD = {"BeforeModel", "AfterModel", "BeforeToolSelection", "PreCompress", "Notification"}


def captured(name: str, **more: Any) -> Payload:
    values = json.loads((CAPTURES / f"{name}.json").read_text()) | more
    return Payload(values["hook_event_name"], values)


def read(payload: Payload) -> Command:
    (command,) = translate(payload).commands
    return command


@pytest.mark.parametrize("file", sorted(CAPTURES.glob("*.json")), ids=lambda one: one.stem)
def test_every_capture_is_read(file: Path) -> None:
    """Each real payload becomes what its event promises; those without a hook become nothing."""
    payload = captured(file.stem)
    if payload.event in UNHEARD:
        assert not translate(payload).known
        assert payload.event not in EVENTS
        return
    command = read(payload)
    assert command.event in EVENTS[payload.event].commands
    assert command.session == payload.values["session_id"]
    assert "extra" not in command.data


@pytest.mark.parametrize(
    ("source", "event", "history"),
    [("startup", "start", "lost"), ("clear", "start", "lost"), ("resume", "resume", "kept")],
)
def test_start_has_many_reasons(source: str, event: str, history: str) -> None:
    """One event of the client is a beginning or a resumption."""
    command = read(captured("SessionStart.startup", source=source))
    assert (command.event, command.history) == (event, history)
    assert command.delivery == "after_flush"


def test_a_cleared_session_follows_what_its_client_has_just_ended() -> None:
    """Only the end and the beginning of a clear are tied, by the process of the client."""
    ended = translate(captured("SessionEnd", reason="clear", session_id="old"))
    begun = translate(captured("SessionStart.startup", source="clear", session_id="new"))

    assert ended.remember == (CLIENT, "old")
    assert begun.recall == CLIENT
    for other in (
        captured("SessionEnd", reason="exit"),
        captured("SessionStart.startup"),
        captured("SessionStart.startup", source="resume"),
    ):
        made = translate(other)
        assert (made.remember, made.recall) == (None, "")


def test_call_and_its_outcome_have_one_id() -> None:
    """The client has no ids: the same call before and after the tool has the same of ours."""
    asked = read(captured("BeforeTool.run_shell_command")).call
    done = read(captured("AfterTool.run_shell_command"))
    assert asked is not None
    assert done.call is not None
    assert asked.tool == "shell"
    assert asked.own == {"command": "echo RAN > ran.txt; echo marker-output"}
    assert asked.call_id == done.call.call_id != ""
    assert done.data["outcome"] == "ok"
    assert "marker-output" in str(done.data["output"])
    other = read(captured("BeforeTool.run_shell_command", tool_input={"command": "ls"})).call
    assert other is not None
    assert other.call_id != asked.call_id


@pytest.mark.parametrize(
    ("named", "folder"),
    [("sub", "/home/dev/project/sub"), ("/else", "/else"), ("", "/home/dev/project")],
)
def test_shell_runs_in_the_folder_that_it_names(named: str, folder: str) -> None:
    """A command is judged where it will run."""
    given = {"command": "ls", "dir_path": named}
    call = read(captured("BeforeTool.run_shell_command", tool_input=given)).call
    assert call is not None
    assert call.cwd == folder


@pytest.mark.parametrize(
    ("response", "outcome", "code"),
    [
        ({"llmContent": "Output: x\nExit Code: 3\nProcess Group PGID: 1"}, "failed", 3),
        ({"llmContent": "x", "error": {"message": "boom"}}, "failed", None),
        ({"llmContent": "x", "error": "boom"}, "failed", None),
        ({"llmContent": [{"text": "x"}]}, "ok", None),
        ({}, "ok", None),
    ],
)
def test_outcome_is_read(response: dict[str, Any], outcome: str, code: int | None) -> None:
    """A tool that failed says so in one of several ways."""
    command = read(captured("AfterTool.run_shell_command", tool_response=response))
    assert (command.data["outcome"], command.data.get("exit_code")) == (outcome, code)


def test_tools_of_servers_are_known_by_their_server() -> None:
    """A server whose name has a separator in it is told by the client itself."""
    context = {"server_name": "my_git", "tool_name": "push"}
    named = captured(
        "BeforeTool.run_shell_command", tool_name="mcp_my_git_push", mcp_context=context
    )
    call = read(named).call
    assert call is not None
    assert call.tool == "mcp:my_git:push"
    assert call.own == {"server": "my_git", "mcp_tool": "push"}


def test_rest_of_a_life() -> None:
    """Turns and sessions end; a field that nobody knows is kept."""
    assert read(captured("AfterAgent")).event == "turn_end"
    ended = read(captured("SessionEnd", news=1))
    assert (ended.event, ended.data) == ("end", {"reason": "exit", "extra": {"news": 1}})


def test_nothing_is_decided_without_an_identity() -> None:
    """A payload without a session is unbound, one without a tool is refused."""
    with pytest.raises(Unbound):
        translate(Payload("BeforeTool", {"tool_name": "glob", "tool_input": {}}))
    with pytest.raises(PayloadRefused, match="no tool"):
        translate(captured("BeforeTool.run_shell_command", tool_input="ls"))
    with pytest.raises(PayloadRefused, match="no id"):
        translate(captured("SessionEnd", session_id="../x"))
