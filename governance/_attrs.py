"""
The `define` and `frozen` of attrs, for classes that are made at the start of a process.

attrs writes and compiles ``__eq__``, ``__hash__`` and ``__repr__`` for each class, which is two
thirds of what a class costs: some 0.5 ms, two hundred times before a command or a hook that has no
service has begun. Most of them are never called. Here all classes share three functions that do
what those of attrs would, and look at the fields of a class when they are first called. A field
takes part or does not: functions by which it is compared or said alone are not known here.
"""

from __future__ import annotations

from functools import cache
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from attrs import define as define
    from attrs import frozen as frozen
else:

    def define(cls=None, *, eq=True, repr=True, **options):
        """As `attrs.define`; what is equal and can change cannot be hashed."""
        return _maker(attrs.define, eq, repr, None, options)(cls)

    def frozen(cls=None, *, eq=True, repr=True, **options):
        """As `attrs.frozen`."""
        return _maker(attrs.frozen, eq, repr, _hash, options)(cls)


def _maker(
    make: Any, eq: bool, repr: bool, hashing: object, options: dict[str, object]
) -> Callable[[type | None], Any]:
    def made(cls: type | None) -> Any:
        if cls is None:
            return made
        done = make(cls, eq=False, repr=False, **options)
        if eq:
            done.__eq__, done.__hash__ = _equal, hashing
        if repr and "__repr__" not in done.__dict__:
            done.__repr__ = _repr
        return done

    return made


def _equal(self: Any, other: Any) -> Any:
    cls: Any = self.__class__
    if other.__class__ is not cls:
        return NotImplemented
    compared, _ = _getters(cls)
    return compared(self) == compared(other)


def _hash(self: Any) -> int:
    cls: Any = self.__class__
    _, hashed = _getters(cls)
    return hash((cls, hashed(self)))


@recursive_repr()
def _repr(self: Any) -> str:
    cls: Any = self.__class__
    shown = (one.name for one in attrs.fields(cls) if one.repr)
    # One that was never set is not there: a value is asked for its text while it is being made.
    told = ", ".join(f"{name}={getattr(self, name, attrs.NOTHING)!r}" for name in shown)
    return f"{cls.__qualname__.rpartition('>.')[2]}({told})"


@cache
def _getters(cls: type) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """What takes from one of *cls* the fields that are compared, and those that are hashed."""
    fields = attrs.fields(cls)
    return (
        _getter([one.name for one in fields if one.eq]),
        _getter([one.name for one in fields if (one.eq if one.hash is None else one.hash)]),
    )


def _getter(names: list[str]) -> Callable[[Any], Any]:
    return attrgetter(*names) if names else lambda _: ()
