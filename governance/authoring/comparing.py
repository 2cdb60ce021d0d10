"""The answer to one step of a scenario, held against what its author expects of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from attrs import field

from governance._attrs import define, frozen
from governance.engine import Session
from governance.errors import number_of
from governance.rules.explain import Explanation, explain
from governance.rules.facts import facts_of_call
from governance.rules.format import Step
from governance.rules.paths import Places
from governance.rules.verdicts import RuleEvent
from governance.session import judging
from governance.session.commands import Command
from governance.session.draft import Draft
from governance.session.law import Gathered, Law
from governance.session.replies import Reply
from governance.session.state import SessionState
from governance.values import Json

REFUSED = ("ask", "deny", "halt")
"""Actions with which the thing asked for does not happen now."""

NEAREST = 3
"""Rules that did not match and are named where none did."""

_LINE_MAX = 200


@frozen
class Failure:
    """
    One expectation that was not met.

    Attributes:
        expectation: The key of ``expect``, or ``""`` where the step itself went wrong.

        message: What was expected and what was found.

        because: Which matcher of the rule in question said what of which value.
    """

    expectation: str
    message: str
    because: tuple[str, ...] = ()


@frozen
class Answer:
    """What one step was answered: the reply, of a call also that on its result."""

    reply: Reply
    result: Reply | None = None

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that matched, each once."""
        more = self.result.rules if self.result is not None else ()
        return tuple(dict.fromkeys((*self.reply.rules, *more)))

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that was said: messages and reasons."""
        return tuple(
            text
            for one in self._replies
            for text in (one.message, *one.reasons, one.halted)
            if text
        )

    @property
    def injected(self) -> tuple[str, tuple[str, ...]]:
        """The text for the model, and its blocks."""
        given = [one.injection for one in self._replies if one.injection is not None]
        text = "\n".join(one.text for one in given)
        return text, tuple(block for one in given for block in one.blocks)

    @property
    def _replies(self) -> tuple[Reply, ...]:
        return (self.reply,) if self.result is None else (self.reply, self.result)


def explanation_of(
    law: Law, session: SessionState, asked: Command, gathered: Gathered
) -> Explanation:
    """What every rule about the call of *asked* has to say of it, in *session*."""
    call = asked.call
    # INVARIANT: what is explained is a call.
    assert call is not None, "only a call can be explained"
    draft = Draft(law, asked, gathered, session)
    facts = judging.session_facts(draft) | facts_of_call(call, law.places)
    return explain(law.rules, RuleEvent("tool", facts, call), judging.history(draft))


@define(eq=False)
class Compared:
    """The answer to one step, held against its ``expect``."""

    law: Law
    step: Step
    session: Session
    before: SessionState
    answer: Answer
    now_ms: int
    found: list[Failure] = field(factory=list)

    def failures(self) -> Sequence[Failure]:
        """What was expected and not met; nothing when all was."""
        expect, answer = self.step.expect, self.answer
        self._action("action", expect.action, answer.reply)
        if answer.result is not None:
            self._action("result", expect.result, answer.result)
        elif expect.result is not None:
            self._fail("result", f"`{expect.result}` of its result, but there is none")
        if expect.rules is not None:
            self._rules(expect.rules)
        if expect.message and not any(expect.message in text for text in answer.texts):
            said = " / ".join(answer.texts) or "nothing"
            self._fail("message", f"`{expect.message}` in the message, not `{said}`")
        self._context()
        self._rewritten()
        state = self.session.state
        if expect.state and expect.state != str(state.state):
            self._fail("state", f"the state `{expect.state}`, not `{state.state}`")
        held = {name for name, *_ in state.labels}
        for label in expect.labels:
            if label not in held:
                has = ", ".join(f"`{one}`" for one in sorted(held)) or "none"
                self._fail("labels", f"the label `{label}`; the session has {has}")
        if expect.violations is not None and expect.violations != state.ledger.total:
            by_rule = state.ledger.count_by("rule")
            rules = ", ".join(f"{n} of `{name}`" for name, n in by_rule.items())
            counted = f"{state.ledger.total}" + (f" ({rules})" if rules else "")
            self._fail("violations", f"{number_of(expect.violations, 'violation')}, not {counted}")
        return self.found

    def _fail(self, name: str, message: str, because: Sequence[str] = ()) -> None:
        self.found.append(Failure(name, f"expected {message}", tuple(because)))

    def _action(self, name: str, wanted: str | None, reply: Reply) -> None:
        if wanted is None and reply.action not in REFUSED:
            return
        if wanted == reply.action:
            return
        by = f" by {', '.join(f'`{one}`' for one in reply.rules)}" if reply.rules else ""
        said = f": {why_refused(reply)}" if reply.denied else ""
        expected = f"`{wanted}`" if wanted else "that it is let through"
        self._fail(name, f"{expected}, not `{reply.action}`{by}{said}", self._because(name))

    def _because(self, name: str) -> Sequence[str]:
        """What the rules that matched say; when none did, what the nearest failed on."""
        if name != "action":
            return ()
        told = self._told()
        if told is None:
            return ()
        matched = {one.rule for one in told.decision.verdicts}
        wanted = set(self.step.expect.rules or ()) or matched
        traces = [one for one in told.rules if one.rule in wanted | matched]
        if not traces:
            traces = list(told.rules[:NEAREST])
        return [f"`{one.rule}`: {one}" for one in traces[:5]]

    def _told(self) -> Explanation | None:
        if self.step.kind != "tool":
            return None
        tool, arguments, cwd = call_words(self.step, self.law.places)
        call = self.session.engine.call(self.session.host, tool, arguments, cwd=cwd)
        now = self.now_ms
        asked = Command(
            event="tool_before",
            session=self.session.id,
            at_ms=now,
            host=self.session.host,
            traits=self.session.traits,
            role=self.session.role,
            history="kept",
            call=call,
        )
        return explanation_of(self.law, self.before, asked, Gathered(at_ms=now))

    def _rules(self, wanted: Sequence[str]) -> None:
        found = self.answer.rules
        missing = [one for one in wanted if one not in found]
        more = [one for one in found if one not in wanted]
        if not missing and not more:
            return
        told = self._told()
        traces = {one.rule: one for one in told.rules} if told is not None else {}
        because = []
        for rule in (*missing, *more):
            if rule in traces:
                because.append(f"`{rule}`: {traces[rule]}")
            elif rule not in self.law.rules.rules and rule in missing:
                because.append(f"`{rule}` is no rule of these packs")
            elif rule in missing:
                because.append(f"`{rule}` is not about this event or tool")
        names = ", ".join(f"`{one}`" for one in found) or "none"
        expected = ", ".join(f"`{one}`" for one in wanted) or "no rule"
        self._fail("rules", f"{expected}, not {names}", because)

    def _context(self) -> None:
        expect = self.step.expect
        text, blocks = self.answer.injected
        for part in expect.context:
            if part not in text:
                told = f"`{' '.join(text.split())}`" if text else "nothing was put before the model"
                self._fail("context", f"`{part}` in the text for the model: {told}")
        if expect.blocks is not None and set(expect.blocks) != set(blocks):
            has = ", ".join(f"`{one}`" for one in blocks) or "none"
            wanted = ", ".join(f"`{one}`" for one in expect.blocks) or "none"
            self._fail("blocks", f"the blocks {wanted}, not {has}")

    def _rewritten(self) -> None:
        wanted = self.step.expect.rewritten
        if wanted is None:
            return
        found = self.answer.reply.rewritten
        if found is None:
            self._fail("rewritten", "that the call is rewritten, and it was not")
            return
        for name, value in wanted.items():
            if found.get(name) != value:
                self._fail("rewritten", f"`{name}` = `{value}`, not `{found.get(name)}`")


def call_words(step: Step, places: Places) -> tuple[str, Mapping[str, Json], str | None]:
    """Tool, arguments and working folder of the call of *step*, which begins at the project."""
    facts = cast("Mapping[str, Json]", step.facts)
    named, cwd = facts.get("args"), facts.get("cwd")
    own = {name: one for name, one in facts.items() if name not in ("tool", "args", "cwd")}
    arguments = {**(named if isinstance(named, Mapping) else {}), **own}
    if not isinstance(cwd, str):
        return str(facts["tool"]), arguments, None
    folder = cwd if cwd.startswith(("/", "~")) else f"{places.project}/{cwd}"
    return str(facts["tool"]), arguments, folder


def why_refused(reply: Reply) -> str:
    """Everything that *reply* gives as a reason, on one line."""
    return " ".join(" ".join((*reply.reasons, reply.message)).split()) or "no reason was given"


def step_text(step: Step) -> str:
    """*step* in one line, for people: what happens in it."""
    shown = step.facts or {
        name: value for name, value in step.given.items() if name not in ("expect", "after", "at")
    }
    parts = [f"{name} = {value!r}" for name, value in shown.items() if value != ()]
    line = " ".join(", ".join(parts).split())
    where = f"in {step.session}: " if step.session else ""
    return f"{where}{line if len(line) <= _LINE_MAX else line[:_LINE_MAX] + ' …'}"
