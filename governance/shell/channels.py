"""
Descriptors of a shell: what `exec` and `coproc` leave open for the commands that come later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from governance._attrs import frozen
from governance.shell.values import HOLE, Redirect

if TYPE_CHECKING:
    from governance.shell.flowing import Pipe

CHANNELS_MAX: Final = 64
"""Descriptors of one shell that are followed, and inputs that one may stand for."""


@frozen(eq=False)
class Channel:
    """
    What stands behind a descriptor.

    Attributes:
        given: What is read from it, where that is known beforehand.

        source: Who writes what is read from it.

        sink: Who reads what is written to it.

        files: The files that are open on it.

        under: The inputs, or outputs, in whose place it stands where it is one of a whole shell.
    """

    given: str | None = None
    source: Pipe | None = None
    sink: Pipe | None = None
    files: tuple[Redirect, ...] = ()
    under: tuple[tuple[Pipe | None, str | None], ...] = ()

    @property
    def text(self) -> str | None:
        """What is read from it; `HOLE` where something writes that nobody knows."""
        if self.given is not None or self.source is None:
            return self.given
        return (self.source.text or HOLE) if self.source.writers else None

    def replaces(self, pipe: Pipe | None, given: str | None = None) -> bool:
        """Whether it stands in the place of this input, or output."""
        return any(one is pipe and text == given for one, text in self.under)


def merged(sets: list[dict[int, Channel]]) -> dict[int, Channel]:
    """What is open where one of *sets* is the case: of two inputs nobody knows which."""
    if all(one == sets[0] for one in sets) or not any(sets):
        return sets[0]
    made: dict[int, Channel] = {}
    for one in sets:
        for number, channel in one.items():
            before = made.setdefault(number, channel)
            if before is not channel and before.sink is None:
                made[number] = Channel(
                    given=HOLE,
                    source=before.source,
                    files=tuple(dict.fromkeys(before.files + channel.files)),
                    under=before.under + channel.under,
                )
    return made
