"""
From the engine's reply to the bytes that Claude's client reads: pure, one shape an event.

Allowing is silence: no answer here ever grants what the user's own settings would ask for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from governance.hooking.answering import (
    SILENCE,
    Answer,
    alarmed,
    carried,
    deny_text,
    fitting,
    json_bytes,
    units,
)
from governance.hooking.payload import Payload
from governance.session.replies import Reply
from governance.values import Json

INJECT_UNITS_MAX = 10_000
"""UTF-16 units of one injected text; the client spills a longer one into a file."""


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
    return alarmed(shape(payload, replies[decisive], replies), replies[decisive].alarm)


def unbound(event: str, strictness: str, reason: str) -> Answer:
    """
    The answer to an asked event that names no session.

    With ``"allow"`` silence; with ``"ask"`` a person decides where one can be asked.
    """
    if strictness == "allow":
        return SILENCE
    if event != "PreToolUse":
        return _block(reason)
    fields = {"permissionDecision": strictness, "permissionDecisionReason": reason}
    return Answer(_specific(event, fields))


def _specific(event: str, fields: Mapping[str, Json]) -> bytes:
    return json_bytes({"hookSpecificOutput": {"hookEventName": event, **fields}})


def _block(reason: str) -> Answer:
    return Answer(json_bytes({"decision": "block", "reason": reason}))


def _context(event: str, reply: Reply, message: str) -> Answer:
    """Injected text and message as context, as much as the place holds."""
    told = carried(reply)
    spilled = told is not None and units(told.text) > INJECT_UNITS_MAX
    if spilled:
        told = None
    briefing = told.text if told else ""
    text = "\n\n".join(part for part in (briefing, message) if part)
    if units(text) > INJECT_UNITS_MAX:
        text = briefing or fitting(message, INJECT_UNITS_MAX)
    if not text:
        return Answer(spilled=spilled)
    return Answer(_specific(event, {"additionalContext": text}), told, spilled)


def _tool_before(payload: Payload, reply: Reply, _: Sequence[Reply]) -> Answer:
    event = payload.event
    match reply.action:
        case "allow" | "warn":
            return _context(event, reply, reply.message)
        case "ask":
            reason = deny_text(reply)
            fields = {"permissionDecision": "ask", "permissionDecisionReason": reason}
            return Answer(_specific(event, fields), carried(reply))
        case "rewrite" if reply.rewritten is not None:
            # No decision stands beside it: the client then lets the user's own settings
            # judge the call that will run, so nothing is granted.
            changed: dict[str, Json] = {"updatedInput": dict(reply.rewritten)}
            if reply.message:
                changed["additionalContext"] = fitting(reply.message, INJECT_UNITS_MAX)
            return Answer(_specific(event, changed))
        case _:
            fields = {
                "permissionDecision": "deny",
                "permissionDecisionReason": deny_text(reply),
            }
            return Answer(_specific(event, fields), carried(reply))


def _prompt(payload: Payload, reply: Reply, _: Sequence[Reply]) -> Answer:
    if reply.action in ("allow", "warn"):
        return _context(payload.event, reply, reply.message)
    if reply.action == "rewrite" and reply.rewritten is not None:
        # The client cannot put other words in a user's mouth: refused, naming them.
        named = json.dumps(reply.rewritten, ensure_ascii=False)
        return _block(f"{reply.message}\ninstead: {named}".strip())
    return _block(deny_text(reply))


def _briefed(payload: Payload, reply: Reply, _: Sequence[Reply]) -> Answer:
    message = deny_text(reply) if reply.denied else reply.message
    return _context(payload.event, reply, message)


def _tool_ok(payload: Payload, reply: Reply, _: Sequence[Reply]) -> Answer:
    if reply.action in ("allow", "warn"):
        return _context(payload.event, reply, reply.message)
    text = deny_text(reply)
    if reply.action == "rewrite" and reply.rewritten is not None:
        text = str(reply.rewritten.get("output", text))
    replaced = replaced_output(payload.text("tool_name"), payload.values, text)
    if replaced is None:
        return _block(text)
    return Answer(_specific(payload.event, replaced))


def replaced_output(tool: str, values: Mapping[str, Json], text: str) -> Mapping[str, Json] | None:
    """
    The fields that put *text* in place of a tool's output, or ``None`` where they cannot.

    The client drops a replacement of another shape than the tool's own without a word, so
    only shapes that were tried with it are made.
    """
    response = values.get("tool_response")
    if tool.startswith("mcp__") and isinstance(response, (list, tuple)):
        return {"updatedMCPToolOutput": [{"type": "text", "text": text}]}
    if not isinstance(response, Mapping):
        return None
    if "stdout" in response and "stderr" in response:
        return {"updatedToolOutput": {**response, "stdout": text, "stderr": ""}}
    file = response.get("file")
    if isinstance(file, Mapping) and "content" in file:
        return {
            "updatedToolOutput": {
                **response,
                "file": {**file, "content": text, "numLines": 1, "startLine": 1, "totalLines": 1},
            }
        }
    return None


def _tool_failed(payload: Payload, reply: Reply, _: Sequence[Reply]) -> Answer:
    message = deny_text(reply) if reply.denied else reply.message
    return _context(payload.event, reply, message)


def _tool_batch(payload: Payload, _: Reply, replies: Sequence[Reply]) -> Answer:
    notes = "\n".join(dict.fromkeys(one.message for one in replies if one.message))
    halted = next((one.halted for one in replies if one.halted), "")
    if halted:
        # The tools are over, so nothing that was
        # refused can run any more by stopping the turn.
        why = notes or f"{halted}; a person has to pardon it"
        return Answer(json_bytes({"continue": False, "stopReason": why}))
    return _context(payload.event, replies[0], notes)


def _compacting(_: Payload, reply: Reply, __: Sequence[Reply]) -> Answer:
    if reply.denied:
        return _block(deny_text(reply))
    # Plain text here is what the client adds to its own instructions for the summary.
    return Answer(reply.message.encode("utf-8", "replace"))


_SHAPES: Mapping[str, Callable[[Payload, Reply, Sequence[Reply]], Answer]] = {
    "SessionStart": _briefed,
    "SubagentStart": _briefed,
    "UserPromptSubmit": _prompt,
    "UserPromptExpansion": _prompt,
    "PreToolUse": _tool_before,
    "PostToolUse": _tool_ok,
    "PostToolUseFailure": _tool_failed,
    "PostToolBatch": _tool_batch,
    "PreCompact": _compacting,
}
