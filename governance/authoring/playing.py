"""
Playing a scenario: one session in a real engine in memory, its answers held against what
the author expects.

Ledger, state machine, approvals and context take part as they do in any session; only the
journal forgets and the clock is moved by the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import cast

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.authoring.clock import ManualClock
from governance.authoring.comparing import (
    REFUSED,
    Answer,
    Compared,
    Failure,
    call_words,
    step_text,
    why_refused,
)
from governance.engine import Engine, EngineOptions, Session
from governance.engine.live import LiveSessions
from governance.errors import MisuseError
from governance.journal.memory import MemoryJournal
from governance.listeners import Listeners
from governance.rules.format import Scenario, Step
from governance.session.commands import HostTraits
from governance.session.law import SESSION_FIELDS, Law
from governance.session.replies import Reply
from governance.session.state import SessionState
from governance.values import Json

SESSION = "scenario"
PROMPT = "begin"
"""What the turn begins with where a scenario's first step is a call or a command."""


@frozen
class Played:
    """
    What came of one scenario.

    Attributes:
        step: The position of the step that failed; ``None`` when all went well.

        what: That step in one line.

        failures: What was not met in it. Steps after it were not played, for they rest
            on it.
    """

    scenario: Scenario
    step: int | None = None
    what: str = ""
    failures: tuple[Failure, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every step was answered as its author expects."""
        return not self.failures


def play(law: Law, scenario: Scenario) -> Played:
    """*scenario* played by *law*, up to the first step that is not answered as expected."""
    clock = ManualClock()
    if scenario.at is not None:
        clock.wall_ms = _wall_ms(scenario.at, law)
    if scenario.fields:
        law = _with_fields(law, cast("Mapping[str, Json]", scenario.fields))
    engine = Engine(
        law,
        MemoryJournal(),
        clock,
        Listeners(),
        LiveSessions(sessions_max=1_000, megabytes_max=100, idle_ms_max=2**62),
        EngineOptions(run=SESSION),
    )
    with engine:
        return _Player(engine, clock, scenario).run()


def _with_fields(law: Law, given: Mapping[str, Json]) -> Law:
    own = {name: str(given[name]) for name in SESSION_FIELDS if name in given}
    fields = {**law.settings.fields, **given}
    return evolve(law, settings=evolve(law.settings, fields=fields, **own))  # type: ignore[arg-type]  # these are texts of the settings


def _wall_ms(moment: datetime, law: Law) -> int:
    if moment.tzinfo is None:
        import datetime as dt
        from zoneinfo import ZoneInfo

        zone = law.settings.time_zone
        moment = moment.replace(tzinfo=ZoneInfo(zone) if zone else dt.UTC)
    return int(moment.timestamp() * 1000)


class _StepFailed(Exception):
    """A step could not be taken at all."""


@define(eq=False)
class _Player:
    engine: Engine
    clock: ManualClock
    scenario: Scenario
    sessions: dict[str, Session] = field(factory=dict)
    before: dict[str, SessionState] = field(factory=dict)
    calls: int = 0

    def run(self) -> Played:
        scenario = self.scenario
        traits = HostTraits(asks=scenario.asks)
        root = self.engine.start(SESSION, role=scenario.role or None, traits=traits)
        self.sessions[""] = root
        reply = root.reply
        if reply is not None and reply.denied and scenario.steps:
            failure = Failure("", f"the session may not start: {why_refused(reply)}")
            return Played(scenario, scenario.steps[0].position, "the session starts", (failure,))
        if scenario.steps and scenario.steps[0].kind in ("tool", "command"):
            root.turn(PROMPT)
        for step in scenario.steps:
            failures = self._taken(step)
            if failures:
                return Played(scenario, step.position, step_text(step), tuple(failures))
        return Played(scenario)

    def _taken(self, step: Step) -> Sequence[Failure]:
        try:
            self._move_clock(step)
            session = self.sessions.get(step.session)
            if session is None:
                raise _StepFailed(f"the child `{step.session}` was never started")
            before = session.state
            answer = self._act(step, session)
        except _StepFailed as error:
            return (Failure("", str(error)),)
        except MisuseError as error:
            return (Failure("", error.message),)
        now_ms = self.clock.now_ms()
        return Compared(self.engine.law, step, session, before, answer, now_ms).failures()

    def _move_clock(self, step: Step) -> None:
        self.clock.advance(step.after_seconds * 1000)
        if step.at is not None:
            ahead = _wall_ms(step.at, self.engine.law) - self.clock.wall_ms
            if ahead < 0:
                raise _StepFailed(f"`at` lies {-ahead // 1000} seconds before the step before it")
            self.clock.advance(ahead)

    def _act(self, step: Step, session: Session) -> Answer:
        given = step.given
        match step.kind:
            case "tool":
                return self._call(step, session)
            case "prompt":
                source = str(given.get("prompt_source", "user"))
                return Answer(session.turn(str(given["prompt"]), source=source))
            case "command":
                words = cast("Sequence[str]", given.get("arguments", ()))
                return Answer(session.command(str(given["command"]), words))
            case "approve" | "refuse":
                return self._settle(session, granted=step.kind == "approve")
            case "pardon":
                rule, before = str(given.get("rule", "")), session.state.ledger
                after = before.apply("violation.pardoned", {"rule": rule}, 0)
                data: dict[str, Json] = {"rule": rule, "count": before.total - after.total}
                data |= {"by": "author", "reason": "pardoned"}
                return self._recorded(session, "violation.pardoned", data)
            case "child_start":
                return self._child(step, session)
            case "end":
                reply = session.end()
                # A child that has ended may be started again under its name.
                self.sessions.pop(step.session, None) if step.session else None
                return Answer(reply)
            case "resume":
                history = str(given.get("history", "kept"))
                return Answer(session.resume(history=history))  # type: ignore[arg-type]  # an enumeration of the language
            case _:
                return Answer(_EVENTS[step.kind](session))

    def _call(self, step: Step, session: Session) -> Answer:
        self.calls += 1
        call_id = f"call-{self.calls}"
        tool, arguments, cwd = call_words(step, session.engine.law.places)
        reply = session.tool(tool, arguments, call_id=call_id, cwd=cwd)
        given = step.given
        if reply.denied:
            if "outcome" in given and step.expect.action not in REFUSED:
                raise _StepFailed(
                    f"it has an outcome, but was answered `{reply.action}`: {why_refused(reply)}"
                )
            return Answer(reply)
        known = {name: given[name] for name in _RESULT if name in given}
        outcome = str(given.get("outcome", "ok"))
        result = session.tool_finished(call_id, outcome=outcome, **known)  # type: ignore[arg-type]  # read as these types
        return Answer(reply, result)

    def _child(self, step: Step, session: Session) -> Answer:
        name = str(step.given["child"])
        child = session.child(name, role=str(step.given.get("role", "")) or None)
        # INVARIANT: a handle that was made by an event has its answer.
        assert child.reply is not None, "a child has an answer"
        if not child.reply.denied:
            self.sessions[name] = child
        return Answer(child.reply)

    def _settle(self, session: Session, *, granted: bool) -> Answer:
        open_now = session.state.ledger.open_approvals(self.clock.now_ms())
        if not open_now:
            raise _StepFailed("nothing waits for a person")
        decision = "granted" if granted else "denied"
        data: dict[str, Json] = {"id": open_now[-1].id, "by": "author", "decision": decision}
        return self._recorded(session, "approval.settled", data)

    def _recorded(self, session: Session, kind: str, data: Mapping[str, Json]) -> Answer:
        self.engine.record(session.id, kind, data, actor="author")
        return Answer(Reply(event=kind, action="allow", state=str(session.state.state)))


_RESULT = ("output", "error", "exit_code", "duration_ms")

_EVENTS: Mapping[str, Callable[[Session], Reply]] = {
    "turn_end": lambda session: session.turn_ended(),
    "compacting": lambda session: session.compacting(),
    "compact": lambda session: session.compact(),
    "lapse": lambda session: session.lapse(),
    "interrupt": lambda session: session.interrupt(),
    "reset": lambda session: session.reset(),
}
