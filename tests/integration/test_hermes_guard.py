"""The guard of Hermes on the engine, called as Hermes calls it; the client itself is not there."""

from __future__ import annotations

import itertools
import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from governance.hosts.hermes import bridge as bridges
from governance.hosts.hermes.bridge import WAITING_MAX, Bridge
from governance.hosts.hermes.guard import Guard
from governance.hosts.hermes.lifecycle import Lifecycle
from governance.hosts.hermes.plugin import recorded_project, register
from governance.hosts.hermes.tool_calls import ToolCalls
from governance.hosts.hermes.translate import mark_of
from governance.journal import open_journal
from governance.project import Project, create_project
from governance.session.state import SessionState
from governance.states import State
from tests.integration.hermes_lists import Lists

PACK = Path(__file__).parents[1] / "hosts" / "hermes_pack.toml"
CONFIG = '[packs]\npaths = ["pack.toml"]\n[hosts.hermes]\nunknown_tool = "allow"\n'
FORBIDDEN = {"command": "touch FORBIDDEN"}
FINE = {"command": "touch fine"}

_numbers = itertools.count()


def made_guard(folder: Path, config: str = CONFIG) -> Guard:
    folder.mkdir()
    shutil.copyfile(PACK, folder / "pack.toml")
    create_project(folder, config)
    open_journal(f"sqlite:///{folder}/.governance/journal.db", base=folder, create=True).close()
    bridge = Bridge(folder)
    lifecycle = Lifecycle(bridge)
    return Guard(bridge, lifecycle, ToolCalls(bridge, lifecycle))


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A person's home of this file's own: state and keys lie below it."""
    patch = pytest.MonkeyPatch()
    root = tmp_path_factory.mktemp("home")
    patch.setenv("HOME", str(root))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        patch.delenv(name, raising=False)
    yield root
    patch.undo()


@pytest.fixture(scope="module")
def guard(home: Path) -> Iterator[Guard]:
    made = made_guard(home / "project")
    trusted(home / "project")
    yield made
    made.bridge.close()


def trusted(project: Path) -> None:
    """What a person's `governance trust` does for a rule that rewrites, or what is loosened."""
    from governance.cli import main
    from governance.cli.guard import key_path, make_key

    make_key(Project(project))
    key = str(key_path(Project(project)))
    assert main(["trust", "--dir", str(project), "--key", key, "--yes"]) == 0


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Puts Hermes' own gate in place: whether it answers by itself."""

    def put(by_itself: bool) -> None:
        made: Any = ModuleType("tools.approval")
        made._YOLO_MODE_FROZEN = False
        made.is_current_session_yolo_enabled = lambda: by_itself
        monkeypatch.setitem(sys.modules, "tools", ModuleType("tools"))
        monkeypatch.setitem(sys.modules, "tools.approval", made)

    return put


@pytest.fixture
def name() -> str:
    """The id of a session of this test's own."""
    return f"20260101_000000_{next(_numbers)}"


def call(guard: Guard, hook: str, **given: Any) -> Any:
    return guard.hooks()[hook](given)


def turn(guard: Guard, session: str, **more: Any) -> str:
    given = {"session_id": session, "user_message": "go", "conversation_history": [], **more}
    made = call(guard, "pre_llm_call", **given)
    return made["context"] if made else ""


def briefed(guard: Guard, session: str, **more: Any) -> str:
    """Begin a turn, and let the text be seen in the request."""
    text = turn(guard, session, **more)
    messages = [{"role": "user", "content": f"go\n\n{text}"}]
    call(guard, "pre_api_request", session_id=session, request_messages=messages)
    return text


def ran(guard: Guard, session: str, args: dict[str, Any], **more: Any) -> tuple[Any, Any, str]:
    """One call through all four places: directive, result, and what the model reads."""
    given = {
        "session_id": session,
        "tool_name": "terminal",
        "args": args,
        "tool_call_id": "c1",
        **more,
    }
    changed = guard.middleware()["tool_request"](given)
    if changed is not None:
        given["args"] = changed["args"]
    directive = call(guard, "pre_tool_call", **given)
    if directive is not None:
        result = json.dumps({"error": directive["message"]})
        status = {"status": "blocked", "error_message": directive["message"]}
        call(guard, "post_tool_call", result=result, **given, **status)
        return directive, None, result
    done: list[dict[str, Any]] = []

    def tool() -> str:
        done.append(given["args"])
        return json.dumps({"output": str(given["args"]), "exit_code": 0})

    result = guard.middleware()["tool_execution"]({**given, "next_call": tool})
    call(guard, "post_tool_call", result=result, status="ok", duration_ms=3, **given)
    return None, done, call(guard, "transform_tool_result", result=result, **given) or result


def state(guard: Guard, session: str) -> SessionState:
    return guard.bridge.within(lambda engine: engine.state(session))


def kinds(guard: Guard, session: str) -> list[str]:
    found = guard.bridge.within(lambda engine: engine.journal.read(session))
    return [one.kind for one in found]


def data(guard: Guard, session: str, kind: str) -> list[dict[str, Any]]:
    found = guard.bridge.within(lambda engine: engine.journal.read(session))
    return [json.loads(one.body).get("data", {}) for one in found if one.kind == kind]


# -- turns and briefings ----------------------------------------------------------------


def test_a_briefing_counts_once_it_was_seen_in_a_request(guard: Guard, name: str) -> None:
    """What was only handed over is still owed; the next request shows whether it arrived."""
    text = turn(guard, name, model="m", platform="cli", sender_id="u1")
    spilled = [{"role": "user", "content": text[:10]}]
    call(guard, "pre_api_request", session_id=name, request_messages=spilled)
    assert not state(guard, name).governance_injected

    call(guard, "pre_api_request", session_id=name, request_messages=[{"content": text}])

    assert state(guard, name).governance_injected
    assert "TRIAL-BRIEFING" in text
    assert mark_of(state(guard, name).briefed_sha256) in text
    assert state(guard, name).identity.model_id == "m"


def test_a_tool_before_the_briefing_carries_it(guard: Guard, name: str) -> None:
    """A tool that nobody was briefed for is refused with the briefing, and runs the next time."""
    first, _, read = ran(guard, name, FINE)
    second, done, _ = ran(guard, name, FINE)

    assert first["action"] == "block"
    assert "TRIAL-BRIEFING" in read
    assert second is None
    assert done == [FINE]


def test_a_lapse_is_briefed_again(guard: Guard, name: str) -> None:
    """A request that lacks what the model was told makes it owed again."""
    briefed(guard, name)

    call(guard, "pre_api_request", session_id=name, request_messages=[{"content": "other"}])

    assert kinds(guard, name)[-1] == "governance.lapsed"
    assert "TRIAL" in turn(guard, name)


def test_a_history_with_the_mark_is_not_briefed_again(guard: Guard, name: str) -> None:
    """The mark shows that the model still has it, also to a process that never saw it."""
    text = briefed(guard, name)
    guard.bridge.seen.see(name).mark = ""

    again = turn(guard, name, conversation_history=[{"content": "go", "api_content": text}])

    assert again == ""


def test_hermes_looking_back_is_no_turn(guard: Guard, name: str) -> None:
    """What runs on the thread of reviews begins and ends no turn, and its tools are governed."""
    briefed(guard, name)
    before = kinds(guard, name)
    seen: list[Any] = []

    def review() -> None:
        seen.append(turn(guard, name))
        call(guard, "pre_api_request", session_id=name, request_messages=[])
        call(guard, "on_session_end", session_id=name, completed=True)
        seen.append(kinds(guard, name))
        seen.append(ran(guard, name, FORBIDDEN)[0])

    thread = threading.Thread(target=review, name="bg-review")
    thread.start()
    thread.join()

    assert seen[:2] == ["", before]
    assert seen[2]["action"] == "block"


# -- tools ------------------------------------------------------------------------------


def test_the_engine_is_asked_once_a_call(guard: Guard, name: str) -> None:
    """The four places of one call are one decision and one outcome."""
    briefed(guard, name)

    directive, done, _ = ran(guard, name, FINE)

    assert (directive, done) == (None, [FINE])
    assert kinds(guard, name).count("tool.decided") == 1
    assert [one["outcome"] for one in data(guard, name, "tool.finished")] == ["ok"]


def test_rewritten_arguments_are_those_that_run(guard: Guard, name: str) -> None:
    """They go in before Hermes' own checks, and are not judged as a second call."""
    briefed(guard, name)

    directive, done, _ = ran(guard, name, {"command": "touch CLUMSY"})

    assert (directive, done) == (None, [{"command": "touch REWRITTEN"}])
    assert kinds(guard, name).count("tool.decided") == 1


def test_arguments_changed_after_the_question_are_asked_about(guard: Guard, name: str) -> None:
    """What runs is what was judged; nobody can be asked any more at the last look."""
    briefed(guard, name)
    given = {"session_id": name, "tool_name": "terminal", "args": FINE, "tool_call_id": "c1"}
    assert call(guard, "pre_tool_call", **given) is None
    execution = guard.middleware()["tool_execution"]

    def tool() -> str:
        return "ran"

    for command in ("touch FORBIDDEN", "touch QUESTION"):
        changed = {**given, "args": {"command": command}, "next_call": tool}
        assert "error" in json.loads(str(execution(changed)))
    other = {**given, "args": {"command": "touch other"}, "next_call": tool}
    assert execution(other) == "ran"
    assert execution({**given, "next_call": tool}) == "ran"


def test_a_block_that_another_plugin_overruled_holds_at_the_last_look(
    guard: Guard, name: str, gate: Callable[[bool], None]
) -> None:
    """Neither the call that a rule would rewrite runs as it was, nor one that nobody answered."""
    briefed(guard, name)
    gate(True)
    execution = guard.middleware()["tool_execution"]
    read = []

    for number, command in enumerate(("touch CLUMSY", "touch QUESTION")):
        given = {
            "session_id": name,
            "tool_name": "terminal",
            "args": {"command": command},
            "tool_call_id": f"c{number}",
        }
        assert call(guard, "pre_tool_call", **given)["action"] == "block"
        read.append(execution({**given, "next_call": lambda: "ran"}))

    assert ["error" in json.loads(one) for one in read] == [True, True]
    finished = data(guard, name, "tool.finished")
    assert [one["outcome"] for one in finished] == ["refused", "refused"]


def test_a_question_is_put_where_somebody_answers_it(
    guard: Guard, name: str, gate: Callable[[bool], None]
) -> None:
    """Where Hermes' own gate asks a person, a tool that a rule asks about runs behind it."""
    briefed(guard, name)
    gate(False)
    given = {
        "session_id": name,
        "tool_name": "terminal",
        "args": {"command": "touch QUESTION"},
        "tool_call_id": "c1",
    }

    directive = call(guard, "pre_tool_call", **given)
    result = guard.middleware()["tool_execution"]({**given, "next_call": lambda: "ran"})

    assert directive["action"] == "approve"
    assert result == "ran"


def test_a_gate_that_cannot_be_seen_asks_nobody(guard: Guard, name: str) -> None:
    """A version of Hermes without the gate that is known may say yes by itself."""
    briefed(guard, name)

    directive, _, _ = ran(guard, name, {"command": "touch QUESTION"})

    assert directive["action"] == "block"


def test_leave_for_good_is_for_one_tool_alone(
    guard: Guard, name: str, gate: Callable[[bool], None]
) -> None:
    """The same arguments of another tool are another question."""
    briefed(guard, name)
    gate(False)
    keys = set()

    for tool in ("terminal", "process"):
        args = {"command": "touch QUESTION", "action": "write", "data": "touch QUESTION"}
        directive, _, _ = ran(guard, name, args, tool_name=tool)
        keys.add(directive["rule_key"])

    assert len(keys) == 2


def test_a_version_that_hands_over_no_tool_runs_none(guard: Guard, name: str) -> None:
    """Where nothing says how the tool is run, that is a refusal and no exception."""
    briefed(guard, name)
    given = {"session_id": name, "tool_name": "terminal", "args": FINE, "tool_call_id": "c1"}

    result = guard.middleware()["tool_execution"](given)

    assert "error" in json.loads(str(result))


def test_what_a_tool_raises_goes_on(guard: Guard, name: str) -> None:
    """The guard around a tool hides nothing of what the tool does."""
    briefed(guard, name)
    given = {"session_id": name, "tool_name": "terminal", "args": FINE, "tool_call_id": "c1"}
    call(guard, "pre_tool_call", **given)

    def tool() -> str:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        guard.middleware()["tool_execution"]({**given, "next_call": tool})


def test_a_failed_and_a_refused_tool(guard: Guard, name: str) -> None:
    """What Hermes says of a tool is its outcome; what another refused is no failure."""
    briefed(guard, name)
    for number, status in enumerate(("error", "blocked", "strange")):
        given = {
            "session_id": name,
            "tool_name": "terminal",
            "args": FINE,
            "tool_call_id": f"c{number}",
        }
        call(guard, "pre_tool_call", **given)
        told = {"result": '{"exit_code": 2}', "status": status, "error_message": "why"}
        call(guard, "post_tool_call", **given, **told)

    finished = data(guard, name, "tool.finished")

    assert [one["outcome"] for one in finished] == ["failed", "refused", "unknown"]
    assert finished[0]["exit_code"] == 2


def test_a_tool_that_nobody_asked_about_is_recorded(guard: Guard, name: str) -> None:
    """A call that no question came for stands in the journal as one."""
    briefed(guard, name)

    call(
        guard, "post_tool_call", session_id=name, tool_name="terminal", args=FINE, status="ok",
        tool_call_id="c9", result="{}",
    )  # fmt: skip

    assert data(guard, name, "tool.finished")[-1]["unasked"]


@pytest.mark.parametrize("args", [{"command": float("nan")}, {"command": "a\ud800"}, None, "text"])
def test_arguments_that_no_journal_holds_are_refused(guard: Guard, name: str, args: Any) -> None:
    """What cannot be recorded cannot be decided."""
    briefed(guard, name)

    directive, _, _ = ran(guard, name, args)

    assert directive["action"] == "block"
    assert "cannot decide" in directive["message"]


@pytest.mark.parametrize("text", ["?", "*** Add File: a\n+x\n*** Rewrite File: .env\n+y"])
def test_a_patch_that_cannot_be_read_does_not_run(guard: Guard, name: str, text: str) -> None:
    """No rule on paths could have its say on what it changes."""
    briefed(guard, name)

    directive, done, told = ran(guard, name, {"mode": "patch", "patch": text}, tool_name="patch")

    assert directive is not None
    assert done is None
    assert "nobody can say" in told


def test_calls_without_an_id_are_told_apart(guard: Guard, name: str) -> None:
    """A program's calls have no id; each is decided and reported by what it is."""
    briefed(guard, name, task_id="t1")

    for number in range(3):
        given = {"session_id": "", "task_id": "t1", "tool_call_id": ""}
        directive, _, _ = ran(guard, name, {"command": f"touch x{number}"}, **given)
        assert directive is None

    finished = data(guard, name, "tool.finished")
    assert [one["outcome"] for one in finished] == ["ok", "ok", "ok"]
    assert len({one["call_id"] for one in finished}) == 3


def test_withheld_output_and_remarks(guard: Guard, name: str) -> None:
    """What a rule withholds the model does not read; a remark stands behind the output."""
    briefed(guard, name)

    _, _, withheld = ran(guard, name, {"command": "echo TOPSECRET"})
    _, _, noted = ran(guard, name, {"command": "echo NOTEWORTHY"})

    assert "TRIAL-WITHHELD" in withheld
    assert "TOPSECRET" not in withheld
    assert "TRIAL-NOTED" in noted


# -- ends ---------------------------------------------------------------------------------


def test_an_end_without_an_id_is_of_the_one_session(guard: Guard, name: str) -> None:
    """Where one session is open on the platform it is meant; where several are, none is."""
    briefed(guard, name, platform="lonely")
    briefed(guard, f"{name}a", platform="crowd")
    briefed(guard, f"{name}b", platform="crowd")

    for platform in ("lonely", "crowd"):
        call(guard, "on_session_finalize", session_id=None, platform=platform, reason="shutdown")

    assert state(guard, name).state is State.ENDED
    assert state(guard, f"{name}a").live
    assert state(guard, f"{name}b").live


def test_only_the_terminals_next_session_follows_the_last(guard: Guard, name: str) -> None:
    """Where a process has several talks, a session follows none that nobody names."""
    for platform, follows in (("cli", f"{name}cli"), ("tui", "")):
        briefed(guard, f"{name}{platform}", platform=platform)
        call(guard, "on_session_finalize", session_id=f"{name}{platform}", platform=platform)
        call(guard, "on_session_reset", session_id=f"{name}{platform}n", platform=platform)
        assert state(guard, f"{name}{platform}n").identity.predecessor == follows


def test_an_end_that_is_told_twice_is_one(guard: Guard, name: str) -> None:
    """Hermes finalizes a session on several ways out."""
    briefed(guard, name)

    for reason in ("session_expired", "shutdown"):
        call(guard, "on_session_finalize", session_id=name, platform="x", reason=reason)

    assert [one["reason"] for one in data(guard, name, "session.ended")] == ["session_expired"]
    assert "event.duplicate" not in kinds(guard, name)


def test_work_reopens_what_has_ended(guard: Guard, name: str) -> None:
    """A chat that goes on after the gateway ended it is the same session, resumed."""
    text = briefed(guard, name)
    call(guard, "on_session_finalize", session_id=name, platform="x")

    turn(guard, name, conversation_history=[{"content": text}])

    assert state(guard, name).live
    call(guard, "on_session_finalize", session_id=name, platform="x")
    assert len(data(guard, name, "session.ended")) == 2


def test_an_interrupted_turn(guard: Guard, name: str) -> None:
    """A turn that its user broke off ends, and nobody works on the session."""
    briefed(guard, name)

    call(guard, "on_session_end", session_id=name, completed=False, interrupted=True)

    assert state(guard, name).state is State.INTERRUPTED
    assert kinds(guard, name)[-2:] == ["turn.ended", "session.interrupted"]


def test_a_turn_that_is_still_open_when_the_gateway_answers(guard: Guard, name: str) -> None:
    """``agent:end`` closes what nothing else has closed, and no turn twice."""
    briefed(guard, name)

    for _ in range(2):
        guard.gateway("agent:end", {"session_id": name, "platform": "telegram", "user_id": "u"})

    assert kinds(guard, name).count("turn.ended") == 1


def test_children_that_name_no_one(guard: Guard, name: str) -> None:
    """What is no id leads to no session, and breaks nothing."""
    for child in (None, "", "a/b", name):
        given = {"parent_session_id": name, "child_session_id": child}
        call(guard, "subagent_start", **given)
        call(guard, "subagent_stop", **{**given, "parent_session_id": "x/y"})

    assert state(guard, name).state is State.ABSENT


def test_a_childs_work_ends_with_its_parent(guard: Guard, name: str) -> None:
    """A parent's end interrupts the child, and the child's tools are refused."""
    briefed(guard, name)
    child = f"{name}c"
    call(guard, "subagent_start", parent_session_id=name, child_session_id=child, child_role="leaf")
    briefed(guard, child)
    assert data(guard, child, "turn.started")[0]["prompt_source"] == "agent"

    call(guard, "on_session_finalize", session_id=name)

    assert state(guard, child).state is State.INTERRUPTED
    assert ran(guard, child, FINE)[0]["action"] == "block"


def test_all_that_is_open_ends_with_the_process(tmp_path: Path, name: str) -> None:
    """What this process worked on has ended when it ends; the engine opens again if need be."""
    guard = made_guard(tmp_path / "own")
    call(guard, "on_session_start", session_id=name, model="m")

    guard.bridge.close("shutdown")
    guard.bridge.close("again")

    assert [one["reason"] for one in data(guard, name, "session.ended")] == ["shutdown"]
    guard.bridge.close()


# -- the gateway's commands ---------------------------------------------------------------


def test_a_command_of_a_person_is_of_their_session(guard: Guard, name: str) -> None:
    """Where no plugin told which chat it is, the person's newest session is meant."""
    guard.gateway("agent:start", {"session_id": name, "platform": "p", "user_id": name})
    given = {"platform": "p", "user_id": name, "raw_args": "x"}

    denied = guard.gateway("command:title", {**given, "command": "title"})
    moved = guard.gateway("command:profile", {**given, "command": "profile"})
    fine = guard.gateway("command:help", {**given, "command": "help"})

    assert denied is not None
    assert denied["decision"] == "deny"
    assert moved == {"decision": "rewrite", "command_name": "whoami", "raw_args": ""}
    assert fine is None
    assert [one["name"] for one in data(guard, name, "command.executed")] == ["whoami", "help"]


def test_a_chat_is_known_by_the_message_before(guard: Guard, name: str) -> None:
    """``pre_gateway_dispatch`` tells the chat to the command that comes next in its task."""

    class Gateway:
        def _session_key_for_source(self, source: object) -> str:
            return f"agent:main:{source}"

    class Event:
        source = name

    class Entry:
        session_id = name

    entry = Entry()

    class Store:
        _entries = {f"agent:main:{name}": entry}  # noqa: RUF012 -- as the host's own

    call(guard, "pre_gateway_dispatch", event=Event(), gateway=Gateway(), session_store=Store())
    guard.gateway("command:help", {"command": "help", "platform": "p", "raw_args": ""})
    # The next message finds another session there already.
    entry.session_id = f"{name}n"
    call(guard, "pre_gateway_dispatch", event=Event(), gateway=Gateway(), session_store=Store())
    call(guard, "pre_gateway_dispatch", event=Event(), gateway=object(), session_store=None)
    nobody = guard.gateway("command:help", {"command": "help", "platform": "p", "raw_args": ""})

    assert [one["name"] for one in data(guard, name, "command.executed")] == ["help"]
    guard.gateway("session:start", {"session_id": f"{name}n", "session_key": f"agent:main:{name}"})
    assert [one["reason"] for one in data(guard, name, "session.ended")] == ["replaced"]
    assert nobody is not None
    assert nobody["decision"] == "deny"


@pytest.mark.parametrize("event", ["session:end", "session:reset", "agent:step", "unknown:x"])
def test_events_without_an_id_are_information(guard: Guard, event: str) -> None:
    """They come when the new session is there already, and name none."""
    assert guard.gateway(event, {"platform": "p", "user_id": "u", "session_key": "k"}) is None
    assert guard.gateway("session:start", {"session_key": "k"}) is None


# -- what the project wants, and what fails -------------------------------------------------


UNBOUND = {"session_id": "", "task_id": "?", "tool_name": "terminal", "args": FINE}


@pytest.mark.parametrize(
    ("unbound", "found"), [("deny", "block"), ("ask", "approve"), ("allow", None)]
)
def test_calls_of_no_session_get_what_the_project_says(
    tmp_path: Path, gate: Callable[[bool], None], unbound: str, found: str | None
) -> None:
    """`unbound` decides on tools and commands that belong to no session."""
    gate(False)
    guard = made_guard(tmp_path / "own", CONFIG + f'unbound = "{unbound}"\n')
    trusted(guard.bridge.project)

    directive = call(guard, "pre_tool_call", **UNBOUND)
    result = guard.middleware()["tool_execution"]({**UNBOUND, "next_call": lambda: "ran"})
    command = guard.gateway("command:help", {"command": "help"})

    other = call(guard, "pre_tool_call", **{**UNBOUND, "args": {"command": "touch other"}})

    assert (directive or {}).get("action") == found
    # Leave that a person gives for good is for the one call.
    assert directive is None or "rule_key" not in directive or directive != other
    assert (result == "ran") is (unbound != "deny")
    assert (command is None) is (unbound == "allow")


def test_nobody_is_asked_for_a_call_of_no_session_where_hermes_answers(
    tmp_path: Path, gate: Callable[[bool], None]
) -> None:
    """`unbound = "ask"` is a refusal in a process whose gate says yes by itself."""
    gate(True)
    guard = made_guard(tmp_path / "own", CONFIG + 'unbound = "ask"\n')
    trusted(guard.bridge.project)

    directive = call(guard, "pre_tool_call", **UNBOUND)
    result = guard.middleware()["tool_execution"]({**UNBOUND, "next_call": lambda: "ran"})

    assert directive["action"] == "block"
    assert "error" in json.loads(result)


def test_a_call_of_no_session_is_refused_where_nothing_says_what_it_gets(tmp_path: Path) -> None:
    """A broken configuration is no exception, which Hermes would take for leave."""
    guard = made_guard(tmp_path / "own")
    (guard.bridge.project / "governance.toml").write_text("nonsense")

    directive = call(guard, "pre_tool_call", **UNBOUND)
    result = guard.middleware()["tool_execution"]({**UNBOUND, "next_call": lambda: "ran"})

    assert directive["action"] == "block"
    assert "error" in json.loads(result)


def test_a_changed_configuration_holds_without_a_new_process(tmp_path: Path, name: str) -> None:
    """What calls of no session get follows the law in force, as all else does."""
    guard = made_guard(tmp_path / "own", CONFIG + 'unbound = "allow"\n[live]\nrules_check_ms = 1\n')
    trusted(guard.bridge.project)
    briefed(guard, name)
    assert call(guard, "pre_tool_call", **UNBOUND) is None
    config = guard.bridge.project / "governance.toml"
    config.write_text(config.read_text().replace('"allow"\n[live]', '"deny"\n[live]'))
    time.sleep(0.01)
    ran(guard, name, FINE)

    directive = call(guard, "pre_tool_call", **UNBOUND)

    assert directive["action"] == "block"
    guard.bridge.close()


def test_what_nobody_trusted_loosens_nothing(tmp_path: Path) -> None:
    """A configuration that came with the folder does not let calls of no session run."""
    guard = made_guard(tmp_path / "own", CONFIG + 'unbound = "allow"\n')

    directive = call(guard, "pre_tool_call", session_id="", tool_name="terminal", args=FINE)

    assert directive["action"] == "block"


def test_too_many_questions_are_refused(guard: Guard, name: str) -> None:
    """What comes while too much waits is denied at once."""
    briefed(guard, name)
    for _ in range(WAITING_MAX):
        assert guard.bridge._slots.acquire(blocking=False)

    directive, _, _ = ran(guard, name, FINE)

    for _ in range(WAITING_MAX):
        guard.bridge._slots.release()
    assert directive["action"] == "block"
    assert "waiting already" in directive["message"]


def test_an_answer_that_takes_too_long_is_a_deny(tmp_path: Path, name: str) -> None:
    """`deadline_ms` holds, whatever the engine is busy with."""
    guard = made_guard(tmp_path / "own", CONFIG + "deadline_ms = 100\n")
    free = threading.Event()

    with pytest.raises(bridges.NoAnswer, match="100 ms") as raised:
        guard.bridge.within(lambda _: free.wait(20))

    free.set()
    assert raised.value.code == "GOV741"


def test_a_turn_that_cannot_be_recorded_runs_no_tool(tmp_path: Path, name: str) -> None:
    """Where the prompt could not be told to the engine, the tools of its turn are refused."""
    guard = made_guard(tmp_path / "own")
    config = guard.bridge.project / "governance.toml"
    text = config.read_text()
    config.write_text("nonsense")
    assert turn(guard, name) == ""
    command = guard.gateway("command:help", {"command": "help", "platform": "p", "user_id": name})
    config.write_text(text)

    directive, _, _ = ran(guard, name, FINE)

    assert directive["action"] == "block"
    assert "could not be recorded" in directive["message"]
    assert command is not None
    assert "cannot decide" in command["message"]
    assert "turn_start" in (guard.bridge.project / ".governance" / "governance.log").read_text()
    guard.bridge.close()


def test_the_plugin_registers_itself_once(tmp_path: Path) -> None:
    """A second name for the same plugin adds nothing."""
    lists = Lists()
    project = made_guard(tmp_path / "own").bridge.project

    register(lists, project)
    register(lists, project)

    assert {len(found) for found in lists._hooks.values()} == {1}
    assert len(lists._hooks) == 12
    assert sorted(lists._middleware) == ["tool_execution", "tool_request"]
    assert lists._hooks["pre_tool_call"][0](tool_name="x", args={})["action"] == "block"


def test_a_plugin_without_a_project_blocks_everything() -> None:
    """Outside of Hermes nothing tells the project; no tool runs then."""
    lists = Lists()

    register(lists)

    assert lists._hooks["pre_tool_call"][0](tool_name="x")["action"] == "block"
    assert "error" in json.loads(lists._middleware["tool_execution"][0](tool_name="x"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"project": 3}', "x" * 20_000])
def test_a_record_that_names_no_project(tmp_path: Path, text: str) -> None:
    """What `init` wrote is read strictly."""
    file = tmp_path / "governance.json"
    file.write_text(text)

    with pytest.raises(Exception, match="names no project"):
        recorded_project(file)
