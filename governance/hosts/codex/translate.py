"""
From a payload of Codex to events of the machine: pure, no clock, no file.

What the client names a session, a sub-agent and a call becomes our session, child and
call; fields that this adapter does not know are kept under ``extra``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from governance.calls import ToolCall
from governance.hooking.patches import calls_of_patch, refusal_of
from governance.hooking.payload import Payload, PayloadRefused, Unbound
from governance.hooking.translation import Translation, birth
from governance.hosts.codex.capabilities import TRAITS
from governance.hosts.codex.outputs import exit_code, output_text
from governance.hosts.codex.tools import HOST, PATCH, SHELL, TOOLS
from governance.rules.host_tools import call_of
from governance.session.commands import Command, Delivery, History
from governance.values import Json

_PROGRAM = re.compile(r"\bapply_?patch\b")
_BEFORE = re.compile(r"\s*(?:cd\s+([\w./+@%-]+)\s*&&\s*)?", re.ASCII)
# What may stand before that program for its folder to be known.

COMMON = frozenset(
    {
        "session_id", "turn_id", "transcript_path", "cwd", "hook_event_name", "model",
        "permission_mode", "agent_id", "agent_type",
    }
)  # fmt: skip
"""Fields that every payload may have."""


def translate(payload: Payload, _: Mapping[str, str] | None = None) -> Translation:
    """
    The events that *payload* reports.

    Raises:
        Unbound: The payload names no session.

        PayloadRefused: It lacks what else its event needs: the tool's name and arguments.
    """
    read = _READ.get(payload.event)
    if read is None:
        return Translation(payload.event, known=False)
    if not payload.identity("session_id"):
        raise Unbound("the payload names no session")
    commands, decisive = read(payload)
    forked = payload.event == "SessionStart" and payload.text("source") == "fork"
    return Translation(payload.event, commands, decisive, forked=forked)


Read = tuple[tuple[Command, ...], int]
"""The commands of a payload, and which of them decides."""


def child_id(payload: Payload) -> str:
    """The session id of the sub-agent that *payload* comes from, or ``""``."""
    agent = payload.identity("agent_id")
    return f"{payload.identity('session_id')}/{agent}" if agent else ""


def _command(
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
    session = child or root
    fields: dict[str, Any] = {
        "session": session,
        "parent": root if child else None,
        "agent": payload.text("agent_type") if child else "",
        "key": f"{HOST}:{payload.event}:{event}:{session}:{key}" if key else None,
    }
    return Command(
        event=event,
        host=HOST,
        traits=TRAITS,
        history=history,
        delivery=delivery,
        data=made,
        **(fields | more),
    )


def _on_parent(payload: Payload, event: str, data: Mapping[str, Json], **more: Any) -> Command:
    root = payload.identity("session_id")
    return _command(payload, event, data, session=root, parent=None, agent="", **more)


def _session_start(payload: Payload) -> Read:
    source = payload.text("source")
    known = frozenset({"source"})
    if source == "compact":
        data: dict[str, Json] = {"trigger": "unknown"}
        told = _command(
            payload, "compact", data, delivery="after_flush", history="lost", known=known
        )
    elif source == "resume":
        data = {"source": source}
        if payload.text("model"):
            data["model_id"] = payload.text("model")
        told = _command(payload, "resume", data, delivery="after_flush", known=known)
    else:
        # A cleared session has a new id, and nothing ties it to the old one; a fork has the
        # history of the one that it comes from.
        born = birth(HOST, model=payload.text("model"), source=source)
        history: History = "kept" if source == "fork" else "lost"
        told = _command(
            payload, "start", born, delivery="after_flush", history=history, known=known
        )
    return (told,), 0


def _prompt(payload: Payload) -> Read:
    source = "agent" if child_id(payload) else "user"
    data: dict[str, Json] = {"prompt": payload.text("prompt"), "prompt_source": source}
    turn = payload.identity("turn_id")
    known = frozenset({"prompt"})
    command = _command(payload, "turn_start", data, key=turn, delivery="after_flush", known=known)
    return (command,), 0


# -- tools ------------------------------------------------------------------------------

_TOOL_FIELDS = frozenset({"tool_name", "tool_input", "tool_use_id", "tool_response"})


def _calls(payload: Payload) -> tuple[ToolCall, ...]:
    """The calls that one call of the client amounts to: one, or one for each file of a patch."""
    name, arguments = payload.text("tool_name"), payload.values.get("tool_input")
    if not name or not isinstance(arguments, Mapping):
        raise PayloadRefused("the payload names no tool with its arguments")
    call_id = payload.identity("tool_use_id")
    call = call_of(TOOLS, name, arguments, cwd=payload.text("cwd") or None, call_id=call_id)
    text = str(arguments.get("command") or "")
    if name == PATCH:
        return calls_of_patch(call, text)
    return (call, *_handed_over(call, text)) if name == SHELL else (call,)


def _handed_over(call: ToolCall, command: str) -> tuple[ToolCall, ...]:
    """
    The calls of a patch that *command* hands to the client's own program, on the path of its shell.

    Where nobody can say in which folder that runs, relative paths are a patch that is not read.
    """
    program = _PROGRAM.search(command)
    if program is None or "*** " not in command[program.end() :]:
        return ()
    call_id = f"{call.call_id}.patch" if call.call_id else ""
    patch = evolve(call, native=PATCH, call_id=call_id, fields={})
    before = _BEFORE.fullmatch(command[: program.start()])
    again = _PROGRAM.search(command.partition("*** End Patch")[2]) is not None
    folder = call.cwd or ""
    if before is None or again:
        folder = ""
    elif before[1]:
        folder = posixpath.join(folder, before[1])
    calls = calls_of_patch(evolve(patch, cwd=folder or None), command)
    placed = bool(folder) or all(str(one.own.get("path")).startswith("/") for one in calls)
    return calls if placed else (evolve(patch, tool="other", own={}),)


def _tools(
    payload: Payload, event: str, data: Mapping[str, Json], delivery: Delivery = "none"
) -> Read:
    # No key: the id is the model's service's own, and some give one to several calls.
    commands = tuple(
        _command(payload, event, data, delivery=delivery, known=_TOOL_FIELDS, call=call)
        for call in _calls(payload)
    )
    return commands, 0


def _tool_before(payload: Payload) -> Read:
    data: dict[str, Json] = {}
    if payload.text("permission_mode"):
        data["permission_mode"] = payload.text("permission_mode")
    commands, decisive = _tools(payload, "tool_before", data, "after_flush")
    return tuple(_refused(one) for one in commands), decisive


def _refused(command: Command) -> Command:
    assert command.call is not None, "a tool is asked for by its call"
    return evolve(command, refused=refusal_of(command.call, PATCH))


def _tool_after(payload: Payload) -> Read:
    output = output_text(payload.values.get("tool_response"))
    data: dict[str, Json] = {"outcome": "ok", "output": output}
    code = exit_code(payload.text("tool_name"), output)
    if code is not None:
        data["exit_code"] = code
        if code:
            data |= {"outcome": "failed", "error": f"exit code {code}"}
    return _tools(payload, "tool_after", data)


# -- turns, sub-agents, compaction and the end ------------------------------------------------


def _stop(payload: Payload) -> Read:
    known = frozenset({"stop_hook_active", "last_assistant_message"})
    return (_command(payload, "turn_end", {}, known=known),), 0


def _interrupted(payload: Payload) -> Read:
    return (_command(payload, "interrupt", {"reason": "user"}),), 0


def _child_start(payload: Payload) -> Read:
    child = child_id(payload)
    if not child:
        raise PayloadRefused("the payload names no sub-agent")
    told: dict[str, Json] = {"child_id": child, "role": payload.text("agent_type")}
    born = _command(
        payload,
        "start",
        birth(HOST, model=payload.text("model"), source="sub-agent"),
        delivery="after_flush",
        history="lost",
    )
    return (_on_parent(payload, "child_start", told), born), 1


def _child_stop(payload: Payload) -> Read:
    child = child_id(payload)
    if not child:
        raise PayloadRefused("the payload names no sub-agent")
    known = frozenset({"stop_hook_active", "agent_transcript_path", "last_assistant_message"})
    ended = _command(payload, "end", {"reason": "stopped"}, known=known)
    return (ended, _on_parent(payload, "child_end", {"child_id": child}, known=known)), 0


def _compacting(payload: Payload) -> Read:
    data: dict[str, Json] = {"trigger": payload.text("trigger") or "unknown"}
    return (_command(payload, "compacting", data, known=frozenset({"trigger"})),), 0


def _session_end(payload: Payload) -> Read:
    data: dict[str, Json] = {"reason": payload.text("reason") or "other"}
    return (_command(payload, "end", data, known=frozenset({"reason"})),), 0


_READ: Mapping[str, Callable[[Payload], Read]] = {
    "SessionStart": _session_start,
    "UserPromptSubmit": _prompt,
    "PreToolUse": _tool_before,
    "PostToolUse": _tool_after,
    "Stop": _stop,
    "SubagentStart": _child_start,
    "SubagentStop": _child_stop,
    "PreCompact": _compacting,
    "Interrupt": _interrupted,
    "SessionEnd": _session_end,
}
