"""A person's answer to what a rule put to them, given by the program that embeds the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.errors import MisuseError, did_you_mean
from governance.values import Json

if TYPE_CHECKING:
    from governance.engine.engine import Engine
    from governance.journal.records import Record


def approve(
    engine: Engine,
    session: str,
    ident: str,
    *,
    by: str,
    deny: bool,
    lasts_ms: int | None,
    reason: str,
) -> Record:
    """As `Engine.approve`."""
    now_ms = engine.clock.now_ms()
    state = engine._newest(session, now_ms)
    waiting = {one.id: one for one in state.ledger.open_approvals(now_ms)}
    if ident not in waiting:
        raise MisuseError(
            f"no open question of `{session}` has the id `{ident}`",
            code="GOV631",
            remedy=did_you_mean(ident, waiting)
            or "`Session.questions` has what waits; what has ended is asked again by the next call",
        )
    if lasts_ms is not None and (deny or lasts_ms <= 0):
        raise MisuseError(
            f"leave of {lasts_ms} ms" + (" goes with no refusal" if deny else " would be none"),
            code="GOV403",
        )
    data: dict[str, Json] = {
        "id": ident,
        "by": by,
        "decision": "denied" if deny else "granted",
    }
    if lasts_ms is not None:
        data["expires_at_ms"] = now_ms + lasts_ms
    if reason:
        data["reason"] = reason
    return engine.record(session, "approval.settled", data, actor=by)
