"""Who is called, in which order, with what, and what becomes of the answers."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from governance.errors import MisuseError
from governance.events import CATALOGUE, Event
from governance.journal.memory import MemoryJournal
from governance.listeners import Listeners, Refuse, Write
from governance.listeners.registry import LISTENERS_MAX
from governance.testing import RecordingListener
from governance.testing.engines import memory_engine
from governance.testing.fakes import FailingJournal

CREATING = {"backend_name": "b", "model_id": "m", "model_options": {}, "context_type": "c"}
ASKED = {"tool": "shell", "facts": {}, "arguments": {"command": "ls"}}


def creating(**data: object) -> Event:
    return Event(name="session.creating", session_id="s", event_id="e", data={**CREATING, **data})  # type: ignore[dict-item]


def asked() -> Event:
    return Event(name="tool.asked", session_id="s", event_id="e", data=ASKED)  # type: ignore[arg-type]


def ended(session: str = "s") -> Event:
    data = {"reason": "done", "stats": {}}
    return Event(name="session.ended", session_id=session, event_id="e", data=data)  # type: ignore[arg-type]


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    made = Listeners()
    yield made
    made.close(0)


def saying(word: str, into: list[str], answer: object = None) -> Callable[[Event], object]:
    def listener(event: Event) -> object:
        into.append(word)
        return answer

    return listener


def test_modes_priorities_and_names_order_the_calls(listeners: Listeners) -> None:
    """Mode dominates, then priority from the lower, then the name; not the registration."""
    called: list[str] = []
    for mode in ("concurrent", "audit", "transform", "sequential"):
        for name, priority in (("z", 10), ("b", 50), ("a", 50)):
            word = f"{mode}-{name}"
            listeners.register(
                "session.creating", saying(word, called), mode=mode, priority=priority, name=word
            )  # type: ignore[arg-type]

    listeners.run_before(creating())

    in_turn = [f"{mode}-{n}" for mode in ("sequential", "transform", "audit") for n in "zab"]
    assert called[:9] == in_turn
    assert sorted(called[9:]) == ["concurrent-a", "concurrent-b", "concurrent-z"]
    assert [one.name for one, _ in listeners.describe()] == [
        *in_turn,
        "concurrent-z",
        "concurrent-a",
        "concurrent-b",
    ]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("tool.asked", ["tool.asked"]),
        ("tool.*", ["tool.asked", "tool.decided", "tool.finished"]),
        ("*.started", ["session.started", "turn.started", "child.started"]),
        ("session.re*ing", ["session.resetting"]),
        ("*", list(CATALOGUE)),
    ],
)
def test_exact_names_and_globs(listeners: Listeners, pattern: str, names: list[str]) -> None:
    """A glob means every event it fits, an exact name that one."""
    assert list(listeners.register(pattern, RecordingListener()).events) == names
    for name in CATALOGUE:
        assert listeners.wants(name) == (name in names)


@pytest.mark.parametrize(
    ("pattern", "change", "said"),
    [
        ("tool.askd", {}, "did you mean `tool.asked`?"),
        ("tol.*", {}, "`tol.*` matches no event"),
        ([], {}, "it names no event"),
        ("tool.decided", {"mode": "transform"}, "has no field that a listener may write"),
        ("*", {"mode": "audti"}, "did you mean `audit`?"),
        ("*", {"on_error": "ignored"}, "did you mean `ignore`?"),
        ("*", {"time_limit_ms": 0}, "`time_limit_ms` is no integer above 0"),
        ("*", {"priority": "first"}, "`priority` is no integer"),
    ],
)
def test_what_could_never_be_called_is_refused(
    listeners: Listeners, pattern: str, change: dict[str, object], said: str
) -> None:
    """A misspelled letter is never silence."""
    with pytest.raises(MisuseError) as caught:
        listeners.register(pattern, RecordingListener(), name="x", **change)  # type: ignore[arg-type]

    assert caught.value.code == "GOV440"
    assert said in str(caught.value)
    assert listeners.describe() == ()


def test_all_that_is_wrong_with_a_listener_is_said_at_once(listeners: Listeners) -> None:
    """Nobody has to mend one argument to hear of the next."""
    with pytest.raises(MisuseError) as caught:
        listeners.register("tool.askd", 3, on_error="no", priority=1.5, name="x")  # type: ignore[arg-type]

    for said in ("`int` cannot be called", "on_error is `no`", "`priority`", "`tool.askd`"):
        assert said in str(caught.value)


def test_a_name_is_taken_once(listeners: Listeners) -> None:
    """The journal can tell listeners apart; a name that was given back is free."""
    listeners.register("*", RecordingListener(), name="one")
    with pytest.raises(MisuseError, match="another listener is called `one`"):
        listeners.register("*", RecordingListener(), name="one")

    listeners.unregister("one")

    listeners.register("*", RecordingListener(), name="one")
    with pytest.raises(MisuseError, match="did you mean `one`"):
        listeners.unregister("onne")


def test_transform_chains_and_is_kept_by_listener(listeners: Listeners) -> None:
    """Each sees what those before it wrote; the journal gets who wrote what."""
    listeners.register(
        "session.creating",
        lambda event: Write({"model_id": event.data["model_id"] + "1"}),  # type: ignore[operator]
        mode="transform",
        name="first",
    )
    listeners.register(
        "session.creating",
        lambda event: Write({"model_id": event.data["model_id"] + "2", "model_options": {"t": 0}}),  # type: ignore[operator]
        mode="transform",
        name="second",
    )
    seen = RecordingListener()
    listeners.register("session.creating", seen, name="seen")

    result = listeners.run_before(creating())

    assert result.written == {
        "first": {"model_id": "m1"},
        "second": {"model_id": "m12", "model_options": {"t": 0}},
    }
    assert result.event.data == {**CREATING, "model_id": "m12", "model_options": {"t": 0}}
    assert seen.events == [result.event]
    assert not result.refused
    assert result.failures == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"backend_name": "x"}, "`backend_name` of `session.creating` may not be written"),
        ({"model_idd": "x"}, "did you mean `model_id`?"),
        ({"model_id": 3}, "`model_id` must be str, not int"),
        ({"model_id": None}, "`model_id` must be str"),
        ({"model_options": {"a": float("nan")}}, "not finite"),
        ({"model_options": {"a": object()}}, "`object` is no JSON value"),
        ({"model_options": {"a": "\ud800"}}, "lone surrogate"),
        ({"model_id": "new", "context_type": "x"}, "may not be written"),
        (["model_id"], "`list` names no fields"),
    ],
)
def test_what_may_not_be_written_is_an_error_of_that_listener(
    listeners: Listeners, fields: object, said: str
) -> None:
    """Nothing of a bad answer is taken, not even its good half; the others go on."""
    bad = RecordingListener(Write(fields))  # type: ignore[arg-type]
    listeners.register("session.creating", bad, mode="transform", on_error="ignore", name="bad")
    listeners.register(
        "session.creating",
        RecordingListener(Write({"model_id": "good"})),
        mode="transform",
        name="good",
        priority=60,
    )

    result = listeners.run_before(creating())

    assert result.written == {"good": {"model_id": "good"}}
    assert [(one.listener, one.why) for one in result.failures] == [("bad", "write")]
    assert said in result.failures[0].error
    assert not result.refused


def test_a_running_session_cannot_be_written(listeners: Listeners) -> None:
    """A session that is adopted has its model already."""
    write = RecordingListener(Write({"model_id": "x"}))
    listeners.register("session.creating", write, mode="transform", name="late")

    result = listeners.run_before(creating(adopted=True))

    assert result.written == {}
    assert result.failures[0].why == "write"


@pytest.mark.parametrize("mode", ["sequential", "concurrent"])
def test_a_refusal_carries_its_reason(listeners: Listeners, mode: str) -> None:
    """Who said no, and why, reaches the caller."""
    listeners.register(
        "tool.asked", RecordingListener(Refuse("not on Fridays")), mode=mode, name="friday"
    )  # type: ignore[arg-type]

    result = listeners.run_before(asked())

    assert [(one.listener, one.reason) for one in result.refusals] == [("friday", "not on Fridays")]
    assert [str(one) for one in result.refusals] == ["not on Fridays"]


def test_the_first_refusal_ends_the_asking_but_not_the_looking(listeners: Listeners) -> None:
    """Audit and background listeners see what was refused; nobody else is asked."""
    called: list[str] = []
    listeners.register(
        "session.creating", saying("no", called, Refuse("no")), mode="sequential", name="a"
    )
    for mode in ("sequential", "transform", "audit", "concurrent", "background"):
        listeners.register("session.creating", saying(mode, called), mode=mode, name=f"z-{mode}")  # type: ignore[arg-type]

    listeners.run_before(creating())
    assert listeners.drain(5_000)

    assert called == ["no", "audit", "background"]


def test_concurrent_listeners_run_at_once_and_answer_in_order(listeners: Listeners) -> None:
    """All of them stand in the room together, and the answer does not depend on who is first."""
    together = threading.Barrier(3, timeout=60)

    def waits(event: Event) -> Refuse:
        together.wait()
        return Refuse("no")

    for name in "cab":
        listeners.register("tool.asked", waits, mode="concurrent", name=name)

    result = listeners.run_before(asked())

    assert [one.listener for one in result.refusals] == ["a", "b", "c"]
    assert {one.reason for one in result.refusals} == {"no"}


@pytest.mark.parametrize(
    ("mode", "answer"),
    [
        ("sequential", Write({"arguments": {}})),
        ("concurrent", Write({"arguments": {}})),
        ("transform", Refuse("no")),
        ("audit", Refuse("no")),
        ("audit", True),
        ("sequential", "no"),
        ("sequential", Refuse("")),
        ("sequential", Refuse(3)),  # type: ignore[arg-type]
        ("transform", {"arguments": {}}),
    ],
)
def test_an_answer_that_the_mode_may_not_give_is_a_failure(
    listeners: Listeners, mode: str, answer: object
) -> None:
    """A refusal by one who may not refuse is told, not lost."""
    listeners.register(
        "tool.asked", RecordingListener(answer), mode=mode, on_error="ignore", name="x"
    )  # type: ignore[arg-type]

    result = listeners.run_before(asked())

    assert [one.why for one in result.failures] == ["answer"]
    assert not result.refused
    assert result.written == {}


def test_nothing_can_be_answered_to_what_has_happened(listeners: Listeners) -> None:
    """A refusal of an after event is that listener's failure."""
    listeners.register(
        "session.ended", RecordingListener(Refuse("no")), mode="sequential", name="x"
    )

    failures = listeners.run_after([ended()])

    assert [(one.listener, one.why) for one in failures] == [("x", "answer")]


@pytest.mark.parametrize(
    ("on_error", "refused", "calls"),
    [("fail", True, 2), ("ignore", False, 2), ("disable", False, 1)],
)
def test_what_a_failure_leads_to(
    listeners: Listeners, on_error: str, refused: bool, calls: int
) -> None:
    """`fail` refuses the event, `ignore` records, `disable` records once and calls no more."""
    broken = RecordingListener(RuntimeError("out of order"))
    listeners.register("tool.asked", broken, on_error=on_error, name="broken")  # type: ignore[arg-type]

    first, second = listeners.run_before(asked()), listeners.run_before(asked())

    assert first.refused is refused
    assert second.refused is refused
    assert len(broken.events) == calls
    assert first.failures[0].error == "RuntimeError: out of order"
    assert first.failures[0].disabled is (on_error == "disable")
    assert len(second.failures) == calls - 1
    assert [enabled for _, enabled in listeners.describe()] == [on_error != "disable"]
    if refused:
        assert "the listener `broken` failed: RuntimeError" in first.refusals[0].reason


def test_a_listener_past_its_limit_has_failed(listeners: Listeners) -> None:
    """The caller goes on when the limit is over, and the late answer is thrown away."""
    go_on = threading.Event()

    def slow(event: Event) -> Refuse:
        go_on.wait(30)
        return Refuse("too late")

    listeners.register(
        "tool.asked", slow, mode="sequential", time_limit_ms=20, on_error="ignore", name="slow"
    )

    result = listeners.run_before(asked())
    go_on.set()

    assert [one.why for one in result.failures] == ["late"]
    assert "20 ms" in result.failures[0].error
    assert not result.refused


def test_a_coroutine_is_run_and_cancelled_at_its_limit(listeners: Listeners) -> None:
    """The caller needs no event loop, and a coroutine gives its thread back."""
    cancelled = threading.Event()

    async def answers(event: Event) -> Refuse:
        await asyncio.sleep(0)
        return Refuse("from a coroutine")

    async def hangs(event: Event) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            cancelled.set()

    listeners.register("tool.asked", hangs, time_limit_ms=20, on_error="ignore", name="hangs")
    listeners.register("tool.asked", answers, mode="concurrent", name="answers")

    result = listeners.run_before(asked())

    assert [one.reason for one in result.refusals] == ["from a coroutine"]
    assert [one.why for one in result.failures] == ["late"]
    assert cancelled.wait(5)


def test_a_caller_inside_an_event_loop_can_have_coroutines_too(listeners: Listeners) -> None:
    """An async host that calls the engine from its loop is not refused."""

    async def answers(event: Event) -> Refuse:
        return Refuse("no")

    listeners.register("tool.asked", answers, mode="sequential", name="a")

    async def host() -> bool:
        return listeners.run_before(asked()).refused

    assert asyncio.run(host())


def test_a_timeout_of_the_listeners_own_is_its_error(listeners: Listeners) -> None:
    """Not every TimeoutError means that the limit was over."""

    async def gives_up(event: Event) -> None:
        raise TimeoutError("the server did not answer")

    listeners.register("tool.asked", gives_up, on_error="ignore", name="x")

    assert [one.why for one in listeners.run_before(asked()).failures] == ["raised"]


def test_hanging_listeners_take_a_bounded_number_of_threads() -> None:
    """When every thread hangs, the next call fails within its limit; nobody waits for ever."""
    listeners = Listeners(threads_max=2)
    go_on = threading.Event()

    def hangs(event: Event) -> None:
        go_on.wait(30)

    for name in "abc":
        listeners.register("tool.asked", hangs, time_limit_ms=20, on_error="ignore", name=name)

    before = threading.active_count()
    result = listeners.run_before(asked())

    assert [one.why for one in result.failures] == ["late", "late", "busy"]
    assert threading.active_count() - before <= 2
    go_on.set()
    listeners.close(0)


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), MemoryError(), GeneratorExit()]
)
def test_no_exception_of_a_listener_reaches_the_caller(
    listeners: Listeners, error: BaseException
) -> None:
    """Not even those that would end the program."""
    listeners.register("tool.asked", RecordingListener(error), on_error="ignore", name="x")

    for _ in range(3):
        result = listeners.run_before(asked())
        assert [one.why for one in result.failures] == ["raised"]


def test_an_error_that_cannot_say_what_it_is_is_named(listeners: Listeners) -> None:
    """An error whose text fails as well is still told by its type."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    listeners.register("tool.asked", RecordingListener(MuteError()), on_error="ignore", name="x")

    assert listeners.run_before(asked()).failures[0].error == "MuteError without a text"


def test_texts_of_listeners_can_be_journaled(listeners: Listeners) -> None:
    """Lone surrogates and endless texts of a listener do not break what is recorded."""
    listeners.register(
        "tool.asked", RecordingListener(Refuse("\ud800" + "x" * 9_000)), mode="sequential", name="a"
    )

    reason = listeners.run_before(asked()).refusals[0].reason

    assert reason.encode()
    assert len(reason) == 2_000
    assert reason.endswith("…")


def test_a_listener_may_call_the_listeners_again(listeners: Listeners) -> None:
    """No lock is held while a listener runs; endless nesting ends with a value."""
    depths: list[int] = []

    def nested(event: Event) -> None:
        depths.append(event.seq)
        inner = Event(name="tool.asked", session_id="s", seq=event.seq + 1, data=event.data)
        result = listeners.run_before(inner)
        if result.failures:
            raise RuntimeError(result.failures[0].why)

    listeners.register("tool.asked", nested, on_error="ignore", name="n", time_limit_ms=5_000)

    result = listeners.run_before(asked())

    assert result.failures[0].error == "RuntimeError: raised"
    assert depths == list(range(8))


def test_context_variables_of_the_caller_are_seen(listeners: Listeners) -> None:
    """A listener runs on another thread and still knows in whose name."""
    from contextvars import ContextVar

    tenant: ContextVar[str] = ContextVar("tenant", default="nobody")
    seen: list[str] = []
    listeners.register("tool.asked", lambda event: seen.append(tenant.get()), name="x")

    tenant.set("anna")
    listeners.run_before(asked())

    assert seen == ["anna"]


def test_background_listeners_do_not_keep_the_caller(listeners: Listeners) -> None:
    """They see every event in order, later."""
    go_on = threading.Event()
    seen: list[str] = []

    def slow(event: Event) -> None:
        go_on.wait(30)
        seen.append(event.session_id)

    listeners.register("session.ended", slow, mode="background", time_limit_ms=9_000, name="bg")

    assert listeners.run_after([ended("1"), ended("2"), ended("3")]) == ()
    assert seen == []
    assert not listeners.drain(10)
    go_on.set()
    assert listeners.drain(5_000)
    assert seen == ["1", "2", "3"]


def test_failures_in_the_background_come_with_the_next_event(listeners: Listeners) -> None:
    """They are counted and told, once."""
    listeners.register(
        "session.ended", RecordingListener(ValueError("no")), mode="background", name="bg"
    )

    listeners.run_after([ended("1"), ended("2")])
    assert listeners.drain(5_000)
    assert listeners.wants_after()
    told = listeners.run_after([])

    assert [(one.listener, one.why, one.count, one.session_id) for one in told] == [
        ("bg", "raised", 2, "2")
    ]
    assert listeners.run_after([]) == ()


def test_what_a_full_queue_drops_is_counted() -> None:
    """Nothing is lost without a word, whether it was dropped or left at the end."""
    listeners = Listeners(queue_max=2, drain_ms=0)
    begun, go_on = threading.Event(), threading.Event()

    def hangs(event: Event) -> None:
        begun.set()
        go_on.wait(30)

    listeners.register("session.ended", hangs, mode="background", time_limit_ms=9_000, name="bg")
    listeners.run_after([ended()])
    assert begun.wait(5)

    listeners.run_after([ended() for _ in range(5)])
    told = {(one.why, one.count) for one in listeners.close()}
    go_on.set()

    assert told == {("dropped", 3), ("left", 2)}


def test_closing_waits_for_the_background() -> None:
    """What was queued is worked off before the end, as far as the limit allows."""
    listeners = Listeners(drain_ms=5_000)
    seen = RecordingListener()
    listeners.register(
        "session.ended", lambda e: (time.sleep(0.01), seen(e))[1], mode="background", name="bg"
    )

    listeners.run_after([ended() for _ in range(5)])
    told = listeners.close()

    assert told == ()
    assert len(seen.events) == 5
    assert listeners.close() == ()


def test_closed_listeners_take_nothing_more(listeners: Listeners) -> None:
    """Whoever goes on after the end hears of it."""
    listeners.close()

    for misuse in (
        lambda: listeners.run_before(asked()),
        lambda: listeners.run_after([]),
        lambda: listeners.register("*", RecordingListener()),
    ):
        with pytest.raises(MisuseError, match="are closed"):
            misuse()


def test_failures_on_failures_end_in_no_loop(listeners: Listeners) -> None:
    """Two listeners that fail on everything are told once an event, not without end."""
    for name in "ab":
        listeners.register("*", RecordingListener(RuntimeError("no")), name=name)
    recorded: list[str] = []

    def publish(event: Event) -> None:
        # As an engine does it: a failure is a row, and a row is an event.
        for failure in listeners.run_after([event]):
            recorded.append(failure.event)
            publish(Event(name="listener.failed", session_id="s", data=failure.as_json()))

    publish(ended())
    assert recorded == ["session.ended"] * 2
    publish(ended())
    assert sorted(recorded[2:]) == ["listener.failed"] * 2 + ["session.ended"] * 2


def test_only_before_events_are_asked(listeners: Listeners) -> None:
    """An after event cannot be asked about, and a before event is not shown twice."""
    seen = RecordingListener()
    listeners.register("*", seen)

    with pytest.raises(MisuseError, match="is no before event"):
        listeners.run_before(ended())
    listeners.run_after([asked(), ended()])

    assert seen.names() == ["session.ended"]


def test_failures_fit_their_own_event(listeners: Listeners) -> None:
    """What is recorded of a failure is what the catalogue promises."""
    from governance.events import check_data

    listeners.register("tool.asked", RecordingListener(ValueError("x")), name="x")

    failure = listeners.run_before(asked()).failures[0]

    assert check_data("listener.failed", failure.as_json()) == ()
    assert (failure.session_id, failure.event_id) == ("s", "e")


def test_closing_an_engine_records_what_failed_last() -> None:
    """A background listener that fails while the engine closes is a row, and nothing more."""

    def fail(event: Event) -> None:
        raise RuntimeError("no")

    listeners, journal = Listeners(), MemoryJournal()
    listeners.register("turn.started", fail, mode="background", name="failing")
    engine = memory_engine(listeners=listeners, journal=Unclosed(journal))
    engine.start("s-1").turn("go")

    engine.close()

    assert "listener.failed" in {row.kind for row in journal.read("s-1")}


class Unclosed(FailingJournal):
    """A journal that can be read after its engine has closed it."""

    def close(self) -> None:
        """Stay open."""


def test_there_are_only_so_many_listeners(listeners: Listeners) -> None:
    """The one too many is refused with a code, and one that leaves makes room for it."""
    for number in range(LISTENERS_MAX):
        listeners.register("session.ended", print, name=f"l{number}")

    with pytest.raises(MisuseError, match=f"there are {LISTENERS_MAX} listeners already"):
        listeners.register("session.ended", print, name="more")

    listeners.unregister("l0")
    assert listeners.register("session.ended", print, name="more").name == "more"
