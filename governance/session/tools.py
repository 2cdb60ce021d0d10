"""The moment before a tool runs: everything that has a say, and the one answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from attrs import evolve

from governance._attrs import frozen
from governance.calls import ToolCall, content_id
from governance.ledger import approval_key, find_approval
from governance.machine import Step
from governance.rules.deferred import fact_of, text_of
from governance.rules.facts import facts_of_call
from governance.rules.matchers import REAL_PATHS
from governance.rules.rewriting import rewrite_call
from governance.rules.verdicts import Decision, RuleEvent
from governance.session import briefing, judging, outcomes
from governance.session.answering import allow, work
from governance.session.arguments import bounded, fingerprint
from governance.session.draft import Draft, texts
from governance.session.remembering import NOTHING_SEEN, Seen, decided
from governance.session.replies import ACTIONS, Action, Injection, Reply
from governance.values import Json, dump_json

WRITING_TOOLS = frozenset({"write", "edit", "delete", "shell", "other"})
"""Tools that may change something, for the question that a stale session asks first."""


@frozen
class Floor:
    """An action that something other than a rule demands at least."""

    action: Action
    rule: str
    message: str


@frozen(kw_only=True)
class Judgement:
    """What rules, ledger, machine and host together make of one call."""

    action: Action
    rules: tuple[str, ...]
    message: str
    call: ToolCall
    facts: Mapping[str, object]
    decision: Decision
    rewritten: bool = False
    approval: str = ""
    stale: bool = False


def tool_before(draft: Draft, step: Step) -> Reply:
    """
    Decide one tool call.

    A session that is owed its briefing gets it as the message of a deny, for nothing can
    reach the model before the tool runs; a project with nothing to say goes on by rules.
    """
    call = draft.command.call
    # INVARIANT: adapters give every tool event its call.
    assert call is not None, "`tool_before` needs a call"
    if draft.gathered.paused_reason:
        return _let_through_paused(draft, call)
    if step.outcome == "brief_instead":
        injection = briefing.owed_text(draft)
        if injection is not None:
            return _brief_instead(draft, call, injection)
    judgement = _judge(draft, call, _floors(draft, call, step))
    judgement = _ask_terms(draft, judgement)
    _record(draft, judgement)
    judging.count_violations(draft, judgement.decision, intent=text_of(judgement.facts, "intent"))
    if judgement.action in ("allow", "warn", "rewrite", "ask"):
        outcomes.report_stalls(draft)
    return _reply(draft, judgement)


def refuse_call(
    draft: Draft, call: ToolCall, reasons: tuple[str, ...], rules: tuple[str, ...] = ()
) -> Reply:
    """A call that the machine, a guard or *rules* on transitions refuse, before others look."""
    message = "; ".join(reasons)
    facts = facts_of_call(call, draft.law.places)
    data = _decided(call, facts, "deny", rules, message)
    draft.emit("tool.decided", data, seen=_seen(draft, call, facts, "deny"))
    return Reply(
        event="tool_before",
        action="deny",
        state=draft.state.state,
        message=message,
        rules=rules,
        reasons=reasons,
        head=draft.state.head,
        counts=draft.state.ledger.counts,
    )


def _let_through_paused(draft: Draft, call: ToolCall) -> Reply:
    facts = facts_of_call(call, draft.law.places)
    data = _decided(call, facts, "allow", (), f"paused: {draft.gathered.paused_reason}")
    data |= {"open": True, "paused": True}
    seen = _seen(draft, call, facts, "allow")
    draft.emit("tool.decided", data, to=work(draft), step=draft.step, seen=seen)
    return allow(draft)


def _brief_instead(draft: Draft, call: ToolCall, injection: Injection) -> Reply:
    """The denied call carries the briefing; the model reads it and tries again."""
    facts = facts_of_call(call, draft.law.places)
    rules = ("session.unbriefed",)
    message = f"{injection.text}\n\nThe call was not run: read the above, then make it again."
    data = _decided(call, facts, "deny", rules, "the model was not briefed")
    seen = _seen(draft, call, facts, "deny")
    draft.emit("tool.decided", data, to=work(draft), step=draft.step, seen=seen)
    if draft.command.delivery == "answer":
        briefing.record(draft, injection)
    return Reply(
        event="tool_before",
        action="deny",
        state=draft.state.state,
        message=message,
        rules=rules,
        injection=injection,
        head=draft.state.head,
        counts=draft.state.ledger.counts,
    )


_SUBJECTS: Mapping[str, str] = {
    "shell": "command",
    "read": "path",
    "write": "path",
    "edit": "path",
    "delete": "path",
    "fetch": "url",
}
"""The fact of each tool without which no rule that looks at it has anything to look at."""


def _floors(draft: Draft, call: ToolCall, step: Step | None) -> list[Floor]:
    """What machine, ledger and configuration demand besides the rules."""
    floors: list[Floor] = []
    match step.outcome if step is not None else None:
        case "unbriefed_ask" | "unbriefed_deny" as outcome:
            action: Action = "ask" if outcome == "unbriefed_ask" else "deny"
            text = "the model was not briefed and this host cannot brief it"
            floors.append(Floor(action, "session.unbriefed", text))
        case "after_end_ask" | "after_end_deny" as outcome:
            action = "ask" if outcome == "after_end_ask" else "deny"
            floors.append(Floor(action, "session.after-end", "the session has ended"))
        case _:
            pass
    subject = _SUBJECTS.get(call.tool)
    if call.tool == "other" or (subject is not None and subject not in call.own):
        known = draft.law.settings.host(draft.command.host).unknown_tool
        if known != "allow":
            what = f"the {subject} of the tool" if subject else "the tool"
            text = f"{what} `{call.native or call.tool}` is not known here"
            floors.append(Floor(known, "session.unknown-tool", text))
    if draft.state.registers.stale and call.tool in WRITING_TOOLS:
        text = "the session was away for long; make sure that this still applies"
        floors.append(Floor("ask", "session.stale", text))
    steps: dict[str, Floor] = {}
    for held in draft.steps:
        # What a child did may have brought one step to it and to all above it: said once.
        if draft.law.rules.tool_is_in(call.tool, held.tools):
            floor = Floor(cast("Action", held.action), held.id, held.message)
            other = steps.setdefault(held.id, floor)
            if _stricter(other.action, floor.action) != other.action:
                steps[held.id] = floor
    return [*floors, *steps.values()]


def _judge(draft: Draft, call: ToolCall, floors: list[Floor]) -> Judgement:
    facts = facts_of_call(call, draft.law.places)
    decision = _decide(draft, call, facts)
    rules = [verdict.rule for verdict in decision.verdicts]
    rewritten = draft.command.rewritten
    action, message = decision.action, decision.message
    if decision.rewrites and action in ("warn", "rewrite", "ask"):
        first = decision
        call = rewrite_call(call, decision.rewrites)
        facts = facts_of_call(call, draft.law.places)
        decision = _decide(draft, call, facts)
        again = bool(decision.rewrites)
        rewritten = True
        rules += [v.rule for v in decision.verdicts if v.rule not in rules]
        message = "\n".join(dict.fromkeys(t for t in (first.message, decision.message) if t))
        action = _stricter(first.action, decision.action)
        if first.action == action != decision.action:
            # The question, or the warning, was about the call as it will now run.
            first, decision = decision, first
        decision = _joined(decision, first)
        if again:
            action, message = "deny", "the call would be rewritten again; write it as it should be"
    if rewritten and action in ("allow", "warn"):
        action = "rewrite"
    for floor in floors:
        rules.append(floor.rule)
        action = _stricter(action, floor.action)
        message = f"{message}\n{floor.message}".strip()
    if rewritten and action in ("rewrite", "ask") and not draft.command.traits.rewrites:
        # Leave for it would be leave for a call that cannot run: the other one asks for its own.
        action, message = "deny", _instead(message, call)
    stale = any(floor.rule == "session.stale" for floor in floors)
    return Judgement(
        action=action,
        rules=tuple(rules),
        message=message,
        call=call,
        facts=facts,
        decision=decision,
        rewritten=rewritten,
        stale=stale,
    )


def _joined(decision: Decision, other: Decision) -> Decision:
    """*decision* with what only *other* met: of a call that was changed both count, once each."""
    known = {verdict.rule for verdict in decision.verdicts}
    return evolve(
        decision,
        verdicts=(
            *decision.verdicts,
            *(verdict for verdict in other.verdicts if verdict.rule not in known),
        ),
        labels=tuple(dict.fromkeys((*decision.labels, *other.labels))),
    )


def _instead(message: str, call: ToolCall) -> str:
    """*message* with *call* as the one to make, where it cannot be put in another's place."""
    wanted = dump_json(dict(call.args)).decode()
    return f"{message}\nmake this call instead: {call.native or call.tool} {wanted}".strip()


def _stricter(one: Action, other: Action) -> Action:
    return one if ACTIONS.index(one) >= ACTIONS.index(other) else other


def _decide(draft: Draft, call: ToolCall, facts: Mapping[str, object]) -> Decision:
    def refuses(instead: ToolCall) -> bool:
        held = _floors(draft, instead, draft.step)
        return any(floor.action in ("deny", "halt") for floor in held)

    event = _event(draft, call, facts)
    return draft.law.rules.decide(event, judging.history(draft), refuses=refuses)


def _event(draft: Draft, call: ToolCall, facts: Mapping[str, object]) -> RuleEvent:
    return RuleEvent("tool", judging.session_facts(draft) | dict(facts), call)


def _seen(draft: Draft, call: ToolCall, facts: Mapping[str, object], action: str) -> Seen:
    """What the session remembers of *call*, decided so."""
    watch = draft.law.rules.watch
    if watch is None:
        return NOTHING_SEEN
    return decided(watch, draft.state, _event(draft, call, facts), action)


def _ask_terms(draft: Draft, judgement: Judgement) -> Judgement:
    """An approval that was given is used up; else the question is put, or the call denied."""
    if judgement.action != "ask":
        return judgement
    ledger, terms, facts = draft.state.ledger, judgement.decision.ask, judgement.facts
    intent = text_of(facts, "intent")
    key = approval_key(
        draft.state.id,
        judgement.call.tool,
        dict(judgement.call.args or judgement.call.own),
        (*_paths(facts), *_targets(facts)),
        judgement.rules,
        draft.law.rules.hash,
        native=judgement.call.native,
        folder=judgement.call.cwd or draft.law.places.project,
        intent=intent if terms.scope == "intent" else None,
    )
    granted = find_approval(ledger, key, draft.at_ms)
    if granted is not None:
        draft.emit("approval.settled", {"id": granted.id, "by": "rules", "decision": "used"})
        action: Action = "rewrite" if judgement.rewritten else "allow"
        return evolve(judgement, action=action, approval=granted.id)
    ident = key[:12]
    if not any(one.key == key for one in ledger.open_approvals(draft.at_ms)):
        question: dict[str, Json] = {
            "id": ident,
            "key": key,
            "action": f"{judgement.call.tool}: {intent or judgement.call.native}",
            "summary": f"{judgement.call.tool}: {intent or judgement.call.native}",
            "rules": texts(judgement.rules),
            "expires_at_ms": draft.at_ms + terms.expires_seconds * 1000,
            "uses": terms.uses,
            "scope": terms.scope,
        }
        charges = _charges(judgement.decision)
        if charges:
            question["charges"] = charges
        draft.emit("approval.asked", question)
    message = judgement.message
    if draft.command.traits.asks:
        if not judgement.rewritten:
            return evolve(judgement, approval=ident)
        # Whoever says yes to the host says it to the call as it stands there: that one would run.
        message = _instead(message, judgement.call)
    message = f"{message}\na person can allow it: governance approve {ident}".strip()
    return evolve(judgement, action="deny", message=message)


def _charges(decision: Decision) -> dict[str, Json]:
    """What a no is counted as: what asked without being a rule is broken by nobody."""
    asking = (one for one in decision.verdicts if one.action == "ask")
    return {one.rule: judging.severity_of(one) for one in asking}


def _paths(facts: Mapping[str, object]) -> tuple[str, ...]:
    found: list[str] = []
    for name in ("path", "reads", "writes"):
        value = fact_of(facts, name)
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += [str(one) for one in value]
    return tuple(dict.fromkeys(found))


def _targets(facts: Mapping[str, object]) -> tuple[str, ...]:
    """Where links in the call's paths lead: a link turned elsewhere makes another call."""
    real = facts.get(REAL_PATHS)
    return tuple(str(one) for one in real.values()) if isinstance(real, Mapping) else ()


def _record(draft: Draft, judgement: Judgement) -> None:
    data = _decided(
        judgement.call,
        judgement.facts,
        judgement.action,
        judgement.rules,
        judgement.message,
    )
    if judgement.action in ("allow", "warn", "rewrite", "ask"):
        data["open"] = True
        if judgement.decision.labels:
            # A person may still refuse it; without an id nothing would tell that they did not.
            waits = judgement.action == "ask" and bool(judgement.call.call_id)
            data["pending_labels" if waits else "labels"] = texts(judgement.decision.labels)
        if judgement.call.tool in outcomes.FILE_OPERATIONS:
            data["paths"] = texts(_paths(judgement.facts))
        if judgement.call.tool == "delegate":
            data["delegate"] = str(judgement.call.own.get("agent") or "")
        traits = draft.command.traits
        if traits.reports_arguments and traits.call_ids and judgement.call.call_id:
            data["fingerprint"] = fingerprint(judgement.call)
    if judgement.approval:
        data["approval"] = judgement.approval
    if judgement.stale:
        data["stale"] = True
    if judgement.rewritten:
        data["rewritten"] = True
        if data.get("open") and not draft.command.traits.call_ids:
            data["runs_as"] = content_id(judgement.call.native, judgement.call.args)
    if judgement.decision.shadows:
        data |= judging.shadows_json(judgement.decision)
    if judgement.decision.skipped:
        data["skipped"] = texts(judgement.decision.skipped)
    seen = _seen(draft, judgement.call, judgement.facts, judgement.action)
    draft.emit("tool.decided", data, to=work(draft), step=draft.step, seen=seen)


def _decided(
    call: ToolCall,
    facts: Mapping[str, object],
    action: str,
    rules: tuple[str, ...],
    message: str,
) -> dict[str, Json]:
    data: dict[str, Json] = {
        "tool": call.tool,
        "native": call.native,
        "action": action,
        "rules": texts(rules),
        "message": message,
        "intent": text_of(facts, "intent"),
        "arguments": bounded(call.args or call.own),
    }
    if call.call_id:
        data["call_id"] = call.call_id
    if call.cwd:
        data["cwd"] = call.cwd
    return data


def _reply(draft: Draft, judgement: Judgement) -> Reply:
    message = "\n".join([judgement.message, *draft.notes]).strip()
    rewritten = None
    if judgement.action == "rewrite":
        rewritten = judgement.call.args or judgement.call.own
    return Reply(
        event="tool_before",
        action=judgement.action,
        state=draft.state.state,
        message=message,
        rules=judgement.rules,
        rewritten=rewritten,
        skipped=judgement.decision.skipped,
        head=draft.state.head,
        counts=draft.state.ledger.counts,
    )
