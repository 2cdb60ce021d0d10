"""The engine against the pure table: any order of events, legal or not."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from governance.calls import ToolCall
from governance.engine import restoring
from governance.journal.memory import MemoryJournal
from governance.ledger import halted
from governance.machine import ABSENT, Circumstances, GapBounds, Registers, Run, classify_gap
from governance.session.commands import Command
from governance.session.state import FOLD_VERSION
from governance.states import State
from governance.testing import ManualClock
from governance.testing.engines import memory_engine

PACK = """
format = 1
[pack]
name = "model"
version = "1.0.0"
summary = "Rules for the model test."

[[rule]]
id = "model.deny"
tools = ["shell"]
when.command = "forbidden"
action = "deny"
message = "No."
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[context]]
id = "hello"
at = ["beginning", "compacted", "resumed"]
text = "Be governed."
"""

SESSION = "s-1"
STEPS_SECONDS = (0, 1, 1800, 3599, 3600, 3601, 172_799, 172_800, 604_799, 604_800, 10**7, -5)
EVENTS = (
    "start", "turn_start", "turn_end", "tool_before", "tool_after", "command", "compacting",
    "compact", "lapse", "interrupt", "resume", "reset", "end",
)  # fmt: skip


class EngineMachine(RuleBasedStateMachine):
    """Drives one session of an engine and its registers by the table alone."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.journal = MemoryJournal()
        self.engine = memory_engine(PACK, clock=self.clock, journal=self.journal)
        self.registers: Registers = ABSENT
        self.last_work_ms: int | None = None
        self.calls = 0

    def circumstances(self, event: str) -> Circumstances:
        state, bounds = self.registers, GapBounds()
        gap = "none"
        outside = event in ("tool_before", "child_start") and not state.turn_open
        measured = event in ("start", "resume", "turn_start") or outside
        if state.state is State.ABSENT:
            measured = event == "resume"
        if measured:
            now = self.clock.now_ms()
            known = self.last_work_ms
            gap = classify_gap(None if known is None else now - known, bounds)
        ledger = self.engine.state(SESSION).ledger
        return Circumstances(
            gap=gap,
            history="kept",
            halted=halted(ledger, self.clock.now_ms()) is not None,
            carries_text=True,
        )

    @rule(seconds=st.sampled_from(STEPS_SECONDS))
    def time_passes(self, seconds: int) -> None:
        if seconds < 0:
            self.clock.skew(seconds * 1000)
        else:
            self.clock.advance(seconds * 1000)

    @rule(event=st.sampled_from(EVENTS), command=st.sampled_from(["fine", "forbidden"]))
    def event_happens(self, event: str, command: str) -> None:
        """The engine stands where the table says, for every event in every state."""
        expected = self.engine.law.machine.run(self.registers, event, self.circumstances(event))
        head_before = self.engine.state(SESSION).head
        self.calls += 1
        call = None
        if event in ("tool_before", "tool_after"):
            own = {"command": command}
            call = ToolCall("shell", native="shell", own=own, args=own, call_id=f"c{self.calls}")
        data = {
            "turn_start": {"prompt": "go"},
            "tool_after": {"outcome": "ok"},
            "command": {"name": "help"},
        }.get(event, {})
        reply = self.engine.handle(
            Command(event=event, session=SESSION, history="kept", call=call, data=data)
        )
        after = expected.after(self.registers)
        state = self.engine.state(SESSION)
        if expected.refusal is not None:
            assert reply.denied
            assert state.registers == after
        else:
            outcome = expected.outcome
            briefs = event in ("start", "resume", "reset", "turn_start", "compact")
            if (briefs and reply.injection is not None) or outcome == "brief_instead":
                brief = self.engine.law.machine.run(after, "brief", Circumstances())
                after = brief.after(after)
            assert state.registers == after
            assert state.head > head_before
        gap = self.circumstances(event).gap if expected.refusal is None else "none"
        if self.worked(event, expected) or gap == "negative":
            self.last_work_ms = self.clock.now_ms()
        assert state.last_work_at_ms == self.last_work_ms
        self.registers = state.registers

    def worked(self, event: str, run: Run) -> bool:
        """Whether the clock of the gap starts anew: work was done, or a new epoch began."""
        if any(step.event in ("start", "resume") for step in run.steps[:-1]):
            return True
        if run.refusal is not None:
            return False
        last = run.steps[-1]
        if event == "reset":
            return last.outcome == "move"
        if event in ("start", "resume"):
            return last.outcome == "move"
        return event in ("turn_start", "tool_before") and last.outcome not in ("late", "duplicate")

    @rule(text=st.sampled_from(["stale-sha"]))
    def outdated_brief(self, text: str) -> None:
        """A briefing rendered before the last move changes nothing."""
        before = self.engine.state(SESSION).registers
        if before.state is State.ABSENT:
            return
        data = {"sha256": text, "rendered_at": 0, "blocks": [], "characters": 1, "why": "briefing"}
        self.engine.handle(Command(event="brief", session=SESSION, data=data))
        assert self.engine.state(SESSION).registers == before

    @precondition(lambda self: self.registers.state is not State.ABSENT)
    @rule()
    def forget(self) -> None:
        """What is evicted from memory is restored as it was."""
        before = self.engine.state(SESSION)
        self.engine.live.drop(SESSION)
        assert self.engine.state(SESSION) == before

    @precondition(lambda self: self.registers.state is not State.ABSENT)
    @rule(cut=st.integers(0, 40))
    def snapshot_and_tail(self, cut: int) -> None:
        """A snapshot of any prefix and the tail after it give the full fold."""
        full = restoring.restore(self.journal, SESSION)
        head = max(1, full.head - cut)
        records = self.journal.read(SESSION, limit=10_000)
        state = restoring.fold(records[:head], SESSION)
        restoring.keep_snapshot_at(self.journal, state, records[head - 1].hash)
        assert self.journal.snapshot_get(SESSION, version=FOLD_VERSION) is not None
        assert restoring.restore(self.journal, SESSION) == full

    @invariant()
    def injected_is_derived(self) -> None:
        """`governance_injected` holds exactly in Between-Turn with nothing owed."""
        registers = self.engine.state(SESSION).registers
        expected = registers.state is State.BETWEEN_TURN and not registers.owed
        assert self.engine.state(SESSION).governance_injected is expected

    @invariant()
    def journal_verifies(self) -> None:
        """The chain holds after every step."""
        assert self.journal.verify(SESSION).ok

    def teardown(self) -> None:
        self.engine.close()


TestEngineModel = EngineMachine.TestCase
