"""Nobody works any more: the row that says so, and the children that it takes along."""

from __future__ import annotations

from governance.machine import Step
from governance.session.draft import Draft
from governance.values import Json


def interrupted(draft: Draft, step: Step, reason: str) -> None:
    """Nobody works any more; live children are interrupted in the same commit."""
    implied_end(draft, step)
    kind = "session.idle" if reason == "idle" else "session.interrupted"
    data: dict[str, Json] = {
        "reason": reason,
        "open_calls": [call.call_id for call in draft.state.open_calls],
        "stats": draft.state.metrics.as_json(),
    }
    if draft.state.last_work_at_ms is not None:
        data["idle_seconds"] = max(0, draft.at_ms - draft.state.last_work_at_ms) // 1000
    draft.emit(kind, data, step=step)
    interrupt_children(draft, f"parent_{reason}")


def implied_end(draft: Draft, step: Step) -> None:
    """The row of an open turn that another event than its own end has closed."""
    if "turn.ended" in step.emits and step.event != "turn_end":
        registers = draft.state.registers
        data: dict[str, Json] = {
            "turn": registers.turn,
            "stats": draft.state.metrics.as_json(),
            "implied": True,
        }
        # The registers change with the row of the event itself, in the same commit.
        draft.emit("turn.ended", data, durable=False)


def interrupt_children(draft: Draft, reason: str) -> None:
    """Mark the live children for an interruption in the same commit."""
    if draft.state.children:
        draft.interrupts = draft.state.children
        draft.interrupt_reason = reason
