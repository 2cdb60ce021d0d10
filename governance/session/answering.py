"""The answers of one step, and what every row of work sets."""

from __future__ import annotations

from collections.abc import Mapping

from governance.machine import Step
from governance.session.draft import Draft
from governance.session.replies import Reply
from governance.states import State
from governance.values import Json

REMARKS: Mapping[str, str] = {
    "late": "event.late",
    "duplicate": "event.duplicate",
    "unmatched": "event.unmatched",
    "outdated": "event.late",
}
"""Outcomes of the machine that say that an event did nothing → the row that says so."""


def work(draft: Draft) -> dict[str, Json]:
    """What every row of work sets: the clock of the gap, the process, and a new role."""
    command = draft.command
    to: dict[str, Json] = {"last_work_at_ms": draft.at_ms}
    if command.run and command.run != draft.state.run:
        to["run"] = command.run
    role = role_of(draft)
    if role and role != draft.state.identity.role and draft.state.state is not State.ABSENT:
        to["identity"] = {"role": role, "agent": command.agent}
    return to


def role_of(draft: Draft) -> str:
    """
    The role that the command names, by itself or by the host's structured agent name.

    ``""`` where it names none, or an agent that nobody has mapped: what is known of a session
    already stays, and a new one has its parent's role, else the agent's name as a role that
    no pack knows (``unknown_role``).
    """
    command = draft.command
    if command.role is not None:
        return command.role
    if not command.agent:
        return ""
    mapped = draft.law.settings.host(command.host).roles.get(command.agent)
    return mapped or draft.law.rules.role_of_agent(command.agent) or ""


def born_as(draft: Draft) -> tuple[str, int, tuple[str, ...]]:
    """
    Role, depth and the roles above of the session that the command would begin.

    An agent that nobody has mapped has its parent's role, else none that is known.
    """
    command, parent = draft.command, draft.gathered.parent
    role = role_of(draft) or (parent.identity.role if parent else "") or command.agent
    if not command.parent:
        return role, 0, ()
    if parent is None:
        return role, 1, ()
    above = (parent.identity.role, *parent.identity.parent_roles)
    return role, parent.identity.depth + 1, tuple(one for one in above if one)


def allow(draft: Draft, message: str = "", rules: tuple[str, ...] = ()) -> Reply:
    """The answer that lets the event be."""
    return Reply(
        event=draft.command.event,
        action="allow",
        state=draft.state.state,
        message=message,
        rules=rules,
        head=draft.state.head,
        counts=draft.state.ledger.counts,
    )


def remark(draft: Draft, step: Step) -> Reply:
    """An event that does nothing any more is recorded as what it is."""
    why = "; ".join(step.reasons) or f"in {step.before.state}"
    draft.emit(REMARKS[step.outcome], {"event": step.event, "why": why}, durable=False)
    return allow(draft)


def refusal_reply(
    draft: Draft, reasons: tuple[str, ...], rules: tuple[str, ...] = (), message: str = ""
) -> Reply:
    """A deny with its reasons."""
    return Reply(
        event=draft.command.event,
        action="deny",
        state=draft.state.state,
        message=message or "; ".join(reasons),
        rules=rules,
        reasons=reasons,
        head=draft.state.head,
        counts=draft.state.ledger.counts,
    )
