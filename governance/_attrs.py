"""
attrs as the engine uses it: its names for type checkers, `governance._making` at run time.

What is not on the way of a hook's process may use attrs itself; the two go together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import (
        NOTHING,
        AttrsInstance,
        Factory,
        asdict,
        astuple,
        define,
        evolve,
        field,
        fields_dict,
        frozen,
    )
else:
    from governance._making import (
        NOTHING,
        Factory,
        asdict,
        astuple,
        define,
        evolve,
        field,
        fields_dict,
        frozen,
    )

    AttrsInstance = object

__all__ = [
    "NOTHING",
    "AttrsInstance",
    "Factory",
    "asdict",
    "astuple",
    "define",
    "evolve",
    "field",
    "fields_dict",
    "frozen",
]
