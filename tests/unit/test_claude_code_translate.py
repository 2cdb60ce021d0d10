"""Every captured payload of Claude Code becomes the events that it reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from governance.hooking.claude.events import EVENTS
from governance.hooking.claude.payloads import COMMON
from governance.hooking.payload import Payload, PayloadRefused, call_id_of
from governance.hooking.translation import continued
from governance.hosts.claude_code.translate import translate
from governance.session.commands import Command

CAPTURES = Path(__file__).parent.parent / "captures" / "claude-code"
ROOT = "75664f77-73a6-4af2-8958-e76bcac543b4"


def captured(name: str, **changes: Any) -> Payload:
    values = json.loads((CAPTURES / f"{name}.json").read_text())["stdin"] | changes
    return Payload(values.get("hook_event_name", ""), values)


def commands(name: str, **changes: Any) -> tuple[Command, ...]:
    return translate(captured(name, **changes)).commands


def single(name: str, **changes: Any) -> Command:
    (command,) = commands(name, **changes)
    return command


EXPECTED = {
    "SessionStart.startup": ["start"],
    "SessionStart.startup_model": ["start"],
    "SessionStart.resume": ["resume"],
    "SessionStart.clear": ["start"],
    "SessionStart.compact_model": ["compact"],
    "UserPromptSubmit": ["turn_start"],
    "UserPromptExpansion": ["command"],
    "PreToolUse.Bash": ["tool_before"],
    "PreToolUse.Edit": ["tool_before"],
    "PreToolUse.Read": ["tool_before"],
    "PreToolUse.Write": ["tool_before"],
    "PreToolUse.Agent": ["tool_before"],
    "PreToolUse.TaskCreate": ["tool_before"],
    "PreToolUse.TaskUpdate": ["tool_before"],
    "PreToolUse.mcp__demo__echo": ["tool_before"],
    "PostToolUse.Bash": ["tool_after"],
    "PostToolUse.Edit": ["tool_after"],
    "PostToolUse.Read": ["tool_after"],
    "PostToolUse.Write": ["tool_after"],
    "PostToolUse.Agent": ["tool_after"],
    "PostToolUse.TaskCreate": ["tool_after"],
    "PostToolUse.TaskUpdate": ["tool_after"],
    "PostToolUse.mcp__demo__echo": ["tool_after"],
    "PostToolUseFailure.Bash": ["tool_after"],
    "PostToolUseFailure.Read": ["tool_after"],
    "PostToolBatch": ["tool_after", "tool_after"],
    "Stop": ["turn_end"],
    "StopFailure": ["turn_end", "interrupt"],
    "SubagentStart": ["child_start", "start"],
    "SubagentStop": [],
    "PreCompact.auto": ["compacting"],
    "PreCompact.manual": ["compacting"],
    "PostCompact.auto": ["compact"],
    "PostCompact.manual": ["compact"],
    "SessionEnd.clear": ["end"],
    "SessionEnd.other": ["end"],
    "SessionEnd.prompt_input_exit": ["end"],
}
UNREAD = {
    "ConfigChange.project_settings", "CwdChanged", "FileChanged", "InstructionsLoaded",
    "MessageDisplay", "PermissionRequest.plain", "PermissionRequest.with_suggestions",
    "Setup.maintenance", "TaskCompleted", "TaskCreated",
}  # fmt: skip


def test_every_capture_is_accounted_for() -> None:
    """No captured event is forgotten: it is translated, or it is known to be passed over."""
    names = {path.stem for path in CAPTURES.glob("*.json")} - {"_summary", "StatusLine"}
    assert names == EXPECTED.keys() | UNREAD


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_capture_becomes_its_events(name: str) -> None:
    """A captured payload becomes exactly the machine's events that it stands for."""
    translation = translate(captured(name))
    assert [one.event for one in translation.commands] == EXPECTED[name]
    assert translation.known


@pytest.mark.parametrize("name", sorted(UNREAD))
def test_events_without_a_meaning_are_ignored(name: str) -> None:
    """An event that the engine does not act on is passed over, and said to be unknown."""
    translation = translate(captured(name))
    assert translation.commands == ()
    assert not translation.known


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_capability_table_names_the_events(name: str) -> None:
    """The table in the docs says of each host event which machine events it becomes."""
    event = EVENTS[name.split(".")[0]]
    assert {one.event for one in commands(name)} <= set(event.commands)


def test_session_and_host_are_taken_from_the_payload() -> None:
    """The client's session id is our session; no child, no parent for a plain call."""
    command = single("PreToolUse.Bash")
    assert command.session == "12a70ed4-887d-4c19-9a2a-ea6b3b5718ed"
    assert (command.parent, command.agent, command.host) == (None, "", "claude-code")


def test_start_tells_model_source_and_a_lost_history() -> None:
    """A startup has the model if the client tells it, and a context that knows nothing yet."""
    command = single("SessionStart.startup_model")
    assert command.data["model_id"] == "claude-sonnet-4-5"
    assert command.data["source"] == "startup"
    assert command.history == "lost"
    assert command.delivery == "after_flush"


def test_resume_keeps_its_history() -> None:
    """A resumed transcript still holds what was injected before."""
    command = single("SessionStart.resume")
    assert (command.history, command.delivery) == ("kept", "after_flush")


def test_compact_is_the_start_after_it_and_its_echo() -> None:
    """SessionStart(compact) carries the briefing; PostCompact is the same event again."""
    first, echo = single("SessionStart.compact_model"), single("PostCompact.auto")
    assert (first.event, first.delivery) == ("compact", "after_flush")
    assert (echo.event, echo.delivery) == ("compact", "none")
    assert "FAKE-SUMMARY" in str(echo.data["summary"])


def test_prompt_is_the_user_s() -> None:
    """The prompt's text is a fact of the turn; its key is the prompt's own id."""
    command = single("UserPromptSubmit")
    assert command.data["prompt"] == "SCENARIO:bash1 go"
    assert command.data["prompt_source"] == "user"
    assert command.key is not None
    assert command.key.endswith("11346c8f-7907-4d40-b8d7-06e9ad870c96")


def test_command_has_name_and_arguments_apart() -> None:
    """A slash command is named without its slash, its arguments one an element."""
    command = single("UserPromptExpansion", command_name="/foo", command_args="bar  baz")
    assert command.data["name"] == "foo"
    assert command.data["arguments"] == ["bar", "baz"]
    assert command.data["source"] == "user"


def test_a_command_is_known_again_by_its_prompt_alone() -> None:
    """Without the id of a prompt a second command of the name is one more, no repetition."""
    known = single("UserPromptExpansion", command_name="/foo", prompt_id="p1").key
    other = single("UserPromptExpansion", command_name="/foo", prompt_id="p2").key
    unknown = single("UserPromptExpansion", command_name="/foo", prompt_id="").key

    assert len({known, other, unknown}) == 3
    assert unknown is None


def test_tool_call_has_canonical_facts() -> None:
    """The call's own facts are canonical; the native arguments stay beside them."""
    call = single("PreToolUse.Edit").call
    assert call is not None
    assert (call.tool, call.native) == ("edit", "Edit")
    assert call.own == {
        "path": "/home/dev/project/e.txt", "content": "gamma", "removed": "beta"
    }  # fmt: skip
    assert call.args["replace_all"] is False
    assert call.cwd == "/home/dev/project"


def test_mcp_names_are_split() -> None:
    """An MCP tool is named by server and tool."""
    call = single("PreToolUse.mcp__demo__echo").call
    assert call is not None
    assert (call.tool, dict(call.own)) == (
        "mcp:demo:echo", {"server": "demo", "mcp_tool": "echo"}
    )  # fmt: skip


def test_result_tells_output_and_time() -> None:
    """A tool that ran is ok, with what it gave and how long it took."""
    data = single("PostToolUse.Bash").data
    assert data["outcome"] == "ok"
    assert str(data["output"]).endswith("\ndone")
    assert data["duration_ms"] == 26


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PostToolUse.Read", "alpha\nbeta\n"),
        ("PostToolUse.mcp__demo__echo", "echo: hi mcp"),
        ("PostToolUse.Agent", "FINAL text only"),
        ("PostToolUse.Write", "alpha\nbeta\n"),
    ],
)
def test_output_is_found_in_each_shape(name: str, text: str) -> None:
    """The output's text is found in the shape of each tool's response."""
    assert single(name).data["output"] == text


@pytest.mark.parametrize(
    ("lasted", "kept"), [(7, 7), (1.5, 1), (-7, None), (2**70, None), (True, None), ("7", None)]
)
def test_a_time_that_none_can_be_is_left_out(lasted: object, kept: int | None) -> None:
    """What the client tells wrong must not keep what became of the call from being told."""
    one = single("PostToolUse.Bash", duration_ms=lasted)

    assert one.event == "tool_after"
    assert one.data.get("duration_ms") == kept


def test_failure_tells_exit_code_and_error() -> None:
    """A failed command's exit code is read out of the client's words for it."""
    data = single("PostToolUseFailure.Bash").data
    assert (data["outcome"], data["exit_code"], data["error"]) == ("failed", 3, "Exit code 3")
    assert "exit_code" not in single("PostToolUseFailure.Read").data


def test_broken_off_tool_interrupts() -> None:
    """A tool that the user broke off fails, and the session is interrupted."""
    failed, interrupt = commands("PostToolUseFailure.Bash", is_interrupt=True)
    assert failed.data["outcome"] == "failed"
    assert (interrupt.event, interrupt.data["reason"]) == ("interrupt", "user")


def test_batch_settles_only_what_is_open() -> None:
    """A batch reports each call as refused, to be heeded only while the call is open."""
    for one in commands("PostToolBatch"):
        assert one.data["outcome"] == "refused"
        assert one.data["settle"] is True
        assert one.key is None
    assert [one.call.call_id for one in commands("PostToolBatch") if one.call] == [
        "toolu_ffde243137a94119b72a7273", "toolu_81dd4d5befde4245a023ba7c"
    ]  # fmt: skip


def test_completed_task_has_a_title() -> None:
    """A task set to completed is a completed task; any other update is not."""
    assert single("PostToolUse.TaskUpdate").data["task_title"] == "task 1"
    assert "task_title" not in single("PostToolUse.TaskCreate").data


def test_api_failure_ends_the_turn_and_interrupts() -> None:
    """When the model's service fails, the turn ends with why, and nobody works."""
    ended, interrupt = commands("StopFailure")
    assert ended.data["failure"] == "unknown: API Error: 400 fake 400"
    assert interrupt.data["reason"] == "error"


def test_sub_agent_is_a_child_session() -> None:
    """The parent announces the child; the child starts, and only it takes the briefing."""
    announced, born = commands("SubagentStart")
    child = f"{ROOT}/afc9c5602cb1e7cff"
    assert (announced.session, announced.data["child_id"]) == (ROOT, child)
    assert (announced.delivery, announced.parent) == ("none", None)
    assert (born.session, born.parent, born.agent) == (child, ROOT, "general-purpose")
    assert born.delivery == "after_flush"
    assert translate(captured("SubagentStart")).decisive == 1


def test_end_of_a_sub_agent_ends_child_then_tells_the_parent() -> None:
    """The child has ended by the time that its parent counts what it did."""
    ended, told = commands("SubagentStop", agent_type="Explore")
    assert (ended.event, ended.session.count("/")) == ("end", 1)
    assert (told.event, told.session.count("/")) == ("child_end", 0)


def test_own_compaction_agent_is_no_child() -> None:
    """The client's own agent, which has no type, is nobody's child."""
    assert commands("SubagentStop") == ()
    assert commands("SubagentStart", agent_type="") == ()


def test_call_in_a_sub_agent_is_the_child_s() -> None:
    """A call made by a sub-agent is asked in its own session, with its own role."""
    inside = single("PreToolUse.Bash", agent_id="a1", agent_type="Explore")
    outside = single("PreToolUse.Bash")
    assert inside.session == f"{outside.session}/a1"
    assert (inside.parent, inside.agent) == (outside.session, "Explore")


def test_main_agent_has_its_role_without_being_a_child() -> None:
    """A session started with an agent of its own has a type and no id: it is the root."""
    command = single("PreToolUse.Bash", agent_type="reviewer")
    assert (command.parent, command.agent) == (None, "reviewer")


@pytest.mark.parametrize(
    "name",
    [
        "SessionStart.resume", "Stop", "SessionEnd.other", "PreCompact.auto", "PostCompact.auto",
        "PreToolUse.Bash", "PostToolUse.Bash", "PostToolUseFailure.Bash",
    ],
)  # fmt: skip
def test_repeatable_events_have_no_key(name: str) -> None:
    """
    What may rightly happen twice is never taken for a repeat.

    Not by the id of a call either: some services of models give one id to several calls.
    """
    assert single(name).key is None


def test_unknown_fields_are_kept() -> None:
    """A field that this adapter has never seen stays with the event."""
    command = single("Stop", brand_new={"a": [1]})
    assert command.data["extra"] == {"brand_new": {"a": [1]}}
    assert "extra" not in single("Stop").data


def test_common_fields_are_not_extra() -> None:
    """What every payload may carry is no news."""
    values = captured("PreToolUse.Bash").values
    assert {"session_id", "cwd", "prompt_id"} <= COMMON
    assert not {"tool_name", "tool_input"} & set(values) & COMMON


@pytest.mark.parametrize(
    "bad", ["", "a/b", "a b", "x" * 200, "é", "a\x00", "@project", "../x", "..", "s@x"]
)
def test_session_id_must_be_an_id(bad: str) -> None:
    """An id that is empty, too long or holds a slash names no session."""
    with pytest.raises(PayloadRefused):
        translate(captured("PreToolUse.Bash", session_id=bad))


def test_agent_id_must_be_an_id() -> None:
    """A crafted agent id cannot make one session pass for the child of another."""
    with pytest.raises(PayloadRefused):
        translate(captured("PreToolUse.Bash", agent_id="x/y", agent_type="t"))


@pytest.mark.parametrize("changes", [{"tool_name": ""}, {"tool_input": "ls"}, {"tool_input": None}])
def test_call_without_name_or_arguments_is_refused(changes: dict[str, Any]) -> None:
    """A tool event that does not say which call it is cannot be decided."""
    with pytest.raises(PayloadRefused):
        translate(captured("PreToolUse.Bash", **changes))


def test_clear_ties_two_ids_by_the_prompt() -> None:
    """What the end of a cleared session leaves is what the next start looks for."""
    ended = translate(captured("SessionEnd.clear"))
    started = translate(captured("SessionStart.clear"))
    assert ended.remember is not None
    assert ended.remember[0] == started.recall != ""
    tied = continued(started, ended.remember[1])
    assert tied.commands[0].data["predecessor"] == "d6bded2f-056e-4d95-9740-e5dee19325cd"
    assert [one.event for one in tied.commands] == ["start"]


def test_clear_ties_two_ids_by_the_process() -> None:
    """A client that names its process names no prompt at the start of the other session."""
    env = {"CLAUDE_PID": "3020"}
    ended = translate(captured("SessionEnd.clear"), env)
    started = translate(captured("SessionStart.startup", source="clear"), env)
    assert ended.remember is not None
    assert ended.remember[0] == started.recall == "process-3020"
    other = translate(captured("SessionStart.startup", source="clear"), {"CLAUDE_PID": "../x"})
    assert other.recall == ""


def test_other_ends_leave_nothing() -> None:
    """Only a clear is followed by another session."""
    assert translate(captured("SessionEnd.other")).remember is None
    assert translate(captured("SessionStart.startup")).recall == ""


def test_fork_is_seen_in_the_environment() -> None:
    """A fork's first payload has the old id; the new one stands in a path only."""
    new = "0a0ba562-f721-4b53-b339-34813d740b13"
    env = {"CLAUDE_ENV_FILE": f"/home/dev/.claude/session-env/{new}/sessionstart-hook-0.sh"}
    resumed = translate(captured("SessionStart.resume"), env)
    assert resumed.remember == (f"session-{new}", "393e6d7c-10c8-463a-9a4f-dc5ad1646071")
    prompt = translate(captured("UserPromptSubmit", session_id=new))
    assert prompt.recall == resumed.remember[0]
    tied = continued(prompt, resumed.remember[1])
    assert [one.event for one in tied.commands] == ["start", "turn_start"]
    assert tied.commands[0].data["source"] == "fork"
    assert tied.commands[0].history == "kept"
    assert tied.decisive == 1


def test_fork_with_an_id_of_its_own_is_a_start() -> None:
    """A later client gives the fork its new id at once; the history is that of the old one."""
    made = translate(captured("SessionStart.startup", source="fork"))
    assert made.forked
    (started,) = made.commands
    assert (started.event, started.history, started.data["source"]) == ("start", "kept", "fork")
    assert not translate(captured("SessionStart.startup")).forked


@pytest.mark.parametrize("path", ["", "/", "x", "/a/not-an-id/f.sh"])
def test_plain_resume_leaves_no_tie(path: str) -> None:
    """Without another id in the environment nothing is remembered."""
    env = {"CLAUDE_ENV_FILE": path}
    assert translate(captured("SessionStart.resume"), env).remember is None


@pytest.mark.parametrize(
    ("tool", "path", "read"),
    [
        ("Grep", ".env ", [".env ", ".env"]),
        ("Grep", " /etc/shadow", [" /etc/shadow", "/etc/shadow"]),
        ("Glob", "src", "src"),
        ("Read", "a ", "a "),
    ],
)
def test_a_folder_counts_as_the_client_takes_it(tool: str, path: str, read: Any) -> None:
    """Without the blanks around it, for tools that take it so, and as it stands."""
    fields = {"Read": "file_path"}
    given = {fields.get(tool, "path"): path, "pattern": "KEY"}
    call = single("PreToolUse.Read", tool_name=tool, tool_input=given).call
    assert call is not None
    assert call.own["path"] == read


@pytest.mark.parametrize(
    "odd",
    [{}, {"tool_name": 7}, {"tool_name": "Bash"}, {"tool_name": "Bash", "tool_input": "ls"}],
)
def test_one_odd_entry_of_a_batch_does_not_hide_the_others(odd: dict[str, Any]) -> None:
    """Each call of a batch is settled that can be told."""
    calls = captured("PostToolBatch").values["tool_calls"]
    assert isinstance(calls, list)

    settled = commands("PostToolBatch", tool_calls=[odd, *calls, odd])

    assert settled == commands("PostToolBatch")


@pytest.mark.parametrize("lasted", [-1, -0.5, "5", True, None])
def test_a_time_that_is_none_does_not_hide_what_ran(lasted: Any) -> None:
    """The outcome is reported, without a time."""
    data = single("PostToolUse.Bash", duration_ms=lasted).data
    assert (data["outcome"], "duration_ms" in data) == ("ok", False)


@pytest.mark.parametrize("prompt", ["a/b", ".x", "x" * 129])
def test_an_odd_prompt_does_not_hide_a_clear(prompt: str) -> None:
    """A session that was cleared ends and begins, tied by nothing."""
    ended = translate(captured("SessionEnd.clear", prompt_id=prompt))
    begun = translate(captured("SessionStart.clear", prompt_id=prompt))

    assert [one.event for one in (*ended.commands, *begun.commands)] == ["end", "start"]
    assert (ended.remember, begun.recall) == (None, "")


def test_ids_of_other_services_name_their_calls() -> None:
    """An id with signs that no journal takes stands by its digest, before and after the call."""
    asked, ran = (
        single(name, tool_use_id="functions.Bash:0").call
        for name in ("PreToolUse.Bash", "PostToolUse.Bash")
    )
    assert asked is not None
    assert ran is not None
    assert asked.call_id == ran.call_id == call_id_of("functions.Bash:0") != ""


@pytest.mark.parametrize("name", ["", "/", None, 7, ["x"]])
def test_a_command_without_a_name_is_refused(name: Any) -> None:
    """Nobody can say what would run."""
    with pytest.raises(PayloadRefused):
        commands("UserPromptExpansion", command_name=name)


@pytest.mark.parametrize("prompt", [7, ["x"], {"text": "x"}])
def test_a_prompt_that_is_no_text_is_refused(prompt: Any) -> None:
    """Rules on prompts must not be asked about an empty one in its stead."""
    with pytest.raises(PayloadRefused):
        commands("UserPromptSubmit", prompt=prompt)
