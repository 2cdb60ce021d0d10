"""A machine that was never checked fails loudly, and the search says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import governance.machine
from governance.machine import (
    ABSENT,
    PACKED,
    Circumstances,
    Definition,
    Refusal,
    Registers,
    Run,
    SessionMachine,
    Step,
    load_machine,
)
from governance.machine.__main__ import main
from governance.machine.running import ChainError
from governance.states import State
from governance.verify import LAWS, Case, explore
from governance.verify.laws import broken_registers

DEFINITION = load_machine().definition
B, T, C = State.BEGINNING, State.BETWEEN_TURN, State.COMPACTED
I, E = State.INTERRUPTED, State.ENDED  # noqa: E741 -- the letters of the table


def without_rows(event: str, state: str) -> Definition:
    """The shipped definition with an empty cell, which no loader would let through."""
    row = DEFINITION.events[event]
    cells = {**row.cells, state: evolve(row.cells[state], branches=())}
    return evolve(DEFINITION, events={**DEFINITION.events, event: evolve(row, cells=cells)})


def test_a_hole_is_an_error_at_once() -> None:
    """Where no row holds, nothing is guessed."""
    machine = SessionMachine(without_rows("lapse", "absent"))
    with pytest.raises(ChainError, match="no row holds"):
        machine.run(ABSENT, "lapse", Circumstances())


def test_a_chain_past_its_bound_is_an_error() -> None:
    """A chain that grows past its bound stops there, and the search names the event."""
    machine = SessionMachine(evolve(DEFINITION, chain_max=1))
    with pytest.raises(ChainError, match="does not come to an end"):
        machine.run(ABSENT, "turn_start", Circumstances())
    report = explore(machine, laws=(), findings_max=1)
    assert [one.law for one in report.findings] == ["chain"]
    assert not report.ok


def test_a_move_without_a_place_to_go_is_found() -> None:
    """A session that was never live cannot return to what it left; the search says so."""
    row = DEFINITION.events["start"]
    cell = row.cells["absent"]
    lost = evolve(cell, branches=(evolve(cell.branches[0], to="interrupted", do=()),))
    events = {**DEFINITION.events, "start": evolve(row, cells={**row.cells, "absent": lost})}
    report = explore(SessionMachine(evolve(DEFINITION, events=events)), findings_max=3)
    assert {"registers", "refused"} <= {one.law for one in report.findings}


def test_an_end_that_does_not_end_is_found() -> None:
    """The search holds `end` against every state, and shows the way to the first that stays."""
    row = DEFINITION.events["end"]
    cell = row.cells["compacted"]
    kept = evolve(cell, branches=(evolve(cell.branches[0], to="", outcome="stay"),))
    events = {**DEFINITION.events, "end": evolve(row, cells={**row.cells, "compacted": kept})}
    report = explore(SessionMachine(evolve(DEFINITION, events=events)), laws=(), findings_max=1)
    (found,) = report.findings
    assert (found.law, [step.event for step in found.trace]) == ("end", ["compact", "end"])


def test_a_state_nobody_comes_to_is_found() -> None:
    """A state that no run leads to is a finding of its own."""
    row = DEFINITION.events["compact"]
    cells = {
        state: evolve(
            cell,
            branches=tuple(
                evolve(one, to="", outcome="stay", do=()) if one.to else one
                for one in cell.branches
            ),
        )
        for state, cell in row.cells.items()
    }
    resume = DEFINITION.events["resume"]
    kept = {
        state: evolve(
            cell,
            branches=tuple(
                evolve(one, to="beginning", do=("begin_epoch",)) if one.to == "compacted" else one
                for one in cell.branches
            ),
        )
        for state, cell in resume.cells.items()
    }
    for state in ("interrupted", "ended"):
        branches = cells[state].branches
        plain = tuple(evolve(one, do=()) if one.do else one for one in branches)
        cells[state] = evolve(cells[state], branches=plain)
    events = {
        **DEFINITION.events,
        "compact": evolve(row, cells=cells),
        "resume": evolve(resume, cells=kept),
    }
    report = explore(SessionMachine(evolve(DEFINITION, events=events)), laws=())
    assert [str(one) for one in report.findings] == ["reach: no session ever comes to `compacted`"]


def test_the_search_gives_up_in_words() -> None:
    """Past its bound the search stops, and claims nothing of what it did not see."""
    report = explore(load_machine(), registers_max=5)
    assert [one.law for one in report.findings] == ["bound"]


def case(event: str, mode: str, before: Registers, step: Step | None = None, **facts: Any) -> Case:
    """A run that no engine of ours makes."""
    refusal = None if step and step.event == event else Refusal(event, before.state, ("no",))
    return Case(before, event, mode, facts, Run((step,) if step else (), refusal))


LIVE = Registers(T, epoch=1)
ASLEEP = Registers(I, left=T, epoch=1)


def step(event: str, before: Registers, after: Registers, outcome: str = "stay") -> Step:
    return Step(event, before, after, outcome, ())


IMPOSSIBLE = [
    ("told", case("compact", "told", LIVE)),
    (
        "refused",
        Case(
            LIVE,
            "turn_start",
            "asked",
            {},
            Run((step("turn_start", LIVE, LIVE),), Refusal("turn_start", T, ("no",))),
        ),
    ),
    (
        "briefed",
        case(
            "tool_before",
            "asked",
            LIVE,
            step("tool_before", LIVE, LIVE, "unbriefed_allow"),
            inject="request",
            unbriefed="allow",
        ),
    ),
    (
        "briefed",
        case(
            "tool_before",
            "asked",
            LIVE,
            step("tool_before", LIVE, LIVE, "after_end_rules"),
            after_end="rules",
        ),
    ),
    ("compaction", case("compact", "told", LIVE, step("compact", LIVE, LIVE, "duplicate"))),
    (
        "compaction",
        case(
            "compact",
            "told",
            ASLEEP,
            step("compact", ASLEEP, evolve(ASLEEP, owed=frozenset({"compacted"}))),
        ),
    ),
    (
        "resume",
        case("resume", "told", ASLEEP, step("resume", ASLEEP, LIVE, "move"), halted=True),
    ),
    (
        "resume",
        case(
            "resume",
            "told",
            ASLEEP,
            step("resume", ASLEEP, Registers(State.RESUMED, epoch=1), "move"),
            halted=False,
            gap="notice",
        ),
    ),
    (
        "duties",
        case(
            "turn_end",
            "told",
            evolve(LIVE, stale=True),
            step("turn_end", evolve(LIVE, stale=True), LIVE),
        ),
    ),
    (
        "waking",
        case("turn_end", "told", ASLEEP, step("turn_end", ASLEEP, LIVE, "move")),
    ),
    (
        "waking",
        Case(
            ASLEEP,
            "tool_after",
            "told",
            {},
            Run((step("resume", ASLEEP, LIVE, "move"), step("tool_after", LIVE, LIVE))),
        ),
    ),
]


@pytest.mark.parametrize(("law", "wrong"), IMPOSSIBLE)
def test_laws_see_what_no_engine_does(law: str, wrong: Case) -> None:
    """Each law sees its fault in a run made up for it, so that no law is asleep."""
    broken = {one.name for one in LAWS if one.broken(wrong)}
    assert law in broken


@pytest.mark.parametrize(
    "registers",
    [
        Registers(State.ABSENT, epoch=1),
        Registers(T, left=B, epoch=1),
        Registers(I, epoch=1),
        Registers(E, left=I, epoch=1),
        Registers(I, left=T, turn_open=True, epoch=1),
        Registers(C, epoch=1),
        Registers(T),
    ],
)
def test_registers_that_contradict_themselves(registers: Registers) -> None:
    """Registers that cannot be are named as such; those of a new session are in order."""
    assert broken_registers(registers)
    assert not broken_registers(ABSENT)


def test_the_packing_command_keeps_the_file_fresh() -> None:
    """Packing again changes nothing, for the file is fresh."""
    file = Path(governance.machine.__file__).with_name(PACKED)
    before = file.read_bytes()
    assert main() == 0
    assert file.read_bytes() == before
