"""
Facts that are worked out when they are first asked for, and never if nothing asks.

A command line is taken apart only when a rule needs to know what it does. Until then its
facts hold a `Deferred`, which is copied about like any other value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from governance.rules.fact_table import MISSING


class Deferred:
    """
    A value that is made when it is first read; the same every time.

    Two threads may both make it: what comes of it is alike, and either may stay.
    """

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], object]) -> None:
        self._make: Callable[[], object] | None = make
        self._made: object = None

    def value(self) -> object:
        """The value."""
        make = self._make
        if make is not None:
            self._made = make()
            self._make = None
        return self._made

    def __repr__(self) -> str:
        return "Deferred(…)" if self._make is not None else f"Deferred({self._made!r})"


def settled(value: object) -> object:
    """*value* itself, or what a deferred one comes to."""
    return value.value() if type(value) is Deferred else value


def fact_of(facts: Mapping[str, object], name: str) -> object:
    """The fact *name*, worked out; `MISSING` if there is none."""
    return settled(facts.get(name, MISSING))


def text_of(facts: Mapping[str, object], name: str) -> str:
    """The fact *name*, worked out, if it is a text; else ``""``."""
    value = fact_of(facts, name)
    return value if isinstance(value, str) else ""
