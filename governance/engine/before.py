"""*Before* events: listeners may refuse or write, once, before anything is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from governance.calls import ToolCall
from governance.events import Event
from governance.session.commands import Command
from governance.session.state import SessionState
from governance.states import State
from governance.values import Json

if TYPE_CHECKING:
    from governance.listeners import BeforeResult, Listeners

BEFORE: Mapping[str, str] = {
    "start": "session.creating",
    "tool_before": "tool.asked",
    "command": "command.asked",
    "compacting": "session.compacting",
    "reset": "session.resetting",
    "end": "session.ending",
}
"""Machine events that listeners see before they are decided, by the name they see."""

UNREFUSABLE = frozenset({"reset", "end"})
"""Told events: they have happened, so a listener can look and no more."""


def run_before(
    listeners: Listeners, command: Command, state_of: Callable[[str], SessionState]
) -> Command:
    """*command* with what listeners wrote and refused; the very same when nobody listens."""
    name = BEFORE.get(command.event)
    if name is None or not listeners.wants(name):
        return command
    state = state_of(command.session)
    if command.event == "start" and state.state is not State.ABSENT:
        return command
    result = listeners.run_before(_event(name, command, state))
    return _with(result, name, command)


def _event(name: str, command: Command, state: SessionState) -> Event:
    return Event(
        name=name,
        session_id=command.session,
        event_id=f"{command.session}#{state.head}+{command.key or command.event}",
        parent_id=command.parent or state.identity.parent,
        epoch=state.registers.epoch,
        seq=state.head,
        at_ms=command.at_ms or 0,
        host=command.host,
        state_before=state.state.value,
        state_after=state.state.value,
        role=command.role or state.identity.role,
        actor=command.actor,
        call_id=(command.call.call_id or None) if command.call else None,
        data=_data(name, command, state),
    )


def _data(name: str, command: Command, state: SessionState) -> Mapping[str, Json]:
    data, call = command.data, command.call
    match name:
        case "session.creating":
            return {
                "backend_name": data.get("backend_name") or command.host,
                "model_id": data.get("model_id") or "",
                "model_options": data.get("model_options") or {},
                "context_type": data.get("context_type") or "",
                "source": data.get("source") or "",
            }
        case "tool.asked":
            # INVARIANT: adapters give every tool event its call.
            assert call is not None, "`tool_before` needs a call"
            return {
                "tool": call.tool,
                "native": call.native,
                "facts": dict(call.own),
                "arguments": dict(call.args or call.own),
            }
        case "command.asked":
            return {
                "name": data.get("name") or "",
                "arguments": data.get("arguments") or [],
                "source": data.get("source") or "user",
            }
        case "session.compacting":
            return {"trigger": data.get("trigger") or "unknown", "context": ""}
        case "session.resetting":
            return {"previous_context": data.get("previous_context")}
        case _:
            count = data.get("interaction_count")
            turns = state.metrics.turns
            made: dict[str, Json] = {
                "context": data.get("context"),
                "interaction_count": count if isinstance(count, int) else turns,
            }
            if data.get("exception"):
                made["exception"] = data["exception"]
            return made


def _with(result: BeforeResult, name: str, command: Command) -> Command:
    """*command* as the listeners leave it; their words stand in the rows that follow."""
    refused = (
        ()
        if command.event in UNREFUSABLE
        else tuple(f"{one.listener}: {one.reason}" for one in result.refusals)
    )
    refused = (*command.refused, *refused)
    failures = tuple(one.as_json() for one in result.failures)
    command = evolve(command, refused=refused, written=result.written, failures=failures)
    merged: dict[str, Json] = {}
    for fields in result.written.values():
        merged |= fields
    if not merged:
        return command
    arguments = merged.get("arguments")
    if name == "tool.asked" and command.call is not None and isinstance(arguments, Mapping):
        call = with_arguments(command.call, arguments)
        return evolve(command, call=call, rewritten=call != command.call)
    data = {**command.data, **merged}
    if name == "command.asked":
        given = [*_texts(command.data.get("arguments"))]
        rewritten = given != [*_texts(arguments)]
        return evolve(command, data=data, rewritten=rewritten)
    return evolve(command, data=data)


def _texts(words: Json) -> Sequence[Json]:
    return words if isinstance(words, (list, tuple)) else ()


def with_arguments(call: ToolCall, arguments: Mapping[str, Json]) -> ToolCall:
    """*call* with other native arguments, and its own facts read off them anew."""
    own = {fact: arguments[native] for fact, native in call.fields.items() if native in arguments}
    return evolve(call, args=dict(arguments), own={**call.own, **own} if own else call.own)
