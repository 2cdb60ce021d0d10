"""
Rows read around those that cannot be read: a bad one costs itself, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from attrs import field

from governance._attrs import define
from governance.errors import StoreDamaged, number_of

T = TypeVar("T")

PAGE_ROWS = 1_000
"""Rows that are asked for together, as long as they can be read together."""

UNREADABLE_MAX = 10_000
"""Rows that one source may fail to give; behind the last of them it is asked for no more."""

_NAMED_MAX = 20


@define(eq=False)
class Unreadable:
    """Which rows of a source could not be read."""

    _found: dict[str, list[int]] = field(factory=dict, init=False)
    _left: int = field(default=UNREADABLE_MAX, init=False)

    @property
    def full(self) -> bool:
        return self._left <= 0

    def add(self, session: str, seq: int) -> None:
        """Take note of row *seq* of *session*; once for each time that it was tried."""
        here = self._found.setdefault(session, [])
        if seq not in here[-1:]:
            here.append(seq)
        self._left -= 1

    @property
    def problems(self) -> list[str]:
        """What to say of them, a line a session."""
        return [_said(session, sorted(set(rows))) for session, rows in self._found.items()]


def _said(session: str, rows: list[int]) -> str:
    named = ", ".join(str(seq) for seq in rows[:_NAMED_MAX])
    more = f" and {len(rows) - _NAMED_MAX} more" if len(rows) > _NAMED_MAX else ""
    one = "row" if len(rows) == 1 else "rows"
    return f"{number_of(len(rows), 'row')} of `{session}` cannot be read: {one} {named}{more}"


def around(
    read: Callable[[int, int], Iterable[T]],
    session: str,
    first: int,
    last: int,
    unreadable: Unreadable,
) -> Iterator[T]:
    """
    What *read* gives of the rows *first* to *last*, of each half by itself where it cannot.

    Args:
        read: Gives all rows between two, or raises `StoreDamaged`.
    """
    for start in range(first, last + 1, PAGE_ROWS):
        waiting = [(start, min(start + PAGE_ROWS - 1, last))]
        while waiting:
            if unreadable.full:
                return
            begin, end = waiting.pop()
            try:
                found = tuple(read(begin, end))
            except StoreDamaged:
                if begin == end:
                    unreadable.add(session, begin)
                else:
                    middle = (begin + end) // 2
                    waiting += [(middle + 1, end), (begin, middle)]
            else:
                yield from found
