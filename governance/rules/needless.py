"""
Exemptions that nothing needs: proven so, or such that no call was found that needs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve

from governance.rules.covering import conditions_implied
from governance.rules.examples import Bench
from governance.rules.matchers import Matcher
from governance.rules.matching import Condition, Exemption, Match
from governance.rules.paths import PLAIN_PLACES
from governance.rules.possible import NOTHING, some_value
from governance.rules.reading import Findings
from governance.rules.ruleset import CompiledRule, RuleSet
from governance.rules.witnesses import Witness, built, of_examples

_CODE = "GOV267"
_MEND = "take the exemption out"


def report_needless(rules: RuleSet, bench: Bench, findings: Mapping[str, Findings]) -> None:
    """
    Report exemptions that lift nothing (GOV267).

    Args:
        findings: By file, packs and ``governance.toml``.
    """
    for one in rules.compiled.values():
        for index, exempt in enumerate(one.exempts):
            known = findings.get(exempt.file)
            if known is None:
                continue
            path = ("exempt", exempt.position)
            why = _proof(one, exempt, one.exempts[:index])
            if why:
                message = f"nothing needs this exemption of `{one.rule.id}`: {why}"
                known.warn(_CODE, message, path, _MEND)
            elif exempt.when is not None and not _needed(one, exempt.when, bench, known):
                message = f"no call was found for which `{one.rule.id}` needs this exemption"
                known.tell(_CODE, message, path)


def _proof(one: CompiledRule, exempt: Exemption, before: tuple[Exemption, ...]) -> str:
    """Why *exempt* certainly lifts nothing; ``""``: perhaps it does."""
    if one.shadow:
        return "the rule is in shadow mode and decides nothing"
    for other in before:
        if other.until_ms is not None and (
            exempt.until_ms is None or other.until_ms < exempt.until_ms
        ):
            continue
        if other.when is None:
            return "another one lifts the rule everywhere"
        if exempt.when is not None and _scalars_implied(exempt.when, other.when):
            return "another one excuses all of this"
    if exempt.when is None:
        return ""
    if one.match.unless is not None and _scalars_implied(exempt.when, one.match.unless):
        return "its `unless` excuses all of this"
    for name, matcher in exempt.when.matchers:
        if isinstance(matcher, Matcher) and all(
            _excluded(name, matcher, part) for part in _branches(one.match)
        ):
            return f"it never matches such a `{name}`"
    return ""


def _branches(match: Match) -> Iterator[tuple[Condition, ...]]:
    for branch in match.any or (None,):
        yield tuple(part for part in (match.when, branch) if part is not None)


def _excluded(name: str, excuse: Matcher, conditions: tuple[Condition, ...]) -> bool:
    """Whether no value of the fact *name* fits *excuse* and one of *conditions* at once."""
    return any(
        fact == name
        and isinstance(matcher, Matcher)
        and not (matcher.on_missing and excuse.on_missing)
        and some_value([matcher, excuse], PLAIN_PLACES) is NOTHING
        for condition in conditions
        for fact, matcher in condition.matchers
    )


def _scalars_implied(narrow: Condition, wide: Condition) -> bool:
    """As `conditions_implied`; what lists are excused for depends on more than that."""
    plain = not any(one.spec.is_list or one.spec.type == "shell" for _, one in wide.matchers)
    return plain and conditions_implied(narrow.matchers, (wide,))


def _needed(one: CompiledRule, when: Condition, bench: Bench, findings: Findings) -> bool:
    """Whether a call was found that the rule matches and *when* excuses."""
    asking = evolve(one, match=Match(when=when), exempts=())
    return any(
        _lifts(one, when, witness)
        for witness in (*of_examples(one, bench, findings), *built([one, asking], bench, findings))
    )


def _lifts(one: CompiledRule, when: Condition, witness: Witness) -> bool:
    facts = witness.event.facts
    lifted = Exemption(when, None, "")
    return one.match.test(facts) is not False and one.match.test(facts, (lifted,)) is False
