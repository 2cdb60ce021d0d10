"""Rules on sessions hold for every session that something asked would begin, however it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import evolve

from governance.calls import ToolCall
from governance.engine import Engine
from governance.session.commands import Command
from governance.session.replies import Reply
from governance.states import ASKED_EVENTS, State
from governance.testing import ManualClock
from governance.testing.engines import memory_engine

PACK = """
format = 1
[pack]
name = "births"
version = "1.0.0"
summary = "Which sessions there may be."
[[role]]
name = "chief"
tools = ["shell"]
[[role]]
name = "hand"
tools = ["shell"]
[[rule]]
id = "births.rule"
on = "session"
{when}
action = "deny"
message = "No such session."
must_match = [{{ {yes} }}]
must_not_match = [{{ {no} }}]
"""
CALL = ToolCall("shell", "bash", {"command": "ls"}, {"command": "ls"}, call_id="1")
MORE: dict[str, dict[str, Any]] = {
    "tool_before": {"call": CALL},
    "child_start": {"data": {"child_id": "s/c"}},
    "command": {"data": {"name": "deploy", "arguments": []}},
}


@contextmanager
def governed(when: str, yes: str, no: str) -> Iterator[Engine]:
    with memory_engine(PACK.format(when=when, yes=yes, no=no), clock=ManualClock()) as engine:
        yield engine


def told(engine: Engine, event: str, **more: Any) -> Reply:
    return engine.handle(Command(event=event, session="s", **{**MORE.get(event, {}), **more}))


@pytest.mark.parametrize("event", ASKED_EVENTS)
def test_no_session_comes_by_what_is_asked(event: str) -> None:
    """Refused however it would begin, as often as it is tried; what has happened is told."""
    with governed("when.depth = 0", "depth = 0", "depth = 1") as engine:
        for _ in range(2):
            reply = told(engine, event)
            assert reply.denied
            assert "No such session." in reply.message
            assert reply.rules == ("births.rule",)
            assert engine.state("s").state is State.ABSENT
        kinds = {one.kind for one in engine.journal.read("s")}
        assert kinds == {"tool.decided" if event == "tool_before" else "event.refused"}

        assert not told(engine, "compact").denied
        assert engine.state("s").state is not State.ABSENT


def test_a_session_that_may_be_is_adopted() -> None:
    """And what is there already is not begun again."""
    with governed("when.depth = 1", "depth = 1", "depth = 0") as engine:
        assert not told(engine, "turn_start").denied
        assert not told(engine, "tool_before").denied


@pytest.mark.parametrize("way", ["child", "turn"])
def test_a_child_is_known_by_its_depth(way: str) -> None:
    """It is not there yet, and its parent says how deep it would be."""
    with governed("when.depth = { gte = 2 }", "depth = 2", "depth = 1") as engine:
        first = engine.start("s").child("one")
        assert not first.reply.denied
        second = first.child("two")
        if way == "turn":
            # Whoever does not look at the reply gets no further.
            assert second.turn("go").denied
            assert second.tool("shell", {"command": "ls"}, call_id="1").denied
        assert second.reply.denied
        assert engine.state(second.id).state is State.ABSENT


@pytest.mark.parametrize(
    ("given", "role", "denied"),
    [(None, "chief", True), ("hand", "hand", False), ("chief", "chief", True)],
)
def test_a_child_is_known_by_the_role_that_it_will_have(
    given: str | None, role: str, denied: bool
) -> None:
    """Its own, else its parent's."""
    when = 'when = { role = "chief", depth = 1 }'
    with governed(when, 'role = "chief", depth = 1', 'role = "chief", depth = 0') as engine:
        child = engine.start("s", role="chief").child("one", role=given)
        assert child.reply.denied is denied
        assert engine.state(child.id).identity.role == ("" if denied else role)


@pytest.mark.parametrize("event", ASKED_EVENTS)
@pytest.mark.parametrize("pack", ["births", "moves"])
def test_no_rule_decides_while_a_person_has_paused_all(pack: str, event: str) -> None:
    """Neither one on sessions nor one on transitions."""
    on = 'on = "session"' if pack == "births" else 'on = "transition"'
    text = PACK.format(when="when.depth = 0", yes="depth = 0", no="depth = 1")
    text = text.replace('on = "session"', on)
    with memory_engine(text, clock=ManualClock()) as engine:
        assert told(engine, event).denied
        engine.options = evolve(engine.options, paused=lambda _now: "lunch")
        assert not told(engine, event).denied
        assert engine.state("s").state is not State.ABSENT


@pytest.mark.parametrize("event", ["start", "turn_start", "tool_before"])
@pytest.mark.parametrize("on", ["session", "transition"])
def test_a_shadow_is_noted_behind_what_begins_the_session(on: str, event: str) -> None:
    """Its first row is the one that creates it, whichever event brings it along."""
    text = PACK.format(when="when.depth = 0", yes="depth = 0", no="depth = 1")
    text = text.replace('on = "session"', f'on = "{on}"\nmode = "shadow"')
    with memory_engine(text, clock=ManualClock()) as engine:
        assert not told(engine, event).denied
        kinds = [one.kind for one in engine.journal.read("s")]
        assert kinds[0] == "session.created"
        assert kinds.count("rules.shadowed") == 1


@pytest.mark.parametrize("event", ["start", "turn_start", "child_start"])
def test_a_warning_is_told_wherever_the_session_begins(event: str) -> None:
    """Once, and it is nobody's violation."""
    text = PACK.format(when="when.depth = 0", yes="depth = 0", no="depth = 1")
    with memory_engine(text.replace('"deny"', '"warn"'), clock=ManualClock()) as engine:
        reply = told(engine, event)
        assert (reply.denied, reply.rules) == (False, ("births.rule",))
        assert "No such session." in reply.message
        assert reply.head == engine.state("s").head
        assert engine.state("s").ledger.total == 0
        assert told(engine, "turn_start").rules == ()
