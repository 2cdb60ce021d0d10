"""A session driven through the shipped machine, as the engine would drive it."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from governance.machine import ABSENT, Circumstances, Registers, Run, Step, load_machine
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
