"""Rows of what was decided outside the machine: by a person, by a host, by the engine itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from governance._attrs import frozen
from governance.engine import racing, restoring
from governance.engine.related import Step
from governance.journal.records import Appended, Duplicate
from governance.session.commands import Command
from governance.values import Json

if TYPE_CHECKING:
    from governance.engine.engine import Engine
    from governance.session.law import Law


@frozen
class Said:
    """
    One row to be.

    Attributes:
        key: Idempotency key; ``None``: said again, it is another row.
    """

    session: str
    kind: str
    data: Mapping[str, Json]
    actor: str
    host: str
    key: str | None = None


def write_said(engine: Engine, law: Law, said: Said) -> Appended | Duplicate:
    """Write *said*; the lock of its session is held."""

    def decide() -> list[Step]:
        now, session = engine.clock.now_ms(), said.session
        command = Command(
            event="record", session=session, at_ms=now, actor=said.actor, host=said.host
        )
        state = engine._state(session, now)
        outcome = restoring.recorded(law, state, command, now, said.kind, said.data)
        return engine._with_related(command, Step(state, outcome), now, law)

    return racing.written(engine, said.session, decide, replies=False, key=said.key)[1]
