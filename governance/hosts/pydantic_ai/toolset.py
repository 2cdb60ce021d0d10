"""The tools of a run, each of which asks before it runs, whoever calls it."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

from governance.hosts.pydantic_ai import framework
from governance.hosts.pydantic_ai.calls import Call, Work
from governance.hosts.pydantic_ai.running import Run
from governance.tools.deciding import ToolRefused


@cache
def toolset_class() -> type[Any]:
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

            return await governed(run, call_id, name, tool_args, ctx, tool, work)

    return GovernedToolset


async def governed(
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
