"""Every captured event of OpenCode becomes the events that it reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from governance.calls import UNKNOWN_FOLDER
from governance.hooking.patches import FILES_MAX, files_of
from governance.hooking.payload import Payload, PayloadRefused, Unbound, call_id_of
from governance.hooking.translation import Translation
from governance.hooking.worker import decided
from governance.hosts.opencode.adapter import ADAPTER
from governance.hosts.opencode.capabilities import EVENTS
from governance.hosts.opencode.translate import translate
from governance.session.commands import Command
from governance.testing.engines import memory_engine

CAPTURES = Path(__file__).parent.parent / "captures" / "opencode"
SESSION, PARENT = "ses_1", "ses_0"
KIND = "usage.reported"
BASH: dict[str, Any] = {
    "input": {"tool": "bash", "callID": "c"},
    "output": {"args": {"command": "ls"}},
}
TOLD = {"sha256": "ab", "rendered_at": 2, "blocks": ["a"], "why": "briefing", "characters": 5}


def sent(event: str, **values: Any) -> Payload:
    """What the plugin sends of *event*."""
    common = {
        "hook_event_name": event, "session_id": SESSION, "parent_id": "", "agent": "build",
        "cwd": "/home/dev/project", "run": "7-a",
    }  # fmt: skip
    return Payload(event, {**common, **values})


def captured(name: str, **changes: Any) -> Payload:
    """As the plugin passes on the capture *name*: hooks as they are, events by their properties."""
    held = json.loads((CAPTURES / f"{name}.json").read_text())
    given, output = held["input"], held["output"] or {}
    if name.startswith("event."):
        event, given = given["type"], given["properties"]
        info = given.get("info", {})
        session, parent = given["sessionID"], info.get("parentID", "")
        agent = info.get("agent", "")
    else:
        event = name if name in EVENTS else name.rpartition(".")[0]
        session, parent, agent = given.get("sessionID", ""), "", given.get("agent", "")
    if event == "permission.replied":
        given = {**given, "id": given["requestID"]}
    if event == "message.part.updated":
        part = given["part"]
        given = {"tool": part["tool"], "callID": part["callID"], "args": part["state"]["input"]}
    values = {"session_id": session, "parent_id": parent, "agent": agent}
    return sent(event, **(values | {"input": given, "output": output} | changes))


def commands(payload: Payload) -> tuple[Command, ...]:
    return translate(payload).commands


def single(payload: Payload) -> Command:
    (command,) = commands(payload)
    return command


EXPECTED = {
    "event.session.created": ["child_start", "start"],
    "chat.message": ["turn_start"],
    "command.execute.before": ["command"],
    "tool.execute.before.bash": ["tool_before"],
    "tool.execute.before.edit": ["tool_before"],
    "tool.execute.before.invalid": ["tool_before"],
    "tool.execute.before.read": ["tool_before"],
    "tool.execute.before.task": ["tool_before"],
    "tool.execute.before.write": ["tool_before"],
    "tool.execute.after.bash": ["tool_after"],
    "tool.execute.after.edit": ["tool_after"],
    "tool.execute.after.invalid": ["tool_after"],
    "tool.execute.after.read": ["tool_after"],
    "tool.execute.after.task": ["tool_after", "end", "child_end"],
    "tool.execute.after.write": ["tool_after"],
    "event.message.part.updated": ["tool_after"],
    "experimental.chat.system.transform": ["lapse"],
    "experimental.session.compacting": ["compacting"],
    "event.session.compacted": ["lapse", "compact"],
    "event.session.idle": ["turn_end"],
    "event.session.error": ["turn_end", "interrupt"],
    "event.session.deleted": ["end"],
    "event.permission.asked": [],
    "event.permission.replied": [],
}


def test_what_was_used_is_told() -> None:
    """The figures of both captures, as the plugin hands them on with the session's next event."""
    counted = captured("event.session.updated").table("input")["info"]
    answered = captured("event.message.updated").table("input")["info"]
    tokens = {"input": 7, "output": 1, "reasoning": 2, "cache": {"read": 5, "write": 3}}
    given = {
        "cost": 0.25,
        "tokens": {**counted["tokens"], "reasoning": 2},
        "context": {**answered["tokens"], **tokens},
    }

    used = translate(captured("tool.execute.before.bash", used=given)).used

    assert used is not None
    assert (used.kind, used.session) == (
        KIND,
        captured("tool.execute.before.bash").identity("session_id"),
    )
    assert used.data == {
        "cost_usd": 0.25,
        "input_tokens": 12176,
        "output_tokens": 42,
        "context_tokens": 15,
        "whole": True,
    }


BUDGET = """
format = 1
[pack]
name = "budget"
version = "1.0.0"
summary = "What a session may cost."
[[rule]]
id = "budget.spent"
tools = ["shell"]
when.usage.cost_usd = { gt = 5 }
action = "deny"
message = "It is spent."
must_match = [{ tool = "shell", command = "ls", usage = { cost_usd = 6 } }]
must_not_match = [{ tool = "shell", command = "ls", usage = { cost_usd = 4 } }]
"""


def test_a_call_is_decided_by_what_was_used_before_it() -> None:
    """The same payload brings both; a session that is not there has used nothing."""
    with memory_engine(BUDGET) as engine:
        answers = []
        for cost in (4, 4, 6):
            payload = sent("tool.execute.before", used={"cost": cost}, **BASH)
            made, _ = decided(ADAPTER, engine, translate(payload), payload)
            answers.append(json.loads(made.out)["action"])
        rows = [one.data["cost_usd"] for one in engine.events(SESSION) if one.name == KIND]

    assert answers == ["allow", "allow", "deny"]
    assert rows == [4, 6]


@pytest.mark.parametrize(
    ("given", "known"),
    [
        (None, None),
        ({}, None),
        ({"cost": -1, "tokens": "many"}, None),
        ({"cost": 1}, {"cost_usd": 1}),
        ({"cost": True, "context": {"input": 3, "cache": 7}}, {"context_tokens": 3}),
        (
            {"tokens": {"input": 3, "output": True, "cache": {"read": 1.5, "write": 2}}},
            {"input_tokens": 5, "output_tokens": 0},
        ),
    ],
)
def test_what_is_no_figure_is_not_used(given: Any, known: dict[str, Any] | None) -> None:
    """Whatever else the client tells, nothing is made up and nothing fails."""
    used = translate(sent("session.idle", used=given)).used
    assert (used.data if used else None) == (known and {**known, "whole": True})


UNREAD = {"event.command.executed", "event.message.updated", "event.session.status",
          "event.session.updated"}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_capture_becomes_its_events(name: str) -> None:
    """Each capture reports what it should, in order, under the client's own session id."""
    payload = captured(name)

    made = translate(payload)

    assert [one.event for one in made.commands] == EXPECTED[name]
    assert made.known
    assert payload.event in EVENTS
    assert set(EXPECTED[name]) <= set(EVENTS[payload.event].commands)
    for command in made.commands:
        assert command.session.startswith("ses_")
        assert (command.host, command.traits.inject) == ("opencode", "request")


def test_every_capture_is_read_or_known_to_be_unread() -> None:
    """No captured event is forgotten; those that nothing acts on become nothing."""
    assert {one.stem for one in CAPTURES.glob("*.json")} == set(EXPECTED) | UNREAD
    for name in UNREAD:
        held = json.loads((CAPTURES / f"{name}.json").read_text())
        assert not translate(sent(held["input"]["type"])).known


def test_every_event_has_a_reading() -> None:
    """What the adapter says that it listens to it can read, and the plugin passes on."""
    plugin = (CAPTURES.parents[2] / "governance" / "hosts" / "opencode" / "plugin.js").read_text()
    given = {"tool": "bash", "args": {"command": "ls"}, "command": "x"}
    for event in EVENTS:
        assert translate(sent(event, input=given)).known
        assert f'"{event}"' in plugin or f"async {event}(" in plugin


def test_sub_session_is_announced_to_its_parent() -> None:
    """The parent hears of its child first, and the child has parent, agent and model."""
    announced, born = commands(captured("event.session.created"))

    assert announced.session == born.parent
    assert announced.parent is None
    assert announced.data == {"child_id": born.session, "role": "general"}
    assert (born.agent, born.data["source"]) == ("general", "sub-agent")
    assert translate(captured("event.session.created")).decisive == 1


def test_root_session_starts_alone() -> None:
    """A session without a parent is nobody's child; its model is named where it is known."""
    model = {"providerID": "p", "id": "m"}
    born = single(sent("session.created", input={"info": {"model": model}}))
    assert (born.event, born.parent, born.data["model_id"]) == ("start", None, "p/m")


def test_prompt_is_keyed_by_its_message() -> None:
    """A prompt that comes twice counts once; its text is carried, and its sender."""
    mine = single(sent("chat.message", prompt="hi", output={"id": "msg_1"}))
    again = single(sent("chat.message", prompt="hi", output={"id": "msg_1"}))
    other = single(sent("chat.message", prompt="hi", output={"id": "msg_2"}))
    assert mine.key == again.key != other.key
    assert mine.data == {"prompt": "hi", "prompt_source": "user"}
    assert (mine.delivery, mine.run) == ("after_flush", "7-a")
    kid = single(sent("chat.message", prompt="hi", parent_id=PARENT))
    assert kid.data["prompt_source"] == "agent"


def test_prompt_to_a_known_session_resumes_it() -> None:
    """The sign of a resume is a prompt to a session that this process has not begun."""
    made = translate(sent("chat.message", prompt="hi", resumed=True))
    assert [one.event for one in made.commands] == ["resume", "turn_start"]
    assert made.decisive == 1
    assert {one.run for one in made.commands} == {"7-a"}


@pytest.mark.parametrize("event", ["tool.execute.before", "session.idle", "session.error"])
def test_told_text_is_reported_before_what_followed(event: str) -> None:
    """The text counts as read once the model has answered the request that carried it."""
    values = {"tool": "bash", "callID": "c", "error": {"name": "MessageAbortedError"}}
    made = translate(sent(event, input=values, output={"args": {"command": "ls"}}, told=TOLD))
    first = made.commands[0]
    assert (first.event, first.data) == ("brief", TOLD)
    assert made.commands[made.decisive].event != "brief" or event != "tool.execute.before"


def test_half_a_report_is_none() -> None:
    """A report that lacks a field is passed over: the text stays owed."""
    half = {name: value for name, value in TOLD.items() if name != "sha256"}
    assert single(sent("session.idle", told=half)).event == "turn_end"


def test_shell_runs_in_its_folder() -> None:
    """`workdir` is the folder of the command, resolved against the session's."""
    for workdir, cwd in [("", "/home/dev/project"), ("sub", "/home/dev/project/sub"), ("/x", "/x")]:
        args = {"command": "ls", "workdir": workdir}
        call = single(tool("bash", args)).call
        assert call is not None
        assert (call.tool, call.own, call.cwd) == ("shell", {"command": "ls"}, cwd)


@pytest.mark.parametrize("workdir", [["/etc"], {"path": "/etc"}, 5, True])
def test_a_folder_that_is_no_text_is_not_the_session_s(workdir: Any) -> None:
    """What cannot be read is unknown, and so is every path that is relative to it."""
    call = single(tool("bash", {"command": "cat shadow", "workdir": workdir})).call
    assert call is not None
    assert call.cwd == UNKNOWN_FOLDER


def tool(name: str, args: Mapping[str, Any], **more: Any) -> Payload:
    given = {"tool": name, "callID": "call_1"}
    return sent("tool.execute.before", input=given, output={"args": dict(args)}, **more)


@pytest.mark.parametrize(
    ("native", "canonical", "server"),
    [
        ("files_write_file", "mcp:files:write_file", "files"),
        ("my_files_read", "mcp:my.files:read", "my.files"),
        ("nobody_read", "other", None),
        ("files_", "other", None),
    ],
)
def test_tools_of_servers_are_known_by_the_servers(
    native: str, canonical: str, server: str | None
) -> None:
    """A tool's server is the longest that the client has of that name; else nobody knows it."""
    call = single(tool(native, {}, servers=["my", "my.files", "files"])).call
    assert call is not None
    assert (call.tool, call.native) == (canonical, native)
    assert call.own.get("server") == server


def test_own_tools_are_no_server_s() -> None:
    """A server cannot be named so that a tool of the client passes for its tool."""
    call = single(tool("apply_patch", {"patchText": ""}, servers=["apply"])).call
    assert call is not None
    assert call.tool == "other"


def patch(*lines: str) -> Translation:
    text = "\n".join(("*** Begin Patch", *lines, "*** End Patch"))
    return translate(tool("apply_patch", {"patchText": text}, told=TOLD))


def test_patch_is_a_call_for_each_file() -> None:
    """Added, changed, moved and deleted files are each judged by their path and content."""
    made = patch(
        "*** Add File: new.txt", "+one", "+two",
        "*** Update File: old.txt", "@@", "-gone", "+come", " kept",
        "*** Update File: from.txt", "*** Move to: to.txt", "@@", "+moved",
        "*** Delete File: dead.txt",
    )  # fmt: skip
    brief, *asked = made.commands
    calls = [one.call for one in asked if one.call is not None]
    assert (brief.event, made.decisive) == ("brief", 1)
    assert [(one.tool, one.own) for one in calls] == [
        ("write", {"path": "new.txt", "content": "one\ntwo"}),
        ("edit", {"path": "old.txt", "content": "come", "removed": "gone"}),
        ("delete", {"path": "from.txt"}),
        ("write", {"path": "to.txt", "content": "moved"}),
        ("delete", {"path": "dead.txt"}),
    ]
    assert len({one.call_id for one in calls}) == len(calls) == 5
    assert {one.native for one in calls} == {"apply_patch"}


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("+x",),
        ("*** Add File:  ",),
        ("*** Add File: a.txt", "+x", "*** Rewrite File: .env", "+y"),
        tuple(f"*** Delete File: {number}" for number in range(FILES_MAX + 1)),
    ],
)
def test_patch_that_cannot_be_read_is_refused(lines: tuple[str, ...]) -> None:
    """What nobody can say the files of is no call that a rule on paths could have seen."""
    (_, asked) = patch(*lines).commands
    assert asked.call is not None
    assert asked.call.tool == "other"
    with memory_engine() as engine:
        engine.start("s")
        reply = engine.handle(evolve(asked, session="s"))
    assert reply.denied
    assert "nobody can say" in reply.reasons[0]


def test_lines_of_a_patch_are_no_headers() -> None:
    """What is added, taken away or kept may look like anything."""
    kept = ("*** Update File: a.md", "@@", "+*** Title", "-***", " *** a rule", "*** End of File")
    (_, asked) = patch(*kept).commands
    assert asked.refused == ()
    assert asked.call is not None
    assert asked.call.own["path"] == "a.md"


@pytest.mark.parametrize("sign", ["\x0b", "\x0c", "\r", "\x1e", "\x85", "\u2028"])
def test_path_with_a_sign_that_might_end_its_line_is_not_read(sign: str) -> None:
    """A header that ends elsewhere for the client than for us names a file that nobody judged."""
    assert files_of(f"*** Update File: a{sign}/../.env\n+x") == ()
    assert files_of(f"*** Update File: a\n+b{sign}c")[0].content == f"b{sign}c"


def test_line_of_a_file_that_reads_like_a_header_hides_nothing() -> None:
    """What stands behind it is judged for the file before as well as for the one it names."""
    text = "*** Update File: a.py\n@@\n *** Update File: b.md\n-old\n+eval(x)\n"
    found = {one.path: (one.content, one.removed) for one in files_of(text)}
    assert found == {"a.py": ("eval(x)", "old"), "b.md": ("eval(x)", "old")}


def test_line_of_a_file_that_reads_like_a_move_hides_nothing() -> None:
    """The file may stay and be changed, or go: each is judged."""
    text = "*** Update File: a.py\n@@\n *** Move to: b.md\n+eval(x)\n"
    assert [(one.tool, one.path, one.content) for one in files_of(text)] == [
        ("edit", "a.py", "eval(x)"),
        ("delete", "a.py", ""),
        ("write", "b.md", "eval(x)"),
    ]


def test_patch_of_too_many_files_is_unknown() -> None:
    """One more file than the bound, and the whole call is not known."""
    headers = [f"*** Delete File: {number}" for number in range(FILES_MAX)]
    assert len(files_of("\n".join(headers))) == FILES_MAX
    assert files_of("\n".join([*headers, "*** Delete File: x"])) == ()


@given(st.text(alphabet="*+- \nAdeltFiUpMov:Btgn/.", max_size=300))
def test_any_text_is_read_as_a_patch(text: str) -> None:
    """Whatever stands there, every file that is named has a path."""
    assert all(one.path.strip() == one.path != "" for one in files_of(text))


def test_outcomes() -> None:
    """Exit codes make failures; errors are failed, and a person's no is refused."""
    ok = single(captured("tool.execute.after.bash"))
    assert (ok.data["outcome"], ok.data["exit_code"]) == ("ok", 0)
    given = {"tool": "bash", "callID": "c", "args": {"command": "false"}}
    output = {"output": "", "metadata": {"exit": 1}}
    failed = single(sent("tool.execute.after", input=given, output=output))
    assert (failed.data["outcome"], failed.data["exit_code"]) == ("failed", 1)
    error = single(sent("message.part.updated", input=given, error="File not found"))
    assert (error.data["outcome"], error.data["error"]) == ("failed", "File not found")
    words = "The user rejected permission to use this specific tool call."
    no = single(sent("message.part.updated", input=given, error=words))
    assert no.data["outcome"] == "refused"
    assert "output" not in no.data


def test_denied_patch_settles_what_was_let_through() -> None:
    """The files of a patch that were allowed did not run either, and are settled as refused."""
    given = {"tool": "bash", "callID": "c", "args": {"command": "x"}}
    settled = single(sent("message.part.updated", input=given, error="no", denied=True))
    assert settled.data == {"outcome": "refused", "settle": True, "error": "no"}
    assert settled.key is None


def test_background_task_goes_on() -> None:
    """A sub-session in the background has not ended when its tool has."""
    whole = captured("tool.execute.after.task")
    given = whole.table("input")
    arguments = given["args"]
    assert isinstance(arguments, dict)
    changed = {**given, "args": {**arguments, "background": True}}
    assert len(commands(captured("tool.execute.after.task", input=changed))) == 1


def test_abort_is_the_user_s() -> None:
    """Breaking off is an interruption by the user, and no failure of the model."""
    error = {"name": "MessageAbortedError", "data": {"message": "Aborted"}}
    broken = single(sent("session.error", input={"error": error}))
    assert (broken.event, broken.data) == ("interrupt", {"reason": "user"})


def test_child_that_is_deleted_ends_for_its_parent() -> None:
    """The parent of a deleted sub-session hears that it is over."""
    ended, told = commands(sent("session.deleted", parent_id=PARENT))
    assert (ended.session, told.session, told.data) == (SESSION, PARENT, {"child_id": SESSION})


def test_dispose_leaves_every_session() -> None:
    """A process that goes names its sessions; each is interrupted by the shutdown."""
    listed = [{"session_id": "ses_1", "parent_id": ""}, {"session_id": ""}, "x",
              {"session_id": "ses_2", "parent_id": "ses_1", "agent": "general"}]  # fmt: skip
    made = commands(sent("dispose", session_id="", sessions=listed))
    assert [(one.session, one.event, one.parent) for one in made] == [
        ("ses_1", "interrupt", None),
        ("ses_2", "interrupt", "ses_1"),
    ]
    assert {one.data["reason"] for one in made} == {"shutdown"}


def test_permissions_are_noted() -> None:
    """What the client asks its own user is written down under the call that waits for it."""
    (asked,) = translate(captured("event.permission.asked")).notes
    (replied,) = translate(captured("event.permission.replied")).notes
    assert asked.kind == "permission.asked"
    assert asked.key == f"opencode:permission.asked:{asked.session}:{asked.data['id']}"
    assert replied.key not in (None, asked.key)
    assert asked.data["patterns"] == ["echo RAN > ran.txt", "echo marker-output"]
    assert (replied.kind, replied.data["reply"]) == ("permission.replied", "reject")
    assert asked.data["id"] == replied.data["id"]


@pytest.mark.parametrize("event", [one for one in EVENTS if one != "dispose"])
def test_no_session_is_unbound(event: str) -> None:
    """An event that names no session is put into none."""
    with pytest.raises(Unbound):
        translate(sent(event, session_id=""))


@pytest.mark.parametrize("session", ["a/b", "@project", "../x", "x" * 200])
def test_strange_sessions_are_refused(session: str) -> None:
    """An id that could pass for another's is none."""
    with pytest.raises(PayloadRefused):
        translate(sent("session.idle", session_id=session))


@pytest.mark.parametrize("output", [{}, {"args": None}, {"args": "ls"}])
def test_tool_without_arguments_is_refused(output: dict[str, Any]) -> None:
    """Nothing can be decided of a call whose arguments are not there."""
    with pytest.raises(PayloadRefused, match="names no tool"):
        translate(sent("tool.execute.before", input={"tool": "bash"}, output=output))


@given(st.one_of(st.none(), st.integers(), st.text()))
def test_call_ids_fit_the_journal(given_id: Any) -> None:
    """Whatever a model's service calls a call, its id is short and has safe signs only."""
    made = call_id_of(given_id)
    assert len(made) <= 128
    assert not set(made) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert call_id_of("functions.bash:0") != call_id_of("functions.bash:1") != ""


@pytest.mark.parametrize("name", sorted(TOLD))
@pytest.mark.parametrize("value", [None, 1.5, {"x": 1}])
def test_a_report_of_another_shape_is_none(name: str, value: Any) -> None:
    """What is no report does not hide what the model did next."""
    assert single(sent("session.idle", told={**TOLD, name: value})).event == "turn_end"


@pytest.mark.parametrize("child", ["a/b", ".x", "@project", "x" * 129, "", 7, None])
def test_an_odd_sub_session_does_not_hide_the_outcome(child: Any) -> None:
    """The call that it was has its outcome; nobody is taken leave of."""
    given = {"tool": "task", "callID": "c", "args": {"subagent_type": "x", "prompt": "p"}}
    output = {"output": "x", "metadata": {"sessionId": child}}
    assert single(sent("tool.execute.after", input=given, output=output)).event == "tool_after"


@pytest.mark.parametrize("odd", [{"session_id": "a/b"}, {"session_id": "x", "parent_id": 7}, "x"])
def test_dispose_leaves_the_sessions_that_can_be_told(odd: Any) -> None:
    """One that cannot is no reason to leave the others unended."""
    listed = [odd, {"session_id": SESSION, "parent_id": "", "agent": "build"}, odd]
    assert single(sent("dispose", session_id="", sessions=listed)).session == SESSION


@pytest.mark.parametrize(
    "given", [{}, {"command": 7}, {"command": ""}, {"command": "x", "arguments": 7}]
)
def test_a_command_that_cannot_be_read_is_refused(given: Any) -> None:
    """Nobody can say what would run."""
    with pytest.raises(PayloadRefused):
        translate(sent("command.execute.before", input=given))
