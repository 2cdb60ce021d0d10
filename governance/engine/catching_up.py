"""
What waits is written before anything else of its session, and of those above and below it.

A parent that has ended lets its children do nothing, so that what it was told has to stand
before they are asked; what its children were told before it ended did not come after that.
What waits of sessions for which nothing comes any more is written beside other work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from governance.engine.tombstones import tombstone
from governance.engine.untold import Unsettled, committed
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


@contextmanager
def turn_of(engine: Engine, command: Command, written: list[Record]) -> Iterator[None]:
    """
    Hold the lock of *command*'s session, once nothing waits that comes before it.

    Args:
        written: Is given the rows, of those too that stood before one failed.

    Raises:
        JournalError: What waits still cannot be written; the lock is not held.
    """
    lock = engine._lock_of(command.session)
    lock.acquire()
    try:
        while engine._untold.any():
            lock.release()
            try:
                _catch_up(engine, command, written)
            finally:
                lock.acquire()
            if not engine._untold.waits(command.session):
                break
        yield
    finally:
        lock.release()


def record_command(engine: Engine, session: str) -> Command:
    """What stands for a word that is no event of the machine, where a turn is taken for it."""
    return Command(event="record", session=session, at_ms=engine.clock.now_ms())


def catch_up_others(engine: Engine, command: Command) -> None:
    """Write what waits of other sessions than *command*'s; what still cannot be waits on."""
    untold, now = engine._untold, command.at_ms or 0
    if untold.others.lasts(now):
        return
    try:
        others = sorted(untold.sessions()) if untold.any() else []
    except JournalError:
        return  # whoever comes for what waits there is told
    # Those behind the one that was tried last come first: what is stuck keeps no other.
    for session in [*(one for one in others if one > untold.last), *others][:OTHERS_MAX]:
        if engine._lock_of(session).locked():
            continue  # whoever works there does it
        untold.last = session
        written: list[Record] = []
        try:
            with turn_of(engine, record_command(engine, session), written):
                pass
        except JournalError:
            untold.others.begin(now)
            return
        finally:
            engine._publish(written)


def _catch_up(engine: Engine, command: Command, written: list[Record]) -> None:
    """Write what waits of the whole tree of *command*'s session, in the order of its coming."""
    waiting = [list(one) for one in _waiting(engine, command)]
    while waiting := [one for one in waiting if one]:
        first = min(waiting, key=lambda one: one[0].place)
        kept = first.pop(0)
        session = kept.command.session
        try:
            with engine._lock_of(session):
                _write(engine, kept, written)
        except (SessionRemoved, SessionErased):
            if not _is_gone(engine, session):
                raise
            # Nobody can write there any more, so nothing of it may keep others waiting.
            for one in (kept, *first):
                engine._untold.forget(one)
            first.clear()
            if session == command.session:
                raise


def _write(engine: Engine, kept: Kept, written: list[Record]) -> None:
    if not engine._untold.holds(kept):
        return  # another thread has
    records = committed(engine._journal, kept)
    if records is None:
        try:
            _, records = engine._step(kept.command, engine.law)
        except Unsettled as error:
            engine._untold.handed_in(kept, error)
            raise
    written += records
    engine._untold.forget(kept)


def _is_gone(engine: Engine, session: str) -> bool:
    """Whether nothing can ever be written into *session* again."""
    engine.live.drop(session)
    try:
        state = engine._state(session, engine.clock.now_ms())
    except SessionErased:
        return True
    return not state.head and tombstone(engine._journal, session) is not None


def _waiting(engine: Engine, command: Command) -> list[tuple[Kept, ...]]:
    """What waits of each session that *command*'s belongs together with, and of it."""
    untold, now = engine._untold, command.at_ms or 0
    line = _line(engine, command.session, command.parent, now)
    found = [untold.waiting(one) for one in line]
    named = _named([command, *(kept.command for one in found for kept in one)])
    for session in untold.sessions():
        if session in line:
            continue
        try:
            waits = untold.waiting(session)
            hint = waits[0].command.parent if waits else None
            if session in named or line[-1] in _line(engine, session, hint, now):
                found.append(waits)
        except JournalError:
            # Not above it, so that it may do nothing else for that: it is told when it comes.
            continue
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


def _named(commands: Iterable[Command]) -> set[str]:
    """The children that *commands* are about, which their parent may not know yet."""
    return {str(one.data.get("child_id")) for one in commands if one.data.get("child_id")}
