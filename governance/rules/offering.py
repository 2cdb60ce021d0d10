"""
What a refusal proposes instead: the remedy of a rule as a call, with the facts of the event.

A remedy is written when nobody knows which other rules, roles and defaults will hold. It is
decided like any call before it is told, and one that would be refused is not told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from attrs import evolve

from governance._attrs import frozen
from governance.calls import ToolCall
from governance.rules.composing import remedy_text
from governance.rules.deferred import fact_of
from governance.rules.fact_table import TOOL_EVENTS
from governance.rules.facts import facts_of_call
from governance.rules.format import Example
from governance.rules.paths import Places
from governance.rules.verdicts import RuleEvent
from governance.values import Json

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_.]*)\}")
_OF_SESSION = frozenset(
    {
        "role", "depth", "state", "host", "model", "labels", "turn", "time", "weekday", "at_ms",
        "approvals_open", "parent_roles",
    }
)  # fmt: skip
_FAMILIES_OF_SESSION = ("usage.", "fields.")


@frozen
class Offer:
    """
    A call that stands in for one that was refused.

    Attributes:
        text: For the model.

        event: The call as rules see it, in the same session.
    """

    text: str
    event: RuleEvent


def offer_of(remedy: Example, event: RuleEvent, places: Places) -> Offer | None:
    """*remedy* of a rule that met *event*; ``None`` where what it speaks of is not known."""
    filled: dict[str, object] = {}
    for name, value in remedy.facts.items():
        put = _put_in(value, event.facts)
        if put is None:
            return None
        filled[name] = put
    told = evolve(remedy, facts=filled)
    facts = {
        name: value
        for name, value in event.facts.items()
        if name in _OF_SESSION or name.startswith(_FAMILIES_OF_SESSION)
    }
    if event.on not in TOOL_EVENTS:
        return Offer(remedy_text(told), RuleEvent(event.on, {**facts, **filled}))
    own = cast("dict[str, Json]", {name: one for name, one in filled.items() if name != "tool"})
    args = own.pop("args", {})
    tool = str(filled.get("tool", ""))
    cwd = event.call.cwd if event.call is not None else None
    call = ToolCall(tool, own=own, args=args if isinstance(args, Mapping) else {}, cwd=cwd)
    made = RuleEvent("tool", {**facts, **facts_of_call(call, places)}, call)
    return Offer(remedy_text(told), made)


def _put_in(value: object, facts: Mapping[str, object]) -> object:
    """*value* with the facts that it names; ``None`` where one of them is no plain value."""
    if not isinstance(value, str) or "{" not in value:
        return value
    lost = False

    def put(found: re.Match[str]) -> str:
        nonlocal lost
        if found[1] not in facts:
            return found[0]
        fact = fact_of(facts, found[1])
        if isinstance(fact, (str, int)):
            return str(fact)
        lost = True
        return ""

    text = _PLACEHOLDER.sub(put, value)
    return None if lost else text
