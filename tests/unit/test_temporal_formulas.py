"""Formulas that no monitor can keep are refused, and the generated code holds no names."""

from __future__ import annotations

import pytest

from governance.temporal import (
    TURN,
    And,
    Atom,
    Count,
    FormulaRefused,
    Historically,
    Monitors,
    Not,
    Once,
    Since,
    Sliced,
    last,
)
from governance.temporal.formulas import COUNT_MAX, DEPTH_MAX
from governance.temporal.generated import source_of

A, B = Atom("a"), Atom("b")


def nested(depth: int):
    formula = A
    for _ in range(depth):
        formula = Not(formula)
    return formula


@pytest.mark.parametrize(
    "make",
    [
        lambda: Count(A, -1),
        lambda: Count(A, COUNT_MAX + 1),
        lambda: last(-1),
        lambda: Sliced(Once(Not(A))),
        lambda: Sliced(Since(A, B)),
        lambda: Sliced(Count(A, 1, TURN, Not(B))),
        lambda: Sliced(Once(Once(A))),
        lambda: Monitors({"f": And((Sliced(Once(A)), B))}),
        lambda: Monitors({"f": nested(DEPTH_MAX + 1)}),
    ],
)
def test_what_no_monitor_can_keep_is_refused(make) -> None:
    """The reason is given when the formula is made, not when it is stepped."""
    with pytest.raises(FormulaRefused):
        make()


def test_no_text_of_a_file_is_in_the_generated_code() -> None:
    """Names of atoms become numbers, whatever they hold."""
    evil = Atom("0 in h\n    import os")
    monitors = Monitors({"x": Once(evil), "y": Count(evil, 2, last(5)), "z": Sliced(Once(evil))})

    source = source_of(tuple(monitors.formulas.values()), monitors.atoms)

    assert "import" not in source
    assert "evil" not in source
    assert monitors.generated()(monitors.fresh().slots, {0: ()}, 7, 0)


def test_the_code_is_generated_when_it_pays() -> None:
    """The first events are stepped by closures, later ones by the one function, alike."""
    monitors = Monitors({"f": Count(A, 1_000), "g": Historically(A, TURN)})
    remembered = monitors.fresh()

    for number in range(200):
        remembered = monitors.step(remembered, {0: ()}, number)

    assert remembered.slots[0] == 200
    assert monitors.holds("g", remembered, 200) is False  # an event without `a`
