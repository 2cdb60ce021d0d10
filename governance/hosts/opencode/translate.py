"""
From a message of the plugin to events of the machine: pure, no clock, no file.

Around the client's own ``input`` and ``output`` of a hook the plugin says which session it
is (``session_id``, ``parent_id``), whose agent (``agent``), in which folder (``cwd``), in
which process (``run``), and which text a request has carried since (``told``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from attrs import evolve

from governance.calls import UNKNOWN_FOLDER, ToolCall
from governance.hooking.patches import calls_of_patch, refusal_of
from governance.hooking.payload import Payload, PayloadRefused, Unbound, call_id_of, is_id
from governance.hooking.translation import Note, Translation, birth
from governance.hosts.opencode.capabilities import TRAITS
from governance.hosts.opencode.outputs import exit_code, output_text
from governance.hosts.opencode.tools import HOST, PATCH, TOOLS
from governance.rules.host_tools import call_of
from governance.session.commands import Command, Delivery
from governance.session.usage import usage_problem
from governance.values import Json

SESSIONS_MAX = 256
"""Sessions of one process that are taken leave of at its end."""

PATTERNS_MAX = 32
PATTERN_CHARS_MAX = 500
"""What is kept of a question that the client puts to its user."""

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_REPORT: Mapping[str, type | tuple[type, ...]] = {
    "sha256": str, "rendered_at": int, "blocks": (list, tuple), "why": str, "characters": int,
}  # fmt: skip
"""What the plugin reports of a text that went out, as an answer of ours gave it."""

_ABORTED = "MessageAbortedError"
_REFUSED = (
    "The user rejected permission to use this specific tool call",
    "The user has specified a rule which prevents you from using this specific tool call",
)
"""How the client begins the error of a call that its own permissions did not let run."""


def translate(payload: Payload, _: Mapping[str, str] | None = None) -> Translation:
    """
    The events that *payload* reports.

    Raises:
        Unbound: The payload names no session.

        PayloadRefused: It lacks what else its event needs: the tool's name and arguments.
    """
    read, noted = _READ.get(payload.event), _NOTED.get(payload.event)
    if read is None and noted is None:
        return Translation(payload.event, known=False)
    if payload.event != "dispose" and not payload.identity("session_id"):
        raise Unbound("the payload names no session")
    if noted is not None:
        return Translation(payload.event, notes=(noted(payload),), used=_used(payload))
    # INVARIANT: an event is in one of both tables.
    assert read is not None, "an event that is read or noted"
    commands, decisive = read(payload)
    return Translation(payload.event, tuple(commands), decisive, used=_used(payload))


Read = tuple[Sequence[Command], int]
"""The commands of a payload, and which of them decides."""


def _command(
    payload: Payload,
    event: str,
    data: Mapping[str, Json],
    *,
    key: str = "",
    delivery: Delivery = "none",
    **more: Any,
) -> Command:
    fields: dict[str, Any] = {
        "session": payload.identity("session_id"),
        "parent": payload.identity("parent_id") or None,
        "agent": payload.only_text("agent"),
    } | more
    return Command(
        event=event,
        host=HOST,
        traits=TRAITS,
        run=payload.text("run"),
        # A system prompt is made anew for each request: nothing told in it can be lost.
        history="kept",
        delivery=delivery,
        data=data,
        key=f"{HOST}:{payload.event}:{event}:{fields['session']}:{key}" if key else None,
        **fields,
    )


def _on_parent(payload: Payload, event: str, data: Mapping[str, Json]) -> Command:
    parent = payload.identity("parent_id")
    return _command(payload, event, data, session=parent, parent=None, agent="")


def _told(payload: Payload) -> tuple[Command, ...]:
    """
    The report that a text has reached the model, if the plugin has one to make.

    It comes with what the model did next, which is the proof that the request went out.
    """
    told = payload.table("told")
    if not all(isinstance(told.get(name), kind) for name, kind in _REPORT.items()):
        return ()
    return (_command(payload, "brief", {name: told[name] for name in _REPORT}),)


def _used(payload: Payload) -> Note | None:
    """
    What the client counts of the session's tokens and costs, if it has told more since.

    Its figures are those of the whole session; the context is what the last answer was made of.
    """
    told = payload.table("used")
    found: dict[str, Json] = {
        "cost_usd": told.get("cost"),
        "input_tokens": _tokens(told.get("tokens"), "input", "read", "write"),
        "output_tokens": _tokens(told.get("tokens"), "output", "reasoning"),
        "context_tokens": _tokens(told.get("context"), "input", "read", "write"),
    }
    known = {name: value for name, value in found.items() if not usage_problem({name: value})}
    session = payload.identity("session_id")
    return Note(session, "usage.reported", {**known, "whole": True}) if known and session else None


def _tokens(told: Json, *names: str) -> Json:
    if not isinstance(told, Mapping):
        return None
    cache = told.get("cache")
    figures = {**(cache if isinstance(cache, Mapping) else {}), **told}
    counts = [figures.get(name) for name in names]
    return sum(one for one in counts if isinstance(one, int) and not isinstance(one, bool))


def _created(payload: Payload) -> Read:
    info = payload.table("input").get("info")
    model = info.get("model") if isinstance(info, Mapping) else None
    source = "sub-agent" if payload.identity("parent_id") else "startup"
    data = birth(HOST, model=_model_id(model), source=source)
    born = _command(payload, "start", data)
    if not born.parent:
        return (born,), 0
    announced: dict[str, Json] = {"child_id": born.session, "role": born.agent}
    return (_on_parent(payload, "child_start", announced), born), 1


def _model_id(model: Json) -> str:
    if not isinstance(model, Mapping):
        return ""
    provider, name = model.get("providerID"), model.get("modelID") or model.get("id")
    return f"{provider}/{name}" if provider and name else ""


def _prompt(payload: Payload) -> Read:
    message = payload.table("output")
    data: dict[str, Json] = {
        "prompt": payload.only_text("prompt"),
        "prompt_source": "agent" if payload.identity("parent_id") else "user",
    }
    turn = _command(
        payload,
        "turn_start",
        data,
        key=str(message.get("id") or ""),
        delivery="after_flush",
    )
    if payload.values.get("resumed") is not True:
        return (turn,), 0
    # The client says nothing of a resume: it is a prompt to a session of another process.
    return (_command(payload, "resume", {"source": "resume"}), turn), 1


def _slash_command(payload: Payload) -> Read:
    given = payload.table("input")
    name, arguments = given.get("command"), given.get("arguments")
    if not isinstance(name, str) or not name.removeprefix("/"):
        raise PayloadRefused("the payload names no command")
    if arguments is not None and not isinstance(arguments, str):
        raise PayloadRefused("the arguments of the command are no text")
    data: dict[str, Json] = {
        "name": name.removeprefix("/"),
        "arguments": list((arguments or "").split()),
        "source": "user",
    }
    return (_command(payload, "command", data),), 0


# -- tools ------------------------------------------------------------------------------


def _calls(payload: Payload) -> tuple[ToolCall, ...]:
    """The calls that one call of the client amounts to: one, or one for each file of a patch."""
    given = payload.table("input")
    name, arguments = given.get("tool"), _arguments(payload)
    if not isinstance(name, str) or not name or arguments is None:
        raise PayloadRefused("the payload names no tool with its arguments")
    cwd = payload.only_text("cwd") or None
    call_id = call_id_of(given.get("callID"))
    if name not in TOOLS.tools:
        found = _mcp_call(payload, name, arguments, cwd, call_id)
        if found is not None:
            return (found,)
    call = call_of(TOOLS, name, arguments, cwd=cwd, call_id=call_id)
    if name == "bash":
        return (evolve(call, cwd=_workdir(cwd, arguments.get("workdir"))),)
    if name != PATCH:
        return (call,)
    return calls_of_patch(call, str(arguments.get("patchText") or ""))


def _arguments(payload: Payload) -> Mapping[str, Json] | None:
    for table, name in (("output", "args"), ("input", "args")):
        found = payload.table(table).get(name)
        if isinstance(found, Mapping):
            return found
    return None


def _workdir(cwd: str | None, workdir: Json) -> str | None:
    if workdir is None or workdir == "":
        return cwd
    if not isinstance(workdir, str):
        return UNKNOWN_FOLDER
    if workdir.startswith("/"):
        return workdir
    return f"{cwd.rstrip('/')}/{workdir}" if cwd else None


def _mcp_call(
    payload: Payload, name: str, arguments: Mapping[str, Json], cwd: str | None, call_id: str
) -> ToolCall | None:
    """A tool ``server_tool`` of one of the servers that the plugin names; the longest first."""
    given = payload.values.get("servers")
    named = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
    for server in sorted(named, key=len, reverse=True):
        mark = "".join(sign if sign in _SAFE else "_" for sign in server) + "_"
        if name.startswith(mark) and len(name) > len(mark):
            tool = name[len(mark) :]
            own: dict[str, Json] = {"server": server, "mcp_tool": tool}
            return ToolCall(f"mcp:{server}:{tool}", name, own, arguments, cwd, call_id)
    return None


def _tool_before(payload: Payload) -> Read:
    told = _told(payload)
    # No key: the id is the model's service's own, and some give one to several calls.
    asked = [
        _command(
            payload,
            "tool_before",
            {},
            delivery="after_flush",
            call=call,
            refused=refusal_of(call, PATCH),
        )
        for call in _calls(payload)
    ]
    return (*told, *asked), len(told)


def _tool_ok(payload: Payload) -> Read:
    code = exit_code(payload.table("output"))
    data: dict[str, Json] = {"outcome": "ok", "output": output_text(payload.table("output"))}
    if code is not None:
        data["exit_code"] = code
        if code:
            data |= {"outcome": "failed", "error": f"exit code {code}"}
    commands = [_after(payload, call, data) for call in _calls(payload)]
    return (*commands, *_child_done(payload)), 0


def _after(payload: Payload, call: ToolCall, data: Mapping[str, Json]) -> Command:
    return _command(payload, "tool_after", data, call=call)


def _child_done(payload: Payload) -> tuple[Command, ...]:
    """The end of the sub-session whose work a finished `task` was; it may be taken up again."""
    output, given = payload.table("output"), payload.table("input")
    metadata, arguments = output.get("metadata"), _arguments(payload) or {}
    child = metadata.get("sessionId") if isinstance(metadata, Mapping) else None
    if given.get("tool") != "task" or not isinstance(child, str) or arguments.get("background"):
        return ()
    if not child or not is_id(child):
        return ()
    parent = payload.identity("session_id")
    ended = _command(payload, "end", {"reason": "stopped"}, session=child, parent=parent, agent="")
    return (ended, _command(payload, "child_end", {"child_id": child}))


def _tool_failed(payload: Payload) -> Read:
    error = payload.text("error")
    if payload.values.get("denied") is True:
        # One file of a patch was denied. What the engine let through of it did not run either;
        # it passes over the calls that have their outcome already.
        settled: dict[str, Json] = {"outcome": "refused", "settle": True, "error": error}
        return [_after(payload, one, settled) for one in _calls(payload)], 0
    refused = error.startswith(_REFUSED)
    data: dict[str, Json] = {"outcome": "refused" if refused else "failed", "error": error}
    if not refused:
        data["output"] = error
    return [_after(payload, call, data) for call in _calls(payload)], 0


# -- turns, compaction and the end ----------------------------------------------------------


def _lapsed(payload: Payload) -> Read:
    return (_command(payload, "lapse", {"why": "a request went out without it"}),), 0


def _idle(payload: Payload) -> Read:
    return (*_told(payload), _command(payload, "turn_end", {})), 0


def _error(payload: Payload) -> Read:
    error = payload.table("input").get("error")
    given = error if isinstance(error, Mapping) else {}
    name, inner = str(given.get("name") or "unknown"), given.get("data")
    detail = inner.get("message") if isinstance(inner, Mapping) else None
    if name == _ABORTED:
        return (*_told(payload), _command(payload, "interrupt", {"reason": "user"})), 0
    failure = f"{name}: {detail}" if isinstance(detail, str) and detail else name
    ended = _command(payload, "turn_end", {"failure": failure})
    return (ended, _command(payload, "interrupt", {"reason": "error"})), 0


def _compacting(payload: Payload) -> Read:
    return (_command(payload, "compacting", {"trigger": _trigger(payload)}),), 0


def _compacted(payload: Payload) -> Read:
    # What is told once a turn must be told with the reminder: the next request carries both.
    lapsed = _command(payload, "lapse", {"why": "the context was compacted"})
    data: dict[str, Json] = {"trigger": _trigger(payload)}
    return (lapsed, _command(payload, "compact", data, delivery="after_flush")), 1


def _trigger(payload: Payload) -> str:
    return payload.text("trigger") or "unknown"


def _deleted(payload: Payload) -> Read:
    ended = _command(payload, "end", {"reason": "deleted"})
    if not ended.parent:
        return (ended,), 0
    return (ended, _on_parent(payload, "child_end", {"child_id": ended.session})), 0


def _disposed(payload: Payload) -> Read:
    listed = payload.values.get("sessions")
    commands = []
    for one in listed[:SESSIONS_MAX] if isinstance(listed, list) else ():
        if isinstance(one, Mapping):
            inner = Payload(payload.event, {"run": payload.text("run"), **one})
            # What one of them lacks is no reason to pass over the others.
            with suppress(PayloadRefused):
                if inner.identity("session_id"):
                    commands.append(_command(inner, "interrupt", {"reason": "shutdown"}))
    return commands, 0


# -- the client's own permissions -----------------------------------------------------------


def _permission_asked(payload: Payload) -> Note:
    given = payload.table("input")
    patterns = given.get("patterns")
    listed = patterns[:PATTERNS_MAX] if isinstance(patterns, list) else []
    data: dict[str, Json] = {
        "id": str(given.get("id") or ""),
        "permission": str(given.get("permission") or ""),
        "patterns": [str(one)[:PATTERN_CHARS_MAX] for one in listed],
    }
    return _note(payload, data)


def _permission_replied(payload: Payload) -> Note:
    given = payload.table("input")
    data: dict[str, Json] = {
        "id": str(given.get("id") or ""),
        "reply": str(given.get("reply") or ""),
    }
    return _note(payload, data)


def _note(payload: Payload, data: dict[str, Json]) -> Note:
    call_id = call_id_of(payload.table("input").get("callID"))
    if call_id:
        data["call_id"] = call_id
    session, asked = payload.identity("session_id"), call_id_of(data["id"])
    key = f"{HOST}:{payload.event}:{session}:{asked}" if asked else None
    return Note(session, payload.event, data, key)


_NOTED: Mapping[str, Callable[[Payload], Note]] = {
    "permission.asked": _permission_asked,
    "permission.replied": _permission_replied,
}

_READ: Mapping[str, Callable[[Payload], Read]] = {
    "session.created": _created,
    "chat.message": _prompt,
    "command.execute.before": _slash_command,
    "tool.execute.before": _tool_before,
    "tool.execute.after": _tool_ok,
    "message.part.updated": _tool_failed,
    "experimental.chat.system.transform": _lapsed,
    "experimental.session.compacting": _compacting,
    "session.compacted": _compacted,
    "session.idle": _idle,
    "session.error": _error,
    "session.deleted": _deleted,
    "dispose": _disposed,
}
