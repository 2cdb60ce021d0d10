"""
What waits is written before anything else of its session, and of those above and below it.

A parent that has ended lets its children do nothing, so that what it was told has to stand
before they are asked; what its children were told before it ended did not come after that.
What waits of sessions for which nothing comes any more is written beside other work.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from governance.engine.untold import committed
from governance.errors import JournalError, SessionErased
from governance.journal.faults import SessionRemoved
from governance.session.commands import Command

if TYPE_CHECKING:
    from governance.engine.engine import Engine
    from governance.engine.spool import Kept
    from governance.journal.records import Record

ABOVE_MAX = 64
"""Parents of one session that are looked up to find the root of its tree."""

OTHERS_MAX = 8
"""Other sessions whose waiting events are written after one command, at most."""

AGAIN_MS = 1_000
"""How long what still could not be written is let be, where nothing comes for its session."""


def take_turn(
    engine: Engine, command: Command, lock: threading.Lock, written: list[Record]
) -> None:
    """
    Take *lock*, that of *command*'s session, once nothing waits that comes before it.

    Args:
        written: Is given the rows, of those too that stood before one failed.

    Raises:
        JournalError: What waits still cannot be written; *lock* is not taken.
    """
    lock.acquire()
    try:
        while engine._untold.any():
            lock.release()
            try:
                _catch_up_tree(engine, command, written)
            finally:
                lock.acquire()
            if not engine._untold.waits(command.session):
                return
    except BaseException:
        lock.release()
        raise


def catch_up(engine: Engine, session: str, written: list[Record]) -> None:
    """As `take_turn` for *session* alone, whose lock is held."""
    if engine._untold.any():
        for kept in engine._untold.waiting(session):
            _write(engine, kept, written)


def catch_up_others(engine: Engine, command: Command) -> None:
    """Write what waits of other sessions than *command*'s; what still cannot be waits on."""
    untold, now = engine._untold, command.at_ms or 0
    # A clock that went back does not put it off for longer.
    if 0 < untold.again_ms - now <= AGAIN_MS:
        return
    try:
        others = untold.sessions()[:OTHERS_MAX] if untold.any() else []
    except JournalError:
        return  # whoever comes for what waits there is told
    for session in others:
        lock = engine._lock_of(session)
        if lock.locked():
            continue  # whoever works there does it
        written: list[Record] = []
        try:
            take_turn(engine, Command(event="record", session=session, at_ms=now), lock, written)
            lock.release()
        except JournalError:
            untold.again_ms = now + AGAIN_MS
        finally:
            engine._publish(written)


def _catch_up_tree(engine: Engine, command: Command, written: list[Record]) -> None:
    """Write what waits of the whole tree of *command*'s session, in the order of its coming."""
    waiting = [list(one) for one in _waiting(engine, command)]
    while waiting := [one for one in waiting if one]:
        first = min(waiting, key=lambda one: one[0].place)
        kept = first.pop(0)
        try:
            with engine._lock_of(kept.command.session):
                _write(engine, kept, written)
        except (SessionRemoved, SessionErased):
            # Nobody can write there any more, so nothing of it may keep others waiting.
            for one in (kept, *first):
                engine._untold.forget(one)
            first.clear()
            if kept.command.session == command.session:
                raise


def _write(engine: Engine, kept: Kept, written: list[Record]) -> None:
    records = committed(engine._journal, kept)
    if records is None:
        _, records = engine._step(kept.command, engine.law)
    written += records
    engine._untold.forget(kept)


def _waiting(engine: Engine, command: Command) -> list[tuple[Kept, ...]]:
    """What waits of each session that *command*'s belongs together with, and of it."""
    untold, now = engine._untold, command.at_ms or 0
    line = _line(engine, command.session, command.parent, now)
    found = [untold.waiting(one) for one in line]
    named = _named([command, *(kept.command for one in found for kept in one)])
    for session in untold.sessions():
        if session in line:
            continue
        waits = untold.waiting(session)
        hint = waits[0].command.parent if waits else None
        if session in named or line[-1] in _line(engine, session, hint, now):
            found.append(waits)
    return found


def _line(engine: Engine, session: str, above: str | None, now_ms: int) -> list[str]:
    """*session*, its parent, as *above* or its rows tell it, and so on to the root."""
    line = [session]
    while len(line) <= ABOVE_MAX:
        above = above or engine._state(line[-1], now_ms).identity.parent
        if not above or above in line:
            break
        line.append(above)
        above = None
    return line


def _named(commands: Iterable[Command]) -> set[object]:
    """The children that *commands* are about, which their parent may not know yet."""
    return {one.data.get("child_id") for one in commands}
