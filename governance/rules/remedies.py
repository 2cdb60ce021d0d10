"""
Remedies that the rules themselves refuse: told when packs are loaded, and never offered.

Whoever writes a pack can mend what one of its rules offers and another refuses. What other
packs forbid he cannot know: then who wrote the refusing rule is told, and nothing is stopped,
for a remedy that would be refused is left out of what is said (`governance.rules.offering`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from governance.rules.deferred import settled
from governance.rules.examples import Bench, situation_of
from governance.rules.format import Example, Rule
from governance.rules.reading import Findings
from governance.rules.ruleset import DEFAULT_TOOL, RuleSet

_CODE = "GOV251"


def check_remedies(rules: RuleSet, bench: Bench, sound: Sequence[tuple[Rule, Findings]]) -> None:
    """
    Report remedies that are refused in any situation they are offered in (GOV251).

    By a rule of the same file it is an error there; by another one a warning at that rule.

    Args:
        sound: Rules that can be tried, and where their problems go.
    """
    homes = {rule.id: (rule, findings) for rule, findings in sound}
    for rule, findings in sound:
        if rule.remedy is None or _lifted(rule, rules):
            continue
        elsewhere: tuple[Rule, Findings] | None = None
        for names in _refusing(rule, rule.remedy, rules, bench, findings):
            own = [one for one in names if one not in homes or homes[one][1] is findings]
            if own:
                listed = ", ".join(f"`{name}`" for name in names)
                message = f"the remedy of `{rule.id}` is refused by {listed}"
                mend = "offer what is allowed, or mend that rule"
                findings.wrong(_CODE, message, (*rule.path, "remedy"), mend)
                break
            elsewhere = elsewhere or homes[names[0]]
        else:
            if elsewhere is not None:
                _tell_elsewhere(rule, *elsewhere)


def _lifted(rule: Rule, rules: RuleSet) -> bool:
    """Whether an exemption lifts *rule* everywhere, so that it offers nothing."""
    return any(one.when is None for one in rules.compiled[rule.id].exempts)


def _tell_elsewhere(offering: Rule, refusing: Rule, findings: Findings) -> None:
    message = f"`{refusing.id}` refuses the remedy of `{offering.id}` of the pack `{offering.pack}`"
    mend = (
        "nothing has to be done: where it is refused it is not offered; "
        f"exempt `{offering.id}` if this rule takes its place"
    )
    findings.warn(_CODE, message, refusing.path, mend)


def _refusing(
    rule: Rule, remedy: Example, rules: RuleSet, bench: Bench, findings: Findings
) -> Iterator[list[str]]:
    """The rules that refuse *remedy*, for each situation that it is offered in and refused."""
    # Without a placeholder it is the same call in every situation.
    varies = any("{" in str(value) for value in remedy.facts.values())
    varies = varies or any(one.after or one.files for one in rule.must_match)
    for example in rule.must_match if varies and rule.must_match else (None,):
        known: Mapping[str, object] = {}
        offered = remedy
        if example is not None:
            place = (*rule.path, "must_match")
            refused = situation_of(example, rule.on, bench, findings, place)
            known = {} if refused is None else refused.event.facts
            # It is offered after all that went before the refusal.
            offered = evolve(offered, after=example.after, at=example.at, files=example.files)
        offered = evolve(offered, facts=_put_in(remedy.facts, known))
        answer = situation_of(offered, rule.on, bench, findings, (*rule.path, "remedy"))
        if answer is None:
            return
        decision = rules.decide(answer.event, answer.history)
        # What nothing allows is the project's own choice, and no fault of the pack's.
        names = [
            one.rule
            for one in decision.verdicts
            if one.action in ("deny", "halt") and one.rule != DEFAULT_TOOL
        ]
        if names:
            yield names


def _put_in(facts: Mapping[str, object], known: Mapping[str, object]) -> dict[str, object]:
    def put(value: object) -> object:
        if not isinstance(value, str):
            return value
        for name, found in known.items():
            placeholder = f"{{{name}}}"
            if placeholder in value:
                value = value.replace(placeholder, str(settled(found)))
        return value

    return {name: put(value) for name, value in facts.items()}
