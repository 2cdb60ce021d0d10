"""
The adapter for the OpenAI Agents SDK: `run` and `run_streamed` of a governed agent.

They take the place of its ``Runner.run`` and ``Runner.run_streamed``. `start` begins the
session. The SDK itself (``openai-agents``) is imported when an agent is first run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.hosts.openai_agents.running import run, run_streamed, start

NAME = "openai-agents"
"""The host, as configuration, rules and the command line write it."""

__all__ = ["NAME", "run", "run_streamed", "start"]


def __getattr__(name: str) -> object:
    # The tables of this host are read by processes that never run an agent of it.
    if name in ("run", "run_streamed", "start"):
        from governance.hosts.openai_agents import running

        return getattr(running, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
