"""
The closed search: every register state a session can come to, under every circumstance.

Numbers that only count (the turn, the epoch) are cut down to what a law can tell apart, so
the search comes to an end; it needs no bound on depth, and what it finds is a proof. It is
breadth first: the trace of a finding is the shortest there is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from attrs import evolve, field

from governance._attrs import frozen
from governance.errors import Diagnostic
from governance.machine.chains import every_run
from governance.machine.registers import ABSENT, Registers
from governance.machine.running import ChainError, SessionMachine
from governance.states import State
from governance.verify.laws import LAWS, Case, Law, broken_laws

REGISTERS_MAX = 20_000
"""Register states after which the search gives up, and says so as a finding."""


@frozen
class TraceStep:
    """One event of a trace: the circumstances that mattered, and where it led."""

    event: str
    facts: Mapping[str, object] = field(hash=False)
    state: State
    outcome: str

    def __str__(self) -> str:
        plain = (False, "none", "kept", ())
        told = [(name, value) for name, value in self.facts.items() if value not in plain]
        said = ", ".join(f"{name}={value}" for name, value in told)
        return f"{self.event}({said}) -> {self.state} ({self.outcome})"


@frozen
class Finding:
    """
    One law that does not hold.

    Attributes:
        law: Its name in `governance.verify.LAWS`, or ``"reach"``, ``"end"``, ``"chain"``,
            ``"bound"``.

        message: What was found.

        trace: The shortest way from a session never seen to the event that breaks it.
    """

    law: str
    message: str
    trace: tuple[TraceStep, ...] = ()

    def __str__(self) -> str:
        way = "; ".join(str(step) for step in self.trace)
        return f"{self.law}: {self.message}" + (f" [{way}]" if way else "")


@frozen
class Report:
    """
    What the search saw.

    Attributes:
        sha256: Of the machine file that was searched.

        registers: Distinct register states that a session can come to, by state.

        runs: Distinct runs of an event that were looked at.

        chain_longest: Steps of the longest chain seen.

        laws: The laws that were held against each run.

        findings: What does not hold, one finding a law, shortest trace first.
    """

    machine: str
    sha256: str
    registers: Mapping[State, int] = field(hash=False)
    runs: int
    chain_longest: int
    laws: tuple[Law, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not self.findings

    def diagnostics(self, file: str) -> tuple[Diagnostic, ...]:
        """The findings as GOV168 diagnostics of *file*, for a command to print."""
        return tuple(Diagnostic("GOV168", str(one), file) for one in self.findings)


_Steps = dict[Registers, tuple[Registers, TraceStep]]


def explore(
    machine: SessionMachine,
    *,
    laws: Sequence[Law] = LAWS,
    findings_max: int | None = None,
    registers_max: int = REGISTERS_MAX,
) -> Report:
    """
    Search every register state that a session of *machine* can come to.

    Holds *laws* against every distinct run of every event, and proves that every state is
    reached and that ``end`` can end the session from wherever it is. With *findings_max*
    the search stops after that many findings, and its counts are of what it had seen; past
    *registers_max* register states it gives up, which is a finding too.
    """
    search = _Search(machine, tuple(laws), findings_max, registers_max)
    search.run()
    counted = dict.fromkeys(State, 0)
    for registers in search.seen:
        counted[registers.state] += 1
    return Report(
        machine=machine.definition.name,
        sha256=machine.definition.sha256,
        registers=counted,
        runs=search.runs,
        chain_longest=search.chain_longest,
        laws=search.laws,
        findings=(*search.findings.values(), *search.unreached(counted)),
    )


class _Search:
    def __init__(
        self,
        machine: SessionMachine,
        laws: tuple[Law, ...],
        findings_max: int | None,
        registers_max: int,
    ) -> None:
        self.machine = machine
        self.laws = laws
        self.findings_max = findings_max
        self.registers_max = registers_max
        self.seen: set[Registers] = {ABSENT}
        self.came: _Steps = {}
        self.findings: dict[str, Finding] = {}
        self.runs = 0
        self.chain_longest = 0

    def run(self) -> None:
        waiting = deque([ABSENT])
        while waiting and not self.stopped:
            registers = waiting.popleft()
            for event in self.machine.definition.events:
                waiting += self._try(registers, event)
            self._can_end(registers)
            if len(self.seen) > self.registers_max:
                said = f"more than {self.registers_max} register states; the search gave up"
                self.findings["bound"] = Finding("bound", said)
                return

    def _try(self, registers: Registers, event: str) -> list[Registers]:
        """Every run of *event* at *registers*; gives the register states that are new."""
        mode = self.machine.definition.events[event].mode
        new: list[Registers] = []
        try:
            for facts, run in every_run(self.machine, registers, event):
                self.runs += 1
                self.chain_longest = max(self.chain_longest, len(run.steps))
                case = Case(registers, event, mode, facts, run)
                after = _cut(run.after(registers))
                step = TraceStep(event, facts, after.state, run.outcome)
                for law, found in broken_laws(case, self.laws):
                    self._find(law.name, found, registers, step)
                if after not in self.seen:
                    self.seen.add(after)
                    self.came[after] = (registers, step)
                    new.append(after)
        except ChainError as error:
            self._find("chain", str(error), registers, None)
        except AssertionError as error:
            self._find("refused", str(error), registers, None)
        return new

    def _can_end(self, registers: Registers) -> None:
        """`end` is told, so it ends the session at once, from wherever it is."""
        if registers.state is State.ABSENT:
            return
        for facts, run in every_run(self.machine, registers, "end"):
            after = run.after(registers)
            if after.state is not State.ENDED:
                step = TraceStep("end", facts, after.state, run.outcome)
                self._find("end", "the end does not end the session", registers, step)

    def _find(self, law: str, message: str, at: Registers, step: TraceStep | None) -> None:
        if law in self.findings:
            return
        trace = [step] if step is not None else []
        while at in self.came:
            at, came = self.came[at]
            trace.append(came)
        self.findings[law] = Finding(law, message, tuple(reversed(trace)))

    @property
    def stopped(self) -> bool:
        return self.findings_max is not None and len(self.findings) >= self.findings_max

    def unreached(self, counted: Mapping[State, int]) -> list[Finding]:
        """The states that no session comes to; nothing is known of them if it stopped."""
        if self.stopped or "bound" in self.findings:
            return []
        missing = [state for state, count in counted.items() if not count]
        return [Finding("reach", f"no session ever comes to `{state}`") for state in missing]


def _cut(registers: Registers) -> Registers:
    """*registers* without the turn's number, and with no epoch above the first."""
    if registers.turn == 0 and registers.epoch < 2:
        return registers
    return evolve(registers, turn=0, epoch=min(registers.epoch, 1))
