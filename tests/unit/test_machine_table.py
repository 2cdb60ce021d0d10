"""The shipped machine does, cell by cell, what an independently written table says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from attrs import evolve

from governance._shipped import machine_text
from governance.machine import ABSENT, EVENTS, Circumstances, Registers, Run, load_machine
from governance.states import LIVE_STATES, State

MACHINE = load_machine()

B, T, C, R, I, E = (  # noqa: E741 -- the letters of the table
    State.BEGINNING,
    State.BETWEEN_TURN,
    State.COMPACTED,
    State.RESUMED,
    State.INTERRUPTED,
    State.ENDED,
)
LETTERS = {"-": State.ABSENT, "B": B, "C": C, "R": R, "T": T, "I": I, "E": E}
OWED = {B: "beginning", C: "compacted", R: "resumed"}

# `>X` moves to X, `^x` does x first, another word is what it comes to while the state stays.
# Interrupted and ended were left from Between-Turn, a quarter of an hour ago; the answer can
# carry text; nothing else is special.
TABLE = """
event        -                     BCR            T          I             E
start        >B                    duplicate      duplicate  ^resume,stay  ^resume,stay
brief        ^start,outdated       >T             stay       late          late
turn_start   ^start,brief_with     brief_with     stay       ^resume,stay  ^resume,stay
turn_end     ^start,unmatched      stay           stay       duplicate     late
tool_before  ^start,brief_instead  brief_instead  stay       ^resume,stay  after_end_deny
tool_after   ^start,stay           stay           stay       stay          late
command      ^start,stay           stay           stay       stay          late
compacting   ^start,stay           stay           stay       stay          late
compact      ^start,>C             >C             >C         stay          stay
lapse        ^start,stay           stay           stay       stay          stay
interrupt    ^start,>I             >I             >I         duplicate     late
resume       ^start,stay           duplicate      duplicate  >T            >T
reset        ^start,stay           >B             >B         >B            late
end          unmatched             >E             >E         >E            duplicate
child_start  ^start,stay           stay           stay       ^resume,stay  refused
child_end    ^start,stay           stay           stay       stay          late
"""


def rows() -> list[tuple[str, str, str]]:
    """The table as (event, letter of the state, what is expected)."""
    head, *lines = [line.split() for line in TABLE.strip().splitlines()]
    return [
        (words[0], letter, said)
        for words in lines
        for letters, said in zip(head[1:], words[1:], strict=True)
        for letter in letters
    ]


def at(state: State, **changes: Any) -> Registers:
    """Registers at *state* as they commonly are, with *changes*."""
    if state is State.ABSENT:
        return ABSENT
    live = state in LIVE_STATES
    duty = OWED.get(state)
    plain = Registers(
        state,
        left=None if live else T,
        owed=frozenset({duty}) if duty else frozenset(),
        turn=1,
        turn_open=live,
        epoch=1,
    )
    return evolve(plain, **changes)


def run(registers: Registers, event: str, **facts: Any) -> Run:
    """One run of the shipped machine."""
    return MACHINE.run(registers, event, Circumstances(**facts))


def spelled(result: Run, before: Registers) -> str:
    """A run in the words of the table."""
    words = [f"^{step.event}" for step in result.steps[: None if result.refusal else -1]]
    if result.refusal:
        words.append("refused")
    else:
        last = result.steps[-1]
        letters = {state: letter for letter, state in LETTERS.items()}
        moved = last.outcome == "move"
        words.append(f">{letters[last.after.state]}" if moved else last.outcome)
        if not moved:
            assert last.after.state is last.before.state, "only a move changes the state"
    return ",".join(words)


def test_table_is_whole() -> None:
    """The table below speaks of every event in every state."""
    assert {(event, letter) for event, letter, _ in rows()} == {
        (event, letter) for event in EVENTS for letter in LETTERS
    }


@pytest.mark.parametrize(("event", "letter", "said"), rows())
def test_cell(event: str, letter: str, said: str) -> None:
    """Each cell comes to what the table says of it."""
    registers = at(LETTERS[letter])
    away = registers.state in (I, E)
    result = run(registers, event, gap="short" if away else "none", carries_text=True)
    assert spelled(result, registers) == said


EMITS = {
    "start": "session.creating session.created",
    "brief": "governance.injected",
    "turn_start": "turn.started",
    "turn_end": "turn.ended",
    "tool_before": "tool.asked",
    "tool_after": "tool.finished",
    "command": "command.asked",
    "compacting": "session.compacting",
    "compact": "session.compacted",
    "lapse": "governance.lapsed",
    "interrupt": "turn.ended session.interrupted",
    "resume": "turn.ended session.interrupted",
    "reset": "turn.ended session.resetting session.ending session.reset",
    "end": "turn.ended session.ending session.ended",
    "child_start": "child.started",
    "child_end": "child.ended",
}


@pytest.mark.parametrize("event", EVENTS)
def test_emits(event: str) -> None:
    """Each event emits its lifecycle events, and what closes an open turn says so first."""
    before = ABSENT if event == "start" else at(B)
    facts = {"other_run": True, "gap": "short"} if event == "resume" else {}
    if event == "turn_start":
        before = at(B, turn_open=False)
    step = run(before, event, **facts).steps[0]
    assert step.emits == tuple(EMITS[event].split())


@pytest.mark.parametrize(
    ("event", "state", "facts", "emits"),
    [
        ("start", T, {}, ("event.duplicate",)),
        ("brief", I, {}, ("event.late",)),
        ("brief", B, {"rendered_current": False}, ("event.late",)),
        ("end", State.ABSENT, {}, ("event.unmatched",)),
        ("end", E, {}, ("event.duplicate",)),
        ("interrupt", T, {"idle": True}, ("turn.ended", "session.idle", "session.interrupted")),
        ("resume", I, {"gap": "short"}, ("session.resumed",)),
        ("resume", I, {"halted": True}, ("event.refused",)),
        ("tool_before", E, {"after_end": "rules"}, ("tool.asked", "event.late")),
        ("compact", E, {}, ("session.compacted",)),
        ("turn_start", T, {}, ("turn.ended", "turn.started")),
    ],
)
def test_special_emits(event: str, state: State, facts: dict[str, Any], emits: Any) -> None:
    """Repetitions, late and unmatched events, and what has no effect, are emitted as such."""
    assert run(at(state), event, **facts).steps[-1].emits == emits


# -- the footnotes -----------------------------------------------------------------------


@pytest.mark.parametrize("state", sorted(LIVE_STATES))
def test_start_from_another_process_interrupts(state: State) -> None:
    """A live session that another process starts was interrupted, and resumes."""
    result = run(at(state), "start", other_run=True, gap="short")
    assert [step.event for step in result.steps] == ["interrupt", "resume", "start"]
    assert result.after(at(state)).state is state
    assert result.steps[-1].emits == ()


@pytest.mark.parametrize("state", sorted(LIVE_STATES))
def test_resume_from_another_process_interrupts(state: State) -> None:
    """A live session that another process resumes was interrupted first."""
    result = run(at(state), "resume", other_run=True, gap="short")
    assert [step.event for step in result.steps] == ["interrupt", "resume"]
    assert result.after(at(state)).state is state


@pytest.mark.parametrize("event", ["start", "turn_start", "resume"])
def test_unknown_history_of_another_process_is_lost(event: str) -> None:
    """When the process that kept the history is gone, an unknown history counts as lost."""
    facts: dict[str, Any] = {"other_run": True, "gap": "short", "history": "unknown"}
    after = run(at(T), event, **facts).after(at(T))
    assert after.state is C
    assert run(at(T), event, **{**facts, "other_run": False}).after(at(T)).state is T


@pytest.mark.parametrize("state", [B, C, R])
def test_brief_rendered_before_the_last_move_is_outdated(state: State) -> None:
    """A briefing older than the last move leaves all that is owed."""
    step = run(at(state), "brief", rendered_current=False).steps[0]
    assert (step.outcome, step.after) == ("outdated", at(state))


def test_brief_settles_everything_owed() -> None:
    """One briefing empties the set of duties, in Between-Turn too."""
    for registers in (
        at(R, owed=frozenset({"beginning", "compacted", "resumed", "due"})),
        at(T, owed=frozenset({"due"})),
    ):
        after = run(registers, "brief").after(registers)
        assert after.governance_injected


@pytest.mark.parametrize("state", [B, C, R, T])
def test_brief_is_refused_where_nothing_can_be_injected(state: State) -> None:
    """A host without a place for text cannot report a briefing."""
    result = run(at(state), "brief", inject="none")
    assert result.refusal is not None
    assert result.refusal.reasons == ("this host has no place where a briefing could be put",)
    assert result.steps == ()


@pytest.mark.parametrize("state", [B, C, R])
@pytest.mark.parametrize("facts", [{}, {"carries_text": True, "inject": "none"}])
def test_turn_starts_and_stays_owed(state: State, facts: dict[str, Any]) -> None:
    """Where the answer carries no briefing the turn starts, and the duty stays."""
    step = run(at(state), "turn_start", **facts).steps[-1]
    assert (step.outcome, step.after.owed) == ("stay", at(state).owed)
    assert (step.after.turn, step.after.turn_open) == (2, True)


@pytest.mark.parametrize("state", sorted(LIVE_STATES))
def test_request_hosts_owe_with_each_turn(state: State) -> None:
    """A host that forgets with each request owes the briefing again at each turn."""
    step = run(at(state), "turn_start", inject="request", carries_text=True).steps[-1]
    assert step.outcome == "brief_with"
    assert step.after.owed == at(state).owed | {"due"}
    assert not step.after.governance_injected


@pytest.mark.parametrize("event", ["start", "turn_start", "resume"])
def test_unknown_past_leads_to_resumed(event: str) -> None:
    """A briefed session whose past nobody knows is Resumed before it works on."""
    after = run(at(T), event, gap="unknown", carries_text=True).after(at(T))
    assert after.state is R
    assert after.owed == {"resumed"}


@pytest.mark.parametrize("event", ["start", "turn_start", "resume"])
def test_lost_history_leads_to_compacted(event: str) -> None:
    """A briefed session whose history is lost is Compacted before it works on."""
    after = run(at(T), event, history="lost", gap="short").after(at(T))
    assert after.state is C
    assert after.owed == {"compacted"}


@pytest.mark.parametrize("state", [B, C, R])
def test_resume_with_an_unknown_past(state: State) -> None:
    """An unknown past adds the resume notice to what is owed already."""
    after = run(at(state), "resume", gap="unknown").after(at(state))
    assert after.state is R
    assert after.owed == at(state).owed | {"resumed"}


def test_late_turn_is_no_work() -> None:
    """A turn that the adapter marks as late does not reopen an ended session."""
    result = run(at(E), "turn_start", late=True)
    assert spelled(result, at(E)) == "late"


@pytest.mark.parametrize("unbriefed", ["allow", "ask", "deny"])
@pytest.mark.parametrize("state", [B, C, R])
def test_unbriefed_decides_where_nothing_can_be_injected(state: State, unbriefed: Any) -> None:
    """A host that cannot be briefed follows its configuration for tools."""
    result = run(at(state), "tool_before", inject="none", unbriefed=unbriefed)
    assert result.outcome == f"unbriefed_{unbriefed}"


def test_tool_in_between_turn_with_a_duty_is_answered_by_the_briefing() -> None:
    """What lapsed is told before the next tool, in Between-Turn as elsewhere."""
    lapsed = run(at(T), "lapse").after(at(T))
    assert run(lapsed, "tool_before").outcome == "brief_instead"
    assert run(lapsed, "tool_before", inject="none", unbriefed="ask").outcome == "unbriefed_ask"


@pytest.mark.parametrize("after_end", ["deny", "ask", "rules"])
def test_tools_after_the_end(after_end: Any) -> None:
    """A tool after the end is decided by `after_end` and never reopens the session."""
    result = run(at(E), "tool_before", after_end=after_end, gap="stale")
    assert result.outcome == f"after_end_{after_end}"
    assert result.after(at(E)) == at(E)


@pytest.mark.parametrize("state", [B, C, R, T, I, E])
def test_one_compaction_is_reported_twice(state: State) -> None:
    """The second report of a compaction changes nothing; `compacting` and work end that."""
    once = run(at(state), "compact").after(at(state))
    assert once.taken
    assert run(once, "compact").outcome == "duplicate"
    again = run(once, "compacting").after(once)
    if state is not E:
        assert run(again, "compact").outcome in ("move", "stay")


@pytest.mark.parametrize("event", ["turn_start", "tool_before", "child_start"])
def test_work_ends_a_compaction(event: str) -> None:
    """After work the next report is of a new compaction."""
    briefed = at(T, taken=True)
    assert not run(briefed, event).after(briefed).taken


@pytest.mark.parametrize("state", [I, E])
def test_compaction_while_nobody_works(state: State) -> None:
    """A compaction of a sleeping session is told when work goes on."""
    asleep = run(at(state), "compact").after(at(state))
    assert asleep.left is C
    awake = run(asleep, "resume", gap="short").after(asleep)
    assert (awake.state, awake.owed) == (C, {"compacted"})


def test_resumed_loses_nothing_by_compaction() -> None:
    """What Resumed owes is still owed in Compacted."""
    after = run(at(R), "compact").after(at(R))
    assert (after.state, after.owed) == (C, {"resumed", "compacted"})


@pytest.mark.parametrize("state", sorted(LIVE_STATES))
@pytest.mark.parametrize("gap", ["notice", "stale", "fresh"])
@pytest.mark.parametrize("event", ["start", "turn_start", "tool_before", "child_start", "resume"])
def test_long_gap_of_a_live_session(state: State, gap: Any, event: str) -> None:
    """A live session that was silent for an hour is interrupted and resumed first."""
    before = at(state, turn_open=False)
    result = run(before, event, gap=gap)
    events = [step.event for step in result.steps]
    assert events == ["interrupt", "resume"] + ([event] if event != "resume" else [])
    after = result.after(before)
    assert after.state is (B if gap == "fresh" else R)
    assert after.stale is (gap == "stale")


@pytest.mark.parametrize("event", ["tool_before", "child_start"])
def test_slow_tool_inside_a_turn_is_no_gap(event: str) -> None:
    """Inside a turn no gap interrupts, however long it was."""
    result = run(at(T), event, gap="stale")
    assert [step.event for step in result.steps] == [event]


def test_fresh_epoch_archives_the_old_one() -> None:
    """A gap past the last bound begins a new epoch, with turns counted anew."""
    before = at(I, stale=True, turn=7, taken=True, owed=frozenset({"due"}))
    step = run(before, "resume", gap="fresh").steps[-1]
    assert step.after == Registers(B, owed=frozenset({"beginning"}), epoch=2)
    assert step.emits == ("session.ending", "session.reset")


def test_reset_of_a_stranger_only_starts_it() -> None:
    """A reset of a session never seen adopts it, and resets nothing."""
    result = run(ABSENT, "reset")
    assert result.after(ABSENT).epoch == 1
    assert result.steps[-1].emits == ()


# -- guards ------------------------------------------------------------------------------

ASKED = ["start", "turn_start", "tool_before", "command", "compacting", "child_start"]


@pytest.mark.parametrize("event", ["turn_start", "tool_before", "child_start"])
@pytest.mark.parametrize("state", [B, T, C, R, I, E])
def test_halt_refuses_work_everywhere(event: str, state: State) -> None:
    """While a halt is in force work is refused in every state, and nothing moves."""
    result = run(at(state), event, halted=True, gap="fresh")
    assert result.refusal is not None
    assert "the session is halted until a person pardons it" in result.refusal.reasons
    assert result.steps == ()


def test_halt_outlives_reset_resume_and_start() -> None:
    """Neither a resume nor a start wakes a halted session; a reset does not lift the halt."""
    assert run(at(I), "resume", halted=True, gap="short").after(at(I)) == at(I)
    assert run(at(E), "start", halted=True, gap="short").after(at(E)) == at(E)
    fresh = run(at(I), "reset", halted=True).after(at(I))
    assert fresh.state is B
    assert run(fresh, "turn_start", halted=True).refusal is not None


@pytest.mark.parametrize("event", ASKED)
@pytest.mark.parametrize("state", [State.ABSENT, B, T, C, R, I, E])
def test_nothing_asked_goes_on_unrecorded(event: str, state: State) -> None:
    """While the journal cannot be written everything asked is refused, without a trace."""
    result = run(at(state), event, journal_writable=False, gap="stale")
    assert result.refusal is not None
    assert result.steps == ()


@pytest.mark.parametrize("event", ASKED)
def test_parent_must_work(event: str) -> None:
    """A child whose parent ended is refused, and says why."""
    result = run(at(T), event, parent_alive=False)
    assert result.refusal is not None
    assert result.refusal.reasons == ("the parent session does not work any more",)


def test_all_reasons_are_given() -> None:
    """A refusal names every guard that stood in the way, not the first alone."""
    result = run(at(T), "turn_start", halted=True, parent_alive=False, journal_writable=False)
    assert result.refusal is not None
    assert len(result.refusal.reasons) == 3


@pytest.mark.parametrize("event", [one for one in EVENTS if one not in (*ASKED, "brief")])
def test_what_was_told_is_never_refused(event: str) -> None:
    """No guard and no rule can refuse what has already happened."""
    for state in (State.ABSENT, B, T, C, R, I, E):
        result = run(
            at(state),
            event,
            halted=True,
            parent_alive=False,
            journal_writable=False,
            inject="none",
            refused_by_rules=("no",),
        )
        assert result.refusal is None


def test_rules_refuse_after_what_came_first() -> None:
    """A rule refuses the event itself; what had to come first stays recorded."""
    result = run(at(I), "turn_start", gap="notice", refused_by_rules=("not on Sundays",))
    assert [step.event for step in result.steps] == ["resume"]
    assert result.refusal is not None
    assert (result.refusal.state, result.refusal.reasons) == (R, ("not on Sundays",))
    assert result.after(at(I)).turn == 1


def test_rules_refuse_no_repetition() -> None:
    """What only repeats or comes late happens no more, so no rule looks at it."""
    assert run(at(T), "start", refused_by_rules=("no",)).outcome == "duplicate"
    assert run(at(E), "command", refused_by_rules=("no",)).outcome == "late"


def test_unknown_event_is_misuse() -> None:
    """An event that the machine does not have is an error, never silence."""
    with pytest.raises(KeyError):
        run(at(T), "turn_begin")


def test_child_start_after_the_end_is_refused_in_words() -> None:
    """An ended session begins no sub-sessions."""
    result = run(at(E), "child_start")
    assert result.refusal is not None
    assert result.refusal.reasons == ("the session has ended, and begins no sub-sessions",)


def test_threads_share_one_machine() -> None:
    """Many threads that move many sessions at once each get the answer they would get alone."""
    fresh = load_machine(machine_text())
    expected = fresh.run(at(B), "brief", Circumstances())

    def moves(_: int) -> bool:
        return all(fresh.run(at(B), "brief", Circumstances()) == expected for _ in range(50))

    with ThreadPoolExecutor(max_workers=8) as pool:
        assert all(pool.map(moves, range(16)))
