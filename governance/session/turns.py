"""Turns of the user: prompts judged, turns opened and closed."""

from __future__ import annotations

from governance.machine import Step
from governance.session import judging
from governance.session.answering import allow, refusal_reply, work
from governance.session.draft import Draft, texts
from governance.session.interruption import implied_end
from governance.session.lifecycle import turn_ended
from governance.session.remembering import TURN_BEGAN, Seen, decided
from governance.session.replies import Reply
from governance.values import Json

PROMPT_CHARS_MAX = 4000
"""Characters of a prompt that stand in the journal with its turn."""


def turn_start(draft: Draft, step: Step) -> Reply:
    """
    The user speaks, or the host goes on by itself.

    A prompt that a rule denies starts no turn; the briefing stays owed. Only the user's own
    word begins a turn anew for rules that look back.
    """
    data = draft.command.data
    prompt = str(data.get("prompt") or "")
    source = str(data.get("prompt_source") or "user")
    begins = TURN_BEGAN if source == "user" else 0
    rules, paused = draft.law.rules, bool(draft.gathered.paused_reason)
    if not rules.has("prompt") and rules.watch is None:
        _started(draft, step, prompt, source, Seen(begins=begins))
        return allow(draft)
    event = judging.event_on(draft, "prompt", {"prompt": prompt, "prompt_source": source})
    if paused or not rules.has("prompt"):
        seen = decided(rules.watch, draft.state, event, "allow", begins)
        _started(draft, step, prompt, source, seen)
        return allow(draft)
    decision = rules.decide(event, judging.history(draft, begins=begins))
    names = tuple(verdict.rule for verdict in decision.verdicts)
    judging.note_shadows(draft, "prompt", decision)
    if decision.action in ("ask", "deny", "halt"):
        reasons = (decision.message,)
        refused = {"event": "turn_start", "reasons": texts(reasons)}
        seen = decided(rules.watch, draft.state, event, "deny")
        draft.emit("event.refused", refused, seen=seen)
        judging.count_violations(draft, decision, intent="prompt")
        return refusal_reply(draft, reasons, names, decision.message)
    seen = decided(rules.watch, draft.state, event, decision.action, begins)
    _started(draft, step, prompt, source, seen, decision.labels)
    judging.count_violations(draft, decision, intent="prompt")
    return allow(draft, decision.message, names)


def _started(
    draft: Draft,
    step: Step,
    prompt: str,
    source: str,
    seen: Seen,
    labels: tuple[str, ...] = (),
) -> None:
    implied_end(draft, step)
    first = draft.state.registers.turn == 0
    data: dict[str, Json] = {"turn": step.after.turn, "prompt_source": source}
    if prompt:
        data["prompt"] = prompt[:PROMPT_CHARS_MAX]
        data["prompt_characters"] = len(prompt)
    if labels:
        data["labels"] = texts(labels)
    draft.emit("turn.started", data, to=work(draft), step=step, seen=seen)
    if first:
        draft.emit("session.started", {"source": source}, durable=False)


def turn_end(draft: Draft, step: Step) -> Reply:
    """The model has stopped. It never asks for a briefing: text would go on with the turn."""
    turn_ended(draft, step)
    return allow(draft)
