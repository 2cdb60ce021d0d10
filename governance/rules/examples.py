"""
Examples: the events that a rule must match and must not, run when the rule is loaded.

An example says whether *its own rule* fires; exemptions, modes and other rules are left
aside. It is tried on a plain POSIX project without links, so that a pack loads alike on
every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, time
from math import isfinite
from typing import cast

from governance._attrs import frozen
from governance.calls import ToolCall
from governance.errors import Problem
from governance.rules.drafting_rules import TOOL_EVENTS
from governance.rules.fact_table import WEEKDAYS, FactSpec, Unknown
from governance.rules.facts import facts_of_call
from governance.rules.format import Example, Rule
from governance.rules.kleene import Truth
from governance.rules.matching import flattened
from governance.rules.paths import PLAIN_PLACES
from governance.rules.reading import Findings, Path, kind_of, nearest
from governance.rules.ruleset import RuleSet
from governance.rules.variables import EXAMPLES
from governance.rules.verdicts import History, RuleEvent
from governance.rules.vocabulary import ANY_TYPE, SLASH, Vocabulary
from governance.values import Json

_SLASHED = "a command is named without its slash"
_OF_SESSION = ("role", "depth", "state", "host", "model", "labels", "turn", "approvals_open")
_KINDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "time": (time,),
}


@frozen
class Bench:
    """
    What examples are run with.

    Attributes:
        tells_gaps: Whether known gaps are told as information. Loading does not: finding
            the line of each would cost more than all the rest.
    """

    rules: RuleSet
    vocabulary: Vocabulary
    time_zone: str | None
    tells_gaps: bool = False


def run_examples(rule: Rule, bench: Bench, findings: Findings) -> None:
    """
    Run the examples of *rule* and report those that fail.

    GOV220-225: an event that cannot be; GOV253: a failing example; GOV254: a known gap that
    the rule does see, by which time it is none.
    """
    for index, example in enumerate(rule.must_match):
        path: Path = (*rule.path, "must_match", index)
        tried = situation_of(example, rule.on, bench, findings, path)
        if tried is not None and not _hits(rule, tried.fires(rule, bench.rules)):
            message = f"`{rule.id}` does not match this, and must: {tried.why(rule, bench.rules)}"
            mend = _not_said(rule, tried.event) or "mend the rule, or the example"
            findings.wrong("GOV253", message, path, mend)
    for index, example in enumerate(rule.must_not_match):
        path = (*rule.path, "must_not_match", index)
        tried = situation_of(example, rule.on, bench, findings, path)
        if tried is not None and _hits(rule, tried.fires(rule, bench.rules)):
            message = f"`{rule.id}` matches this, and must not: {tried.why(rule, bench.rules)}"
            findings.wrong("GOV253", message, path, "mend the rule, or the example")
    for index, example in enumerate(rule.known_gaps):
        path = (*rule.path, "known_gaps", index)
        tried = situation_of(example, rule.on, bench, findings, path)
        if tried is None:
            continue
        if _hits(rule, tried.fires(rule, bench.rules)):
            message = f"`{rule.id}` does match this, so it is no gap"
            findings.wrong("GOV254", message, path, "move it to `must_match`")
        elif bench.tells_gaps:
            message = f"`{rule.id}` does not see {_shown(example)}: {example.why}"
            findings.tell("GOV254", message, path)


def read_events(rule: Rule, bench: Bench, findings: Findings) -> None:
    """Report the events that cannot be of a *rule* whose examples cannot be run (GOV220-225)."""
    for name in EXAMPLES:
        for index, example in enumerate(getattr(rule, name)):
            situation_of(example, rule.on, bench, findings, (*rule.path, name, index))
    if rule.remedy is not None:
        situation_of(rule.remedy, rule.on, bench, findings, (*rule.path, "remedy"))


def _not_said(rule: Rule, event: RuleEvent) -> str:
    """How an example gives a fact that its rule asks for and no call brings along."""
    for name, _, _ in flattened(rule.when, ()):
        family = name.partition(".")[0]
        if name in event.facts:
            continue
        if name in ("time", "weekday"):
            return f"the example says no `{name}`: write `at = 2030-01-31T09:00:00` in it"
        if family in ("usage", "fields", "model_options") or name in _OF_SESSION:
            return f"the example says no `{name}`: write `{name} = …` in it"
    return ""


def _hits(rule: Rule, result: Truth) -> bool:
    # What cannot be decided is decided by `unknown`, and only `ignore` lets it pass.
    return rule.unknown != "ignore" if isinstance(result, Unknown) else result


def _shown(example: Example) -> str:
    return ", ".join(f"{name} = `{value}`" for name, value in example.facts.items())


@frozen
class Situation:
    """The event of an example, and what went before it."""

    event: RuleEvent
    history: History

    def fires(self, rule: Rule, rules: RuleSet) -> Truth:
        """Whether *rule* fires here, looked at alone."""
        return rules.fires(rule, self.event, self.history)

    def why(self, rule: Rule, rules: RuleSet) -> str:
        """Which matcher or demand decided that, on which value."""
        return rules.why(rule, self.event, self.history)


def situation_of(
    example: Example, on: str, bench: Bench, findings: Findings, path: Path
) -> Situation | None:
    """
    The event that *example* describes and the past that it gives, or ``None`` after its
    problems were reported.
    """
    event = event_of(example, on, bench, findings, path)
    if not (example.after or example.repeat or example.files or bench.rules.watch):
        return None if event is None else Situation(event, History(known=True))
    from governance.rules.staging import staged

    return staged(example, event, on, bench, findings, path)


def event_of(
    example: Example, on: str, bench: Bench, findings: Findings, path: Path
) -> RuleEvent | None:
    """The event that *example* describes, or ``None`` after its problems were reported."""
    before = len(findings.problems)
    facts = dict(_checked(example, on, bench, findings, path))
    moment = moment_of(example.at, bench.time_zone) if example.at is not None else None
    if len(findings.problems) > before:
        return None
    call = None
    known: dict[str, object] = {}
    if on in TOOL_EVENTS:
        call = _call(facts, example, bench.vocabulary)
        known = facts_of_call(call, PLAIN_PLACES)
        facts = {name: value for name, value in facts.items() if name not in call.own}
    if moment is not None:
        known["at_ms"] = int(moment.timestamp() * 1000)
        known["time"] = moment.strftime("%H:%M:%S")
        known["weekday"] = WEEKDAYS[moment.weekday()]
    return RuleEvent(on, {**known, **facts}, call)


def moment_of(at: datetime, time_zone: str | None) -> datetime:
    """*at* in the project's time zone, or as it is when there is none."""
    if time_zone is None:
        return at
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(time_zone)
    return at.replace(tzinfo=zone) if at.tzinfo is None else at.astimezone(zone)


def _call(facts: Mapping[str, object], example: Example, vocabulary: Vocabulary) -> ToolCall:
    tool = str(facts["tool"])
    kind = vocabulary.class_of(tool)
    native = tool.split(":", 2)[2] if tool.startswith("native:") else str(facts.get("native", ""))
    own = {
        name: cast("Json", value)
        for name, value in facts.items()
        if (spec := vocabulary.facts.get(name)) is not None
        and spec.tools is not None
        and kind in spec.tools
        and name not in ("reads", "writes", "removes", "domains")
    }
    args = example.facts.get("args")
    cwd = facts.get("cwd")
    return ToolCall(
        tool=kind if tool.startswith("native:") else tool,
        native=native,
        own=own,
        args=cast("Mapping[str, Json]", args) if isinstance(args, dict) else {},
        cwd=cwd if isinstance(cwd, str) else None,
    )


def _checked(
    example: Example, on: str, bench: Bench, findings: Findings, path: Path
) -> Iterator[tuple[str, object]]:
    """Each fact of *example* that can be, as the compiled matchers take it."""
    vocabulary = bench.vocabulary
    tools: tuple[str, ...] | None = None
    if on in TOOL_EVENTS:
        tools = vocabulary.expand_tools((example.facts.get("tool"),), path, findings.report)
        if not tools:
            return
    for name, value, place in flattened(example.facts, path):
        if name == "args" or name.startswith("args."):
            if not isinstance(example.facts.get("args"), dict):
                findings.wrong("GOV224", "`args` must be a table of arguments", place)
            elif tools and vocabulary.recorded(tools[0]):
                _check_argument(vocabulary, name, value, tools[0], findings, place)
            continue
        spec = vocabulary.fact(name, on=on, tools=tools, path=place)
        if isinstance(spec, Problem):
            findings.report(spec)
        elif spec.type == "shell":
            mend = 'write the line itself, as `command = "git push"`'
            findings.wrong("GOV224", "`shell` is read off the command line", place, mend)
        elif name == "tool":
            if tools != (value,) or any(sign in str(value) for sign in "*{"):
                message = f"`{value}` is several tools, and an event has one"
                findings.wrong("GOV224", message, place, "name one that could be called")
            yield name, value
        elif _fits(spec, value, findings, place):
            yield name, value.isoformat() if isinstance(value, time) else value


def _check_argument(
    vocabulary: Vocabulary, name: str, value: object, tool: str, findings: Findings, place: Path
) -> None:
    """Report an argument of an example that its tool, whose schema is recorded, does not take."""
    known = vocabulary.recorded(tool)
    if all(vocabulary.args[one].get(name[5:]) == ANY_TYPE for one in known):
        return
    spec = vocabulary.fact(name, on="tool", tools=(tool,), path=place)
    if isinstance(spec, Problem):
        findings.report(spec)
    else:
        _fits(spec, value, findings, place)


def _fits(spec: FactSpec, value: object, findings: Findings, place: Path) -> bool:
    many = isinstance(value, list) and (spec.is_list or spec.name in ("path", "url"))
    items = value if many and isinstance(value, list) else [value]
    kinds = _KINDS[spec.element]
    if (spec.is_list and not many) or not all(type(one) in kinds for one in items):
        message = f"`{spec.name}` is {spec.type}, not {kind_of(value)}"
        findings.wrong("GOV224", message, place)
        return False
    for one in items:
        if isinstance(one, float) and not isfinite(one):
            findings.wrong("GOV224", f"`{spec.name}` is a finite number", place)
            return False
        slashed = spec.kind == SLASH and str(one).startswith("/")
        never = _SLASHED if slashed else spec.outside(one)
        if never:
            findings.wrong("GOV224", never, place)
            return False
        if spec.values is not None and one not in spec.values:
            hint = nearest(str(one), spec.values)
            findings.wrong("GOV225", f"`{spec.name}` is never `{one}`", place, hint)
            return False
    return True
