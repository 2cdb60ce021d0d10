"""Every lifecycle event is seen by a listener during a run of the engine, whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from governance.calls import ToolCall
from governance.engine import Engine
from governance.events import CATALOGUE, Event, check_data
from governance.listeners import Listeners, Refuse, Write
from governance.scopes import PROJECT, Declaration, Grant, Reader, Scope
from governance.session.commands import Command, HostTraits
from governance.testing import ManualClock, RecordingListener
from governance.testing.engines import memory_engine, settings_with
from governance.values import Json

ELSEWHERE = {
    "data.accessed": "made by an engine that records reads",
    "environment.overruled": "made by a hook, of the variables that it is started with",
    "governance.paused": "made by the command `pause`",
    "guard.gap": "made by `doctor`, from a transcript",
    "keys.rotated": "made by the command `keys`",
    "rules.changed": "made by an engine of a project whose packs change",
    "rules.refused": "made by an engine of a project whose packs become wrong",
    "session.erased": "made by the command `erase`",
    "trust.granted": "made by the command `trust`",
    "trust.withdrawn": "made by the command `trust`",
    "session.gap": "made by `repair`",
    "session.damaged": "made by `repair`",
    "session.repaired": "made by `repair`",
    "session.archived": "made by `archive`, in the project's own journal",
    "session.removed": "made by `prune`, in the project's own journal",
    "session.unarchived": "made by `unarchive`, in the project's own journal",
    "retention.pruned": "made by `prune`, in the project's own journal",
}
"""Events that other parts than the engine's step make, each tested with its maker."""

TOLD_ELSEWHERE = {
    "session.resetting": {"previous_context": "by Mellea, whose contexts are objects"},
    "session.ending": {"context": "by Mellea, whose contexts are objects"},
    "tool.decided": {
        "paused": "while a person has paused governance",
        "reasons": "where the state refuses a call",
        "runs_as": "in hosts whose calls have no id",
        "skipped": "where history is not known",
        "stale": "after a gap of days",
    },
    "tool.finished": {"clears_stale": "after a gap of days"},
    "command.executed": {"labels": "by rules on commands that set one"},
    "governance.injected": {"dropped": "where a text is longer than its budget"},
    "violation.counted": {"child": "in a parent, of its child"},
    "approval.settled": {
        "expires_at_ms": "by `approve` for longer",
        "reason": "by a person who says why",
    },
    "message.added": {
        "origin": "by a merge or an import",
        "said_at_ms": "by an import",
        "said_by": "by an import",
        "said_in_epoch": "by an import",
    },
}
"""Fields that only what is not in these runs fills."""

PACK = """
format = 1
[pack]
name = "events"
version = "1.0.0"
summary = "Rules that lead to every event."

[[rule]]
id = "events.deny"
tools = ["shell"]
when.command = "forbidden"
action = "deny"
severity = "high"
message = "No."
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "events.ask"
tools = ["shell"]
when.command = "perhaps"
action = "ask"
message = "Sure?"
must_match = [{ tool = "shell", command = "perhaps" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "events.halt"
tools = ["shell"]
when.command = "stop"
action = "halt"
message = "Stop."
must_match = [{ tool = "shell", command = "stop" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "events.tree"
tools = ["fetch"]
limit = { max = 100, per = "epoch", scope = "tree" }
action = "warn"
message = "Many."

[[rule]]
id = "events.label"
tools = ["shell"]
when.command = "labelled"
action = "warn"
labels = ["seen"]
message = "Noted."
must_match = [{ tool = "shell", command = "labelled" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "events.labelled"
tools = ["shell"]
when.command = "labelled"
action = "warn"
message = "Noted again."

[[rule]]
id = "events.label-later"
tools = ["fetch"]
when.url = "https://label.test/"
action = "ask"
labels = ["fetched"]
message = "Fetch?"
must_match = [{ tool = "fetch", url = "https://label.test/" }]
must_not_match = [{ tool = "fetch", url = "https://a.test/" }]

[[rule]]
id = "events.shadowed"
tools = ["write"]
when.path = { glob = "**/shadow.txt" }
mode = "shadow"
action = "deny"
message = "It would be refused."
must_match = [{ tool = "write", path = "shadow.txt", content = "" }]
must_not_match = [{ tool = "write", path = "a.txt", content = "" }]

[[rule]]
id = "events.moved"
tools = ["read"]
when.path = { glob = "**/other.txt" }
action = "rewrite"
rewrite.path = "new.txt"
message = "It has moved."
must_match = [{ tool = "read", path = "other.txt" }]
must_not_match = [{ tool = "read", path = "a.txt" }]

[[rule]]
id = "events.release"
on = "command"
when.command = "release"
action = "deny"
deny.override = "force"
message = "Not now."
must_match = [{ command = "release" }]
must_not_match = [{ command = "style" }]

[[rule]]
id = "events.renamed"
on = "command"
when.command = "old-name"
action = "rewrite"
rewrite.command = "new-name"
message = "It has another name."
must_match = [{ command = "old-name" }]
must_not_match = [{ command = "style" }]

[[rule]]
id = "events.asked-for"
on = "prompt"
when.prompt = { contains = "again" }
action = "warn"
labels = ["insists"]
message = "Noted."
must_match = [{ prompt = "again" }]
must_not_match = [{ prompt = "go" }]

[[rule]]
id = "events.shadow"
on = "prompt"
when.prompt_source = "user"
mode = "shadow"
action = "warn"
message = "It would be said."

[[escalation]]
id = "events.step"
count = 2
within = "10m"
of = { severity = ["high"] }
action = "warn"
lasts = "1h"
message = "Again."

[[context]]
id = "hello"
at = ["beginning", "compacted", "resumed"]
text = "Hello."
"""


def use_contexts(engine: Engine) -> None:
    """Every verb of contexts, on the session's own scope."""
    me, scope, contexts = Reader("ada", "s"), Scope("session", "s"), engine.contexts
    contexts.set(scope, "code", "a", 1, by=me)
    contexts.set(PROJECT, "code", "b", {"x": 1}, by=me)
    contexts.merge(scope, PROJECT, by=me)
    contexts.declare(Declaration("code", "b", {"y": "int"}, 2, {1: lambda old: {"y": 1}}))
    contexts.migrate(scope, by=me)
    contexts.declare(Declaration("code", "a", {"z": "int"}))
    contexts.repair(scope, by=me)
    contexts.prune(scope, by=me, bytes_max=0)
    contexts.unset(scope, "code", "b", by=me)
    contexts.reset(scope, by=me, to_seq=0)
    contexts.grant(scope, Grant("*", "*", "*", "read"), by=me)
    contexts.revoke(scope, Grant("*", "*", "*", "read"), by=me)


def run_everything(engine: Engine, clock: ManualClock) -> None:
    """One session that meets every event the engine can make."""
    session = engine.start("s", model_id="m-1", model_options={"temperature": 1.0})
    session.turn("go")
    said = session.message("user", "go", about={"where": "terminal"})
    session.message("assistant", "gone", reply_to=said.id)
    use_contexts(engine)
    session.tool("shell", {"command": "fine"}, call_id="1")
    session.tool_finished("1", outcome="failed", error="broken")
    for number in range(2):
        session.tool("shell", {"command": "fine"}, call_id=f"f{number}")
        session.tool_finished(f"f{number}", outcome="failed", error="broken")
    for number in range(2):
        session.tool("shell", {"command": "forbidden"}, call_id=f"d{number}")
    session.tool("shell", {"command": "perhaps"}, call_id="q")
    session.tool_finished("q", outcome="ok")
    session.tool("write", {"path": "a.py", "content": "x"}, call_id="w")
    session.tool_finished("w", outcome="ok")
    call = ToolCall("todo", call_id="t")
    engine.handle(Command(event="tool_before", session="s", call=call))
    done = {"outcome": "ok", "task_title": "write a.py"}
    engine.handle(Command(event="tool_after", session="s", call=call, data=done))
    session.used(input_tokens=9, output_tokens=1, cost_usd=0.1, context_tokens=9, context_ratio=0.5)
    session.used(cost_usd=0.2, whole=True)
    told = HostTraits(reports_arguments=True)
    for event, command in (("tool_before", "fine"), ("tool_after", "forbidden")):
        given = {"command": command}
        call = ToolCall("shell", "shell", given, given, call_id="r")
        engine.handle(Command(event=event, session="s", call=call, traits=told, data=done))
    session.command("style", ["terse"], style="terse")
    child = session.child("a")
    child.turn("look it up")
    child.tool("fetch", {"url": "https://a.b/"}, call_id="c")
    child.end()
    session.turn_ended()
    session.compacting()
    session.compact()
    session.compact()
    session.lapse("packs changed")
    session.interrupt("aborted")
    clock.skew(-5_000)
    session.resume()
    clock.advance(1_800_000)
    engine.start("other")
    session.turn("again")
    engine.handle(Command(event="child_end", session="none", data={"child_id": "none/x"}))
    engine.handle(Command(event="end", session="nobody"))
    session.reset()
    session.turn("new epoch")
    anchor = {"id": "a1", "type": "decision", "priority": "critical", "text": "Use SQLite."}
    engine.record("s", "anchor.added", anchor, actor="me")
    engine.branch("s", name="aside", actor="me")
    for one, text in (("s", "Use DuckDB."), ("aside", "Use PostgreSQL.")):
        engine.record(one, "anchor.added", {**anchor, "text": text}, actor="me")
    (conflict,) = engine.merge("s", "aside", actor="me").merged.conflicts
    engine.resolve("s", conflict.id, "theirs", actor="me")
    question = {"id": "p1", "permission": "bash", "patterns": ["fine"], "call_id": "1"}
    engine.record("s", "permission.asked", question, actor="host", host="host")
    answer = {"id": "p1", "reply": "once", "call_id": "1"}
    engine.record("s", "permission.replied", answer, actor="host", host="host")
    session.tool("shell", {"command": "stop"}, call_id="h")
    engine.session("s").turn("refused while halted")
    pardon = {"rule": "", "count": 1, "by": "me", "reason": "reviewed"}
    engine.record("s", "violation.pardoned", pardon, actor="me")
    session.end()
    engine.handle(Command(event="turn_end", session="s"))


def run_what_is_rare(engine: Engine, clock: ManualClock) -> None:
    """What hosts tell now and then: every field that an event may have, and need not."""
    first = engine.start("first", source="startup", context_type="transcript", model_id="m-1")
    first.tool("shell", {"command": "forbidden"}, call_id="1")
    options = {"temperature": 1.0}
    next_ = engine.start("next", predecessor="first", model_id="m-2", model_options=options)
    engine.handle(Command(event="turn_start", session="found"))
    next_.turn("go", source="agent")
    next_.turn_ended(failure="overloaded")
    next_.turn("again")
    next_.tool("shell", {"command": "labelled"}, call_id="l", cwd="/p")
    next_.tool_finished("l", outcome="ok", duration_ms=3, exit_code=0)
    next_.tool("fetch", {"url": "https://label.test/"}, call_id="p")
    next_.tool_finished("p", outcome="ok")
    next_.tool_finished("never-asked", outcome="ok", tool="read")
    next_.tool("shell", {"command": "forbidden"}, call_id="n")
    next_.tool_finished("n", outcome="ok")
    next_.tool("write", {"path": "shadow.txt", "content": ""}, call_id="w")
    next_.tool("read", {"path": "other.txt"}, call_id="r")
    next_.tool("delegate", {"agent": "a", "prompt": "look"}, call_id="d")
    next_.command("release")
    next_.command("release", ["--force"])
    next_.command("old-name")
    next_.compact(summary="We looked.")
    next_.end("error", exception="ValueError")
    next_.tool("read", {"path": "a"}, call_id="late")


@contextmanager
def eventful_engine(seen: RecordingListener) -> Iterator[Engine]:
    """An engine in which everything has happened that a session can meet; *seen* has seen it."""
    clock, listeners = ManualClock(), Listeners()
    listeners.register("*", seen, mode="audit", name="seen")

    def failing(_event: Event) -> None:
        raise ValueError("broken on purpose")

    listeners.register("session.ended", failing, mode="audit", name="failing", on_error="ignore")
    with memory_engine(PACK, clock=clock, listeners=listeners) as engine:
        run_everything(engine, clock)
        run_what_is_rare(engine, clock)
        yield engine


@pytest.fixture(name="seen", scope="module")
def _seen() -> RecordingListener:
    seen = RecordingListener()
    with eventful_engine(seen):
        pass
    return seen


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - set(ELSEWHERE)))
def test_the_event_is_seen_with_every_field(seen: RecordingListener, name: str) -> None:
    """A listener sees it, and what it sees is what the catalogue says."""
    found = [event for event in seen.events if event.name == name]

    assert found, f"no listener saw `{name}`"
    for event in found:
        assert check_data(name, event.data) == ()
        assert event.session_id
        assert event.event_id
        assert event.host


def test_no_field_stays_empty(seen: RecordingListener) -> None:
    """What a catalogue promises and nobody fills would be looked for in vain."""
    filled: dict[str, set[str]] = {}
    for event in seen.events:
        told = {name for name, value in event.data.items() if value is not None}
        filled.setdefault(event.name, set()).update(told)
    empty = {
        name: set(spec.fields) - filled.get(name, set())
        for name, spec in CATALOGUE.items()
        if name not in ELSEWHERE
    }
    assert {name: one for name, one in empty.items() if one} == {
        name: set(one) for name, one in TOLD_ELSEWHERE.items()
    }


def test_after_events_carry_states_and_a_gapless_sequence(seen: RecordingListener) -> None:
    """What is published is what is in the journal, in order."""
    rows = [e for e in seen.events if e.session_id == "s" and CATALOGUE[e.name].when == "after"]

    assert [e.seq for e in rows] == sorted(e.seq for e in rows)
    moved = [e for e in rows if e.state_before != e.state_after]
    assert {"session.created", "governance.injected", "session.ended"} <= {e.name for e in moved}


def test_a_listener_that_refuses_stops_the_tool() -> None:
    """A sequential before listener says no, and the refusal is journaled with its name."""
    listeners = Listeners()
    listeners.register(
        "tool.asked", lambda _event: Refuse("not today"), mode="sequential", name="careful"
    )
    with memory_engine(PACK, listeners=listeners) as engine:
        session = engine.start("s")
        session.turn("go")

        reply = session.tool("shell", {"command": "fine"}, call_id="1")

        assert reply.denied
        assert reply.reasons == ("careful: not today",)
        assert b"careful: not today" in engine.journal.read("s")[-1].body


def test_a_listener_that_writes_changes_the_call() -> None:
    """A transform listener's arguments are what rules decide on and what is answered."""
    listeners = Listeners()
    listeners.register(
        "tool.asked",
        lambda _event: Write({"arguments": {"command": "forbidden"}}),
        mode="transform",
        name="changer",
    )
    with memory_engine(PACK, listeners=listeners) as engine:
        session = engine.start("s")
        session.turn("go")

        reply = session.tool("shell", {"command": "fine"}, call_id="1")

        assert reply.rules == ("events.deny",)
        row = next(r for r in engine.journal.read("s") if r.kind == "tool.decided")
        assert b'"written":{"changer":' in row.body


RELEASE = """
format = 1
[pack]
name = "release"
version = "1.0.0"
summary = "One rule about a command."

[[rule]]
id = "release.no-force"
on = "command"
when.arguments = "--force"
action = "deny"
message = "No force."
must_match = [{ command = "release", arguments = ["--force"] }]
must_not_match = [{ command = "release" }]
"""


@pytest.mark.parametrize(
    ("written", "redirects", "action", "rewritten"),
    [
        ([], True, "rewrite", {"command": "release"}),
        (["a", "b"], True, "rewrite", {"command": "release a b"}),
        ([], False, "deny", None),
        (["--tag --force"], True, "deny", None),
        (["--force"], True, "deny", None),
        (["given"], True, "allow", None),
    ],
    ids=["fewer", "others", "host cannot", "words in one", "forbidden", "the same"],
)
def test_a_listener_that_writes_changes_the_command_that_the_host_runs(
    written: list[Json], redirects: bool, action: str, rewritten: object
) -> None:
    """What rules decided on is what the host is told to run; where it cannot, nothing runs."""
    listeners = Listeners()
    listeners.register(
        "command.asked",
        lambda _event: Write({"arguments": written}),
        mode="transform",
        name="changer",
    )
    with memory_engine(RELEASE, listeners=listeners) as engine:
        session = engine.start("s", traits=HostTraits(redirects=redirects))
        session.turn("go")

        reply = session.command("release", ["given"])

        assert (reply.action, reply.rewritten) == (action, rewritten)
        executed = [r for r in engine.journal.read("s") if r.kind == "command.executed"]
        assert len(executed) == (action != "deny")


def test_a_listener_may_set_the_model_options_of_a_creation() -> None:
    """`session.creating` is writable: what was written is answered and journaled."""
    listeners = Listeners()
    listeners.register(
        "session.creating",
        lambda _event: Write({"model_options": {"temperature": 0.1}}),
        mode="transform",
        name="cool",
    )
    with memory_engine(PACK, listeners=listeners) as engine:
        session = engine.start("s", model_options={"temperature": 1.0})

        assert session.reply is not None
        assert session.reply.rewritten == {"model_options": {"temperature": 0.1}}


def test_a_listener_that_raises_undoes_nothing() -> None:
    """An after listener's failure is a row of its own; the event stands."""
    listeners = Listeners()

    def failing(_event: Event) -> None:
        raise ValueError("broken on purpose")

    listeners.register("turn.started", failing, mode="audit", name="failing")
    with memory_engine(PACK, listeners=listeners) as engine:
        session = engine.session("s", traits=HostTraits())
        session.turn("go")
        kinds = [record.kind for record in engine.journal.read("s")]

    assert "turn.started" in kinds
    assert kinds[-1] == "listener.failed"


def test_a_listener_that_calls_the_engine_does_not_deadlock() -> None:
    """No lock is held while listeners run."""
    listeners = Listeners()
    engine = memory_engine(PACK, listeners=listeners, settings=settings_with())

    def follow(event: Event) -> None:
        if event.session_id == "s":
            engine.session("log").turn(f"seen {event.name}")

    listeners.register("turn.started", follow, mode="audit", name="follow")
    with engine:
        engine.session("s").turn("go")

        assert engine.state("log").metrics.turns == 1
