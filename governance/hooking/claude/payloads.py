"""
From a payload of Claude's client to events of the machine: pure, no clock, no file.

What the client names a session, a sub-agent and a call becomes our session, child and
call; fields that this adapter does not know are kept under ``extra``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from attrs import evolve

from governance._attrs import frozen
from governance.hooking.claude.outputs import output_text
from governance.hooking.payload import Payload, PayloadRefused, Unbound, is_id
from governance.hooking.translation import Translation, birth
from governance.rules.host_tools import HostTools, call_of
from governance.session.commands import Command, Delivery, History, HostTraits
from governance.values import Json, whole_ms

BATCH_CALLS_MAX = 256
"""Calls of one batch that are settled; the turn's end settles what is beyond them."""

COMMON = frozenset(
    {
        "session_id", "transcript_path", "cwd", "prompt_id", "permission_mode", "agent_id",
        "agent_type", "hook_event_name",
    }
)  # fmt: skip
"""Fields that every payload may have."""


@frozen
class Client:
    """The host that runs the client: its name, what it can do, and its table of tools."""

    host: str
    traits: HostTraits
    tools: HostTools


def translate(payload: Payload, env: Mapping[str, str], client: Client) -> Translation:
    """
    The events that *payload* reports.

    Args:
        env: The hook's environment; a fork shows there before any payload names it.

    Raises:
        Unbound: The payload names no session.

        PayloadRefused: It lacks what else its event needs: the tool's name and arguments.
    """
    read = _READ.get(payload.event)
    if read is None:
        return Translation(payload.event, known=False)
    if not payload.identity("session_id"):
        raise Unbound("the payload names no session")
    return read(payload, env, client)


def child_id(payload: Payload) -> str:
    """The session id of the sub-agent that *payload* comes from, or ``""``."""
    agent = payload.identity("agent_id")
    # The client's own agents (its compaction) have no type and are nobody's child.
    if not agent or not payload.only_text("agent_type"):
        return ""
    return f"{payload.identity('session_id')}/{agent}"


def _command(
    client: Client,
    payload: Payload,
    event: str,
    data: Mapping[str, Json],
    *,
    key: str = "",
    delivery: Delivery = "none",
    history: History = "kept",
    known: frozenset[str] = frozenset(),
    **more: Any,
) -> Command:
    root = payload.identity("session_id")
    child = child_id(payload)
    extra = payload.beyond(COMMON.union(known))
    made: dict[str, Json] = dict(data)
    if extra:
        made["extra"] = extra
    fields: dict[str, Any] = {
        "session": child or root,
        "parent": root if child else None,
        "agent": payload.only_text("agent_type"),
        "key": _key(client, payload, child or root, event, key) if key else None,
    }
    return Command(
        event=event,
        host=client.host,
        traits=client.traits,
        history=history,
        delivery=delivery,
        data=made,
        **(fields | more),
    )


def _key(client: Client, payload: Payload, session: str, event: str, own: str) -> str:
    return f"{client.host}:{payload.event}:{event}:{session}:{own}"


def _session_start(payload: Payload, env: Mapping[str, str], client: Client) -> Translation:
    source = payload.text("source")
    root = payload.identity("session_id")
    known = frozenset({"source", "model"})
    if source == "compact":
        data: dict[str, Json] = {"trigger": "unknown"}
        command = _command(
            client, payload, "compact", data, delivery="after_flush", history="lost", known=known
        )
        return Translation(payload.event, (command,))
    if source == "resume":
        data = {"source": source}
        if payload.text("model"):
            data["model_id"] = payload.text("model")
        command = _command(client, payload, "resume", data, delivery="after_flush", known=known)
        fork = _env_session(env)
        return Translation(
            payload.event,
            (command,),
            # A fork's first event carries the old id; only its environment has the new one.
            remember=(f"session-{fork}", root) if fork and fork != root else None,
        )
    command = _command(
        client,
        payload,
        "start",
        birth(client.host, model=payload.text("model"), source=source),
        delivery="after_flush",
        # A fork begins with the history of the session that it comes from.
        history="kept" if source == "fork" else "lost",
        known=known,
    )
    recall = _tie(payload, env) if source == "clear" else ""
    return Translation(payload.event, (command,), recall=recall, forked=source == "fork")


def _tie(payload: Payload, env: Mapping[str, str]) -> str:
    """What the end and the start of a cleared session have in common, or ``""``."""
    client = env.get("CLAUDE_PID", "")
    if client.isascii() and client.isdigit():
        return f"process-{client[:20]}"
    # Earlier clients do not tell their process, and name the prompt in both.
    prompt = payload.text("prompt_id")
    return f"prompt-{prompt}" if prompt and is_id(prompt) else ""


def _env_session(env: Mapping[str, str]) -> str:
    """The session id in the path of ``CLAUDE_ENV_FILE``, or ``""``."""
    parts = env.get("CLAUDE_ENV_FILE", "").split("/")
    name = parts[-2] if len(parts) > 1 else ""
    return name if len(name) == 36 and name.count("-") == 4 else ""


def _prompt(payload: Payload, _: Mapping[str, str], client: Client) -> Translation:
    command = _command(
        client,
        payload,
        "turn_start",
        {"prompt": payload.only_text("prompt"), "prompt_source": "user"},
        key=payload.identity("prompt_id"),
        delivery="after_flush",
        known=frozenset({"prompt", "session_title"}),
    )
    return Translation(payload.event, (command,), recall=f"session-{command.session}")


def _expansion(payload: Payload, _: Mapping[str, str], client: Client) -> Translation:
    name = payload.only_text("command_name").removeprefix("/")
    if not name:
        raise PayloadRefused("the payload names no command")
    arguments = payload.only_text("command_args").split()
    command = _command(
        client,
        payload,
        "command",
        {"name": name, "arguments": arguments, "source": "user"},
        key=f"{payload.identity('prompt_id')}:{name}" if payload.text("prompt_id") else "",
        known=frozenset(
            {"expansion_type", "command_name", "command_args", "command_source", "prompt"}
        ),
    )
    return Translation(payload.event, (command,))


_TOOL_FIELDS = frozenset(
    {
        "tool_name", "tool_input", "tool_use_id", "tool_response", "duration_ms", "error",
        "is_interrupt",
    }
)  # fmt: skip


_TRIMMED = frozenset({"Grep", "Glob", "LS"})
"""Tools whose folder the client takes without the blanks around it, after it has asked."""


def _tool(
    client: Client,
    payload: Payload,
    event: str,
    data: Mapping[str, Json],
    delivery: Delivery = "none",
) -> Command:
    name, arguments = payload.text("tool_name"), payload.values.get("tool_input")
    if not name or not isinstance(arguments, Mapping):
        raise PayloadRefused("the payload names no tool with its arguments")
    call_id = payload.call_id("tool_use_id")
    cwd = payload.only_text("cwd") or None
    call = call_of(client.tools, name, arguments, cwd=cwd, call_id=call_id)
    path = call.own.get("path")
    if name in _TRIMMED and isinstance(path, str) and path != path.strip():
        call = evolve(call, own={**call.own, "path": [path, path.strip()]})
    # No key: the id is the model's service's own, and some give one to several calls.
    return _command(client, payload, event, data, delivery=delivery, known=_TOOL_FIELDS, call=call)


def _tool_before(payload: Payload, _: Mapping[str, str], client: Client) -> Translation:
    data: dict[str, Json] = {}
    if payload.text("permission_mode"):
        data["permission_mode"] = payload.text("permission_mode")
    return Translation(payload.event, (_tool(client, payload, "tool_before", data, "after_flush"),))


def _tool_ok(payload: Payload, _: Mapping[str, str], client: Client) -> Translation:
    response = payload.values.get("tool_response")
    data: dict[str, Json] = {"outcome": "ok", "output": output_text(response)}
    data |= _measured(payload)
    title = _task_title(payload, response)
    if title:
        data["task_title"] = title
    return Translation(payload.event, (_tool(client, payload, "tool_after", data),))


def _measured(payload: Payload) -> dict[str, Json]:
    lasted = whole_ms(payload.values.get("duration_ms"))
    return {} if lasted is None else {"duration_ms": lasted}


def _task_title(payload: Payload, response: Json) -> str:
    """What task this call completed: its subject if the call tells it, else its number."""
    if payload.text("tool_name") != "TaskUpdate" or not isinstance(response, Mapping):
        return ""
    change = response.get("statusChange")
    if not isinstance(change, Mapping) or change.get("to") != "completed":
        return ""
    given = payload.table("tool_input")
    return str(given.get("subject") or f"task {given.get('taskId')}")


def _tool_failed(payload: Payload, _: Mapping[str, str], client: Client) -> Translation:
    error = payload.text("error")
    data: dict[str, Json] = {"outcome": "failed", "error": error, "output": error}
    data |= _measured(payload)
    first = error.split("\n", 1)[0].removeprefix("Exit code ")
    if error.startswith("Exit code ") and first.isdigit():
        data["exit_code"] = int(first)
    failed = _tool(client, payload, "tool_after", data)
    if payload.values.get("is_interrupt") is not True:
        return Translation(payload.event, (failed,))
    broken_off = _command(client, payload, "interrupt", {"reason": "user"}, known=_TOOL_FIELDS)
    return Translation(payload.event, (failed, broken_off))


def _tool_batch(payload: Payload, _: Mapping[str, str], client: Client) -> Translation:
    calls = payload.values.get("tool_calls")
    listed = calls if isinstance(calls, (list, tuple)) else ()
    commands = []
    for one in listed[:BATCH_CALLS_MAX]:
        if not isinstance(one, Mapping):
            continue
        inner = Payload(
            payload.event,
            {
                **{name: payload.values[name] for name in COMMON if name in payload.values},
                **one,
            },
        )
        # The engine passes over a call that has its outcome already: what is still open
        # here was refused, for the client reports nothing else of a refused tool.
        data: dict[str, Json] = {"outcome": "refused", "settle": True}
        error = output_text(one.get("tool_response"))
        if error:
            data["error"] = error
        # What one entry lacks is no reason to pass over the others.
        with suppress(PayloadRefused):
            commands.append(_tool(client, inner, "tool_after", data))
    return Translation(payload.event, tuple(commands))


def _stop(payload: Payload, _: Mapping[str, str], client: Client) -> Translation:
    known = frozenset(
        {"stop_hook_active", "last_assistant_message", "background_tasks", "session_crons"}
    )
    return Translation(payload.event, (_command(client, payload, "turn_end", {}, known=known),))


def _stop_failure(payload: Payload, _: Mapping[str, str], client: Client) -> Translation:
    known = frozenset({"error", "error_details", "last_assistant_message"})
    why = payload.text("error") or "unknown"
    detail = payload.text("last_assistant_message")
    failure = f"{why}: {detail}" if detail else why
    return Translation(
        payload.event,
        (
            _command(client, payload, "turn_end", {"failure": failure}, known=known),
            _command(client, payload, "interrupt", {"reason": "error"}, known=known),
        ),
    )


def _child_start(payload: Payload, _: Mapping[str, str], client: Client) -> Translation:
    child = child_id(payload)
    if not child:
        return Translation(payload.event)
    root = payload.identity("session_id")
    role = payload.text("agent_type")
    announced = _command(
        client,
        payload,
        "child_start",
        {"child_id": child, "role": role},
        session=root,
        parent=None,
        agent="",
    )
    born = _command(
        client,
        payload,
        "start",
        birth(client.host, source="sub-agent"),
        delivery="after_flush",
        history="lost",
    )
    return Translation(payload.event, (announced, born), decisive=1)


def _child_stop(payload: Payload, _: Mapping[str, str], client: Client) -> Translation:
    child = child_id(payload)
    if not child:
        return Translation(payload.event)
    known = frozenset(
        {
            "stop_hook_active", "agent_transcript_path", "last_assistant_message",
            "background_tasks", "session_crons",
        }
    )  # fmt: skip
    root = payload.identity("session_id")
    ended = _command(client, payload, "end", {"reason": "stopped"}, known=known)
    told = _command(
        client,
        payload,
        "child_end",
        {"child_id": child},
        known=known,
        session=root,
        parent=None,
        agent="",
    )
    return Translation(payload.event, (ended, told))


def _compacting(payload: Payload, _: Mapping[str, str], client: Client) -> Translation:
    data: dict[str, Json] = {"trigger": payload.text("trigger") or "unknown"}
    if payload.text("custom_instructions"):
        data["instructions"] = payload.text("custom_instructions")
    known = frozenset({"trigger", "custom_instructions"})
    return Translation(payload.event, (_command(client, payload, "compacting", data, known=known),))


def _compacted(payload: Payload, _: Mapping[str, str], client: Client) -> Translation:
    # Comes after the new briefing; the machine takes it for the second report it is.
    data: dict[str, Json] = {
        "trigger": payload.text("trigger") or "unknown",
        "summary": payload.text("compact_summary"),
    }
    known = frozenset({"trigger", "compact_summary"})
    return Translation(payload.event, (_command(client, payload, "compact", data, known=known),))


def _session_end(payload: Payload, env: Mapping[str, str], client: Client) -> Translation:
    reason = payload.text("reason") or "other"
    command = _command(client, payload, "end", {"reason": reason}, known=frozenset({"reason"}))
    # The start of the cleared session has a new id.
    tie = _tie(payload, env) if reason == "clear" else ""
    remember = (tie, command.session) if tie else None
    return Translation(payload.event, (command,), remember=remember)


_READ: Mapping[str, Callable[[Payload, Mapping[str, str], Client], Translation]] = {
    "SessionStart": _session_start,
    "UserPromptSubmit": _prompt,
    "UserPromptExpansion": _expansion,
    "PreToolUse": _tool_before,
    "PostToolUse": _tool_ok,
    "PostToolUseFailure": _tool_failed,
    "PostToolBatch": _tool_batch,
    "Stop": _stop,
    "StopFailure": _stop_failure,
    "SubagentStart": _child_start,
    "SubagentStop": _child_stop,
    "PreCompact": _compacting,
    "PostCompact": _compacted,
    "SessionEnd": _session_end,
}
