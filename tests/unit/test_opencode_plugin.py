"""The plugin by itself, with an engine of the test's making: it refuses what it must."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from governance.hosts.opencode.capabilities import EVENTS
from governance.hosts.opencode.settings import SETTINGS, install

DRIVER = Path(__file__).with_name("opencode_plugin_driver.mjs")
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="platform: no node")
SECONDS_MAX = 60

ENGINE = """
import json, sys, time
payload = json.loads(sys.stdin.read())
with open({log!r}, "a") as log:
    log.write(json.dumps([sys.argv, payload]) + "\\n")
answers = json.loads(open({answers!r}).read())
answer = answers.get(payload["hook_event_name"], "")
if isinstance(answer, dict) and "hang" in answer:
    import signal
    if answer["hang"] == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
if isinstance(answer, dict) and "exit" in answer:
    sys.stderr.write(answer["stderr"])
    sys.exit(answer["exit"])
if isinstance(answer, dict):
    answer = json.dumps({{"governance": 1, "event": payload["hook_event_name"], **answer}})
sys.stdout.write(answer)
"""
BEFORE = {"hook": "tool.execute.before", "input": {"tool": "bash", "sessionID": "s", "callID": "c"}}
AFTER = {"hook": "tool.execute.after", "input": {**BEFORE["input"], "args": {"command": "ls"}}}  # type: ignore[dict-item]
MESSAGE = {"id": "msg_1", "agent": "build"}
PROMPT = {"hook": "chat.message", "input": {"sessionID": "s"},
          "output": {"message": MESSAGE, "parts": [{"type": "text", "text": "hi"}]}}  # fmt: skip


def before(**args: Any) -> dict[str, Any]:
    return {**BEFORE, "output": {"args": args or {"command": "ls"}}}


def after(**output: Any) -> dict[str, Any]:
    given = {"title": "t", "output": "out", "metadata": {"exit": 0}}
    return {**AFTER, "output": output or given}


def system(text: str = "You are.\n<env>\n</env>") -> dict[str, Any]:
    return {"hook": "experimental.chat.system.transform", "input": {"sessionID": "s"},
            "output": {"system": [text]}}  # fmt: skip


def event(kind: str, **properties: Any) -> dict[str, Any]:
    return {"hook": "event", "input": {"event": {"type": kind, "properties": properties}}}


class Bench:
    """A project with the plugin in it, and an engine that answers as a test says."""

    def __init__(self, project: Path) -> None:
        self.project = project
        (project / ".governance").mkdir()
        install(project)
        self.log = project / "log.jsonl"
        self._answers = project / "answers.json"
        engine = project / "engine.py"
        engine.write_text(ENGINE.format(log=str(self.log), answers=str(self._answers)))
        self.plugin = project / "plugin.mjs"
        text = (project / SETTINGS).read_text()
        (line,) = [one for one in text.splitlines() if one.startswith("const SETTINGS")]
        values = {"python": sys.executable, "hook": str(engine), "project": str(project)}
        values["person"] = {"home": "/h", "config": "/c", "state": "/s"}
        self.set = lambda **more: self.plugin.write_text(
            text.replace(
                line, f"const SETTINGS = {json.dumps({**values, 'paths': ['/p'], **more})};"
            )
        )
        self.set()

    def run(self, answers: dict[str, Any], *steps: dict[str, Any]) -> list[dict[str, Any]]:
        """What came of each step, given the engine's answer to each event."""
        self._answers.write_text(json.dumps(answers))
        script = self.project / "script.json"
        script.write_text(json.dumps(steps))
        assert NODE is not None
        done = subprocess.run(
            [NODE, str(DRIVER), str(self.plugin), str(script)],
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            env={**os.environ, "GOVERNANCE_SERVICE": "on"},
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["id"] == "session-governance"
        found: list[dict[str, Any]] = told["told"]
        return found

    def sent(self) -> list[dict[str, Any]]:
        """The payloads that reached the engine, in order."""
        if not self.log.exists():
            return []
        return [json.loads(line)[1] for line in self.log.read_text().splitlines()]

    def words(self) -> list[str]:
        """The command line of the first call of the engine."""
        found: list[str] = json.loads(self.log.read_text().splitlines()[0])[0]
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


ALLOW = {"action": "allow"}


def test_allowed_tool_is_let_be(bench: Bench) -> None:
    """An allowed call goes on with its own arguments; the engine was told all it needs."""
    (told,) = bench.run({"tool.execute.before": ALLOW}, before())

    assert told == {"output": {"args": {"command": "ls"}}}
    (sent,) = bench.sent()
    assert sent["session_id"] == "s"
    assert sent["input"] == {"tool": "bash", "callID": "c"}
    assert (sent["parent_id"], sent["cwd"]) == ("", "/work")
    words = bench.words()
    assert words[1:5] == ["--host", "opencode", "--dir", str(bench.project)]
    assert words[5:7] == ["--event", "tool.execute.before"]
    assert words[7:13] == ["--home", "/h", "--config", "/c", "--state", "/s"]
    assert words[13:] == ["--path", "/p"]


NONSENSE = {
    "nothing": "",
    "no JSON": "allow",
    "a list": "[]",
    "no version": '{"event":"tool.execute.before","action":"allow"}',
    "another version": '{"governance":2,"event":"tool.execute.before","action":"allow"}',
    "another event": '{"governance":1,"event":"chat.message","action":"allow"}',
    "no action": '{"governance":1,"event":"tool.execute.before"}',
    "another action": {"action": "ask"},
    "a new key": {"action": "allow", "new": 1},
    "a key of Object's": '{"governance":1,"event":"tool.execute.before","action":"allow",'
    '"constructor":"x"}',
    "a wrong type": {"action": "allow", "note": 1},
    "a deny without a reason": {"action": "deny"},
    "an empty reason": {"action": "deny", "message": ""},
    "a rewrite without arguments": {"action": "rewrite"},
    "a failure": {"exit": 1, "stderr": "Traceback"},
    "a failure of the hook": {"exit": 2, "stderr": "governance cannot decide"},
    "two answers": '{"governance":1,"event":"tool.execute.before","action":"allow"}{}',
}


@pytest.mark.parametrize("name", NONSENSE)
def test_what_is_not_understood_is_refused(bench: Bench, name: str) -> None:
    """Only the exact shape of an allow lets a tool run."""
    (told,) = bench.run({"tool.execute.before": NONSENSE[name]}, before())
    assert "governance" in told["thrown"]


@pytest.mark.parametrize("how", ["stops", "deaf"])
def test_engine_that_hangs_is_stopped_and_refuses(bench: Bench, how: str) -> None:
    """No answer in time is a refusal, and the process that gave none is gone."""
    text = bench.plugin.read_text()
    bench.plugin.write_text(
        text.replace("ENGINE_MS_MAX = 30_000", "ENGINE_MS_MAX = 400").replace(
            "KILL_MS_MAX = 2_000", "KILL_MS_MAX = 200"
        )
    )
    (told,) = bench.run({"tool.execute.before": {"hang": how}}, before())
    assert "no answer within 400 ms" in told["thrown"]


RELAY = """
import sys, time
def frame(kind, body):
    return kind + len(body).to_bytes(4, "big") + body
def take():
    head = sys.stdin.buffer.read(5)
    return sys.stdin.buffer.read(int.from_bytes(head[1:], "big")).split(b"\\0", 2)
call, event, payload = take()
allow = b'{{"governance":1,"event":"' + event + b'","action":"allow"}}'
{answer}
sys.stdout.buffer.flush()
time.sleep(60)
"""
SAYS = "sys.stdout.buffer.write"
NO_RELAYS = {
    "ends": "sys.exit(0)",
    "fails": "sys.exit(1)",
    "noise": f"{SAYS}(b'no frames at all')",
    "another kind": f"{SAYS}(frame(b'Z', call + b'\\0' + allow))",
    "another call": f"{SAYS}(frame(b'A', b'0' * 24 + b'\\0' + allow))",
    "no call": f"{SAYS}(frame(b'A', allow))",
    "endless": f"{SAYS}(b'A\\xff\\xff\\xff\\xff' + call + b'\\0' + allow)",
    "half an answer": f"{SAYS}(frame(b'A', call + b'\\0' + allow)[:-1])",
    "heard, and no answer": f"{SAYS}(frame(b'H', call))",
    "silence": "pass",
}


def with_relay(bench: Bench, answer: str, *, service_ms_max: int = 16_000) -> None:
    """Give the plugin a relay that says *answer* to the first call, and no more."""
    file = bench.project / "relay.py"
    file.write_text(RELAY.format(answer=answer))
    bench.set(relay=str(file))
    text = bench.plugin.read_text()
    bound = f"SERVICE_MS_MAX = {service_ms_max}"
    bench.plugin.write_text(text.replace("SERVICE_MS_MAX = 16_000", bound))


def test_what_a_service_answers_is_the_answer(bench: Bench) -> None:
    """A payload that a service has answered is asked of nobody else."""
    deny = """allow.replace(b'"allow"', b'"deny","message":"no"')"""
    with_relay(bench, f"{SAYS}(frame(b'A', call + b'\\0' + {deny}))")
    (told,) = bench.run({"tool.execute.before": ALLOW}, before())
    assert told["thrown"] == "no"
    assert bench.sent() == []


@pytest.mark.parametrize("name", NO_RELAYS)
def test_service_without_sense_is_done_without(bench: Bench, name: str) -> None:
    """Whatever comes in place of an answer, a hook decides, and knows the payload by its name."""
    waits = name in ("half an answer", "heard, and no answer", "silence")
    with_relay(bench, NO_RELAYS[name], service_ms_max=700 if waits else 16_000)
    answer = {"action": "deny", "message": "the hook says no"}

    told = bench.run({"tool.execute.before": answer}, before(), before())

    assert [one["thrown"] for one in told] == ["the hook says no"] * 2
    assert len(bench.sent()) == 2
    words = bench.words()
    assert words[words.index("--call") + 1].isalnum()


def test_answer_of_a_service_is_read_as_strictly(bench: Bench) -> None:
    """What came through a service and is not understood refuses, as a hook's would."""
    with_relay(bench, f"{SAYS}(frame(b'A', call + b'\\0' + allow[:-1]))")
    (told,) = bench.run({"tool.execute.before": ALLOW}, before())
    assert "no JSON" in told["thrown"]


def test_call_that_no_service_heard_of_has_no_name(bench: Bench) -> None:
    """Where none is, the hook starts one, which it does for a call that nobody has taken."""
    with_relay(bench, f"{SAYS}(frame(b'N', call))")
    (told,) = bench.run({"tool.execute.before": ALLOW}, before())
    assert "thrown" not in told
    assert "--call" not in bench.words()


def test_relay_that_cannot_stay_is_left_alone_for_a_while(bench: Bench) -> None:
    """After three that were lost in a row no fourth one is started."""
    with_relay(bench, f"open({str(bench.project / 'begun')!r}, 'a').write('x'); sys.exit(1)")
    bench.run({"tool.execute.before": ALLOW}, *[before()] * 6)
    assert (bench.project / "begun").read_text() == "xxx"
    assert len(bench.sent()) == 6


def test_endless_answer_is_refused(bench: Bench) -> None:
    """An answer beyond the bound is no answer, whatever it says."""
    long = {"action": "allow", "note": "x" * 4_000_000}
    (told,) = bench.run({"tool.execute.before": long}, before())
    assert "too long" in told["thrown"]


def test_rewritten_prompt_is_refused(bench: Bench) -> None:
    """There is no other prompt to run, so that an answer which names one is not understood."""
    (told,) = bench.run({"chat.message": {"action": "rewrite", "args": {}}}, PROMPT)
    assert "nothing can be rewritten" in told["thrown"]


def test_engine_that_cannot_be_started_is_a_refusal(bench: Bench) -> None:
    """No interpreter, no leave: prompts, commands and tools are refused, and that is logged."""
    bench.set(python="/nowhere/python")
    command = {"hook": "command.execute.before", "output": {"parts": []},
               "input": {"command": "x", "sessionID": "s", "arguments": ""}}  # fmt: skip

    told = bench.run({}, PROMPT, command, before())

    assert all("`/nowhere/python` cannot be started" in one["thrown"] for one in told)
    log = (bench.project / ".governance" / "governance.log").read_text()
    assert log.count("cannot be started") == 3


def test_plugin_as_it_is_shipped_refuses(bench: Bench) -> None:
    """A copy without settings, made by hand, lets nothing run."""
    bench.set(python="", hook="", project="", paths=[])
    assert "thrown" in bench.run({}, before())[0]


def test_deny_is_thrown_with_its_reason(bench: Bench) -> None:
    """The model reads exactly what the engine says."""
    (told,) = bench.run(
        {"tool.execute.before": {"action": "deny", "message": "no\n  way"}}, before()
    )
    assert told["thrown"] == "no\n  way"


def test_rewrite_changes_the_very_object(bench: Bench) -> None:
    """Arguments that are gone are taken out, others set, in the object that the client runs."""
    answer = {"action": "rewrite", "args": {"command": "ls -l", "timeout": 5}}
    (told,) = bench.run({"tool.execute.before": answer}, before(command="ls", workdir="/x"))
    assert told["output"] == {"args": {"command": "ls -l", "timeout": 5}}


def test_notes_stand_below_the_output(bench: Bench) -> None:
    """What was said before the tool ran and after it is read with its output."""
    answers = {
        "tool.execute.before": {"action": "allow", "note": "careful"},
        "tool.execute.after": {"action": "allow", "note": "noted"},
    }
    _, told = bench.run(answers, before(), after())
    assert told["output"]["output"] == "out\n\ncareful\nnoted"


def test_output_is_replaced_in_both_shapes(bench: Bench) -> None:
    """Text of the client's tools and blocks of a server's are both withheld."""
    answers = {"tool.execute.after": {"action": "rewrite", "output": "withheld"}}
    blocks = {"content": [{"type": "text", "text": "secret"}, {"type": "image", "data": "x"}]}

    plain, listed = bench.run(answers, after(), after(**blocks))

    assert plain["output"]["output"] == "withheld"
    assert listed["output"] == {"content": [{"type": "text", "text": "withheld"}]}
    assert bench.sent()[1]["output"]["content"] == [{"type": "text", "text": "secret"}]


def test_failing_observer_changes_nothing(bench: Bench) -> None:
    """What has happened has happened: a failure there is a line in the log."""
    answers = {"tool.execute.after": {"exit": 1, "stderr": "broken"}}
    (told,) = bench.run(answers, after())
    assert told == {"output": after()["output"]}
    assert (
        "tool.execute.after plugin: broken"
        in (bench.project / ".governance" / "governance.log").read_text()
    )


INJECT = {"text": "BRIEFING", "told": {"sha256": "ab"}}


def test_text_goes_into_each_request_and_is_reported_once(bench: Bench) -> None:
    """Every request for work has the text; it is reported with what the model did after it."""
    answers = {
        "chat.message": {"action": "allow", "inject": INJECT},
        "tool.execute.before": ALLOW,
    }
    idle = event("session.idle", sessionID="s")

    told = bench.run(answers, PROMPT, system("title"), system(), before(), system(), before(), idle)

    systems = [one["output"]["system"] for one in told if "system" in one.get("output", {})]
    assert systems == [["title"], ["You are.\n<env>\n</env>", "BRIEFING"],
                       ["You are.\n<env>\n</env>", "BRIEFING"]]  # fmt: skip
    assert [one.get("told") for one in bench.sent()] == [None, {"sha256": "ab"}, None, None]


def test_text_that_was_not_carried_is_not_reported(bench: Bench) -> None:
    """A tool that comes before any request with the text reports nothing."""
    answers = {"chat.message": {"action": "allow", "inject": INJECT}, "tool.execute.before": ALLOW}
    bench.run(answers, PROMPT, system("title"), before())
    assert [one.get("told") for one in bench.sent()] == [None, None]


def test_request_without_its_text_is_a_lapse(bench: Bench) -> None:
    """A turn of another process: its text is not known, so the engine is told."""
    bench.run({}, system(), system("title"))
    assert [one["hook_event_name"] for one in bench.sent()] == [
        "experimental.chat.system.transform"
    ]


def test_reminder_takes_the_place_of_the_text(bench: Bench) -> None:
    """After a compaction the next request waits for the answer, and carries it."""
    answers = {
        "chat.message": {"action": "allow", "inject": INJECT},
        "session.compacted": {"action": "allow", "inject": {"text": "REMINDER"}},
        "experimental.session.compacting": {"action": "allow", "context": "KEEP"},
    }
    part = {"type": "compaction", "auto": True}
    compacting = {"hook": "experimental.session.compacting", "input": {"sessionID": "s"},
                  "output": {"context": []}}  # fmt: skip
    unawaited = {**event("session.compacted", sessionID="s"), "unawaited": True}

    told = bench.run(answers, PROMPT, event("message.part.updated", sessionID="s", part=part),
                     compacting, unawaited, system())  # fmt: skip

    assert told[2]["output"] == {"context": ["KEEP"]}
    assert told[3]["output"]["system"][1:] == ["REMINDER"]
    assert [one.get("trigger") for one in bench.sent()] == [None, "auto", "auto"]


def test_events_of_a_session_keep_their_order(bench: Bench) -> None:
    """What the client tells without waiting reaches the engine before what it waits for."""
    created = event("session.created", sessionID="s", info={"id": "s", "agent": "plan"})
    answers = {"chat.message": ALLOW, "tool.execute.before": ALLOW}
    idle = event("session.idle", sessionID="s")
    late = {**idle, "unawaited": True}

    bench.run(answers, {**created, "unawaited": True}, PROMPT, late, before())

    names = [one["hook_event_name"] for one in bench.sent()]
    assert names == ["session.created", "chat.message", "session.idle", "tool.execute.before"]
    assert bench.sent()[0]["agent"] == "plan"
    assert bench.sent()[1]["resumed"] is False
    assert bench.sent()[1]["agent"] == "build"


def test_prompt_is_what_was_said(bench: Bench) -> None:
    """Words of the user and of a sub-task are the prompt; what the client adds is not."""
    parts = [
        {"type": "text", "text": "hi"},
        {"type": "text", "text": "of the client", "synthetic": True},
        {"type": "file", "url": "file:///x"},
        {"type": "subtask", "prompt": "look"},
    ]
    output = {"message": MESSAGE, "parts": parts}
    bench.run({"chat.message": ALLOW}, {**PROMPT, "output": output})
    assert bench.sent()[0]["prompt"] == "hi\nlook"


def test_session_of_another_process_is_resumed_once(bench: Bench) -> None:
    """The first prompt to a session that was not begun here says so, the next one does not."""
    bench.run({"chat.message": ALLOW}, PROMPT, PROMPT)
    assert [one["resumed"] for one in bench.sent()] == [True, False]


def test_parent_is_asked_of_the_client(bench: Bench) -> None:
    """A sub-session that was not seen to begin has the parent that the client names."""
    given = {**BEFORE["input"], "sessionID": "kid"}  # type: ignore[dict-item]
    bench.run({"tool.execute.before": ALLOW}, {**before(), "input": given})
    assert bench.sent()[0]["parent_id"] == "s"


def test_error_of_a_tool_is_told_when_it_was_let_through(bench: Bench) -> None:
    """An error settles the call that had run; of a denied one nothing more is said."""
    state = {"status": "error", "input": {"command": "ls"}, "error": "broken"}
    part = {"type": "tool", "tool": "bash", "callID": "c", "state": state}
    error = event("message.part.updated", sessionID="s", part=part)

    bench.run({"tool.execute.before": ALLOW}, error, before(), error, error)

    failed = [one for one in bench.sent() if one["hook_event_name"] == "message.part.updated"]
    assert [(one["error"], one["input"]["args"]) for one in failed] == [
        ("broken", {"command": "ls"})
    ]


def test_permission_reply_knows_its_call(bench: Bench) -> None:
    """The answer of the client's user names the question alone; the plugin remembers the call."""
    asked = event("permission.asked", id="p", sessionID="s", permission="bash", patterns=["ls"],
                  tool={"callID": "c"})  # fmt: skip
    replied = event("permission.replied", sessionID="s", requestID="p", reply="once")
    bench.run({}, asked, replied)
    assert bench.sent()[1]["input"] == {"id": "p", "reply": "once", "callID": "c"}


def test_process_takes_leave_of_its_sessions(bench: Bench) -> None:
    """At its end the plugin waits for what was reported last, and names its sessions."""
    idle = {**event("session.idle", sessionID="s"), "unawaited": True}
    bench.run({"chat.message": ALLOW}, PROMPT, idle, {"hook": "dispose"})
    sent = bench.sent()
    assert [one["hook_event_name"] for one in sent] == ["chat.message", "session.idle", "dispose"]
    assert sent[-1]["sessions"] == [{"session_id": "s", "parent_id": "", "agent": "build"}]


def test_shell_is_marked(bench: Bench) -> None:
    """A shell of the agent's carries its session, so that the hook can tell it."""
    env = {"hook": "shell.env", "input": {"cwd": "/", "sessionID": "s"}, "output": {"env": {}}}
    (told,) = bench.run({}, env)
    assert told["output"]["env"] == {"GOVERNANCE_OPENCODE_SESSION": "s"}


def test_plugin_passes_on_no_event_that_nobody_reads() -> None:
    """Every event that the plugin hands over by name is one that the adapter listens to."""
    text = (Path(__file__).parents[2] / "governance/hosts/opencode/plugin.js").read_text()
    named = {
        part.split('"')[1]
        for mark in ("tell(", "leave(", "engine(")
        for part in text.split(mark)[1:]
        if part.startswith('"')
    }
    assert named <= set(EVENTS)
    assert len(named) >= 10


TOKENS = {"input": 10, "output": 2, "reasoning": 0, "cache": {"read": 3, "write": 0}}
COUNTED = {"cost": 0.5, "tokens": TOKENS}


def test_costs_are_asked_for_at_each_request_and_when_the_turn_is_over(bench: Bench) -> None:
    """A call is decided with what the answers before used, and the last one's is told, too."""
    more = {"cost": 0.7, "tokens": {**TOKENS, "input": 30}}

    bench.run(
        {"chat.message": ALLOW, "tool.execute.before": ALLOW},
        PROMPT,
        system(),
        before(),
        {"counted": COUNTED},
        system(),
        before(),
        {"counted": more},
        event("session.idle", sessionID="s"),
    )

    assert [one.get("used") for one in bench.sent()] == [None, None, COUNTED, more]


def test_costs_that_cannot_be_asked_for_hold_nothing_up(bench: Bench) -> None:
    """A client that does not say what was used is asked again, and the call is decided."""
    bench.run(
        {"chat.message": ALLOW, "tool.execute.before": ALLOW},
        PROMPT,
        {"counted": None},
        system(),
        before(),
        {"counted": COUNTED},
        system(),
        before(),
    )

    assert [one.get("used") for one in bench.sent()] == [None, None, COUNTED]
    told = (bench.project / ".governance" / "governance.log").read_text()
    assert "session.get plugin: the client does not answer" in told


def test_what_was_used_goes_with_the_next_event_once(bench: Bench) -> None:
    """Tokens and costs as the client counts them; no event of their own, and no zeros."""
    nothing = {"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}}
    answered = {"role": "assistant", "tokens": TOKENS}
    bench.run(
        {"chat.message": ALLOW, "tool.execute.before": ALLOW},
        PROMPT,
        {"counted": {"cost": 0, "tokens": nothing}},
        system(),
        before(),
        event("message.updated", sessionID="s", info=answered),
        event("message.updated", sessionID="s", info={"role": "user", "tokens": {"input": 9}}),
        event("message.updated", sessionID="s", info={**answered, "summary": True}),
        {"counted": COUNTED},
        system(),
        before(),
        system(),
        event("session.idle", sessionID="s"),
    )

    assert [one["hook_event_name"] for one in bench.sent()] == [
        "chat.message", "tool.execute.before", "tool.execute.before", "session.idle",
    ]  # fmt: skip
    assert [one.get("used") for one in bench.sent()] == [
        None, None, {**COUNTED, "context": TOKENS}, None,
    ]  # fmt: skip
