"""Every edge of the documented session diagram is a move of the shipped machine."""

from __future__ import annotations

import pytest

from governance.machine import load_machine

# The documented diagram: five states, and `[*]` for what is outside of them.
DOCUMENTED = [
    ("absent", "beginning", "start"),
    ("beginning", "compacted", "compact"),
    ("beginning", "interrupted", "interrupt"),
    ("beginning", "resumed", "resume"),
    ("compacted", "beginning", "reset"),
    ("interrupted", "ended", "end"),
    ("resumed", "beginning", "reset"),
    ("beginning", "between-turn", "brief"),
    ("compacted", "between-turn", "brief"),
    ("between-turn", "compacted", "compact"),
    ("between-turn", "interrupted", "interrupt"),
    ("interrupted", "resumed", "resume"),
    ("interrupted", "beginning", "resume"),
]


@pytest.mark.parametrize(("source", "target", "event"), DOCUMENTED)
def test_edge(source: str, target: str, event: str) -> None:
    """The edge is there, under the event that stands for it here."""
    edges = {(one[0], one[2], one[1]) for one in load_machine().definition.moves()}
    assert (source, target, event) in edges
