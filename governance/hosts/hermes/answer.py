"""From the engine's replies to what Hermes heeds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from governance.hosts.hermes.shapes import block, denied_command
from governance.hosts.hermes.translate import mark_of, marked
from governance.session.replies import ACTIONS, Reply

RULES_NAMED_MAX = 5


def strictest(replies: Sequence[Reply]) -> Reply:
    """The one of *replies*, which are not none, that demands the most."""
    return max(replies, key=lambda one: ACTIONS.index(one.action))


def reason(reply: Reply) -> str:
    """Why, in the words that the model reads; the briefing in front, if that is why."""
    message = reply.message or "; ".join(reply.reasons) or "governance refuses this"
    if reply.injection is None or not reply.injection.text:
        return message
    if reply.injection.text in message:
        return f"{message}\n{mark_of(reply.injection.sha256)}"
    return f"{marked(reply.injection)}\n\n{message}"


def tool_directive(reply: Reply, run: str, *, alone: bool = False) -> dict[str, Any] | None:
    """
    The answer of ``pre_tool_call``; ``None`` lets Hermes' own checks decide.

    Args:
        run: Digest of tool and arguments: leave that a person gives for good is for these alone.

        alone: Nobody would be asked; what asks is then refused.
    """
    match reply.action:
        case "allow" | "warn":
            return None
        case "ask" if alone:
            return block(f"{reason(reply)}\nnobody can be asked here, so it is refused")
        case "ask":
            rules = "+".join(reply.rules[:RULES_NAMED_MAX]) or "governance"
            key = f"{rules}:{run}"
            return {"action": "approve", "message": reason(reply), "rule_key": key}
        case "rewrite" if reply.rewritten is not None:
            named = json.dumps(reply.rewritten, ensure_ascii=False, default=str)
            return block(f"{reply.message}\ncall it with: {named}".strip())
        case _:
            return block(reason(reply))


def command_decision(reply: Reply) -> dict[str, str] | None:
    """The answer of ``command:*``; nobody can be asked there, so that asking is refusing."""
    if reply.action in ("allow", "warn"):
        return None
    words = str((reply.rewritten or {}).get("command") or "").split()
    if reply.action == "rewrite" and words:
        name, *rest = words
        return {"decision": "rewrite", "command_name": name, "raw_args": " ".join(rest)}
    return denied_command(reason(reply))


def refused_result(text: str) -> str:
    """What a tool that was refused at the last moment gives, as Hermes itself puts it."""
    return json.dumps({"error": text}, ensure_ascii=False)


def replaced_output(reply: Reply | None, note: str, output: object) -> str | None:
    """
    What stands in place of a tool's *output*, or ``None`` to leave it.

    Args:
        note: What the model is to be told beside it.
    """
    if reply is not None and reply.action not in ("allow", "warn"):
        rewritten: Mapping[str, object] = reply.rewritten or {}
        text = rewritten.get("output", reason(reply))
        return str(text)
    notes = [one for one in (note, reply.message if reply is not None else "") if one]
    if not notes or not isinstance(output, str):
        return None
    return "\n\n".join((output, *dict.fromkeys(notes)))
