"""Three-way merges of values by name. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from governance._attrs import frozen
from governance.scopes.state import Name

V = TypeVar("V")


@frozen
class Merged:
    """
    What a merge changes in ours.

    Attributes:
        take: Names whose value of theirs is taken over.

        drop: Names that are taken out, as theirs has it.

        conflicts: Names that both have changed since the base, each otherwise; ours stays.
    """

    take: tuple[Name, ...]
    drop: tuple[Name, ...]
    conflicts: tuple[Name, ...]


def merge(base: Mapping[Name, V], ours: Mapping[Name, V], theirs: Mapping[Name, V]) -> Merged:
    """
    Take over what *theirs* changed since *base* and *ours* did not; compared by equality.

    >>> merge({("code", "a"): 1}, {("code", "a"): 1}, {("code", "a"): 2}).take
    (('code', 'a'),)
    """
    take: list[Name] = []
    drop: list[Name] = []
    conflicts: list[Name] = []
    for name in sorted({*base, *ours, *theirs}):
        was, mine, other = base.get(name), ours.get(name), theirs.get(name)
        if other in (was, mine):
            continue
        if mine != was:
            conflicts.append(name)
        elif other is None:
            drop.append(name)
        else:
            take.append(name)
    return Merged(tuple(take), tuple(drop), tuple(conflicts))
