"""
A past that never was: events put through the monitors of a rule set, outside any session.

Examples of rules, ``governance decide --history`` and tests of packs use it. Sessions do the
same by their own rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from attrs import evolve, field

from governance._attrs import frozen
from governance.rules.ruleset import RuleSet
from governance.rules.verdicts import (
    LABEL_CONTEXT,
    LABEL_TURN,
    History,
    RuleEvent,
    no_files,
)
from governance.temporal import NOTHING, Remembered

DECIDED_BY_OUTCOME: Mapping[str, tuple[str, ...]] = {
    "asked": ("asked",),
    "denied": ("asked", "denied"),
    "allowed": ("asked", "allowed"),
    "ok": ("asked", "allowed"),
    "failed": ("asked", "allowed"),
    "unknown": ("asked", "allowed"),
}
"""What an outcome says of the moment of deciding."""

RESULTS = ("ok", "failed", "unknown")
"""Outcomes that a tool comes to after it was let through."""


@frozen(kw_only=True)
class Happening:
    """
    One thing that happened.

    Attributes:
        event: What it was, as rules see it; ``None`` where something only began anew.

        outcome: What became of it: ``ok``, ``denied`` …

        begins: What began with it, as bits (`governance.temporal.TURN_BEGAN` …).

        result: Facts of the result, such as ``exit_code``.
    """

    event: RuleEvent | None = None
    outcome: str = "ok"
    at_ms: int
    begins: int = 0
    result: Mapping[str, object] = field(factory=dict)


@frozen(kw_only=True)
class Past:
    """
    What is remembered after some happenings.

    Attributes:
        labels: Label → when it was set, and whether in this turn and context (bits).
    """

    registers: Remembered = NOTHING
    labels: Mapping[str, tuple[int, int]] = field(factory=dict)
    done_tools: frozenset[str] = frozenset()

    def history(self, files: Callable[[str], bool | None] = no_files) -> History:
        """It as rules look at it; a tree of sessions is this one alone."""
        return History(
            done_tools=self.done_tools,
            known=True,
            past=self.registers,
            tree=self.registers,
            labels=self.labels,
            files=files,
        )


def simulate(rules: RuleSet, happenings: Iterable[Happening], past: Past | None = None) -> Past:
    """
    What a session of its own would remember after *happenings*, by *rules*.

    Nothing is decided here: what became of each is taken as it is told, also where the rules
    would have refused it. Labels of rules that match what was let through are set.
    """
    known = past or Past()
    for one in happenings:
        known = _after(rules, one, known)
    return known


def _after(rules: RuleSet, one: Happening, past: Past) -> Past:
    if one.begins:
        past = _begun(rules, one, past)
    if one.event is None:
        return past
    event = evolve(one.event, facts={**one.event.facts, "at_ms": one.at_ms})
    labels = _labels(rules, one, event, past)
    past = _remembered(rules, one, event, past)
    done = past.done_tools
    if event.on == "tool" and one.outcome == "ok":
        done |= {str(event.facts.get("tool"))}
    return evolve(past, labels=labels, done_tools=done)


def _begun(rules: RuleSet, one: Happening, past: Past) -> Past:
    registers = past.registers
    if rules.watch is not None:
        registers = rules.watch.monitors.step(registers, {}, one.at_ms, one.begins)
    if one.begins == _EVERYTHING:
        return Past(registers=registers)
    labels = {name: (at, fresh & ~one.begins) for name, (at, fresh) in past.labels.items()}
    return evolve(past, registers=registers, labels=labels)


_EVERYTHING = 7


def _labels(
    rules: RuleSet, one: Happening, event: RuleEvent, past: Past
) -> Mapping[str, tuple[int, int]]:
    if "allowed" not in DECIDED_BY_OUTCOME[one.outcome]:
        return past.labels
    verdicts = rules.decide(event, past.history()).verdicts
    new = {label: (one.at_ms, LABEL_TURN | LABEL_CONTEXT) for v in verdicts for label in v.labels}
    return {**past.labels, **new} if new else past.labels


def _remembered(rules: RuleSet, one: Happening, event: RuleEvent, past: Past) -> Past:
    watch = rules.watch
    if watch is None:
        return past
    registers, step = past.registers, watch.monitors.step
    marks = watch.marks(event)
    outcomes = DECIDED_BY_OUTCOME[one.outcome]
    if event.on != "tool":
        outcomes += ("ok",) if one.outcome == "ok" else ()
        hits = watch.hits(marks, outcomes, tree=True)
        return evolve(past, registers=step(registers, hits, one.at_ms))
    registers = step(registers, watch.hits(marks, outcomes, tree=True), one.at_ms)
    if one.outcome in RESULTS:
        result = {**event.facts, **one.result, "outcome": one.outcome}
        ended = evolve(event, on="tool-result", facts=result)
        marks = (*marks, *watch.late_marks(ended))
        hits = watch.hits(marks, (one.outcome,), result=result, tree=True)
        registers = step(registers, hits, one.at_ms)
    return evolve(past, registers=registers)
