"""
The words a machine file may use in ``do``: each a small change of the registers.

Effects of one branch are done in the order they are written, on a draft that becomes the
new registers when the step is complete; so a step changes everything or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from governance._attrs import define, frozen
from governance.machine.predicates import View
from governance.machine.registers import NOTHING_OWED, Registers
from governance.states import LIVE_STATES, State


@define(eq=False, repr=False)
class Draft:
    """Registers while a step is being made, and whether the step closed an open turn."""

    state: State
    left: State | None
    owed: frozenset[str]
    stale: bool
    turn: int
    turn_open: bool
    taken: bool
    epoch: int
    turn_closed: bool = False

    @classmethod
    def of(cls, registers: Registers) -> Draft:
        return cls(
            registers.state,
            registers.left,
            registers.owed,
            registers.stale,
            registers.turn,
            registers.turn_open,
            registers.taken,
            registers.epoch,
        )

    def move(self, target: State) -> None:
        """Go to *target*; `left` keeps itself, so that no table can forget it."""
        if target in LIVE_STATES:
            self.left = None
        elif self.state in LIVE_STATES:
            self.left = self.state
        self.state = target

    def seal(self) -> Registers:
        return Registers(
            self.state,
            self.left,
            self.owed,
            self.stale,
            self.turn,
            self.turn_open,
            self.taken,
            self.epoch,
        )


@frozen
class Effect:
    """One change, and what it does in plain words."""

    apply: Callable[[Draft, View], None]
    means: str


def _begin_epoch(draft: Draft, view: View) -> None:
    _close_turn(draft, view)
    draft.left = None
    draft.owed = frozenset({"beginning"})
    draft.stale = False
    draft.turn = 0
    draft.taken = False
    draft.epoch += 1


def _close_turn(draft: Draft, _view: View) -> None:
    if draft.turn_open:
        draft.turn_open = False
        draft.turn_closed = True


def _next_turn(draft: Draft, view: View) -> None:
    _close_turn(draft, view)
    draft.turn += 1
    draft.turn_open = True
    draft.taken = False
    if view.inject == "request":
        draft.owed |= {"due"}


def _owe(duty: str) -> Callable[[Draft, View], None]:
    def effect(draft: Draft, _view: View) -> None:
        draft.owed |= {duty}

    return effect


def _owe_nothing(draft: Draft, _view: View) -> None:
    draft.owed = NOTHING_OWED


def _left_compacted(draft: Draft, _view: View) -> None:
    draft.left = State.COMPACTED


def _set_stale(draft: Draft, _view: View) -> None:
    draft.stale = True


def _taken(value: bool) -> Callable[[Draft, View], None]:
    def effect(draft: Draft, _view: View) -> None:
        draft.taken = value

    return effect


EFFECTS: Mapping[str, Effect] = {
    "begin_epoch": Effect(
        _begin_epoch, "a new epoch: the beginning is owed, all else is as on the first day"
    ),
    "next_turn": Effect(
        _next_turn,
        "an open turn ends, the next one starts; a host that forgets with each request owes anew",
    ),
    "close_turn": Effect(_close_turn, "an open turn ends"),
    "owe_compacted": Effect(_owe("compacted"), "the model must be told what compaction took"),
    "owe_resumed": Effect(_owe("resumed"), "the model must be told of the gap"),
    "owe_due": Effect(_owe("due"), "the model must be told again"),
    "owe_nothing": Effect(_owe_nothing, "the model has been told everything"),
    "left_compacted": Effect(_left_compacted, "work will go on in Compacted"),
    "set_stale": Effect(_set_stale, "the first write has to be approved"),
    "take_compaction": Effect(_taken(True), "this compaction counts as reported"),
    "await_compaction": Effect(_taken(False), "the next report is of a new compaction"),
}
