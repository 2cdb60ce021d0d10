"""
What was done against the rules, packed: forty bytes a violation, exact counts for ever.

A live session has a budget of about a kilobyte and a half for everything, so the newest
violations stand in one byte string with a table of the names that it uses. Older ones are
merged into counts by rule, severity, role and intent, which lose the time and the order,
and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from sys import intern
from typing import Any, NamedTuple, cast

from attrs import evolve

from governance._attrs import frozen
from governance.values import Json

TAIL_MAX = 256
"""Violations kept with their time; reaching it, the older half is merged into counts."""

INTENTS_MAX = 4096
"""Distinct merged counts that keep their intent; later ones count for every intent."""

SEVERITIES = ("info", "low", "medium", "high", "critical")
"""From the mildest to the gravest."""

_ACTIONS = ("allow", "warn", "rewrite", "ask", "deny", "halt")

_ENTRY = Struct("<qIIHHHBB16s")

_AGAIN = 0x80
"""Bit of a packed action: the violation is one more of the call before it."""

_ANY_INTENT = b""

_WORD_MAX = 0xFFFFFFFF


@frozen
class Violation:
    """
    One thing done against a rule: a warn, a deny, a halt, or an ask that was refused.

    Attributes:
        action: ``"warn"``, ``"ask"`` (refused), ``"deny"`` or ``"halt"``.

        severity: One of `SEVERITIES`; a word that is none of them counts as critical.

        intent: The call normalised: the same target by another tool or spelling has the
            same intent. Read back from a ledger it is the mark that `intent_mark` gives.

        child: Session id of the sub-session that did it, or ``""`` for the session itself.

        again: The call of the violation before this one has broken this rule as well; a step
            of the ladder counts the call once.
    """

    rule: str
    action: str
    severity: str
    role: str = ""
    turn: int = 0
    epoch: int = 0
    intent: str = ""
    at_ms: int = 0
    child: str = ""
    again: bool = False

    def as_json(self) -> dict[str, Json]:
        """The body of a ``violation.counted`` row; the row itself carries the time."""
        body: dict[str, Json] = {
            "rule": self.rule,
            "action": self.action,
            "severity": self.severity,
            "role": self.role,
            "turn": self.turn,
            "epoch": self.epoch,
            "intent": self.intent,
        }
        if self.child:
            body["child"] = self.child
        if self.again:
            body["again"] = True
        return body

    def rolled_up(self, child: str) -> Violation:
        """This as it counts in the parent of *child*; one from deeper down keeps its child."""
        return self if self.child else evolve(self, child=child)

    @classmethod
    def from_json(cls, body: Mapping[str, Json], at_ms: int) -> Violation:
        """The violation that a row tells of; what the row does not say is empty or 0."""
        return cls(
            rule=str(body.get("rule", "")),
            action=str(body.get("action", "deny")),
            severity=str(body.get("severity", "medium")),
            role=str(body.get("role") or ""),
            turn=_whole(body.get("turn")),
            epoch=_whole(body.get("epoch")),
            intent=str(body.get("intent") or ""),
            at_ms=at_ms,
            child=str(body.get("child") or ""),
            again=body.get("again") is True,
        )


def _whole(value: Json) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def intent_mark(intent: str) -> str:
    """
    The 32 hexadecimal digits that stand for *intent* in a ledger; ``""`` stays ``""``.

    128 bits of sha256: two intents that differ never count as one.
    """
    return _mark(intent).hex() if intent else ""


def _mark(intent: str) -> bytes:
    if not intent:
        return bytes(16)
    return sha256(intent.encode("utf-8", "surrogatepass")).digest()[:16]


class Entry(NamedTuple):
    """One violation of the tail as it is packed: names resolved, the intent a mark."""

    at_ms: int
    turn: int
    epoch: int
    rule: str
    role: str
    child: str
    action: str
    severity: str
    intent: bytes
    again: bool = False

    def as_json(self) -> Json:
        """Its fields in order, the mark in hexadecimal; `again` stands there where it is so."""
        names: tuple[Json, ...] = (self.rule, self.role, self.child, self.action, self.severity)
        again: tuple[Json, ...] = (True,) if self.again else ()
        return [self.at_ms, self.turn, self.epoch, *names, self.intent.hex(), *again]


class Merged(NamedTuple):
    """How many violations of one kind stand before the tail."""

    rule: str
    severity: str
    role: str
    intent: bytes
    number: int


@frozen(weakref_slot=False)
class Violations:
    """
    The violations of one session and of its sub-sessions.

    Attributes:
        tail: The newest, packed, oldest first.

        names: The rules, roles and children that *tail* refers to by position.

        merged: Counts of all that is older than the tail.

        merged_until_ms: Latest time among the merged ones.

        pardoned: How many were forgiven; they count nowhere else.
    """

    tail: bytes = b""
    names: tuple[str, ...] = ()
    merged: tuple[Merged, ...] = ()
    merged_until_ms: int = 0
    pardoned: int = 0

    def __len__(self) -> int:
        return len(self.tail) // _ENTRY.size + sum(one.number for one in self.merged)

    def entries(self) -> Iterator[Entry]:
        """The violations of the tail, oldest first."""
        names = self.names
        for at_ms, turn, epoch, rule, role, child, action, severity, intent in _ENTRY.iter_unpack(
            self.tail
        ):
            yield Entry(
                at_ms=at_ms,
                turn=turn,
                epoch=epoch,
                rule=names[rule],
                role=names[role],
                child=names[child],
                action=_ACTIONS[action & ~_AGAIN],
                severity=SEVERITIES[severity],
                intent=intent,
                again=bool(action & _AGAIN),
            )

    def add(self, violation: Violation) -> Violations:
        """These and *violation*; beyond `TAIL_MAX` the older half of the tail is merged."""
        rows = [*self.entries(), _entry(violation)]
        if len(rows) <= TAIL_MAX:
            return _packed(rows, self.merged, self.merged_until_ms, self.pardoned)
        old, rows = rows[: TAIL_MAX // 2], rows[TAIL_MAX // 2 :]
        until_ms = max(one.at_ms for one in old)
        if self.merged:
            until_ms = max(until_ms, self.merged_until_ms)
        return _packed(rows, _merge(self.merged, old), until_ms, self.pardoned)

    def pardon(self, rule: str) -> Violations:
        """These without those of *rule*, or without any for ``""``."""
        rows: list[Entry] = []
        begins = False
        for one in self.entries():
            begins = begins or not one.again
            if rule and one.rule != rule:
                # What is left of a call has to tell it apart from the call before.
                rows.append(one._replace(again=not begins))
                begins = False
        merged = tuple(one for one in self.merged if rule and one.rule != rule)
        left = len(rows) + sum(one.number for one in merged)
        pardoned = self.pardoned + len(self) - left
        return _packed(rows, merged, self.merged_until_ms if merged else 0, pardoned)

    def counts(self, by: str) -> dict[str, int]:
        """
        How many violations there are, by ``severity``, ``rule``, ``role`` or ``intent``.

        Exact whatever their number; but of more than `INTENTS_MAX` kinds of older ones the
        intents are no longer told apart and stand under ``"*"``.
        """
        made: dict[str, int] = {}
        for entry in self.entries():
            key = entry.intent.hex() if by == "intent" else getattr(entry, by)
            made[key] = made.get(key, 0) + 1
        for old in self.merged:
            key = (old.intent.hex() or "*") if by == "intent" else getattr(old, by)
            made[key] = made.get(key, 0) + old.number
        return made

    def as_json(self) -> dict[str, Json]:
        """These as JSON, for a snapshot or for the row that carries them to a successor."""
        tail: list[Json] = [one.as_json() for one in self.entries()]
        merged: list[Json] = [
            [m.rule, m.severity, m.role, m.intent.hex(), m.number] for m in self.merged
        ]
        return {
            "tail": tail,
            "merged": merged,
            "merged_until_ms": self.merged_until_ms,
            "pardoned": self.pardoned,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Violations:
        """The violations that `as_json` wrote."""
        wrote = cast("Mapping[str, Any]", data)
        rows = [
            Entry(at, turn, epoch, rule, role, child, act, grave, bytes.fromhex(mark), bool(again))
            for at, turn, epoch, rule, role, child, act, grave, mark, *again in wrote["tail"]
        ]
        merged = tuple(
            Merged(intern(rule), intern(severity), intern(role), bytes.fromhex(intent), count)
            for rule, severity, role, intent, count in wrote["merged"]
        )
        return _packed(rows, merged, wrote["merged_until_ms"], wrote["pardoned"])


def _packed(
    rows: list[Entry], merged: tuple[Merged, ...], until_ms: int, pardoned: int
) -> Violations:
    names: dict[str, int] = {}
    tail = [
        _ENTRY.pack(
            e.at_ms,
            e.turn,
            e.epoch,
            names.setdefault(e.rule, len(names)),
            names.setdefault(e.role, len(names)),
            names.setdefault(e.child, len(names)),
            _ACTIONS.index(e.action) | (_AGAIN if e.again else 0),
            SEVERITIES.index(e.severity),
            e.intent,
        )
        for e in rows
    ]
    return Violations(b"".join(tail), _shared(tuple(names)), merged, until_ms, pardoned)


NONE = Violations()


def _entry(violation: Violation) -> Entry:
    severity, action = violation.severity, violation.action
    return Entry(
        at_ms=max(-(2**63), min(violation.at_ms, 2**63 - 1)),
        turn=max(0, min(violation.turn, _WORD_MAX)),
        epoch=max(0, min(violation.epoch, _WORD_MAX)),
        rule=violation.rule,
        role=violation.role,
        child=violation.child,
        # A word of a later version is taken for the gravest: a count must not be missed.
        action=action if action in _ACTIONS else "halt",
        severity=severity if severity in SEVERITIES else "critical",
        intent=_mark(violation.intent),
        again=violation.again,
    )


def _merge(merged: tuple[Merged, ...], old: list[Entry]) -> tuple[Merged, ...]:
    counts = {(m.rule, m.severity, m.role, m.intent): m.number for m in merged}
    for one in old:
        key = (one.rule, one.severity, one.role, one.intent)
        if key not in counts and len(counts) >= INTENTS_MAX:
            key = (one.rule, one.severity, one.role, _ANY_INTENT)
        counts[key] = counts.get(key, 0) + 1
    return tuple(Merged(*key, count) for key, count in counts.items())


@lru_cache(maxsize=4096)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    # Sessions under the same packs break the same few rules: one table serves them all.
    return tuple(intern(name) for name in names)


def matching(
    violations: Violations,
    like: Violation,
    *,
    severities: frozenset[str],
    rules: frozenset[str],
    roles: frozenset[str],
    same_intent: bool,
    since_ms: int,
) -> tuple[int, frozenset[str]]:
    """
    How many calls since *since_ms* did violations of the kind asked for, and of which rules.

    A call that broke several rules is one. An empty set asks for nothing. What was merged has
    no time of its own: when one of the merged ones can lie in the window, all that fit count,
    and each for itself, so that the answer is never too low. A time after now (the clock went
    back) lies in every window.
    """
    wanted = _mark(like.intent)
    count, found, told = 0, set(), False
    for one in violations.entries():
        told = told and one.again
        if (
            one.at_ms >= since_ms
            and (not severities or one.severity in severities)
            and (not rules or one.rule in rules)
            and (not roles or one.role in roles)
            and (not same_intent or one.intent == wanted)
        ):
            count += not told
            told = True
            found.add(one.rule)
    if violations.merged and violations.merged_until_ms >= since_ms:
        for old in violations.merged:
            if (
                (not severities or old.severity in severities)
                and (not rules or old.rule in rules)
                and (not roles or old.role in roles)
                and (not same_intent or old.intent in (wanted, _ANY_INTENT))
            ):
                count += old.number
                found.add(old.rule)
    return count, frozenset(found)
