"""Output functions: they end a run, and act like tools; so they are asked about like tools."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from governance.hosts.pydantic_ai import framework
from governance.hosts.pydantic_ai.calls import Call
from governance.hosts.pydantic_ai.running import Run

UNNAMED = "output function"
"""What a function is called where the host does not say which one will run."""


async def run_output(
    run: Run, context: Any, output: Any, handler: Callable[[Any], Awaitable[Any]]
) -> Any:
    """
    What the output function makes of *output*, once it may run.

    Raises:
        ModelRetry: Pydantic AI's own: denied, for the model to read.

        ToolRefused: It ran, and what it gave is withheld.
    """
    it = framework.pydantic_ai()
    tool, asked = context.tool_def, context.tool_call
    name = context.function_name or (tool.name if tool is not None else UNNAMED)
    args, back = _arguments(context, output)
    call_id = run.call_id(asked.tool_call_id if asked is not None else None)

    async def work(args: dict[str, Any]) -> Any:
        return await handler(back(args))

    try:
        return await Call(run, name, call_id, args).run(work)
    except it.failed as error:
        # The only way to tell a model that ends its run; it costs one of the retries.
        raise it.retry(str(error)) from error
    finally:
        run.settled(call_id)


def _arguments(
    context: Any, output: Any
) -> tuple[Mapping[str, Any], Callable[[dict[str, Any]], Any]]:
    """*output* as arguments by name, and the way back."""
    if isinstance(output, Mapping):
        return output, dict
    fields = getattr(type(output), "model_fields", None)
    if isinstance(fields, Mapping):
        return {name: getattr(output, name) for name in fields}, type(output).model_validate
    schema = context.object_def.json_schema if context.object_def is not None else {}
    names = list(schema.get("properties", ()))
    key = names[0] if len(names) == 1 else "output"
    return {key: output}, lambda args: args[key]
