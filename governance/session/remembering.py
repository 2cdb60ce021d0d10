"""
What a session remembers for rules that look back: each row tells what it changed of it.

Monitors step where rows are made, and rows carry the registers that changed, so that replay
needs no rules. The marks of a call wait with it for its outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import frozen
from governance.machine import Step
from governance.rules.verdicts import RuleEvent
from governance.session.state import OpenCall, SessionState
from governance.states import State
from governance.temporal.registers import carried, changes
from governance.values import Json

if TYPE_CHECKING:
    from governance.rules.happenings import Mark
    from governance.rules.watching import Watch
    from governance.temporal.cells import Keys

TURN_BEGAN, CONTEXT_BEGAN, EPOCH_BEGAN = 1, 2, 7
"""What begins anew, as bits; `governance.temporal.formulas` has the same."""

_DECIDED: Mapping[str, tuple[str, ...]] = {
    "allow": ("asked", "allowed"),
    "warn": ("asked", "allowed"),
    "rewrite": ("asked", "allowed"),
    "ask": ("asked",),
    "deny": ("asked", "denied"),
    "halt": ("asked", "denied"),
}
"""What a decision says; a call put to a person is allowed once it has run."""

_OUTCOMES: Mapping[str, str] = {"refused": "denied"}


@frozen
class Seen:
    """
    What one row adds to what a session remembers.

    Attributes:
        hits: Atoms that hold, by number.

        begins: What begins with it, as bits.

        marks: What patterns said of a call that is open now.

        counted: Atoms that hold at the root of the session's tree.
    """

    hits: Mapping[int, Keys] = field(factory=dict)
    begins: int = 0
    marks: tuple[Mark, ...] = ()
    counted: Mapping[int, Keys] = field(factory=dict)


NOTHING_SEEN = Seen()


def decided(
    watch: Watch | None, state: SessionState, event: RuleEvent, action: str, begins: int = 0
) -> Seen:
    """A call, prompt or command, and what was decided on it."""
    if watch is None:
        return Seen(begins=begins) if begins else NOTHING_SEEN
    marks = watch.marks(event)
    outcomes = _DECIDED[action]
    if event.on != "tool" and "allowed" in outcomes:
        outcomes = (*outcomes, "ok")
    let_through = action not in ("deny", "halt")
    return _seen(watch, state, marks, outcomes, begins=begins, kept=marks if let_through else ())


def finished(
    watch: Watch | None,
    state: SessionState,
    call: OpenCall,
    outcome: str,
    result: RuleEvent | None,
    *,
    asked: bool,
) -> Seen:
    """
    A call's outcome, with the marks that waited for it.

    Args:
        result: The result as rules see it; ``None`` where none was reported.

        asked: Whether leave was asked for the call; else it is looked at now.
    """
    if watch is None:
        return NOTHING_SEEN
    from governance.rules.happenings import Mark

    marks: list[Mark] = [Mark.from_json(one) for one in call.marks]
    name = _OUTCOMES.get(outcome, outcome)
    outcomes: tuple[str, ...] = (name,)
    if result is not None and not asked:
        marks += watch.marks(RuleEvent("tool", result.facts, result.call))
        # A call without an id was asked about, and nothing tells which it was.
        outcomes = ("allowed", name) if call.call_id else (name,)
        if call.call_id and state.denied_call(call.call_id) is None:
            outcomes = ("asked", *outcomes)
    elif call.questioned and outcome in ("ok", "failed"):
        outcomes = ("allowed", name)
    facts: Mapping[str, object] = {"outcome": outcome}
    if result is not None:
        marks += watch.late_marks(result)
        facts = result.facts
    return _seen(watch, state, marks, outcomes, result=facts)


def _seen(
    watch: Watch,
    state: SessionState,
    marks: Sequence[Mark],
    outcomes: Sequence[str],
    *,
    result: Mapping[str, object] | None = None,
    begins: int = 0,
    kept: tuple[Mark, ...] = (),
) -> Seen:
    child = bool(state.identity.parent)
    counted: Mapping[int, Keys] = {}
    if child and watch.tree:
        counted = watch.hits(marks, outcomes, result=result, tree=True, own=False)
    hits = watch.hits(marks, outcomes, result=result, tree=not child)
    return Seen(hits, begins, kept, counted)


def begun(kind: str, step: Step | None, *, history_lost: bool) -> int:
    """What begins anew with a row, as bits, besides the turn of a prompt."""
    if kind == "session.compacted":
        return CONTEXT_BEGAN
    if step is None:
        return 0
    before, after = step.before, step.after
    if after.epoch > before.epoch and before.epoch:
        return EPOCH_BEGAN
    compacted = (after.state is State.COMPACTED and before.state is not State.COMPACTED) or (
        after.left is State.COMPACTED
        and before.left is not State.COMPACTED
        and before.state is not State.COMPACTED
    )
    lost = history_lost and step.event in ("start", "resume", "turn_start")
    return CONTEXT_BEGAN if compacted or lost else 0


def told(
    watch: Watch | None, state: SessionState, seen: Seen, begins: int, at_ms: int
) -> dict[str, Json]:
    """What a row says of what it changed in *state*, or nothing when it changes nothing."""
    begins |= seen.begins
    made: dict[str, Json] = {}
    if watch is None:
        if state.past.names:
            # Whoever looked back is gone; should it come back, it begins anew.
            made |= changes(state.past, carried(state.past, ()))
    elif seen.hits or begins or state.past.names not in ((), watch.monitors.names):
        after = watch.monitors.step(state.past, seen.hits, at_ms, begins)
        if state.past.names or any(after.slots):
            made |= changes(state.past, after)
    if begins and state.labels:
        made["begins"] = begins
    if seen.marks:
        made["marks"] = [one.as_json() for one in seen.marks]
    return made
