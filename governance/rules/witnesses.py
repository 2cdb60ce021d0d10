"""
Calls that show what is said of rules: their examples, and calls built from their matchers.

What is built is only a guess at a call; whoever shows one has decided it first. Paths and
hosts are given to the tool that names them, or to a small command.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import time
from itertools import islice, product

from governance._attrs import frozen
from governance.errors import Problem
from governance.rules.covering import key_matcher, tables
from governance.rules.examples import Bench, event_of, situation_of
from governance.rules.fact_table import (
    DOMAINS_OF,
    READS_OF,
    REMOVES_OF,
    TOOL_EVENTS,
    TOOLS,
    WRITES_OF,
)
from governance.rules.facts import one_by_one
from governance.rules.format import Example
from governance.rules.matchers import Matcher
from governance.rules.matching import FactMatcher
from governance.rules.paths import PLAIN_PLACES
from governance.rules.possible import NOTHING, UNSURE, some_value
from governance.rules.reading import Findings
from governance.rules.ruleset import CompiledRule
from governance.rules.shell_matchers import ShellMatcher
from governance.rules.shell_terms import literals
from governance.rules.verdicts import History, RuleEvent
from governance.rules.vocabulary import Vocabulary

BRANCHES_MAX = 16
"""Pairs of alternatives of two rules from which calls are built."""

TOOLS_TRIED_MAX = 3
"""Tools that two rules have in common for which calls are built."""

STATES_MAX = 300
"""How far texts are looked for that fit what two rules ask; see `languages.find`."""

_SHOWN_CHARACTERS = 200
_FILLED = {"reads": READS_OF, "writes": WRITES_OF, "removes": REMOVES_OF, "domains": DOMAINS_OF}
_COMMANDS = {
    "reads": "cat {}",
    "writes": "touch {}",
    "removes": "rm {}",
    "domains": "curl https://{}/",
}


@frozen
class Witness:
    """
    A call, or another event, as an example would write it, and what it is.

    Attributes:
        given: A pack's author wrote it; else it was built.
    """

    example: Example
    event: RuleEvent
    history: History
    given: bool

    def __str__(self) -> str:
        facts = dict(self.example.facts)
        tool = facts.pop("tool", "")
        told = ", ".join(f"{name} = `{_one_line(value)}`" for name, value in facts.items())
        if self.example.at is not None:
            told += f" at {self.example.at}"
        if self.example.after:
            told += f" after {len(self.example.after)} other events"
        return f"{tool}: {told}" if tool and told else str(tool) or told or "any event"


def _one_line(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def of_examples(rule: CompiledRule, bench: Bench, findings: Findings) -> Iterator[Witness]:
    """The examples that *rule* must match; those of several paths at once show nothing."""
    for example in rule.rule.must_match:
        quiet = Findings(findings.document)
        found = situation_of(example, rule.rule.on, bench, quiet, rule.rule.path)
        if found is not None and len(one_by_one(found.event)) == 1:
            yield Witness(example, found.event, found.history, given=True)


def built(rules: Sequence[CompiledRule], bench: Bench, findings: Findings) -> Iterator[Witness]:
    """Calls that each of *rules*, one or two of the same event, may match."""
    on = rules[0].rule.on
    branches = product(*((one.match.any or (None,)) for one in rules))
    tools: Sequence[str] = _tools(rules, bench.vocabulary) if on in TOOL_EVENTS else ("",)
    for chosen in islice(branches, BRANCHES_MAX):
        conditions = [one.match.when for one in rules] + list(chosen)
        asked: dict[str, list[FactMatcher]] = {}
        for condition in conditions:
            for name, matcher in condition.matchers if condition else ():
                asked.setdefault(name, []).append(matcher)
        values: dict[str, object] = {}
        for tool in tools:
            facts = _facts(tool, asked, rules, values)
            if facts is not None:
                example = Example(facts=facts)
                event = event_of(example, on, bench, Findings(findings.document), ())
                if event is not None:
                    yield Witness(example, event, History(known=True), given=False)


def _tools(rules: Sequence[CompiledRule], vocabulary: Vocabulary) -> list[str]:
    """Tools that all *rules* are about, those that they name first."""
    named = [
        name
        for one in rules
        for name in vocabulary.expand_tools(one.rule.tools, (), _told_before)
        if one.rule.tools and not any(sign in name for sign in "*{")
    ]
    known = [one for one in TOOLS if one not in ("mcp", "other")]
    found = [
        name
        for name in dict.fromkeys([*named, *known])
        if all(one.tools is None or one.tools.holds(name, "", "") for one in rules)
    ]
    return found[:TOOLS_TRIED_MAX]


def _told_before(_problem: Problem) -> None:
    """Takes what loading has reported already."""


def _facts(
    tool: str,
    asked: Mapping[str, list[FactMatcher]],
    rules: Sequence[CompiledRule],
    values: dict[str, object],
) -> dict[str, object] | None:
    """
    Facts of a call of *tool* that may fit all that is *asked*; ``None``: none was found.

    Args:
        values: What was found for facts before, for another tool; it grows.
    """
    facts: dict[str, object] = {"tool": tool} if tool else {}
    for name, matchers in asked.items():
        if name == "tool" or all(isinstance(one, Matcher) and one.on_missing for one in matchers):
            continue
        if name == "shell":
            if name not in values:
                values[name] = _line([one for one in matchers if isinstance(one, ShellMatcher)])
            line = values[name]
            if line is None or facts.get("command", line) != line:
                return None
            facts["command"] = line
            continue
        if name not in values:
            plain = [one for one in matchers if isinstance(one, Matcher)]
            values[name] = _value(name, plain, rules)
        value = values[name]
        if value is UNSURE or not _put(facts, tool, name, value):
            return None
    own = TOOLS[tool].own if tool in TOOLS else ()
    for name in own:
        if name not in facts and name in ("path", "command", "url"):
            facts[name] = {"path": "x", "command": "true", "url": "https://x.test/"}[name]
    return facts


def _put(facts: dict[str, object], tool: str, name: str, value: object) -> bool:
    """Give the call what makes its fact *name* to be *value*; whether that can be done."""
    table = _FILLED.get(name)
    if table is None:
        if tool in TOOLS and name in _OWN and name not in TOOLS[tool].own:
            return False
        facts[name] = value
        return True
    first = str(value[0] if isinstance(value, list) and value else value)
    if tool == "shell":
        name, first = "command", _COMMANDS[name].format(shlex.quote(first))
    elif tool in table:
        first = f"https://{first}/" if name == "domains" else first
        name = table[tool]
    else:
        return False
    return facts.setdefault(name, first) == first


_OWN = frozenset(fact for tool in TOOLS.values() for fact in tool.own)


def _value(name: str, matchers: Sequence[Matcher], rules: Sequence[CompiledRule]) -> object:
    """A value that all *matchers* accept, from themselves or from examples; or `UNSURE`."""
    spec = matchers[0].spec
    found = some_value(matchers, PLAIN_PLACES, states_max=STATES_MAX)
    if found is UNSURE or found is NOTHING:
        found = next(
            (
                value
                for one in rules
                for example in one.rule.must_match
                if isinstance(value := example.facts.get(name), str)
                and all(each.test(value, {}) is True for each in matchers)
            ),
            UNSURE,
        )
    if found is UNSURE:
        return UNSURE
    if spec.element == "time":
        return time.fromisoformat(str(found))
    if spec.kind == "path" and isinstance(found, str):
        found = found.removeprefix(PLAIN_PLACES.project + "/")
    return [found] if spec.is_list else found


# Command lines --------------------------------------------------------------------------


def _line(matchers: Sequence[ShellMatcher]) -> str | None:
    """A line of one command that may fit a table of each of *matchers*."""
    for chosen in islice(product(*(tables(one.raw) for one in matchers)), BRANCHES_MAX):
        line = _of_tables(chosen)
        if line is not None:
            return line
    return None


def _of_tables(chosen: Sequence[Mapping[str, object]]) -> str | None:
    program = _text("program", chosen)
    words: dict[str, str] = {}
    for name in ("subcommand", "words", "arguments", "options", "domains", "assigns", "wrappers"):
        found = _text(name, chosen)
        if found is None:
            return None
        words[name] = found
    paths = [_text(name, chosen) for name in ("writes", "removes", "reads")]
    if program is None or None in paths:
        return None
    flags = [flag for one in chosen for flag in _wanted(one)]
    hosts = [f"https://{words['domains']}/"] if words["domains"] else []
    parts = [
        *([words["assigns"]] if words["assigns"] else []),
        *([words["wrappers"]] if words["wrappers"] else []),
        program or "true",
        *(words["subcommand"].split()),
        *dict.fromkeys(flags),
        *(one for one in (words["options"], words["words"], words["arguments"]) if one),
        *hosts,
        *(one for one in dict.fromkeys(paths) if one),
    ]
    line = " ".join(shlex.quote(one) if "=" not in one else one for one in parts)
    for one in chosen:
        for inner in islice(tables(one.get("flows_to")), 1):
            after = _of_tables([inner])
            if after is None:
                return None
            line += f" | {after}"
    return line + " &" if any(one.get("background") is True for one in chosen) else line


def _wanted(table: Mapping[str, object]) -> Iterable[str]:
    every, some = table.get("flags_all"), table.get("flags_any")
    if isinstance(every, list):
        yield from (str(one) for one in every)
    if isinstance(some, list) and some:
        yield str(some[0])


def _text(name: str, chosen: Sequence[Mapping[str, object]]) -> str | None:
    """What to write for the key *name*: ``""`` where none asks, ``None`` where none is found."""
    made = [key_matcher(name, one[name]) for one in chosen if name in one]
    matchers = [one for one in made if one is not None and not one.on_missing]
    if not matchers:
        return ""
    if name == "program":
        names = [set(literals(one.raw) or ()) for one in matchers]
        common = set.intersection(*names)
        if common:
            return min(common, key=lambda one: (len(one), one))
    found = some_value(matchers, PLAIN_PLACES, states_max=STATES_MAX)
    if isinstance(found, str):
        return found.removeprefix(PLAIN_PLACES.project + "/")
    return None
