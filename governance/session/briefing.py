"""What the model is told, and when it counts as told."""

from __future__ import annotations

import attrs

from governance.context import Budget, Memory, render, render_compaction
from governance.machine import Circumstances, Step
from governance.session import judging
from governance.session.answering import allow, remark
from governance.session.draft import Draft, texts
from governance.session.replies import Injection, Reply
from governance.states import LIVE_STATES
from governance.values import Json

CARRIERS = frozenset({"start", "resume", "reset", "turn_start", "compact", "child_start"})
"""Events whose answer may carry a briefing; a denied tool call carries it as its message."""


def attach(draft: Draft, step: Step, reply: Reply) -> Reply:
    """
    *reply* with the text that the session is owed, if this answer can carry it.

    Where the answer itself is the delivery the briefing is recorded in the same step;
    where the adapter reports the flush it stays owed until then.
    """
    if step.event not in CARRIERS or reply.action not in ("allow", "warn", "rewrite"):
        return reply
    return _with_text(draft, reply)


def _with_text(draft: Draft, reply: Reply) -> Reply:
    command = draft.command
    if command.delivery == "none" or command.traits.inject == "none":
        return reply
    injection = owed_text(draft)
    if injection is None:
        return attrs.evolve(reply, state=draft.state.state, head=draft.state.head)
    if command.delivery == "answer":
        record(draft, injection)
    return attrs.evolve(reply, injection=injection, state=draft.state.state, head=draft.state.head)


def owed_text(draft: Draft) -> Injection | None:
    """
    The briefing that the session is owed, or ``None``.

    A project without any block has nothing to say: its session counts as briefed at
    once, for otherwise no tool could ever run.
    """
    state = draft.state
    if not state.registers.owed or state.state not in LIVE_STATES:
        return None
    injection = _render(draft)
    if injection is None:
        empty = Injection("", "", "briefing", (), rendered_at=state.head)
        record(draft, empty)
    return injection


def _render(draft: Draft) -> Injection | None:
    state = draft.state
    return render(
        draft.law.rules.contexts,
        owed=state.registers.owed,
        facts=judging.session_facts(draft),
        memory=memory(draft),
        budget=_budget(draft),
        rendered_at=state.head,
    )


def _budget(draft: Draft) -> Budget:
    """The project's budget, as far as this host can take it."""
    budget, traits = draft.law.settings.budget, draft.command.traits
    limit = traits.inject_chars_max
    characters = budget.characters_max if limit is None else min(limit, budget.characters_max)
    per_token = traits.characters_per_token
    return attrs.evolve(budget, characters_max=characters, characters_per_token=per_token)


def memory(draft: Draft) -> Memory:
    """What notices speak of, as the session has it now."""
    state = draft.state
    return Memory(
        gap_ms=draft.gap_ms,
        stale=state.registers.stale,
        turn=state.registers.turn,
        role=state.identity.role,
        task=state.task,
        open_calls=tuple(call.intent or call.tool for call in state.open_calls),
        approvals=tuple(one.summary for one in state.ledger.open_approvals(draft.at_ms)),
        counts=state.ledger.counts,
        anchors=state.anchors,
        recent=tuple(line for line in state.recent.split("\n") if line),
        language=state.identity.language,
        document_language=state.identity.document_language,
        now_ms=draft.at_ms,
    )


def record(draft: Draft, injection: Injection) -> None:
    """The row of a briefing that reached the model, and the move it makes."""
    circumstances = Circumstances(
        rendered_current=injection.rendered_at >= draft.state.moved_at,
        carries_text=True,
        inject=draft.command.traits.inject,
    )
    run = draft.law.machine.run(draft.state.registers, "brief", circumstances)
    for step in run.steps:
        if step.outcome in ("move", "stay"):
            draft.emit("governance.injected", injected(draft, injection), step=step)


def injected(draft: Draft, injection: Injection) -> dict[str, Json]:
    """Own fields of ``governance.injected``."""
    return {
        "blocks": texts(injection.blocks),
        "characters": len(injection.text),
        "sha256": injection.sha256,
        "why": injection.why,
        "packs": draft.law.rules.hash[:16],
    }


def brief(draft: Draft, step: Step) -> Reply:
    """The adapter reports that a rendered text was flushed to the model."""
    data = draft.command.data
    if step.outcome not in ("move", "stay"):
        return remark(draft, step)
    if step.outcome == "stay" and step.before == step.after and not data.get("refresh"):
        why = "outdated: the session moved after it was rendered"
        if data.get("sha256") == draft.state.briefed_sha256:
            why = "the same text was reported before"
        draft.emit("event.duplicate", {"event": "brief", "why": why}, durable=False)
        return allow(draft)
    fields = {name: data[name] for name in ("blocks", "characters", "sha256", "why")}
    fields["packs"] = draft.law.rules.hash[:16]
    draft.emit("governance.injected", fields, step=step)
    return allow(draft)


def compacting(draft: Draft, step: Step) -> Reply:
    """What the host's own compaction should keep, where the host has a place for it."""
    text = render_compaction(
        draft.law.rules.contexts,
        facts=judging.session_facts(draft),
        memory=memory(draft),
        budget=_budget(draft),
    )
    written = draft.command.data.get("context")
    if isinstance(written, str) and written:
        text = f"{text}\n{written}" if text else written
    data = {"trigger": str(draft.command.data.get("trigger") or "unknown")}
    draft.emit("session.compacting", data, step=step, durable=False)
    return allow(draft, text)
