"""
The adapter for the OpenAI Agents SDK: `run` is its ``Runner.run`` of a governed agent.

`start` begins the session. The SDK itself (``openai-agents``) is imported when an agent is
first run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.hosts.openai_agents.running import run, start

NAME = "openai-agents"
"""The host, as configuration, rules and the command line write it."""

__all__ = ["NAME", "run", "start"]


def __getattr__(name: str) -> object:
    # The tables of this host are read by processes that never run an agent of it.
    if name in ("run", "start"):
        from governance.hosts.openai_agents import running

        return getattr(running, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
