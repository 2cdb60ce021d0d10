"""
What rules demand of the past: each demand is broken, met, or not to be known.

A past event is found by two formulas, one that never claims what may not have happened and
one that never misses what may have. Where they differ, it is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from governance._attrs import frozen
from governance.rules.fact_table import Unknown
from governance.rules.kleene import Truth, all_of, any_of, negated
from governance.rules.template import Template, value_of
from governance.rules.verdicts import LABEL_CONTEXT, LABEL_TURN, History

if TYPE_CHECKING:
    from governance.rules.happenings import Pattern
    from governance.rules.matching import Condition
    from governance.rules.watching import Watch
    from governance.temporal import Formula, Monitors

FILE_SIGNS = frozenset('/\\*?[]{}"\0\n\r')
"""Signs that a placeholder of a `file` may not bring in."""

_UNTOLD = "what went before is not known"


@frozen(kw_only=True, eq=False)
class EventDemand:
    """
    A past event that is required, forbidden or limited.

    Attributes:
        lower, upper: The names of its formulas, and the formulas.

        anchored: Whether it looks back over an interval of time, and so needs the time.

        tree: It is counted at the root of the session's tree.

        what: The demand in a few words, for explanations.
    """

    patterns: tuple[Pattern, ...]
    lower: tuple[str, Formula]
    upper: tuple[str, Formula]
    anchored: bool
    tree: bool = False
    what: str = ""

    @property
    def pattern(self) -> Pattern:
        """What is looked for; the others make it forgotten."""
        return self.patterns[0]

    def found(
        self,
        facts: Mapping[str, object],
        history: History,
        monitors: Monitors,
        *,
        all_keys: bool,
    ) -> Truth:
        """
        Whether it is there, for the keys that the present event has.

        Args:
            all_keys: Each key must be found, not only one of them.
        """
        at_ms = facts.get("at_ms")
        if not isinstance(at_ms, int):
            if self.anchored:
                return Unknown("the time is not known")
            at_ms = 0
        registers = history.tree if self.tree else history.past
        if registers is None:
            return Unknown("what the whole tree of sessions did is not known")

        def one(key: str | None) -> Truth:
            """What both formulas say of *key*, or of any key at all."""
            lower, upper = (
                monitors.holds(name, registers, at_ms, key)
                if key is not None and not self.pattern.groups
                else monitors.holds_for_some(name, registers, at_ms, f"{key}/" if key else "")
                for name in (self.lower[0], self.upper[0])
            )
            if lower:
                return True
            return Unknown(f"{self.what}: {_UNTOLD}") if upper else False

        keys = self.pattern.keys(facts)
        if isinstance(keys, Unknown):
            return False if one(None) is False else keys
        if not self.pattern.same:
            return one(None if self.pattern.groups else "")
        missing = self.pattern.missing(facts)
        if missing and all_keys:
            return Unknown(f"`{missing}` is missing, so that it cannot be compared")
        results = [one(key) for key in keys]
        return all_of(results) if all_keys else any_of(results)


@frozen
class LabelDemand:
    """A label that is required or forbidden, *within* a span or so many seconds."""

    label: str
    within: str | int

    @property
    def what(self) -> str:
        """The demand in a few words."""
        return f"label `{self.label}`"

    def found(self, facts: Mapping[str, object], history: History) -> Truth:
        """Whether the session has it, young enough."""
        if self.label in history.pending_labels:
            pending: Truth = Unknown(f"{self.what} waits for a person's answer")
        else:
            pending = False
        held = history.labels.get(self.label)
        if held is None:
            return pending
        set_ms, fresh = held
        match self.within:
            case "turn":
                young = bool(fresh & LABEL_TURN)
            case "context":
                young = bool(fresh & LABEL_CONTEXT)
            case int(seconds):
                at_ms = facts.get("at_ms")
                if not isinstance(at_ms, int):
                    return Unknown("the time is not known")
                young = at_ms - set_ms <= seconds * 1000
            case _:
                young = True
        return True if young else pending


@frozen
class FileDemand:
    """A file that must be there, under a glob with placeholders."""

    template: Template

    @property
    def what(self) -> str:
        """The demand in a few words."""
        return f"file `{self.template.source}`"

    def glob(self, facts: Mapping[str, object]) -> str | Unknown:
        """The glob for this event; unknown where a placeholder could lead elsewhere."""
        for name in self.template.names:
            value = value_of(facts, name)
            if isinstance(value, bool) or not isinstance(value, (str, int)):
                return Unknown(f"`{name}` is missing, or no plain word")
            text = str(value)
            if not text.strip() or ".." in text or text == "." or FILE_SIGNS.intersection(text):
                return Unknown(f"`{name}` is no plain name: it has a sign that leads elsewhere")
        return self.template.value(facts)

    def found(self, facts: Mapping[str, object], history: History) -> Truth:
        """Whether it is there, as it was gathered before deciding."""
        glob = self.glob(facts)
        if isinstance(glob, Unknown):
            return glob
        there = history.files(glob)
        return Unknown(f"whether a file fits `{glob}` is not known") if there is None else there


Demand = EventDemand | LabelDemand | FileDemand


@frozen(kw_only=True, eq=False)
class Demands:
    """
    All demands of one rule.

    Attributes:
        requires: Groups of which each needs one that is found.
    """

    requires: tuple[tuple[Demand, ...], ...] = ()
    forbids: tuple[Demand, ...] = ()
    limit: EventDemand | None = None

    def conditions(self) -> Iterator[Condition | None]:
        """Everything that is asked of past events."""
        demands = [one for group in (*self.requires, self.forbids, (self.limit,)) for one in group]
        for one in demands:
            for pattern in one.patterns if isinstance(one, EventDemand) else ():
                yield from (pattern.match.when, pattern.result)

    def broken(self, facts: Mapping[str, object], history: History, watch: Watch | None) -> Truth:
        """Whether at least one of them is broken."""
        return any_of(truth for _, truth in self.each(facts, history, watch))

    def each(
        self, facts: Mapping[str, object], history: History, watch: Watch | None
    ) -> Iterator[tuple[str, Truth]]:
        """Each demand in words, and whether it is broken."""
        # INVARIANT: a rule set that has demands has the watch over them.
        assert watch is not None, "demands are looked at through their watch"
        monitors = watch.monitors

        def found(demand: Demand, all_keys: bool) -> Truth:
            if isinstance(demand, EventDemand):
                return demand.found(facts, history, monitors, all_keys=all_keys)
            return demand.found(facts, history)

        for group in self.requires:
            words = " or ".join(one.what for one in group)
            yield f"requires {words}", negated(any_of(found(one, True) for one in group))
        for one in self.forbids:
            yield f"forbids {one.what}", found(one, False)
        if self.limit is not None:
            yield f"limits {self.limit.what}", found(self.limit, False)

    @property
    def all(self) -> tuple[Demand, ...]:
        """Every demand."""
        listed = [one for group in self.requires for one in group]
        return (*listed, *self.forbids, *([self.limit] if self.limit is not None else []))

    @property
    def needs_history(self) -> bool:
        """Whether any of them looks at the session's past."""
        return any(not isinstance(one, FileDemand) for one in self.all)

    @property
    def files(self) -> tuple[FileDemand, ...]:
        """Those that look for a file."""
        return tuple(one for one in self.all if isinstance(one, FileDemand))
