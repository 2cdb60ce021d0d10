"""
Calls that ran and were not let through as they ran: judged afterwards, for nothing undoes them.

A host may let other programs change a call after its hook here has answered, and tell only with
the outcome what it ran; or it may not heed a denial. What the rules would not have let run so is
written down, counted, told, and its output withheld where the host can.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import evolve

from governance._attrs import frozen
from governance.calls import ToolCall
from governance.rules.verdicts import Decision, RuleEvent
from governance.session import judging
from governance.session.arguments import bounded, fingerprint
from governance.session.draft import Draft, texts
from governance.session.state import DeniedCall, OpenCall
from governance.values import Json

Undecided = Literal["", "changed", "denied", "unasked"]
"""How a call that ran is none that was let through: its arguments are others, it was denied, or
nobody had asked."""

_TOLD: Mapping[str, str] = {
    "changed": "it ran all the same: its arguments were changed after they had been decided",
    "denied": "it ran all the same: it had been denied",
    "unasked": "it ran all the same: as it ran nobody had asked for leave",
}


@frozen
class Bypass:
    """
    A call that ran against the rules.

    Attributes:
        message: What the model is told of it.

        alarm: What a person is told of it.

        withholds: Whether its output is not for the model.
    """

    rules: tuple[str, ...]
    message: str
    alarm: str
    withholds: bool


def undecided(
    draft: Draft, call: ToolCall, outcome: str, held: OpenCall | None, denied: DeniedCall | None
) -> Undecided:
    """
    Whether and how *call*, which has an *outcome*, is not the one that was *held* open.

    That it was *denied* its id tells; all else only the arguments that the host tells.
    """
    if outcome not in ("ok", "failed") or draft.gathered.paused_reason:
        return ""
    if denied is not None:
        return "denied"
    if not draft.command.traits.reports_arguments:
        return ""
    if held is None:
        return "unasked"
    return "changed" if held.fingerprint and held.fingerprint != fingerprint(call) else ""


def judge(draft: Draft, call: ToolCall, facts: Mapping[str, object]) -> Decision:
    """What the rules say of *call*, as if it had been asked about; nothing without arguments."""
    if not draft.command.traits.reports_arguments:
        return Decision()
    event = RuleEvent("tool", judging.session_facts(draft) | dict(facts), call)
    return draft.law.rules.decide(event, judging.history(draft))


def settle(
    draft: Draft,
    call: ToolCall,
    how: Undecided,
    decision: Decision,
    *,
    intent: str,
    questioned: bool,
    denied: DeniedCall | None = None,
) -> Bypass | None:
    """
    Write down and count that *call* ran against *decision*; ``None`` where it did not.

    Args:
        questioned: A person was asked by the host, and saw the call that ran.

        denied: What denied it; the rules that counted it then do not count it again.
    """
    if denied is not None:
        return _settled(draft, call, how, decision, denied.rules, intent)
    if not _against(draft, how, decision, questioned=questioned):
        if decision.message:
            draft.notes.append(decision.message)
        return None
    return _settled(draft, call, how, decision, (), intent)


def _settled(
    draft: Draft,
    call: ToolCall,
    how: Undecided,
    decision: Decision,
    denying: tuple[str, ...],
    intent: str,
) -> Bypass:
    rules = tuple(dict.fromkeys((*(one.rule for one in decision.verdicts), *denying)))
    denied = how == "denied" and decision.action not in ("deny", "halt")
    action = "deny" if denied else decision.action
    message = "\n".join(text for text in (decision.message, _TOLD[how]) if text)
    data: dict[str, Json] = {
        "tool": call.tool,
        "native": call.native,
        "action": action,
        "rules": texts(rules),
        "message": message,
        "intent": intent,
        "why": how,
        "arguments": bounded(call.args),
    }
    if call.call_id:
        data["call_id"] = call.call_id
    draft.emit("guard.bypassed", data)
    counted = frozenset({"ask", "deny", "halt"})
    new = _uncounted(decision, denying) if denying else decision
    judging.count_violations(draft, new, intent=intent, actions=counted)
    alarm = f"governance: {call.native or call.tool}: {message}"
    return Bypass(rules, message, alarm, withholds=action != "rewrite")


def _uncounted(decision: Decision, denying: tuple[str, ...]) -> Decision:
    """*decision* without what counted as the call was denied: a question did not."""
    left = tuple(v for v in decision.verdicts if v.action == "ask" or v.rule not in denying)
    halts = any(verdict.action == "halt" for verdict in left)
    return evolve(decision, verdicts=left, action="halt" if halts else "deny")


def _against(draft: Draft, how: Undecided, decision: Decision, *, questioned: bool) -> bool:
    match decision.action:
        case "deny" | "halt":
            return True
        case "ask":
            # A call without a trace may be one that a person was asked about long ago; where
            # calls have no ids, each that was changed is without a trace.
            known = how == "changed" or not draft.command.traits.call_ids
            return known and not questioned
        case "rewrite":
            return True
        case _:
            return False
