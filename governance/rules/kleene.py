"""
Three-valued logic after Kleene: what is unknown stays so unless the rest decides alone.

See S. C. Kleene, *Introduction to Metamathematics* (1952), section 64.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from governance.rules.vocabulary import Unknown

Truth: TypeAlias = "bool | Unknown"


def all_of(results: Iterable[Truth]) -> Truth:
    """False if one is false, else the first unknown, else true."""
    unknown: Unknown | None = None
    for one in results:
        if one is False:
            return False
        if isinstance(one, Unknown):
            unknown = one if unknown is None else unknown
    return True if unknown is None else unknown


def any_of(results: Iterable[Truth]) -> Truth:
    """True if one is true, else the first unknown, else false."""
    unknown: Unknown | None = None
    for one in results:
        if one is True:
            return True
        if isinstance(one, Unknown):
            unknown = one if unknown is None else unknown
    return False if unknown is None else unknown


def negated(result: Truth) -> Truth:
    """The opposite; what is unknown stays unknown."""
    return (not result) if isinstance(result, bool) else result
