"""Sessions in which nothing happens any more: found beside other work, and interrupted."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from governance.engine import racing
from governance.engine.catching_up import publishing, turn_of
from governance.engine.telling import tell_news
from governance.errors import JournalError, SessionErased
from governance.journal.faults import SessionRemoved
from governance.session.commands import Command
from governance.session.state import SessionState

if TYPE_CHECKING:
    from governance.engine.engine import Engine
    from governance.engine.related import Step

SWEEP_SESSIONS_MAX = 8
"""Sessions looked at after one command, so that a sweep costs little."""


class _Stirred(Exception):
    """A session in which another process works: it is not idle after all."""


def idle(engine: Engine, command: Command) -> list[SessionState]:
    """What seems to have been idle too long when *command* came, among a few sessions."""
    now = command.at_ms or 0
    if engine._idle_pause.lasts(now):
        return []
    return [
        state
        for state in engine.live.oldest(SWEEP_SESSIONS_MAX)
        if state.id != command.session and _is_idle(engine, state, now)
    ]


def interrupt_idle(engine: Engine, command: Command) -> None:
    """
    Interrupt what has been idle too long when *command* came.

    The engine's own doing, whoever's command gave rise to it: nobody is asked. What cannot
    be written is found again, after a pause.
    """
    for state in idle(engine, command):
        told = Command(
            event="interrupt",
            session=state.id,
            at_ms=command.at_ms or 0,
            host=state.identity.host,
            data={"reason": "idle"},
        )
        try:
            _interrupt(engine, told)
        except (SessionRemoved, SessionErased):
            engine.live.drop(state.id)
        except JournalError:
            engine._idle_pause.begin(command.at_ms or 0)
            return


def _interrupt(engine: Engine, told: Command) -> None:
    law, news = engine._in_force()

    def decide() -> list[Step]:
        if not _is_idle(engine, engine._state(told.session, told.at_ms or 0), told.at_ms or 0):
            raise _Stirred
        return engine._decide(told, law)

    with suppress(_Stirred), publishing(engine) as written, turn_of(engine, told, written):
        tell_news(engine, told, law, news, written)
        _, result = racing.written(engine, told.session, decide, replies=True)
        written.extend(racing.records_of(result))


def _is_idle(engine: Engine, state: SessionState, now_ms: int) -> bool:
    return (
        state.last_work_at_ms is not None
        and now_ms - state.last_work_at_ms >= engine.options.idle_ms_max
        and state.live
        and not state.registers.turn_open
    )
