"""What a session was told and its journal could not take: kept, and written before all else."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256

from attrs import evolve, field

from governance._attrs import define
from governance.engine.pause import Pause
from governance.engine.spool import Kept, Spool, next_place, unkept
from governance.errors import OutcomeUnknown, SessionErased, StoreDamaged
from governance.journal.records import Append, Journal, Record, Row
from governance.session.commands import Command

HELD_MAX = 64
"""Commands of one session that are kept where there is no file for them."""


class Unsettled(OutcomeUnknown):
    """Nobody could say whether *batch* was committed: the store could not even be read."""

    def __init__(self, error: OutcomeUnknown, batch: Sequence[Append]) -> None:
        super().__init__(error.message, code=error.code, remedy=error.remedy)
        self.batch = tuple(batch)


@define(eq=False)
class Untold:
    """
    The commands that wait, by session. Thread-safe.

    Attributes:
        spool: The files that they wait in; ``None``: in memory.

        others: When what nothing comes for is tried again.

        last: The session of which that was tried last.
    """

    spool: Spool | None
    others: Pause = field(factory=Pause, init=False)
    last: str = field(default="", init=False)
    _held: dict[str, list[Kept]] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def keep(
        self,
        command: Command,
        clean: Callable[[Command], Command],
        line: Sequence[str] = (),
        unsettled: Unsettled | None = None,
    ) -> None:
        """
        Keep *command*; into a file it goes as *clean* makes it.

        Args:
            line: Its session and those above; none, where that is not known.

            unsettled: What was handed in for it, where nobody knows whether it was committed.

        Raises:
            JournalError: GOV512, it cannot be kept either.
        """
        if not command.key:
            # Two threads or processes that both find it write it once.
            command = evolve(command, key=f"kept:{os.urandom(16).hex()}")
        kept = Kept(command, line=tuple(line))
        if unsettled is not None:
            kept = _handed_in(kept, unsettled)
        if self.spool is not None:
            self.spool.keep(evolve(kept, command=clean(command)))
            return
        with self._lock:
            held = self._held.setdefault(command.session, [])
            if len(held) >= HELD_MAX:
                raise unkept(f"{HELD_MAX} wait in memory, and no more are kept there")
            held.append(evolve(kept, place=next_place(held[-1].place if held else 0)))

    def any(self) -> bool:
        """Whether anything waits, of whichever session; costs next to nothing."""
        return bool(self._held) or (self.spool is not None and self.spool.any())

    def waits(self, session: str) -> bool:
        """Whether something of *session* waits to be written first."""
        return session in self._held or (self.spool is not None and self.spool.waits(session))

    def sessions(self) -> list[str]:
        """The sessions of which something waits that can be read."""
        return self.spool.sessions() if self.spool is not None else list(self._held)

    def waiting(self, session: str) -> tuple[Kept, ...]:
        """What waits of *session*, in the order in which it happened."""
        if self.spool is not None:
            return self.spool.waiting(session)
        with self._lock:
            return tuple(self._held.get(session, ()))

    def current(self, kept: Kept) -> Kept | None:
        """*kept* as it waits now, or ``None``: another thread or process has written it."""
        if self.spool is not None:
            return self.spool.current(kept)
        with self._lock:
            held = self._held.get(kept.command.session, ())
            return next((one for one in held if one.place == kept.place), None)

    def handed_in(self, kept: Kept, unsettled: Unsettled) -> None:
        """
        Note of *kept* what was handed in for it now, and may have been committed.

        Where that cannot be noted it is handed in once more, under the same key.
        """
        made = _handed_in(kept, unsettled)
        if self.spool is not None:
            with suppress(OSError):
                self.spool.replace(made)
            return
        with self._lock:
            held = self._held.get(kept.command.session, [])
            held[:] = [made if one.place == kept.place else one for one in held]

    def forget(self, kept: Kept) -> None:
        """Let go of what stands in the journal now."""
        if self.spool is not None:
            self.spool.forget(kept)
            return
        with self._lock:
            session = kept.command.session
            left = [one for one in self._held.get(session, ()) if one.place != kept.place]
            self._held[session] = left
            if not left:
                del self._held[session]


def _handed_in(kept: Kept, unsettled: Unsettled) -> Kept:
    sent = (
        (one.session, one.expected_seq, len(one.rows), _digest(one.rows)) for one in unsettled.batch
    )
    return evolve(kept, sent=tuple(sent))


def committed(journal: Journal, kept: Kept) -> tuple[Record, ...] | None:
    """
    The rows that were committed for *kept* after all, or ``None``.

    One commit takes the rows of all sessions or none, so those of its own tell it. Rows of
    another one that nobody can read any more are left out.

    Raises:
        JournalError: The store still cannot be read.
    """
    found: list[Record] = []
    own_first = sorted(kept.sent, key=lambda one: one[0] != kept.command.session)
    for place, (session, seq, count, digest) in enumerate(own_first):
        try:
            rows = journal.read(session, after=seq, limit=count)
        except (SessionErased, StoreDamaged):
            if not place:
                raise
            continue
        if not place and _digest(rows) != digest:
            return None
        found += rows
    return tuple(found) if found else None


def _digest(rows: Sequence[Row | Record]) -> str:
    made = sha256()
    for row in rows:
        made.update(f"{row.kind} {row.at_ms} {len(row.body)} ".encode() + row.body)
    return made.hexdigest()
