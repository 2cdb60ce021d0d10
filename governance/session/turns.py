"""Turns of the user and commands: prompts judged, turns opened and closed."""

from __future__ import annotations

from attrs import evolve

from governance.machine import Step
from governance.session import judging
from governance.session.answering import REMARKS, allow, refusal_reply, remark, work
from governance.session.draft import Draft, texts
from governance.session.interruption import implied_end
from governance.session.lifecycle import turn_ended
from governance.session.outcomes import settle_open_calls
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
    if step.outcome in REMARKS:
        return remark(draft, step)
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
    settle_open_calls(draft)
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
    if step.outcome in REMARKS:
        return remark(draft, step)
    turn_ended(draft, step)
    return allow(draft)


def command(draft: Draft, step: Step) -> Reply:
    """A slash command: judged before it runs, recorded when it may."""
    if step.outcome in REMARKS:
        return remark(draft, step)
    data = draft.command.data
    name = str(data.get("name") or "")
    words = data.get("arguments")
    arguments = [str(one) for one in words] if isinstance(words, (list, tuple)) else []
    decision = judging.decide_on(draft, "command", {"command": name, "arguments": arguments})
    rules = tuple(verdict.rule for verdict in decision.verdicts)
    judging.count_violations(draft, decision, intent=f"command:{name}")
    if decision.action in ("ask", "deny", "halt"):
        draft.emit("event.refused", {"event": "command", "reasons": texts((decision.message,))})
        return refusal_reply(draft, (decision.message,), rules, decision.message)
    executed: dict[str, Json] = {
        "name": name,
        "arguments": texts(arguments),
        "source": str(data.get("source") or "user"),
    }
    draft.emit("command.executed", executed, step=step)
    if data.get("style"):
        draft.emit("style.changed", {"style": data["style"]}, durable=False)
    reply = allow(draft, decision.message, rules)
    if decision.action == "rewrite":
        return _rewritten(draft, decision.rewritten({"command": name}), reply)
    return reply


def _rewritten(draft: Draft, facts: dict[str, Json], reply: Reply) -> Reply:
    """A redirect: hosts that cannot take another command are told to refuse and name it."""
    wanted = str(facts.get("command") or "")
    if draft.command.traits.rewrites:
        return evolve(reply, action="rewrite", rewritten={"command": wanted})
    return evolve(reply, action="deny", message=f"{reply.message}\nrun instead: /{wanted}".strip())
