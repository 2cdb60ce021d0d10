"""A governed tool runs only with leave, says what became of it, and stays what it was."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from enum import Enum, IntEnum

import pytest

from governance import Engine, Session, ToolRefused, governed_tool, governing
from governance.errors import MisuseError, StoreFull
from governance.events import Event
from governance.formats import body_of
from governance.journal.memory import MemoryJournal
from governance.listeners import Write
from governance.rules.host_tools import ToolMap
from governance.testing import FailingJournal, ManualClock
from governance.testing.engines import memory_engine
from governance.tools.deciding import Gate
from tests.tool_pack import tool_law


@pytest.fixture
def journal() -> FailingJournal:
    return FailingJournal(MemoryJournal())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def engine(journal: FailingJournal, clock: ManualClock) -> Iterator[Engine]:
    with memory_engine(law=tool_law(), journal=journal, clock=clock) as made:
        yield made


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose first turn has begun, and in whose name this test calls tools."""
    with engine.start("s") as made:
        made.turn("go")
        with governing(made):
            yield made


def finished(session: Session) -> list[dict[str, object]]:
    """What each finished call says of itself."""
    rows = session.engine.journal.read(session.id)
    return [dict(body_of(row)["data"]) for row in rows if row.kind == "tool.finished"]


@governed_tool(tool="shell")
def run(command: str, *, times: int = 1) -> str:
    """Run a command."""
    if command == "fail":
        raise ValueError("it broke")
    return f"ran {command}" * times


def test_tool_with_leave_runs_and_is_reported(session: Session, clock: ManualClock) -> None:
    """The result is the function's own, and its outcome and duration are journaled."""

    @governed_tool(tool="shell")
    def slow(command: str) -> str:
        clock.advance(250)
        return command

    assert slow("ls") == "ls"
    (row,) = finished(session)
    assert (row["tool"], row["outcome"], row["duration_ms"]) == ("shell", "ok", 250)


def test_denied_tool_raises_with_the_reason(session: Session) -> None:
    """The refusal is typed, carries the reply, and nothing has run."""
    with pytest.raises(ToolRefused, match="TRIAL-DENIED") as caught:
        run("touch FORBIDDEN")
    assert caught.value.reply.rules == ("trial.deny",)
    assert not caught.value.has_run
    assert finished(session) == []


class Word(str, Enum):  # noqa: UP042 -- the kind whose text is not its value
    """Of such an enumeration ``str`` gives the name, and whoever takes it for a text its value."""

    DENIED = "touch FORBIDDEN"


class Times(IntEnum):
    TWICE = 2


class Path:
    """A path, as a library of its own has them."""

    def __fspath__(self) -> str:
        return "touch FORBIDDEN"


@pytest.mark.parametrize(
    "command",
    [bytearray(b"touch FORBIDDEN"), memoryview(b"touch FORBIDDEN"), Word.DENIED, Path()],
    ids=["bytes", "a view of them", "an enumeration", "a path"],
)
def test_text_of_another_type_is_asked_about_as_what_it_says(
    session: Session, command: object
) -> None:
    """What a system call takes for a text is that text to a rule as well."""
    with pytest.raises(ToolRefused):
        run(command)  # type: ignore[arg-type]


def test_number_of_a_type_of_its_own_is_a_number(session: Session) -> None:
    """It is asked about as the number that it is, and the function gets what was given."""
    assert run("fine", times=Times.TWICE) == "ran fineran fine"


def test_denied_tool_may_answer_with_the_reason(session: Session) -> None:
    """With ``denial="text"`` the model reads the reason as the tool's result."""
    ran: list[str] = []

    @governed_tool(tool="shell", denial="text")
    def write(command: str) -> str:
        ran.append(command)
        return "done"

    assert "TRIAL-DENIED" in write("touch FORBIDDEN")
    assert ran == []


def test_failing_tool_is_reported_and_its_exception_goes_on(session: Session) -> None:
    """The caller gets the very exception of the function."""
    with pytest.raises(ValueError, match="it broke"):
        run("fail")
    (row,) = finished(session)
    assert (row["outcome"], row["error"]) == ("failed", "ValueError: it broke")


def test_rule_rewrites_the_arguments(session: Session) -> None:
    """What a rule changes is what the function is called with; the rest stays."""
    assert run("touch CLUMSY", times=2) == "ran touch REWRITTEN" * 2


def test_arguments_that_were_not_rewritten_stay_the_same_objects(session: Session) -> None:
    """An object that JSON cannot hold reaches the function also when a rule changes another."""
    held = object()

    @governed_tool(tool="shell")
    def use(command: str, thing: object, *rest: object, **more: object) -> tuple[object, ...]:
        return command, thing, *rest, more["last"]

    assert use("touch CLUMSY", held, held, last=held) == ("touch REWRITTEN", held, held, held)


def test_rewrite_comes_back_under_the_name_of_the_argument(session: Session) -> None:
    """A map says which argument a fact is, both ways."""
    ran: list[str] = []

    @governed_tool(tool=ToolMap("shell", {"command": "cmd"}))
    def odd(*, cmd: str) -> None:
        ran.append(cmd)

    odd(cmd="touch CLUMSY")
    assert ran == ["touch REWRITTEN"]


def test_rewrite_that_the_function_does_not_take_is_a_refusal(
    engine: Engine, session: Session
) -> None:
    """A call that cannot be made as it was changed is not made at all, and says so."""
    ran: list[str] = []

    def add(event: Event) -> Write:
        return Write({"arguments": {"command": "ls", "unheard_of": True}})

    engine.listeners.register("tool.asked", add, name="adder", mode="transform")

    @governed_tool(tool="shell")
    def work(command: str) -> None:
        ran.append(command)

    with pytest.raises(ToolRefused, match="unheard_of"):
        work("ls")
    assert ran == []


def test_output_may_be_withheld(session: Session) -> None:
    """A rule on results keeps the output from the caller; the refusal says that it has run."""

    @governed_tool(tool="shell")
    def read(command: str) -> dict[str, str]:
        return {"found": "TOPSECRET"}

    with pytest.raises(ToolRefused, match="TRIAL-WITHHELD") as caught:
        read("cat x")
    assert caught.value.has_run


def test_tool_without_a_session_does_not_run(session: Session) -> None:
    """Threads do not take over the session of who began them, so nothing runs there."""
    caught: list[BaseException] = []

    def work() -> None:
        try:
            run("ls")
        except MisuseError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "GOV761" in str(caught[0])
    assert finished(session) == []


def test_session_that_is_given_goes_before_the_one_of_the_context(
    engine: Engine, session: Session
) -> None:
    """A tool that has its session keeps to it."""
    other = engine.start("other")
    other.turn("go")

    @governed_tool(session=other, tool="shell")
    def mine(command: str) -> str:
        return command

    mine("ls")
    assert finished(session) == []
    assert len(finished(other)) == 1


def test_no_store_means_no_tool(session: Session, journal: FailingJournal) -> None:
    """A call that cannot be journaled is refused."""
    journal.fail("append", StoreFull("the disk is full"))
    with pytest.raises(ToolRefused, match="the disk is full"):
        run("ls")


def test_closed_engine_means_no_tool() -> None:
    """An engine that is gone lets nothing run, whatever the way of denial."""
    ran: list[str] = []
    engine = memory_engine(law=tool_law())
    session = engine.session("s")

    @governed_tool(session=session, tool="shell", denial="text")
    def write(command: str) -> str:
        ran.append(command)
        return "done"

    engine.close()
    with pytest.raises(MisuseError):
        write("ls")
    assert ran == []


def test_report_that_fails_does_not_hide_the_exception_of_the_tool(
    session: Session, journal: FailingJournal
) -> None:
    """The function's own exception goes on, with a note on what could not be recorded."""

    @governed_tool(tool="shell")
    def broken(command: str) -> None:
        journal.fail("append", StoreFull("the disk is full"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        broken("ls")
    assert "the disk is full" in caught.value.__notes__[0]


def test_tool_of_no_canonical_name_is_other(session: Session) -> None:
    """A name that happens to be canonical says nothing: only ``tool`` does."""

    @governed_tool
    def shell(command: str) -> str:
        return command

    with pytest.raises(ToolRefused) as caught:
        shell("ls")
    assert caught.value.reply.action in ("ask", "deny")


def test_wrapper_is_what_it_wraps() -> None:
    """Name, doc, signature and kind stay, so that frameworks make the same schema of it."""

    @governed_tool(tool="shell")
    async def later(command: str) -> str:
        return command

    assert run.__name__ == "run"
    assert run.__doc__ == "Run a command."
    assert list(inspect.signature(run).parameters) == ["command", "times"]
    assert inspect.iscoroutinefunction(later)


@pytest.mark.parametrize("wrap", [staticmethod, classmethod])
def test_wrong_order_of_decorators_is_told(wrap: type) -> None:
    """What would pass by the decorator is refused when it is decorated."""

    def work(command: str) -> None: ...

    with pytest.raises(MisuseError, match="GOV762"):
        governed_tool(tool="shell")(wrap(work))


def test_a_way_of_denying_that_there_is_not_is_told() -> None:
    """Whoever misspells it would meet an exception where a text was meant."""
    with pytest.raises(MisuseError, match=r"GOV762.*did you mean `text`"):
        governed_tool(tool="read", denial="txt")  # type: ignore[call-overload]


def test_tool_that_hides_its_arguments_is_told() -> None:
    """A shell tool whose command has another name would pass by every rule on commands."""
    for tool in ("shell", ToolMap("shell", {"command": "comand"}), "shel"):
        with pytest.raises(MisuseError, match="GOV762"):

            @governed_tool(tool=tool)
            def work(cmd: str) -> None: ...


def test_one_name_for_two_arguments_is_refused(session: Session) -> None:
    """Rules could not tell which of them they look at."""

    @governed_tool(tool="shell")
    def work(command: str, /, **more: str) -> None: ...

    with pytest.raises(MisuseError, match="GOV762"):
        work("touch allowed", command="touch FORBIDDEN")


def test_cancelled_tool_is_reported(session: Session) -> None:
    """A task that is cancelled in its tool leaves no open call."""
    begun = asyncio.Event()

    @governed_tool(tool="shell")
    async def wait(command: str) -> None:
        begun.set()
        await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(wait("ls"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (row,) = finished(session)
    assert (row["outcome"], row["error"]) == ("failed", "CancelledError")


def test_generators_pass_on_what_is_sent_and_thrown(session: Session) -> None:
    """Both kinds answer to their reader as they would without governance."""

    @governed_tool(tool="shell")
    def talk(command: str) -> Iterator[object]:
        try:
            heard = yield "first"
        except KeyError:
            heard = "thrown"
        yield heard

    @governed_tool(tool="shell")
    async def talk_later(command: str) -> AsyncIterator[object]:
        try:
            heard = yield "first"
        except KeyError:
            heard = "thrown"
        yield heard

    async def main() -> None:
        told, thrown = talk_later("ls"), talk_later("ls")
        assert [await anext(told), await told.asend("hi")] == ["first", "hi"]
        assert [await anext(thrown), await thrown.athrow(KeyError())] == ["first", "thrown"]
        await told.aclose()
        await thrown.aclose()

    told, thrown = talk("ls"), talk("ls")
    assert [next(told), told.send("hi")] == ["first", "hi"]
    assert [next(thrown), thrown.throw(KeyError())] == ["first", "thrown"]
    told.close()
    assert list(thrown) == []
    asyncio.run(main())
    assert [row["outcome"] for row in finished(session)] == ["unknown", "ok", "unknown", "unknown"]


UNKEPT = {"half a sign": "ls \ud800", "no number": float("nan"), "a large one": 2**70}
"""What a model may write, and no journal holds."""


@pytest.mark.parametrize("name", sorted(UNKEPT))
@pytest.mark.parametrize("called", ["plain", "awaited"])
def test_arguments_that_no_journal_holds_are_a_refusal(
    session: Session, name: str, called: str
) -> None:
    """The model reads why, nothing has run, and the journal has the refusal without them."""
    ran: list[object] = []

    @governed_tool(tool="shell", denial="text")
    def plain(command: object) -> str:
        ran.append(command)
        return "done"

    @governed_tool(tool="shell", denial="text")
    async def awaited(command: object) -> str:
        ran.append(command)
        return "done"

    value = UNKEPT[name]
    said = plain(value) if called == "plain" else asyncio.run(awaited(value))

    assert "cannot be read" in said
    assert ran == []
    rows = session.engine.journal.read(session.id)
    (row,) = [body_of(one)["data"] for one in rows if one.kind == "tool.decided"]
    assert isinstance(row, dict)
    assert (row["action"], row["arguments"], row["tool"]) == ("deny", {}, "shell")
    with pytest.raises(ToolRefused, match="cannot be read"):
        governed_tool(tool="shell")(lambda command: ran.append(command))(value)


@pytest.mark.parametrize("call_id", ["a\ud800", "\udc00"])
def test_a_call_id_that_no_journal_holds_is_a_refusal(session: Session, call_id: str) -> None:
    """The call is refused under the id without the half of a sign."""
    assert Gate(session).ask("shell", {"command": "ls"}, call_id).denied
