"""
`decide`: what one command leads to.

The machine says whether the event is possible now and what must come first; rules and
ledger say whether it may happen; the outcome is rows and an answer. Nothing is written
here, and nothing outside is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import evolve

from governance.machine import Circumstances, Refusal, Run, Step, classify_gap
from governance.machine.registers import Gap
from governance.rules.verdicts import Decision
from governance.session import briefing, lifecycle, outcomes, tools, turns
from governance.session.answering import REMARKS, remark
from governance.session.commands import Command
from governance.session.draft import Draft, Outcome
from governance.session.law import Gathered, Law
from governance.session.lifecycle import NOTHING_SAID
from governance.session.replies import Reply
from governance.session.state import SessionState
from governance.states import DEAD_STATES, State
from governance.values import Json

Finish = Callable[[Draft, Step], Reply]

MEASURED = frozenset({"start", "resume", "turn_start"})
"""Events that always measure the gap since the last work."""

MEASURED_OUTSIDE_A_TURN = frozenset({"tool_before", "child_start"})
"""Within a turn a slow tool is no gap."""

SETTLING = frozenset({"turn_start", "turn_end", "reset", "end"})
"""Events after which no open call is heard of any more."""

WORK = frozenset({"turn_start", "tool_before", "child_start"})
"""Events that a session over its quota may no more ask for."""


def decide(law: Law, state: SessionState, command: Command, gathered: Gathered) -> Outcome:
    """
    The rows and the answer that *command* leads to in *state*.

    A refusal keeps the rows of what had to come first (a start, a resume, the end of calls
    that nobody will answer any more) and one row that says what was refused and why; the
    registers stay as those left them.

    Pure: the same arguments give the same outcome. Cost: one machine step, and for asked
    events one pass over the rules that apply.
    """
    draft = Draft(law, command, gathered, state)
    full = _full(law, state)
    if full and command.event in WORK:
        refusal = Refusal(command.event, state.state, (full,))
        return draft.outcome(lifecycle.refuse(draft, refusal))
    if command.unwelcome and state.state is State.ABSENT:
        _note_failures(draft)
        refusal = Refusal(command.event, state.state, command.unwelcome)
        return draft.outcome(lifecycle.refuse(draft, refusal))
    draft.gap_ms = _gap_ms(state, gathered.at_ms)
    circumstances = _look(draft, draft.gap_ms)
    if circumstances.gap == "negative" and draft.gap_ms is not None:
        skew: dict[str, Json] = {"back_seconds": -draft.gap_ms / 1000}
        draft.emit("session.skewed", skew, to={"last_work_at_ms": draft.at_ms})
    told = _transition(draft, circumstances)
    if told.action in ("ask", "deny", "halt"):
        _note_failures(draft)
        return draft.outcome(lifecycle.refuse_by_rules(draft, "transition", told))
    born = _adoption(draft)
    if born.action in ("ask", "deny", "halt"):
        _note_failures(draft)
        return draft.outcome(lifecycle.refuse_by_rules(draft, "session", born))
    last = _reached(draft, circumstances)
    if isinstance(last, Step) and _settles(draft, last):
        outcomes.settle_open_calls(draft)
        if draft.halted and not circumstances.halted:
            # A question that was refused has halted it: what holds now is what decides.
            last = _reached(draft, evolve(circumstances, halted=True))
    if isinstance(last, Refusal):
        return draft.outcome(lifecycle.refuse(draft, last))
    draft.step = last
    _note_failures(draft)
    if command.refused:
        return draft.outcome(lifecycle.refuse_by_listener(draft, last))
    if last.outcome in REMARKS and command.event != "brief":
        return draft.outcome(remark(draft, last))
    reply = _FINISH.get(command.event, lifecycle.finish)(draft, last)
    if told is not NOTHING_SAID:
        reply = lifecycle.also_said(draft, "transition", told, reply)
    if born is not NOTHING_SAID:
        reply = lifecycle.also_said(draft, "session", born, reply)
    return draft.outcome(briefing.attach(draft, last, reply))


def foresee(law: Law, state: SessionState, command: Command, gathered: Gathered) -> Run:
    """What the machine would make of *command*; nothing is recorded, and no rule is asked."""
    draft = Draft(law, command, gathered, state)
    circumstances = _look(draft, _gap_ms(state, gathered.at_ms))
    return law.machine.run(state.registers, command.event, circumstances)


def _transition(draft: Draft, circumstances: Circumstances) -> Decision:
    """What rules on transitions say of what is asked; nothing where it comes to nothing anyway."""
    law, command = draft.law, draft.command
    paused = draft.gathered.paused_reason
    if not law.rules.has("transition") or not is_asked(law, command.event) or paused:
        return NOTHING_SAID
    run = law.machine.run(draft.state.registers, command.event, circumstances)
    if command.refused or run.refusal is not None or run.outcome in REMARKS:
        return NOTHING_SAID
    return lifecycle.transition_rules(draft, run)


def _adoption(draft: Draft) -> Decision:
    """What rules on sessions say where what is asked would begin one by the way."""
    law, command = draft.law, draft.command
    adopts = draft.state.state is State.ABSENT and command.event != "start"
    if not adopts or not law.rules.has("session") or not is_asked(law, command.event):
        return NOTHING_SAID
    return NOTHING_SAID if command.refused else lifecycle.session_rules(draft)


def _note_failures(draft: Draft) -> None:
    for failure in draft.command.failures:
        draft.emit("listener.failed", failure, durable=False)


def _reached(draft: Draft, circumstances: Circumstances) -> Step | Refusal:
    """The step of the command itself, when what had to come first is recorded; or why not."""
    run = draft.law.machine.run(draft.state.registers, draft.command.event, circumstances)
    for step in run.steps if run.refusal else run.steps[:-1]:
        lifecycle.record_implied(draft, step)
    return run.refusal or _last(run)


def _settles(draft: Draft, step: Step) -> bool:
    """Whether *step* leaves calls behind that were open: then they come to an end before it."""
    return (
        step.event in SETTLING
        and step.outcome not in REMARKS
        and not draft.command.refused
        and bool(draft.state.open_calls)
    )


def is_asked(law: Law, event: str) -> bool:
    """Whether *event* has not happened yet, so that it may be refused."""
    return law.machine.definition.events[event].mode == "asked"


def _full(law: Law, state: SessionState) -> str:
    """Why the session may do no more work, by the bytes of its journal, or ``""``."""
    most = law.settings.session_bytes_max
    if not most or state.size_bytes < most:
        return ""
    return (
        f"the journal of this session holds {state.size_bytes} bytes, and its quota is {most}: "
        "go on in a new session, or raise `retention.session_megabytes_max`"
    )


def _command(draft: Draft, step: Step) -> Reply:
    # Most processes decide calls and never a command.
    from governance.session import slash_commands

    return slash_commands.command(draft, step)


_FINISH: Mapping[str, Finish] = {
    "brief": briefing.brief,
    "turn_start": turns.turn_start,
    "turn_end": turns.turn_end,
    "tool_before": tools.tool_before,
    "tool_after": outcomes.tool_after,
    "command": _command,
    "compacting": briefing.compacting,
}


def _measures(event: str, state: SessionState) -> bool:
    if state.registers.state is State.ABSENT:
        return event == "resume"
    return event in MEASURED or (event in MEASURED_OUTSIDE_A_TURN and not state.registers.turn_open)


def _last(run: Run) -> Step:
    # INVARIANT: a run that is not refused ends with the step of the event itself.
    assert run.steps, "a run without a refusal has a step"
    return run.steps[-1]


def _gap_ms(state: SessionState, at_ms: int) -> int | None:
    return None if state.last_work_at_ms is None else at_ms - state.last_work_at_ms


def _parents_work(gathered: Gathered) -> bool:
    """Whether all who stand above it still work; who is not known to does not."""
    if any(one.registers.state in DEAD_STATES for one in gathered.parents):
        return False
    return not gathered.parents or gathered.root is not None


def _look(draft: Draft, gap_ms: int | None) -> Circumstances:
    """What the machine may know of this event besides the registers."""
    law, command, state = draft.law, draft.command, draft.state
    settings = law.settings.host(command.host)
    gap: Gap = "none"
    if _measures(command.event, state):
        gap = classify_gap(gap_ms, law.settings.gaps)
    rendered_at = command.data.get("rendered_at")
    return Circumstances(
        gap=gap,
        history=command.history,
        other_run=bool(command.run and state.run and command.run != state.run),
        late=command.late,
        halted=bool(draft.halted),
        parent_alive=_parents_work(draft.gathered),
        journal_writable=draft.gathered.journal_writable,
        rendered_current=isinstance(rendered_at, int) and rendered_at >= state.moved_at,
        carries_text=command.delivery != "none" and command.traits.inject != "none",
        inject=command.traits.inject,
        idle=command.data.get("reason") == "idle",
        unbriefed=settings.unbriefed,
        after_end=settings.after_end,
    )
