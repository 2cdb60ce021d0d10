"""LangChain and LangGraph themselves: the one place that imports them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from governance._attrs import frozen
from governance.tools.requiring import required


@frozen
class LangChain:
    """
    What is used of LangChain.

    Attributes:
        pause: What LangGraph raises to wait for a person; the tool is run again later.
    """

    middleware_class: type[Any]
    tool_message: type[Any]
    system_message: type[Any]
    pause: type[BaseException]


@cache
def langchain() -> LangChain:
    """
    LangChain, imported.

    Raises:
        MisuseError: GOV764, it is not installed, or has not what governing it needs.
    """
    return required("LangChain", "langchain>=1.5,<2", _load)


def _load() -> LangChain:
    messages = import_module("langchain_core.messages")
    middleware = import_module("langchain.agents.middleware").AgentMiddleware
    for name in ("before_agent", "after_agent", "wrap_model_call", "wrap_tool_call"):
        getattr(middleware, name)
        getattr(middleware, f"a{name}")
    return LangChain(
        middleware_class=middleware,
        tool_message=messages.ToolMessage,
        system_message=messages.SystemMessage,
        pause=import_module("langgraph.errors").GraphBubbleUp,
    )
