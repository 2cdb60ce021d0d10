"""
A step of a session that others write as well: decided again, and in the end decided alone.

Almost every step is written at its first try, which holds nobody up. Who was late each time
takes a turn of the store, in which nobody can be faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from governance.errors import JournalError
from governance.journal.faults import SessionRemoved
from governance.journal.records import Append, Appended, AppendsAlone, Conflict, Duplicate, Record

if TYPE_CHECKING:
    from governance.engine.engine import Engine
    from governance.engine.related import Step

CONFLICTS_MAX = 8
"""Times a step is decided again before it takes a turn."""

TURNS_MAX = 4
"""Turns that a step takes where sessions related to its own were not what was held of them."""

Decide = Callable[[], "list[Step]"]
Written = tuple["list[Step]", Appended | Duplicate]


def written(
    engine: Engine, session: str, decide: Decide, *, replies: bool, key: str | None = None
) -> Written:
    """
    The steps that *decide* gave in the end, of *session* first, and what became of their rows.

    Args:
        replies: Whether the reply of the first step goes into its last row.

    Raises:
        JournalError: They could not be written in time.
    """
    removed = False
    for _ in range(CONFLICTS_MAX):
        steps = decide()
        reply = steps[0].outcome.reply if replies else None
        try:
            result = engine._commit(steps, reply=reply, key=key)
        except SessionRemoved:
            # It may be a parent that another process has archived: look at all anew.
            forget(engine, steps)
            if removed:
                raise
            removed = True
            continue
        if not isinstance(result, Conflict):
            return steps, result
    journal = engine._journal
    for _ in range(TURNS_MAX):
        if not isinstance(journal, AppendsAlone):
            break
        steps, result = _alone(engine, journal, session, decide, replies=replies, key=key)
        if not isinstance(result, Conflict):
            return steps, result
    raise JournalError("the session is written by others all the time", code="GOV511")


def records_of(result: Appended | Duplicate) -> tuple[Record, ...]:
    """The rows of a step that was handed in without a key."""
    # INVARIANT: what carries no key is no duplicate.
    assert isinstance(result, Appended), "a step without a key"
    return result.records


def forget(engine: Engine, steps: Sequence[Step]) -> None:
    """Let go of what is held of the sessions of *steps*; the store says what they are now."""
    for one in steps:
        engine.live.drop(one.state.id)


def _alone(
    engine: Engine,
    journal: AppendsAlone,
    session: str,
    decide: Decide,
    *,
    replies: bool,
    key: str | None,
) -> tuple[list[Step], Appended | Conflict | Duplicate]:
    """Decide and append in a turn of *session*."""
    steps: list[Step] = []
    batch: list[Append] = []

    def decided() -> tuple[Append, ...]:
        # What was read before the turn may be old by now.
        engine.live.drop(session)
        forget(engine, steps)
        steps[:] = decide()
        batch[:] = engine._batch(steps, steps[0].outcome.reply if replies else None)
        return tuple(batch)

    result = engine._outcome(
        batch,
        lambda: journal.append_alone(
            session, decided, key=key, deadline_ms=engine.options.deadline_ms
        ),
    )
    return steps, engine._applied(steps, result) if batch else result
