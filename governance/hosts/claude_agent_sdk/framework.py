"""The Claude Agent SDK itself: the one place that imports it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from governance._attrs import frozen
from governance.tools.requiring import required


@frozen
class Sdk:
    """What is used of the SDK."""

    client_class: type[Any]
    options_class: type[Any]
    matcher: Callable[..., Any]
    allow_class: type[Any]
    deny: Callable[..., Any]


@cache
def sdk() -> Sdk:
    """
    The SDK, imported.

    Raises:
        MisuseError: GOV764, it is not installed, or has not what governing it needs.
    """
    return required("Claude Agent SDK", "claude-agent-sdk>=0.2.189,<0.3", _load)


def _load() -> Sdk:
    found = import_module("claude_agent_sdk")
    for name in ("connect", "disconnect"):
        getattr(found.ClaudeSDKClient, name)
    return Sdk(
        client_class=found.ClaudeSDKClient,
        options_class=found.ClaudeAgentOptions,
        matcher=found.HookMatcher,
        allow_class=found.PermissionResultAllow,
        deny=found.PermissionResultDeny,
    )
