"""An agent whose tools and handoffs ask first: a copy; the program's own is left as it is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from typing import Any

from attrs import field

from governance._attrs import define
from governance.errors import GovernanceError, MisuseError
from governance.hosts.openai_agents import framework
from governance.rules.host_tools import HostTools
from governance.session.replies import Reply
from governance.tools.deciding import Gate, deny_text, error_text, output_text
from governance.tools.turns import TurnRefused, Turns
from governance.tools.waiting import aside
from governance.values import Json, ValueRefused, load_json

AGENTS_MAX = 256
"""Agents that one run can reach by handoffs."""

Invoke = Callable[[Any, str], Awaitable[Any]]


@define(eq=False)
class Running:
    """
    One run: whose turn it is, and what the agents that it can reach became.

    Attributes:
        tools: The program's table of its tools.

        ours: The tools that ask first, by their ids.

        turns: Of the agent that works now, the last one; those before handed off to it.
    """

    tools: HostTools
    turns: list[Turns]
    agents: dict[int, tuple[Any, Any]] = field(factory=dict, init=False)
    ours: dict[int, Any] = field(factory=dict, init=False)

    @property
    def gate(self) -> Gate:
        """Where the tools of the agent that works now are asked about."""
        return Gate(self.turns[-1].session, self.tools)

    def governed(self, agent: Any) -> Any:
        """
        A copy of *agent*, and of all that it can hand off to.

        Raises:
            MisuseError: GOV764, a part of it would work without being asked about.
        """
        known = self.agents.get(id(agent))
        if known is not None:
            return known[1]
        if len(self.agents) >= AGENTS_MAX:
            raise _ungoverned(f"more than {AGENTS_MAX} agents", "hand off to fewer")
        if not isinstance(agent, framework.sdk().agent_class):
            raise _ungoverned(f"`{type(agent).__name__}`", "give an `Agent`")
        if agent.mcp_servers:
            raise _ungoverned(
                f"the MCP servers of `{agent.name}`", "call their tools in function tools"
            )
        if agent.prompt is not None:
            # It is kept at the provider, and brings tools that run there.
            raise _ungoverned(f"the stored prompt of `{agent.name}`", "give it `instructions`")
        # Lists that are not named here are the program's own, which it may add to at any time.
        tools = [self._tool(one) for one in agent.tools]
        made = agent.clone(tools=tools, handoffs=[], mcp_servers=[])
        self.ours.update((id(one), one) for one in tools)
        # The program's own is kept with it: the id of one that is gone would be given again.
        self.agents[id(agent)] = (agent, made)
        made.handoffs = [self._handoff(one) for one in agent.handoffs]
        return made

    def check(self, agent: Any) -> None:
        """
        Whether *agent*, which a model has just answered, still has nothing but what asks first.

        Raises:
            MisuseError: GOV764, hooks or instructions of the program have added to it.
        """
        added = [one.name for one in agent.tools if id(one) not in self.ours]
        if agent.mcp_servers:
            added.append("MCP servers")
        if added:
            what = f"`{', '.join(added)}`, added to `{agent.name}` while it works,"
            raise _ungoverned(what, "give the agent all of its tools before it is run")

    def _tool(self, tool: Any) -> Any:
        sdk = framework.sdk()
        if not isinstance(tool, sdk.tool_class):
            raise _ungoverned(f"the tool `{tool.name}`", "only function tools ask before they run")
        if getattr(tool, "_is_agent_tool", False):
            raise _ungoverned(f"the agent as a tool `{tool.name}`", "hand off to it")
        return dataclasses.replace(tool, on_invoke_tool=self._invoking(tool))

    def _invoking(self, tool: Any) -> Invoke:
        async def invoke(context: Any, arguments: str) -> Any:
            gate, call_id = self.gate, context.tool_call_id
            try:
                given = _arguments(arguments)
            except ValueRefused as error:
                why = str(error)
                return deny_text(await aside(lambda: gate.refuse(tool.name, call_id, why)))
            reply = await aside(lambda: gate.ask(tool.name, given, call_id))
            if reply.denied:
                return deny_text(reply)
            if reply.action == "rewrite" and reply.rewritten is not None:
                arguments = json.dumps(dict(reply.rewritten))
            begun_ms = gate.session.engine.clock.monotonic_ms()

            def report(outcome: str, output: str | None, error: str | None) -> Reply:
                passed_ms = gate.session.engine.clock.monotonic_ms() - begun_ms
                return gate.report(
                    call_id, outcome, output=output, error=error, duration_ms=passed_ms
                )

            try:
                output = await tool.on_invoke_tool(context, arguments)
            except BaseException as error:
                failure = error_text(error)
                try:
                    await aside(lambda: report("failed", None, failure))
                except GovernanceError as lost:
                    error.add_note(f"governance could not record it: {lost}")
                raise
            text = output_text(output)
            failed = framework.sdk().has_failed(context)
            reply = await aside(
                lambda: report("failed", None, text) if failed else report("ok", text, None)
            )
            if reply.denied:
                return deny_text(reply)
            if reply.action == "rewrite" and reply.rewritten is not None:
                return str(reply.rewritten.get("output", ""))
            return output

        return invoke

    def _handoff(self, given: Any) -> Any:
        handoff = given
        if isinstance(given, framework.sdk().agent_class):
            # What becomes of it is looked up when it is taken: agents may hand off in circles.
            self.governed(given)
            handoff = framework.sdk().handoff(given)
        inner = handoff.on_invoke_handoff

        async def invoke(context: Any, arguments: str) -> Any:
            agent = await inner(context, arguments)
            made = self.governed(agent)
            await aside(lambda: self._take_over(agent.name))
            return made

        return dataclasses.replace(handoff, on_invoke_handoff=invoke)

    def _take_over(self, name: str) -> None:
        """A sub-session for the agent that is handed to, or a refusal."""
        above = self.turns[-1].session
        child = above.child(f"{len(self.turns)}-{name}", agent=name)
        # INVARIANT: a child has a reply from the moment that it is made.
        assert child.reply is not None, "a child was asked about"
        if child.reply.denied:
            raise TurnRefused(child.reply)
        turns = Turns(child)
        self.turns.append(turns)
        turns.begin(f"handed over by {above.id}", source="agent")

    def close(self, failure: str) -> None:
        """End the turns, the innermost first, and the sub-sessions with them, each for itself."""
        with ExitStack() as stack:
            for turns in self.turns:
                if turns is not self.turns[0]:
                    stack.callback(turns.session.end)
                stack.callback(turns.ended, failure=failure)


def _arguments(text: str) -> Mapping[str, Json]:
    made = load_json(text or "{}")
    if not isinstance(made, Mapping):
        raise ValueRefused("arguments that are no object")
    return made


def _ungoverned(what: str, remedy: str) -> MisuseError:
    return MisuseError(f"{what} cannot be governed", code="GOV764", remedy=remedy)
