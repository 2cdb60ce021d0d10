"""Rules and ledger applied to one event: facts in, a decision and its violations out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

from governance.ledger import Approval, Violation, escalate
from governance.machine import Circumstances
from governance.rules.facts import plain_facts
from governance.rules.facts import session_facts as rule_session_facts
from governance.rules.verdicts import SEVERITY_RANK, Decision, History, RuleEvent, Verdict
from governance.session.answering import born_as, role_of
from governance.session.draft import Draft
from governance.session.interruption import interrupted
from governance.session.law import SESSION_FIELDS, Law
from governance.session.remembering import Seen
from governance.session.state import Identity, OpenCall, SessionState
from governance.states import State
from governance.values import Json

if TYPE_CHECKING:
    from governance.temporal.cells import Keys

COUNTED = frozenset({"warn", "deny", "halt"})
"""Actions that count as a violation at once; an ask counts when it is refused."""

UNDECIDED_SEVERITY = "low"
"""At most as grave is a question that was put only because a rule could not be decided."""

IDENTITIES_MAX = 1_024
"""Identities whose fields a law keeps as facts; then it begins to learn them anew."""


def session_facts(draft: Draft) -> dict[str, object]:
    """The facts that every event has; one table for all who ask in one state, to be copied."""
    known = draft.known
    if known is None or known[0] is not draft.state:
        pending = _pending(draft.state)
        known = draft.known = draft.state, _session_facts(draft, pending), pending
    return known[1]


def _session_facts(draft: Draft, pending: tuple[str, ...]) -> dict[str, object]:
    state, command = draft.state, draft.command
    identity = state.identity
    role, depth, above = role_of(draft) or identity.role, identity.depth, identity.parent_roles
    if state.state is State.ABSENT:
        role, depth, above = born_as(draft)
    facts = rule_session_facts(
        role=role,
        depth=depth,
        state=str(state.state),
        host=command.host,
        model=str(command.data.get("model_id") or identity.model_id),
        labels=tuple(dict.fromkeys((*(one[0] for one in state.labels), *pending))),
        turn=state.registers.turn,
        at_ms=draft.at_ms,
        time_zone=draft.law.settings.time_zone,
        approvals_open=len(state.ledger.open_approvals(draft.at_ms)),
        usage=state.usage.facts() if state.used else {},
        parent_roles=above,
    )
    facts.update(_field_facts(draft.law, identity))
    return facts


def _field_facts(law: Law, identity: Identity) -> Mapping[str, object]:
    """The facts of the project's and the session's own fields, which seldom change."""
    # Sessions share their identities (see `evolve`), and each is kept beside what came of it.
    known = law.field_facts.get(id(identity))
    if known is not None and known[0] is identity:
        return known[1]
    fields = dict(law.settings.fields) | dict(identity.fields or {})
    # What one session says of itself goes before what its project says of all.
    for name in SESSION_FIELDS:
        own = getattr(identity, name)
        if own:
            fields[name] = own
    facts = plain_facts({"fields": fields})
    if len(law.field_facts) >= IDENTITIES_MAX:
        law.field_facts.clear()
    law.field_facts[id(identity)] = identity, facts
    return facts


def model_facts(draft: Draft) -> dict[str, object]:
    """The facts of a session's creation."""
    data = draft.command.data
    facts: dict[str, object] = {}
    options = data.get("model_options")
    if isinstance(options, Mapping):
        facts |= {f"model_options.{name}": value for name, value in options.items()}
    for name, fact in (
        ("source", "source"),
        ("backend_name", "backend"),
        ("context_type", "context_type"),
    ):
        if data.get(name):
            facts[fact] = data[name]
    if draft.command.parent:
        facts["parent"] = draft.command.parent
    before, now = draft.gathered.predecessor, str(data.get("model_id") or "")
    if before is not None and before.identity.model_id and now:
        facts["model_switched"] = now != before.identity.model_id
    return facts


def rewritten_model(draft: Draft, decision: Decision) -> dict[str, Json]:
    """``model_id`` and ``model_options`` as listeners and rules leave them."""
    data = draft.command.data
    options = data.get("model_options")
    made: dict[str, Json] = dict(options) if isinstance(options, Mapping) else {}
    result: dict[str, Json] = {"model_options": made}
    if data.get("model_id"):
        result["model_id"] = data["model_id"]
    for fact, value in decision.rewritten(model_facts(draft)).items():
        if fact == "model":
            result["model_id"] = value
        elif fact.startswith("model_options."):
            name = fact.removeprefix("model_options.")
            if value is None:
                made.pop(name, None)
            else:
                made[name] = value
    return result


def _pending(state: SessionState) -> tuple[str, ...]:
    """Labels of calls that a person has yet to allow: what may be tainted counts as such."""
    # Without a line of Python for each: hundreds of calls may be open, and hardly one has any.
    return tuple(chain.from_iterable(map(_LABELS_OF, state.open_calls)))


_LABELS_OF: Callable[[OpenCall], tuple[str, ...]] = attrgetter("labels")


def history(draft: Draft, *, before: SessionState | None = None, begins: int = 0) -> History:
    """
    What rules may know of the session's past, before the event that is decided.

    Args:
        before: The session before rows of this very event, if there are any.

        begins: What begins with the event, and so is forgotten before it is judged.
    """
    state, watch = before or draft.state, draft.law.rules.watch
    known = draft.known
    pending = known[2] if known is not None and known[0] is state else _pending(state)
    past, tree = state.past, None
    if watch is not None:
        if begins:
            past = watch.monitors.step(past, {}, draft.at_ms, begins)
        root = draft.gathered.root
        tree = past if not state.identity.parent else root.past if root is not None else None
    return History(
        done_tools=state.done_tools,
        known=draft.gathered.history_known,
        past=past,
        tree=tree,
        labels={name: (at_ms, fresh & ~begins) for name, at_ms, fresh in state.labels},
        pending_labels=frozenset(pending),
        files=draft.look,
    )


def event_on(draft: Draft, on: str, facts: Mapping[str, object]) -> RuleEvent:
    """An event that is no tool call, as rules see it."""
    return RuleEvent(on, {**session_facts(draft), **plain_facts(facts)})


def decide_on(draft: Draft, on: str, facts: Mapping[str, object]) -> Decision:
    """The decision of all rules on an event that is no tool call."""
    decision = draft.law.rules.decide(event_on(draft, on, facts), history(draft))
    if on != "session":
        note_shadows(draft, on, decision)
    return decision


def note_shadows(draft: Draft, on: str, decision: Decision) -> None:
    """A row for the shadow rules that an event which is no tool call has met."""
    if decision.shadows:
        draft.emit("rules.shadowed", {"on": on, **shadows_json(decision)}, durable=False)


def shadows_json(decision: Decision) -> dict[str, Json]:
    """Which shadow rules matched, and what each would have done."""
    return {
        "shadows": [verdict.rule for verdict in decision.shadows],
        "shadow_actions": {verdict.rule: verdict.action for verdict in decision.shadows},
    }


def count_violations(
    draft: Draft, decision: Decision, *, intent: str, actions: frozenset[str] = COUNTED
) -> None:
    """A violation for each verdict that is one, with the steps it leads to."""
    for verdict in decision.verdicts:
        if verdict.action in actions:
            count(draft, verdict.rule, verdict.action, severity_of(verdict), intent)
    if decision.action == "halt":
        rule = next(v.rule for v in decision.verdicts if v.action == "halt")
        halt(draft, by=rule, scope=decision.halt_scope, why=decision.message)


def severity_of(verdict: Verdict) -> str:
    """
    How grave it is to do what *verdict* is about.

    A rule that asks because nobody knows whether it applies was not broken for certain: what
    cannot be read is stopped, and is no grave violation of all that might be meant by it.
    """
    if verdict.unknown and verdict.action == "ask":
        return min(verdict.severity, UNDECIDED_SEVERITY, key=SEVERITY_RANK.__getitem__)
    return verdict.severity


def charge(draft: Draft, approval: Approval, intent: str) -> None:
    """Count what a person said no to, for each rule that had asked them."""
    for rule, severity in approval.charges:
        count(draft, rule, "ask", severity, intent)


def count(draft: Draft, rule: str, action: str, severity: str, intent: str) -> None:
    """Count one violation here, and hand it to the parent."""
    state = draft.state
    violation = Violation(
        rule=rule,
        action=action,
        severity=severity,
        role=state.identity.role,
        turn=state.registers.turn,
        epoch=state.registers.epoch,
        intent=intent,
        at_ms=draft.at_ms,
        again=draft.charged,
    )
    draft.charged = True
    count_violation(draft, violation)
    if state.identity.parent:
        draft.violations.append(violation)


def count_violation(draft: Draft, violation: Violation) -> None:
    """The rows of *violation* (this session's own, or one that a child rolls up)."""
    before = draft.state.ledger
    data = violation.as_json()
    data["counts"] = before.plus(violation).counts
    draft.emit("violation.counted", data)
    for step in escalate(draft.state.ledger, violation, draft.law.rules.escalations, draft.at_ms):
        draft.emit("session.escalated", step.as_json())
        draft.notes.append(step.message)
        if step.action == "halt":
            why = step.message or step.id
            if step.until_ms is None:
                halt(draft, by=step.id, scope="session", why=why)
            else:
                stop(draft)


def halt(draft: Draft, *, by: str, scope: str, why: str) -> None:
    """
    Nobody works here until a person pardons it; *scope* says what the host is told to stop.
    """
    draft.emit("session.halted", {"by": by, "rule": by, "scope": scope, "why": why})
    stop(draft)


def stop(draft: Draft) -> None:
    """Interrupt the session because it is halted; one that is interrupted already stays so."""
    run = draft.law.machine.run(draft.state.registers, "interrupt", Circumstances())
    for step in run.steps:
        if step.outcome == "move":
            interrupted(draft, step, "halted")


def count_over_tree(draft: Draft, counted: Sequence[Mapping[int, Keys]], child: str) -> None:
    """Count here, at the root of a tree, what happened in its descendant *child*."""
    for hits in counted:
        draft.emit("child.counted", {"child_id": child}, seen=Seen(hits))


def roll_up(draft: Draft, violations: tuple[Violation, ...], child: str) -> None:
    """Count a child's *violations* in this session, its parent."""
    for violation in violations:
        count_violation(draft, violation.rolled_up(child))
