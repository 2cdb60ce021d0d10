"""What was asked of a person, what was granted, and the key that binds it to one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from sys import intern

from attrs import evolve

from governance._attrs import frozen
from governance.values import Json, dump_json

APPROVALS_MAX = 64
"""Approvals that one session may have open; the oldest is forgotten and asked again."""


SUMMARY_CHARS_MAX = 200


@frozen
class Approval:
    """
    One question put to a person, or the leave that was given.

    Attributes:
        key: What it is bound to, as `approval_key` makes it.

        rules: The rules that asked.

        action: What happens without an answer, usually ``"ask"``.

        uses_left: How often it can still be used.

        scope: ``"call"``: this exact call; ``"intent"``: what the call is about.

        status: ``"asked"``, then ``"granted"``; what is denied, used up or expired is gone.

        charges: Rule → severity: what a no is counted as, for each rule that asked.

        summary: What is asked for, for people and for notices; cut at `SUMMARY_CHARS_MAX`.
    """

    id: str
    key: str
    rules: tuple[str, ...]
    action: str
    asked_at_ms: int
    expires_at_ms: int
    uses_left: int = 1
    scope: str = "call"
    status: str = "asked"
    summary: str = ""
    charges: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Json]:
        """The body of an ``approval.asked`` row; the row itself carries the time."""
        made: dict[str, Json] = {
            "id": self.id,
            "key": self.key,
            "rules": list(self.rules),
            "action": self.action,
            "asked_at_ms": self.asked_at_ms,
            "expires_at_ms": self.expires_at_ms,
            "uses": self.uses_left,
            "scope": self.scope,
            "status": self.status,
            "summary": self.summary,
        }
        if self.charges:
            made["charges"] = dict(self.charges)
        return made

    @classmethod
    def from_json(cls, body: Mapping[str, Json], at_ms: int) -> Approval:
        """The approval that a row tells of; without an end of its own it is over at once."""
        asked_at_ms, expires_at_ms = body.get("asked_at_ms"), body.get("expires_at_ms")
        uses = body.get("uses", 1)
        return cls(
            id=str(body.get("id", "")),
            key=str(body.get("key", "")),
            rules=names_of(body.get("rules")),
            action=intern(str(body.get("action", "ask"))),
            asked_at_ms=asked_at_ms if isinstance(asked_at_ms, int) else at_ms,
            expires_at_ms=expires_at_ms if isinstance(expires_at_ms, int) else at_ms,
            uses_left=uses if isinstance(uses, int) else 1,
            scope=intern(str(body.get("scope", "call"))),
            status=intern(str(body.get("status", "asked"))),
            summary=str(body.get("summary") or "")[:SUMMARY_CHARS_MAX],
            charges=_charges_of(body.get("charges")),
        )

    def open_at(self, now_ms: int) -> bool:
        """
        Whether it holds at *now_ms*: not before it was asked, not at or after its end.

        A clock that went back behind the question gives nothing: how long ago a person
        answered cannot be known then.
        """
        return self.uses_left > 0 and self.asked_at_ms <= now_ms < self.expires_at_ms


def names_of(value: Json) -> tuple[str, ...]:
    """The names in a row's list, shared between sessions; nothing for what is no list."""
    return _shared(tuple(str(one) for one in value)) if isinstance(value, list | tuple) else ()


def _charges_of(value: Json) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        return ()
    return _shared_charges(tuple((name, str(severity)) for name, severity in value.items()))


@lru_cache(maxsize=4096)
def _shared_charges(charges: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((intern(name), intern(severity)) for name, severity in charges)


@lru_cache(maxsize=4096)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(intern(one) for one in names)


def approval_key(
    session: str,
    tool: str,
    arguments: Json,
    paths: Iterable[str],
    rules: Iterable[str],
    pack_hash: str,
    *,
    native: str = "",
    folder: str = "",
    intent: str | None = None,
) -> str:
    """
    The sha256, in hexadecimal, that binds an approval to one call under one set of packs.

    Every part stands in its own place of one canonical JSON array, so that no two
    different calls share a text. The order of *paths* and *rules* does not count.

    Args:
        arguments: The canonical arguments, after rewriting.

        paths: Every path the call touches, resolved: a link that is turned elsewhere
            between the question and the call has another key.

        native: What the host calls the tool: all that nobody knows are one *tool* of ours.

        folder: Where the call runs, which says what a command does that names no path.

        intent: For approvals of scope ``"intent"``: stands in place of *arguments*, *paths*,
            *native* and *folder*, so that the same target by another spelling has the same
            key.

    Raises:
        ValueRefused: *arguments* hold something that no journal may hold.
    """
    exact: list[Json] = [arguments, sorted(set(paths)), native, folder]
    what: list[Json] = exact if intent is None else [intent]
    scope = "call" if intent is None else "intent"
    parts: Json = ["approval-2", scope, session, tool, what, sorted(set(rules)), pack_hash]
    return sha256(dump_json(parts)).hexdigest()


def asked(
    approvals: tuple[Approval, ...], body: Mapping[str, Json], at_ms: int
) -> tuple[Approval, ...]:
    """*approvals* after a question; the same key asked again replaces the open question."""
    new = Approval.from_json(body, at_ms)
    kept = tuple(
        one
        for one in approvals
        if one.id != new.id
        and one.expires_at_ms > at_ms
        and not (one.key == new.key and one.status == "asked")
    )
    return (*kept, new)[-APPROVALS_MAX:]


def settled(approvals: tuple[Approval, ...], body: Mapping[str, Json]) -> tuple[Approval, ...]:
    """
    *approvals* after a decision on one of them; an id that is not open changes nothing.

    ``granted`` gives leave that is used later, and may bring its own ``expires_at_ms``.
    ``approved`` (the host asked, and the call ran) and ``used`` take one use away.
    Anything else, such as ``denied`` or ``expired``, ends it.
    """
    decision, settled_id = body.get("decision"), body.get("id")
    made: list[Approval] = []
    for one in approvals:
        if one.id != settled_id:
            made.append(one)
        elif decision == "granted":
            expires_at_ms = body.get("expires_at_ms")
            if not isinstance(expires_at_ms, int):
                expires_at_ms = one.expires_at_ms
            made.append(evolve(one, status="granted", expires_at_ms=expires_at_ms))
        elif decision in ("approved", "used") and one.uses_left > 1:
            made.append(evolve(one, status="granted", uses_left=one.uses_left - 1))
    return tuple(made)
