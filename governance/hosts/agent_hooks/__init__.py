"""
The adapter for frameworks that speak agent-hooks: `Governance` is an interceptor for them.

It takes and gives plain tables, as the contract's wire has them, so that it needs nothing of
an SDK (``agent-hooks-sdk`` is the one for Python).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.hosts.agent_hooks.intercepting import Governance

NAME = "agent-hooks"
"""The host, as configuration, rules and the command line write it."""

__all__ = ["NAME", "Governance"]


def __getattr__(name: str) -> object:
    # The tables of this host are read by processes that never run an agent of it.
    if name == "Governance":
        from governance.hosts.agent_hooks.intercepting import Governance

        return Governance
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
