"""Rows that are written as they are, for what is kept in a session and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from governance.engine import racing, restoring
from governance.engine.catching_up import publishing, record_command, turn_of
from governance.engine.given import check_row
from governance.engine.related import Step
from governance.errors import MisuseError
from governance.journal.records import Appended, Duplicate, Record
from governance.session.commands import Command
from governance.values import Json, check_json

if TYPE_CHECKING:
    from governance.engine.engine import Engine

ID_CHARS_MAX = 200


class _MovedOn(Exception):
    """A session is no longer where its caller took it to be."""


def record_all(
    engine: Engine,
    session: str,
    rows: Sequence[tuple[str, Mapping[str, Json]]],
    *,
    actor: str,
    durable: bool,
    key: str | None,
    expected_seq: int | None,
) -> tuple[Record, ...]:
    """As `Engine.record_all`."""
    problem = restoring.id_problem(session, ID_CHARS_MAX)
    if problem:
        raise MisuseError(problem, code="GOV401")
    for kind, data in rows:
        check_json(data)
        check_row(kind, data)

    def decide() -> list[Step]:
        now = engine.clock.now_ms()
        state = engine._state(session, now)
        if expected_seq is not None and state.head < expected_seq:
            # Whoever expects more rows has read the journal: another engine wrote them.
            engine.live.drop(session)
            state = engine._state(session, now)
        if expected_seq not in (None, state.head):
            raise _MovedOn
        host = state.identity.host or "python"
        command = Command(event="record", session=session, at_ms=now, actor=actor, host=host)
        outcome = restoring.recorded_all(engine.law, state, command, now, rows, durable=durable)
        return [Step(state, outcome)]

    told = record_command(engine, session)
    try:
        with publishing(engine) as written, turn_of(engine, told, written):
            _, result = racing.written(engine, session, decide, replies=False, key=key)
            if isinstance(result, Appended):
                written.extend(result.records)
    except _MovedOn:
        return ()
    return (result.record,) if isinstance(result, Duplicate) else result.records
