"""Laws of the temporal room: monitors say what the textbook says of the whole past."""

from __future__ import annotations

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from governance.temporal import (
    CONTEXT,
    EPOCH,
    NOTHING,
    TURN,
    And,
    Atom,
    Count,
    Formula,
    Historically,
    Monitors,
    Not,
    Once,
    Or,
    Since,
    Sliced,
    Span,
    applied,
    carried,
    changes,
    last,
    registers_json,
    registers_of_json,
)
from governance.temporal import cells as cells_module
from governance.temporal.formulas import at_rest, is_still
from governance.values import dump_json, load_json

ATOMS = ("a", "b", "c")
KEYS = ("k1", "k2", "k3")
EVERY = None


@frozen
class Event:
    """One event of a trace: atoms with their keys, a time, and what begins with it."""

    hits: dict[str, tuple[str, ...] | None]
    at_ms: int
    begins: int


spans = st.sampled_from([TURN, CONTEXT, EPOCH]) | st.integers(0, 30).map(last)
events = st.builds(
    Event,
    st.dictionaries(
        st.sampled_from(ATOMS),
        st.none() | st.lists(st.sampled_from(KEYS), max_size=2, unique=True).map(tuple),
        max_size=3,
    ),
    st.integers(0, 60),
    st.sampled_from([0, 0, 0, 0, 1, 2, 3, 7]),
)
traces = st.lists(events, max_size=12)
truths = st.recursive(
    st.sampled_from(ATOMS).map(Atom),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, max_size=3).map(tuple).map(And),
        st.lists(inner, max_size=3).map(tuple).map(Or),
    ),
    max_leaves=4,
)


def _operators(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    return st.one_of(
        st.builds(Once, inner, spans),
        st.builds(Since, inner, inner, spans),
        st.builds(Count, inner, st.integers(0, 4), spans, st.none() | inner),
    )


formulas = st.recursive(
    st.sampled_from(ATOMS).map(Atom),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, max_size=3).map(tuple).map(And),
        st.lists(inner, max_size=3).map(tuple).map(Or),
        st.builds(Historically, inner, spans),
        _operators(inner),
    ),
    max_leaves=6,
)


def _rests(formula: Formula) -> bool:
    parts = {
        Once: lambda f: not at_rest(f.of),
        Since: lambda f: at_rest(f.hold) and not at_rest(f.start),
        Count: lambda f: not at_rest(f.of) and (f.forget is None or not at_rest(f.forget)),
    }
    return parts[type(formula)](formula)


sliced = _operators(truths).filter(_rests)


def within(trace: list[Event], span: Span, j: int, i: int) -> bool:
    """Whether event *j* is in the span that ends with event *i*, by the definition."""
    if span.bit:
        return not any(trace[m].begins & span.bit for m in range(j + 1, i + 1))
    return trace[j].at_ms >= trace[i].at_ms - span.back_ms


def textbook(trace: list[Event], i: int, formula: Formula, key: str | None = None) -> bool:
    """The truth of *formula* at event *i*, read off the whole past."""

    def now(of: Formula, j: int) -> bool:
        return textbook(trace, j, of, key)

    match formula:
        case Atom(name):
            keys = trace[i].hits.get(name, ())
            if key is None:
                return name in trace[i].hits
            return name in trace[i].hits and (keys is None or key in keys)
        case Not(of):
            return not now(of, i)
        case And(of):
            return all(now(part, i) for part in of)
        case Or(of):
            return any(now(part, i) for part in of)
        case Once(of, span):
            return any(now(of, j) for j in range(i + 1) if within(trace, span, j, i))
        case Historically(of, span):
            return all(now(of, j) for j in range(i + 1) if within(trace, span, j, i))
        case Since(hold, start, span):
            return any(
                now(start, j) and all(now(hold, m) for m in range(j + 1, i + 1))
                for j in range(i + 1)
                if within(trace, span, j, i)
            )
        case Count(of, at_least, span, forget):
            counted = [
                j
                for j in range(i + 1)
                if within(trace, span, j, i)
                and now(of, j)
                and not (forget is not None and any(now(forget, m) for m in range(j + 1, i + 1)))
            ]
            return len(counted) >= at_least
        case Sliced(of):
            return textbook(trace, i, of, key)


def ran(monitors: Monitors, trace: list[Event]):
    """The registers after *trace*, by the generated function; closures come to the same."""
    registers = monitors.fresh()
    step = monitors.generated()
    for event in trace:
        hits = {monitors.atoms[n]: k for n, k in event.hits.items() if n in monitors.atoms}
        slots = step(registers.slots, hits, event.at_ms + 1, event.begins)
        by_closures = monitors.stepped_by_closures(
            registers.slots, hits, event.at_ms + 1, event.begins
        )
        assert slots == by_closures
        stepped = monitors.step(registers, hits, event.at_ms, event.begins)
        assert stepped.slots == slots
        registers = stepped
    return registers


@given(st.lists(formulas, min_size=1, max_size=4), traces, st.integers(0, 60))
def test_what_monitors_say_is_the_textbook_semantics(
    several: list[Formula], trace: list[Event], at_ms: int
) -> None:
    """After any trace each formula is what the definition says at an empty event that follows."""
    monitors = Monitors({str(number): one for number, one in enumerate(several)})
    registers = ran(monitors, trace)

    whole = [*trace, Event({}, at_ms, 0)]
    for name, formula in monitors.formulas.items():
        assert monitors.holds(name, registers, at_ms) == textbook(whole, len(trace), formula)


@given(formulas, traces)
def test_nesting_sees_the_event_itself(formula: Formula, trace: list[Event]) -> None:
    """`Once` of a formula holds after an event at which the formula is true, and only then."""
    monitors = Monitors({"f": Once(formula, last(0))})
    registers = ran(monitors, trace)

    for i in range(len(trace)):
        whole = trace[: i + 1]
        so_far = ran(monitors, whole)
        expected = any(
            textbook(whole, j, formula) and whole[j].at_ms >= whole[i].at_ms for j in range(i + 1)
        )
        virtual = [*whole, Event({}, whole[i].at_ms, 0)]
        expected = expected or textbook(virtual, i + 1, formula)
        assert monitors.holds("f", so_far, whole[i].at_ms) == expected
    assert registers.names == monitors.names


@given(sliced, traces, st.sampled_from(KEYS), st.integers(0, 60))
def test_a_slice_says_of_each_key_what_the_textbook_says(
    operator: Once | Since | Count, trace: list[Event], key: str, at_ms: int
) -> None:
    """With room for all keys both bounds are exact, but for hits that name no key."""
    monitors = Monitors({"low": Sliced(operator), "up": Sliced(operator, "upper")})
    registers = ran(monitors, trace)
    truth = textbook([*trace, Event({}, at_ms, 0)], len(trace), operator, key)

    low, up = (monitors.holds(name, registers, at_ms, key) for name in ("low", "up"))

    assert up is truth
    if all(keys is not None for event in trace for keys in event.hits.values()):
        assert low is truth
    if low and isinstance(operator, Once):
        assert truth


@given(sliced, traces, st.sampled_from(KEYS), st.integers(0, 60))
def test_a_slice_without_room_still_brackets_the_truth(
    operator: Once | Since | Count, trace: list[Event], key: str, at_ms: int
) -> None:
    """Where keys had to go, the lower bound never claims and the upper one never denies."""
    trace = [Event({n: k or () for n, k in e.hits.items()}, e.at_ms, e.begins) for e in trace]
    most, cells_module.KEYS_MAX = cells_module.KEYS_MAX, 1
    try:
        monitors = Monitors({"low": Sliced(operator), "up": Sliced(operator, "upper")})
        registers = ran(monitors, trace)
    finally:
        cells_module.KEYS_MAX = most
    truth = textbook([*trace, Event({}, at_ms, 0)], len(trace), operator, key)

    low, up = (monitors.holds(name, registers, at_ms, key) for name in ("low", "up"))

    assert low <= truth <= up


@given(st.lists(formulas | sliced.map(Sliced), min_size=1, max_size=4), traces)
def test_registers_survive_being_written_down(several: list[Formula], trace: list[Event]) -> None:
    """Changes told as JSON lead to the same registers, and so does a snapshot of them."""
    monitors = Monitors({str(number): one for number, one in enumerate(several)})
    registers = NOTHING
    for event in trace:
        hits = {monitors.atoms[n]: k for n, k in event.hits.items() if n in monitors.atoms}
        after = monitors.step(registers, hits, event.at_ms, event.begins)
        told = load_json(dump_json(changes(registers, after)))
        assert isinstance(told, dict)
        assert applied(registers, told) == after
        registers = after

    assert hash(registers) == hash(registers)
    snapshot = load_json(dump_json(registers_json(registers)))
    assert isinstance(snapshot, dict)
    assert registers_of_json(snapshot) == registers


@given(st.lists(formulas, min_size=1, max_size=3), st.lists(formulas, max_size=3), traces)
def test_a_changed_monitor_begins_anew_and_no_other(
    before: list[Formula], added: list[Formula], trace: list[Event]
) -> None:
    """Under another set of monitors the old ones go on, and new ones have seen nothing."""
    old = Monitors({str(number): one for number, one in enumerate(before)})
    new = Monitors({str(number): one for number, one in enumerate([*added, *before])})
    registers = ran(old, trace)

    taken = carried(registers, new.names)

    known = dict(zip(registers.names, registers.slots, strict=True))
    for name, slot in zip(taken.names, taken.slots, strict=True):
        assert slot == known.get(name, 0)


@given(formulas, traces)
def test_an_event_that_says_nothing_changes_no_still_formula(
    formula: Formula, trace: list[Event]
) -> None:
    """Where a formula is still, an event without atoms leaves its registers as they are."""
    monitors = Monitors({"f": formula})
    registers = ran(monitors, trace)

    after = monitors.stepped_by_closures(registers.slots, {}, 61, 0)

    if is_still(formula):
        assert after == registers.slots
