"""A call that ran otherwise than it was decided is judged as it ran, once its host tells."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest
from attrs import evolve

from governance.cli.refolding import Refolding
from governance.engine import Engine
from governance.engine.cleaning import without_secrets
from governance.events import check_data
from governance.hooking.payload import read_payload
from governance.hooking.worker import decided
from governance.hosts import adapter_of, profile_of
from governance.listeners import Listeners
from governance.rules.host_tools import call_of
from governance.session.commands import Command
from governance.session.replies import Reply
from governance.states import State
from governance.testing import RecordingListener
from governance.testing.engines import memory_engine
from governance.values import dump_json

PACK = """
format = 1
[pack]
name = "ran"
version = "1.0.0"
summary = "Rules that calls are tried on as they ran."

[[rule]]
id = "ran.deny"
tools = ["shell"]
when.command = { contains = "FORBIDDEN" }
action = "deny"
severity = "high"
message = "never that"
must_match = [{ tool = "shell", command = "FORBIDDEN" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "ran.ask"
tools = ["shell"]
when.command = { contains = "QUESTION" }
action = "ask"
message = "ask first"
must_match = [{ tool = "shell", command = "QUESTION" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "ran.warn"
tools = ["shell"]
when.command = { contains = "CAREFUL" }
action = "warn"
message = "be careful"
must_match = [{ tool = "shell", command = "CAREFUL" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "ran.rewrite"
tools = ["shell"]
when.command = "clumsy"
action = "rewrite"
rewrite.command = "graceful"

[[rule]]
id = "ran.label"
tools = ["shell"]
when.command = { contains = "PRIVATE" }
action = "allow"
labels = ["private"]

[[rule]]
id = "ran.leak"
tools = ["fetch"]
forbids = { label = "private", within = "context" }
action = "warn"
message = "it has read what is private"

[[rule]]
id = "ran.seldom"
tools = ["shell"]
when.command = { contains = "SELDOM" }
limit = { max = 1, per = "epoch" }
action = "warn"
message = "once is enough"

[[escalation]]
id = "ran.three"
count = 3
within = "1h"
of = { severity = ["high"] }
action = "halt"
lasts = "pardon"
message = "three times"
"""

CLAUDE = profile_of("claude-code")


@pytest.fixture
def listener() -> RecordingListener:
    return RecordingListener()


@pytest.fixture
def engine(listener: RecordingListener) -> Iterator[Engine]:
    listeners = Listeners()
    listeners.register("*", listener, mode="audit", name="all")
    with memory_engine(PACK, listeners=listeners) as made:
        yield made


def asked(engine: Engine, command: str, call_id: str = "c-1", **more: Any) -> Reply:
    """The reply to the shell's call with *command*."""
    return engine.handle(_command("tool_before", command, call_id, {}, **more))


def ran(
    engine: Engine, command: str, call_id: str = "c-1", outcome: str = "ok", **more: Any
) -> Reply:
    """The reply to the report that the shell ran *command*."""
    data = {"outcome": outcome, "output": "what it gave"}
    return engine.handle(_command("tool_after", command, call_id, data, **more))


def _command(
    event: str, command: str, call_id: str, data: Mapping[str, Any], **more: Any
) -> Command:
    native, arguments = more.pop("native", "Bash"), more.pop("arguments", {"command": command})
    call = call_of(CLAUDE.tools, native, arguments, cwd="/project", call_id=call_id)
    fields = {"traits": CLAUDE.traits, "host": "claude-code", **more}
    return Command(event=event, session="s-1", call=call, data=data, **fields)


def rows(engine: Engine, kind: str) -> list[dict[str, Any]]:
    return [json.loads(one.body)["data"] for one in engine.journal.read("s-1") if one.kind == kind]


def begun(engine: Engine) -> None:
    engine.start("s-1", host="claude-code", traits=CLAUDE.traits).turn("go")


def test_what_was_changed_into_something_forbidden_is_found(
    engine: Engine, listener: RecordingListener
) -> None:
    """It is written down, counted, told, and what it gave is kept from the model."""
    begun(engine)

    assert asked(engine, "fine").action == "allow"
    reply = ran(engine, "FORBIDDEN")

    assert (reply.action, reply.rules) == ("deny", ("ran.deny",))
    assert "never that" in reply.message
    assert "its arguments were changed after they had been decided" in reply.message
    assert reply.alarm.startswith("governance: Bash: ")
    (found,) = rows(engine, "guard.bypassed")
    assert check_data("guard.bypassed", found) == ()
    assert (found["action"], found["why"]) == ("deny", "changed")
    assert (found["arguments"], found["call_id"]) == ({"command": "FORBIDDEN"}, "c-1")
    (finished,) = rows(engine, "tool.finished")
    assert (finished["changed"], finished["arguments"]) == (True, {"command": "FORBIDDEN"})
    (counted,) = rows(engine, "violation.counted")
    assert (counted["rule"], counted["severity"]) == ("ran.deny", "high")
    assert engine.state("s-1").open_calls == ()
    (event,) = [one for one in listener.events if one.name == "guard.bypassed"]
    assert event.data["arguments"] == found["arguments"]


def test_what_ran_as_it_was_decided_is_judged_once(engine: Engine) -> None:
    """Arguments in another order, and what is the same, are no change."""
    begun(engine)
    given = {"command": "fine", "timeout": 1}

    asked(engine, "", arguments=given)
    reply = ran(engine, "", arguments=dict(reversed(given.items())))

    assert (reply.action, reply.alarm) == ("allow", "")
    (finished,) = rows(engine, "tool.finished")
    assert not {"changed", "arguments", "unasked"} & set(finished)


@pytest.mark.parametrize("command", ["finer", "PRIVATE", "CAREFUL"])
def test_what_may_run_may_run_changed(engine: Engine, command: str) -> None:
    """It is on record as what it was, and nobody is alarmed; a warning is passed on."""
    begun(engine)

    asked(engine, "fine")
    reply = ran(engine, command)

    assert (reply.action, reply.alarm) == ("allow", "")
    assert ("be careful" in reply.message) is (command == "CAREFUL")
    assert rows(engine, "tool.finished")[0]["changed"]
    assert rows(engine, "guard.bypassed") == rows(engine, "violation.counted") == []


@pytest.mark.parametrize(("first", "alarms"), [("fine", 1), ("QUESTION first", 0)])
def test_a_question_that_was_put_covers_what_its_person_saw(
    engine: Engine, first: str, alarms: int
) -> None:
    """Whoever said yes saw the call as it ran; one that nobody was asked about is against it."""
    begun(engine)

    asked(engine, first)
    ran(engine, "QUESTION")

    assert len(rows(engine, "guard.bypassed")) == alarms
    assert len(rows(engine, "violation.counted")) == alarms


def test_a_rewrite_that_was_undone_is_found(engine: Engine) -> None:
    """The call runs as a rule would not have it: told, not counted, and its output is shown."""
    begun(engine)

    assert asked(engine, "clumsy").rewritten == {"command": "graceful"}
    reply = ran(engine, "clumsy")

    assert reply.action == "allow"
    assert "its arguments were changed" in reply.alarm
    assert rows(engine, "guard.bypassed")[0]["action"] == "rewrite"
    assert rows(engine, "violation.counted") == []
    asked(engine, "clumsy", "c-2")
    assert ran(engine, "graceful", "c-2").alarm == ""


def test_what_a_changed_call_did_is_remembered(engine: Engine) -> None:
    """Labels, limits and the intent are those of what ran, not of what was decided."""
    begun(engine)

    asked(engine, "fine")
    ran(engine, "PRIVATE")
    asked(engine, "fine", "c-2")
    ran(engine, "SELDOM", "c-2")
    past = engine.state("s-1").past

    url = {"url": "https://example.com", "prompt": "p"}
    assert asked(engine, "", "c-3", native="WebFetch", arguments=url).rules == ("ran.leak",)
    assert asked(engine, "SELDOM", "c-4").rules == ("ran.seldom",)
    again = Refolding(engine.law, engine.journal, "s-1")
    for record, body, before in again.rows():
        found = cast("dict[str, Any]", body["data"])
        if found.get("call_id") == "c-3":
            assert before.past == past
        elif record.kind == "tool.decided":
            call = call_of(CLAUDE.tools, found["native"], found["arguments"], cwd="/project")
            again.call = evolve(call, call_id=found["call_id"])


def test_three_changed_calls_halt_the_session(engine: Engine) -> None:
    """They lead up the ladder as denied calls do."""
    begun(engine)

    for number in range(3):
        asked(engine, "fine", f"c-{number}")
        ran(engine, "FORBIDDEN", f"c-{number}", outcome="failed")

    assert engine.state("s-1").state is State.INTERRUPTED
    assert asked(engine, "fine", "c-9").action == "deny"


@pytest.mark.parametrize("outcome", ["refused", "unknown"])
def test_what_did_not_run_is_not_judged(engine: Engine, outcome: str) -> None:
    """A call that was changed and then refused has done nothing."""
    begun(engine)

    asked(engine, "fine")
    ran(engine, "FORBIDDEN", outcome=outcome)

    assert rows(engine, "guard.bypassed") == []


def test_what_nobody_asked_about_is_judged_too(engine: Engine) -> None:
    """Of a call without a trace a denial counts, and no question that was perhaps answered."""
    begun(engine)

    assert ran(engine, "FORBIDDEN").action == "deny"
    assert ran(engine, "QUESTION", "c-2").action == "allow"

    (found,) = rows(engine, "guard.bypassed")
    assert (found["why"], found["rules"]) == ("unasked", ["ran.deny"])
    nameless = evolve(CLAUDE.traits, call_ids=False)
    assert ran(engine, "QUESTION", "c-3", traits=nameless).action == "deny"


def test_a_host_that_tells_no_arguments_is_believed(engine: Engine) -> None:
    """Where the report has none, nothing can be compared."""
    begun(engine)
    silent = evolve(CLAUDE.traits, reports_arguments=False)

    asked(engine, "fine", traits=silent)
    ran(engine, "FORBIDDEN", traits=silent)

    assert "fingerprint" not in rows(engine, "tool.decided")[0]
    assert rows(engine, "guard.bypassed") == []


def test_a_report_whose_secrets_were_taken_out_is_no_change(engine: Engine) -> None:
    """What waited in a file without its secrets cannot be compared any more."""
    begun(engine)
    secret = "curl -H 'Authorization: Bearer ghp_0123456789abcdefghijABCDEFGHIJ012345' x"

    asked(engine, secret)
    late = _command("tool_after", secret, "c-1", {"outcome": "ok"})
    engine.handle(without_secrets(engine.law, late))

    assert "changed" not in rows(engine, "tool.finished")[0]


@pytest.mark.parametrize(
    ("host", "before", "after", "tool", "argument"),
    [
        ("claude-code", "PreToolUse", "PostToolUse", "Bash", "command"),
        ("claude-code", "PreToolUse", "PostToolUseFailure", "Bash", "command"),
        ("codex", "PreToolUse", "PostToolUse", "Bash", "command"),
        ("gemini-cli", "BeforeTool", "AfterTool", "run_shell_command", "command"),
    ],
)
def test_a_person_is_shown_it(host: str, before: str, after: str, tool: str, argument: str) -> None:
    """The client has a place for what its person is to read at once."""
    adapter = adapter_of(host)
    common = {"session_id": "s-1", "cwd": "/project", "tool_name": tool, "tool_use_id": "c-1"}
    with memory_engine(PACK) as engine:
        engine.start("s-1", host=host, traits=adapter.profile.traits).turn("go")

        def said(event: str, command: str, **more: Any) -> bytes:
            given = {"hook_event_name": event, "tool_input": {argument: command}, **common, **more}
            payload = read_payload(dump_json(given), event)
            return decided(adapter, engine, adapter.translate(payload, {}), payload)[0].out

        assert said(before, "fine") == b""
        response = {"claude-code": {"stdout": "SECRET", "stderr": ""}, "codex": "SECRET"}
        given = response.get(host, {"llmContent": "SECRET"})
        told = said(after, "FORBIDDEN", tool_response=given, error="SECRET")

    shape = json.loads(told)
    assert shape["systemMessage"].startswith(f"governance: {tool}: ")
    assert "never that" in shape["systemMessage"]
    assert told.count(b"never that") > 1, "the model reads it too"
    assert b"SECRET" not in told
