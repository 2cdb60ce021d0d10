"""
The adapter for the Claude Agent SDK: `client` is its ``ClaudeSDKClient``, governed.

The SDK itself (``claude-agent-sdk``) is imported when a client is first made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.hosts.claude_agent_sdk.governing import client

NAME = "claude-agent-sdk"
"""The host, as configuration, rules and the command line write it."""

__all__ = ["NAME", "client"]


def __getattr__(name: str) -> object:
    # The tables of this host are read by processes that never run an agent of it.
    if name == "client":
        from governance.hosts.claude_agent_sdk import governing

        return governing.client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
