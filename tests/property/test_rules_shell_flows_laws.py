"""What flows to what in a line, through any number of commands."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from governance.rules.kleene import Truth
from governance.rules.shell_flows import Flows
from governance.rules.vocabulary import Unknown

GRAPHS = st.integers(1, 9).flatmap(
    lambda count: st.lists(
        st.lists(st.integers(-1, count), max_size=4), min_size=count, max_size=count
    )
)


def walked(feeds: list[list[int]], start: int) -> set[int]:
    """What is reached from a command, step by step."""
    found: set[int] = set()
    waiting = list(feeds[start])
    while waiting:
        one = waiting.pop()
        if 0 <= one < len(feeds) and one not in found:
            found.add(one)
            waiting += feeds[one]
    return found


@given(feeds=GRAPHS)
def test_everything_behind_a_command_is_reached_and_nothing_else(feeds: list[list[int]]) -> None:
    """In order, also where commands feed each other in a circle."""
    flows = Flows(feeds)

    for position in range(len(feeds)):
        assert list(flows.reached(position)) == sorted(walked(feeds, position))


@given(
    feeds=GRAPHS,
    answers=st.lists(st.sampled_from([True, False, Unknown("why")]), min_size=9, max_size=9),
)
def test_what_holds_of_some_command_that_is_reached_holds(
    feeds: list[list[int]], answers: list[Truth]
) -> None:
    """True before unknown before false; no command is asked twice for the same."""
    flows = Flows(feeds)
    asked: list[int] = []

    def holds(one: int) -> Truth:
        asked.append(one)
        return answers[one]

    for position in (*range(len(feeds)), *range(len(feeds))):
        of_reached = [answers[one] for one in walked(feeds, position)]
        made = flows.any_holds("x", position, holds)
        assert (made is True) == any(one is True for one in of_reached)
        assert (made is False) == all(one is False for one in of_reached)
    assert len(asked) == len(set(asked))


def test_a_thousand_commands_that_feed_hundreds_are_followed_at_once() -> None:
    """Three groups of which each command feeds all of the next group."""
    size = 333
    feeds = [
        list(range((at // size + 1) * size, (at // size + 2) * size)) for at in range(2 * size)
    ] + [[]] * size
    before = time.thread_time()

    flows = Flows(feeds)

    assert sum(1 for _ in flows.reached(0)) == 2 * size
    assert all(flows.any_holds("x", one, lambda _: False) is False for one in range(3 * size))
    assert time.thread_time() - before < 1.0
