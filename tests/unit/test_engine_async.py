"""The engine for event loops: what is decided in the loop, what in a thread, and what is kept."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path

import pytest
from attrs import define, field

from governance.aengine import AsyncEngine, AsyncSession
from governance.engine import Engine, EngineOptions
from governance.engine.retention import RetentionPolicy
from governance.errors import MisuseError, OutcomeUnknown, StoreBusy, StoreFull
from governance.events import Event
from governance.journal.records import Append, Appended, Conflict, Duplicate, Row
from governance.journal.sqlite import SqliteJournal
from governance.listeners import Refuse
from governance.session.commands import Command
from governance.session.replies import Reply
from governance.session.state import FOLD_VERSION
from governance.states import State
from governance.testing.engines import memory_engine
from governance.values import Json

Answer = Appended | Conflict | Duplicate
Settle = Callable[[Callable[[], Answer]], None]


@define(eq=False, slots=False)
class Watched(SqliteJournal):
    """A store that notes the threads of appends, and can be told how the next one ends."""

    blocking: list[int] = field(factory=list, init=False)
    later: list[int] = field(factory=list, init=False)
    refuse: Exception | None = field(default=None, init=False)
    lose: bool = field(default=False, init=False)

    def append(
        self,
        batch: Sequence[Append],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Answer:
        self.blocking.append(threading.get_ident())
        return super().append(batch, key=key, deadline_ms=deadline_ms)

    def append_later(
        self,
        batch: Sequence[Append],
        done: Settle,
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
        told: Callable[[], None] | None = None,
    ) -> None:
        self.later.append(threading.get_ident())
        if self.refuse is not None:
            error, self.refuse = self.refuse, None
            raise error
        if self.lose:
            self.lose = False
            answered = done

            def done(answer: Callable[[], Answer]) -> None:
                assert isinstance(answer(), Appended)
                answered(_unknown)

        super().append_later(batch, done, key=key, deadline_ms=deadline_ms, told=told)


def _unknown() -> Answer:
    raise OutcomeUnknown("the answer was lost")


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Watched:
    made = Watched.open(tmp_path / "journal.db", create=True)
    assert isinstance(made, Watched)
    return made


@pytest.fixture(name="engine")
def _engine(store: Watched) -> Iterator[Engine]:
    with memory_engine(journal=store) as engine:
        yield engine


async def _briefed(aengine: AsyncEngine, name: str = "s") -> AsyncSession:
    session = await aengine.start(name)
    await session.turn("go")
    return session


def _run(work: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


def _tools(engine: Engine, session: str) -> list[str]:
    rows = engine.journal.read(session)
    return [row.body.decode() for row in rows if row.kind == "tool.decided"]


def test_a_call_of_a_session_in_memory_is_decided_in_the_loop(
    engine: Engine, store: Watched
) -> None:
    """Only its commit is awaited: no worker thread runs, and the row is durable when it is done."""

    async def work() -> None:
        session = await _briefed(AsyncEngine(engine))
        store.blocking.clear()
        store.later.clear()
        reply = await session.tool("shell", {"command": "ls"}, call_id="1")

        assert (reply.action, store.blocking) == ("allow", [])
        assert store.later == [threading.get_ident()]
        assert reply.head == engine.state("s").head == store.head("s").seq
        reply = await session.tool_finished("1", outcome="ok")

        assert (reply.action, store.blocking) == ("allow", [])
        assert store.later == [threading.get_ident()] * 2

    _run(work())


def test_what_is_about_a_child_is_decided_in_a_thread(engine: Engine, store: Watched) -> None:
    """The store is asked for the child, and that waits."""

    async def work() -> None:
        aengine = AsyncEngine(engine)
        child = await (await _briefed(aengine)).child("c")
        store.later.clear()
        await aengine.handle(Command(event="child_end", session="s", data={"child_id": child.id}))

        assert store.later == []

    _run(work())


def test_tasks_that_decide_in_one_round_share_commits(engine: Engine, store: Watched) -> None:
    """Many tasks, many sessions: every answer is its own, and every chain is whole."""

    async def work() -> None:
        aengine = AsyncEngine(engine)
        sessions = [await _briefed(aengine, f"s{n}") for n in range(20)]
        for number in range(5):
            asked = [
                s.tool("shell", {"command": f"ls {s.id}"}, call_id=str(number)) for s in sessions
            ]
            replies = await asyncio.gather(*asked)
            assert [one.head for one in replies] == [engine.state(s.id).head for s in sessions]

    _run(work())
    assert [len(_tools(engine, f"s{n}")) for n in range(20)] == [5] * 20
    assert store.verify().ok


def test_tasks_on_one_session_are_decided_one_after_the_other(engine: Engine) -> None:
    """Whoever finds the session locked waits in a thread; no call is lost or counted twice."""

    async def work() -> None:
        session = await _briefed(AsyncEngine(engine))
        asked = [session.tool("shell", {"command": "ls"}, call_id=str(n)) for n in range(12)]
        assert {one.action for one in await asyncio.gather(*asked)} == {"allow"}

    _run(work())
    assert engine.state("s").metrics.tools_asked == len(_tools(engine, "s")) == 12


def test_a_session_that_is_not_in_memory_is_read_in_a_thread(
    engine: Engine, store: Watched
) -> None:
    """The loop never reads a journal to find out where a session stands."""

    async def work() -> None:
        session = await _briefed(AsyncEngine(engine))
        engine.live.drop("s")
        store.blocking.clear()
        await session.tool("shell", {"command": "ls"})
        assert len(store.blocking) == 1
        assert store.blocking != [threading.get_ident()]

    _run(work())


def test_a_listener_is_never_called_in_the_loop(engine: Engine) -> None:
    """What listens may hang: then the call is decided in a thread, and may be refused."""

    def careful(_event: Event) -> Refuse:
        return Refuse("not today")

    async def work() -> None:
        session = await _briefed(AsyncEngine(engine))
        engine.listeners.register("tool.asked", careful, mode="sequential", name="careful")
        reply = await session.tool("shell", {"command": "ls"})
        assert (reply.action, "not today" in reply.message) == ("deny", True)

    _run(work())


def test_another_writer_is_found_and_the_call_is_decided_again(
    engine: Engine, store: Watched
) -> None:
    """A conflict decides on what the journal holds now, and answers once."""

    async def work() -> None:
        session = await _briefed(AsyncEngine(engine))
        head = engine.state("s").head
        row = Row("event.late", 1, b'{"data":{"event":"x","why":"y"}}', durable=False)
        store.append([Append("s", head, (row,))])
        reply = await session.tool("shell", {"command": "ls"}, call_id="1")
        assert (reply.action, reply.head) == ("allow", head + 2)

    _run(work())
    assert len(_tools(engine, "s")) == 1


def test_a_lost_answer_is_settled_by_the_journal(engine: Engine, store: Watched) -> None:
    """A commit whose result is not known is looked up, and its rows are not written again."""

    async def work() -> None:
        session = await _briefed(AsyncEngine(engine))
        store.lose = True
        reply = await session.tool("shell", {"command": "ls"}, call_id="1")
        assert reply.action == "allow"
        assert (await session.tool("shell", {"command": "ls"}, call_id="2")).action == "allow"

    _run(work())
    assert len(_tools(engine, "s")) == 2


@pytest.mark.parametrize("error", [StoreFull("no room"), StoreBusy("held")])
def test_what_cannot_be_journaled_is_denied_and_the_session_goes_on(
    engine: Engine, store: Watched, error: Exception
) -> None:
    """Fail closed, as `Engine.handle` does: a deny with the reason, and no lock is kept."""

    async def work() -> None:
        session = await _briefed(AsyncEngine(engine))
        store.refuse = error
        reply = await session.tool("shell", {"command": "ls"})
        assert (reply.action, str(error) in reply.message) == ("deny", True)
        assert (await session.tool("shell", {"command": "ls"})).action == "allow"

    _run(work())


def test_a_cancelled_task_leaves_its_session_usable(engine: Engine) -> None:
    """Its step runs to its end: the row is there, and the next call finds no lock."""

    async def work() -> None:
        session = await _briefed(AsyncEngine(engine))
        task: asyncio.Task[Reply] = asyncio.ensure_future(
            session.tool("shell", {"command": "ls"}, call_id="1")
        )
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await session.tool("shell", {"command": "ls"}, call_id="2")).action == "allow"

    _run(work())
    assert len(_tools(engine, "s")) == 2


def test_a_loop_that_ends_first_leaves_the_session_to_the_next(
    engine: Engine, store: Watched
) -> None:
    """A commit that ends after its loop was closed is ended all the same; another loop goes on."""
    aengine = AsyncEngine(engine)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        assert free.wait(30)

    holder = threading.Thread(target=lambda: store._group.alone(hold, 60_000))

    async def first() -> None:
        session = await _briefed(aengine)
        holder.start()
        assert held.wait(30)
        task = asyncio.ensure_future(session.tool("shell", {"command": "ls"}, call_id="1"))
        await asyncio.sleep(0.01)
        assert len(store._group._waiting) == 1
        task.cancel()

    async def second() -> None:
        reply = await AsyncSession(aengine, engine.session("s")).tool("shell", {"command": "ls"})
        assert reply.action == "allow"

    _run(first())
    free.set()
    _run(second())
    holder.join()
    assert len(_tools(engine, "s")) == 2


def test_a_snapshot_is_kept_where_waiting_is_fine(store: Watched) -> None:
    """The rows that a snapshot is due at are decided in a thread, and it is there afterwards."""

    async def work() -> None:
        session = await _briefed(AsyncEngine(engine))
        for number in range(12):
            await session.tool("shell", {"command": "ls"}, call_id=str(number))

    with memory_engine(journal=store, options=EngineOptions(run="t", snapshot_rows=5)) as engine:
        _run(work())
        kept = store.snapshot_get("s", version=FOLD_VERSION)
        assert kept is not None
        assert kept.seq >= 10


def test_a_closed_engine_says_so(engine: Engine) -> None:
    """A call after `close` is misuse, not a hang."""

    async def work() -> None:
        aengine = AsyncEngine(engine)
        session = await _briefed(aengine)
        await aengine.close()
        with pytest.raises(MisuseError, match="closed"):
            await session.tool("shell", {"command": "ls"})

    _run(work())


def test_whole_sessions_are_worked_with_as_in_the_engine(tmp_path: Path) -> None:
    """Branch, switch, merge, settle, page, put away, take back and prune, each awaited."""

    async def work() -> None:
        async with AsyncEngine(memory_engine()) as engine:
            session = await engine.start("s")
            await session.turn("go")
            branch = await engine.branch("s", name="b", actor="me")
            for name, text in (("s", "ours"), ("b", "theirs")):
                data: dict[str, Json] = {"id": "a", "type": "decision", "priority": "normal"}
                engine.engine.record(name, "anchor.added", data | {"text": text}, actor="me")
            (conflict,) = (await engine.merge("s", "b")).merged.conflicts
            await engine.resolve("s", conflict.id, "theirs", actor="me")
            assert (await engine.state("s")).anchors[0].text == "theirs"
            entered = await engine.switch("s", "b")
            assert entered.id == branch.id
            await entered.end()
            newest = await engine.events("b", limit=1, reverse=True)
            assert newest[0].name == "session.ended"
            head = engine.engine.journal.head("b")
            made = await engine.archive("b", tmp_path)
            assert await engine.unarchive(made.path) == head
            assert (await engine.prune(RetentionPolicy(sessions_max=1), dry_run=True)).gone
            assert await engine.preload(1) == 1

    asyncio.run(work())


def test_what_goes_on_after_its_end_is_ended_again() -> None:
    """As it is where nothing is awaited."""

    async def work() -> None:
        async with AsyncEngine(memory_engine()) as engine:
            async with await engine.start("s") as session:
                await session.end()
                await session.turn("on")
            assert (await engine.state("s")).state is State.ENDED

    asyncio.run(work())


def test_without_anyio_it_is_said_what_to_install() -> None:
    """The names are there all the same, so that everything may be imported at once."""
    code = (
        "import sys; sys.modules['anyio'] = None\n"
        "from governance import *\n"
        "for made in (lambda: AsyncEngine.open('.'), lambda: AsyncEngine(None)):\n"
        "    try: made()\n"
        "    except MisuseError as error: print(error.remedy)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["pip install 'session-governance[async]'"] * 2
