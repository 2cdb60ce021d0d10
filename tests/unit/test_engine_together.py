"""Two engines on one store: what one holds in memory is old once the other has worked there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from governance.engine import Engine, Session
from governance.formats import body_of
from governance.journal.memory import MemoryJournal
from governance.journal.records import Journal
from governance.session.commands import Command, HostTraits
from governance.states import State
from governance.testing import ManualClock
from governance.testing.engines import memory_engine

PACK = """
format = 1
[pack]
name = "together"
version = "1.0.0"
summary = "Rules for sessions that two engines work in."

[[rule]]
id = "together.asked"
tools = ["shell"]
when.command = "publish"
action = "ask"
message = "Sure?"
must_match = [{ tool = "shell", command = "publish" }]
must_not_match = [{ tool = "shell", command = "fine" }]
"""


@pytest.fixture
def journal() -> Journal:
    return MemoryJournal()


@pytest.fixture
def engines(journal: Journal) -> Iterator[tuple[Engine, Engine]]:
    """As two processes have them."""
    clock = ManualClock()
    with (
        memory_engine(PACK, journal=journal, clock=clock) as one,
        memory_engine(PACK, journal=journal, clock=clock) as other,
    ):
        yield one, other


def begun(engine: Engine, name: str = "s") -> Session:
    session = engine.session(name, traits=HostTraits(asks=False))
    session.turn("go")
    return session


def test_a_question_of_the_other_engine_can_be_answered(engines: tuple[Engine, Engine]) -> None:
    """Who answers it need not have looked at the session before."""
    one, other = engines
    begun(one)
    asked = other.session("s", traits=HostTraits(asks=False))
    assert asked.tool("shell", {"command": "publish"}, call_id="1").denied
    (question,) = asked.questions

    one.approve("s", question.id, by="me")

    assert asked.tool("shell", {"command": "publish"}, call_id="2").action == "allow"


def test_a_branch_begins_at_the_newest_row(engines: tuple[Engine, Engine]) -> None:
    """Where nobody says at which."""
    one, other = engines
    begun(one)
    other.session("s").turn_ended()

    branch = one.branch("s")

    assert one.state(branch.id).origin == ("s", one.state("s").head)


def test_what_the_other_engine_works_in_is_interrupted_by_a_switch(
    engines: tuple[Engine, Engine],
) -> None:
    """It was not begun when this one saw it last."""
    one, other = engines
    begun(one, "left").end()
    begun(one, "entered").end()
    other.session("left").resume()
    other.session("left").turn("on")

    one.switch("left", "entered")

    assert one.state("left").state is State.INTERRUPTED


def test_a_merge_takes_what_the_other_engine_has_added(engines: tuple[Engine, Engine]) -> None:
    """To the source, which this one holds as it was."""
    one, other = engines
    begun(one)
    branch = one.branch("s")
    anchor = {"id": "a", "type": "decision", "priority": "critical", "text": "Use SQLite."}
    other.record(branch.id, "anchor.added", anchor, actor="me")

    report = one.merge("s", branch.id)

    assert report.merged.set
    assert [kept.text for kept in one.state("s").anchors] == ["Use SQLite."]


def test_a_parent_is_told_of_all_that_its_child_did(
    engines: tuple[Engine, Engine], journal: Journal
) -> None:
    """Also of what it did by the other engine."""
    one, other = engines
    child = begun(one).child("c")
    child.turn("go")
    there = other.session(child.id)
    for number in range(3):
        there.tool("read", {"path": "a.py"}, call_id=str(number))
        there.tool_finished(str(number), outcome="ok")

    one.handle(Command(event="child_end", session="s", data={"child_id": child.id}))

    (row,) = [body_of(one)["data"] for one in journal.read("s") if one.kind == "child.ended"]
    assert isinstance(row, dict)
    assert row["stats"]["children_tools"] == 3


def test_a_parent_that_ends_interrupts_what_the_other_engine_began(
    engines: tuple[Engine, Engine],
) -> None:
    """A child that had ended when this one saw it last, and works again."""
    one, other = engines
    child = begun(one).child("c")
    child.end()
    other.session("s").child("c").turn("on")

    one.session("s").end()

    assert one.state(child.id).state is State.INTERRUPTED


def test_a_conflict_that_the_other_engine_made_can_be_settled(
    engines: tuple[Engine, Engine],
) -> None:
    """Who settles it need not have looked at the session before."""
    one, other = engines
    begun(one)
    branch = one.branch("s")
    for session, text in (("s", "A"), (branch.id, "B")):
        anchor = {"id": "a", "type": "decision", "priority": "normal", "text": text}
        one.record(session, "anchor.added", anchor, actor="me")
    (conflict,) = other.merge("s", branch.id, actor="me").merged.conflicts

    assert one.resolve("s", conflict.id, "ours", actor="me").kind == "merge.resolved"


def test_a_successor_inherits_the_halt_that_the_other_engine_has_seen(
    engines: tuple[Engine, Engine],
) -> None:
    """Its predecessor was not halted when this one saw it last."""
    one, other = engines
    begun(one)
    halt = {"by": "me", "rule": "me", "scope": "session", "why": "enough"}
    other.record("s", "session.halted", halt, actor="me")

    one.start("next", predecessor="s")

    assert one.session("next").tool("read", {"path": "a"}, call_id="1").denied
