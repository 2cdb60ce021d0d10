"""
The adapter for the Claude Agent SDK.

`client` is its ``ClaudeSDKClient``, governed, and `query` its function for one prompt. The SDK
itself (``claude-agent-sdk``) is imported when one of them is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.hosts.claude_agent_sdk.governing import client
    from governance.hosts.claude_agent_sdk.querying import query

NAME = "claude-agent-sdk"
"""The host, as configuration, rules and the command line write it."""

__all__ = ["NAME", "client", "query"]


def __getattr__(name: str) -> object:
    # The tables of this host are read by processes that never run an agent of it.
    if name == "client":
        from governance.hosts.claude_agent_sdk import governing

        return governing.client
    if name == "query":
        from governance.hosts.claude_agent_sdk import querying

        return querying.query
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
