"""A call that was denied and ran all the same: told as what it is, and counted once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from attrs import evolve

from governance.calls import ToolCall
from governance.engine import Engine
from governance.engine.restoring import restore
from governance.engine.session import Session
from governance.events import check_data
from governance.formats import body_of
from governance.session.commands import Command, HostTraits
from governance.session.replies import Reply
from governance.session.snapshot import state_bytes, state_of_bytes
from governance.session.state import DENIED_CALLS_MAX
from governance.testing import ManualClock
from governance.testing.engines import memory_engine

PACK = """
format = 1
[pack]
name = "denied"
version = "1.0.0"
summary = "Denials that not every host heeds."

[[rule]]
id = "denied.never"
tools = ["shell"]
when.command = { contains = "forbidden" }
action = "deny"
severity = "high"
message = "Not that."
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "denied.stop"
tools = ["shell"]
when.command = { contains = "stop" }
action = "halt"
message = "Stop."
must_match = [{ tool = "shell", command = "stop" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "denied.ask"
tools = ["shell"]
when.command = "publish"
action = "ask"
message = "Sure?"
must_match = [{ tool = "shell", command = "publish" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "denied.seldom"
tools = ["shell"]
when.command = { contains = "fine" }
limit = { max = 1, per = "epoch", outcome = "asked" }
action = "warn"
message = "Once is enough."

[[rule]]
id = "denied.once"
tools = ["delete"]
limit = { max = 1, per = "epoch", outcome = "asked" }
action = "warn"
message = "One is enough."

[[rule]]
id = "denied.path"
tools = ["delete"]
when.path = { glob = "**/kept" }
action = "deny"
message = "Not that one."
must_match = [{ tool = "delete", path = "kept" }]
must_not_match = [{ tool = "delete", path = "other" }]
"""

TELLS = HostTraits(reports_arguments=True)


@pytest.fixture(name="engine")
def _engine() -> Iterator[Engine]:
    with memory_engine(PACK, clock=ManualClock()) as engine:
        yield engine


def begun(engine: Engine, traits: HostTraits | None = None) -> Session:
    session = engine.start("s", traits=traits)
    session.turn("go")
    return session


def rows(engine: Engine, kind: str) -> list[Mapping[str, Any]]:
    found = engine.journal.read("s", limit=1000)
    return [body_of(one)["data"] for one in found if one.kind == kind]  # type: ignore[misc]


def asked(engine: Engine, command: str, call_id: str = "1", traits: HostTraits = TELLS) -> Reply:
    return engine.handle(_command("tool_before", command, call_id, traits, {}))


def ran(engine: Engine, command: str, call_id: str = "1", traits: HostTraits = TELLS) -> Reply:
    return engine.handle(_command("tool_after", command, call_id, traits, {"outcome": "ok"}))


def _command(
    event: str, command: str, call_id: str, traits: HostTraits, data: Mapping[str, Any]
) -> Command:
    given = {"command": command}
    call = ToolCall("shell", "bash", given, given, call_id=call_id)
    return Command(event=event, session="s", call=call, traits=traits, data=data)


@pytest.mark.parametrize("outcome", ["ok", "failed"])
def test_a_denied_call_that_ran_is_told_by_the_tool_that_it_was(
    engine: Engine, outcome: str
) -> None:
    """Also where the host tells no arguments: its id is enough to know what was denied."""
    session = begun(engine)
    assert session.tool("shell", {"command": "forbidden"}, call_id="1").action == "deny"

    reply = session.tool_finished("1", outcome=outcome, output="what it gave")

    (finished,) = rows(engine, "tool.finished")
    assert (finished["tool"], finished["outcome"]) == ("shell", outcome)
    assert finished["denied"] is True
    assert "unasked" not in finished
    (found,) = rows(engine, "guard.bypassed")
    assert check_data("guard.bypassed", found) == ()
    assert (found["why"], found["action"]) == ("denied", "deny")
    assert (found["tool"], found["rules"]) == ("shell", ["denied.never"])
    assert reply.denied, "what it gave is withheld where the host can"
    assert "it had been denied" in reply.message
    assert reply.alarm.startswith("governance: shell: ")
    assert session.state.ledger.count_by("rule") == {"denied.never": 1}


def test_what_a_host_does_not_tell_is_not_judged(engine: Engine) -> None:
    """Without its arguments the call is what was denied, and no second one of its tool."""
    session = begun(engine)
    assert session.tool("delete", {"path": "kept"}, call_id="1").rules == ("denied.path",)

    session.tool_finished("1", outcome="ok")

    (found,) = rows(engine, "guard.bypassed")
    assert found["rules"] == ["denied.path"]
    assert session.state.ledger.count_by("rule") == {"denied.path": 1}


def test_what_is_judged_anew_counts_what_the_denial_has_not_counted(engine: Engine) -> None:
    """The host tells the arguments: each rule counts the call once, also one it is changed into."""
    begun(engine, TELLS)

    asked(engine, "forbidden")
    assert ran(engine, "forbidden").rules == ("denied.never",)
    assert engine.state("s").ledger.count_by("rule") == {"denied.never": 1}

    asked(engine, "forbidden", "2")
    ran(engine, "forbidden stop", "2")
    assert engine.state("s").ledger.count_by("rule") == {"denied.never": 2, "denied.stop": 1}
    assert [one["why"] for one in rows(engine, "guard.bypassed")] == ["denied", "denied"]


def test_what_a_halt_denied_halts_once(engine: Engine) -> None:
    """The halt was made and counted when the call was asked about."""
    begun(engine, TELLS)

    asked(engine, "stop")
    ran(engine, "stop")

    assert len(rows(engine, "session.halted")) == 1
    assert engine.state("s").ledger.count_by("rule") == {"denied.stop": 1}
    (found,) = rows(engine, "guard.bypassed")
    assert (found["action"], found["why"]) == ("halt", "denied")


def test_a_question_that_a_host_cannot_put_counts_when_its_call_runs(engine: Engine) -> None:
    """The denial was none of a rule; that it ran is against the rule that asks."""
    silent = evolve(TELLS, asks=False)
    begun(engine, silent)

    assert asked(engine, "publish", traits=silent).action == "deny"
    assert engine.state("s").ledger.total == 0
    ran(engine, "publish", traits=silent)

    assert engine.state("s").ledger.count_by("rule") == {"denied.ask": 1}


def test_what_a_halted_session_was_denied_is_told_without_any_rule(engine: Engine) -> None:
    """A guard denied it, so no rule has counted it, and none does."""
    session = begun(engine)
    engine.record("s", "session.halted", {"by": "me", "why": "Wait."}, actor="me")
    session.tool("shell", {"command": "fine"}, call_id="1")

    session.tool_finished("1", outcome="ok")

    (found,) = rows(engine, "guard.bypassed")
    assert (found["why"], found["rules"]) == ("denied", [])
    assert session.state.ledger.total == 0


def test_a_denied_call_that_did_not_run_is_no_news(engine: Engine) -> None:
    """A host that tells of its own refusal has heeded ours."""
    session = begun(engine)
    session.tool("shell", {"command": "forbidden"}, call_id="1")

    session.tool_finished("1", outcome="refused")

    assert rows(engine, "guard.bypassed") == rows(engine, "tool.finished") == []


def test_a_call_that_is_asked_about_again_and_let_through_is_denied_no_more(
    engine: Engine,
) -> None:
    """The last word holds, whichever it was; and a second report is of a call without a trace."""
    session = begun(engine)
    session.tool("shell", {"command": "forbidden"}, call_id="1")
    session.tool("shell", {"command": "fine"}, call_id="1")
    session.tool_finished("1", outcome="ok")
    assert rows(engine, "guard.bypassed") == []

    session.tool("shell", {"command": "forbidden"}, call_id="2")
    session.tool_finished("2", outcome="ok")
    session.tool_finished("2", outcome="ok", tool="shell")

    assert [one.get("denied") for one in rows(engine, "tool.finished")] == [None, True, None]
    assert len(rows(engine, "guard.bypassed")) == 1


def test_a_pause_tells_no_bypass(engine: Engine) -> None:
    """While a person has paused governance nothing is against it."""
    begun(engine, TELLS)
    asked(engine, "forbidden")
    engine.options = evolve(engine.options, paused=lambda _now: "lunch")

    ran(engine, "forbidden")

    assert rows(engine, "guard.bypassed") == []
    assert rows(engine, "tool.finished")[0]["denied"] is True


def test_rules_that_look_back_see_one_question(engine: Engine) -> None:
    """The denial was asked about once, whatever became of the call."""
    begun(engine, TELLS)

    asked(engine, "forbidden fine")
    ran(engine, "forbidden fine")
    first = asked(engine, "fine", "2")

    assert first.rules == ("denied.seldom",)
    with memory_engine(PACK.replace("max = 1", "max = 2"), clock=ManualClock()) as other:
        begun(other, TELLS)
        asked(other, "forbidden fine")
        ran(other, "forbidden fine")
        assert asked(other, "fine", "2").rules == ()


def test_denied_calls_are_kept_in_snapshots_bounded_and_until_a_reset(engine: Engine) -> None:
    """The oldest is forgotten first; what comes of a snapshot is what was there."""
    session = begun(engine)
    for number in range(DENIED_CALLS_MAX + 1):
        session.tool("shell", {"command": "forbidden"}, call_id=f"c{number}")

    state = session.state
    assert state.denied_call("c0") is None
    last = state.denied_call(f"c{DENIED_CALLS_MAX}")
    assert last is not None
    assert (last.tool, last.rules) == ("shell", ("denied.never",))
    assert state.denied_call("") is None
    assert state_of_bytes(state_bytes(state)) == state == restore(engine.journal, "s")
    session.reset()
    assert session.state.denied_call("c1") is None


def test_a_branch_begins_without_the_denied_calls_of_its_parent(engine: Engine) -> None:
    """Nothing of what was asked for there can run here."""
    session = begun(engine)
    session.tool("shell", {"command": "forbidden"}, call_id="1")

    engine.branch("s", name="aside", actor="me")

    assert engine.state("aside").denied_call("1") is None
