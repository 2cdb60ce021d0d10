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

from governance.engine.related import ABOVE_MAX
from governance.engine.tombstones import tombstone
from governance.engine.untold import Unsettled, committed
from governance.errors import JournalError, SessionErased, StoreDamaged
from governance.journal.faults import SessionRemoved
from governance.session.commands import Command

if TYPE_CHECKING:
    from governance.engine.engine import Engine
    from governance.engine.spool import Kept
    from governance.journal.records import Record

TURNS_MAX = 32
"""How often more may have come to wait while what waits was written."""

OTHERS_MAX = 8
"""Other sessions whose waiting events are written after one command, at most."""


@contextmanager
def publishing(engine: Engine) -> Iterator[list[Record]]:
    """A list of the rows that are written within: listeners are shown them at the end."""
    written: list[Record] = []
    try:
        yield written
    finally:
        engine._publish(written)


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
        for _ in range(TURNS_MAX):
            if not engine._untold.any():
                break
            lock.release()
            try:
                _catch_up(engine, command, written)
            finally:
                lock.acquire()
            if not any(map(engine._untold.waits, _line_of(engine, command))):
                break
        else:
            raise JournalError(f"more always waits for `{command.session}`", code="GOV511")
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
        others = sorted({*untold.sessions()} - {command.session}) if untold.any() else []
    except JournalError:
        return  # whoever comes for what waits there is told
    # Those behind the one that was tried last come first: what is stuck keeps no other.
    others.sort(key=lambda one: one <= untold.last)
    for session in others[:OTHERS_MAX]:
        if engine._lock_of(session).locked():
            continue  # whoever works there does it
        untold.last = session
        if not _caught_up(engine, session):
            untold.others.begin(now)
            return


def catch_up_all(engine: Engine) -> None:
    """Write all that waits, for the last time."""
    for session in engine._untold.sessions():
        _caught_up(engine, session)


def _caught_up(engine: Engine, session: str) -> bool:
    try:
        with (
            publishing(engine) as written,
            turn_of(engine, record_command(engine, session), written),
        ):
            return True
    except JournalError:
        return False


def known_line(engine: Engine, command: Command) -> list[str]:
    """The session of *command* and those above it, if they can be read now."""
    try:
        return _line_of(engine, command)
    except JournalError:
        return []


def _catch_up(engine: Engine, command: Command, written: list[Record]) -> None:
    """Write what waits of the whole tree of *command*'s session, in the order of its coming."""
    try:
        line = _line_of(engine, command)
    except SessionErased:
        if is_gone(engine, command.session):
            for one in engine._untold.waiting(command.session):
                engine._untold.forget(one)
        raise
    waiting = [list(one) for one in _waiting(engine, command, line)]
    while waiting := [one for one in waiting if one]:
        first = min(waiting, key=lambda one: one[0].place)
        kept = first.pop(0)
        session = kept.command.session
        try:
            with engine._lock_of(session):
                _write(engine, kept, written)
        except JournalError as error:
            if isinstance(error, (SessionRemoved, SessionErased)) and is_gone(engine, session):
                # Nobody can write there any more, so nothing of it may keep others waiting.
                for one in (kept, *first):
                    engine._untold.forget(one)
                if session == command.session:
                    raise
            elif session in line or not isinstance(error, (StoreDamaged, _Undecided)):
                raise
            # Not above it, so that it may do nothing else for that: it is told when it comes.
            first.clear()


class _Undecided(JournalError):
    """What waits can never be decided: it was kept before anybody had looked at it."""

    code = "GOV512"


def _write(engine: Engine, kept: Kept, written: list[Record]) -> None:
    waits = engine._untold.current(kept)
    if waits is None:
        return  # another thread or process has written it
    records = committed(engine._journal, waits)
    if records is None:
        try:
            _, records = engine._step(waits.command, engine.law)
        except Unsettled as error:
            engine._untold.handed_in(waits, error)
            raise
        except JournalError:
            raise
        except Exception as error:
            event, session = waits.command.event, waits.command.session
            raise _Undecided(
                f"what waits of `{session}`, a `{event}`, cannot be decided: "
                f"{type(error).__name__}: {error}",
                remedy=f"move `{waits.file}` away" if waits.file else "begin the engine again",
            ) from error
    written += records
    engine._untold.forget(waits)


def is_gone(engine: Engine, session: str) -> bool:
    """Whether nothing can ever be written into *session* again."""
    engine.live.drop(session)
    try:
        now = engine.clock.now_ms()
        _line_of(engine, Command(event="record", session=session, at_ms=now))
        state = engine._state(session, now)
        return not state.head and tombstone(engine._journal, session) is not None
    except SessionErased:  # itself, or one above: then it may do nothing any more
        return True
    except JournalError:
        return False


def _waiting(engine: Engine, command: Command, line: list[str]) -> list[tuple[Kept, ...]]:
    """What waits of each session that *command*'s belongs together with, and of it."""
    untold = engine._untold
    found = [untold.waiting(one) for one in line]
    named = _named([command, *(kept.command for one in found for kept in one)])
    for session in untold.sessions():
        if session in line:
            continue
        try:
            waits = untold.waiting(session)
        except JournalError:
            continue  # it is told when it comes
        if session in named or any(_is_of(engine, kept, line) for kept in waits):
            found.append(waits)
    return found


def _is_of(engine: Engine, kept: Kept, line: list[str]) -> bool:
    """Whether *kept* is of the tree of *line*, which may not have been known when it was kept."""
    above = {kept.command.parent, *(kept.line or known_line(engine, kept.command))}
    return not above.isdisjoint(line)


def _line_of(engine: Engine, command: Command) -> list[str]:
    """The session of *command*, its parent, as it or its rows tell it, and so on to the root."""
    line, above, now = [command.session], command.parent, command.at_ms or 0
    while len(line) <= ABOVE_MAX:
        above = above or engine._state(line[-1], now).identity.parent
        if not above or above in line:
            break
        line.append(above)
        above = None
    return line


def _named(commands: Iterable[Command]) -> set[str]:
    """The children that *commands* are about, which their parent may not know yet."""
    return {str(one.data.get("child_id")) for one in commands if one.data.get("child_id")}
