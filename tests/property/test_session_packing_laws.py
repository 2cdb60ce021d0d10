"""Laws of what a live session keeps packed: nothing is lost in it."""

from __future__ import annotations

from attrs import astuple, evolve, fields_dict
from hypothesis import given
from hypothesis import strategies as st

from governance.context import Anchor
from governance.ledger import StepTaken
from governance.ledger.escalation import packed_steps, unpacked_steps
from governance.session.metrics import NO_COUNTS, Metrics, add_counts
from governance.session.stall import NO_STALLS, WINDOW, StallWindow, detect, see_call, see_result
from governance.session.state import OpenCall, SessionState, packed_anchors

COUNT_MAX = 2**32 - 1
NAMES = sorted(fields_dict(Metrics))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
anchors = st.builds(Anchor, texts, texts, texts, texts, st.integers(0, 2**63 - 1))
moments = st.integers(-(2**63) + 1, 2**63 - 1)
several_names = st.lists(texts, max_size=2).map(tuple)
steps = st.builds(
    StepTaken,
    texts,
    st.sampled_from(["warn", "ask", "deny", "halt"]),
    texts,
    moments,
    st.none() | moments,
    several_names,
    several_names,
    st.integers(0, 2**40),
)
windows = st.binary(max_size=4 * WINDOW)
edges = st.sampled_from([0, 1, 2**16 - 1, 2**16, COUNT_MAX - 1, COUNT_MAX])


@given(st.lists(anchors, max_size=4))
def test_packed_anchors_are_the_anchors(several: list[Anchor]) -> None:
    """A state gives back the anchors that were packed into it, in their order."""
    state = SessionState("s", kept_anchors=packed_anchors(several))
    assert state.anchors == tuple(several)


@given(st.lists(st.tuples(st.sampled_from(NAMES), edges), max_size=6))
def test_packed_counts_add_up(changes: list[tuple[str, int]]) -> None:
    """Counts add up to the end of their range whatever they are packed in, and stay there."""
    packed, expected = NO_COUNTS, dict.fromkeys(NAMES, 0)
    for name, count in changes:
        packed = add_counts(packed, **{name: count})
        expected[name] = min(expected[name] + count, COUNT_MAX)
    metrics = Metrics.unpacked(packed)
    assert metrics == Metrics(**expected)
    # Equal counts are equal bytes: states are compared by them.
    assert metrics.packed() == packed
    assert len(astuple(metrics)) == len(NAMES)


@given(st.lists(steps, max_size=4))
def test_packed_steps_are_the_steps(several: list[StepTaken]) -> None:
    """Steps of the ladder come back as they were, whatever sessions share of them."""
    assert unpacked_steps(*packed_steps(several)) == tuple(several)


@given(steps, moments)
def test_steps_that_differ_in_their_times_alone_share_the_rest(one: StepTaken, at_ms: int) -> None:
    """What a step says is held once for all sessions that took it at whatever time."""
    first, second = packed_steps([one])[0], packed_steps([evolve(one, since_ms=at_ms)])[0]
    assert first is second


def test_times_beyond_64_bits_are_the_nearest() -> None:
    """A step that a row lets last for ever lasts as long as can be told, and is no endless one."""
    far = StepTaken("s", "deny", "", since_ms=-(2**70), until_ms=2**70)
    gone = evolve(far, until_ms=-(2**70))

    assert [(one.since_ms, one.until_ms) for one in unpacked_steps(*packed_steps([far, gone]))] == [
        (-(2**63), 2**63 - 1),
        (-(2**63), -(2**63) + 1),
    ]


@given(windows, windows, windows)
def test_packed_windows_are_the_windows(failures: bytes, calls: bytes, delegates: bytes) -> None:
    """The three windows of a session come back as they were; empty ones are the shared none."""
    window = StallWindow(failures, calls, delegates)
    assert StallWindow.unpacked(window.packed()) == window
    assert (window.packed() == NO_STALLS) == (window == StallWindow())


@given(st.lists(st.sampled_from(["call", "ok", "failed", "refused"]), max_size=30))
def test_packed_windows_stay_bounded(events: list[str]) -> None:
    """However long a session goes on, its windows end; a success leaves no failure behind."""
    packed = NO_STALLS
    for event in events:
        if event == "call":
            packed = see_call(packed, event, "helper")
        else:
            packed = see_result(packed, event, "", "")
        window = StallWindow.unpacked(packed)
        assert all(len(one) <= 4 * WINDOW for one in astuple(window))
        assert event != "ok" or not window.failures


def _run(names: list[str]) -> int:
    """How many equal ones stand at the end."""
    return next((n for n, one in enumerate(reversed(names)) if one != names[-1]), len(names))


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["", "x", "y"]), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    st.integers(2, 4),
)
def test_a_pattern_is_told_where_it_first_shows(
    calls: list[tuple[str, str, bool]], repeats_max: int
) -> None:
    """A run when it is just so long, A-B-A-B when A-B did not precede it; a success clears runs."""
    packed = NO_STALLS
    intents: list[str] = []
    agents: list[str] = []
    failures: list[str] = []
    for intent, agent, works in calls:
        intents.append(intent)
        agents += [agent] if agent else []
        failures = [] if works else [*failures, intent]
        packed = see_call(packed, intent, agent)
        outcome, error = ("ok", "") if works else ("failed", f"line {len(intents)}: broken")
        packed = see_result(packed, outcome, intent, error)

    expected: set[str] = set()
    if failures and _run(failures) == repeats_max:
        expected.add("same_failure")
    if agents and _run(agents) == repeats_max:
        expected.add("same_delegate")
    first, last = intents[-2:-1], intents[-1:]
    before = intents[-5:-4]
    if first != last and intents[-4:] == [*first, *last] * 2 and before != last:
        expected.add("oscillation")
    assert {one.kind for one in detect(packed, repeats_max=repeats_max)} == expected


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "a", "b"])), max_size=5))
def test_an_outcome_finds_the_call_it_is_of(calls: list[tuple[str, str]]) -> None:
    """By its own id, else by what a call runs as; of several the first."""
    opened = tuple(
        OpenCall(ident, "shell", str(at), 0, runs_as=runs_as)
        for at, (ident, runs_as) in enumerate(calls)
    )
    state = evolve(SessionState("s"), open_calls=opened)
    for asked in "abc":
        found = [one for one in opened if one.call_id == asked]
        found += [one for one in opened if one.runs_as == asked]
        assert state.open_call(asked) == (found[0] if found else None)
