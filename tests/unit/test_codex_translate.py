"""Payloads of Codex become the events that they report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from governance.hooking.payload import Payload, PayloadRefused, Unbound
from governance.hosts.codex.capabilities import EVENTS
from governance.hosts.codex.translate import translate

CAPTURES = Path(__file__).parent.parent / "captures" / "codex"
CHILD = {"agent_id": "01a2-kid", "agent_type": "default"}
PATCH = (
    "*** Begin Patch\n*** Add File: a.txt\n+one\n*** Update File: b.txt\n-two\n+three\n"
    "*** Delete File: c.txt\n*** End Patch\n"
)


def captured(name: str, **more: Any) -> Payload:
    values = json.loads((CAPTURES / f"{name}.json").read_text()) | more
    return Payload(values["hook_event_name"], values)


def given(event: str, **values: Any) -> Payload:
    common = {"session_id": "01a2", "cwd": "/p", "model": "gpt-5", "hook_event_name": event}
    return Payload(event, common | values)


@pytest.mark.parametrize("file", sorted(CAPTURES.glob("*.json")), ids=lambda one: one.stem)
def test_every_capture_is_read(file: Path) -> None:
    """Each real payload becomes the commands that its event promises, and nothing is lost."""
    payload = captured(file.stem)
    made = translate(payload)
    assert made.known
    assert {one.event for one in made.commands} <= set(EVENTS[payload.event].commands)
    for one in made.commands:
        assert one.session == payload.values["session_id"]
        assert "extra" not in one.data


@pytest.mark.parametrize(
    ("source", "event", "history"),
    [
        ("startup", "start", "lost"),
        ("clear", "start", "lost"),
        ("fork", "start", "kept"),
        ("resume", "resume", "kept"),
        ("compact", "compact", "lost"),
    ],
)
def test_start_has_many_reasons(source: str, event: str, history: str) -> None:
    """One event of the client is a beginning, a resumption or the end of a compaction."""
    (command,) = translate(captured("SessionStart.startup", source=source)).commands
    assert (command.event, command.history) == (event, history)
    assert command.delivery == "after_flush"


def test_shell_call_is_read() -> None:
    """The client's shell is ours, with its command, its folder and its id."""
    (command,) = translate(captured("PreToolUse.Bash")).commands
    assert command.call is not None
    assert command.call.tool == "shell"
    assert command.call.own == {"command": "echo RAN > ran.txt; echo marker-output"}
    assert command.call.cwd == "/home/dev/project"
    assert command.data["permission_mode"] == "bypassPermissions"


def test_output_is_kept() -> None:
    """What the tool gave back is a text, whatever shape it has."""
    (command,) = translate(captured("PostToolUse.Bash")).commands
    assert command.data == {"outcome": "ok", "output": "marker-output\n"}
    parts = {"content": [{"type": "text", "text": "hi"}]}
    (command,) = translate(captured("PostToolUse.Bash", tool_response=parts)).commands
    assert command.data["output"] == "hi"
    (command,) = translate(captured("PostToolUse.Bash", tool_response={"a": 1})).commands
    assert command.data["output"] == '{"a":1}'


def test_patch_is_a_call_for_each_file() -> None:
    """A rule on one path sees each file of a patch, with an id of its own."""
    asked = given(
        "PreToolUse", tool_name="apply_patch", tool_input={"command": PATCH}, tool_use_id="call_1"
    )
    calls = [one.call for one in translate(asked).commands if one.call is not None]
    assert [(one.tool, one.own["path"]) for one in calls] == [
        ("write", "a.txt"), ("edit", "b.txt"), ("delete", "c.txt"),
    ]  # fmt: skip
    assert [one.call_id for one in calls] == ["call_1", "call_1.1", "call_1.2"]


def test_patch_that_cannot_be_read_is_refused() -> None:
    """Nobody can say what files it is about, so no rule on paths could have its say."""
    asked = given("PreToolUse", tool_name="apply_patch", tool_input={"command": "x"})
    (command,) = translate(asked).commands
    assert command.call is not None
    assert command.call.tool == "other"
    assert "nobody can say" in command.refused[0]


def test_failed_patch_has_its_exit_code() -> None:
    """The one tool that tells how it ended is believed."""
    told = given(
        "PostToolUse",
        tool_name="apply_patch",
        tool_input={"command": PATCH},
        tool_response="Exit code: 1\nWall time: 0 seconds\nOutput:\nno such file\n",
    )
    assert {one.data["outcome"] for one in translate(told).commands} == {"failed"}
    assert {one.data["exit_code"] for one in translate(told).commands} == {1}


def test_sub_agent_is_a_child() -> None:
    """Payloads of a sub-agent belong to a session below its parent's."""
    started = translate(given("SubagentStart", turn_id="t", **CHILD))
    announced, born = started.commands
    assert started.decisive == 1
    assert (announced.event, announced.session, announced.parent) == ("child_start", "01a2", None)
    assert (born.event, born.session, born.parent) == ("start", "01a2/01a2-kid", "01a2")
    assert born.agent == "default"
    (turn,) = translate(given("UserPromptSubmit", prompt="go", turn_id="t", **CHILD)).commands
    assert (turn.session, turn.data["prompt_source"]) == ("01a2/01a2-kid", "agent")
    ended, told = translate(given("SubagentStop", **CHILD)).commands
    assert (ended.event, ended.session) == ("end", "01a2/01a2-kid")
    assert (told.event, told.session) == ("child_end", "01a2")


@pytest.mark.parametrize("event", ["SubagentStart", "SubagentStop"])
def test_sub_agent_without_an_id_is_refused(event: str) -> None:
    """A sub-agent that has no name is nobody's child."""
    with pytest.raises(PayloadRefused, match="no sub-agent"):
        translate(given(event))


def test_rest_of_a_life() -> None:
    """Compaction, interruption and end are told as they are."""
    (before,) = translate(given("PreCompact", trigger="auto")).commands
    assert (before.event, before.data) == ("compacting", {"trigger": "auto"})
    (broken,) = translate(given("Interrupt", turn_id="t")).commands
    assert (broken.event, broken.data) == ("interrupt", {"reason": "user"})
    (ended,) = translate(captured("SessionEnd")).commands
    assert (ended.event, ended.data) == ("end", {"reason": "other"})


def test_unknown_event_and_field() -> None:
    """An event that nobody knows is nothing; a field that nobody knows is kept."""
    assert not translate(given("Tomorrow")).known
    (command,) = translate(given("Stop", news=1)).commands
    assert command.data["extra"] == {"news": 1}


def test_nothing_is_decided_without_an_identity() -> None:
    """A payload without a session is unbound, one without a tool is refused."""
    with pytest.raises(Unbound):
        translate(Payload("PreToolUse", {"tool_name": "Bash", "tool_input": {}}))
    with pytest.raises(PayloadRefused, match="no tool"):
        translate(given("PreToolUse", tool_name="Bash", tool_input="ls"))
    with pytest.raises(PayloadRefused, match="no id"):
        translate(given("Stop", agent_id="../x"))


@pytest.mark.parametrize("program", ["apply_patch", "applypatch"])
def test_patch_in_a_command_line_is_judged_file_by_file(program: str) -> None:
    """The client has a program for patches on the path of its shell: what it changes is named."""
    command = f"cd /p && {program} <<'EOF'\n{PATCH}EOF\n"
    tool = {"tool_name": "Bash", "tool_input": {"command": command}, "tool_use_id": "c1"}
    calls = [one.call for one in translate(given("PreToolUse", **tool)).commands if one.call]
    assert [(one.tool, one.own.get("path")) for one in calls] == [
        ("shell", None),
        ("write", "a.txt"),
        ("edit", "b.txt"),
        ("delete", "c.txt"),
    ]
    assert len({one.call_id for one in calls}) == 4


def test_patch_in_a_command_line_that_cannot_be_read_is_refused() -> None:
    """As a patch by itself is; a command line that only speaks of patches is none."""
    patch = "*** Begin Patch\n*** Rewrite File: .env\n+x\n*** End Patch"
    for command, refused in ((f"apply_patch '{patch}'", True), (f"echo '{patch}'", False)):
        tool = {"tool_name": "Bash", "tool_input": {"command": command}, "tool_use_id": "c1"}
        commands = translate(given("PreToolUse", **tool)).commands
        assert any(one.refused for one in commands) is refused


@pytest.mark.parametrize(
    ("before", "folder"),
    [("", "/p"), (" ", "/p"), ("cd sub && ", "/p/sub"), ("cd /q && ", "/q"), ("cd ~ && ", None)],
)
def test_patch_in_a_command_line_is_judged_in_its_folder(before: str, folder: str | None) -> None:
    """Where it is not known, a relative path could be any: such a patch is refused."""
    command = f"{before}apply_patch <<'EOF'\n*** Begin Patch\n*** Delete File: ../x\nEOF"
    tool = {"tool_name": "Bash", "tool_input": {"command": command}, "tool_use_id": "c1"}
    _, asked = translate(given("PreToolUse", **tool)).commands
    assert asked.call is not None
    assert bool(asked.refused) is (folder is None)
    assert folder is None or (asked.call.cwd, asked.call.own["path"]) == (folder, "../x")


def test_second_patch_in_a_command_line_may_be_anywhere() -> None:
    """What stands between two of them may have changed the folder, so it is judged in both."""
    one = "apply_patch <<'EOF'\n*** Begin Patch\n*** Delete File: x\n*** End Patch\nEOF\n"
    tool = {"tool_name": "Bash", "tool_use_id": "c1"}
    for command, folders in ((one, ["/p"]), (f"{one}cd ..\n{one}", ["/p", "/p/.."])):
        _, *asked = translate(given("PreToolUse", **tool, tool_input={"command": command})).commands
        assert [each.call.cwd for each in asked if each.call] == folders
        assert not any(each.refused for each in asked)


@pytest.mark.parametrize(
    ("workdir", "folder"),
    [("sub", "/p/sub"), ("/etc", "/etc"), ("", "/p"), (None, "/p")],
)
def test_shell_runs_where_it_is_told(workdir: str | None, folder: str) -> None:
    """The client says the folder by itself; where a call says another one, that is it."""
    asked = given("PreToolUse", tool_name="Bash", tool_input={"command": "ls", "workdir": workdir})
    (command,) = translate(asked).commands
    assert command.call is not None
    assert command.call.cwd == folder


@pytest.mark.parametrize("odd", [["/etc"], {"path": "/etc"}, 7, False])
def test_folder_that_is_no_text_is_refused(odd: Any) -> None:
    """It must not pass for the folder of the project; no more may a command that is none."""
    tool = {"tool_name": "Bash", "tool_input": {"command": "cat shadow"}}
    for values in (
        tool | {"cwd": odd},
        {"tool_name": "Bash", "tool_input": {"command": "cat shadow", "workdir": odd}},
        {"tool_name": "apply_patch", "tool_input": {"command": PATCH, "workdir": odd}},
        {"tool_name": "Bash", "tool_input": {"command": odd}},
    ):
        with pytest.raises(PayloadRefused, match="is no text"):
            translate(given("PreToolUse", **values))
    # Of other tools an argument of that name is no folder of ours.
    other = {"tool_name": "mcp__a__b", "tool_input": {"workdir": odd}}
    assert translate(given("PreToolUse", **other)).commands
