"""Whatever listeners do, the registry answers a value, in an order that depends on nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from typing import NoReturn

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from governance.events import CATALOGUE, Event, check_data
from governance.listeners import (
    MODES,
    ON_ERRORS,
    BeforeResult,
    Listeners,
    Refuse,
    Write,
    check_events,
    events_of,
)
from governance.testing import strategies
from governance.values import dump_json

BEFORE = tuple(name for name, spec in CATALOGUE.items() if spec.when == "before")
AFTER = tuple(name for name, spec in CATALOGUE.items() if spec.when == "after")
LIMIT_MS = 30
HANG_SECONDS = 0.06


class Hostile(Mapping[str, object]):
    """A mapping that fails wherever it is touched."""

    def __getitem__(self, key: str) -> NoReturn:
        raise RuntimeError("no")

    def __iter__(self) -> NoReturn:
        raise SystemExit

    def __len__(self) -> int:
        return 1


def raises(event: Event) -> NoReturn:
    raise RuntimeError("out of order")


def ends(event: Event) -> NoReturn:
    raise SystemExit(1)


def hangs(event: Event) -> Refuse:
    time.sleep(HANG_SECONDS)
    return Refuse("too late")


async def coroutine(event: Event) -> Refuse:
    return Refuse("asked in a coroutine")


class Fixed:
    """A listener that always answers the same."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def __call__(self, event: Event) -> object:
        return self.answer


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    strategies.texts(),
    strategies.json_values(leaves_max=4),
    st.builds(Refuse, st.one_of(strategies.texts(), st.text(max_size=5), st.none())),
    st.builds(Write, st.dictionaries(st.sampled_from(["model_id", "arguments", "x"]), st.text())),
    st.builds(Write, strategies.json_values(leaves_max=3)),
    st.builds(Write, st.fixed_dictionaries({"model_options": strategies.json_objects()})),
    st.builds(Write, st.just(Hostile())),
    st.builds(object),
)
BEHAVIOURS = st.one_of(
    JUNK.map(Fixed), st.sampled_from([raises, ends, coroutine]), st.just(hangs)
)  # fmt: skip


@frozen
class Plan:
    name: str
    function: Callable[[Event], object]
    mode: str
    priority: int
    on_error: str


PLANS = st.lists(
    st.builds(
        Plan,
        name=st.sampled_from("abcdef"),
        function=BEHAVIOURS,
        mode=st.sampled_from(MODES),
        priority=st.integers(0, 2),
        on_error=st.sampled_from(ON_ERRORS),
    ),
    max_size=4,
    unique_by=lambda plan: plan.name,
)


def registry(plans: list[Plan]) -> Listeners:
    listeners = Listeners(drain_ms=1_000)
    for plan in plans:
        listeners.register(
            "*",
            plan.function,
            mode=plan.mode,  # type: ignore[arg-type]
            priority=plan.priority,
            on_error=plan.on_error,  # type: ignore[arg-type]
            time_limit_ms=LIMIT_MS,
            name=plan.name,
        )
    return listeners


@given(PLANS, strategies.events(BEFORE))
def test_a_before_event_always_gets_a_value(plans: list[Plan], event: Event) -> None:
    """What is answered fits the catalogue, can be journaled, and refuses only with a reason."""
    listeners = registry(plans)

    result = listeners.run_before(event)
    left = listeners.close()

    assert isinstance(result, BeforeResult)
    assert all(one.reason.strip() and one.reason.encode() for one in result.refusals)
    names = {plan.name: plan for plan in plans}
    for name, fields in result.written.items():
        assert names[name].mode == "transform"
        assert set(fields) <= CATALOGUE[event.name].writable
        dump_json(fields)
    assert check_data(event.name, result.event.data) == ()
    merged = dict(event.data)
    for fields in result.written.values():
        merged |= fields
    assert result.event.data == merged
    for failure in (*result.failures, *left):
        assert check_data("listener.failed", failure.as_json()) == ()
        dump_json(failure.as_json())


@given(PLANS, st.lists(strategies.events(AFTER), max_size=3))
def test_after_events_always_get_a_value(plans: list[Plan], events: list[Event]) -> None:
    """Nothing that a listener does to what has happened reaches the caller but as a failure."""
    listeners = registry(plans)

    failures = (*listeners.run_after(events), *listeners.close())

    for failure in failures:
        assert check_data("listener.failed", failure.as_json()) == ()
        dump_json(failure.as_json())


@given(PLANS, strategies.events(BEFORE))
def test_who_fails_closed_denies(plans: list[Plan], event: Event) -> None:
    """A failure with `fail` refuses; with `ignore` or `disable` it never does."""
    listeners = registry(plans)

    result = listeners.run_before(event)
    listeners.close(0)

    refused_by = {one.listener for one in result.refusals}
    on_error = {plan.name: plan.on_error for plan in plans}
    # Who works in the background has no say; its failure only comes along, when it is early.
    asked = {plan.name for plan in plans if plan.mode != "background"}
    for failure in result.failures:
        if failure.listener in asked:
            refuses = on_error[failure.listener] == "fail"
            assert (failure.listener in refused_by) == refuses


@given(PLANS.flatmap(lambda plans: st.tuples(st.just(plans), st.permutations(plans))))
def test_the_order_of_registration_changes_nothing(plans: tuple[list[Plan], list[Plan]]) -> None:
    """Mode, priority and name decide the order alone."""
    one, other = (registry(list(order)) for order in plans)

    shown = [[listener.name for listener, _ in made.describe()] for made in (one, other)]
    one.close(0)
    other.close(0)

    assert shown[0] == shown[1]
    modes = {plan.name: MODES.index(plan.mode) for plan in plans[0]}  # type: ignore[arg-type]
    assert [modes[name] for name in shown[0]] == sorted(modes.values())


@given(st.permutations("abcd"), st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_writes_follow_the_order(names: list[str], priorities: list[int]) -> None:
    """The last of the chain wins, and the last is known beforehand."""
    listeners = Listeners()
    for name, priority in zip(names, priorities, strict=True):
        answer = Fixed(Write({"model_id": name}))
        listeners.register(
            "session.creating", answer, mode="transform", priority=priority, name=name
        )
    data = {"backend_name": "", "model_id": "", "model_options": {}, "context_type": ""}

    result = listeners.run_before(Event(name="session.creating", session_id="s", data=data))  # type: ignore[arg-type]
    listeners.close(0)

    order = [name for _, name in sorted(zip(priorities, names, strict=True))]
    assert list(result.written) == order
    assert result.event.data["model_id"] == order[-1]


@given(st.integers(1, 6), st.sampled_from([m for m in MODES if m not in ("background",)]))
def test_disabling_works_once(times: int, mode: str) -> None:
    """A listener that disables itself is called once, told once, and never again."""
    calls: list[str] = []

    def broken(event: Event) -> NoReturn:
        calls.append(event.name)
        raise RuntimeError

    listeners = Listeners()
    listeners.register("session.creating", broken, mode=mode, on_error="disable", name="x")  # type: ignore[arg-type]
    data = {"backend_name": "", "model_id": "", "model_options": {}, "context_type": ""}
    event = Event(name="session.creating", session_id="s", data=data)  # type: ignore[arg-type]

    results = [listeners.run_before(event) for _ in range(times)]
    listeners.close(0)

    assert len(calls) == 1
    assert [one.disabled for result in results for one in result.failures] == [True]
    assert not any(result.refused for result in results)


def test_disabling_works_once_under_concurrent_callers() -> None:
    """Of eight callers whose calls all fail at once exactly one is told that it is disabled."""
    callers = 8
    together = threading.Barrier(callers, timeout=20)

    def broken(event: Event) -> NoReturn:
        together.wait()
        raise RuntimeError

    listeners = Listeners(threads_max=callers)
    listeners.register(
        "session.resetting", broken, on_error="disable", name="x", time_limit_ms=30_000
    )
    event = Event(name="session.resetting", session_id="s", data={"previous_context": None})

    with ThreadPoolExecutor(callers) as pool:
        results = list(pool.map(lambda _: listeners.run_before(event), range(callers)))
    listeners.close(0)

    told = [one.disabled for result in results for one in result.failures]
    assert sorted(told) == [False] * (callers - 1) + [True]


@st.composite
def globs(draw: st.DrawFn) -> str:
    """The name of an event, with stars in place of runs of it, and maybe without its end."""
    text = draw(st.sampled_from(sorted(CATALOGUE)))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, len(text)))
        text = f"{text[:start]}*{text[end:]}"
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


@given(globs())
def test_a_star_stands_for_any_run_of_characters(pattern: str) -> None:
    """What a pattern means is what a shell's glob of the same text means, and nothing else."""
    wanted = tuple(name for name in CATALOGUE if fnmatchcase(name, pattern))

    assert events_of(pattern, "audit") == wanted
    assert set(events_of(pattern, "transform")) <= set(wanted)
    assert (check_events(pattern, "audit") is None) == bool(wanted)
