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
from governance.session.replies import Reply
from governance.values import Json

PROMPT_CHARS_MAX = 4000
"""Characters of a prompt that stand in the journal with its turn."""


def turn_start(draft: Draft, step: Step) -> Reply:
    """
    The user speaks, or the host goes on by itself.

    A prompt that a rule denies starts no turn; the briefing stays owed.
    """
    if step.outcome in REMARKS:
        return remark(draft, step)
    data = draft.command.data
    prompt = str(data.get("prompt") or "")
    source = str(data.get("prompt_source") or "user")
    if draft.law.rules.has("prompt") and not draft.gathered.paused_reason:
        facts: dict[str, object] = {"prompt": prompt, "prompt_source": source}
        decision = judging.decide_on(draft, "prompt", facts)
        rules = tuple(verdict.rule for verdict in decision.verdicts)
        if decision.action in ("ask", "deny", "halt"):
            reasons = (decision.message,)
            draft.emit("event.refused", {"event": "turn_start", "reasons": texts(reasons)})
            judging.count_violations(draft, decision, intent="prompt")
            return refusal_reply(draft, reasons, rules, decision.message)
        _started(draft, step, prompt, source)
        judging.count_violations(draft, decision, intent="prompt")
        return allow(draft, decision.message, rules)
    _started(draft, step, prompt, source)
    return allow(draft)


def _started(draft: Draft, step: Step, prompt: str, source: str) -> None:
    settle_open_calls(draft)
    implied_end(draft, step)
    first = draft.state.registers.turn == 0
    data: dict[str, Json] = {"turn": step.after.turn, "prompt_source": source}
    if prompt:
        data["prompt"] = prompt[:PROMPT_CHARS_MAX]
        data["prompt_characters"] = len(prompt)
    draft.emit("turn.started", data, to=work(draft), step=step)
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
