"""
What waits is written before anything else of its session, and of those above and below it.

A parent that has ended lets its children do nothing, so that what it was told has to stand
before they are asked; what its children were told before it ended did not come after that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from governance.engine.related import STEPS_MAX
from governance.engine.untold import committed
from governance.errors import SessionErased
from governance.journal.faults import SessionRemoved

if TYPE_CHECKING:
    from governance.engine.engine import Engine
    from governance.engine.spool import Kept
    from governance.journal.records import Record
    from governance.session.commands import Command


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
            if kept.command.session == command.session:
                raise
            first.clear()  # nobody can write there any more, and nobody waits for it


def _write(engine: Engine, kept: Kept, written: list[Record]) -> None:
    records = committed(engine._journal, kept)
    if records is None:
        _, records = engine._step(kept.command, engine.law)
    written += records
    engine._untold.forget(kept)


def _waiting(engine: Engine, command: Command) -> Iterator[tuple[Kept, ...]]:
    """What waits of each session that *command*'s belongs together with, and of it."""
    now = command.at_ms or 0
    met = {command.session, *_named(command)}
    session, above = command.session, command.parent
    while above := above or engine._state(session, now).identity.parent:
        if above in met or len(met) >= STEPS_MAX:
            break
        met.add(above)
        session, above = above, None
    tree = [*met]
    for one in tree:
        found = engine._untold.waiting(one)
        yield found
        below = {*engine._state(one, now).children, *chain(*(_named(k.command) for k in found))}
        fresh = [child for child in below if child not in met][: STEPS_MAX - len(met)]
        met.update(fresh)
        tree += fresh


def _named(command: Command) -> tuple[str, ...]:
    """The child that *command* is about, which its parent may not know yet."""
    child = command.data.get("child_id")
    return (child,) if isinstance(child, str) and child else ()
