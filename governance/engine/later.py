"""
One command without waiting: decided where it is asked, and answered once it is durable.

For event loops. What would have to wait (a session that must be read first, listeners, a
session that somebody else has just now) is left to `Engine.handle` in a thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from governance._attrs import frozen
from governance.engine.before import before_names
from governance.engine.cleaning import with_whole_texts
from governance.engine.idling import idle
from governance.engine.related import Step
from governance.engine.restoring import grown
from governance.errors import GovernanceError, JournalError
from governance.journal.records import Append, Appended, AppendsLater, Conflict, Duplicate
from governance.process_metrics import PROCESS
from governance.session.commands import Command
from governance.session.decide import decide
from governance.session.replies import Reply

if TYPE_CHECKING:
    from governance.engine.engine import Engine

Rest = Callable[[], Reply]
Done = Callable[[Reply | None, Rest | None], None]


@frozen
class Sent:
    """
    A step on its way to the store.

    Attributes:
        steps: What was decided.

        batch: The rows that were handed in for it.

        answer: What became of them; raises what `Journal.append` would have raised.

        lock: That of its session, which is held.
    """

    steps: list[Step]
    batch: list[Append]
    answer: Callable[[], Appended | Conflict | Duplicate]
    lock: threading.Lock

    @contextmanager
    def held(self) -> Iterator[None]:
        """Release the lock at the end."""
        try:
            yield
        finally:
            self.lock.release()


def handle_later(engine: Engine, journal: AppendsLater, command: Command, done: Done) -> bool:
    """
    As `Engine.handle`, without waiting; ``False`` where it would have to, and nothing is done.

    *done* is called once, in any thread: with the reply, or where more has to be done (the
    store could not be written, another process was faster) with a function that does it and
    gives the reply, or raises, as `Engine.handle` would. That function waits, and must be
    called, in another thread: the session is locked until it has run. *journal* is the
    engine's own.

    Raises:
        MisuseError: The engine is closed, or the command breaks the contract.
    """
    engine._check_open()
    command = with_whole_texts(command)
    engine._check(command)
    if _is_listened_to(engine, command):
        return False
    command = engine._completed(command)
    if engine._refused(command) is not None:
        return False  # whoever handles it says why
    lock = engine._lock_of(command.session)
    if not lock.acquire(blocking=False):
        return False
    sent = False
    try:
        steps = _decided(engine, command)
        batch = engine._batch(steps, steps[0].outcome.reply) if steps else []
        if not steps or not batch:
            return False
        began = time.perf_counter() if PROCESS.on else None
        journal.append_later(
            batch,
            partial(_settled, engine, command, steps, batch, lock, done, began),
            key=command.key,
            deadline_ms=engine.options.deadline_ms,
        )
        sent = True
        if engine.options.after is not None:
            engine.options.after()
    except JournalError:
        # Nothing was handed in; whoever may wait says what is to be said of it.
        return False
    finally:
        if not sent:
            lock.release()
    return True


def _is_listened_to(engine: Engine, command: Command) -> bool:
    wants, definition = engine.listeners.wants, engine.law.machine.definition
    names = before_names(definition, command.event)
    return engine.listeners.wants_after() or any(map(wants, names))


def _decided(engine: Engine, command: Command) -> list[Step]:
    """The steps of *command*, or none where one of them is not at hand without waiting."""
    now = command.at_ms or 0
    session = command.session
    state = engine.live.get(session, now)
    if state is None or engine._untold.any() or idle(engine, command):
        return []
    data = command.data
    # Of other sessions the store is asked whether they are what is held of them.
    others = command.parent, state.identity.parent, data.get("child_id"), data.get("predecessor")
    if any(others):
        return []
    law, news = engine._in_force()
    bulletin = engine.options.bulletin
    if bulletin is not None and not bulletin.has_told(session, news):
        return []
    outcome = decide(law, state, command, engine._gather(command, state, now))
    if outcome.interrupts or outcome.wanted:
        return []
    steps = engine._with_related(command, Step(state, outcome), now, law)
    return [] if any(engine._keeps_snapshot(one) for one in steps) else steps


def _settled(
    engine: Engine,
    command: Command,
    steps: list[Step],
    batch: list[Append],
    lock: threading.Lock,
    done: Done,
    began: float | None,
    answer: Callable[[], Appended | Conflict | Duplicate],
) -> None:
    """In the thread that committed: the common case is ended here, all else elsewhere."""
    try:
        result = answer()
    except GovernanceError:
        result = None
    if not isinstance(result, Appended):
        sent = Sent(steps, batch, answer, lock)
        done(None, lambda: engine._handle_listened(command, sent))
        return
    if began is not None:
        PROCESS.save.add(time.perf_counter() - began)
    now = engine.clock.now_ms()
    for one in steps:
        engine.live.put(grown(one.outcome.state, result.records), now)
    lock.release()
    if engine.options.keeper is not None:
        engine.options.keeper.look(engine)
    done(steps[0].outcome.reply, None)
