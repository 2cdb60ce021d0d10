"""What a parent counts of its sub-sessions: each thing they did once, however often they end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from governance.engine import Engine, Session
from governance.events import Event
from governance.session.commands import Command
from governance.session.evolve import evolve
from governance.session.state import ROLLED_MAX, SessionState
from governance.testing.engines import memory_engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine in memory with the rules that are shipped with none."""
    with memory_engine() as made:
        yield made


def _work(session: Session, calls: int) -> None:
    session.turn("go")
    for number in range(calls):
        ident = f"{session.state.head}-{number}"
        session.tool("shell", {"command": "ls"}, call_id=ident)
        session.tool_finished(ident, outcome="failed")


def _counts(parent: Session) -> tuple[int, int, int]:
    made = parent.state.metrics
    return made.children, made.children_tools, made.children_failed


def _told(engine: Engine, session: str) -> list[Event]:
    return [one for one in engine.events(session) if one.name == "child.ended"]


def test_a_child_that_goes_on_and_ends_again_is_counted_once(engine: Engine) -> None:
    """Its first end tells two calls, its second the three of both stretches: three, not five."""
    parent = engine.start("s")
    parent.turn("go")
    child = parent.child("a")
    _work(child, 2)
    child.end()
    assert _counts(parent) == (1, 2, 2)

    child = parent.child("a")
    child.resume()
    _work(child, 1)
    child.end()

    assert _counts(parent) == (1, 3, 3)
    assert [row.data["stats"]["children_tools"] for row in _told(engine, "s")] == [2, 3]
    assert parent.state.children == ()


def test_an_end_that_is_told_twice_is_counted_once(engine: Engine) -> None:
    """Hosts tell of an end when the tool comes back, and again when its session is deleted."""
    parent = engine.start("s")
    parent.turn("go")
    child = parent.child("a")
    _work(child, 2)
    child.end()
    again = Command(event="child_end", session="s", data={"child_id": child.id})
    engine.handle(again)

    assert _counts(parent) == (1, 2, 2)


def test_every_ancestor_counts_a_grandchild_that_goes_on_once(engine: Engine) -> None:
    """What a child adds for its own children grows by what is new of them alone."""
    root = engine.start("s")
    root.turn("go")
    middle = root.child("m")
    middle.turn("go")
    for calls in (2, 1):
        leaf = middle.child("l")
        leaf.resume()
        _work(leaf, calls)
        leaf.end()
    middle.end()
    middle = root.child("m")
    middle.resume()
    middle.end()

    assert _counts(middle) == (1, 3, 3)
    assert _counts(root) == (1, 3, 3)


def test_what_was_counted_survives_a_restart_and_a_snapshot(engine: Engine) -> None:
    """A state that was folded anew, or kept and read, knows what it counted of each child."""
    from governance.session.snapshot import state_bytes, state_of_bytes

    parent = engine.start("s")
    parent.turn("go")
    child = parent.child("a")
    _work(child, 2)
    child.end()

    assert state_of_bytes(state_bytes(parent.state)) == parent.state


def _ended(state: SessionState, child: str, tools: int) -> SessionState:
    body = {"data": {"child_id": child, "stats": {"children_tools": tools}}}
    return evolve(state, state.head + 1, "child.ended", 0, body)


def test_a_new_session_of_an_old_name_counts_as_a_whole() -> None:
    """One that has done less than was told of its name before is another one."""
    state = _ended(_ended(SessionState("s"), "s/a", 5), "s/a", 2)

    assert state.metrics.children_tools == 7


def test_what_is_remembered_of_children_is_bounded() -> None:
    """The child that was told of longest ago is forgotten; one that is told again is not."""
    state = _ended(SessionState("s"), "s/0", 1)
    for number in range(1, ROLLED_MAX + 1):
        state = _ended(_ended(state, f"s/{number}", 1), "s/0", 1)

    assert len(state.rolled) == ROLLED_MAX
    assert state.metrics.children_tools == ROLLED_MAX + 1
    assert "s/1" not in {one[0] for one in state.rolled}
