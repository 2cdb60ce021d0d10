"""
From a payload of Gemini CLI to events of the machine: no clock, and one look at the disk.

That is for a relative path of ``replace``, see `readings`. The client has no ids of calls: a call
is known by its tool and arguments. Fields that this adapter does not know are kept under ``extra``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import evolve

from governance.calls import ToolCall, content_id
from governance.hooking.payload import Payload, PayloadRefused, Unbound
from governance.hooking.translation import CLIENT, Translation, birth
from governance.hosts.gemini_cli.capabilities import TRAITS
from governance.hosts.gemini_cli.outputs import outcome_of, output_text
from governance.hosts.gemini_cli.readings import as_read
from governance.hosts.gemini_cli.tools import HOST, TOOLS
from governance.rules.host_tools import call_of
from governance.session.commands import Command, Delivery, History
from governance.values import Json

COMMON = frozenset({"session_id", "transcript_path", "cwd", "hook_event_name", "timestamp"})
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
    command = read(payload)
    # What ends with a clear and what begins with it have the client's process in common.
    ended = payload.event == "SessionEnd" and payload.text("reason") == "clear"
    begun = payload.event == "SessionStart" and payload.text("source") == "clear"
    return Translation(
        payload.event,
        (command,),
        remember=(CLIENT, command.session) if ended else None,
        recall=CLIENT if begun else "",
    )


def _command(
    payload: Payload,
    event: str,
    data: Mapping[str, Json],
    *known: str,
    delivery: Delivery = "none",
    history: History = "kept",
    call: ToolCall | None = None,
) -> Command:
    extra = payload.beyond(COMMON.union(known))
    return Command(
        event=event,
        session=payload.identity("session_id"),
        host=HOST,
        traits=TRAITS,
        history=history,
        delivery=delivery,
        call=call,
        data={**data, "extra": extra} if extra else data,
    )


def _session_start(payload: Payload) -> Command:
    source = payload.text("source")
    if source == "resume":
        data: dict[str, Json] = {"source": source}
        return _command(payload, "resume", data, "source", delivery="after_flush")
    born = birth(HOST, source=source)
    return _command(payload, "start", born, "source", delivery="after_flush", history="lost")


def _prompt(payload: Payload) -> Command:
    data: dict[str, Json] = {"prompt": payload.only_text("prompt"), "prompt_source": "user"}
    return _command(payload, "turn_start", data, "prompt", delivery="after_flush")


_TOOL_FIELDS = ("tool_name", "tool_input", "tool_response", "original_request_name")


def _call(payload: Payload) -> tuple[ToolCall, tuple[str, ...]]:
    """The call that *payload* names, and why it may not run whatever rules say of it."""
    name, arguments = payload.text("tool_name"), payload.values.get("tool_input")
    if not name or not isinstance(arguments, Mapping):
        raise PayloadRefused("the payload names no tool with its arguments")
    cwd = payload.only_text("cwd") or None
    call = call_of(TOOLS, name, arguments, cwd=cwd, call_id=content_id(name, arguments))
    # A tool of the client's own is that, whatever is said beside it.
    if name in TOOLS.tools:
        return as_read(call)
    context = payload.table("mcp_context")
    server, tool = context.get("server_name"), context.get("tool_name")
    if isinstance(server, str) and isinstance(tool, str) and server and tool:
        own: dict[str, Json] = {"server": server, "mcp_tool": tool}
        return evolve(call, tool=f"mcp:{server}:{tool}", own=own), ()
    return call, ()


def _tool_before(payload: Payload) -> Command:
    call, refused = _call(payload)
    asked = _command(payload, "tool_before", {}, *_TOOL_FIELDS, delivery="after_flush", call=call)
    return evolve(asked, refused=refused)


def _tool_after(payload: Payload) -> Command:
    response = payload.table("tool_response")
    data = {**outcome_of(response), "output": output_text(response)}
    return _command(payload, "tool_after", data, *_TOOL_FIELDS, call=_call(payload)[0])


def _stop(payload: Payload) -> Command:
    return _command(payload, "turn_end", {}, "prompt", "prompt_response", "stop_hook_active")


def _session_end(payload: Payload) -> Command:
    data: dict[str, Json] = {"reason": payload.text("reason") or "other"}
    return _command(payload, "end", data, "reason")


_READ: Mapping[str, Callable[[Payload], Command]] = {
    "SessionStart": _session_start,
    "BeforeAgent": _prompt,
    "BeforeTool": _tool_before,
    "AfterTool": _tool_after,
    "AfterAgent": _stop,
    "SessionEnd": _session_end,
}
