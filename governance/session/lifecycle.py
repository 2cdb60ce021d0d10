"""Starts, interruptions, resumes, resets, ends, compactions and sub-sessions as rows."""

from __future__ import annotations

from typing import Literal

from attrs import evolve

from governance.ledger import damage
from governance.machine import Refusal, Run, Step
from governance.machine.predicates import PREDICATES
from governance.rules.verdicts import Decision, RuleEvent
from governance.session import judging, tools
from governance.session.answering import allow, born_as, refusal_reply, work
from governance.session.draft import Draft, texts
from governance.session.interruption import implied_end, interrupt_children, interrupted
from governance.session.replies import Reply
from governance.states import State
from governance.values import Json

Beside = Literal["transition", "session"]
"""What rules are asked about beside the event itself."""

NOTHING_SAID = Decision()


def record_implied(draft: Draft, step: Step) -> None:
    """The rows of a step that had to come first: an adoption, an interrupt, a resume."""
    match step.event:
        case "start":
            _created(draft, step, adopted=draft.command.event != "start")
        case "interrupt":
            interrupted(draft, step, "process_gone")
        case "resume":
            resumed(draft, step)
        case _:
            # INVARIANT: the machine's table puts nothing else before another event.
            raise AssertionError(f"`{step.event}` cannot come first")


def finish(draft: Draft, step: Step) -> Reply:
    """The rows and the answer of a lifecycle event."""
    if step.reasons:
        # A halted session is not begun or resumed: that it was tried is all there is to tell.
        reasons = _reasons(draft, step.reasons)
        refused: dict[str, Json] = {"event": step.event, "reasons": texts(reasons)}
        draft.emit("event.refused", refused, step=step)
        return refusal_reply(draft, reasons)
    match step.event:
        case "start":
            return _start(draft, step)
        case "resume":
            resumed(draft, step)
        case "reset" if step.outcome == "stay":
            pass  # a session that nobody knew has begun just now, and there is nothing to clear
        case "reset":
            implied_end(draft, step)
            _reset(draft, step, "reset")
            interrupt_children(draft, "parent_reset")
        case "interrupt":
            interrupted(draft, step, str(draft.command.data.get("reason") or "interrupted"))
        case "end":
            _end(draft, step)
        case "compact":
            _compacted(draft, step)
        case "lapse":
            why = draft.command.data.get("why") or "not_delivered"
            draft.emit("governance.lapsed", {"why": why}, step=step)
        case "child_start":
            data = draft.command.data
            draft.emit(
                "child.started",
                {"child_id": data["child_id"], "role": data.get("role") or ""},
                to=work(draft),
                step=step,
            )
        case "child_end":
            _child_ended(draft, step)
        case _:
            raise AssertionError(f"`{step.event}` has its own room")
    return allow(draft)


def refuse(draft: Draft, refusal: Refusal, rules: tuple[str, ...] = ()) -> Reply:
    """The machine, a guard or *rules* say no: a row with the reasons, and an answer with them."""
    call, reasons = draft.command.call, _reasons(draft, refusal.reasons)
    if refusal.event == "tool_before" and call is not None:
        return tools.refuse_call(draft, call, reasons, rules)
    data: dict[str, Json] = {"event": refusal.event, "reasons": texts(reasons)}
    draft.emit("event.refused", data)
    return refusal_reply(draft, reasons, rules)


def _reasons(draft: Draft, reasons: tuple[str, ...]) -> tuple[str, ...]:
    """*reasons*, and before them what is lost of the journal: a pardon would not help there."""
    lost = damage(draft.state.ledger)
    if not lost:
        return reasons
    return (lost, *(one for one in reasons if one != PREDICATES["not_halted"].refusal))


def refuse_by_listener(draft: Draft, step: Step) -> Reply:
    """A *before* listener says no: as a refusal of the machine, with its reasons."""
    refusal = Refusal(step.event, draft.state.state, draft.command.refused)
    return refuse(draft, refusal)


def transition_rules(draft: Draft, run: Run) -> Decision:
    """
    What rules with ``on = "transition"`` say of the asked event that *run* is about.

    They see where it leads from where the session stands, what has to come first included:
    of what they refuse nothing happens, so that it is refused the next time as well.
    """
    event = draft.command.event
    facts = judging.session_facts(draft) | {
        "event": event,
        "from": str(draft.state.state),
        "to": str(run.after(draft.state.registers).state),
        "reason": str(draft.command.data.get("reason") or ""),
    }
    if draft.gap_ms is not None:
        facts["gap_seconds"] = max(0, draft.gap_ms) // 1000
    return draft.law.rules.decide(RuleEvent("transition", facts), judging.history(draft))


def session_rules(draft: Draft) -> Decision:
    """What rules with ``on = "session"`` say of the session that the command would begin."""
    if draft.gathered.paused_reason:
        return NOTHING_SAID
    return judging.decide_on(draft, "session", judging.model_facts(draft))


def refuse_by_rules(draft: Draft, on: Beside, decision: Decision) -> Reply:
    """The refusal of *decision*; a session that is not begun has nobody whose violation it is."""
    event = draft.command.event
    refusal = Refusal(event, draft.state.state, (decision.message,))
    reply = refuse(draft, refusal, tuple(verdict.rule for verdict in decision.verdicts))
    judging.note_shadows(draft, on, decision)
    if on == "transition":
        judging.count_violations(draft, decision, intent=f"transition:{event}")
    return evolve(reply, head=draft.state.head, counts=draft.state.ledger.counts)


def also_said(draft: Draft, on: Beside, decision: Decision, reply: Reply) -> Reply:
    """*reply*, and beside it what *decision* says of what its event has brought along."""
    judging.note_shadows(draft, on, decision)
    action, message, rules = reply.action, reply.message, reply.rules
    if decision.action == "warn":
        if on == "transition":
            judging.count_violations(draft, decision, intent=f"transition:{reply.event}")
        if reply.event == "tool_before" and action == "allow":
            action = "warn"
        message = f"{decision.message}\n{message}".strip()
        rules = tuple(dict.fromkeys((*(one.rule for one in decision.verdicts), *rules)))
    state = draft.state
    return evolve(
        reply,
        action=action,
        message=message,
        rules=rules,
        head=state.head,
        counts=state.ledger.counts,
    )


def _start(draft: Draft, step: Step) -> Reply:
    if step.before.state is not State.ABSENT:
        return allow(draft)
    decision = session_rules(draft)
    if decision.action in ("ask", "deny", "halt"):
        return refuse_by_rules(draft, "session", decision)
    rewritten = judging.rewritten_model(draft, decision)
    _created(draft, step, adopted=False, options=rewritten["model_options"])
    judging.note_shadows(draft, "session", decision)
    if decision.rewrites or draft.command.written:
        return Reply(
            event="start",
            action="rewrite",
            state=draft.state.state,
            message=decision.message,
            rules=tuple(verdict.rule for verdict in decision.verdicts),
            rewritten=rewritten,
            head=draft.state.head,
            counts=draft.state.ledger.counts,
        )
    return allow(draft, decision.message, tuple(v.rule for v in decision.verdicts))


def _created(draft: Draft, step: Step, *, adopted: bool, options: Json = None) -> None:
    command, settings = draft.command, draft.law.settings
    data = command.data
    role, depth, above = born_as(draft)
    language = str(data.get("language") or settings.language)
    documents = str(data.get("document_language") or settings.document_language or language)
    identity: dict[str, Json] = {
        "host": command.host,
        "role": role,
        "agent": command.agent,
        "model_id": str(data.get("model_id") or ""),
        "language": language,
        "document_language": documents,
        "phase": str(data.get("phase") or settings.phase),
        "style": str(data.get("style") or settings.style),
        "predecessor": str(data.get("predecessor") or ""),
    }
    if command.parent:
        identity["parent"] = command.parent
        identity["depth"] = depth
        if draft.gathered.parent is not None:
            identity["parent_roles"] = [*above]
    if data.get("fields"):
        identity["fields"] = data["fields"]
    created: dict[str, Json] = {
        "model_id": identity["model_id"],
        "context": str(data.get("context_type") or ""),
        "language": {"communication": language, "documents": documents},
        "phase": identity["phase"],
        "style": identity["style"],
        "adopted": adopted,
    }
    told = {
        "backend_name": data.get("backend_name"),
        "model_options": options,
        "source": data.get("source"),
    }
    created |= {name: value for name, value in told.items() if value}
    before = draft.gathered.predecessor
    if before is not None:
        created["carried"] = before.ledger.carry()
    if identity["predecessor"]:
        created["predecessor"] = identity["predecessor"]
    to = work(draft) | {"identity": identity}
    draft.emit("session.created", created, to=to, step=step)


def resumed(draft: Draft, step: Step) -> None:
    """Work goes on after a gap, or starts anew when the gap was too long."""
    if step.after.epoch > step.before.epoch:
        _reset(draft, step, "gap")
        return
    data: dict[str, Json] = {
        "stale": step.after.stale,
        "from": "end" if step.before.state is State.ENDED else "interrupt",
        "previous_state": str(step.before.left or step.before.state),
    }
    if draft.gap_ms is not None:
        data["gap_seconds"] = max(0, draft.gap_ms) / 1000
    draft.emit("session.resumed", data, to=work(draft), step=step)


def _reset(draft: Draft, step: Step, cause: str) -> None:
    data: dict[str, Json] = {"epoch": step.after.epoch, "cause": cause}
    draft.emit("session.reset", data, to=work(draft), step=step)


def _end(draft: Draft, step: Step) -> None:
    implied_end(draft, step)
    data: dict[str, Json] = {
        "reason": str(draft.command.data.get("reason") or "ended"),
        "stats": draft.state.metrics.as_json(),
    }
    if draft.command.data.get("exception"):
        data["exception"] = str(draft.command.data["exception"])
    draft.emit("session.ended", data, step=step)
    interrupt_children(draft, "parent_ended")


def _compacted(draft: Draft, step: Step) -> None:
    given = draft.command.data
    data: dict[str, Json] = {
        "trigger": str(given.get("trigger") or "unknown"),
        "compaction_count": draft.state.metrics.compactions + 1,
    }
    size = given.get("context_size_tokens")
    if size is None:
        size = draft.state.usage.as_json().get("context_tokens")
    told = {"context_size_tokens": size, "summary": given.get("summary")}
    data |= {name: value for name, value in told.items() if value is not None}
    draft.emit("session.compacted", data, step=step)


def turn_ended(draft: Draft, step: Step) -> None:
    """The model stopped."""
    data: dict[str, Json] = {
        "turn": draft.state.registers.turn,
        "stats": draft.state.metrics.as_json(),
    }
    if draft.command.data.get("failure"):
        data["failure"] = draft.command.data["failure"]
    draft.emit("turn.ended", data, step=step, durable=False)


def _child_ended(draft: Draft, step: Step) -> None:
    data = draft.command.data
    child = draft.gathered.child
    stats: dict[str, Json] = {}
    if child is not None:
        stats |= child.metrics.rolled_up()
    draft.emit("child.ended", {"child_id": data["child_id"], "stats": stats}, step=step)
