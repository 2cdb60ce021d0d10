"""
From what Mellea's hooks are given to events of the machine: pure, no clock, no Mellea.

Payloads are looked at by their fields alone; which they are stands in `capabilities.HOOKS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governance._attrs import frozen
from governance.hosts.mellea import NAME
from governance.hosts.mellea.capabilities import TRAITS
from governance.hosts.mellea.reading import context_of, json_of, options_of
from governance.hosts.mellea.tools import TOOLS
from governance.rules.host_tools import HostTools, call_of
from governance.session.commands import Command, Delivery, History, HostTraits
from governance.session.replies import Injection
from governance.values import Json, whole_ms


@frozen(kw_only=True)
class Identity:
    """
    Who a command is about.

    Attributes:
        session: Mellea's id of the session.

        parent: Id of the session that it was cloned from, or ``None``.

        role: The role that the program gave it, or ``None``.

        run: Which process this is.

        tools: The program's table of its tools.
    """

    session: str
    parent: str | None = None
    role: str | None = None
    run: str = ""
    traits: HostTraits = TRAITS
    tools: HostTools = TOOLS


def child_start(who: Identity) -> Command:
    """What the parent is asked before a clone begins."""
    data: dict[str, Json] = {"child_id": who.session, "role": who.role or ""}
    return _of_parent(who, "child_start", data)


def child_end(who: Identity) -> Command:
    """What the parent is told when a clone has ended."""
    return _of_parent(who, "child_end", {"child_id": who.session})


def start(
    who: Identity,
    *,
    backend_name: str,
    model_id: str,
    model_options: Mapping[str, object] | None,
    context_type: str,
    items: int = 0,
) -> Command:
    """
    A session that is about to exist, or that was built before anybody was asked.

    Args:
        items: Items that its context holds already: a session that goes on from them has
            its history.
    """
    data: dict[str, Json] = {
        "backend_name": backend_name,
        "model_id": model_id,
        "model_options": options_of(model_options),
        "context_type": context_type,
        "source": "resume" if items else "startup",
    }
    return _command(who, "start", data, history="kept" if items else "lost")


def reset(who: Identity, previous_context: object) -> Command:
    """The history is cleared, and the session keeps its id."""
    return _command(who, "reset", {"previous_context": context_of(previous_context)})


def end(
    who: Identity, context: object, interaction_count: int | None, exception: BaseException | None
) -> Command:
    """The session is over, *exception* being what it ends with."""
    data: dict[str, Json] = {"reason": "exception" if exception is not None else "cleanup"}
    data["context"] = context_of(context)
    if interaction_count is not None:
        data["interaction_count"] = interaction_count
    if exception is not None:
        data["exception"] = type(exception).__name__
    return _command(who, "end", data)


def turn_start(who: Identity, prompt: str, source: str, key: str) -> Command:
    """Something is said to the model; *key* is the hook's own id of it."""
    data: dict[str, Json] = {"prompt": prompt, "prompt_source": source}
    return _command(who, "turn_start", data, key=key, delivery="after_flush")


def turn_end(who: Identity, failure: str) -> Command:
    """The model has stopped; *failure* says why, when it was none of its own."""
    return _command(who, "turn_end", {"failure": failure} if failure else {})


def brief(who: Identity, told: Injection) -> Command:
    """The model answered a request that carried *told*."""
    blocks: list[Json] = list(told.blocks)
    data: dict[str, Json] = {
        "sha256": told.sha256,
        "rendered_at": told.rendered_at,
        "blocks": blocks,
        "why": told.why,
        "characters": len(told.text),
    }
    return _command(who, "brief", data)


def compact(who: Identity) -> Command:
    """The context came back shorter than it should be."""
    return _command(who, "compact", {"trigger": "auto"}, history="lost")


def tool_before(who: Identity, call: Any, invocation: str) -> Command:
    """A tool is about to run; the denied call itself carries what the model is owed."""
    made = call_of(who.tools, call.name, _arguments(call), call_id=invocation)
    return _command(who, "tool_before", {}, call=made, key=invocation, delivery="answer")


def tool_after(who: Identity, payload: Any) -> Command:
    """A tool has run, well or not."""
    made = call_of(
        who.tools,
        payload.model_tool_call.name,
        _arguments(payload.model_tool_call),
        call_id=payload.tool_invocation_id,
    )
    data: dict[str, Json] = {"outcome": "ok" if payload.success else "failed"}
    if payload.success:
        data["output"] = str(payload.tool_output)
    else:
        data["error"] = str(payload.error)
        data["output"] = str(payload.error)
    lasted = whole_ms(payload.execution_time_ms)
    if lasted is not None:
        data["duration_ms"] = lasted
    return _command(who, "tool_after", data, call=made, key=f"{payload.tool_invocation_id}:after")


def _arguments(call: Any) -> Mapping[str, Json]:
    return {str(name): json_of(value) for name, value in dict(call.args or {}).items()}


def _of_parent(who: Identity, event: str, data: Mapping[str, Json]) -> Command:
    return Command(
        event=event,
        session=who.parent or "",
        host=NAME,
        traits=who.traits,
        run=who.run,
        history="kept",
        delivery="none",
        data=data,
    )


def _command(
    who: Identity,
    event: str,
    data: Mapping[str, Json],
    *,
    key: str = "",
    delivery: Delivery = "none",
    history: History = "kept",
    **more: Any,
) -> Command:
    return Command(
        event=event,
        session=who.session,
        parent=who.parent,
        role=who.role,
        run=who.run,
        host=NAME,
        traits=who.traits,
        key=f"{NAME}:{event}:{who.session}:{key}" if key else None,
        history=history,
        delivery=delivery,
        data=data,
        **more,
    )
