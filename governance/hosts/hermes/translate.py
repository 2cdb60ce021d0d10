"""
From what Hermes reports of a session to events of the machine: pure, no clock, no file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from governance.calls import ToolCall
from governance.hosts.hermes.capabilities import TRAITS
from governance.hosts.hermes.sightings import Sighting
from governance.hosts.hermes.tools import HOST
from governance.session.commands import Command
from governance.session.replies import Injection
from governance.values import Json, dump_json, mend_text, whole_ms

TEXT_CHARS_MAX = 1_000_000
"""Characters of a prompt or an output that are looked at."""

DIGEST_CHARS = 16
RUN_CHARS = 40
"""Of the digest of a call: a person's leave hangs on it, so that no two may be found alike."""

MARK_CHARS = 12

OUTCOMES = {"ok": "ok", "error": "failed", "blocked": "refused"}
"""Hermes' word for what became of a tool → ours."""

INTERRUPTED = "user"
SCHEDULED = "cron"
"""The platform whose sessions are one turn long, and are ended by nobody."""


def command(
    one: Sighting, event: str, data: Mapping[str, Json] | None = None, **more: Any
) -> Command:
    """*event* of the session *one*; *more* are further fields of the command."""
    fields: dict[str, Any] = {
        "delivery": "none",
        "history": "kept",
        "parent": one.parent or None,
        "agent": one.agent,
        "actor": one.user or None,
    }
    return Command(
        event=event,
        session=one.id,
        host=HOST,
        traits=TRAITS,
        data=data or {},
        **(fields | more),
    )


def start(one: Sighting, model: str) -> Command:
    """The session begins, or is taken up again."""
    data: dict[str, Json] = {
        "backend_name": HOST,
        "model_id": model,
        "model_options": {},
        "context_type": "transcript",
        "source": one.source or "startup",
    }
    if one.platform:
        data["platform"] = one.platform
    if one.predecessor:
        data["predecessor"] = one.predecessor
    return command(one, "start", data)


def turn_start(one: Sighting, prompt: object, *, kept: bool) -> Command:
    """
    The user, or for a child its parent's model, has said *prompt*.

    Args:
        kept: The model's history still holds what it was told before.
    """
    data: dict[str, Json] = {
        "prompt": text_of(prompt),
        "prompt_source": "agent" if one.parent else "user",
    }
    history = "kept" if kept else "lost"
    return command(one, "turn_start", data, delivery="after_flush", history=history)


def turn_end(one: Sighting, kwargs: Mapping[str, object]) -> tuple[Command, ...]:
    """
    The turn is over; the session too, where it was a scheduled job's.

    Hermes calls this the end of the session. After the real end it is late.
    """
    failure = "" if kwargs.get("completed") or kwargs.get("interrupted") else "incomplete"
    data: dict[str, Json] = {"failure": failure} if failure else {}
    made = [command(one, "turn_end", data, late=one.ended)]
    if kwargs.get("interrupted") and not one.ended:
        made.append(command(one, "interrupt", {"reason": INTERRUPTED}))
    if kwargs.get("platform") == SCHEDULED and not one.ended:
        made.append(command(one, "end", {"reason": "job_done"}))
    return tuple(made)


def tool_before(one: Sighting, call: ToolCall) -> Command:
    """A tool is about to run."""
    return command(one, "tool_before", call=call, delivery="after_flush")


def tool_after(
    one: Sighting, call: ToolCall, outcome: str, kwargs: Mapping[str, object]
) -> Command:
    """What became of *call*."""
    output = text_of(kwargs.get("result"))
    data: dict[str, Json] = {"outcome": outcome, "output": output}
    lasted, error = whole_ms(kwargs.get("duration_ms")), kwargs.get("error_message")
    if lasted is not None and outcome != "refused":
        data["duration_ms"] = lasted
    if isinstance(error, str) and error:
        data["error"] = text_of(error)
    code = exit_code(output)
    if code is not None:
        data["exit_code"] = code
    return command(one, "tool_after", data, call=call)


def brief(one: Sighting, told: Injection) -> Command:
    """The text was seen in what the model is sent."""
    data: dict[str, Json] = {
        "sha256": told.sha256,
        "rendered_at": told.rendered_at,
        "blocks": list(told.blocks),
        "why": told.why,
        "characters": len(told.text),
    }
    return command(one, "brief", data)


def marked(injection: Injection) -> str:
    """The text as it is given to the model, with the mark that it is found again by."""
    return f"{injection.text}\n{mark_of(injection.sha256)}"


def mark_of(sha256_hex: str) -> str:
    """
    The mark of a text: plain ASCII without a quote, so that JSON leaves it as it is.

    >>> mark_of("0123456789abcdef")
    '[governance 0123456789ab]'
    """
    return f"[governance {sha256_hex[:MARK_CHARS]}]" if sha256_hex else ""


def holds(messages: object, text: str) -> bool:
    """Whether any of *messages*, as a model is sent them, holds *text*; the newest first."""
    if not isinstance(messages, Sequence):
        return False
    return any(text in part for message in reversed(messages) for part in _texts(message))


def summary_of(messages: object, prefix: str) -> str:
    """What tells the newest summary in *messages* from others; ``""`` where there is none."""
    if not prefix or not isinstance(messages, Sequence):
        return ""
    for message in reversed(messages):
        for text in _texts(message):
            if prefix in text:
                return sha256(text.encode("utf-8", "replace")).hexdigest()[:DIGEST_CHARS]
    return ""


def _texts(message: object) -> list[str]:
    if not isinstance(message, Mapping):
        return []
    content = message.get("content", message.get("output"))
    # What Hermes sends of a message where that is more than what the user wrote.
    found = [one for one in (message.get("api_content"), content) if isinstance(one, str)]
    for part in content if isinstance(content, list) else ():
        if isinstance(part, Mapping):
            inner = part.get("text", part.get("content"))
            if isinstance(inner, str):
                found.append(inner)
            elif isinstance(inner, list):
                found.extend(_texts({"content": inner}))
    return found


def text_of(value: object) -> str:
    """*value* as a text that a journal can hold: itself, or the text parts of a message."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, list):
        text = "\n".join(_texts({"content": value}))
    else:
        text = "" if value is None else str(value)
    return mend_text(text[:TEXT_CHARS_MAX])


def exit_code(output: str) -> int | None:
    """The exit code that a tool's output names, if it is an object that does."""
    if not output.startswith("{") or '"exit_code"' not in output:
        return None
    try:
        code = json.loads(output).get("exit_code")
    except (ValueError, RecursionError, AttributeError):
        return None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def digest(tool: str, args: Mapping[str, Json]) -> str:
    """
    What tells a call of *tool* with *args* from every other.

    Raises:
        ValueRefused: They are not JSON that a journal can hold.
    """
    return sha256(dump_json([tool, args])).hexdigest()[:RUN_CHARS]
