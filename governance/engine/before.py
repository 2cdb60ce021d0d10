"""
*Before* events: listeners may refuse or write, once, before anything is decided.

Which they are the machine's table says: those of every step that the event would lead to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from attrs import evolve

from governance._attrs import frozen
from governance.calls import ToolCall
from governance.events import CATALOGUE, Event
from governance.machine import Definition, Registers
from governance.session.commands import Command
from governance.session.decide import foresee
from governance.session.law import Gathered, Law
from governance.session.state import SessionState
from governance.states import State
from governance.values import Json

if TYPE_CHECKING:
    from governance.listeners import BeforeResult, Listeners

Look = Callable[[Command], tuple[SessionState, Gathered]]


@frozen
class _Ahead:
    """
    A before event that lies ahead.

    Attributes:
        step: The event of the machine that it belongs to; another one than the command's
            where that has to come first.

        at: Where the session will stand then.
    """

    name: str
    step: str
    at: Registers


@lru_cache(maxsize=256)
def before_names(definition: Definition, event: str) -> frozenset[str]:
    """Names of all before events that *event* of the machine may lead to."""
    found, reached, waiting = set[str](), {event}, [event]
    while waiting:
        row = definition.events[waiting.pop()]
        found.update(row.emits)
        for cell in row.cells.values():
            for branch in cell.branches:
                found.update(branch.emits)
                if branch.first and branch.first not in reached:
                    reached.add(branch.first)
                    waiting.append(branch.first)
    return frozenset(name for name in found if CATALOGUE[name].when == "before")


def run_before(listeners: Listeners, law: Law, command: Command, look: Look) -> Command:
    """
    *command* with what listeners wrote and refused; the very same when nobody listens.

    What is told has happened, a gap like a reset: there a listener can look and no more.

    Raises:
        JournalError: The session cannot be read, so that nobody could be shown anything.
    """
    definition = law.machine.definition
    if not any(map(listeners.wants, before_names(definition, command.event))):
        return command
    state, gathered = look(command)
    asked = definition.events[command.event].mode == "asked"
    for ahead in _ahead(law, state, command, gathered):
        if listeners.wants(ahead.name):
            result = listeners.run_before(_event(ahead, command, state))
            refusable = asked and definition.events[ahead.step].mode == "asked"
            command = _with(result, ahead, command, refusable=refusable)
    return command


def _ahead(law: Law, state: SessionState, command: Command, gathered: Gathered) -> Iterator[_Ahead]:
    run = foresee(law, state, command, gathered)
    shown = False
    for step in run.steps:
        for name in step.emits:
            if CATALOGUE[name].when == "before":
                shown = shown or step.event == command.event
                yield _Ahead(name, step.event, step.before)
    row = law.machine.definition.events[command.event]
    known = state.state is not State.ABSENT
    if shown or row.mode != "asked" or (command.event == "start" and known):
        return
    # What is asked is shown whatever the machine says now: when it is decided the session may
    # have moved on, and then nobody would have looked.
    for name in row.emits:
        if CATALOGUE[name].when == "before":
            yield _Ahead(name, command.event, run.after(state.registers))


def _event(ahead: _Ahead, command: Command, state: SessionState) -> Event:
    return Event(
        name=ahead.name,
        session_id=command.session,
        event_id=f"{command.session}#{state.head}+{command.key or command.event}",
        parent_id=command.parent or state.identity.parent,
        epoch=ahead.at.epoch,
        seq=state.head,
        at_ms=command.at_ms or 0,
        host=command.host,
        state_before=ahead.at.state.value,
        state_after=ahead.at.state.value,
        role=command.role or state.identity.role,
        actor=command.actor,
        call_id=(command.call.call_id or None) if command.call else None,
        data=_data(ahead, command, state),
    )


def _data(ahead: _Ahead, command: Command, state: SessionState) -> Mapping[str, Json]:
    data, call = command.data, command.call
    match ahead.name:
        case "session.creating":
            adopted: dict[str, Json] = {"adopted": True} if ahead.step != command.event else {}
            return {
                "backend_name": data.get("backend_name") or command.host,
                "model_id": data.get("model_id") or "",
                "model_options": data.get("model_options") or {},
                "context_type": data.get("context_type") or "",
                "source": data.get("source") or "",
                **adopted,
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
                "context": data.get("context", data.get("previous_context")),
                "interaction_count": count if isinstance(count, int) else turns,
            }
            if data.get("exception"):
                made["exception"] = data["exception"]
            return made


def _with(result: BeforeResult, ahead: _Ahead, command: Command, *, refusable: bool) -> Command:
    """*command* as the listeners leave it; their words stand in the rows that follow."""
    said = tuple(f"{one.listener}: {one.reason}" for one in result.refusals) if refusable else ()
    written = dict(command.written)
    for name, fields in result.written.items():
        written[name] = {**written.get(name, {}), **fields}
    failures = (*command.failures, *(one.as_json() for one in result.failures))
    command = evolve(command, written=written, failures=failures)
    if ahead.step != command.event:
        # It would be begun by the way: a session that is not wanted is not begun so either.
        command = evolve(command, unwelcome=(*command.unwelcome, *said))
    else:
        command = evolve(command, refused=(*command.refused, *said))
    merged: dict[str, Json] = {}
    for fields in result.written.values():
        merged |= fields
    if not merged:
        return command
    arguments = merged.get("arguments")
    if ahead.name == "tool.asked" and command.call is not None and isinstance(arguments, Mapping):
        call = with_arguments(command.call, arguments)
        return evolve(command, call=call, rewritten=call != command.call)
    data = {**command.data, **merged}
    if ahead.name == "command.asked":
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
