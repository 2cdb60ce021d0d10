"""
The adapter for Mellea: its hooks as events, decisions as what its hooks may return.

`govern` has every Mellea session of the process governed, `governed_session` one that is
built directly or cloned, and ends it exactly once; `bound` ties a thread to a session.
Mellea itself (``mellea[hooks]``) is imported when one of them is first called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.hosts.mellea.governing import bound, govern, governed_session

NAME = "mellea"
"""The host, as configuration, rules and the command line write it."""

CODES = {
    "GOV730": "no Mellea that can be governed",
    "GOV731": "a call of Mellea that belongs to no known session",
    "GOV732": "Mellea sessions that are governed twice",
    "GOV733": "a call of Mellea about which nothing could be decided",
}
"""Error codes of this adapter, each in a few words."""

__all__ = ["CODES", "NAME", "bound", "govern", "governed_session"]


def __getattr__(name: str) -> object:
    # The tables of this host are read by processes that never govern a session of it.
    if name in ("bound", "govern", "governed_session"):
        from governance.hosts.mellea import governing

        return getattr(governing, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
