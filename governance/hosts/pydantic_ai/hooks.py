"""What Pydantic AI calls a capability for, in each run; a capability of its own has these."""

from __future__ import annotations

from functools import partial
from typing import Any

from governance.errors import GovernanceError, MisuseError
from governance.hosts.pydantic_ai import framework
from governance.hosts.pydantic_ai.calls import Call
from governance.hosts.pydantic_ai.outputs import run_output
from governance.hosts.pydantic_ai.overriding import keep_governed
from governance.hosts.pydantic_ai.running import AROUND, Run, Waiting, prompt_of
from governance.hosts.pydantic_ai.toolset import governed, toolset_class
from governance.rules.host_tools import HostTools
from governance.tools.requiring import ungoverned
from governance.tools.waiting import aside


class Hooks:
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
        return framework.pydantic_ai().ordering(position="innermost")

    def for_agent(self, agent: Any) -> Any:
        keep_governed(agent, Hooks)
        return self

    async def for_run(self, ctx: Any) -> Any:  # noqa: ARG002
        run = Run(self.tools, AROUND.get(), self.waiting)
        return type(self)(self.tools, self.waiting, run)

    def get_wrapper_toolset(self, toolset: Any) -> Any:
        return toolset_class()(toolset, self.run)

    async def wrap_run(self, ctx: Any, *, handler: Any) -> Any:
        run = self.run
        if not isinstance(ctx.model, framework.pydantic_ai().model_class):
            raise ungoverned(
                "a session in real time", "use the agent's `run`, `run_stream` or `iter`"
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
        waits = isinstance(result.output, framework.pydantic_ai().deferred_class)
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

        return await governed(run, call_id, name, args, ctx, tool, work)

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
            raise framework.pydantic_ai().retry(
                "an output function runs once, when its output is whole"
            )
        return await run_output(self.run, output_context, output, handler)
