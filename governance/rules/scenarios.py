"""
Scenarios: tests of whole decisions, read from a pack or from a file of their own.

A scenario is one session from its start. Each step is a call, a prompt, a command or an
event, and says what must be answered; playing them is the room above's. Here they are read
strictly, like everything in a pack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from governance._attrs import frozen
from governance._toml import read_toml
from governance.errors import Problem
from governance.rules.draft import get, tables
from governance.rules.examples import Bench, event_of
from governance.rules.format import FORMAT, Example, Expect, Scenario, Step
from governance.rules.reading import Findings, Path, keys_of, nearest, one_slip, read_keys
from governance.rules.vocabulary import Vocabulary

SCENARIOS_MAX = 1_000
STEPS_MAX = 1_000
"""Steps of one scenario; a longer one tests no decision but patience."""

_OF_KIND: Mapping[str, frozenset[str]] = {
    "tool": frozenset({"args", "outcome", "output", "error", "exit_code", "duration_ms"}),
    "prompt": frozenset({"prompt_source"}),
    "command": frozenset({"arguments"}),
    "resume": frozenset({"history"}),
    "child_start": frozenset({"child", "role"}),
    "pardon": frozenset({"rule"}),
}
"""Kind of step → the keys that only it has."""

_ALWAYS = frozenset({"session", "after", "at", "expect"})
_KINDS = ("tool", "prompt", "command", "event")
_REPORTED = frozenset({"output", "error", "exit_code", "duration_ms"})


@frozen
class ScenarioFile:
    """
    A file of scenarios.

    Attributes:
        packs: What they are played against, as ``[packs] paths`` names packs, relative to
            the file; ``None``: the packs of the project around it.

        findings: The document, and everything that is wrong with it.
    """

    packs: tuple[str, ...] | None
    scenarios: tuple[Scenario, ...]
    findings: Findings


def read_scenario_file(text: str | bytes, file: str) -> ScenarioFile:
    """
    The scenarios of *file*, read strictly; what is wrong is in the findings.

    Raises:
        DefinitionError: The file is no TOML at all (GOV101-104).
    """
    document = read_toml(text, file)
    findings = Findings(document)
    version = document.data.get("format", FORMAT)
    if type(version) is int and version > FORMAT:
        message = f"`format = {version}` is newer than this engine, which reads {FORMAT}"
        findings.wrong("GOV202", message, ("format",), "use a newer engine")
        return ScenarioFile(None, (), findings)
    if type(version) is int and version < 1:
        message = f"`format` must be an integer from 1, not {version}"
        findings.wrong("GOV201", message, ("format",), f"write `format = {FORMAT}`")
    values = read_keys(findings, "scenario-file", document.data, ())
    scenarios = read_scenarios(findings, tables(values.get("scenario")))
    return ScenarioFile(get(values, "packs", None), scenarios, findings)


def read_scenarios(
    findings: Findings, given: Sequence[Mapping[str, object]]
) -> tuple[Scenario, ...]:
    """Every ``[[scenario]]`` of one document whose frame can be read."""
    made: list[Scenario] = []
    names: set[str] = set()
    for position, raw in enumerate(given[:SCENARIOS_MAX]):
        path: Path = ("scenario", position)
        values = read_keys(findings, "scenario", raw, path)
        name = get(values, "name", "")
        if name in names:
            message = f"the scenario `{name}` stands twice"
            findings.wrong("GOV211", message, (*path, "name"), "choose another name")
        names.add(name)
        steps = tables(values.get("steps"))
        if "steps" in values and not steps:
            findings.wrong("GOV280", "a scenario has no step", (*path, "steps"), "add one")
        if len(steps) > STEPS_MAX:
            message = f"a scenario has {len(steps)} steps where at most {STEPS_MAX} are played"
            findings.wrong("GOV280", message, (*path, "steps"), "split it")
        read = [
            _read_step(findings, one, path, number) for number, one in enumerate(steps[:STEPS_MAX])
        ]
        made.append(
            Scenario(
                name=name,
                position=position,
                role=get(values, "role", ""),
                asks=get(values, "asks", True),
                at=get(values, "at", cast("datetime | None", None)),
                fields=get(values, "fields", cast("Mapping[str, object]", {})),
                steps=tuple(one for one in read if one is not None),
            )
        )
    if len(given) > SCENARIOS_MAX:
        message = f"{len(given)} scenarios where at most {SCENARIOS_MAX} are played"
        findings.wrong("GOV280", message, ("scenario", SCENARIOS_MAX), "split the file")
    return tuple(made)


def _read_step(
    findings: Findings, raw: Mapping[str, object], scenario: Path, number: int
) -> Step | None:
    path = (*scenario, "steps", number)
    before = len(findings.problems)
    named = ["tool"] if "tool" in raw else [one for one in _KINDS if one in raw]
    if len(named) != 1:
        findings.report(_no_kind(raw, named, path))
        return None
    frame, facts = _parted(raw, named[0])
    values = read_keys(findings, "scenario.steps", frame, path)
    kind = named[0] if named[0] != "event" else get(values, "event", "")
    allowed = _OF_KIND.get(kind, frozenset()) | _ALWAYS | {named[0]}
    for name in frame:
        if name in keys_of("scenario.steps") and name not in allowed and kind:
            owners = [one for one, own in _OF_KIND.items() if name in own]
            mend = f"`{name}` is of `{owners[0]}` steps" if owners else "take it out"
            findings.wrong("GOV280", f"`{name}` does not fit `{kind}`", (*path, name), mend)
    if kind == "child_start" and "child" not in values:
        findings.wrong("GOV280", "`child_start` names no `child`", path, "write `child = …`")
    if _REPORTED.intersection(values) and values.get("outcome") == "unknown":
        message = "a call of unknown outcome gives nothing"
        findings.wrong("GOV280", message, (*path, "outcome"), "take one of the two out")
    expect = _read_expect(findings, values, path)
    if len(findings.problems) > before:
        return None
    return Step(
        kind=kind,
        position=number,
        facts=facts,
        given=values,
        after_seconds=get(values, "after", 0),
        at=get(values, "at", cast("datetime | None", None)),
        session=get(values, "session", ""),
        expect=expect,
    )


def _no_kind(raw: Mapping[str, object], named: Sequence[str], path: Path) -> Problem:
    if named:
        words = " and ".join(f"`{one}`" for one in named)
        return Problem("GOV280", f"one step is {words}", path, "make two steps of it")
    slip = next((one for one in raw for kind in _KINDS if one_slip(one, kind)), None)
    if slip is not None:
        meant = next(kind for kind in _KINDS if one_slip(slip, kind))
        return Problem("GOV207", f"unknown key `{slip}`", (*path, slip), f"did you mean `{meant}`?")
    mend = "name a `tool`, a `prompt`, a `command` or an `event`"
    return Problem("GOV280", "the step says nothing that happens", path, mend)


def _parted(
    raw: Mapping[str, object], named: str
) -> tuple[dict[str, object], Mapping[str, object]]:
    """The keys of the step itself, and of a call its facts."""
    if named != "tool":
        return dict(raw), {}
    frame = _OF_KIND["tool"] | _ALWAYS | {"tool"}
    own = {name: value for name, value in raw.items() if name in frame}
    facts = {
        name: value for name, value in raw.items() if name in ("tool", "args") or name not in frame
    }
    return own, facts


def _read_expect(findings: Findings, values: Mapping[str, object], path: Path) -> Expect:
    raw = values.get("expect")
    if not isinstance(raw, dict):
        return Expect()
    path = (*path, "expect")
    read = read_keys(findings, "scenario.steps.expect", raw, path)
    if not raw:
        findings.wrong("GOV280", "`expect` is empty", path, "name what is expected, or drop it")
    violations = get(read, "violations", 0)
    if violations < 0:
        message = f"`violations` must be 0 or more, not {violations}"
        findings.wrong("GOV280", message, (*path, "violations"))
    refused = read.get("action") in ("ask", "deny", "halt")
    if refused and "result" in read:
        message = "a call that is refused has no result"
        findings.wrong("GOV280", message, (*path, "result"), "take one of the two out")
    return Expect(**cast("Any", read))


def check_scenarios(scenarios: Sequence[Scenario], bench: Bench, findings: Findings) -> None:
    """
    Report calls of *scenarios* that cannot be, and names that nobody declares.

    GOV220-225: a call's facts, as of examples; GOV260: a role; GOV272: a field; GOV280: a
    fact that the session has and no call can bring along, or a child that nothing started.
    """
    for scenario in scenarios:
        _check_names(scenario, bench.vocabulary, findings)
        children: set[str] = set()
        for step in scenario.steps:
            path: Path = (*scenario.path, "steps", step.position)
            if step.session and step.session not in children:
                message = f"no step before it starts the child `{step.session}`"
                mend = f'add `{{ event = "child_start", child = "{step.session}" }}` before it'
                findings.wrong("GOV280", message, (*path, "session"), mend)
            if step.kind == "child_start":
                children.add(str(step.given["child"]))
                _check_role(str(step.given.get("role", "")), bench.vocabulary, findings, path)
            elif step.kind == "tool":
                _check_call(step, bench, findings, path)


def _check_names(scenario: Scenario, vocabulary: Vocabulary, findings: Findings) -> None:
    path = scenario.path
    _check_role(scenario.role, vocabulary, findings, path)
    for name in scenario.fields:
        place = (*path, "fields", name)
        spec = vocabulary.fact(f"fields.{name}", on="prompt", tools=None, path=place)
        if isinstance(spec, Problem):
            findings.report(spec)


def _check_role(role: str, vocabulary: Vocabulary, findings: Findings, path: Path) -> None:
    # Where none is declared, any may be named.
    if role and vocabulary.roles and role not in vocabulary.roles:
        hint = nearest(role, vocabulary.roles)
        findings.wrong("GOV260", f"unknown role `{role}`", (*path, "role"), hint)


def _check_call(step: Step, bench: Bench, findings: Findings, path: Path) -> None:
    for name in step.facts:
        spec = bench.vocabulary.facts.get(name)
        slips = [one for one in keys_of("scenario.steps") if one_slip(name, one)]
        a_fact = any(one_slip(name, one) for one in bench.vocabulary.facts)
        if spec is None and slips and not a_fact:
            message = f"unknown key `{name}` of `scenario.steps`"
            findings.wrong("GOV207", message, (*path, name), f"did you mean `{slips[0]}`?")
            return
        if spec is not None and spec.tools is None and name not in ("tool", "cwd"):
            message = f"`{name}` is known of the session, and no call brings it along"
            mend = "let a step before it bring it about, or write a key of the scenario"
            findings.wrong("GOV280", message, (*path, name), mend)
            return
        if name in ("reads", "writes", "removes", "domains"):
            message = f"`{name}` is read off the call"
            findings.wrong("GOV280", message, (*path, name), "write the call itself")
            return
    event_of(Example(facts=step.facts), "tool", bench, findings, path)
