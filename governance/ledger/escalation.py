"""Steps that follow repeated violations: which are taken, and which hold now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from struct import Struct
from sys import intern
from typing import TYPE_CHECKING

from attrs import evolve

from governance._attrs import frozen
from governance.ledger.approvals import names_of
from governance.ledger.violations import Violation, matching
from governance.values import Json

if TYPE_CHECKING:
    from governance.ledger.fold import Ledger
    from governance.rules.format import Escalation

STEPS_MAX = 64
"""Steps that one session may have in force."""

_RANK = {"halt": 0, "deny": 1, "ask": 2, "warn": 3}


_TIMES = Struct("<qq")
_TIME_MIN, _TIME_MAX = -(2**63), 2**63 - 1
_NO_END = _TIME_MIN
"""Stands for a step without an end; no time is packed as it."""


@frozen
class StepTaken:
    """
    A step of the ladder that a session has reached.

    Attributes:
        action: ``"warn"``, ``"ask"``, ``"deny"`` or ``"halt"``.

        tools: What it holds for, as the pack writes it; empty: every tool.

        since_ms: When it was taken.

        until_ms: When it ends, or ``None``: only a pardon ends it.

        rules: The rules whose violations brought it; a pardon of one of them ends it.

        count: How many calls did such violations.
    """

    id: str
    action: str
    message: str
    since_ms: int
    until_ms: int | None
    tools: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    count: int = 0

    def as_json(self) -> dict[str, Json]:
        """The body of a ``session.escalated`` row."""
        return {
            "step": self.id,
            "action": self.action,
            "message": self.message,
            "since_ms": self.since_ms,
            "until_ms": self.until_ms,
            "tools": list(self.tools),
            "rules": list(self.rules),
            "count": self.count,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Json], at_ms: int) -> StepTaken:
        """The step that a row tells of; without an end it holds until a pardon."""
        since_ms, until_ms, count = body.get("since_ms"), body.get("until_ms"), body.get("count")
        action = str(body.get("action", "deny"))
        return cls(
            id=intern(str(body.get("step", ""))),
            # A word of a later version is taken for the strictest.
            action=intern(action if action in _RANK else "halt"),
            message=intern(str(body.get("message", ""))),
            since_ms=since_ms if isinstance(since_ms, int) else at_ms,
            until_ms=until_ms if isinstance(until_ms, int) else None,
            tools=names_of(body.get("tools")),
            rules=names_of(body.get("rules")),
            count=count if isinstance(count, int) else 0,
        )

    def holds_at(self, now_ms: int) -> bool:
        """Whether it is in force at *now_ms*."""
        return self.until_ms is None or now_ms < self.until_ms


def packed_steps(steps: Iterable[StepTaken]) -> tuple[tuple[StepTaken, ...], bytes]:
    """
    *steps* as a session keeps them: what it shares with others, and its own times.

    The first is *steps* without times, one tuple for all sessions that took the same. A time
    that 64 bits do not hold becomes the nearest that they do.
    """
    kinds: list[StepTaken] = []
    times: list[bytes] = []
    for one in steps:
        until_ms = _NO_END if one.until_ms is None else max(_NO_END + 1, one.until_ms)
        times.append(_TIMES.pack(_held(one.since_ms), _held(until_ms)))
        kinds.append(evolve(one, since_ms=0, until_ms=None))
    return _shared(tuple(kinds)), b"".join(times)


def unpacked_steps(kinds: tuple[StepTaken, ...], times: bytes) -> tuple[StepTaken, ...]:
    """The steps that `packed_steps` was given."""
    return tuple(
        evolve(one, since_ms=since_ms, until_ms=None if until_ms == _NO_END else until_ms)
        for one, (since_ms, until_ms) in zip(kinds, _TIMES.iter_unpack(times), strict=True)
    )


def _held(time_ms: int) -> int:
    return max(_TIME_MIN, min(time_ms, _TIME_MAX))


@lru_cache(maxsize=4096)
def _shared(kinds: tuple[StepTaken, ...]) -> tuple[StepTaken, ...]:
    return kinds


def strictest_first(steps: Iterable[StepTaken]) -> tuple[StepTaken, ...]:
    """*steps* by action, halt before deny before ask before warn; ties by id."""
    return tuple(sorted(steps, key=lambda one: (_RANK[one.action], one.id)))


def taken(
    steps: tuple[StepTaken, ...], body: Mapping[str, Json], at_ms: int
) -> tuple[StepTaken, ...]:
    """*steps* after one more; what has ended by then is forgotten."""
    new = StepTaken.from_json(body, at_ms)
    kept = [one for one in steps if one.id != new.id and one.holds_at(at_ms)]
    if len(kept) >= STEPS_MAX:
        # The mildest goes: losing a strict one would let through what it holds back.
        kept = list(strictest_first(kept))[: STEPS_MAX - 1]
    return (*kept, new)


def escalate(
    ledger: Ledger, violation: Violation, escalations: Iterable[Escalation], now_ms: int
) -> tuple[StepTaken, ...]:
    """
    The steps that *violation* brings, strictest first; *ledger* has it counted already.

    A step is taken when *violation* is of its kind and the window that reaches back from
    *now_ms* holds its count. A step that is in force is not taken again. Counts are exact
    while the window lies within the newest violations; beyond them they are never too low
    (`violations.matching`).

    What a step in force itself refuses is no violation and must not be handed in here:
    a step that fed itself would never end.
    """
    made = []
    for step in escalations:
        of = step.of
        if (
            (of.severity and violation.severity not in of.severity)
            or (of.rule and violation.rule not in of.rule)
            or (of.role and violation.role not in of.role)
            or any(one.id == step.id and one.holds_at(now_ms) for one in ledger.steps)
        ):
            continue
        count, rules = matching(
            ledger.violations,
            violation,
            severities=frozenset(of.severity),
            rules=frozenset(of.rule),
            roles=frozenset(of.role),
            same_intent="intent" in of.same,
            since_ms=now_ms - step.within_seconds * 1000,
        )
        if count < step.count:
            continue
        lasts = step.lasts_seconds
        made.append(
            StepTaken(
                id=step.id,
                action=step.action,
                message=step.message,
                since_ms=now_ms,
                until_ms=None if lasts is None else now_ms + lasts * 1000,
                tools=tuple(step.tools),
                rules=tuple(sorted(rules)),
                count=count,
            )
        )
    return strictest_first(made)
