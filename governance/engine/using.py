"""What the model of a session has used, as its host tells: rules count by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from governance.engine.tombstones import tombstone
from governance.errors import MisuseError
from governance.session.usage import usage_problem
from governance.states import State
from governance.values import Json

if TYPE_CHECKING:
    from governance.engine.engine import Engine

CODES: Mapping[str, str] = {
    "GOV402": "figures of use that are none, or of a session that was never begun"
}


def report_usage(
    engine: Engine, session: str, told: Mapping[str, Json], *, actor: str, host: str
) -> bool:
    """
    Write down what was *told*, as fields of ``usage.reported``; whether it says anything new.

    Raises:
        MisuseError: GOV402, nothing or nonsense was told, or *session* was never begun.
        JournalError: It could not be written.
    """
    problem = usage_problem(told)
    if problem:
        raise MisuseError(problem, code="GOV402")
    state = engine._newest(session, engine.clock.now_ms())
    if state.state is State.ABSENT:
        if tombstone(engine._journal, session) is not None:
            raise MisuseError(
                f"session `{session}` was archived or removed: nothing is counted in it",
                code="GOV402",
                remedy="`governance unarchive` puts an archived one back",
            )
        raise MisuseError(
            f"session `{session}` was never begun, so nothing can have been used in it",
            code="GOV402",
            remedy="begin it by `Engine.start`, then report what it uses",
        )
    if state.usage.plus(told) == state.usage:
        return False
    engine.record(session, "usage.reported", told, actor=actor, host=host)
    return True
