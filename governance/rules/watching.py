"""What the rules of one set watch: their patterns, and the monitors that remember."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import field

from governance._attrs import define
from governance.rules.building_demands import MAYBE, SURE, TREE
from governance.rules.demands import Demands, EventDemand
from governance.rules.fact_table import TOOL_EVENTS
from governance.rules.facts import MEANT, one_by_one
from governance.rules.happenings import ALL_KEYS, Mark, Pattern, marks_of
from governance.rules.verdicts import RuleEvent
from governance.temporal import Formula, Monitors
from governance.temporal.cells import Keys

MEMO_MAX = 4_096


@define(eq=False)
class Watch:
    """
    Every pattern and monitor of a rule set; immutable but for what it has looked up.

    Attributes:
        tree: Whether any rule counts over a tree of sessions.
    """

    patterns: Mapping[str, Pattern]
    monitors: Monitors
    tree: bool
    _about: dict[tuple[str, str, str, str], tuple[Pattern, ...]] = field(factory=dict, init=False)

    def marks(self, event: RuleEvent) -> tuple[Mark, ...]:
        """What the patterns say of *event*, which is being decided."""
        return tuple(marks_of(self._of_all(event), event, late=False))

    def late_marks(self, event: RuleEvent) -> tuple[Mark, ...]:
        """What those patterns say of a result that wait for one."""
        return tuple(marks_of(self._of_all(event), event, late=True))

    def hits(
        self,
        marks: Iterable[Mark],
        outcomes: Sequence[str],
        *,
        result: Mapping[str, object] | None = None,
        tree: bool = False,
        own: bool = True,
    ) -> dict[int, Keys]:
        """
        The atoms that *marks* make true with these outcomes.

        Marks of patterns that the rules no longer have say nothing.

        Args:
            result: The facts of the result, when there is one.

            tree: Count what is counted over the tree of sessions.

            own: Count what is counted in the session alone.
        """
        numbers = self.monitors.atoms
        found: dict[int, Keys] = {}
        prefixes = [*([""] if own else []), *([TREE] if tree else [])]
        for mark in marks:
            pattern = self.patterns.get(mark.pattern)
            if pattern is None or (pattern.on == "tool-result" and result is None):
                continue
            told = mark if result is None else pattern.with_result(mark, result)
            if told is None:
                continue
            for outcome in outcomes:
                for prefix in prefixes:
                    name = f"{prefix}{mark.pattern}.{outcome}"
                    if told.sure:
                        _add(found, numbers.get(name + SURE), told.sure)
                    _add(found, numbers.get(name + MAYBE), told.maybe)
        # What is not kept apart itself concerns every key of what it makes forgotten.
        return {n: None if keys == (ALL_KEYS,) else keys for n, keys in found.items()}

    def _of_all(self, event: RuleEvent) -> tuple[Pattern, ...]:
        """The patterns about *event* and about what its call comes to."""
        if MEANT not in event.facts:
            return self._patterns(event)
        about = (one for each in one_by_one(event) for one in self._patterns(each))
        return tuple({one.id: one for one in about}.values())

    def _patterns(self, event: RuleEvent) -> tuple[Pattern, ...]:
        facts = event.facts
        key = (event.on, "", "", "")
        if event.on in TOOL_EVENTS:
            tool, native, host = facts.get("tool"), facts.get("native"), facts.get("host")
            key = ("tool", str(tool), str(native or ""), str(host or ""))
        known = self._about.get(key)
        if known is None:
            known = tuple(one for one in self.patterns.values() if one.about(event))
            if len(self._about) >= MEMO_MAX:
                self._about.clear()
            self._about[key] = known
        return known


def _add(found: dict[int, Keys], number: int | None, keys: Keys) -> None:
    if number is None:
        return
    before = found.get(number, ())
    found[number] = (
        None if keys is None or before is None else tuple(dict.fromkeys((*before, *keys)))
    )


def watch_of(demands: Iterable[Demands]) -> Watch:
    """The watch over everything that *demands* look back at."""
    patterns: dict[str, Pattern] = {}
    formulas: dict[str, Formula] = {}
    tree = False
    for one in demands:
        for demand in one.all:
            if isinstance(demand, EventDemand):
                patterns.update((each.id, each) for each in demand.patterns)
                formulas.update((demand.lower, demand.upper))
                tree = tree or demand.tree
    return Watch(patterns, Monitors(formulas), tree)
