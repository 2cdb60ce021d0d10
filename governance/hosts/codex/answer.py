"""
From the engine's reply to the bytes that Codex reads: pure, one shape an event.

The client takes an answer with a key that its schema does not have, an *ask*, or a reason of
blanks for a failed hook, and runs the tool. So each shape here holds what its event knows and
nothing else. Allowing is silence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from governance.hooking.answering import SILENCE, Answer, alarmed, carried, deny_text, json_bytes
from governance.hooking.payload import Payload
from governance.hosts.codex.capabilities import INJECT_BYTES_MAX
from governance.session.replies import ACTIONS, Reply
from governance.values import Json

CUT = " […]"
NO_REASON = "governance refuses this"


def answer(payload: Payload, replies: Sequence[Reply], decisive: int = 0) -> Answer:
    """
    The answer to *payload*, given the engine's *replies* to its commands.

    Events whose answer the client would not heed get silence, whatever was replied.
    """
    if not replies:
        return SILENCE
    shape = _SHAPES.get(payload.event)
    if shape is None:
        return SILENCE
    told = replies[decisive:]
    alarm = "\n".join(dict.fromkeys(one.alarm for one in told if one.alarm))
    return alarmed(shape(payload, told), alarm)


def unbound(event: str, strictness: str, reason: str) -> Answer:
    """The answer to an asked event that names no session; nobody can be asked here."""
    if strictness == "allow":
        return SILENCE
    return _denied(reason) if event == "PreToolUse" else _block(reason)


def _specific(event: str, fields: Mapping[str, Json]) -> bytes:
    return json_bytes({"hookSpecificOutput": {"hookEventName": event, **fields}})


def _reason(text: str) -> str:
    return text if text.strip() else NO_REASON


def _denied(reason: str) -> Answer:
    fields = {"permissionDecision": "deny", "permissionDecisionReason": _reason(reason)}
    return Answer(_specific("PreToolUse", fields))


def _block(reason: str) -> Answer:
    return Answer(json_bytes({"decision": "block", "reason": _reason(reason)}))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _fitting(text: str) -> str:
    if _size(text) <= INJECT_BYTES_MAX:
        return text
    kept = text.encode("utf-8", "replace")[: INJECT_BYTES_MAX - _size(CUT)]
    return kept.decode("utf-8", "ignore") + CUT


def _context(event: str, reply: Reply, message: str) -> Answer:
    """Injected text and message as context, as much as the place holds."""
    told = carried(reply)
    spilled = told is not None and _size(told.text) > INJECT_BYTES_MAX
    if spilled:
        told = None
    briefing = told.text if told else ""
    text = "\n\n".join(part for part in (briefing, message) if part)
    if _size(text) > INJECT_BYTES_MAX:
        text = briefing or _fitting(message)
    if not text.strip():
        return Answer(spilled=spilled)
    return Answer(_specific(event, {"additionalContext": text}), told, spilled)


def _instead(reply: Reply) -> str:
    """Why, and where a rule would have other words or another call, which."""
    if reply.action != "rewrite" or reply.rewritten is None:
        return deny_text(reply)
    named = json.dumps(dict(reply.rewritten), ensure_ascii=False)
    return f"{reply.message}\ninstead: {named}".strip()


def _messages(replies: Sequence[Reply]) -> str:
    return "\n".join(dict.fromkeys(one.message for one in replies if one.message))


def _strictest(replies: Sequence[Reply]) -> Reply:
    return max(replies, key=lambda one: ACTIONS.index(one.action))


def _tool_before(payload: Payload, replies: Sequence[Reply]) -> Answer:
    # A patch is a call for each of its files, and runs whole or not at all.
    reply = _strictest(replies)
    if reply.action in ("allow", "warn"):
        return _context(payload.event, replies[0], _messages(replies))
    if reply.action == "rewrite" and reply.rewritten is not None and len(replies) == 1:
        # The client takes no other arguments without this word, which grants nothing: its
        # sandbox, its rules and its user's approval come after the hook.
        changed: dict[str, Json] = {
            "permissionDecision": "allow",
            "updatedInput": dict(reply.rewritten),
        }
        if reply.message:
            changed["additionalContext"] = _fitting(reply.message)
        return Answer(_specific(payload.event, changed))
    made = _denied(_instead(reply))
    return Answer(made.out, carried(reply))


def _prompt(payload: Payload, replies: Sequence[Reply]) -> Answer:
    (reply,) = replies
    if reply.action in ("allow", "warn"):
        return _context(payload.event, reply, reply.message)
    # The client cannot put other words in a user's mouth: refused, naming them.
    return _block(_instead(reply))


def _briefed(payload: Payload, replies: Sequence[Reply]) -> Answer:
    (reply,) = replies
    message = deny_text(reply) if reply.denied else reply.message
    return _context(payload.event, reply, message)


def _tool_ok(payload: Payload, replies: Sequence[Reply]) -> Answer:
    reply = _strictest(replies)
    if reply.action in ("allow", "warn"):
        return _context(payload.event, replies[0], _messages(replies))
    text = deny_text(reply)
    if reply.action == "rewrite" and reply.rewritten is not None:
        text = str(reply.rewritten.get("output", text))
    return _block(text)


_SHAPES: Mapping[str, Callable[[Payload, Sequence[Reply]], Answer]] = {
    "SessionStart": _briefed,
    "SubagentStart": _briefed,
    "UserPromptSubmit": _prompt,
    "PreToolUse": _tool_before,
    "PostToolUse": _tool_ok,
}
