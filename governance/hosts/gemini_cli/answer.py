"""
From the engine's reply to the bytes that Gemini CLI reads: pure, one shape an event.

Decisions stand at the top level; those of other clients are passed over, and the tool runs.
Allowing is silence.

So is the start of a session: what the client is given there it puts in front of the prompt, and
when the session is resumed it drops every prompt that begins so. The first prompt's own answer
carries the briefing instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from governance.hooking.answering import SILENCE, Answer, alarmed, carried, deny_text, json_bytes
from governance.hooking.payload import Payload
from governance.session.replies import Reply
from governance.values import Json


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
    return alarmed(shape(payload, replies[decisive]), replies[decisive].alarm)


def unbound(_: str, strictness: str, reason: str) -> Answer:
    """The answer to an asked event, all alike, that names no session; nobody is asked here."""
    return SILENCE if strictness == "allow" else _denied(reason)


def _denied(reason: str) -> Answer:
    return Answer(json_bytes({"decision": "deny", "reason": reason}))


def _specific(event: str, fields: Mapping[str, Json]) -> bytes:
    return json_bytes({"hookSpecificOutput": {"hookEventName": event, **fields}})


def _context(event: str, reply: Reply, message: str) -> Answer:
    told = carried(reply)
    text = "\n\n".join(part for part in (told.text if told else "", message) if part)
    if not text:
        return SILENCE
    return Answer(_specific(event, {"additionalContext": text}), told)


def _instead(reply: Reply) -> str:
    """Why, and where a rule would have other words, which."""
    if reply.action != "rewrite" or reply.rewritten is None:
        return deny_text(reply)
    named = json.dumps(dict(reply.rewritten), ensure_ascii=False)
    return f"{reply.message}\ninstead: {named}".strip()


def _tool_before(payload: Payload, reply: Reply) -> Answer:
    if reply.action in ("allow", "warn"):
        # The client has no place for context here: what a warning says, it cannot say.
        return SILENCE
    if reply.action == "rewrite" and reply.rewritten is not None:
        return Answer(_specific(payload.event, {"tool_input": dict(reply.rewritten)}))
    return Answer(_denied(deny_text(reply)).out, carried(reply))


def _prompt(payload: Payload, reply: Reply) -> Answer:
    if reply.action in ("allow", "warn"):
        return _context(payload.event, reply, reply.message)
    # The client cannot put other words in a user's mouth: refused, naming them.
    return _denied(_instead(reply))


def _tool_ok(payload: Payload, reply: Reply) -> Answer:
    if reply.action in ("allow", "warn"):
        return _context(payload.event, reply, reply.message)
    text = deny_text(reply)
    if reply.action == "rewrite" and reply.rewritten is not None:
        text = str(reply.rewritten.get("output", text))
    return _denied(text)


_SHAPES: Mapping[str, Callable[[Payload, Reply], Answer]] = {
    "BeforeAgent": _prompt,
    "BeforeTool": _tool_before,
    "AfterTool": _tool_ok,
}
