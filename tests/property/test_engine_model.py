"""The engine against the pure table and a plain ledger: any order of events, legal or not."""

from __future__ import annotations

from collections import Counter
from functools import cache

from attrs import define, evolve, field
from hypothesis import HealthCheck, currently_in_test_context, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from governance.calls import ToolCall
from governance.engine import EngineOptions, restoring
from governance.journal.memory import MemoryJournal
from governance.ledger import halted
from governance.machine import (
    ABSENT,
    Circumstances,
    GapBounds,
    Registers,
    Run,
    SessionMachine,
    Step,
    classify_gap,
    load_machine,
)
from governance.session.commands import Command, HostTraits
from governance.session.law import HostSettings, Law
from governance.session.replies import Reply
from governance.session.state import FOLD_VERSION, SessionState
from governance.states import LIVE_STATES, State
from governance.testing import ManualClock
from governance.testing.engines import law_of, memory_engine, settings_with
from governance.values import Json


def _rule(name: str, command: str, action: str, severity: str) -> str:
    return f"""
[[rule]]
id = "model.{name}"
tools = ["shell"]
when.command = {{ starts_with = "{command}" }}
action = "{action}"
severity = "{severity}"
message = "It is {name}."
must_match = [{{ tool = "shell", command = "{command} x" }}]
must_not_match = [{{ tool = "shell", command = "fine" }}]
"""


ASK = '\nask = { expires = "3650d" }\n'
PACK = (
    """
format = 1
[pack]
name = "model"
version = "1.0.0"
summary = "Rules for the model test."

[[rule]]
id = "model.prompt"
on = "prompt"
when.prompt = "bad"
action = "deny"
message = "Not that word."
must_match = [{ prompt = "bad" }]
must_not_match = [{ prompt = "go" }]

[[escalation]]
id = "model.twice"
count = 2
within = "3650d"
of = { severity = ["high"] }
action = "halt"
lasts = "pardon"
message = "Twice."

[[context]]
id = "hello"
at = ["beginning", "compacted", "resumed"]
text = "Be governed."
"""
    + _rule("denied", "forbidden", "deny", "medium")
    + _rule("halted", "stop", "halt", "medium")
    + _rule("asked", "publish", "ask", "high").rstrip()
    + ASK
)

PARENT, CHILD = "s-1", "s-1/a"
STEPS_SECONDS = (0, 1, 1800, 3599, 3600, 3601, 172_799, 172_800, 604_799, 604_800, 10**6, -5)
EVENTS = (
    "start", "turn_start", "turn_start", "turn_start", "turn_end", "command", "compacting",
    "compact", "lapse", "interrupt", "resume", "reset", "end", "child_start", "child_end",
)  # fmt: skip
COMMANDS = ("fine", "fine", "forbidden", "publish", "publish", "publish", "stop")
SETTLING = ("turn_start", "turn_end", "reset", "end")
CARRIERS = ("start", "resume", "reset", "turn_start", "compact", "child_start")
REMARKS = ("late", "duplicate", "unmatched", "outdated")
HOSTS = {
    "python": HostSettings(),
    "strict": HostSettings(unbriefed="deny", after_end="rules"),
    "asking": HostSettings(unbriefed="ask", after_end="ask"),
}

BRANCHES = frozenset(
    {
        "allowed", "denied by a rule", "halted by a rule", "put to a person", "nobody to ask",
        "briefed instead", "refused by the table", "refused by a guard", "halted",
        "halted while settling", "halted by its parent", "prompt refused", "no resume while halted",
        "settled as refused", "settled as unknown", "refused ask", "ran though denied", "remark",
        "stale", "interrupted with its parent", "adopted", "new epoch", "process died",
        "history lost", "clock back", "pardoned",
    }
)  # fmt: skip
"""What may become of an event in this model; each is reached, or the model proves too little."""

ROUNDS_MAX = 5
"""How often examples are made anew while a branch is missing; one round is enough nearly always."""

REACHED: Counter[str] = Counter()


def reached(branch: str) -> None:
    assert branch in BRANCHES, branch
    REACHED[branch] += 1
    if currently_in_test_context():
        event(branch)


@cache
def machine() -> SessionMachine:
    return load_machine()


@cache
def law() -> Law:
    return law_of(PACK, settings=settings_with(hosts=HOSTS))


@define(eq=False)
class Open:
    """A call without an outcome, as the model knows it."""

    command: str
    questioned: bool
    stale: bool


@define(eq=False)
class Twin:
    """A session by the table alone, with a ledger that is three numbers."""

    id: str
    parent: Twin | None = None
    registers: Registers = ABSENT
    last_work_ms: int | None = None
    run: str = ""
    calls: dict[str, Open] = field(factory=dict)
    denied: dict[str, str] = field(factory=dict)
    children: list[Twin] = field(factory=list)
    total: int = 0
    high: int = 0
    stopped: bool = False
    known: bool = False

    @property
    def own_halt(self) -> bool:
        return self.stopped or self.high >= 2

    @property
    def halted(self) -> bool:
        return self.own_halt or (self.parent is not None and self.parent.own_halt)

    @property
    def live(self) -> bool:
        return self.registers.state in LIVE_STATES

    def interrupt(self) -> None:
        """Nobody works here any more, and in no live child either."""
        self.registers = (
            machine().run(self.registers, "interrupt", Circumstances()).after(self.registers)
        )
        self.interrupt_children()

    def interrupt_children(self) -> None:
        for child in self.children:
            if child.live and child not in BUSY:
                reached("interrupted with its parent")
                child.interrupt()

    def count(self, severity: str) -> None:
        """One call did something against a rule; a step that it brings stops who works."""
        self.total += 1
        self.high += severity == "high"
        if severity == "high" and self.high == 2 and self.live:
            self.interrupt()
        if self.parent is not None and self.parent.known:
            self.parent.count(severity)

    def settle(self, call_id: str, outcome: str) -> None:
        call = self.calls.pop(call_id)
        if call.questioned and outcome == "refused" and call.command.startswith("publish"):
            reached("refused ask")
            self.count("high")
        if call.stale and outcome == "ok":
            self.registers = self.registers.approve_write()

    def settle_all(self) -> None:
        for call_id, call in list(self.calls.items()):
            reached("settled as refused" if call.questioned else "settled as unknown")
            self.settle(call_id, "refused" if call.questioned else "unknown")


BUSY: list[Twin] = []
"""The session whose event it is: what follows from it in others never comes back to it."""


def told_apart(state: SessionState) -> SessionState:
    """*state* without what the row of a refusal itself changes."""
    return evolve(state, head=0, size_bytes=0, counts=b"", denied=(), denied_marks=b"")


class EngineMachine(RuleBasedStateMachine):
    """Drives a session and its child through an engine, and their twins by the table alone."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.journal = MemoryJournal()
        self.engine = memory_engine(
            clock=self.clock,
            journal=self.journal,
            law=law(),
            options=EngineOptions(run="test", idle_ms_max=10**15),
        )
        parent = Twin(PARENT)
        self.twins = {PARENT: parent, CHILD: Twin(CHILD, parent)}
        self.number = 0

    # -- what the twins know ---------------------------------------------------------------

    def circumstances(self, twin: Twin, command: Command) -> Circumstances:
        state, name = twin.registers, command.event
        outside = name in ("tool_before", "child_start") and not state.turn_open
        measured = name in ("start", "resume", "turn_start") or outside
        if state.state is State.ABSENT:
            measured = name == "resume"
        known, now = twin.last_work_ms, self.clock.now_ms()
        gap = classify_gap(None if known is None else now - known, GapBounds())
        parent, host = twin.parent, HOSTS[command.host]
        return Circumstances(
            gap=gap if measured else "none",
            history=command.history,
            other_run=bool(command.run and twin.run and command.run != twin.run),
            late=command.late,
            halted=twin.halted,
            parent_alive=parent is None
            or parent.registers.state not in (State.ABSENT, State.ENDED),
            carries_text=command.delivery != "none" and command.traits.inject != "none",
            inject=command.traits.inject,
            idle=command.data.get("reason") == "idle",
            unbriefed=host.unbriefed,
            after_end=host.after_end,
        )

    def work(self, twin: Twin, command: Command) -> None:
        twin.last_work_ms = self.clock.now_ms()
        twin.run = command.run or twin.run

    # -- what happens ----------------------------------------------------------------------

    def handle(self, command: Command) -> None:
        """The engine answers as the twin foresees, and both stand in the same place after it."""
        twin = self.twins[command.session]
        before = self.engine.state(twin.id)
        BUSY[:] = [twin]
        registers = twin.registers
        above = twin.parent is not None and twin.parent.own_halt
        refused, quiet = self.foresee(twin, command)
        reply = self.engine.handle(command)
        state = self.engine.state(twin.id)

        assert reply.denied is refused, reply
        # What a child's own call halts above it is known to the next event.
        assert bool(reply.halted) is (twin.own_halt or above)
        if quiet:
            assert told_apart(state) == told_apart(before), "a refusal changes nothing"
            assert state.head == before.head + 1, "but has a row of its own"
            assert twin.registers == registers
        for one in self.twins.values():
            self.compare(one)
        self.note(reply)

    def compare(self, twin: Twin) -> None:
        state = self.engine.state(twin.id)
        assert state.registers == twin.registers
        assert state.last_work_at_ms == twin.last_work_ms
        assert state.run == twin.run
        assert [one.call_id for one in state.open_calls] == list(twin.calls)
        assert list(state.children) == [one.id for one in twin.children]
        assert state.ledger.total == twin.total
        assert state.ledger.counts.get("high", 0) == twin.high
        assert (halted(state.ledger, self.clock.now_ms()) is not None) is twin.own_halt

    def note(self, reply: Reply) -> None:
        assert reply.reasons or reply.rules or not reply.denied, "a refusal has its reasons"

    def foresee(self, twin: Twin, command: Command) -> tuple[bool, bool]:
        """Whether *command* is refused, and whether that is all that happens."""
        facts = self.circumstances(twin, command)
        if facts.gap == "negative":
            reached("clock back")
            twin.last_work_ms = self.clock.now_ms()
        twin.known = True
        run = machine().run(twin.registers, command.event, facts)
        first = run.steps if run.refusal else run.steps[:-1]
        for step in first:
            self.came_first(twin, step, command)
        quiet = not first and facts.gap != "negative"
        if run.refusal is not None:
            self.refusal(twin, run, facts)
            self.forbidden(twin, command)
            return True, quiet
        last = run.steps[-1]
        if command.event in SETTLING and last.outcome not in REMARKS and twin.calls:
            quiet = False
            twin.settle_all()
            if twin.own_halt and not facts.halted:
                reached("halted while settling")
                run = machine().run(twin.registers, command.event, evolve(facts, halted=True))
                if run.refusal is not None:
                    return True, False
                last = run.steps[-1]
        refused = self.happen(twin, last, command)
        return refused, quiet and bool(last.reasons)

    def came_first(self, twin: Twin, step: Step, command: Command) -> None:
        twin.registers = step.after
        if step.event == "start":
            reached("adopted")
        if step.event == "interrupt":
            reached("process died")
            twin.interrupt_children()
        if step.event in ("start", "resume"):
            self.work(twin, command)
        if step.event == "resume" and step.after.epoch > step.before.epoch:
            self.new_epoch(twin)

    def new_epoch(self, twin: Twin) -> None:
        reached("new epoch")
        twin.calls.clear()
        twin.denied.clear()

    def refusal(self, twin: Twin, run: Run, facts: Circumstances) -> None:
        assert run.refusal is not None
        if facts.halted:
            reached("halted" if twin.own_halt else "halted by its parent")
        elif not facts.parent_alive:
            reached("refused by a guard")
        else:
            reached("refused by the table")

    def forbidden(self, twin: Twin, command: Command) -> None:
        """A call that was refused may run all the same."""
        if command.event == "tool_before" and command.call is not None:
            twin.calls.pop(command.call.call_id, None)
            twin.denied[command.call.call_id] = "guard"

    def happen(self, twin: Twin, step: Step, command: Command) -> bool:
        """The step of the command itself; whether it is refused."""
        if step.outcome in REMARKS:
            reached("remark")
            twin.registers = step.after
            return False
        if step.reasons:
            reached("no resume while halted")
            return True
        match command.event:
            case "tool_before":
                return self.tool(twin, step, command)
            case "tool_after":
                return self.finished(twin, command)
            case "turn_start" if command.data["prompt"] == "bad":
                reached("prompt refused")
                twin.count("medium")
                return True
        twin.registers = step.after
        match command.event:
            case "turn_start":
                self.work(twin, command)
            case "child_start":
                child = self.twins[str(command.data["child_id"])]
                twin.children = [one for one in twin.children if one is not child] + [child]
                self.work(twin, command)
            case "child_end":
                twin.children = [o for o in twin.children if o.id != command.data["child_id"]]
            case "start" | "resume" if step.outcome == "move":
                self.work(twin, command)
                if step.before.epoch and step.after.epoch > step.before.epoch:
                    self.new_epoch(twin)
                elif step.after.state is State.COMPACTED:
                    reached("history lost")
            case "reset" if step.outcome == "move":
                self.work(twin, command)
                self.new_epoch(twin)
                twin.interrupt_children()
            case "interrupt" | "end":
                twin.interrupt_children()
        if command.event in CARRIERS:
            self.brief(twin, command)
        return False

    def brief(self, twin: Twin, command: Command) -> bool:
        """Whether what is owed is told; a text that there is not counts as told at once."""
        if command.delivery == "none" or command.traits.inject == "none":
            return False
        if not twin.registers.owed or not twin.live:
            return False
        run = machine().run(twin.registers, "brief", Circumstances(inject=command.traits.inject))
        twin.registers = run.after(twin.registers)
        return True

    def tool(self, twin: Twin, step: Step, command: Command) -> bool:
        assert command.call is not None
        call_id, said = command.call.call_id, str(command.call.own["command"])
        twin.registers = step.after
        self.work(twin, command)
        if step.outcome == "brief_instead":
            reached("briefed instead")
            self.forbidden(twin, command)
            if command.delivery == "answer":
                self.brief(twin, command)
            return True
        word = said.partition(" ")[0]
        action = {"fine": "allow", "forbidden": "deny", "publish": "ask", "stop": "halt"}[word]
        strict = ("allow", "ask", "deny", "halt")
        floors = {"unbriefed_ask": "ask", "unbriefed_deny": "deny"}
        floors |= {"after_end_ask": "ask", "after_end_deny": "deny"}
        demanded = [action, floors.get(step.outcome, "allow")]
        stale = twin.registers.stale
        if stale:
            reached("stale")
            demanded.append("ask")
        action = max(demanded, key=strict.index)
        if action == "ask" and not command.traits.asks:
            reached("nobody to ask")
            action = "deny"
        if action in ("allow", "ask"):
            reached("allowed" if action == "allow" else "put to a person")
            twin.denied.pop(call_id, None)
            twin.calls[call_id] = Open(said, action == "ask", stale)
        else:
            self.forbidden(twin, command)
        if word == "forbidden":
            reached("denied by a rule")
            twin.count("medium")
        if word == "stop":
            reached("halted by a rule")
            twin.count("medium")
            twin.stopped = True
            if twin.live:
                twin.interrupt()
        return action != "allow"

    def finished(self, twin: Twin, command: Command) -> bool:
        """Whether the output is withheld: of a call that was denied and ran all the same."""
        assert command.call is not None
        call_id, outcome = command.call.call_id, str(command.data["outcome"])
        if call_id in twin.calls:
            twin.settle(call_id, outcome)
        elif outcome == "ok" and twin.denied.pop(call_id, ""):
            reached("ran though denied")
            return True
        return False

    # -- what Hypothesis does --------------------------------------------------------------

    sessions = st.sampled_from([PARENT, PARENT, PARENT, CHILD])
    how = st.fixed_dictionaries(
        {
            "host": st.sampled_from(["python", "python", "python", "strict", "asking"]),
            "history": st.sampled_from(["kept", "kept", "kept", "lost", "unknown"]),
            "run": st.sampled_from(["one", "one", "one", "one", "two", ""]),
            "inject": st.sampled_from(
                ["transcript", "transcript", "transcript", "request", "none"]
            ),
            "asks": st.sampled_from([True, True, True, False]),
            "delivery": st.sampled_from(["answer", "answer", "answer", "none"]),
            "late": st.sampled_from([False, False, False, True]),
        }
    )

    def command(
        self,
        name: str,
        session: str = PARENT,
        *,
        host: str = "python",
        history: str = "kept",
        run: str = "one",
        inject: str = "transcript",
        asks: bool = True,
        delivery: str = "answer",
        late: bool = False,
        call: ToolCall | None = None,
        data: dict[str, Json] | None = None,
    ) -> Command:
        return Command(
            event=name,
            session=session,
            host=host,
            traits=HostTraits(inject=inject, asks=asks),  # type: ignore[arg-type]
            run=run,
            history=history,  # type: ignore[arg-type]
            parent=PARENT if session == CHILD else None,
            call=call,
            late=late,
            delivery=delivery,  # type: ignore[arg-type]
            data=data or {},
        )

    @rule(seconds=st.sampled_from(STEPS_SECONDS))
    def time_passes(self, seconds: int) -> None:
        if seconds < 0:
            self.clock.skew(seconds * 1000)
        else:
            self.clock.advance(seconds * 1000)

    @rule(
        session=sessions,
        name=st.sampled_from(EVENTS),
        how=how,
        prompt=st.sampled_from(["go", "go", "go", "bad"]),
        idle=st.booleans(),
    )
    def happens(
        self, name: str, session: str = PARENT, how: dict[str, Json] | None = None,
        prompt: str = "go", idle: bool = False,
    ) -> None:  # fmt: skip
        """The engine stands where the table says, for every event in every state."""
        if name.startswith("child") and session != PARENT:
            return
        data: dict[str, Json] = {
            "turn_start": {"prompt": prompt},
            "command": {"name": "help"},
            "interrupt": {"reason": "idle" if idle else "abort"},
            "child_start": {"child_id": CHILD},
            "child_end": {"child_id": CHILD},
        }.get(name, {})  # type: ignore[assignment]
        self.handle(self.command(name, session, data=data, **(how or {})))  # type: ignore[arg-type]

    @rule(session=sessions, said=st.sampled_from(COMMANDS), how=how)
    def tool_is_asked(
        self, said: str, session: str = PARENT, how: dict[str, Json] | None = None
    ) -> None:
        """A call comes to what its rule, the table and the host's means make of it."""
        self.number += 1
        # No two are alike, for one question is put once.
        own: dict[str, Json] = {"command": f"{said} {self.number}" if said != "fine" else said}
        call = ToolCall("shell", native="shell", own=own, args=own, call_id=f"c{self.number}")
        self.handle(self.command("tool_before", session, call=call, **(how or {})))  # type: ignore[arg-type]

    @rule(session=sessions, left=st.integers(0, 2), name=st.sampled_from(SETTLING))
    def questions_are_left_open(self, session: str, left: int, name: str) -> None:
        """What nobody answered is settled by what comes next, and may halt it."""
        self.happens("turn_start", session)
        for _ in range(left):
            self.tool_is_asked("publish", session)
        self.happens(name, session)

    @rule(session=sessions)
    def clock_goes_back(self, session: str) -> None:
        """Work after it is no work after a gap."""
        self.happens("turn_start", session)
        self.clock.skew(-5_000)
        self.happens("turn_start", session)

    @rule(session=sessions, name=st.sampled_from(["start", "resume", "turn_start"]))
    def the_context_is_lost(self, session: str, name: str) -> None:
        """The model has forgotten what it was told, however soon it goes on."""
        self.happens("turn_start", session)
        self.happens("interrupt", session)
        self.happens(name, session, {"history": "lost"})

    @rule(name=st.sampled_from(["interrupt", "reset", "end"]))
    def a_child_is_left(self, name: str) -> None:
        """Who works for somebody that does not work any more stops with them."""
        self.happens("turn_start")
        self.happens("child_start")
        self.happens("turn_start", CHILD)
        self.happens(name)

    @precondition(lambda self: self.twins[PARENT].own_halt)
    @rule(name=st.sampled_from(["start", "resume"]))
    def the_halted_is_taken_up(self, name: str) -> None:
        """A halt outlives whoever stopped there."""
        self.happens("interrupt")
        self.happens(name)

    @rule()
    def the_ended_gives_work(self) -> None:
        """What is over begins no sub-session."""
        self.happens("end")
        self.happens("child_start")

    @precondition(lambda self: any(one.calls or one.denied for one in self.twins.values()))
    @rule(pick=st.integers(0, 99), outcome=st.sampled_from(["ok", "refused", "refused"]))
    def tool_comes_out(self, pick: int, outcome: str) -> None:
        """An open call ends, or one that was denied ran all the same."""
        found = [
            (session, call_id)
            for session, twin in self.twins.items()
            for call_id in (*twin.calls, *twin.denied)
        ]
        self.comes_out(*found[pick % len(found)], outcome)

    def comes_out(self, session: str, call_id: str, outcome: str) -> None:
        call = ToolCall("shell", call_id=call_id)
        self.handle(self.command("tool_after", session, call=call, data={"outcome": outcome}))

    @precondition(lambda self: any(one.own_halt for one in self.twins.values()))
    @rule()
    def a_person_pardons(self) -> None:
        """What was done is forgiven where it counts, and work may go on."""
        reached("pardoned")
        for twin in self.twins.values():
            if twin.own_halt:
                pardon: dict[str, Json] = {
                    "rule": "",
                    "count": twin.total,
                    "by": "me",
                    "reason": "",
                }
                self.engine.record(twin.id, "violation.pardoned", pardon, actor="me")
                twin.total, twin.high, twin.stopped = 0, 0, False
                self.compare(twin)

    @rule(text=st.sampled_from(["stale-sha"]))
    def outdated_brief(self, text: str) -> None:
        """A briefing rendered before the last move changes nothing."""
        before = self.engine.state(PARENT).registers
        if before.state is State.ABSENT:
            return
        data: dict[str, Json] = {"sha256": text, "rendered_at": 0, "blocks": []}
        data |= {"characters": 1, "why": "briefing"}
        self.engine.handle(Command(event="brief", session=PARENT, data=data))
        assert self.engine.state(PARENT).registers == before

    @precondition(lambda self: self.twins[PARENT].known)
    @rule()
    def forget(self) -> None:
        """What is evicted from memory is restored as it was."""
        for session in self.twins:
            before = self.engine.state(session)
            self.engine.live.drop(session)
            assert self.engine.state(session) == before

    @precondition(lambda self: self.twins[PARENT].registers.state is not State.ABSENT)
    @rule(cut=st.integers(0, 40))
    def snapshot_and_tail(self, cut: int) -> None:
        """A snapshot of any prefix and the tail after it give the full fold."""
        full = restoring.restore(self.journal, PARENT)
        head = max(1, full.head - cut)
        records = self.journal.read(PARENT, limit=10_000)
        state = restoring.fold(records[:head], PARENT)
        restoring.keep_snapshot_at(self.journal, state, records[head - 1].hash)
        assert self.journal.snapshot_get(PARENT, version=FOLD_VERSION) is not None
        assert restoring.restore(self.journal, PARENT) == full

    @invariant()
    def injected_is_derived(self) -> None:
        """`governance_injected` holds exactly in Between-Turn with nothing owed."""
        registers = self.engine.state(PARENT).registers
        expected = registers.state is State.BETWEEN_TURN and not registers.owed
        assert self.engine.state(PARENT).governance_injected is expected

    def teardown(self) -> None:
        assert all(self.journal.verify(one).ok for one in self.twins), "the chain holds"
        self.engine.close()


def test_the_engine_does_what_the_table_says() -> None:
    """Every order of events that Hypothesis finds; and it finds every branch of the model."""
    REACHED.clear()
    profile = settings.default
    assert profile is not None
    for number in range(ROUNDS_MAX):
        run_state_machine_as_test(
            EngineMachine,
            settings=settings(
                max_examples=max(100, profile.max_examples),
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                # What one order of examples does not come by, another one does.
                derandomize=profile.derandomize and number == 0,
                database=None,
            ),
        )
        if set(REACHED) >= BRANCHES:
            break
    assert BRANCHES - set(REACHED) == set(), "the model proves nothing of these"
