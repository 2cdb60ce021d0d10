"""Engines that write one session at once: none is denied for being late, in whatever store."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from attrs import define, field

from governance.engine import EngineOptions, Session
from governance.engine.racing import CONFLICTS_MAX, TURNS_MAX
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Appended, Conflict, Duplicate, Journal
from governance.journal.sqlite import SqliteJournal
from governance.session.commands import Command
from governance.session.replies import Reply
from governance.testing.engines import law_of, memory_engine
from governance.testing.fakes import FailingJournal
from governance.values import Json
from tests.postgres_server import Server

ENGINES = 16
TURNS = 4
LAW = law_of(
    """
    format = 1
    [pack]
    name = "racing"
    version = "1.0.0"
    summary = "One rule."

    [[rule]]
    id = "racing.deny"
    tools = ["shell"]
    when.command = "forbidden"
    action = "deny"
    severity = "low"
    message = "No."
    must_match = [{ tool = "shell", command = "forbidden" }]
    must_not_match = [{ tool = "shell", command = "fine" }]
    """
)
DENIED = "Denied: No. [racing.deny]"
Answer = Appended | Conflict | Duplicate
Open = Callable[[], Journal]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one store again and again, as if from other processes."""
    with ExitStack() as stack:

        def kept(journal: Journal) -> Journal:
            stack.callback(journal.close)
            return journal

        if request.param == "memory":
            one = kept(MemoryJournal())
            yield lambda: one
        elif request.param == "sqlite":
            path = tmp_path / "journal.db"
            yield lambda: kept(SqliteJournal.open(path, create=True, power_safe=False))
        else:
            server: Server = request.getfixturevalue("server")
            made = server.journal()
            kept(made)
            yield lambda: kept(server.again(made, connections_max=1))


FAILED: Mapping[str, Json] = {
    "listener": "x",
    "event": "turn.started",
    "why": "raised",
    "error": "broken",
    "count": 1,
    "disabled": False,
}
"""A row that anybody may add to a session at any time."""


def _in_threads(work: Callable[[int], list[Reply]], count: int) -> list[list[Reply]]:
    """What *work* gives for each place, all begun at once."""
    begin = threading.Barrier(count)

    def run(place: int) -> list[Reply]:
        begin.wait()
        return work(place)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def _forbidden(session: Session) -> Reply:
    return session.tool("shell", {"command": "forbidden"})


def test_sixteen_engines_on_one_session(opened: Open) -> None:
    """Every turn of each is on record, once, in one order of all; none is denied."""
    engines = [memory_engine(law=LAW, journal=opened()) for _ in range(ENGINES)]
    engines[0].handle(Command(event="start", session="s"))

    def work(place: int) -> list[Reply]:
        keys = [f"{place}/{number}" for number in range(TURNS)]
        commands = [Command(event="turn_start", session="s", key=key) for key in keys]
        return [engines[place].handle(command) for command in commands]

    replies = _in_threads(work, ENGINES)

    assert {(one.action, one.message) for each in replies for one in each} == {("allow", "")}
    journal = engines[0].journal
    rows = journal.read("s", limit=10_000)
    wanted = [f"{place}/{number}" for place in range(ENGINES) for number in range(TURNS)]
    assert Counter(row.key for row in rows if row.key) == Counter(wanted)
    assert [row.seq for row in rows] == list(range(1, journal.head("s").seq + 1))
    assert journal.verify().ok


def test_children_that_count_in_one_parent(opened: Open) -> None:
    """What each of them does wrong is counted in the parent, once, whoever is faster."""
    children = 8
    engines = [memory_engine(law=LAW, journal=opened()) for _ in range(children)]
    parent = engines[0].start("p")
    sessions = [engine.session(f"p/{place}") for place, engine in enumerate(engines)]
    for session in sessions:
        engines[0].handle(Command(event="start", session=session.id, parent="p"))
        session.turn("go")

    def work(place: int) -> list[Reply]:
        return [_forbidden(sessions[place]) for _ in range(TURNS)]

    replies = _in_threads(work, children)

    assert {(one.action, one.message) for each in replies for one in each} == {("deny", DENIED)}
    rows = engines[0].journal.read(parent.id, limit=10_000)
    assert sum(row.kind == "violation.counted" for row in rows) == children * TURNS
    assert engines[0].journal.verify().ok


@define(eq=False, slots=False)
class Late(SqliteJournal):
    """
    A store in which somebody else is faster before each append.

    Attributes:
        unfair: Even where it is made in a turn.

        twice: A turn is decided again after somebody was faster, as in a store that learns
            only from the first answer which sessions it has to hold.
    """

    rival: Callable[[], object] = field(default=lambda: None, init=False)
    appends: int = field(default=0, init=False)
    turns: int = field(default=0, init=False)
    unfair: bool = field(default=False, init=False)
    twice: bool = field(default=False, init=False)

    def append(
        self,
        batch: Sequence[Append],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Answer:
        self.appends += 1
        self.rival()
        return super().append(batch, key=key, deadline_ms=deadline_ms)

    def append_alone(
        self,
        session: str,
        decide: Callable[[], Sequence[Append]],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Answer:
        self.turns += 1
        if self.unfair:
            return self.append(decide(), key=key, deadline_ms=deadline_ms)
        if self.twice:
            decide()
            self.rival()
        return super().append_alone(session, decide, key=key, deadline_ms=deadline_ms)


@pytest.fixture
def late(tmp_path: Path) -> Iterator[Late]:
    """Where the sessions `s` and `s/child` are moved before each append, once they stand."""
    path = tmp_path / "journal.db"
    made = Late.open(path, create=True)
    assert isinstance(made, Late)
    plain = SqliteJournal.open(path, create=False)
    rival = memory_engine(law=LAW, journal=plain)
    rival.start("s")
    rival.handle(Command(event="start", session="s/child", parent="s"))
    rival.session("s/child").turn("go")
    made.rival = lambda: [
        rival.record(name, "listener.failed", FAILED, actor="engine") for name in ("s", "s/child")
    ]
    yield made
    made.close()
    plain.close()


def test_who_is_always_late_is_heard_in_a_turn(late: Late) -> None:
    """After eight tries; the parent of a session that moved as well costs nothing more."""
    engine = memory_engine(law=LAW, journal=late)

    assert engine.session("s").turn("hello").action == "allow"
    assert (late.appends, late.turns) == (CONFLICTS_MAX, 1)
    assert _forbidden(engine.session("s/child")).message == DENIED
    assert (late.appends, late.turns) == (2 * CONFLICTS_MAX, 2)
    counted = [row.session for row in late.read("s") if row.kind == "violation.counted"]
    assert counted == ["s"]
    assert engine.record("s", "listener.failed", FAILED, actor="p").kind
    assert (late.appends, late.turns) == (3 * CONFLICTS_MAX, 3)
    assert late.verify().ok


def test_what_was_read_before_a_turn_is_read_again(late: Late) -> None:
    """Of the session and of its parent, however often it is decided."""
    late.twice = True
    engine = memory_engine(law=LAW, journal=late)

    assert _forbidden(engine.session("s/child")).message == DENIED
    assert late.turns == 1


def test_a_store_without_turns_gives_up(late: Late) -> None:
    """So does one whose turns are none: what cannot be written is denied, with the reason."""
    late.unfair = True
    engine = memory_engine(law=LAW, journal=late)
    reply = engine.session("s").turn("hello")

    assert reply.action == "deny"
    assert "written by others all the time" in reply.message
    assert (late.appends, late.turns) == (CONFLICTS_MAX + TURNS_MAX, TURNS_MAX)
    bare = FailingJournal(late)
    assert memory_engine(law=LAW, journal=bare).session("s").turn("hello").action == "deny"
    assert bare.calls["append"] == CONFLICTS_MAX
    assert late.turns == TURNS_MAX


def test_a_turn_ends_with_the_deadline(late: Late) -> None:
    """A store that another process does not let go of denies, in time, and by name."""
    holder = SqliteJournal.open(late.path, create=False)
    options = EngineOptions(run="test", deadline_ms=200)
    engine = memory_engine(law=LAW, journal=late, options=options)
    free, held = threading.Event(), threading.Event()

    def hold() -> list[Append]:
        held.set()
        free.wait(30)
        return []

    thread = threading.Thread(target=lambda: holder.append_alone("s", hold))
    before, late.rival = late.rival, lambda: None

    def last() -> None:
        before()
        if late.appends == CONFLICTS_MAX:
            late.rival = lambda: None
            thread.start()
            held.wait(30)

    late.rival = last
    reply = engine.session("s").turn("hello")
    free.set()
    thread.join()
    holder.close()

    assert reply.action == "deny"
    assert "the journal cannot be written" in reply.message
    assert engine.session("s").turn("hello").action == "allow"
