"""
What one event comes to: the loop that reads the table.

`SessionMachine.run` is pure: it reads registers and circumstances and gives a `Run`; no
session is registered anywhere, and a run that is thrown away has changed nothing. Moves go
through one shared machine of the `transitions` library, made when the first move is made,
which drives a throw-away attempt; what stays (a tool call in Between-Turn above all) is
read from the table alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, cast

from attrs import field

from governance._attrs import define
from governance.machine.definition import LEFT, Branch, Definition
from governance.machine.effects import EFFECTS, Draft
from governance.machine.predicates import PREDICATES, View
from governance.machine.registers import (
    AfterEnd,
    Circumstances,
    Gap,
    Inject,
    Refusal,
    Registers,
    Run,
    Step,
    Unbriefed,
)
from governance.states import State

if TYPE_CHECKING:
    from transitions import EventData, Machine

_NONE_USED: frozenset[str] = frozenset()
# A rule refuses what is about to happen; what only repeats or comes late happens no more.
_NOTHING_NEW = frozenset({"duplicate", "late"})


class ChainError(AssertionError):
    """A chain grew past its bound: a machine that was never checked is in use."""


@define(eq=False, repr=False)
class Look:
    """
    One look at the world: registers, circumstances, and how far the chain has come.

    It is the `View` that predicates see. A circumstance that the chain has used up reads
    as if nothing had been measured, so no fact can cause two steps.
    """

    registers: Registers
    facts: Circumstances
    used: frozenset[str] = _NONE_USED
    chained: bool = False

    @property
    def gap(self) -> Gap:
        return "none" if "gap" in self.used else self.facts.gap

    @property
    def lost(self) -> bool:
        if "history" in self.used:
            return False
        past = self.facts.history
        # Fail closed: when the process that kept the history is gone and nobody says
        # that it was kept elsewhere, the model knows nothing.
        return past == "lost" or (past == "unknown" and self.facts.other_run)

    @property
    def other_run(self) -> bool:
        return "other_run" not in self.used and self.facts.other_run

    @property
    def late(self) -> bool:
        return self.facts.late

    @property
    def halted(self) -> bool:
        return self.facts.halted

    @property
    def parent_alive(self) -> bool:
        return self.facts.parent_alive

    @property
    def journal_writable(self) -> bool:
        return self.facts.journal_writable

    @property
    def rendered_current(self) -> bool:
        return self.facts.rendered_current

    @property
    def carries_text(self) -> bool:
        return self.facts.carries_text

    @property
    def idle(self) -> bool:
        return self.facts.idle

    @property
    def inject(self) -> Inject:
        return self.facts.inject

    @property
    def unbriefed(self) -> Unbriefed:
        return self.facts.unbriefed

    @property
    def after_end(self) -> AfterEnd:
        return self.facts.after_end

    @property
    def turn_open(self) -> bool:
        return self.registers.turn_open

    @property
    def taken(self) -> bool:
        return self.registers.taken

    @property
    def owes(self) -> bool:
        return bool(self.registers.owed)

    @property
    def left(self) -> State | None:
        return self.registers.left


Test = Callable[[View], bool]


@define(eq=False, repr=False)
class _Row:
    """A branch made ready: tests with the answers they must give."""

    branch: Branch
    tests: tuple[tuple[Test, bool], ...]

    def holds(self, view: View) -> bool:
        # A plain loop: a generator would cost more than the tests themselves.
        for test, answer in self.tests:  # noqa: SIM110 -- see above
            if test(view) is not answer:
                return False
        return True


@define(eq=False, repr=False)
class _Ready:
    """A cell made ready."""

    guards: tuple[tuple[Test, str], ...]
    rows: tuple[_Row, ...]


class _Mover(Protocol):
    """What `transitions` gives for one event name."""

    def trigger(self, model: object) -> bool: ...


@define(eq=False, repr=False)
class Attempt:
    """What `transitions` moves: thrown away when the step is made."""

    state: str
    look: Look
    row: _Row


@define(eq=False, repr=False)
class SessionMachine:
    """
    A checked machine that any number of sessions share, from any number of threads.

    Attributes:
        definition: What was declared, for pictures and for documents.
    """

    definition: Definition
    _cells: Mapping[tuple[str, str], _Ready] = field(init=False, repr=False)
    _engine: Machine | None = field(init=False, default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        self._cells = {
            (event.name, state): _Ready(
                tuple((PREDICATES[name].test, PREDICATES[name].refusal) for name in cell.guards),
                tuple(_ready_row(branch) for branch in cell.branches),
            )
            for event in self.definition.events.values()
            for state, cell in event.cells.items()
        }

    def run(self, registers: Registers, event: str, circumstances: Circumstances) -> Run:
        """
        What *event* comes to for a session at *registers*.

        Gives the steps in order, what had to come first included. A refusal keeps what
        came first and nothing else. Asked events are refused where a guard, a row of the
        table or a rule says so; told ones never are. Neither argument is changed.

        Raises:
            KeyError: *event* is no event of this machine.
        """
        steps: list[Step] = []
        refusal = self._drive(registers, event, circumstances, steps, _NONE_USED, 0)
        return Run(tuple(steps), refusal)

    def _drive(
        self,
        registers: Registers,
        event: str,
        facts: Circumstances,
        steps: list[Step],
        used: frozenset[str],
        depth: int,
    ) -> Refusal | None:
        """Add the steps of *event* to *steps*; *depth* says how many events wait for it."""
        definition = self.definition
        inner = depth > 0
        look = Look(registers, facts, used)
        while True:
            cell = self._cells[event, str(look.registers.state)]
            if not inner and cell.guards:
                reasons = tuple(reason for test, reason in cell.guards if not test(look))
                if reasons:
                    return Refusal(event, look.registers.state, reasons)
            row = _choose(cell, look)
            branch = row.branch
            if not branch.first:
                break
            if len(steps) + depth >= definition.chain_max - 1:
                raise ChainError(f"`{event}` in `{look.registers.state}` does not come to an end")
            inner_refusal = self._drive(
                look.registers, branch.first, facts, steps, look.used, depth + 1
            )
            # INVARIANT: only what was asked can be refused, and nobody asked for this.
            assert inner_refusal is None, f"`{branch.first}` was refused inside `{event}`"
            look.registers = steps[-1].after
            look.chained = True
            for step in steps:
                look.used = look.used.union(definition.events[step.event].uses)
        if branch.refuse:
            return Refusal(event, look.registers.state, (branch.refuse,))
        if facts.refused_by_rules and not inner and self._rules_apply(event, branch):
            return Refusal(event, look.registers.state, facts.refused_by_rules)
        steps.append(self._step(event, row, look))
        return None

    def _rules_apply(self, event: str, branch: Branch) -> bool:
        asked = self.definition.events[event].mode == "asked"
        return asked and branch.outcome not in _NOTHING_NEW

    def _step(self, event: str, row: _Row, look: Look) -> Step:
        before = look.registers
        branch = row.branch
        target = before.state
        if branch.to:
            target = self._move(event, row, look)
        if target is before.state and not branch.do:
            return Step(event, before, before, branch.outcome, branch.emits, _why(branch, look))
        draft = Draft.of(before)
        for name in branch.do:
            EFFECTS[name].apply(draft, look)
        draft.move(target)
        after = draft.seal()
        emits = branch.emits
        if draft.turn_closed and "turn.ended" not in emits:
            emits = ("turn.ended", *emits)
        if after == before:
            after = before
        return Step(event, before, after, branch.outcome, emits, _why(branch, look))

    def _move(self, event: str, row: _Row, look: Look) -> State:
        """The state that `transitions` moves a throw-away attempt to."""
        engine = self._engine
        if engine is None:
            engine = self._engine = self._build()
        attempt = Attempt(look.registers.state.value, look, row)
        mover = cast("_Mover", engine.events[event])
        moved = mover.trigger(attempt)
        # INVARIANT: the library's machine has the edge that the table chose.
        assert moved is True, f"`{event}` did not move from `{look.registers.state}`"
        return State(attempt.state)

    def _build(self) -> Machine:
        """
        The one shared machine of the `transitions` library.

        Two threads may build it at once; both come to equal machines, and one is kept.
        """
        from transitions import Machine

        definition = self.definition
        machine = Machine(
            model=None,
            states=list(definition.states),
            initial=definition.initial,
            auto_transitions=False,
            send_event=True,
            queued=False,
        )
        rows = {
            (event, state, id(row.branch)): row
            for (event, state), cell in self._cells.items()
            for row in cell.rows
        }
        for source, event, target, branch in definition.moves():
            row = rows[event, source, id(branch)]
            condition = _condition(row, target if branch.to == LEFT else None)
            machine.add_transition(event, source, target, conditions=[condition])
        return machine


def _ready_row(branch: Branch) -> _Row:
    return _Row(branch, tuple((PREDICATES[name].test, answer) for name, answer in branch.when))


def _choose(cell: _Ready, look: Look) -> _Row:
    for row in cell.rows:
        if row.holds(look):
            return row
    raise ChainError("no row holds: a machine that was never checked is in use")


def _why(branch: Branch, look: Look) -> tuple[str, ...]:
    """Why an event that was told had no effect."""
    if "event.refused" not in branch.emits:
        return ()
    return (PREDICATES["not_halted"].refusal,) if look.facts.halted else ()


def _condition(row: _Row, left: str | None) -> Callable[[EventData], bool]:
    """The guard of one edge, as `transitions` calls it: always a real bool."""

    def condition(data: EventData) -> bool:
        attempt = cast("Attempt", data.model)
        if attempt.row is not row or not row.holds(attempt.look):
            return False
        return left is None or attempt.look.left == left

    return condition
