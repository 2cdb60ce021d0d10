"""What became of calls: results, failures, refusals, and what was never heard of again."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from governance.calls import ToolCall
from governance.machine import Step
from governance.rules.deferred import text_of
from governance.rules.facts import facts_of_call, result_facts
from governance.rules.verdicts import Decision, RuleEvent
from governance.session import bypassing, judging, stall
from governance.session.answering import allow, refusal_reply
from governance.session.arguments import bounded
from governance.session.bypassing import Bypass
from governance.session.draft import Draft, texts
from governance.session.remembering import Seen, finished
from governance.session.replies import Reply
from governance.session.state import OpenCall, SessionState
from governance.values import Json

FILE_OPERATIONS = {"write": "write", "edit": "edit", "delete": "delete"}
ERROR_CHARS_MAX = 2000


def settle_open_calls(draft: Draft) -> None:
    """
    Give every open call an outcome, for its own report can no longer come.

    A call that was put to a person was refused (hosts say nothing of a tool that their
    user refused); any other is unknown, and is never run again silently.
    """
    for call in draft.state.open_calls:
        outcome = "refused" if call.questioned else "unknown"
        seen = finished(draft.law.rules.watch, draft.state, call, outcome, None, asked=True)
        draft.charged = False
        _finished(draft, call, call.tool, outcome, {}, seen)
    draft.charged = False


def tool_after(draft: Draft, _step: Step) -> Reply:
    """
    A tool has run, failed, or was refused by the host or its user.

    The effect has happened: a rule on ``tool-result`` that denies withholds the output, and
    one that rewrites it has the model read another.
    """
    call = draft.command.call
    # INVARIANT: adapters give every tool event its call.
    assert call is not None, "`tool_after` needs a call"
    data = draft.command.data
    outcome = str(data.get("outcome") or "unknown")
    open_call = draft.state.open_call(call.call_id) if call.call_id else None
    if open_call is None and data.get("settle"):
        # A batch repeats the outcome of every call: what is settled already is no news.
        return allow(draft)
    if open_call is None and outcome in ("refused", "unknown"):
        why = "the call is not open"
        draft.emit("event.duplicate", {"event": "tool_after", "why": why}, durable=False)
        return allow(draft)
    before = draft.state
    denied = before.denied_call(call.call_id) if open_call is None else None
    if not call.tool:
        held = open_call or denied
        name = held.tool if held is not None else str(data.get("tool") or "other")
        call = evolve(call, tool=name)
    facts = facts_of_call(call, draft.law.places)
    fields: dict[str, Json] = {}
    for name in ("duration_ms", "exit_code"):
        if data.get(name) is not None:
            fields[name] = data[name]
    if data.get("error"):
        fields["error"] = str(data["error"])[:ERROR_CHARS_MAX]
    how = bypassing.undecided(draft, call, outcome, open_call, denied)
    asked = open_call is not None and not how
    if open_call is None:
        fields["unasked" if denied is None else "denied"] = True
        open_call = OpenCall(call.call_id, call.tool, text_of(facts, "intent"), 0)
    elif how:
        # What waits for its outcome is of a call that did not run.
        fields["changed"] = True
        intent = text_of(facts, "intent")
        open_call = evolve(open_call, intent=intent, paths=(), labels=(), marks=())
    rules = draft.law.rules
    anew = bypassing.judge(draft, call, facts) if how else None
    if how and draft.command.traits.reports_arguments:
        fields["arguments"] = bounded(call.args)
    event = _result_event(draft, call, facts, outcome)
    # It is judged by what went before it, and its own row says what it adds to that.
    judged = rules.decide(event, judging.history(draft)) if rules.has("tool-result") else None
    labels = judged.labels if judged is not None else ()
    if anew is not None:
        labels = (*labels, *anew.labels)
    if outcome in ("ok", "failed"):
        labels = tuple(dict.fromkeys((*labels, *open_call.labels)))
    if labels:
        fields["labels"] = texts(labels)
    seen = finished(rules.watch, before, open_call, outcome, event, asked=asked)
    _finished(draft, open_call, call.tool, outcome, fields, seen)
    if outcome == "ok":
        _effects(draft, call.tool, open_call.paths or _changed(facts))
    passed = None
    if anew is not None:
        intent, questioned = text_of(facts, "intent"), open_call.questioned
        passed = bypassing.settle(
            draft, call, how, anew, intent=intent, questioned=questioned, denied=denied
        )
    _stalls(draft, before)
    reply = _noted(draft) if judged is None else _judge_result(draft, judged, facts)
    return reply if passed is None else _told_of(draft, passed, reply)


def _finished(
    draft: Draft, call: OpenCall, tool: str, outcome: str, fields: dict[str, Json], seen: Seen
) -> None:
    data: dict[str, Json] = {"tool": tool, "outcome": outcome, "intent": call.intent}
    if call.call_id:
        data["call_id"] = call.call_id
    if call.stale and outcome in ("ok", "failed"):
        data["clears_stale"] = True
    draft.emit("tool.finished", data | fields, seen=seen)
    if call.approval:
        _settle_approval(draft, call, outcome)


def _settle_approval(draft: Draft, call: OpenCall, outcome: str) -> None:
    """A person was asked by the host: what became of the call tells what was answered."""
    approval = draft.state.ledger.approval(call.approval)
    if approval is None or not call.questioned:
        return
    decision = {"ok": "approved", "failed": "approved", "refused": "denied"}.get(outcome)
    if decision is None:
        return
    draft.emit(
        "approval.settled", {"id": approval.id, "by": draft.command.host, "decision": decision}
    )
    if decision == "denied":
        judging.charge(draft, approval, call.intent)


def _changed(facts: Mapping[str, object]) -> tuple[str, ...]:
    writes = facts.get("writes")
    return tuple(str(one) for one in writes) if isinstance(writes, (list, tuple)) else ()


def _effects(draft: Draft, tool: str, paths: tuple[str, ...]) -> None:
    operation = FILE_OPERATIONS.get(tool)
    for path in paths if operation else ():
        data: dict[str, Json] = {"path": path, "operation": operation}
        draft.emit("file.changed", data, durable=False)
    title = draft.command.data.get("task_title")
    if title:
        draft.emit("task.completed", {"title": title, "outcome": "ok"}, durable=False)


def _stalls(draft: Draft, before: SessionState) -> None:
    """Report going round in circles; the reaction is the project's choice."""
    if draft.state.stalls == before.stalls:
        return
    report_stalls(draft)


def report_stalls(draft: Draft) -> None:
    """The rows of the patterns that the session shows just now, and the reaction."""
    settings = draft.law.settings
    for found in stall.detect(draft.state.stalls, repeats_max=settings.stall_repeats_max):
        draft.emit("session.stalled", stall.stall_data(found))
        if settings.stall_reaction == "warn":
            draft.notes.append(f"going round in circles: {found.evidence}; try something else")
        if settings.stall_reaction == "halt":
            judging.halt(draft, by="session.stalled", scope="session", why=found.evidence)


def _result_event(
    draft: Draft, call: ToolCall, facts: dict[str, object], outcome: str
) -> RuleEvent:
    """The result as rules see it."""
    data = draft.command.data
    output, error, exit_code = data.get("output"), data.get("error"), data.get("exit_code")
    duration_ms = data.get("duration_ms")
    result = result_facts(
        outcome=outcome,
        output=output if isinstance(output, str) else None,
        error=error if isinstance(error, str) else None,
        exit_code=exit_code if isinstance(exit_code, int) else None,
        duration_ms=int(duration_ms) if isinstance(duration_ms, (int, float)) else None,
    )
    known = judging.session_facts(draft) | facts | result
    return RuleEvent("tool-result", known, call)


def _judge_result(draft: Draft, decision: Decision, facts: dict[str, object]) -> Reply:
    judging.note_shadows(draft, "tool-result", decision)
    judging.count_violations(draft, decision, intent=text_of(facts, "intent"))
    if decision.action in ("ask", "deny", "halt"):
        rules = tuple(verdict.rule for verdict in decision.verdicts)
        return refusal_reply(draft, (decision.message,), rules, decision.message)
    told = _noted(draft, decision)
    if "output" not in decision.rewrites:
        return told
    output = decision.rewrites["output"]
    return evolve(told, action="rewrite", rewritten={"output": "" if output is None else output})


def _told_of(draft: Draft, passed: Bypass, reply: Reply) -> Reply:
    """*reply*, and that the call ran against the rules; its output is withheld if they say so."""
    message = "\n".join(dict.fromkeys(text for text in (passed.message, reply.message) if text))
    rules = tuple(dict.fromkeys((*passed.rules, *reply.rules)))
    if passed.withholds:
        reply = refusal_reply(draft, (passed.message,), rules, message)
    return evolve(reply, message=message, rules=rules, alarm=passed.alarm)


def _noted(draft: Draft, decision: Decision | None = None) -> Reply:
    message = "\n".join([*([decision.message] if decision else []), *draft.notes])
    rules = tuple(v.rule for v in decision.verdicts) if decision else ()
    return allow(draft, message.strip(), rules)
