"""The past that `decide --history` is given: JSON lines of what happened, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from attrs import evolve

from governance._attrs import frozen
from governance.calls import ToolCall
from governance.errors import did_you_mean
from governance.rules.drafting_rules import BEGINNINGS, REPEAT_MAX, past_kind
from governance.rules.facts import facts_of_call, plain_facts, session_facts
from governance.rules.format import OUTCOMES
from governance.rules.happenings import RESULT_FACTS
from governance.rules.host_tools import HostTools, call_of
from governance.rules.simulation import Happening, Past, simulate
from governance.rules.staging import BEGINS
from governance.rules.verdicts import RuleEvent
from governance.session.law import Law
from governance.temporal import TURN_BEGAN
from governance.values import Json

HAPPENINGS_MAX = 100_000
"""Events that one file of the past may hold."""

_OWN = {
    "tool": ("args", *(name for name in RESULT_FACTS if name != "outcome")),
    "prompt": ("prompt_source",),
    "command": ("arguments",),
    "event": (),
}
_COMMON = ("outcome", "at", "repeat")


class PastRefused(ValueError):
    """A line that tells nothing that can have happened; *hint* says how to mend it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@frozen
class Teller:
    """
    Puts lines of a past through the monitors of one project.

    Attributes:
        tools: The table by which tools are named.

        now_ms: When what has no time happens.
    """

    law: Law
    tools: HostTools
    role: str
    now_ms: int

    def past(self, lines: Iterable[Mapping[str, Json]]) -> Past:
        """
        What is remembered after *lines*.

        Raises:
            PastRefused: The line that was read last cannot have happened.
        """
        past, clock, told = Past(), self.now_ms, 0
        for line in lines:
            made, repeat = self._happening(line, clock)
            told += repeat
            if told > HAPPENINGS_MAX:
                raise PastRefused(f"more than {HAPPENINGS_MAX} events")
            clock = made.at_ms
            past = simulate(self.law.rules, [made] * repeat, past)
        return past

    def _happening(self, line: Mapping[str, Json], clock: int) -> tuple[Happening, int]:
        kind = past_kind(line)
        if not kind:
            hint = "name a `tool`, a `prompt`, a `command` or an `event`, as text"
            raise PastRefused("it says nothing that happened", hint)
        known = (kind, *_OWN[kind], *_COMMON)
        for name in line:
            if name not in known:
                raise PastRefused(f"unknown key `{name}`", did_you_mean(name, known))
        repeat, outcome = line.get("repeat", 1), line.get("outcome", "ok")
        if type(repeat) is not int or not 1 <= repeat <= REPEAT_MAX:
            raise PastRefused(f"`repeat` is 1 to {REPEAT_MAX}")
        if not isinstance(outcome, str) or outcome not in OUTCOMES:
            known_text = ", ".join(OUTCOMES)
            raise PastRefused(f"unknown outcome `{outcome}`", f"one of {known_text}")
        at_ms = _moment(line["at"]) if "at" in line else clock
        if kind == "event":
            began = str(line["event"])
            if began not in BEGINNINGS:
                raise PastRefused(f"unknown event `{began}`", f"one of {', '.join(BEGINNINGS)}")
            return Happening(at_ms=at_ms, begins=BEGINS[began]), repeat
        made = Happening(event=self._event(kind, line), outcome=outcome, at_ms=at_ms)
        if kind == "tool":
            result = {name: line[name] for name in RESULT_FACTS if name in line}
            return evolve(made, result=result), repeat
        if kind == "prompt" and line.get("prompt_source", "user") == "user":
            made = evolve(made, begins=TURN_BEGAN)
        return made, repeat

    def _event(self, kind: str, line: Mapping[str, Json]) -> RuleEvent:
        always = session_facts(role=self.role or None, host=self.tools.name, turn=1)
        if kind == "tool":
            args = line.get("args", {})
            if not isinstance(args, Mapping):
                raise PastRefused("`args` is no object")
            project = self.law.places.project
            call: ToolCall = call_of(self.tools, str(line["tool"]), args, cwd=project)
            return RuleEvent("tool", always | facts_of_call(call, self.law.places), call)
        facts: dict[str, object] = {kind: line[kind]}
        if kind == "prompt":
            facts["prompt_source"] = line.get("prompt_source", "user")
        else:
            words = line.get("arguments", [])
            if not isinstance(words, (list, tuple)):
                raise PastRefused("`arguments` is no array")
            facts["arguments"] = [str(one) for one in words]
        return RuleEvent(kind, always | plain_facts(facts))


def _moment(value: Json) -> int:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise PastRefused("`at` is no moment", 'write it as `"2030-01-31T09:00:00Z"`')
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
