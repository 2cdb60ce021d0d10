"""
What flows to what in a command line, and to which of its commands something asked applies.

A set of commands is an `int` with a bit for each: a line may have a thousand commands of which
each feeds hundreds, and every rule on flows asks about every one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

from attrs import field

from governance._attrs import define
from governance.rules.kleene import Truth
from governance.rules.vocabulary import Unknown


@define(eq=False)
class _Held:
    """Of which commands something was asked, of which it holds, and of which it may and why."""

    asked: int = 0
    held: int = 0
    why: dict[int, Unknown] = field(factory=dict)
    may: int = 0


@define(eq=False)
class Flows:
    """
    Which commands read, at last, what others write.

    Attributes:
        feeds: For each command the positions of those that read its output.
    """

    feeds: Sequence[Sequence[int]]
    _reached: list[int] | None = field(default=None, init=False)
    _answers: dict[Hashable, _Held] = field(factory=dict, init=False)

    def reached(self, position: int) -> Iterator[int]:
        """The commands that read, at last, what the one at *position* writes, in order."""
        return _bits(self._mask(position))

    def any_holds(self, asked: Hashable, position: int, holds: Callable[[int], Truth]) -> Truth:
        """
        Whether *holds* of some command that reads, at last, what the one at *position* writes.

        Args:
            asked: Stands for what *holds* asks, of which each command is asked once.
        """
        reached = self._mask(position)
        if not reached:
            return False
        answers = self._answers.setdefault(asked, _Held())
        if reached & answers.held:
            return True
        for one in _bits(reached & ~answers.asked):
            bit = 1 << one
            answers.asked |= bit
            result = holds(one)
            if result is True:
                answers.held |= bit
                return True
            if isinstance(result, Unknown):
                answers.may |= bit
                answers.why[one] = result
        open_ = reached & answers.may
        return answers.why[next(_bits(open_))] if open_ else False

    def _mask(self, position: int) -> int:
        if self._reached is None:
            self._reached = _closure(self.feeds)
        return self._reached[position]


def _closure(feeds: Sequence[Sequence[int]]) -> list[int]:
    """For each command those that it feeds, those that they feed, and so on."""
    count = len(feeds)
    made = [sum(1 << one for one in set(each) if 0 <= one < count) for each in feeds]
    direct = [[one for one in set(each) if 0 <= one < count] for each in feeds]
    changed = True
    while changed:
        changed = False
        # What feeds another stands before it nearly always: one look from the end is enough.
        for position in range(count - 1, -1, -1):
            before = mask = made[position]
            for one in direct[position]:
                mask |= made[one]
            if mask != before:
                made[position] = mask
                changed = True
    return made


def _bits(mask: int) -> Iterator[int]:
    """The positions in *mask*, in order."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
