"""
Heads of journals at which a scope held nothing that it shares: a search passes those over.

It is a cache. The hash of a head stands for everything before it, so what is known of one stays
true; a scope that has moved since has another head and is looked at again.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from heapq import merge

from attrs import field

from governance._attrs import define

HEADS_MAX = 1_000_000
"""Heads that are remembered, of eight bytes each; with one more all but the new are forgotten."""

_FORMAT = b"unshared 1\n"
_NUMBER = "Q"
_NUMBER_BYTES = 8


@define(eq=False)
class UnsharedHeads:
    """A set of heads, by the first 64 bits of their hashes; not thread-safe."""

    _kept: array[int] = field(factory=lambda: array(_NUMBER))
    _new: set[int] = field(factory=set)

    def __len__(self) -> int:
        return len(self._kept) + len(self._new)

    def __contains__(self, hash_: bytes) -> bool:
        number = _number_of(hash_)
        at = bisect_left(self._kept, number)
        return number in self._new or (at < len(self._kept) and self._kept[at] == number)

    def add(self, hash_: bytes) -> None:
        """Remember a head that is not among them."""
        self._new.add(_number_of(hash_))

    @property
    def new(self) -> int:
        """How many have come since it was packed."""
        return len(self._new)

    def packed(self) -> bytes:
        """All of them, as they are kept."""
        new = sorted(self._new)
        # Those of scopes that have moved since stay until there are too many.
        kept = self._kept if len(self) <= HEADS_MAX else ()
        self._kept = array(_NUMBER, merge(kept, new))
        self._new = set()
        numbers = self._kept[:]
        if sys.byteorder == "big":
            numbers.byteswap()
        return _FORMAT + numbers.tobytes()

    @classmethod
    def unpacked(cls, value: bytes) -> UnsharedHeads | None:
        """What `packed` gave; none where another version did, or it is damaged."""
        data = value.removeprefix(_FORMAT)
        if data == value or len(data) % _NUMBER_BYTES or len(data) > HEADS_MAX * _NUMBER_BYTES:
            return None
        numbers = array(_NUMBER, data)
        if sys.byteorder == "big":
            numbers.byteswap()
        return cls(numbers)


def _number_of(hash_: bytes) -> int:
    return int.from_bytes(hash_[:_NUMBER_BYTES], "little")
