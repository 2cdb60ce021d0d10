"""
From the engine's reply to the bytes that the plugin reads: pure, one shape an event.

The shape is ours, and the plugin reads it strictly: a key that it does not know, another
event or no answer at all is a deny. ``allow`` there lets the client go on to its own
permissions; nothing here grants what they would refuse.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from governance.hooking.answering import SILENCE, Answer, carried, deny_text, json_bytes
from governance.hooking.payload import Payload
from governance.session.replies import ACTIONS, Injection, Reply
from governance.values import Json


def answer(payload: Payload, replies: Sequence[Reply], decisive: int) -> Answer:
    """
    The answer to *payload*, given the engine's *replies* to its commands.

    What was only reported gets silence where the client has no place for an answer.
    """
    if not replies:
        return SILENCE
    shape = _SHAPES.get(payload.event)
    return shape(payload, replies[decisive:]) if shape else SILENCE


def unbound(event: str, strictness: str, reason: str) -> Answer:
    """The answer to an asked event that names no session; nobody can be asked here."""
    if strictness == "allow":
        return Answer(_made(event, "allow"))
    return Answer(_made(event, "deny", message=reason))


def _made(event: str, action: str, **fields: Json) -> bytes:
    kept = {name: value for name, value in fields.items() if value not in ("", None)}
    return json_bytes({"governance": 1, "event": event, "action": action, **kept})


def _inject(injection: Injection, *, reported: bool) -> Json:
    """The text for the system prompt; with what the plugin reports once it went out."""
    if reported:
        return {"text": injection.text}
    return {
        "text": injection.text,
        "told": {
            "sha256": injection.sha256,
            "rendered_at": injection.rendered_at,
            "blocks": list(injection.blocks),
            "why": injection.why,
            "characters": len(injection.text),
        },
    }


def _prompt(payload: Payload, replies: Sequence[Reply]) -> Answer:
    (reply,) = replies
    if reply.action not in ("allow", "warn"):
        return Answer(_made(payload.event, "deny", message=_instead(reply)))
    told = carried(reply)
    inject = _inject(told, reported=False) if told else None
    return Answer(_made(payload.event, "allow", note=reply.message, inject=inject))


def _instead(reply: Reply) -> str:
    """Why, and where a rule would have other words or another command, which."""
    if reply.action != "rewrite" or reply.rewritten is None:
        return deny_text(reply)
    named = json.dumps(dict(reply.rewritten), ensure_ascii=False)
    return f"{reply.message}\ninstead: {named}".strip()


def _slash_command(payload: Payload, replies: Sequence[Reply]) -> Answer:
    (reply,) = replies
    if reply.action not in ("allow", "warn"):
        return Answer(_made(payload.event, "deny", message=_instead(reply)))
    return Answer(_made(payload.event, "allow"))


def _tool_before(payload: Payload, replies: Sequence[Reply]) -> Answer:
    # A patch is a call for each of its files, and runs whole or not at all.
    reply = max(replies, key=lambda one: ACTIONS.index(one.action))
    if reply.action in ("allow", "warn"):
        notes = dict.fromkeys(one.message for one in replies if one.message)
        return Answer(_made(payload.event, "allow", note="\n".join(notes)))
    if reply.action == "rewrite" and reply.rewritten is not None and len(replies) == 1:
        changed: Json = dict(reply.rewritten)
        return Answer(_made(payload.event, "rewrite", args=changed, note=reply.message))
    told = carried(reply)
    message = _instead(reply) + _own_error(payload)
    inject = _inject(told, reported=True) if told else None
    return Answer(_made(payload.event, "deny", message=message, inject=inject), told)


def _own_error(payload: Payload) -> str:
    """What the client itself would have said of a call that it could not read."""
    arguments = payload.table("output").get("args")
    if payload.table("input").get("tool") != "invalid" or not isinstance(arguments, Mapping):
        return ""
    error = arguments.get("error")
    return f"\n{error}" if isinstance(error, str) and error else ""


def _tool_ok(payload: Payload, replies: Sequence[Reply]) -> Answer:
    # After a `task` the end of its sub-session follows, which has nothing to say.
    told = [one for one in replies if one.event == "tool_after"]
    held = max(told, key=lambda one: ACTIONS.index(one.action))
    if held.action in ("allow", "warn"):
        note = "\n".join(dict.fromkeys(one.message for one in told if one.message))
        return Answer(_made(payload.event, "allow", note=note)) if note else SILENCE
    text = deny_text(held)
    if held.action == "rewrite" and held.rewritten is not None:
        text = str(held.rewritten.get("output", text))
    return Answer(_made(payload.event, "rewrite", output=text))


def _compacting(payload: Payload, replies: Sequence[Reply]) -> Answer:
    (reply,) = replies
    # A plugin that throws here leaves a session that can never go on: nothing is refused.
    return Answer(_made(payload.event, "allow", context="" if reply.denied else reply.message))


def _compacted(payload: Payload, replies: Sequence[Reply]) -> Answer:
    told = carried(replies[0])
    if told is None:
        return SILENCE
    return Answer(_made(payload.event, "allow", inject=_inject(told, reported=False)))


_SHAPES: Mapping[str, Callable[[Payload, Sequence[Reply]], Answer]] = {
    "chat.message": _prompt,
    "command.execute.before": _slash_command,
    "tool.execute.before": _tool_before,
    "tool.execute.after": _tool_ok,
    "experimental.session.compacting": _compacting,
    "session.compacted": _compacted,
}
