"""What a session was told and its journal could not take: kept, and written before all else."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from governance.engine.spool import Spool, unkept
from governance.session.commands import Command

HELD_MAX = 64
"""Commands of one session that are kept where there is no file for them."""


@define(eq=False)
class Untold:
    """
    The commands that wait, by session; those of one session are used under its lock.

    Attributes:
        spool: The files that they wait in; ``None``: in memory.
    """

    spool: Spool | None
    _held: dict[str, list[Command]] = field(factory=dict, init=False)

    def keep(self, command: Command, clean: Callable[[Command], Command]) -> None:
        """
        Keep *command*; into a file it goes as *clean* makes it, without secrets.

        Raises:
            JournalError: GOV512, it cannot be kept either.
        """
        if self.spool is not None:
            self.spool.keep(clean(command))
            return
        held = self._held.setdefault(command.session, [])
        if len(held) >= HELD_MAX:
            raise unkept(f"{HELD_MAX} wait in memory, and no more are kept there")
        held.append(command)

    def waits(self, session: str) -> bool:
        """Whether something of *session* waits to be written first."""
        spool = self.spool
        return session in self._held or (spool is not None and spool.waits(session))

    def write(self, session: str, step: Callable[[Command], None]) -> None:
        """Write what waits of *session* by *step*, in order; what was not written waits on."""
        if self.spool is not None:
            for waiting in self.spool.waiting(session):
                step(waiting.command)
                self.spool.forget(waiting)
        held = self._held.get(session)
        while held:
            step(held[0])
            held.pop(0)
        self._held.pop(session, None)
