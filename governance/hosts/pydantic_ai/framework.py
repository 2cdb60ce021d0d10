"""Pydantic AI itself: the one place that imports it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from governance._attrs import frozen
from governance.tools.requiring import required

HOOKS = (
    "for_agent",
    "for_run",
    "get_wrapper_toolset",
    "wrap_run",
    "prepare_model_request",
    "wrap_model_request",
    "wrap_tool_execute",
    "after_tool_validate",
    "wrap_output_process",
)
"""What a capability is called by, and governing rests on."""


@frozen
class PydanticAi:
    """
    What is used of Pydantic AI.

    Attributes:
        model_class: Of models that answer requests; others speak in real time.

        deferrals: What a tool raises to wait for somebody else.

        deferred_class: Of the output of a run that waits so.

        failed: What tells the model that a tool has failed, and costs no retry.

        retry: What tells the model to try again, where nothing else can.

        plain: Turns a value into what JSON has.
    """

    capability_class: type[Any]
    ordering: Callable[..., Any]
    toolset_class: type[Any]
    instruction: Callable[..., Any]
    model_class: type[Any]
    deferrals: tuple[type[BaseException], ...]
    deferred_class: type[Any]
    approval: Callable[..., Exception]
    failed: type[Exception]
    retry: Callable[[str], Exception]
    invalid: type[Exception]
    compaction_class: type[Any]
    plain: Callable[..., Any]


@cache
def pydantic_ai() -> PydanticAi:
    """
    Pydantic AI, imported.

    Raises:
        MisuseError: GOV764, it is not installed, or has not what governing it needs.
    """
    return required("Pydantic AI", "pydantic-ai-slim>=2.68,<3", _load)


def _load() -> PydanticAi:
    capabilities = import_module("pydantic_ai.capabilities")
    exceptions = import_module("pydantic_ai.exceptions")
    messages = import_module("pydantic_ai.messages")
    core = import_module("pydantic_core")
    for name in HOOKS:
        getattr(capabilities.AbstractCapability, name)
    return PydanticAi(
        capability_class=capabilities.AbstractCapability,
        ordering=capabilities.CapabilityOrdering,
        toolset_class=import_module("pydantic_ai.toolsets").WrapperToolset,
        instruction=messages.InstructionPart,
        model_class=import_module("pydantic_ai.models").Model,
        deferrals=(exceptions.ApprovalRequired, exceptions.CallDeferred),
        deferred_class=import_module("pydantic_ai.tools").DeferredToolRequests,
        approval=exceptions.ApprovalRequired,
        failed=exceptions.ToolFailed,
        retry=exceptions.ModelRetry,
        invalid=core.ValidationError,
        compaction_class=messages.CompactionPart,
        plain=core.to_jsonable_python,
    )
