"""The OpenAI Agents SDK itself: the one place that imports it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from governance._attrs import frozen
from governance.tools.requiring import required


@frozen
class Sdk:
    """
    What is used of the SDK.

    Attributes:
        failed_mark: Attribute of a tool's context by which the SDK says that it made the
            output of an exception, or ``""`` where a version has none.
    """

    agent_class: type[Any]
    tool_class: type[Any]
    handoff: Callable[..., Any]
    hooks_class: type[Any]
    config_class: type[Any]
    run: Callable[..., Any]
    run_streamed: Callable[..., Any]
    failed_mark: str

    def has_failed(self, context: object) -> bool:
        """Whether the output that a tool just gave is the text of its exception."""
        return bool(self.failed_mark and getattr(context, self.failed_mark, False))


@cache
def sdk() -> Sdk:
    """
    The SDK, imported.

    Raises:
        MisuseError: GOV764, it is not installed, or has not what governing it needs.
    """
    return required("OpenAI Agents SDK", "openai-agents>=0.24,<0.25", _load)


def _load() -> Sdk:
    agents = import_module("agents")
    return Sdk(
        agent_class=agents.Agent,
        tool_class=agents.FunctionTool,
        handoff=agents.handoff,
        hooks_class=agents.RunHooks,
        config_class=agents.RunConfig,
        run=agents.Runner.run,
        run_streamed=agents.Runner.run_streamed,
        failed_mark=getattr(import_module("agents.tool"), "_DEFAULT_FAILURE_HANDLED_ATTR", ""),
    )
