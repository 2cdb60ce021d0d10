"""
Twenty-six faults that an earlier table of this machine had, each as the order that shows it.

The numbers are those of the study of real event orders that found them.
"""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define, field

from governance.errors import DefinitionError
from governance.machine import (
    ABSENT,
    Circumstances,
    GapBounds,
    Registers,
    Run,
    Step,
    classify_gap,
    load_machine,
)
from governance.states import State

MACHINE = load_machine()
DELIVERED = {"brief_with", "brief_instead"}


@define(eq=False)
class Driven:
    """
    One session: `tell` is what a host reports, `facts` hold for everything it reports.

    With `delivers` an answer that carries the briefing is delivered at once, as in a host
    whose hook answer reaches the model; otherwise the test reports ``brief`` itself.
    """

    facts: dict[str, Any] = field(factory=dict)
    delivers: bool = True
    registers: Registers = ABSENT
    emitted: list[str] = field(factory=list)
    runs: list[Run] = field(factory=list)

    def tell(self, event: str, **facts: Any) -> Run:
        """Report *event*, keep what came of it, and give it back."""
        told = Circumstances(**{**self.facts, **facts})
        result = MACHINE.run(self.registers, event, told)
        self._keep(result)
        if self.delivers and result.outcome in DELIVERED:
            self._keep(MACHINE.run(self.registers, "brief", told))
        return result

    def _keep(self, result: Run) -> None:
        self.runs.append(result)
        self.registers = result.after(self.registers)
        for step in result.steps:
            self.emitted += step.emits

    def through(self, *events: str) -> Driven:
        """Report *events* one after the other; `name?gap=…` adds a fact."""
        for one in events:
            event, _, said = one.partition("?")
            pairs = (pair.split("=") for pair in said.split("&") if pair)
            self.tell(event, **{key: _value(word) for key, word in pairs})
        return self

    @property
    def state(self) -> State:
        return self.registers.state

    @property
    def steps(self) -> list[Step]:
        """The steps of the newest run."""
        return list(self.runs[-1].steps)


def _value(word: str) -> Any:
    return {"true": True, "false": False}.get(word, word)


def briefed(**facts: Any) -> Driven:
    """A session that was started and briefed in its first turn, which has ended."""
    session = Driven({"carries_text": True, **facts})
    session.through("start", "turn_start?gap=short", "turn_end")
    assert session.registers.governance_injected
    session.emitted.clear()
    return session


def test_01_an_abort_is_not_undone() -> None:
    """What follows an abort (idle, the cut call, a command) is no work, and wakes nobody."""
    session = briefed().through("turn_start?gap=short", "tool_before", "interrupt")

    session.through("turn_end", "tool_after", "child_end", "command", "compacting", "lapse")

    assert session.state is State.INTERRUPTED
    assert session.tell("turn_start", gap="short").steps[0].event == "resume"
    assert session.state is State.BETWEEN_TURN


def test_02_absent_and_ended_are_two_states() -> None:
    """A late event does not bring an ended session back; work reopens it by the gap."""
    session = briefed().through("end", "tool_after", "turn_end")
    assert session.state is State.ENDED
    assert session.emitted[-2:] == ["event.late", "event.late"]

    session.tell("turn_start", gap="short")

    assert session.state is State.BETWEEN_TURN
    assert session.registers.epoch == 1
    again = briefed().through("end", "start?gap=notice")
    assert again.state is State.RESUMED


def test_03_one_compaction_is_reported_twice() -> None:
    """The report after the new briefing only confirms the compaction."""
    session = briefed().through("turn_start?gap=short", "compacting", "compact", "brief")
    assert session.state is State.BETWEEN_TURN

    assert session.tell("compact").outcome == "duplicate"

    assert session.registers.governance_injected


def test_03_a_hook_before_compaction_proves_nothing() -> None:
    """`compacting`, however often it comes, leaves the session briefed."""
    session = briefed().through("compacting", "compacting", "turn_start?gap=short", "compacting")
    assert session.registers.governance_injected


def test_04_what_has_happened_is_not_refused() -> None:
    """A guard or a rule cannot keep a compacted session briefed, or a dead one alive."""
    facts = {"halted": True, "journal_writable": False, "refused_by_rules": ("no",)}
    for event, state in (
        ("compact", State.COMPACTED),
        ("interrupt", State.INTERRUPTED),
        ("end", State.ENDED),
    ):
        session = briefed()
        assert session.tell(event, **facts).refusal is None
        assert session.state is state


def test_05_a_blocked_prompt_delivers_no_briefing() -> None:
    """A refused turn briefs nobody; an allowed one does when its answer carries text."""
    session = Driven({"carries_text": True}).through("start")
    session.tell("turn_start", refused_by_rules=("no",))
    assert session.registers.owed == {"beginning"}

    session.tell("turn_start", carries_text=False)
    assert session.registers.owed == {"beginning"}
    assert session.tell("tool_before").outcome == "brief_instead"
    assert session.registers.governance_injected


def test_05_the_end_of_a_turn_asks_for_no_briefing() -> None:
    """`turn_end` stays, whatever is owed: an answer with text there would go on for ever."""
    session = Driven().through("start", "turn_start")
    assert session.tell("turn_end").outcome == "stay"
    assert session.registers.owed == {"beginning"}


def test_06_another_process_starts_a_live_session() -> None:
    """After a crash the same id starts again: interrupted, resumed, and not taken for briefed."""
    session = briefed().through("turn_start?gap=short")

    session.tell("start", other_run=True, gap="short", history="lost")

    assert [step.event for step in session.steps] == ["interrupt", "resume", "start"]
    assert session.state is State.COMPACTED
    assert not session.registers.governance_injected


def test_07_duties_outlive_the_next_state() -> None:
    """The resume notice survives a compaction, and the reminder survives an interruption."""
    session = briefed().through("interrupt", "resume?gap=stale", "compact")
    assert session.registers.owed == {"resumed", "compacted"}

    session.through("interrupt", "resume?gap=notice")
    assert session.registers.owed == {"resumed", "compacted"}
    session.tell("brief")
    assert session.registers.stale, "a briefing is no approval of the first write"
    assert not session.registers.approve_write().stale


def test_08_a_long_tool_is_no_gap() -> None:
    """Two hours inside a turn interrupt nothing; the same two hours between turns do."""
    session = briefed().through("turn_start?gap=short", "tool_before")
    session.through("tool_after?gap=notice", "tool_before?gap=notice", "turn_end?gap=notice")
    assert session.state is State.BETWEEN_TURN

    assert [step.event for step in session.tell("tool_before", gap="notice").steps] == [
        "interrupt",
        "resume",
        "tool_before",
    ]
    assert session.runs[-2].outcome == "brief_instead"


def test_09_injected_is_derived() -> None:
    """Interrupted is never briefed; what was left and what is owed bring the answer back."""
    session = briefed().through("interrupt")
    assert not session.registers.governance_injected
    assert session.tell("resume", gap="short").after(session.registers).governance_injected


def test_09_hosts_that_forget_with_each_request() -> None:
    """Each turn owes the briefing anew; a request that went out without it is a lapse."""
    session = Driven({"inject": "request"}, delivers=False).through("start", "turn_start")
    session.tell("brief")
    assert session.registers.governance_injected

    session.through("turn_end", "turn_start")
    assert session.registers.owed == {"due"}
    session.through("brief", "lapse")
    assert not session.registers.governance_injected


def test_10_halt_is_a_guard_not_a_state() -> None:
    """A halt outlives resume, reset and epoch, until a person lifts it."""
    session = briefed().through("interrupt", "resume?halted=true&gap=short")
    assert session.state is State.INTERRUPTED
    session.through("reset?halted=true")
    assert session.state is State.BEGINNING
    for event in ("turn_start", "tool_before", "child_start"):
        assert session.tell(event, halted=True).refusal is not None
    assert session.tell("turn_start").refusal is None


def test_11_creation_is_announced_once() -> None:
    """One start announces the session once, however it came to be started."""
    for order in (("start", "start"), ("tool_after", "start"), ("turn_start", "turn_start")):
        session = Driven().through(*order)
        assert session.emitted.count("session.creating") == 1
        assert session.emitted.count("session.created") == 1


def test_12_hosts_that_cannot_inject() -> None:
    """A host without a place for text works unbriefed, and is never stuck."""
    session = Driven({"inject": "none"}).through("start", "turn_start")
    assert session.tell("tool_before").outcome == "unbriefed_allow"
    refused = session.tell("brief")
    assert refused.refusal is not None
    assert "no place" in refused.refusal.reasons[0]


def test_13_resume_of_a_stranger() -> None:
    """A resumed session that was never seen is adopted, and told that its past is unknown."""
    session = Driven().through("resume?gap=unknown")
    assert session.state is State.RESUMED
    assert session.registers.owed == {"beginning", "resumed"}
    assert classify_gap(None, GapBounds()) == "unknown"


def test_14_the_end_of_a_stranger_creates_nothing() -> None:
    """An end without a beginning is unmatched, and there is still no session."""
    session = Driven().through("end")
    assert session.state is State.ABSENT
    assert session.emitted == ["event.unmatched"]


def test_15_reset_keeps_the_id() -> None:
    """A reset begins a new epoch; of an ended session it is late, of a stranger it only adopts."""
    session = briefed().through("reset")
    assert (session.state, session.registers.epoch) == (State.BEGINNING, 2)
    assert briefed().through("end", "reset").emitted[-1] == "event.late"
    stranger = Driven().through("reset")
    assert (stranger.state, stranger.registers.epoch) == (State.BEGINNING, 1)


def test_16_bounds_that_do_not_rise_are_refused() -> None:
    """Bounds that do not rise leave a hole or an overlap, so they are a load error."""
    with pytest.raises(DefinitionError) as caught:
        GapBounds(3600, 3600, 10)
    assert [one.code for one in caught.value.diagnostics] == ["GOV169", "GOV169"]


def test_16_no_event_means_eviction() -> None:
    """Memory that is released is no event of the machine."""
    assert not {"evict", "eviction", "idle"} & set(MACHINE.definition.events)


def test_17_a_clock_that_went_back_is_a_short_gap() -> None:
    """A negative gap has its own name and acts as a short one, wherever it is measured."""
    assert classify_gap(-1, GapBounds()) == "negative"
    session = briefed().through("interrupt", "turn_start?gap=negative")
    assert session.state is State.BETWEEN_TURN
    session.through("turn_end", "turn_start?gap=negative")
    assert session.steps[0].event == "turn_start"


def test_18_parents_and_children_are_several_sessions() -> None:
    """A child's work waits for its parent; what the child has done is recorded all the same."""
    child = briefed(parent_alive=True)
    child.facts["parent_alive"] = False
    assert child.tell("turn_start").refusal is not None
    assert child.tell("tool_before").refusal is not None
    assert child.tell("tool_after").refusal is None
    assert child.tell("end").refusal is None
    assert child.state is State.ENDED


def test_18_a_reopened_parent_makes_its_children_resumable() -> None:
    """When the parent works again, an interrupted child resumes by its own gap."""
    child = briefed().through("interrupt")
    assert child.tell("turn_start", parent_alive=False).refusal is not None
    assert child.tell("turn_start", gap="short").refusal is None
    assert child.state is State.BETWEEN_TURN


def test_19_an_open_turn_is_closed_by_the_next() -> None:
    """A turn without an end is ended by the next turn, an interruption, a reset or an end."""
    for event in ("turn_start", "interrupt", "reset", "end"):
        session = briefed().through("turn_start?gap=short", f"{event}?gap=short")
        assert session.emitted.count("turn.ended") == 1
        assert session.registers.turn_open is (event == "turn_start")


def test_20_a_briefing_rendered_before_a_compaction() -> None:
    """A briefing rendered before a compaction and reported after it briefs nobody."""
    session = Driven(delivers=False).through("start", "turn_start?carries_text=true", "compact")
    session.tell("brief", rendered_current=False)
    assert session.state is State.COMPACTED
    assert session.registers.owed == {"beginning", "compacted"}


def test_21_what_came_first_stays() -> None:
    """A refused turn after a gap leaves the session resumed, and nothing of the turn."""
    session = briefed().through("interrupt")
    refused = session.tell("turn_start", gap="notice", refused_by_rules=("no",))
    assert [step.event for step in refused.steps] == ["resume"]
    assert refused.refusal is not None
    assert session.state is State.RESUMED
    assert session.registers.turn == 1


def test_21_a_chain_is_at_most_four_long() -> None:
    """However much is wrong at once, four steps are the most."""
    facts = Circumstances(gap="notice", other_run=True, history="lost", carries_text=True)
    session = Driven()
    longest = MACHINE.run(session.registers, "turn_start", facts)
    assert [step.event for step in longest.steps] == ["start", "interrupt", "resume", "turn_start"]
    assert load_machine().definition.chain_max == 4


def test_22_tools_after_the_end() -> None:
    """A worker under a finished id is denied; a turn reopens it, unless it is late."""
    session = briefed().through("end")
    assert session.tell("tool_before").outcome == "after_end_deny"
    assert session.tell("turn_start", late=True).outcome == "late"
    assert session.state is State.ENDED
    session.tell("turn_start", gap="short")
    assert session.state is State.BETWEEN_TURN


def test_23_the_second_call_of_a_batch_runs() -> None:
    """The call that was denied with the briefing delivers it; the next call of the batch runs."""
    session = Driven().through("start", "turn_start")
    assert session.tell("tool_before").outcome == "brief_instead"
    assert session.tell("tool_before").outcome == "stay"


def test_24_without_evidence_the_history_counts_as_lost() -> None:
    """A new process that cannot say whether the context survived is briefed again."""
    session = briefed().through("end")
    session.tell("resume", gap="short", other_run=True, history="unknown")
    assert session.state is State.COMPACTED
    kept = briefed().through("end", "resume?gap=short&other_run=true&history=kept")
    assert kept.registers.governance_injected


def test_25_compacted_leads_to_beginning_by_reset() -> None:
    """The edge from Compacted to Beginning exists, and only as a reset."""
    edges = {
        event
        for source, event, target, _ in MACHINE.definition.moves()
        if (source, target) == ("compacted", "beginning")
    }
    assert edges == {"reset"}


def test_26_an_expired_resume_is_a_reset() -> None:
    """A resume after the last bound announces the end and the reset, and no resume."""
    session = briefed().through("interrupt")
    session.emitted.clear()
    session.tell("resume", gap="fresh")
    assert session.emitted == ["session.ending", "session.reset"]
    assert (session.state, session.registers.epoch) == (State.BEGINNING, 2)
