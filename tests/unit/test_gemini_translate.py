"""Payloads of Gemini CLI become the events that they report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from governance.hooking.payload import Payload, PayloadRefused, Unbound
from governance.hooking.translation import CLIENT
from governance.hosts.gemini_cli import readings
from governance.hosts.gemini_cli.capabilities import EVENTS
from governance.hosts.gemini_cli.translate import translate
from governance.rules.facts import facts_of_call
from governance.rules.paths import Places
from governance.session.commands import Command

PROJECT = "/home/dev/project"
CAPTURES = Path(__file__).parent.parent / "captures" / "gemini-cli"
UNHEARD = {"BeforeModel", "AfterModel", "BeforeToolSelection", "PreCompress", "Notification"}


def captured(name: str, **more: Any) -> Payload:
    values = json.loads((CAPTURES / f"{name}.json").read_text()) | more
    return Payload(values["hook_event_name"], values)


def read(payload: Payload) -> Command:
    (command,) = translate(payload).commands
    return command


def asked(tool: str, cwd: str = PROJECT, **given: Any) -> Command:
    return read(captured("BeforeTool.run_shell_command", tool_name=tool, tool_input=given, cwd=cwd))


def facts(command: Command) -> dict[str, object]:
    assert command.call is not None
    assert command.refused == ()
    return facts_of_call(command.call, Places(PROJECT, "/home/dev"))


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
    ("text", "file"),
    [
        ("@.gemini/settings.json", f"{PROJECT}/.gemini/settings.json"),
        ("@/.gemini/settings.json", f"{PROJECT}/.gemini/settings.json"),
        ("@.gemini/settings.json", f"{PROJECT}/@.gemini/settings.json"),
        ("@prod%2Eenv", f"{PROJECT}/prod.env"),
        ("prod%2Eenv", f"{PROJECT}/prod.env"),
        ("prod%2Eenv", f"{PROJECT}/prod%2Eenv"),
        ("prod%252Eenv", f"{PROJECT}/prod.env"),
        ("a/%2E%2E/prod.env", f"{PROJECT}/prod.env"),
        ("%2Fetc%2Fpasswd", f"{PROJECT}/etc/passwd"),
        ("/root/%2Essh/id_rsa", "/root/.ssh/id_rsa"),
        ("prod\0.env", f"{PROJECT}/prod.env"),
        ("~/prod.env", "/home/dev/prod.env"),
        ("~/prod.env", f"{PROJECT}/~/prod.env"),
    ],
)
@pytest.mark.parametrize("tool", ["read_file", "write_file"])
def test_each_file_that_the_client_may_take_a_path_for_is_judged(
    tool: str, text: str, file: str
) -> None:
    """The client drops an `@` and NULs and decodes; no rule is asked about the letters alone."""
    path = facts(asked(tool, file_path=text))["path"]
    assert isinstance(path, list)
    assert file in path


@pytest.mark.parametrize("text", ["src/a.py", "./a.py", "/etc/passwd", "a b@c.md", "50%.md", "@"])
def test_plain_path_is_one_path(text: str) -> None:
    """What the client takes for what it says is told as it stands."""
    for more in ({}, {"dir_path": "x"}):
        call = asked("read_file", file_path=text, **more).call
        assert call is not None
        assert call.own == {"path": text}


def test_dots_are_taken_by_the_letters_and_through_links(tmp_path: Path) -> None:
    """Behind a link the system goes up from where it leads, and the client from where it lies."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a/b")
    (tmp_path / "notes").symlink_to("prod.env")
    call = asked("read_file", str(tmp_path), file_path="link/../notes").call
    assert call is not None
    assert call.own["path"] == ["link/../notes", f"{tmp_path}/notes"]


@pytest.mark.parametrize(
    ("text", "certain"),
    [
        ("rules/own.toml", True),
        ("{project}/own.toml", True),
        ("own.toml", False),
        ("ules/own.toml", False),
        ("@own.toml", False),
        ("rules\0/own.toml", False),
        ("no.toml", False),
    ],
)
def test_an_edit_of_a_file_that_the_client_looks_for_is_refused(
    tmp_path: Path, text: str, certain: bool
) -> None:
    """`replace` takes any file whose path ends so for a relative path that is not there."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.toml").touch()
    named = text.format(project=tmp_path)

    command = asked("replace", str(tmp_path), file_path=named, old_string="a", new_string="b")

    assert (command.refused == ()) is certain
    assert command.call is not None
    assert command.call.tool == ("edit" if certain else "other")
    if not certain:
        assert "give the absolute path" in command.refused[0]
    done = captured(
        "AfterTool.run_shell_command", tool_name="replace", tool_input=command.call.args
    )
    ended = read(Payload(done.event, {**done.values, "cwd": str(tmp_path)}))
    assert (ended.call, ended.refused) == (command.call, ())


def test_a_file_that_is_there_by_now_does_not_make_an_edit_certain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client has looked before: another call of the same message may have made the file."""
    (tmp_path / "rules").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "own.toml").touch()
    (tmp_path / ".git" / "own.toml").touch()
    assert asked("replace", str(tmp_path), file_path="own.toml").refused == ()

    (tmp_path / "rules" / "own.toml").touch()
    assert asked("replace", str(tmp_path), file_path="own.toml").refused
    (tmp_path / "ules").mkdir()
    (tmp_path / "ules" / "own.toml").touch()
    assert asked("replace", str(tmp_path), file_path="ules/own.toml").refused
    (tmp_path / "@own.toml").touch()
    assert asked("replace", str(tmp_path), file_path="@own.toml").refused

    for folder in ("rules", "ules"):
        (tmp_path / folder / "own.toml").unlink()
    assert asked("replace", str(tmp_path), file_path="own.toml").refused == ()
    monkeypatch.setattr(readings, "ENTRIES_MAX", 2)
    assert asked("replace", str(tmp_path), file_path="own.toml").refused, "too much to look at"


FOLDER_TOOLS = ["run_shell_command", "grep_search", "search_file_content", "glob", "list_directory"]


@pytest.mark.parametrize("named", [["sub"], 7, False, {}, "%2Egemini", "~/sub", "sub\0"])
@pytest.mark.parametrize("tool", FOLDER_TOOLS)
def test_a_folder_that_nobody_can_tell_is_refused(tool: str, named: Any) -> None:
    """It is never taken for the folder of the session, which is the default."""
    command = asked(tool, command="ls", pattern="x", dir_path=named)
    assert command.call is not None
    assert (command.call.tool, command.call.own) == ("other", {})
    assert "which folder" in command.refused[0]


@pytest.mark.parametrize("tool", FOLDER_TOOLS)
def test_a_folder_is_found_from_that_of_the_session(tool: str) -> None:
    """Up and down, as the client finds it; without one it is that folder."""
    fact = "cwd" if tool == "run_shell_command" else "path"
    for named, folder in (("../a/./b", "/home/dev/a/b"), ("/etc/", "/etc"), ("100%", "100%")):
        found = facts(asked(tool, command="ls", pattern="x", dir_path=named))[fact]
        assert found == (folder if folder.startswith("/") else f"{PROJECT}/{folder}")
    assert facts(asked(tool, command="ls", pattern="x"))[fact] == PROJECT
    assert asked(tool, "", command="ls", pattern="x", dir_path="sub").refused


OK, EVIL = "https://ok.example/a", "http://169.254.169.254/latest"
META = "169.254.169.254"


@pytest.mark.parametrize(
    ("given", "domains"),
    [
        ({"prompt": f"summarize {OK} and {EVIL}"}, {"ok.example", META}),
        ({"prompt": f"{OK}\ufeff{EVIL}"}, {"ok.example", META}),
        ({"prompt": f"{OK}\u2003x\n{EVIL}"}, {"ok.example", META}),
        ({"prompt": "see http://user\x85@evil.example/"}, {"evil.example"}),
        ({"prompt": OK}, {"ok.example"}),
        ({"prompt": f"say {OK} once, {OK} twice"}, {"ok.example"}),
        (
            {"prompt": "read https://github.com/o/r\\blob/main/x"},
            {"github.com", "raw.githubusercontent.com"},
        ),
        ({"prompt": "read https://github.com/o/r/tree/x"}, {"github.com"}),
        ({"url": EVIL}, {META}),
        ({"prompt": f"see {OK}", "url": EVIL}, {"ok.example", META}),
    ],
)
def test_each_address_of_a_prompt_is_judged(given: dict[str, Any], domains: set[str]) -> None:
    """The client asks for every word with `://` in it, and so each is an address of the call."""
    found = facts(asked("web_fetch", **given))["domains"]
    assert isinstance(found, list)
    assert set(found) == domains


def test_an_address_among_words_cannot_be_rewritten() -> None:
    """Put back, it would stand in the place of the whole prompt."""
    among, alone = asked("web_fetch", prompt=f"see {OK}").call, asked("web_fetch", prompt=OK).call
    assert among is not None
    assert alone is not None
    assert (among.own, dict(among.fields)) == ({"url": [OK]}, {})
    assert (alone.own, dict(alone.fields)) == ({"url": OK}, {"url": "prompt"})
    strange = asked("web_fetch", prompt="no address", url=7).call
    assert strange is not None
    assert strange.own == {"url": [7]}


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
