"""Calls of Hermes' tools in the terms that rules judge, and answers in its own shapes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from governance.calls import UNKNOWN_FOLDER, ToolCall
from governance.hosts.hermes import translate
from governance.hosts.hermes.answer import (
    command_decision,
    reason,
    refused_result,
    replaced_output,
    strictest,
    tool_directive,
)
from governance.hosts.hermes.calls import PARTS_MAX, UNREAD_PATCH, CallRefused, calls_of
from governance.hosts.hermes.shapes import UNREADY, block, denied_command
from governance.hosts.hermes.sightings import SESSIONS_MAX, Sighting, Sightings, is_identity
from governance.hosts.hermes.tool_calls import Asked
from governance.hosts.hermes.tools import TOOLS
from governance.session.replies import ACTIONS, Action, Injection, Reply

TOLD = Injection("READ THIS", "ab" * 32, "briefing", ("one",), 3)


def judged(native: str, args: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    calls = calls_of(native, args, cwd="/srv", call_id="c")
    return [(one.tool, dict(one.own)) for one in calls]


@pytest.mark.parametrize(
    ("native", "args", "found"),
    [
        ("terminal", {"command": "ls"}, [("shell", {"command": "ls"})]),
        ("read_file", {"path": "a"}, [("read", {"path": "a"})]),
        ("write_file", {"path": "a", "content": "b"}, [("write", {"path": "a", "content": "b"})]),
        (
            "patch",
            {"mode": "replace", "path": "a", "old_string": "b", "new_string": "c"},
            [("edit", {"path": "a", "content": "c", "removed": "b"})],
        ),
        ("search_files", {"pattern": "*.py", "target": "files"}, [("glob", {"pattern": "*.py"})]),
        ("search_files", {"pattern": "x"}, [("grep", {"pattern": "x"})]),
        ("web_extract", {"urls": ["u", "v"]}, [("fetch", {"url": "u"}), ("fetch", {"url": "v"})]),
        ("web_extract", {}, [("fetch", {})]),
        (
            "web_extract",
            {"urls": ["u", {"url": " v "}, {"href": "w"}, {"title": "x"}, None]},
            [("fetch", {"url": "u"}), ("fetch", {"url": "v"}), ("fetch", {"url": "w"})],
        ),
        (
            "web_extract",
            {"urls": '["u", {"url": "v"}]'},
            [("fetch", {"url": "u"}), ("fetch", {"url": "v"})],
        ),
        ("web_extract", {"urls": "u"}, [("fetch", {"url": "u"})]),
        (
            "delegate_task",
            {"tasks": '[{"goal": "one", "role": "leaf"}, {"goal": "two"}]'},
            [("delegate", {"agent": "leaf", "prompt": "one\ntwo"})],
        ),
        ("process", {"action": "write", "data": "rm x"}, [("shell", {"command": "rm x"})]),
        ("process", {"action": "submit", "data": ["rm x"]}, [("shell", {"command": "['rm x']"})]),
        ("process", {"action": "list"}, [("other", {})]),
        ("execute_code", {"code": "a'b"}, [("shell", {"command": "python3 -c 'a'\"'\"'b'"})]),
        ("execute_code", {}, [("shell", {})]),
        (
            "delegate_task",
            {"goal": "do", "role": "leaf"},
            [("delegate", {"agent": "leaf", "prompt": "do"})],
        ),
        (
            "delegate_task",
            {"tasks": [{"goal": "a", "role": "leaf"}, {"goal": "b"}]},
            [("delegate", {"prompt": "a\nb", "agent": "leaf"})],
        ),
        ("mcp__git__push", {}, [("mcp:git:push", {"server": "git", "mcp_tool": "push"})]),
        ("memory", {"action": "add"}, [("other", {})]),
        ("a_plugin_tool", {}, [("other", {})]),
    ],
)
def test_native_calls_are_judged_as_what_they_do(
    native: str, args: dict[str, Any], found: list[tuple[str, dict[str, Any]]]
) -> None:
    """Each native tool fills the facts of what it does."""
    assert judged(native, args) == found


def test_a_patch_is_judged_file_by_file() -> None:
    """Every file that a patch adds, changes, moves or deletes is a call of its own."""
    text = (
        "*** Begin Patch\n*** Add File: a\n+x\n***Update  File:b\n*** Move to: c\n"
        "*** Delete File: d\n*** Move File: e -> f\n*** End Patch"
    )

    calls = calls_of("patch", {"mode": "patch", "patch": text}, cwd="/srv", call_id="c")

    assert [(one.tool, one.own["path"]) for one in calls] == [
        ("write", "a"),
        ("edit", "b"),
        ("write", "c"),
        ("delete", "d"),
        ("delete", "e"),
        ("write", "f"),
    ]
    assert [one.call_id for one in calls] == ["c", "c.1", "c.2", "c.3", "c.4", "c.5"]
    assert all(not one.fields for one in calls)


def test_a_patch_that_names_no_file_is_a_tool_that_nobody_knows() -> None:
    """What cannot be read is not let through as an edit of nothing."""
    (call,) = calls_of("patch", {"mode": "patch", "patch": "?"}, cwd=None, call_id="c")

    assert call.tool == "other"


@pytest.mark.parametrize("sign", ["\x0b", "\x0c", "\r", "\x1e", "\x85", "\u2028"])
def test_a_path_with_a_sign_that_might_end_its_line_is_not_read(sign: str) -> None:
    """A header that ends elsewhere for the client than for us names a file that nobody judged."""
    text = f"*** Begin Patch\n*** Update File: a{sign}/../.env\n+x\n*** End Patch"

    (call,) = calls_of("patch", {"mode": "patch", "patch": text}, cwd=None, call_id="c")

    assert call.native == UNREAD_PATCH


def test_a_path_with_blanks_without_end_costs_no_more_than_its_length() -> None:
    """Whoever reads it again for each blank would never come to an end."""
    text = f"*** Update File: a{' ' * 1_000_000}b{' ' * 1_000_000}\n+x"

    (call,) = calls_of("patch", {"mode": "patch", "patch": text}, cwd=None, call_id="c")

    assert call.own["path"] == f"a{' ' * 1_000_000}b"


def test_too_many_parts_are_refused() -> None:
    """A call that would be judged without end is none."""
    with pytest.raises(CallRefused, match="GOV740"):
        calls_of("web_extract", {"urls": ["u"] * (PARTS_MAX + 1)}, cwd=None, call_id="c")


@pytest.mark.parametrize(
    ("workdir", "cwd", "found"),
    [
        ("/opt", "/srv", "/opt"),
        ("sub", "/srv", "/srv/sub"),
        ("sub", None, None),
        ("", "/w", "/w"),
        (None, "/w", "/w"),
        (["/etc"], "/w", UNKNOWN_FOLDER),
        (5, "/w", UNKNOWN_FOLDER),
    ],
)
def test_a_commands_own_folder_counts(workdir: Any, cwd: str | None, found: str | None) -> None:
    """Where the command says in which folder it runs, that is the folder."""
    (call,) = calls_of("terminal", {"command": "ls", "workdir": workdir}, cwd=cwd, call_id="c")

    assert call.cwd == found


def test_a_table_that_names_no_tool_twice() -> None:
    """Names are those of the host; none begins like a tool of a server."""
    assert not any(name.startswith(TOOLS.mcp_prefix) for name in TOOLS.tools)


# -- answers ----------------------------------------------------------------------------


def reply(action: Any, **more: Any) -> Reply:
    return Reply("tool_before", action, "between-turn", **more)


def test_allow_is_silence() -> None:
    """What no rule minds, Hermes' own checks decide."""
    assert tool_directive(reply("allow"), "d") is None
    assert tool_directive(reply("warn", message="m"), "d") is None
    assert command_decision(reply("allow")) is None


def test_a_block_always_has_a_message() -> None:
    """Hermes ignores a block without one."""
    for one in (reply("deny"), reply("halt"), reply("deny", reasons=("why",))):
        made = tool_directive(one, "d")
        assert made is not None
        assert made["action"] == "block"
        assert made["message"] == ("why" if one.reasons else "governance refuses this")
    assert block("")["message"] == denied_command("")["message"] == UNREADY


def test_leave_for_good_is_for_the_same_call_alone() -> None:
    """The key of a question holds rules and arguments."""
    one = tool_directive(reply("ask", message="m", rules=("a.b",)), "digest")

    assert one == {"action": "approve", "message": "m", "rule_key": "a.b:digest"}
    alone = tool_directive(reply("ask", message="m"), "d", alone=True)
    assert alone is not None
    assert alone["action"] == "block"


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("put_in", [False, True])
def test_a_call_runs_only_as_it_was_let_run(action: Action, put_in: bool) -> None:
    """What is refused never runs, and what is to be changed only once it is."""
    asked = Asked(Sighting("s"), (), reply(action), "d", put_in=put_in)

    assert asked.refused == (action in ("deny", "halt"))
    if action != "ask":
        assert asked.runs == (action in ("allow", "warn") or (action == "rewrite" and put_in))


def test_a_rewrite_that_comes_too_late_names_the_call() -> None:
    """Where arguments cannot be put in any more, the model is told them."""
    made = tool_directive(reply("rewrite", message="m", rewritten={"command": "ls"}), "d")

    assert made == {"action": "block", "message": 'm\ncall it with: {"command": "ls"}'}
    unnamed = tool_directive(reply("rewrite", message="m"), "d")
    assert unnamed == {"action": "block", "message": "m"}


def test_the_briefing_goes_with_a_refusal() -> None:
    """A refusal that carries the briefing has its mark, once."""
    bare = reason(reply("deny", message=f"{TOLD.text}\n\nagain", injection=TOLD))
    other = reason(reply("deny", message="no", injection=TOLD))

    assert bare == f"READ THIS\n\nagain\n{translate.mark_of(TOLD.sha256)}"
    assert other == f"{translate.marked(TOLD)}\n\nno"


def test_slash_commands() -> None:
    """A denied command is denied, a redirected one is the other, and asking is refusing."""
    assert command_decision(reply("deny", message="no")) == denied_command("no")
    assert command_decision(reply("ask", message="no")) == denied_command("no")
    assert command_decision(reply("rewrite", rewritten={"command": "new a b"})) == {
        "decision": "rewrite",
        "command_name": "new",
        "raw_args": "a b",
    }
    assert command_decision(reply("rewrite", message="no")) == denied_command("no")


def test_output() -> None:
    """Withheld output is replaced, a remark is added, and all else is left."""
    assert replaced_output(reply("deny", message="no"), "", "secret") == "no"
    assert replaced_output(reply("rewrite", rewritten={"output": "x"}), "", "secret") == "x"
    assert replaced_output(reply("allow", message="n"), "n", "out") == "out\n\nn"
    assert replaced_output(reply("allow"), "", "out") is None
    assert replaced_output(None, "note", {"multimodal": 1}) is None
    assert json.loads(refused_result("é")) == {"error": "é"}
    assert strictest((reply("allow"), reply("ask"), reply("warn"))).action == "ask"


# -- what is read -----------------------------------------------------------------------


def test_a_mark_is_found_wherever_the_model_reads_it() -> None:
    """Plain texts, parts, results inside parts, and what Hermes sends in a message's place."""
    mark = translate.mark_of("f" * 64)
    messages: list[dict[str, Any]] = [
        {"content": mark},
        {"content": "clean", "api_content": f"clean {mark}"},
        {"content": [{"type": "text", "text": mark}]},
        {"content": [{"type": "tool_result", "content": [{"text": mark}]}]},
        {"type": "function_call_output", "output": mark},
    ]

    assert all(translate.holds([one], mark) for one in messages)
    assert not translate.holds([{"content": "x"}, None, {"content": None}], mark)
    assert not translate.holds(None, mark)
    assert mark in json.dumps({"error": mark})


def test_the_newest_summary_is_told_from_others() -> None:
    """Two summaries differ; a history without one has none."""
    first = translate.summary_of([{"content": "SUM one"}], "SUM")
    both = translate.summary_of([{"content": "SUM one"}, {"content": "SUM two"}], "SUM")

    assert first
    assert both not in ("", first)
    assert translate.summary_of([{"content": "x"}], "SUM") == ""
    assert translate.summary_of([{"content": "x"}], "") == ""


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ('{"output": "", "exit_code": 3}', 3),
        ('{"exit_code": true}', None),
        ('{"exit_code": ', None),
        ('["exit_code"]', None),
        ("text", None),
    ],
)
def test_exit_codes(output: str, code: int | None) -> None:
    """A tool's own word for its exit code is taken where it is one."""
    assert translate.exit_code(output) == code


def test_texts_of_prompts() -> None:
    """A prompt may have parts; what no journal holds is mended."""
    assert translate.text_of([{"type": "text", "text": "a"}, {"type": "image"}]) == "a"
    assert "\ufffd" in translate.text_of("a\ud800")
    assert translate.text_of(None) == ""
    assert translate.text_of(3) == "3"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("20260101_120000_ab12cd", True),
        ("agent:main", True),
        ("", False),
        ("a/b", False),
        ("@project", False),
        (".x", False),
        ("x" * 129, False),
        (None, False),
        (3, False),
    ],
)
def test_identities(text: object, found: bool) -> None:
    """Only what can be one session's id and no other's."""
    assert is_identity(text) is found


def test_sightings_are_bounded() -> None:
    """What was seen long ago is forgotten first."""
    seen = Sightings()
    for number in range(SESSIONS_MAX + 1):
        seen.see(f"s{number}").started = True
    seen.see("s1")

    opened = list(seen.open())

    assert len(opened) == SESSIONS_MAX
    assert opened[0].id == "s1"
    assert not seen.see("s0").started


def test_links_lead_to_sessions() -> None:
    """A name leads to the session that it was linked with last."""
    seen = Sightings()

    assert seen.link("task", "t", "one") == ""
    assert seen.link("task", "t", "two") == "one"
    assert seen.link("task", None, "three") == ""
    assert seen.linked("task", "t") == "two"
    assert seen.linked("chat", "t") == ""
    assert seen.linked("task", 3) == ""


def test_a_turns_end_after_the_session() -> None:
    """It is late, and ends nothing a second time."""
    one = Sighting("s", ended=True)

    told = translate.turn_end(one, {"completed": False, "interrupted": True, "platform": "cron"})

    assert [(command.event, command.late) for command in told] == [("turn_end", True)]


@pytest.mark.parametrize(("lasted", "kept"), [(7, 7), (-7, None), ("7", None)])
def test_a_time_that_none_can_be_is_left_out(lasted: object, kept: int | None) -> None:
    """What the client tells wrong must not keep what became of the call from being told."""
    one = translate.tool_after(Sighting("s"), ToolCall("read"), "ok", {"duration_ms": lasted})

    assert one.data.get("duration_ms") == kept


@pytest.mark.parametrize(
    ("header", "paths"),
    [
        ("*** Add File: ~/../rules/x.toml", [["~/../rules/x.toml", "./~/../rules/x.toml"]]),
        ("*** Move File: ~/a -> b", [["~/a", "./~/a"], "b"]),
        ("*** Delete File: a", ["a"]),
    ],
)
def test_a_home_in_a_patch_is_a_name_as_well(header: str, paths: list[object]) -> None:
    """Nobody can say which of both the client takes it for."""
    patch = f"*** Begin Patch\n{header}\n+x\n*** End Patch"
    made = calls_of("patch", {"mode": "patch", "patch": patch}, cwd="/p", call_id="c")
    assert [one.own["path"] for one in made] == paths
