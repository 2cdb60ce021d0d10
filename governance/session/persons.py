"""What a person decides outside the machine: leave, pardons, anchors, pauses."""

from __future__ import annotations

from collections.abc import Mapping

from governance.session import judging
from governance.session.draft import Draft
from governance.values import Json


def person_said(draft: Draft, kind: str, data: Mapping[str, Json]) -> None:
    """
    The rows of a person's word.

    A question that is answered with no is a violation of every rule that asked, counted
    with all that follows from it: an ask that was refused.
    """
    asked = draft.state.ledger.approval(str(data.get("id") or ""))
    draft.emit(kind, data)
    if kind != "approval.settled" or data.get("decision") != "denied" or asked is None:
        return
    call = next((one for one in draft.state.open_calls if one.approval == asked.id), None)
    intent = call.intent if call is not None else asked.summary.partition(": ")[2]
    judging.charge(draft, asked, intent)
