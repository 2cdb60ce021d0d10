"""
What deciding costs, as ratios measured in turn within one process.

Each function gives ``(measured, bound)``; `tests.bench.rows` says which side of it is a miss.
The decision is on prepared facts, of a rule set that has decided before: its index is built.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Mapping

from governance.rules.deciding import History, RuleEvent, RuleSet, compile_rules
from governance.rules.deferred import Deferred
from governance.rules.facts import facts_of_call, session_facts
from governance.rules.format import Pack, Rule
from governance.rules.paths import PLAIN_PLACES
from governance.rules.vocabulary import PYTHON_TOOLS, call_of, default_vocabulary
from governance.shell import read_line
from governance.shell.grammar import parse

_KNOWN = History(known=True)
_COMMAND = "git -C packages/web status --short && npm run test -- --runInBand"
_WORDS = ("drop database", "mkfs.", "chmod 777", "--force", "shutdown now")


def _rule(number: int, tools: tuple[str, ...], when: Mapping[str, object]) -> Rule:
    return Rule(
        id=f"bench.r{number}",
        pack="bench",
        layer="machine",
        position=number,
        tools=tools,
        when=when,
        action="deny",
        message="No.",
    )


def _compiled(*rules: Rule) -> RuleSet:
    pack = Pack(
        name="bench", version="1.0.0", summary="", layer="machine", file="", hash="", rules=rules
    )
    return compile_rules([pack], default_vocabulary())


def _event(command: str) -> RuleEvent:
    call = call_of(PYTHON_TOOLS, "shell", {"command": command})
    facts = {**session_facts(host="python", turn=1), **facts_of_call(call, PLAIN_PLACES)}
    return RuleEvent("tool", facts, call)


def _shell_rules(count: int) -> list[Rule]:
    """Rules on commands, none of which matches: half on a part, half on the beginning."""
    return [
        _rule(
            number,
            ("shell",),
            {
                "command": {
                    "contains" if number % 2 else "starts_with": f"{_WORDS[number % 5]}{number}"
                }
            },
        )
        for number in range(count)
    ]


def _ratio(
    work: Callable[[], object], yardstick: Callable[[], object], *, rounds: int = 30
) -> float:
    """The median over *rounds* of the time of *work* over that of *yardstick*, in turn."""
    for _ in range(2):  # the first decisions try every rule, and then build the index
        _seconds(work), _seconds(yardstick)
    return statistics.median(_seconds(work) / _seconds(yardstick) for _ in range(rounds))


def _seconds(work: Callable[[], object], times: int = 20) -> float:
    start = time.perf_counter()
    for _ in range(times):
        work()
    return time.perf_counter() - start


def over_closures() -> tuple[float, float]:
    """A decision of 1,000 rules that all miss, over 1,000 closures made for the same tests."""
    rules = _compiled(*_shell_rules(1_000))
    event = _event(_COMMAND)
    closures = [_closure(rule) for rule in _shell_rules(1_000)]

    def yardstick() -> bool:
        facts = event.facts
        return any(closure(facts) for closure in closures)

    return _ratio(lambda: rules.decide(event, _KNOWN), yardstick), 1 / 20


def flat() -> tuple[float, float]:
    """A decision of 10,000 rules that all miss, over one of 10."""
    few, many = _compiled(*_shell_rules(10)), _compiled(*_shell_rules(10_000))
    event = _event(_COMMAND)

    return _ratio(lambda: many.decide(event, _KNOWN), lambda: few.decide(event, _KNOWN)), 1.5


def over_cedar() -> tuple[float, float]:
    """cedarpy on the same 1,000 rules, read once, over a decision of ours."""
    import cedarpy

    policies = ["permit(principal, action, resource);"]
    for rule in _shell_rules(1_000):
        operator, text = _asked(rule)
        like = f"*{text}*" if operator == "contains" else f"{text}*"
        policies.append(
            f'forbid(principal, action == Action::"shell", resource) '
            f'when {{ context.command like "{like}" }};'
        )
    parsed = cedarpy.PolicySet.from_str("\n".join(policies))
    entities = cedarpy.Entities.from_json_str("[]")
    request = {
        "principal": 'User::"a"',
        "action": 'Action::"shell"',
        "resource": 'Tool::"shell"',
        "context": {"command": _COMMAND},
    }
    assert cedarpy.is_authorized(request, parsed, entities).allowed
    refused = {**request, "context": {"command": f"{_WORDS[1]}1"}}
    assert not cedarpy.is_authorized(refused, parsed, entities).allowed

    return _over_ours(lambda: cedarpy.is_authorized(request, parsed, entities))


def over_evaluator() -> tuple[float, float]:
    """Microsoft's `PolicyEvaluator` on the same 1,000 rules, over a decision of ours."""
    from agent_os import policies as peer

    made = []
    for rule in _shell_rules(1_000):
        operator, text = _asked(rule)
        asked = {"operator": "contains", "value": text}
        if operator != "contains":
            asked = {"operator": "matches", "value": "^" + re.escape(text)}
        condition = peer.PolicyCondition(field="command", **asked)
        made.append(peer.PolicyRule(name=rule.id, condition=condition, action="deny"))
    allowed = peer.PolicyDefaults(action="allow")
    evaluator = peer.PolicyEvaluator([peer.PolicyDocument(rules=made, defaults=allowed)])
    assert evaluator.evaluate({"tool": "shell", "command": _COMMAND}).allowed
    assert not evaluator.evaluate({"tool": "shell", "command": f"{_WORDS[1]}1"}).allowed

    return _over_ours(lambda: evaluator.evaluate({"tool": "shell", "command": _COMMAND}))


def _over_ours(theirs: Callable[[], object]) -> tuple[float, float]:
    """How many times as long as a decision of ours on 1,000 rules *theirs* takes."""
    rules, event = _compiled(*_shell_rules(1_000)), _event(_COMMAND)

    return 1 / _ratio(lambda: rules.decide(event, _KNOWN), theirs), 200


def _asked(rule: Rule) -> tuple[str, str]:
    wanted = rule.when["command"]
    assert isinstance(wanted, dict)
    ((operator, text),) = wanted.items()
    return operator, text


def _closure(rule: Rule) -> Callable[[Mapping[str, object]], bool]:
    operator, text = _asked(rule)
    if operator == "contains":
        return lambda facts: facts["tool"] == "shell" and text in facts["command"]  # type: ignore[operator]
    return lambda facts: facts["tool"] == "shell" and facts["command"].startswith(text)  # type: ignore[attr-defined]


def other_tools_are_free() -> tuple[float, float]:
    """A decision with 1,000 rules on other tools beside 10 of its own, over the 10 alone."""
    others = [
        _rule(number + 10, ("@writes",), {"path": {"path_under": f"secret/{number}"}})
        for number in range(1_000)
    ]
    few, many = _compiled(*_shell_rules(10)), _compiled(*_shell_rules(10), *others)
    event = _event(_COMMAND)

    return _ratio(lambda: many.decide(event, _KNOWN), lambda: few.decide(event, _KNOWN)), 1.5


def long_argument() -> tuple[float, float]:
    """A decision of 30 patterns on 4 kB, over the same on 100 bytes."""
    rules = _compiled(
        *(
            _rule(number, ("shell",), {"command": {"regex": rf"\b{word}\w*{number}\b"}})
            for number, word in enumerate(["drop", "mkfs", "chmod", "force", "halt"] * 6)
        )
    )
    short, long = _event("echo " + "lorem ipsum " * 8), _event("echo " + "lorem ipsum " * 341)

    return _ratio(lambda: rules.decide(long, _KNOWN), lambda: rules.decide(short, _KNOWN)), 6.0


_PROGRAMS = 50


def _program_rules(count: int) -> list[Rule]:
    """Rules on what a command line runs, on fifty programs in turn; none of them matches."""
    names = ("git", "npm", *(f"program-{number}" for number in range(_PROGRAMS - 2)))
    return [
        _rule(
            number,
            ("shell",),
            {"shell": {"program": names[number % _PROGRAMS], "flags_any": [f"--never-{number}"]}},
        )
        for number in range(count)
    ]


_LINES = 2_000


def _over(line: str, yardstick: Callable[[str], object]) -> tuple[float, list[RuleEvent]]:
    """
    Deciding 1,000 rules on programs for lines that differ, over *yardstick* on the same lines.

    Every line is a new one, for what a line says is remembered; the median of the rounds'
    ratios counts. Beside it the events that were decided.
    """
    rules = _compiled(*_program_rules(1_000))
    lines = [line.format(number) for number in range(_LINES)]
    events = [_event(one) for one in lines]
    for event in events[:100]:  # until the index is built
        rules.decide(event, _KNOWN)
    ratios: list[float] = []
    for first in range(100, _LINES, 50):
        start = time.perf_counter()
        for one in lines[first : first + 50]:
            yardstick(one)
        middle = time.perf_counter()
        for event in events[first : first + 50]:
            rules.decide(event, _KNOWN)
        ratios.append((time.perf_counter() - middle) / (middle - start))
    return statistics.median(ratios), events


def over_parse() -> tuple[float, float]:
    """Lines that run programs which rules name, so that each is taken apart, over the parser."""
    line = "git -C packages/part{} status --short && npm run test -- --runInBand"
    found, _ = _over(line, lambda one: parse(one.encode()))
    return found, 15.0


def unparsed() -> tuple[float, float]:
    """Lines that run no program which a rule names, over taking them apart, which is not done."""
    found, events = _over("ls -la src/part{} | wc -l", read_line)
    # INVARIANT: what is not looked at is not made.
    assert all(type(event.facts["shell"]) is Deferred for event in events)
    return found, 1.0
