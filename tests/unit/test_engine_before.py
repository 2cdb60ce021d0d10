"""Before events: listeners see what an event leads to by the machine's table, before it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from governance.calls import ToolCall
from governance.engine import Engine
from governance.engine.before import before_names
from governance.errors import JournalError
from governance.events import CATALOGUE, Event, check_data
from governance.journal.memory import MemoryJournal
from governance.listeners import Listeners, Refuse, Write
from governance.machine import load_machine
from governance.session.commands import Command
from governance.states import State
from governance.testing import FailingJournal, ManualClock, RecordingListener
from governance.testing.engines import memory_engine

DAY_MS = 86_400_000


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(name="listeners")
def _listeners() -> Listeners:
    return Listeners()


@pytest.fixture(name="seen")
def _seen(listeners: Listeners) -> RecordingListener:
    seen = RecordingListener()
    listeners.register("*", seen, mode="audit", name="seen")
    return seen


@pytest.fixture(name="engine")
def _engine(clock: ManualClock, listeners: Listeners, seen: RecordingListener) -> Iterator[Engine]:
    with memory_engine(clock=clock, listeners=listeners) as engine:
        yield engine


def before(seen: RecordingListener) -> list[Event]:
    """The before events since the last look, each as the catalogue says."""
    found = [one for one in seen.events if CATALOGUE[one.name].when == "before"]
    seen.events.clear()
    for one in found:
        assert check_data(one.name, one.data) == ()
    return found


def names(seen: RecordingListener) -> list[str]:
    return [one.name for one in before(seen)]


def test_what_is_asked_of_a_stranger_shows_its_adoption_first(
    engine: Engine, seen: RecordingListener
) -> None:
    """The session already runs: a listener sees that it comes, marked, and in its place."""
    engine.session("s").tool("read", {"path": "a"}, call_id="1")

    creating, asked = before(seen)
    assert (creating.name, creating.data["adopted"]) == ("session.creating", True)
    assert (creating.state_before, creating.data["backend_name"]) == ("absent", "python")
    assert (asked.name, asked.state_before) == ("tool.asked", "beginning")

    engine.session("s").tool("read", {"path": "a"}, call_id="2")
    assert names(seen) == ["tool.asked"]


def test_a_start_is_shown_once_and_is_no_adoption(engine: Engine, seen: RecordingListener) -> None:
    """Only what brings a session along is marked."""
    engine.start("s")
    (creating,) = before(seen)
    assert "adopted" not in creating.data

    engine.start("s")
    assert names(seen) == []


def test_a_reset_ends_what_it_throws_away(engine: Engine, seen: RecordingListener) -> None:
    """Both come before anything is gone, and of the epoch that goes."""
    session = engine.start("s")
    session.turn("go")
    before(seen)

    session.reset()

    resetting, ending = before(seen)
    assert (resetting.name, ending.name) == ("session.resetting", "session.ending")
    assert (ending.epoch, ending.data["interaction_count"]) == (1, 1)


@pytest.mark.parametrize(
    ("work", "more"),
    [
        (lambda s: s.turn("again"), []),
        (lambda s: s.resume(), []),
        (lambda s: s.tool("read", {"path": "a"}), ["tool.asked"]),
        (lambda s: s.child("c"), ["session.creating"]),
    ],
)
def test_a_gap_that_begins_a_new_epoch_ends_the_old_one(
    engine: Engine, seen: RecordingListener, clock: ManualClock, work: Callable[[Any], Any],
    more: list[str],
) -> None:  # fmt: skip
    """Whatever brings it to light: the listener is told before, as of an explicit reset."""
    session = engine.start("s")
    session.turn("go")
    session.turn_ended()
    before(seen)
    clock.advance(9 * DAY_MS)

    work(session)

    ending, *others = before(seen)
    assert (ending.name, ending.epoch, ending.state_before) == ("session.ending", 1, "interrupted")
    assert [one.name for one in others] == more
    assert session.state.registers.epoch == 2


def test_a_gap_that_is_shorter_ends_nothing(
    engine: Engine, seen: RecordingListener, clock: ManualClock
) -> None:
    """Only what the table says is told."""
    session = engine.start("s")
    session.turn("go")
    before(seen)
    clock.advance(2 * 3_600_000)

    session.turn("again")

    assert names(seen) == []


def test_what_comes_to_nothing_ends_nothing(engine: Engine, seen: RecordingListener) -> None:
    """A second end, and the end of what never began."""
    engine.session("nobody").end()
    assert names(seen) == []
    session = engine.start("s")
    before(seen)
    engine.session("s").end()
    assert names(seen) == ["session.ending"]
    engine.session("s").end()
    assert names(seen) == []
    session.reset()
    assert names(seen) == []


def test_what_is_asked_is_shown_whatever_the_machine_would_say_now(
    engine: Engine, seen: RecordingListener
) -> None:
    """By the time it is decided the session may have moved on, and nobody would have looked."""
    session = engine.start("s")
    engine.record("s", "session.halted", {"by": "me", "why": "Wait."}, actor="me")
    before(seen)

    assert session.tool("read", {"path": "a"}, call_id="1").denied
    session.command("help")

    assert names(seen) == ["tool.asked", "command.asked"]


def test_a_listener_that_refuses_a_creation_refuses_what_would_bring_it(
    clock: ManualClock, listeners: Listeners
) -> None:
    """Asked work of a stranger is refused as its start would be, each time, and creates nothing."""
    listeners.register(
        "session.creating", lambda _event: Refuse("not here"), mode="sequential", name="door"
    )
    with memory_engine(clock=clock, listeners=listeners) as engine:
        session = engine.session("s")
        for reply in (session.turn("go"), session.tool("read", {"path": "a"}), session.turn("go")):
            assert reply.denied
            assert reply.reasons == ("door: not here",)
        assert session.state.state is State.ABSENT

        session.turn_ended()

        assert session.state.state is State.BEGINNING, "what has happened is never refused"


def test_a_listener_that_refuses_an_ending_is_told_and_no_more(
    clock: ManualClock, listeners: Listeners
) -> None:
    """A gap has happened, like a reset: nobody can forbid it."""
    listeners.register(
        "session.ending", lambda _event: Refuse("stay"), mode="sequential", name="clingy"
    )
    with memory_engine(clock=clock, listeners=listeners) as engine:
        session = engine.start("s")
        session.turn("go")
        clock.advance(9 * DAY_MS)

        assert not session.turn("again").denied
        assert session.state.registers.epoch == 2


def test_what_several_listeners_write_and_fail_of_one_command_is_all_kept(
    clock: ManualClock, listeners: Listeners
) -> None:
    """One command shows two events: what came of the first is not lost with the second."""
    listeners.register(
        "tool.asked",
        lambda _event: Write({"arguments": {"path": "b"}}),
        mode="transform",
        name="changer",
    )

    def writes(_event: Event) -> Write:
        return Write({"model_id": "other"})

    listeners.register("session.creating", writes, mode="transform", name="late", on_error="ignore")
    with memory_engine(clock=clock, listeners=listeners) as engine:
        call = ToolCall(
            "read", "Read", {"path": "a"}, {"path": "a"}, call_id="1", fields={"path": "path"}
        )
        engine.handle(Command(event="tool_before", session="s", call=call))
        kinds = [one.kind for one in engine.journal.read("s")]
        bodies = b"".join(one.body for one in engine.journal.read("s"))

    assert "listener.failed" in kinds, "an adoption is to be looked at only"
    assert b'"written":{"changer":{"arguments":{"path":"b"}}}' in bodies


def test_where_nobody_can_look_nothing_asked_goes_on(
    clock: ManualClock, listeners: Listeners, seen: RecordingListener
) -> None:
    """A session that cannot be read is shown to no listener, and so nothing is let through."""
    journal = FailingJournal(MemoryJournal())
    with memory_engine(clock=clock, listeners=listeners, journal=journal) as engine:
        journal.fail("read", JournalError("the disk is gone"))

        reply = engine.session("s").tool("read", {"path": "a"}, call_id="1")

    assert reply.denied
    assert "the disk is gone" in reply.message


def test_every_before_event_of_the_table_can_be_shown() -> None:
    """What the table declares and what the engine shows are the same names."""
    definition = load_machine().definition
    shown = {name for event in definition.events for name in before_names(definition, event)}

    assert shown == {name for name, spec in CATALOGUE.items() if spec.when == "before"}
    assert before_names(definition, "end") == frozenset({"session.ending"})
