"""
What must hold in every run of a session machine, whoever wrote its table.

Each law looks at one run of one event, wherever the search may have come to, and gives
what it found wrong, or ``""``. A law says what must hold; it never asks the table why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from governance._attrs import frozen
from governance.machine.registers import Registers, Run, Step
from governance.states import LIVE_STATES, State

WORK = frozenset({"turn_start", "tool_before", "child_start"})
"""Asked events that make the model or its tools do something."""

_INERT = frozenset({"duplicate", "late", "unmatched", "outdated"})
_AWAY = frozenset({"notice", "stale", "fresh"})
_DUTIES = {
    State.BEGINNING: "beginning",
    State.COMPACTED: "compacted",
    State.RESUMED: "resumed",
}


@frozen
class Case:
    """
    One run, and what it depended on.

    Attributes:
        mode: The event's: asked, told or made.

        facts: The circumstances that the run asked for. What it did not ask for could
            have been anything, and the run would have been the same.
    """

    before: Registers
    event: str
    mode: str
    facts: Mapping[str, object]
    run: Run

    def might(self, name: str, value: object) -> bool:
        """Whether the run would be this one too if the circumstance *name* were *value*."""
        return name not in self.facts or self.facts[name] == value

    @property
    def last(self) -> Step | None:
        """The step of the event itself; ``None`` when it was refused."""
        return None if self.run.refusal else self.run.steps[-1]


@frozen
class Law:
    """One thing that must hold, with the words that say so."""

    name: str
    says: str
    broken: Callable[[Case], str]


def _told(case: Case) -> str:
    if case.mode == "told" and case.run.refusal:
        return "what has happened was refused"
    return ""


def _refused(case: Case) -> str:
    if case.run.refusal and any(step.event == case.event for step in case.run.steps):
        return "a refused event left a step of its own"
    return ""


def _unrecorded(case: Case) -> str:
    if case.mode != "asked" or not case.might("journal_writable", False):
        return ""
    if not case.run.refusal or case.run.steps:
        return "something asked for went on although nothing can be recorded"
    return ""


def _orphaned(case: Case) -> str:
    if case.mode == "asked" and case.might("parent_alive", False) and not case.run.refusal:
        return "a child worked on although its parent has ended"
    return ""


def _halted(case: Case) -> str:
    if case.event in WORK and case.might("halted", True) and not case.run.refusal:
        return "work went on although a halt is in force"
    return ""


def _ruled(case: Case) -> str:
    """No tool is decided by rules while the model does not know its governance."""
    step = case.last
    if case.event != "tool_before" or step is None:
        return ""
    facts = case.facts
    if step.outcome == "stay" and not step.before.governance_injected:
        return "a tool was left to the rules although the model is not briefed"
    if step.outcome == "unbriefed_allow" and (
        facts.get("inject") != "none" or facts.get("unbriefed") != "allow"
    ):
        return "a tool was left to the rules although the model could be briefed"
    if step.outcome == "after_end_rules" and (
        step.before.state is not State.ENDED or facts.get("after_end") != "rules"
    ):
        return "a tool was left to the rules as if the session had ended"
    return ""


def _compacted(case: Case) -> str:
    step = case.last
    if case.event != "compact" or step is None:
        return ""
    after = step.after
    if step.outcome == "duplicate":
        return "" if step.before.taken else "a compaction was taken for a repetition"
    if "compacted" not in after.owed or after.governance_injected:
        return "after a compaction the model counts as briefed"
    if after.state is not State.COMPACTED and after.left is not State.COMPACTED:
        return "a compaction is forgotten when work goes on"
    return ""


def _resumed(case: Case) -> str:
    """`resume` is a function of the gap, the history and the state that was left."""
    step = case.last
    if case.event != "resume" or step is None or not step.before.left:
        return ""
    if case.might("halted", True):
        return "" if step.after == step.before else "a halted session was resumed"
    gap = str(case.facts.get("gap", "unasked"))
    lost = case.facts.get("history") == "lost"
    target, duty = expected_resume(gap, lost, step.before.left)
    if step.after.state is not target:
        return f"a gap `{gap}` led to `{step.after.state}` where `{target}` was expected"
    if duty and duty not in step.after.owed:
        return f"after a gap `{gap}` the model is not owed `{duty}`"
    if step.after.stale != (gap == "stale" or (step.before.stale and gap != "fresh")):
        return f"after a gap `{gap}` stale is `{step.after.stale}`"
    return ""


def expected_resume(gap: str, lost: bool, left: State) -> tuple[State, str]:
    """Where work goes on after a gap, and what the model is owed for it (``""``: nothing)."""
    if gap == "fresh":
        return State.BEGINNING, "beginning"
    if gap in ("notice", "stale", "unknown", "none"):
        return State.RESUMED, "resumed"
    if lost and left is not State.BEGINNING:
        return State.COMPACTED, "compacted"
    return left, ""


def _away(case: Case) -> str:
    """Work after an hour of silence begins with an interruption and a resume."""
    step = case.last
    if case.event not in WORK or step is None or case.before.state not in LIVE_STATES:
        return ""
    if case.event != "turn_start" and case.before.turn_open:
        return ""
    if not any(case.might("gap", gap) for gap in _AWAY):
        return ""
    done = {one.event for one in case.run.steps}
    return "" if {"interrupt", "resume"} <= done else "a long silence was not noticed"


def _inert(case: Case) -> str:
    for step in case.run.steps:
        if step.outcome in _INERT and step.after != step.before:
            return f"`{step.outcome}` changed the registers"
    return ""


def _duties(case: Case) -> str:
    """What is owed is forgotten only by a briefing or by a new epoch."""
    for step in case.run.steps:
        kept = step.before.owed <= step.after.owed
        if not kept and step.event != "brief" and step.after.epoch == step.before.epoch:
            return f"`{step.event}` dropped what the model must be told"
        released = step.before.stale and not step.after.stale
        if released and step.after.epoch == step.before.epoch:
            return f"`{step.event}` dropped the approval that a stale session needs"
    return ""


def _turns(case: Case) -> str:
    for step in case.run.steps:
        closed = step.before.turn_open and (
            not step.after.turn_open or step.after.turn != step.before.turn
        )
        if closed != ("turn.ended" in step.emits):
            return f"`{step.event}` and the end of a turn do not agree"
    return ""


def _waking(case: Case) -> str:
    """Only work wakes a session that was interrupted, and only by `resume` or `reset`."""
    for step in case.run.steps:
        asleep = step.before.state in (State.INTERRUPTED, State.ENDED)
        if asleep and step.after.state in LIVE_STATES and step.event not in ("resume", "reset"):
            return f"`{step.event}` woke the session"
    woken = case.run.steps and case.run.steps[0].event == "resume"
    if woken and case.event not in {"start", "resume"} | WORK:
        return f"`{case.event}` is no work, and woke the session"
    return ""


def _registers(case: Case) -> str:
    for step in case.run.steps:
        found = broken_registers(step.after)
        if found:
            return f"after `{step.event}`: {found}"
    return ""


def broken_registers(registers: Registers) -> str:
    """What is wrong with *registers* by themselves, or ``""``."""
    state = registers.state
    if state is State.ABSENT:
        return "" if registers == Registers(state) else "an absent session has a past"
    live = state in LIVE_STATES
    if live != (registers.left is None):
        return f"`left` is `{registers.left}` in `{state}`"
    if registers.left is not None and registers.left not in LIVE_STATES:
        return f"`left` is `{registers.left}`, where nobody works"
    if registers.turn_open and not live:
        return "a turn is open where nobody works"
    duty = _DUTIES.get(state)
    if duty is not None and duty not in registers.owed:
        return f"`{state}` does not owe `{duty}`"
    return "" if registers.epoch > 0 else "a session without an epoch"


LAWS: tuple[Law, ...] = (
    Law("told", "what has happened is recorded, never refused", _told),
    Law("refused", "a refused event leaves nothing of its own", _refused),
    Law("recorded", "nothing asked for goes on while the journal cannot be written", _unrecorded),
    Law("parent", "nothing asked for goes on in a child whose parent has ended", _orphaned),
    Law("halt", "asked work is refused while a halt is in force, in every state", _halted),
    Law("briefed", "no tool is decided by rules while the model is not briefed", _ruled),
    Law("compaction", "a compaction never leaves the session briefed", _compacted),
    Law("resume", "resume is total over gap, history and the state that was left", _resumed),
    Law("silence", "work after a long silence begins with interrupt and resume", _away),
    Law("inert", "repetitions and late events change nothing", _inert),
    Law("duties", "what is owed is settled by a briefing or a new epoch alone", _duties),
    Law("turns", "every turn that starts ends exactly once", _turns),
    Law("waking", "only work wakes a session, and only through resume or reset", _waking),
    Law("registers", "registers never contradict each other", _registers),
)


def broken_laws(case: Case, laws: Iterable[Law]) -> Iterator[tuple[Law, str]]:
    """Each of *laws* that *case* breaks, with what was found."""
    for law in laws:
        found = law.broken(case)
        if found:
            yield law, found
