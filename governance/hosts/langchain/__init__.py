"""
The adapter for LangChain agents, which run on LangGraph: `middleware` governs one.

`start` begins the session. LangChain itself (``langchain``) is imported when a middleware is
first made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.hosts.langchain.governing import middleware, start

NAME = "langchain"
"""The host, as configuration, rules and the command line write it."""

__all__ = ["NAME", "middleware", "start"]


def __getattr__(name: str) -> object:
    # The tables of this host are read by processes that never run an agent of it.
    if name in ("middleware", "start"):
        from governance.hosts.langchain import governing

        return getattr(governing, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
