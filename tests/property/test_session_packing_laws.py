"""Laws of what a live session keeps packed: nothing is lost in it."""

from __future__ import annotations

from attrs import astuple, fields_dict
from hypothesis import given
from hypothesis import strategies as st

from governance.context import Anchor
from governance.session.metrics import NO_COUNTS, Metrics, add_counts
from governance.session.state import SessionState, packed_anchors

COUNT_MAX = 2**32 - 1
NAMES = sorted(fields_dict(Metrics))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
anchors = st.builds(Anchor, texts, texts, texts, texts, st.integers(0, 2**63 - 1))
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
