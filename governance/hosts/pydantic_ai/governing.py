"""How a program has an agent of Pydantic AI governed."""

from __future__ import annotations

import dataclasses
from functools import cache, partial
from typing import Any

from attrs import evolve

from governance.engine import Engine, Session
from governance.errors import GovernanceError, MisuseError
from governance.hosts.pydantic_ai import NAME, framework
from governance.hosts.pydantic_ai.calls import Call, Work
from governance.hosts.pydantic_ai.capabilities import TRAITS
from governance.hosts.pydantic_ai.outputs import run_output
from governance.hosts.pydantic_ai.running import AROUND, Run, Waiting, prompt_of
from governance.rules.host_tools import HostTools
from governance.tools.deciding import ToolRefused
from governance.tools.naming import Named, tools_of
from governance.tools.waiting import aside


def start(
    engine: Engine, session: str, *, role: str | None = None, approvals: bool = False
) -> Session:
    """
    Start *session*, or take it up again, as one of this host; used in ``with`` it ends once.

    It may have many runs: each is a turn.

    Args:
        approvals: The program takes ``DeferredToolRequests`` and asks a person. Without it
            a question is a denial, which names ``governance approve``.
    """
    return engine.start(session, role=role, host=NAME, traits=evolve(TRAITS, asks=approvals))


def capability(tools: Named | None = None) -> Any:
    """
    The capability by which an agent asks before each tool, for ``capabilities=[…]``.

    One may serve many agents, sessions and runs: whose a run is says
    ``governance.governing(session)`` around it, and without that it is refused. It takes the
    innermost place: what it decides is what the agent's other capabilities made of a call.
    An agent that a tool runs, and that has such a capability, is a sub-session.

    Args:
        tools: The program's tools and output functions → canonical tools, such as
            ``{"run": "shell"}``. Others get what ``unknown_tool`` says.

    Raises:
        MisuseError: GOV764, there is no Pydantic AI here that can be governed.
    """
    framework.pydantic_ai()
    return _capability_class()(tools_of(NAME, tools or {}))


@cache
def _capability_class() -> type[Any]:
    it = framework.pydantic_ai()
    base: Any = it.capability_class

    class Governance(base):  # type: ignore[misc]
        """Asks before prompts and tools, and puts the briefing into each request."""

        def __init__(
            self, tools: HostTools, waiting: Waiting | None = None, run: Run | None = None
        ) -> None:
            # Two of one id are refused by the agent: a call is asked about once.
            self.id = "governance"
            self.tools = tools
            self.waiting = waiting if waiting is not None else Waiting()
            self._run = run

        @property
        def run(self) -> Run:
            if self._run is None:
                raise MisuseError("no run has begun", code="GOV764")
            return self._run

        @classmethod
        def get_serialization_name(cls) -> str | None:
            return None

        def get_ordering(self) -> Any:
            return it.ordering(position="innermost")

        async def for_run(self, ctx: Any) -> Any:  # noqa: ARG002
            run = Run(self.tools, AROUND.get(), self.waiting)
            return type(self)(self.tools, self.waiting, run)

        def get_wrapper_toolset(self, toolset: Any) -> Any:
            return _toolset_class()(toolset, self.run)

        async def wrap_run(self, ctx: Any, *, handler: Any) -> Any:
            run = self.run
            if not isinstance(ctx.model, it.model_class):
                raise MisuseError(
                    "a session in real time cannot be governed",
                    code="GOV764",
                    remedy="use the agent's `run`, `run_stream` or `iter`",
                )
            name = (ctx.agent.name if ctx.agent is not None else None) or "agent"
            await aside(partial(run.begin, name, prompt_of(ctx)))
            AROUND.set(run)
            try:
                result = await handler()
            except BaseException as error:
                failure = type(error).__name__
                try:
                    await aside(partial(run.close, failure))
                except GovernanceError as lost:
                    error.add_note(f"governance could not record it: {lost}")
                raise
            waits = isinstance(result.output, it.deferred_class)
            await aside(partial(run.close, waits=waits))
            return result

        async def prepare_model_request(self, ctx: Any, request_context: Any) -> Any:  # noqa: ARG002
            # The last place before a model, once for each that is tried: what others have made
            # of the request stands, and nothing of ours is kept in the history.
            return self.run.told(request_context)

        async def wrap_model_request(
            self,
            ctx: Any,  # noqa: ARG002
            *,
            request_context: Any,
            handler: Any,
        ) -> Any:
            response = await handler(request_context)
            await aside(partial(self.run.answered, response))
            return response

        async def wrap_tool_execute(
            self, ctx: Any, *, call: Any, tool_def: Any, args: Any, handler: Any
        ) -> Any:
            run, name = self.run, tool_def.name
            call_id = run.call_id(call.tool_call_id)
            tools = ctx.tool_manager.tools if ctx.tool_manager is not None else None
            tool = (tools or {}).get(name)

            async def work(args: dict[str, Any]) -> Any:
                run.asked(call_id, name, args)
                return await handler(args)

            return await _governed(run, call_id, name, args, ctx, tool, work)

        async def after_tool_validate(
            self,
            ctx: Any,  # noqa: ARG002
            *,
            call: Any,
            tool_def: Any,
            args: Any,
        ) -> Any:
            # What the program runs itself, later: there is no other place to ask.
            if tool_def.kind != "external":
                return args
            return await Call(self.run, tool_def.name, call.tool_call_id, args).asked()

        async def wrap_output_process(
            self, ctx: Any, *, output_context: Any, output: Any, handler: Any
        ) -> Any:
            if not output_context.has_function:
                return await handler(output)
            if ctx.partial_output:
                raise it.retry("an output function runs once, when its output is whole")
            return await run_output(self.run, output_context, output, handler)

    return Governance


@cache
def _toolset_class() -> type[Any]:
    base: Any = framework.pydantic_ai().toolset_class

    @dataclasses.dataclass
    class GovernedToolset(base):  # type: ignore[misc]
        """
        All tools of a run, below whatever else wraps them.

        A call that was asked about comes through; one that a wrapper has changed, or makes by
        itself, is asked about here.
        """

        run: Run

        async def call_tool(self, name: str, tool_args: Any, ctx: Any, tool: Any) -> Any:
            run = self.run
            if run.was_asked(ctx.tool_call_id, name, tool_args):
                return await self.wrapped.call_tool(name, tool_args, ctx, tool)
            call_id = run.call_id(ctx.tool_call_id)

            async def work(args: dict[str, Any]) -> Any:
                return await self.wrapped.call_tool(name, args, ctx, tool)

            return await _governed(run, call_id, name, tool_args, ctx, tool, work)

    return GovernedToolset


async def _governed(
    run: Run, call_id: str, name: str, args: Any, ctx: Any, tool: Any, work: Work
) -> Any:
    """What the model reads of a call that *work* makes, if it may be made."""
    checked = tool.args_validator.validate_python if tool is not None else dict
    # What a tool calls under its own id was not what a person has agreed to.
    approved = ctx.tool_call_approved and call_id == ctx.tool_call_id
    call = Call(run, name, call_id, args, checked, approved, waits=True)
    try:
        return await call.run(work)
    except ToolRefused as error:
        return str(error.message)
    finally:
        run.settled(call_id)
