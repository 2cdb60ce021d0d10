"""
What history costs, as ratios measured in turn within one process.

As in `bench_rules`: each function gives ``(measured, bound)``. The yardstick is the closure
tree, which is the readable form of the same monitors.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from governance.temporal import (
    CONTEXT,
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
    last,
)

RULES = 100
_ROUNDS = 40
_TIMES = 50


def _formulas() -> dict[str, Formula]:
    """A hundred formulas of every kind, as temporal rules make them."""
    made: dict[str, Formula] = {}
    for number in range(RULES):
        a, b = Atom(f"a{number % 25}"), Atom(f"b{number % 10}")
        kinds: tuple[Formula, ...] = (
            Once(a, TURN),
            Since(Not(b), a, CONTEXT),
            Count(a, 3, forget=b),
            Once(And((a, Not(b))), last(600_000)),
            Historically(Or((Not(a), b))),
        )
        made[f"f{number}"] = kinds[number % len(kinds)]
    return made


def one_function() -> tuple[float, float]:
    """One event of 100 temporal rules by the generated function, over the closure trees."""
    monitors = Monitors(_formulas())
    hits = {monitors.atoms[name]: () for name in ("a3", "a7", "b2")}
    slots = monitors.fresh().slots
    step = monitors.generated()

    def work() -> object:
        return step(slots, hits, 1_000_000, 0)

    def yardstick() -> object:
        return monitors.stepped_by_closures(slots, hits, 1_000_000, 0)

    assert work() == yardstick()
    return _ratio(work, yardstick), 1 / 8


def _ratio(work: Callable[[], object], yardstick: Callable[[], object]) -> float:
    """The median over some rounds of the time of *work* over that of *yardstick*, in turn."""
    _seconds(work), _seconds(yardstick)
    return statistics.median(_seconds(work) / _seconds(yardstick) for _ in range(_ROUNDS))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(_TIMES):
        work()
    return time.perf_counter() - start
