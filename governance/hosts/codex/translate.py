"""
From a payload of Codex to events of the machine: pure, no clock, no file.

What the client names a session, a sub-agent and a call becomes our session, child and
call; fields that this adapter does not know are kept under ``extra``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from governance.hooking.patches import calls_of_patch, refusal_of
from governance.hooking.payload import Payload, PayloadRefused, Unbound
from governance.hooking.translation import Translation, birth
from governance.hosts.codex.capabilities import TRAITS
from governance.hosts.codex.handed_over import Asked, handed_over
from governance.hosts.codex.outputs import exit_code, output_text
from governance.hosts.codex.tools import HOST, PATCH, SHELL, TOOLS
from governance.rules.host_tools import call_of
from governance.session.commands import Command, Delivery, History
from governance.values import Json

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
        "agent": payload.only_text("agent_type") if child else "",
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
    data: dict[str, Json] = {"prompt": payload.only_text("prompt"), "prompt_source": source}
    turn = payload.identity("turn_id")
    known = frozenset({"prompt"})
    command = _command(payload, "turn_start", data, key=turn, delivery="after_flush", known=known)
    return (command,), 0


# -- tools ------------------------------------------------------------------------------

_TOOL_FIELDS = frozenset({"tool_name", "tool_input", "tool_use_id", "tool_response"})


def _asked(payload: Payload) -> tuple[Asked, ...]:
    """What one call of the client amounts to: a call, and one for each file of its patches."""
    name, arguments = payload.text("tool_name"), payload.values.get("tool_input")
    if not name or not isinstance(arguments, Mapping):
        raise PayloadRefused("the payload names no tool with its arguments")
    call_id = payload.call_id("tool_use_id")
    call = call_of(TOOLS, name, arguments, cwd=_folder(payload, arguments), call_id=call_id)
    text = arguments.get("command")
    if name == PATCH:
        calls = calls_of_patch(call, text if isinstance(text, str) else "")
        return tuple(Asked(one, refusal_of(one, PATCH)) for one in calls)
    if name != SHELL:
        return (Asked(call),)
    if not isinstance(text, str):
        raise PayloadRefused(f"`command` of `{SHELL}` is no text")
    return (Asked(call), *handed_over(call, text))


def _folder(payload: Payload, arguments: Mapping[str, Json]) -> str | None:
    """
    Where a call runs; ``None``: the payload does not say.

    Raises:
        PayloadRefused: It says so by what is no text, which must not pass for the project.
    """
    folder = payload.only_text("cwd")
    workdir = arguments.get("workdir") if payload.text("tool_name") in (SHELL, PATCH) else None
    if workdir is not None and not isinstance(workdir, str):
        raise PayloadRefused("`workdir`, the folder of the call, is no text")
    return (posixpath.join(folder, workdir) if workdir else folder) or None


def _tools(
    payload: Payload, event: str, data: Mapping[str, Json], delivery: Delivery = "none"
) -> Read:
    # No key: the id is the model's service's own, and some give one to several calls.
    commands = tuple(
        _command(
            payload,
            event,
            data,
            delivery=delivery,
            known=_TOOL_FIELDS,
            call=one.call,
            refused=one.refused if event == "tool_before" else (),
        )
        for one in _asked(payload)
    )
    return commands, 0


def _tool_before(payload: Payload) -> Read:
    data: dict[str, Json] = {}
    if payload.text("permission_mode"):
        data["permission_mode"] = payload.text("permission_mode")
    return _tools(payload, "tool_before", data, "after_flush")


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
