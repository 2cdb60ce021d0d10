"""From the engine's replies to verdicts, in the wire shape of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governance.session.replies import Reply
from governance.tools.deciding import deny_text
from governance.values import Json

ALLOW: Mapping[str, Any] = {"decision": "allow"}
UNDECIDED = "governance:undecided"
"""The reason of a refusal for want of a decision."""

_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def reason_of(reply: Reply, reasons: Mapping[str, str]) -> str:
    """
    The reason of a verdict: the strictest rule, its pack for a namespace.

    Args:
        reasons: Rule → the reason that others know it by.

    >>> reason_of(Reply("tool_before", "deny", "working", rules=("git.no-force-push",)), {})
    'git:no-force-push'
    >>> reason_of(Reply("tool_before", "halt", "working", halted="why"), {})
    'governance:halted'
    """
    if reply.rules:
        rule = reply.rules[0]
        return reasons.get(rule) or rule.replace(".", ":", 1)
    return "governance:halted" if reply.halted else "governance:refused"


def verdict(reply: Reply, target: object, reasons: Mapping[str, str]) -> dict[str, Any]:
    """The verdict on *target*; what is allowed is granted nothing by it."""
    told = {"reason": reason_of(reply, reasons), "message": deny_text(reply)}
    match reply.action:
        case "allow":
            return dict(ALLOW)
        case "warn":
            return {**ALLOW, "warnings": [told]}
        case "ask":
            # The host's approval lifts this; where it has none, it is a deny.
            return {"decision": "deny", "approval": {}, **told}
        case "rewrite" if reply.rewritten is not None:
            said = {"reason": told["reason"]}
            if reply.message:
                said["message"] = reply.message
            return {"decision": "transform", **said, "transform": changed(target, reply.rewritten)}
        case _:
            return {"decision": "deny", **told}


def changed(target: object, wanted: Mapping[str, Json]) -> dict[str, Any]:
    """
    The one replacement that makes *wanted* of *target*: of one member, or of the whole.

    >>> changed({"url": "a", "n": 1}, {"url": "b", "n": 1})
    {'path': '$target.url', 'value': 'b'}
    >>> changed({"url": "a"}, {"url": "a", "n": 1})
    {'path': '$target', 'value': {'url': 'a', 'n': 1}}
    """
    if isinstance(target, Mapping) and target.keys() == wanted.keys():
        differ = [name for name, value in wanted.items() if target[name] != value]
        if len(differ) == 1 and differ[0] and _SIGNS.issuperset(differ[0]):
            return {"path": f"$target.{differ[0]}", "value": wanted[differ[0]]}
    return {"path": "$target", "value": dict(wanted)}
