"""
Explaining a decision: for each rule which matcher said what of which value.

Nothing here is on the way of a decision; it evaluates everything, where deciding stops as
soon as it knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import time

from governance._attrs import frozen
from governance.rules.deferred import fact_of
from governance.rules.fact_table import MISSING, Unknown
from governance.rules.facts import one_by_one
from governance.rules.kleene import Truth, all_of, any_of
from governance.rules.matchers import REAL_PATHS
from governance.rules.matching import Condition
from governance.rules.ruleset import NO_HISTORY, CompiledRule, RuleSet
from governance.rules.shell_facts import ShellCall
from governance.rules.shell_facts import shown as described
from governance.rules.shell_matchers import ShellMatcher
from governance.rules.template import one_line
from governance.rules.verdicts import Decision, History, RuleEvent


@frozen
class MatcherTrace:
    """
    One matcher's word.

    Attributes:
        part: ``"when"``, ``"any.0"``, ``"unless"`` or ``"exempt.0"``.

        fact: The fact looked at.

        wanted: The matcher as the pack has it, variables put in.

        found: The fact's value; `MISSING` or `Unknown` where there is none.

        real: Where the path leads when links are followed, if elsewhere.

        command: Of a key of `shell`, the command of the line that came nearest.
    """

    part: str
    fact: str
    wanted: object
    found: object
    result: Truth
    real: str = ""
    command: str = ""

    def __str__(self) -> str:
        said = {True: "holds", False: "does not hold"}
        word = "cannot be known" if isinstance(self.result, Unknown) else said[self.result]
        leads = f", which leads to `{one_line(self.real)}`" if self.real else ""
        asked = f"`{self.part}.{self.fact}` = {shown(self.wanted)}"
        of = f" in `{one_line(self.command)}`" if self.command else ""
        return f"{asked} {word} for {shown(self.found)}{leads}{of}"


@frozen
class DemandTrace:
    """What became of one demand of a rule; `broken` may be unknown."""

    demand: str
    broken: Truth

    def __str__(self) -> str:
        if isinstance(self.broken, Unknown):
            return f"whether it {self.demand} cannot be known ({self.broken.reason})"
        return f"it {self.demand}, which {'is broken' if self.broken else 'is met'}"


@frozen
class RuleTrace:
    """
    One rule's word on one event.

    Attributes:
        applies: Whether the rule is about this event and tool at all.

        fires: What its matchers say together, exemptions aside.

        exempt: Reasons of the exemptions that hold.

        matchers: Every matcher, in the order of the pack.

        flips: The matchers that each alone keep the rule from firing, or from not firing:
            the smallest change would be to one of them.

        demands: What it demands of the past, where its matchers hold.
    """

    rule: str
    shadow: bool
    applies: bool
    fires: Truth
    exempt: tuple[str, ...]
    matchers: tuple[MatcherTrace, ...]
    flips: tuple[MatcherTrace, ...]
    demands: tuple[DemandTrace, ...] = ()

    def __str__(self) -> str:
        if not self.applies:
            return f"`{self.rule}` is not about this event or tool"
        if self.demands and (self.fires is not False or not self.flips):
            return "; ".join(str(one) for one in self.demands)
        if self.flips:
            return "; ".join(str(one) for one in self.flips)
        if not self.matchers:
            return f"`{self.rule}` asks nothing of the event, so it always fires"
        return "; ".join(str(one) for one in self.matchers)


@frozen
class Explanation:
    """A decision, and what every candidate had to say; those that fired stand first."""

    decision: Decision
    rules: tuple[RuleTrace, ...]


def explain(rules: RuleSet, event: RuleEvent, history: History | None = None) -> Explanation:
    """The decision on *event*, and a trace of each rule that is about it."""
    traces: list[RuleTrace] = []
    for single in one_by_one(event):
        traces.extend(
            trace_rule(rules, one, single, history or History()) for one in rules.candidates(single)
        )
    traces.sort(key=lambda one: (one.fires is False, one.fires is not True, one.rule))
    decision = rules.decide(event, history or History())
    return Explanation(decision, tuple(_distinct(traces)))


def _distinct(traces: Sequence[RuleTrace]) -> Iterator[RuleTrace]:
    seen: set[str] = set()
    for one in traces:
        # Of a call of several paths the first trace of each rule is the telling one.
        if one.rule not in seen:
            seen.add(one.rule)
            yield one


def trace_rule(
    rules: RuleSet, one: CompiledRule, event: RuleEvent, history: History = NO_HISTORY
) -> RuleTrace:
    """What each matcher of one rule says of *event*."""
    events = one_by_one(event)
    about = [each for each in events if one in rules.candidates(each)] or list(events[:1])
    single = next((each for each in about if one.match.test(each.facts) is not False), about[0])
    facts = single.facts
    applies = one.rule.on == event.on and one in rules.candidates(single)
    traces: list[MatcherTrace] = []
    if one.match.when is not None:
        traces.extend(_traced("when", one.match.when, facts))
    for index, condition in enumerate(one.match.any):
        traces.extend(_traced(f"any.{index}", condition, facts))
    chosen = one.match.chosen(facts)
    if one.match.unless is not None:
        traces.extend(_excuses("unless", one.match.unless, facts, chosen))
    exempt: list[str] = []
    for index, exemption in enumerate(one.exempts):
        if exemption.when is not None:
            traces.extend(_excuses(f"exempt.{index}", exemption.when, facts, chosen))
        held = exemption.when is None or exemption.when.excuses(facts, chosen) is True
        if held and exemption.holds_at(facts):
            exempt.append(exemption.reason)
    fires = one.match.test(facts) if applies else False
    flips = _flips(traces, fires) if applies else ()
    demands: tuple[DemandTrace, ...] = ()
    if fires is not False and one.demands is not None:
        each = one.demands.each(facts, history, rules.watch)
        demands = tuple(DemandTrace(words, broken) for words, broken in each)
        fires = all_of((fires, any_of(trace.broken for trace in demands)))
        flips = () if fires is False else flips
    return RuleTrace(
        one.rule.id,
        one.shadow,
        applies,
        fires,
        tuple(exempt),
        tuple(traces),
        tuple(flips),
        demands,
    )


def _traced(part: str, condition: Condition, facts: Mapping[str, object]) -> list[MatcherTrace]:
    traces: list[MatcherTrace] = []
    for name, matcher in condition.matchers:
        value = fact_of(facts, name)
        result = matcher.test(value, facts)
        told = None
        if isinstance(matcher, ShellMatcher):
            told = _shell_traces(part, name, matcher, value, result)
        traces += told or [MatcherTrace(part, name, matcher.raw, value, result, _real(facts, name))]
    return traces


def _shell_traces(
    part: str, name: str, matcher: ShellMatcher, value: object, result: Truth
) -> list[MatcherTrace] | None:
    """
    What each key says of the command that comes nearest.

    ``None`` where the line is not known beyond its commands: then none of them tells why.
    """
    nearest = matcher.nearest(value)
    if nearest is None or not isinstance(value, ShellCall):
        return None
    table, position = nearest
    traces = [
        MatcherTrace(
            part,
            f"{name}.{one.key}",
            one.raw,
            value.told(position, one.key),
            one.test(value, position, False),
            command=described(value.commands[position]),
        )
        for one in table.parts
    ]
    together = all_of(one.result for one in traces)
    alike = together is result or (isinstance(together, Unknown) and isinstance(result, Unknown))
    return traces if alike else None


def _excuses(
    part: str,
    condition: Condition,
    facts: Mapping[str, object],
    chosen: Mapping[str, Sequence[object]],
) -> list[MatcherTrace]:
    return [
        MatcherTrace(
            part,
            name,
            matcher.raw,
            fact_of(facts, name),
            matcher.excuses(facts.get(name, MISSING), facts, chosen.get(name)),
            _real(facts, name),
        )
        for name, matcher in condition.matchers
    ]


def _real(facts: Mapping[str, object], name: str) -> str:
    links, value = facts.get(REAL_PATHS), facts.get(name)
    if isinstance(links, Mapping) and isinstance(value, str):
        return str(links.get(value, ""))
    return ""


def _flips(traces: Sequence[MatcherTrace], fires: Truth) -> list[MatcherTrace]:
    """The matchers of which one alone, answering otherwise, would turn the rule over."""
    parts: dict[str, list[MatcherTrace]] = {}
    for one in traces:
        if not one.part.startswith("exempt"):
            parts.setdefault(one.part, []).append(one)
    if fires is not False:
        # Any matcher of `when` that failed would keep it from firing.
        return parts.get("when", []) or [one for part in parts.values() for one in part]
    found: list[MatcherTrace] = []
    for one in traces:
        if one.part.startswith("exempt"):
            continue
        turned = {
            name: [_turned(each) if each is one else each.result for each in part]
            for name, part in parts.items()
        }
        if _holds(turned) is True:
            found.append(one)
    return found or _failed(parts)


def _failed(parts: Mapping[str, Sequence[MatcherTrace]]) -> list[MatcherTrace]:
    """Every matcher that failed, those of alternatives only when none of these held."""
    branches = {name: part for name, part in parts.items() if name.startswith("any.")}
    held = any_of(all_of(one.result for one in part) for part in branches.values())
    blamed = [parts.get("when", []), *(branches.values() if held is not True else [])]
    return [one for part in blamed for one in part if one.result is not True]


def _turned(trace: MatcherTrace) -> Truth:
    """The result that *trace* would have if its value were another."""
    return trace.result is not True


def _holds(results: Mapping[str, Sequence[Truth]]) -> Truth:
    branches = [all_of(one) for name, one in results.items() if name.startswith("any.")]
    matched = all_of([*results.get("when", ()), *([any_of(branches)] if branches else [])])
    excused = "unless" in results and all_of(results["unless"]) is True
    return False if excused else matched


def shown(value: object) -> str:
    """*value* for people, short and on one line."""
    if value is MISSING or value is None:
        return "a fact that is missing"
    if isinstance(value, Unknown):
        return f"an unknown value ({value.reason})"
    if isinstance(value, ShellCall):
        return f"`{one_line(str(value))}`"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{name} = {_bare(one)}" for name, one in value.items())
        return one_line(f"{{ {inner} }}")
    return f"`{one_line(_bare(value))}`" if isinstance(value, str) else one_line(_bare(value))


def _bare(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_bare(one)}" for name, one in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_bare(one) for one in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, time) else str(value)
