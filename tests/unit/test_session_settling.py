"""What settling the calls that nobody answered leads to, before their event is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from governance.calls import ToolCall
from governance.engine import Engine
from governance.engine.session import Session
from governance.formats import body_of
from governance.session.commands import Command
from governance.session.replies import Reply
from governance.states import State
from governance.testing import ManualClock
from governance.testing.engines import memory_engine

PACK = """
format = 1
[pack]
name = "settling"
version = "1.0.0"
summary = "A refused question that halts, and a word that is refused."

[[rule]]
id = "settling.ask"
tools = ["shell"]
when.command = "publish"
action = "ask"
severity = "high"
message = "Publishing cannot be undone."
must_match = [{ tool = "shell", command = "publish" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "settling.prompt"
on = "prompt"
when.prompt = "bad"
action = "deny"
message = "Not that word."
must_match = [{ prompt = "bad" }]
must_not_match = [{ prompt = "good" }]

[[escalation]]
id = "settling.halt"
count = 1
within = "10m"
of = { severity = ["high"] }
action = "halt"
lasts = "pardon"
message = "Stopped."
"""


@pytest.fixture(name="engine")
def _engine() -> Iterator[Engine]:
    with memory_engine(PACK, clock=ManualClock()) as engine:
        yield engine


def asked(engine: Engine) -> Session:
    """A session in a turn in which a person was asked, and has not answered."""
    session = engine.start("s")
    session.turn("go")
    assert session.tool("shell", {"command": "publish"}, call_id="1").action == "ask"
    return session


def rows(engine: Engine, after: int = 0) -> list[tuple[str, dict[str, Any]]]:
    found = engine.journal.read("s", limit=1000)
    return [(one.kind, dict(body_of(one))) for one in found if one.seq > after]


SETTLED = [
    "tool.finished",
    "approval.settled",
    "violation.counted",
    "session.escalated",
    "session.halted",
    "turn.ended",
    "session.interrupted",
]


def test_a_turn_that_begins_with_a_halt_is_refused(engine: Engine) -> None:
    """Asked work is refused while a halt is in force, also one that it brings to light."""
    session = asked(engine)
    head = session.state.head

    reply = session.turn("go on")

    assert (reply.denied, reply.state) == (True, State.INTERRUPTED)
    assert "halted" in reply.message
    assert reply.text == ""
    assert [kind for kind, _ in rows(engine, head)] == [*SETTLED, "event.refused"]
    assert session.state.registers.turn == 1


@pytest.mark.parametrize(
    ("told", "last", "state"),
    [
        (Session.turn_ended, "event.duplicate", State.INTERRUPTED),
        (Session.end, "session.ended", State.ENDED),
        (Session.reset, "session.reset", State.BEGINNING),
    ],
)
def test_what_is_told_of_a_turn_that_a_halt_ended_ends_it_once(
    engine: Engine, told: Callable[[Session], Reply], last: str, state: State
) -> None:
    """The halt has ended the turn; what follows begins where the halt has left the session."""
    session = asked(engine)
    head = session.state.head

    reply = told(session)

    assert (reply.state, reply.halted) == (state, "Stopped.")
    made = rows(engine, head)
    assert [kind for kind, _ in made] == [*SETTLED, last]
    assert made[-1][1]["before"] == "interrupted"
    assert session.turn("go on").denied
    assert session.state.registers.turn == (0 if state is State.BEGINNING else 1)


def test_calls_are_settled_before_what_is_said_next_is_judged(engine: Engine) -> None:
    """Whoever speaks has answered, whatever becomes of what they say."""
    session = asked(engine)

    reply = session.turn("bad")

    assert reply.denied
    assert session.state.open_calls == ()
    assert reply.halted == "Stopped."


def test_what_a_guard_refuses_settles_nothing(engine: Engine) -> None:
    """A refusal changes nothing but its own row: the call may still be answered."""
    session = asked(engine)
    other = engine.session("s")
    halt = {"by": "me", "rule": "me", "scope": "session", "why": "Wait."}
    engine.record("s", "session.halted", halt, actor="me")
    head = session.state.head

    assert other.turn("go on").denied

    assert [kind for kind, _ in rows(engine, head)] == ["event.refused"]
    assert [one.call_id for one in session.state.open_calls] == ["1"]


@pytest.mark.parametrize(("data", "told"), [({"settle": True}, []), ({}, ["event.duplicate"])])
def test_what_a_batch_says_again_is_no_news(
    engine: Engine, data: dict[str, Any], told: list[str]
) -> None:
    """A host that settles each call of a turn names those whose outcome is known as well."""
    session = engine.start("s")
    session.turn("go")
    session.tool("shell", {"command": "fine"}, call_id="1")
    session.tool_finished("1", outcome="ok")
    before = session.state.head

    call = ToolCall("shell", "bash", call_id="1")
    given = {"outcome": "refused", **data}
    engine.handle(Command(event="tool_after", session="s", call=call, data=given))

    assert [kind for kind, _ in rows(engine, before)] == told
