"""What holds of a session holds of all who stand below it, however far."""

from __future__ import annotations

import pytest

from governance.cli.replayed import Replay
from governance.engine import Engine, Session
from governance.engine.related import ABOVE_MAX
from governance.journal.memory import MemoryJournal
from governance.session.commands import Command
from governance.session.replies import Reply
from governance.testing import ManualClock
from governance.testing.engines import memory_engine

HOUR_MS = 3_600_000

PACK = """
format = 1
[pack]
name = "house"
version = "1.0.0"
summary = "Rules for these tests."

[[rule]]
id = "house.deny"
tools = ["shell"]
when.command = "forbidden"
action = "deny"
severity = "high"
message = "Not that."
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "house.stop"
tools = ["shell"]
when.command = "stop"
action = "halt"
halt.scope = "session"
message = "Stop here."
must_match = [{ tool = "shell", command = "stop" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[escalation]]
id = "house.freeze"
count = 2
within = "10m"
of = { severity = ["high"] }
action = "deny"
tools = ["@writes", "shell"]
lasts = "1h"
message = "Writing is off for an hour."
"""


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(name="engine")
def _engine(clock: ManualClock):
    with memory_engine(PACK, clock=clock) as engine:
        yield engine


def begun(engine: Engine, *names: str) -> list[Session]:
    """A root and its descendants, each a child of the one before, at work."""
    line = [engine.start("s")]
    line[0].turn("go")
    for name in names:
        line.append(line[-1].child(name))
        line[-1].turn("go")
    return line


def run(session: Session, command: str = "fine") -> Reply:
    return session.tool("shell", {"command": command})


def write(session: Session) -> Reply:
    return session.tool("write", {"path": "a.py", "content": ""})


def freeze(session: Session) -> None:
    for _ in range(2):
        assert run(session, "forbidden").denied


def test_what_freezes_a_session_freezes_who_stands_below_it(
    engine: Engine, clock: ManualClock
) -> None:
    """Begun before or after, and however far below; until it ends."""
    root, child, grandchild = begun(engine, "a", "b")
    freeze(root)
    later = root.child("late")
    later.turn("go")

    for one in (root, child, grandchild, later):
        reply = write(one)
        assert (reply.action, reply.rules) == ("deny", ("house.freeze",))
        assert run(one).denied
        assert one.tool("read", {"path": "a.py"}).action == "allow"

    clock.advance(HOUR_MS)
    for one in (root, child, grandchild, later):
        assert write(one).action == "allow"


def test_a_pardon_of_the_session_that_is_frozen_frees_who_stands_below_it(engine: Engine) -> None:
    """Where the step was taken, there it is lifted."""
    root, child = begun(engine, "a")
    freeze(root)
    assert write(child).denied

    pardon = {"rule": "", "count": 2, "by": "me", "reason": "reviewed"}
    engine.record("s", "violation.pardoned", pardon, actor="me")

    assert write(child).action == "allow"


def test_a_step_that_a_child_brings_to_all_above_it_is_told_once(engine: Engine) -> None:
    """Its violations count in each, and each has taken the step: siblings stop as well."""
    root, child, grandchild = begun(engine, "a", "b")
    sibling = root.child("c")
    sibling.turn("go")
    freeze(grandchild)

    for one in (root, child, grandchild, sibling):
        reply = write(one)
        assert reply.rules == ("house.freeze",)
        assert reply.message.count("Writing is off") == 1


@pytest.mark.parametrize("how", ["halt", "end"])
def test_what_stops_a_root_reaches_all_who_stand_below_it(engine: Engine, how: str) -> None:
    """Nothing that is asked is let through, three levels down and whatever stands between."""
    root, child, grandchild, last = begun(engine, "a", "b", "c")
    child.interrupt()
    if how == "halt":
        assert run(root, "stop").action == "halt"
    else:
        root.end()

    for one in (child, grandchild, last):
        assert one.tool("read", {"path": "a.py"}).denied
        assert one.turn("go on").denied
        assert one.child("more").reply.denied
        assert bool(run(one).halted) is (how == "halt")


def test_a_halt_by_another_engine_reaches_grandchildren() -> None:
    """Whatever is held here of those between."""
    journal = MemoryJournal()
    one, other = memory_engine(PACK, journal=journal), memory_engine(PACK, journal=journal)
    _, _, grandchild = begun(one, "a", "b")
    assert run(grandchild).action == "allow"

    assert run(other.session("s"), "stop").action == "halt"

    assert run(grandchild).denied
    assert grandchild.turn("go on").denied


def test_the_root_goes_on_and_so_may_those_below_it(engine: Engine) -> None:
    """Who was interrupted with it is taken up again by work; who only rests does not stop them."""
    root, child, grandchild = begun(engine, "a", "b")
    root.interrupt()
    child.interrupt()

    assert run(grandchild).action == "allow"
    root.end()
    assert run(grandchild).denied
    root.turn("again")
    assert run(grandchild).action == "allow"


def test_of_a_line_that_is_too_long_nothing_is_known_so_nothing_goes(engine: Engine) -> None:
    """Also of one that leads back to itself."""
    line = begun(engine, *("c" for _ in range(ABOVE_MAX)))
    assert run(line[-1]).action == "allow"
    assert line[-1].child("d").reply.denied

    engine.handle(Command(event="start", session="round", parent="round"))
    assert engine.handle(Command(event="turn_start", session="round", parent="round")).denied


def test_a_decision_taken_again_knows_all_who_stood_above(
    engine: Engine, clock: ManualClock
) -> None:
    """As they were then: what froze the root is why the grandchild was refused."""
    root, _, grandchild = begun(engine, "a", "b")
    assert write(grandchild).action == "allow"
    clock.advance(1)
    freeze(root)
    clock.advance(1)
    assert write(grandchild).denied
    clock.advance(HOUR_MS)

    found = [*Replay(engine.law, engine.journal).run([grandchild.id])]

    assert [(one.now.action, one.change) for one in found] == [("allow", "same"), ("deny", "same")]
