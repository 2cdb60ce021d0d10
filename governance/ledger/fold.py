"""The ledger itself: what rows about violations, halts, steps and approvals add up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from sys import intern
from typing import Any, cast

from attrs import evolve

from governance._attrs import frozen
from governance.ledger import approvals as _approvals
from governance.ledger.approvals import Approval
from governance.ledger.escalation import (
    StepTaken,
    packed_steps,
    strictest_first,
    taken,
    unpacked_steps,
)
from governance.ledger.violations import NONE, SEVERITIES, Violation, Violations
from governance.values import Json

HALTS_MAX = 64
"""Halts told apart by their rule; what comes on top only a pardon of all lifts."""


@frozen
class Halt:
    """
    A latched stop: nothing asked for may happen until a person pardons it.

    Attributes:
        rule: The rule or step that made it; ``""`` when only a pardon of all can lift it.

        reason: What the model and the person read.

        scope: ``"turn"``: the turn was stopped; ``"session"``: the session was. Both hold
            until a pardon; the scope says what the host was told to stop.
    """

    rule: str
    reason: str
    scope: str
    at_ms: int


@frozen(weakref_slot=False)
class Ledger:
    """
    What one session has to answer for. Immutable: `apply` gives the next one.

    Attributes:
        halts: In the order in which they were made.

        step_kinds: `steps` without their times, shared with sessions that took the same.

        step_times: The times of `steps`, packed.

        approvals: Questions that wait and leave that was given.
    """

    violations: Violations = NONE
    halts: tuple[Halt, ...] = ()
    step_kinds: tuple[StepTaken, ...] = ()
    step_times: bytes = b""
    approvals: tuple[Approval, ...] = ()

    @property
    def steps(self) -> tuple[StepTaken, ...]:
        """Steps of the ladder, ended ones perhaps still among them: ask `in_force`."""
        return unpacked_steps(self.step_kinds, self.step_times) if self.step_kinds else ()

    def _with_steps(self, steps: Iterable[StepTaken]) -> Ledger:
        kinds, times = packed_steps(steps)
        return evolve(self, step_kinds=kinds, step_times=times)

    @property
    def total(self) -> int:
        """How many violations stand, pardoned ones not among them."""
        return len(self.violations)

    @property
    def counts(self) -> dict[str, int]:
        """How many violations stand, by severity, the gravest last."""
        if not self.violations:
            return {}
        made = self.violations.counts("severity")
        return {name: made[name] for name in SEVERITIES if name in made}

    def count_by(self, by: str) -> dict[str, int]:
        """How many stand, by ``rule``, ``role`` or ``intent`` (marks of `intent_mark`)."""
        made = self.violations.counts(by)
        return {name: made[name] for name in sorted(made)}

    def approval(self, approval_id: str) -> Approval | None:
        """The open approval of that id, if there is one."""
        for one in self.approvals:
            if one.id == approval_id:
                return one
        return None

    def open_approvals(self, now_ms: int) -> tuple[Approval, ...]:
        """What still waits for a person at *now_ms*, oldest first."""
        return tuple(one for one in self.approvals if one.status == "asked" and one.open_at(now_ms))

    def plus(self, violation: Violation) -> Ledger:
        """This ledger with *violation* counted, at the time that it carries."""
        return evolve(self, violations=self.violations.add(violation))

    def apply(self, kind: str, body: Mapping[str, Json], at_ms: int) -> Ledger:
        """
        This ledger after the row of *kind* with *body*, written at *at_ms*.

        Rows of other kinds give this very ledger, so that ``is`` tells whether it changed.
        """
        if kind not in _KINDS:
            return self
        if kind == "violation.counted":
            return self.plus(Violation.from_json(body, at_ms))
        if kind == "approval.asked":
            return evolve(self, approvals=_approvals.asked(self.approvals, body, at_ms))
        if kind == "approval.settled":
            return evolve(self, approvals=_approvals.settled(self.approvals, body))
        if kind == "session.escalated":
            return self._with_steps(taken(self.steps, body, at_ms))
        if kind == "session.halted":
            return evolve(self, halts=_halt(self.halts, body, at_ms))
        if kind == "violation.pardoned":
            return self._pardon(str(body.get("rule") or ""))
        if kind in ("session.gap", "session.damaged"):
            return evolve(self, halts=_damage(self.halts, kind, body, at_ms))
        if kind == "session.repaired":
            return evolve(self, halts=tuple(one for one in self.halts if one.rule != DAMAGE))
        carried = body.get("carried") if kind in BEGINNINGS else None
        if isinstance(carried, Mapping):
            return Ledger.from_json(carried)
        return self

    def _pardon(self, rule: str) -> Ledger:
        if not rule:
            return Ledger(
                violations=self.violations.pardon(""),
                # What is lost is not forgiven with what was done: it is accepted by itself.
                halts=tuple(one for one in self.halts if one.rule == DAMAGE),
                approvals=self.approvals,
            )
        return Ledger(
            violations=self.violations.pardon(rule),
            halts=tuple(one for one in self.halts if one.rule == DAMAGE or one.rule != rule),
            approvals=self.approvals,
        )._with_steps(one for one in self.steps if one.id != rule and rule not in one.rules)

    def carry(self) -> dict[str, Json]:
        """
        What goes on to a successor session, as ``carried`` of its ``session.created`` row.

        Violations, halts and steps do; approvals stay behind, for each is bound to the
        session that asked.
        """
        return evolve(self, approvals=()).as_json()

    def as_json(self) -> dict[str, Json]:
        """This ledger as JSON, for a snapshot."""
        return {
            "violations": self.violations.as_json(),
            "halts": [[one.rule, one.reason, one.scope, one.at_ms] for one in self.halts],
            "steps": [one.as_json() for one in self.steps],
            "approvals": [one.as_json() for one in self.approvals],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Ledger:
        """
        The ledger that `as_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: *data* is nothing that `as_json` wrote.
        """
        wrote = cast("Mapping[str, Any]", data)
        return cls(
            violations=Violations.from_json(wrote["violations"]),
            halts=tuple(Halt(*one) for one in wrote["halts"]),
            approvals=tuple(Approval.from_json(one, 0) for one in wrote["approvals"]),
        )._with_steps(StepTaken.from_json(one, 0) for one in wrote["steps"])


BEGINNINGS = frozenset({"session.created", "session.branched"})
"""Kinds whose rows may carry the ledger of the session that is followed."""

_KINDS = BEGINNINGS | frozenset(
    {
        "violation.counted",
        "violation.pardoned",
        "approval.asked",
        "approval.settled",
        "session.escalated",
        "session.halted",
        "session.gap",
        "session.damaged",
        "session.repaired",
    }
)

DAMAGE = "@damage"
"""In place of a rule: what halts a session whose journal has lost rows."""

EMPTY = Ledger()
"""The ledger of a session that has nothing to answer for; sessions share it."""


def _halt(halts: tuple[Halt, ...], body: Mapping[str, Json], at_ms: int) -> tuple[Halt, ...]:
    rule = intern(str(body.get("rule") or body.get("by") or ""))
    reason = intern(str(body.get("why") or body.get("reason") or rule or "halted"))
    scope = intern(str(body.get("scope", "session")))
    if any(one.rule == rule for one in halts):
        return halts
    if len(halts) >= HALTS_MAX:
        rule = ""
        halts = halts[:-1]
    return (*halts, Halt(rule, reason, scope, at_ms))


def _damage(
    halts: tuple[Halt, ...], kind: str, body: Mapping[str, Json], at_ms: int
) -> tuple[Halt, ...]:
    others = tuple(one for one in halts if one.rule != DAMAGE)
    if kind == "session.gap" and len(others) < len(halts):
        return halts  # one stretch is told of; the row at the end tells of all
    what = str(body.get("what") or "rows are lost")
    reason = (
        f"{what} from the session's journal, and nothing may be done here before a person "
        "accepts that: `governance repair --accept`"
    )
    return (Halt(DAMAGE, intern(reason), "session", at_ms), *others)


def damage(ledger: Ledger) -> str:
    """What is lost of the session's journal, until a person has accepted that; or ``""``."""
    return next((one.reason for one in ledger.halts if one.rule == DAMAGE), "")


def halted(ledger: Ledger, now_ms: int | None = None) -> str | None:
    """
    Why nothing may happen now, or ``None``.

    A step of the ladder whose action is *halt* counts as long as it is in force; without
    *now_ms* as long as it has not been forgotten.
    """
    for halt in ledger.halts:
        return halt.reason
    for step in ledger.steps:
        if step.action == "halt" and (now_ms is None or step.holds_at(now_ms)):
            return step.message or step.id
    return None


def in_force(ledger: Ledger, now_ms: int) -> tuple[StepTaken, ...]:
    """The steps that hold at *now_ms*, strictest first."""
    return strictest_first(one for one in ledger.steps if one.holds_at(now_ms))


def find_approval(ledger: Ledger, key: str, now_ms: int) -> Approval | None:
    """The granted approval of *key* that can be used at *now_ms*, if there is one."""
    for one in ledger.approvals:
        if one.key == key and one.status == "granted" and one.open_at(now_ms):
            return one
    return None
