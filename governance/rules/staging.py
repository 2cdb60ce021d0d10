"""The past of an example: what its author says went before, put through the monitors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from attrs import evolve

from governance.errors import Problem
from governance.rules.drafting_rules import past_kind
from governance.rules.examples import Bench, Situation, event_of, moment_of
from governance.rules.format import Example
from governance.rules.globs import PatternError
from governance.rules.happenings import RESULT_FACTS
from governance.rules.paths import PLAIN_PLACES
from governance.rules.reading import Findings, Path
from governance.rules.simulation import Happening, Past, simulate
from governance.rules.verdicts import LABEL_CONTEXT, LABEL_TURN, RuleEvent
from governance.temporal import CONTEXT_BEGAN, EPOCH_BEGAN, TURN_BEGAN

START_MS = 1_767_225_600_000
"""When an example happens that does not say when: 2026-01-01, at midnight in UTC."""

BEGINS: Mapping[str, int] = {
    "turn": TURN_BEGAN,
    "compact": CONTEXT_BEGAN,
    "reset": EPOCH_BEGAN,
}


def staged(
    example: Example,
    event: RuleEvent | None,
    on: str,
    bench: Bench,
    findings: Findings,
    path: Path,
) -> Situation | None:
    """
    *event* with the past of *example*; ``None`` after problems of either were reported.

    What has no time happens with what came before it, and the first of all at `START_MS`
    or when the example itself does.
    """
    problems = len(findings.problems)
    for problem in _problems_of_files(example.files, path):
        findings.report(problem)
    clock = _first_ms(example, bench)
    past = Past(labels=_given_labels(example, clock))
    for index, one in enumerate(example.after):
        if one.at is not None:
            clock = _ms(one, bench)
        made = happening_of(one, clock, bench, findings, (*path, "after", index))
        if made is not None:
            past = simulate(bench.rules, [made] * max(1, one.repeat), past)
    if event is None or len(findings.problems) > problems:
        return None
    if example.at is not None:
        clock = _ms(example, bench)
    present = evolve(event, facts={**event.facts, "at_ms": clock})
    if example.repeat:
        past = simulate(bench.rules, [_itself(present, clock)] * example.repeat, past)
    if on == "tool-result":
        # Its call was let through before the result came.
        past = simulate(bench.rules, [evolve(_itself(present, clock), outcome="allowed")], past)
    if on == "prompt" and event.facts.get("prompt_source", "user") == "user":
        past = simulate(bench.rules, [Happening(at_ms=clock, begins=TURN_BEGAN)], past)
    return Situation(present, past.history(_files(example.files)))


def _itself(present: RuleEvent, at_ms: int) -> Happening:
    """The event of an example, as one that has happened."""
    if present.on != "tool-result":
        return Happening(event=present, at_ms=at_ms)
    told = {name: value for name, value in present.facts.items() if name in RESULT_FACTS}
    facts = {name: value for name, value in present.facts.items() if name not in told}
    event = evolve(present, on="tool", facts=facts)
    outcome = str(told.get("outcome", "ok"))
    outcome = "denied" if outcome == "refused" else outcome
    return Happening(event=event, outcome=outcome, at_ms=at_ms, result=told)


def happening_of(
    one: Example, at_ms: int, bench: Bench, findings: Findings, path: Path
) -> Happening | None:
    """What a past example says happened, or ``None`` after its problems were reported."""
    kind = past_kind(one.facts)
    if kind == "event":
        for name in one.facts:
            if name != "event":
                message = f"`{name}` says nothing of what begins anew"
                findings.wrong("GOV220", message, (*path, name), "take it out")
        return Happening(at_ms=at_ms, begins=BEGINS[str(one.facts["event"])])
    if kind != "tool" and one.outcome in ("failed", "unknown"):
        message = f"a `{kind}` event is never `{one.outcome}`"
        findings.wrong("GOV233", message, (*path, "outcome"))
        return None
    told = {name: value for name, value in one.facts.items() if name in RESULT_FACTS}
    # A call and its result are told in one: what it is judged by is told apart here.
    whole = event_of(one, "tool-result" if kind == "tool" else kind, bench, findings, path)
    if whole is None:
        return None
    facts = {name: value for name, value in whole.facts.items() if name not in told}
    begins = 0
    if kind == "prompt":
        facts.setdefault("prompt_source", "user")
        begins = TURN_BEGAN if facts["prompt_source"] == "user" else 0
    event = evolve(whole, on=kind, facts=facts)
    return Happening(event=event, outcome=one.outcome, at_ms=at_ms, begins=begins, result=told)


def _given_labels(example: Example, clock: int) -> dict[str, tuple[int, int]]:
    """The labels that an example says its session has, set just now."""
    given = example.facts.get("labels")
    names = given if isinstance(given, list) else []
    return {str(one): (clock, LABEL_TURN | LABEL_CONTEXT) for one in names}


def _first_ms(example: Example, bench: Bench) -> int:
    for one in (*example.after, example):
        if one.at is not None:
            return _ms(one, bench)
    return START_MS


def _ms(example: Example, bench: Bench) -> int:
    # INVARIANT: asked only of what says when it happens.
    assert example.at is not None, "an example with a time"
    return int(moment_of(example.at, bench.time_zone).timestamp() * 1000)


def _files(paths: tuple[str, ...]) -> Callable[[str], bool | None]:
    """Whether one of *paths* fits a glob, on the plain project of examples."""
    known = [PLAIN_PLACES.absolute(one) for one in paths]

    def look(glob: str) -> bool | None:
        try:
            fits = PLAIN_PLACES.glob(glob)
        except PatternError:
            return None
        return any(isinstance(one, str) and fits(one) for one in known)

    return look


def _problems_of_files(paths: tuple[str, ...], path: Path) -> Iterator[Problem]:
    """What is wrong with the files that an example says are there."""
    for index, one in enumerate(paths):
        if any(sign in one for sign in "*{}?[\\"):
            message = f"`{one}` is a glob; an example names files"
            yield Problem("GOV224", message, (*path, "files", index))
