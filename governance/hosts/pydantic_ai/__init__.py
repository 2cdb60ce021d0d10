"""
The adapter for Pydantic AI: `capability` governs an agent, in whatever way it is run.

`start` begins the session, and `governance.governing` says whose runs are made. Pydantic AI
itself (``pydantic-ai-slim``) is imported when a capability is first made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.hosts.pydantic_ai.governing import capability, start

NAME = "pydantic-ai"
"""The host, as configuration, rules and the command line write it."""

__all__ = ["NAME", "capability", "start"]


def __getattr__(name: str) -> object:
    # The tables of this host are read by processes that never run an agent of it.
    if name in ("capability", "start"):
        from governance.hosts.pydantic_ai import governing

        return getattr(governing, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
