"""Tools of Mellea: decided before they run, and looked at when they have."""

from __future__ import annotations

import dataclasses

from attrs import evolve

from governance.hooking.answering import deny_text
from governance.hosts.mellea import reading, translate
from governance.hosts.mellea.decider import Asked, Decider
from governance.hosts.mellea.held import Held
from governance.hosts.mellea.verdicts import PASS, Modify, Verdict, code_of
from governance.tools.deciding import arguments_of


def tool(decider: Decider, held: Held, asked: Asked) -> Verdict:
    """A tool is about to run."""
    payload = asked.payload
    call, invocation = payload.model_tool_call, payload.tool_invocation_id
    if payload.is_control_flow and call.name not in held.who.tools.tools:
        # The framework's own mark that a loop is over: nothing runs.
        decider.let(invocation, call)
        return PASS
    can_rewrite = evolve(held.who.traits, rewrites=reading.is_shared(call.func))
    command = translate.tool_before(evolve(held.who, traits=can_rewrite), call, invocation)
    if held.options.denial == "hard":
        # The program gets the message, and the model nothing: a briefing stays owed.
        command = evolve(command, delivery="none")
    reply = decider.engine.handle(command)
    if reply.denied:
        return decider.refusal(asked, deny_text(reply), code_of(reply), held.options.denial)
    held.note(reply.message)
    if reply.action == "rewrite" and reply.rewritten is not None:
        call = dataclasses.replace(call, args=arguments_of(call.args, reply.rewritten))
        decider.let(invocation, call)
        return Modify({"model_tool_call": call})
    decider.let(invocation, call)
    return PASS


def tool_result(decider: Decider, held: Held, asked: Asked) -> Verdict:
    """A tool has run; what it gave may be kept from the model."""
    payload = asked.payload
    if payload.is_control_flow and payload.model_tool_call.name not in held.who.tools.tools:
        return PASS
    reply = decider.engine.handle(translate.tool_after(held.who, payload))
    if reply.denied:
        return Modify({"tool_output": deny_text(reply)})
    held.note(reply.text)
    held.note(reply.message)
    if reply.action == "rewrite" and reply.rewritten is not None:
        return Modify({"tool_output": str(reply.rewritten.get("output", ""))})
    return PASS
