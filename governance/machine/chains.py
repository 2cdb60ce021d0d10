"""
Every run that an event can have, found by asking only what the machine itself asks.

The circumstances have millions of combinations, but one run reads few of them. `every_run`
lets the run ask, answers each question in every possible way, and so visits each distinct
run once. It is complete for the registers it is given, and needs no bound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import cast

from attrs import evolve, field

from governance._attrs import define
from governance.machine.definition import Definition
from governance.machine.predicates import GAPS, PREDICATES
from governance.machine.registers import Circumstances, Registers, Run
from governance.machine.running import ChainError, SessionMachine
from governance.states import LIVE_STATES, State

_BOTH = (False, True)

CIRCUMSTANCES: Mapping[str, tuple[object, ...]] = {
    "gap": GAPS,
    # What is unknown counts as one of the two (`Look.lost`), so it has no run of its own.
    "history": ("kept", "lost"),
    "other_run": _BOTH,
    "late": _BOTH,
    "halted": _BOTH,
    "parent_alive": (True, False),
    "journal_writable": (True, False),
    "rendered_current": (True, False),
    "carries_text": _BOTH,
    "idle": _BOTH,
    "inject": ("transcript", "request", "none"),
    "unbriefed": ("allow", "ask", "deny"),
    "after_end": ("deny", "ask", "rules"),
    "refused_by_rules": ((), ("a rule refuses it",)),
}
"""Every circumstance with all the values it can have, the plainest first."""


@define(eq=False, slots=False)
class Asking:
    """Circumstances that are settled only when they are asked for."""

    known: Mapping[str, object]
    asked: dict[str, object] = field(factory=dict)

    def __getattr__(self, name: str) -> object:
        known = self.known
        value = known[name] if name in known else CIRCUMSTANCES[name][0]
        # Kept as an attribute too, so that this is called once a name.
        self.asked[name] = self.__dict__[name] = value
        return value


def every_run(
    machine: SessionMachine,
    registers: Registers,
    event: str,
    vary: Collection[str] = tuple(CIRCUMSTANCES),
) -> Iterator[tuple[Mapping[str, object], Run]]:
    """
    Each distinct run of *event* at *registers*, with the circumstances that it asked for.

    Circumstances that *vary* leaves out keep their plainest value.

    Raises:
        ChainError: The machine does not come to an end; it was never checked.
    """
    waiting: list[dict[str, object]] = [{}]
    while waiting:
        known = waiting.pop()
        asking = Asking(known)
        run = machine.run(registers, event, cast("Circumstances", asking))
        yield asking.asked, run
        waiting += _other_answers(asking, vary)


def _other_answers(asking: Asking, vary: Collection[str]) -> Iterator[dict[str, object]]:
    """The answers not yet given to what was asked beyond what was known beforehand."""
    settled: dict[str, object] = {}
    for name, value in asking.asked.items():
        if name not in asking.known and name in vary:
            for other in CIRCUMSTANCES[name]:
                if other != value:
                    yield {**settled, name: other}
        settled[name] = value


def longest_chains(definition: Definition) -> list[tuple[str, str, int | None, str]]:
    """
    For each event and state the longest chain: (event, state, steps, its events).

    The steps are ``None`` where a chain never ends. Only chains of more than one step and
    only events that can have one are listed.
    """
    # Far above any bound a file may set, so that what stops here has no end.
    machine = SessionMachine(evolve(definition, chain_max=_ENDLESS))
    vary = _chain_variables(definition)
    found: list[tuple[str, str, int | None, str]] = []
    for event in definition.events.values():
        for state, cell in event.cells.items():
            if not any(branch.first for branch in cell.branches):
                continue
            longest, words = 0, ""
            for registers in _sample_registers(State(state), vary):
                try:
                    runs = [run for _, run in every_run(machine, registers, event.name, vary)]
                except ChainError as error:
                    found.append((event.name, state, None, str(error)))
                    break
                for run in runs:
                    length = len(run.steps) + (run.refusal is not None)
                    if length > longest:
                        longest = length
                        words = ", ".join(f"`{step.event}`" for step in run.steps)
            else:
                found.append((event.name, state, longest, words))
    return found


_ENDLESS = 40


def _chain_variables(definition: Definition) -> frozenset[str]:
    """What a chain can depend on: what rows with `first` and the events they name read."""
    firsts = {
        branch.first
        for event in definition.events.values()
        for cell in event.cells.values()
        for branch in cell.branches
    }
    read = {
        variable
        for event in definition.events.values()
        for cell in event.cells.values()
        for branch in cell.branches
        if branch.first or event.name in firsts
        for name, _ in branch.when
        for variable in PREDICATES[name].reads
    }
    return frozenset(read | {"history", "other_run"} if "lost" in read else read)


def _sample_registers(state: State, vary: Collection[str]) -> Iterator[Registers]:
    """Registers at *state* that differ in all that *vary* names."""
    if state is State.ABSENT:
        yield Registers(state)
        return
    live = state in LIVE_STATES
    for left in (None,) if live else tuple(sorted(LIVE_STATES)):
        for owed in (frozenset({"due"}), frozenset[str]())[: 1 + ("owes" in vary)]:
            for taken in _BOTH[: 1 + ("taken" in vary)]:
                for turn_open in _BOTH[: 1 + (live and "turn_open" in vary)]:
                    yield Registers(state, left, owed, False, 1, turn_open, taken, 1)
