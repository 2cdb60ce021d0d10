"""
Trying rules that were compiled: whether they can match at all, and do as their examples say.

A rule with a problem is not run, for its examples would only repeat it; what they say of events
is looked at all the same, so that whoever mends the one reads of the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from governance.errors import ERROR
from governance.rules.contradictions import check_conditions, check_match
from governance.rules.draft import Draft
from governance.rules.examples import Bench, read_events, run_examples
from governance.rules.format import PastLabel, Rule
from governance.rules.reading import Findings
from governance.rules.remedies import check_remedies
from governance.rules.ruleset import RuleSet
from governance.rules.vocabulary import Vocabulary


def check_matches(drafts: Sequence[Draft], rules: RuleSet, vocabulary: Vocabulary) -> None:
    """Report the rules of *drafts*, and parts of them, that can never match (GOV226)."""
    for draft in drafts:
        report = draft.findings.report
        for rule in (*draft.rules, *draft.loose_rules):
            one = rules.compiled.get(rule.id)
            if one is not None and one.rule is rule:
                check_match(rule, one.match, vocabulary, report)
                if one.demands is not None:
                    check_conditions(one.demands.conditions(), report)


def try_rules(drafts: Sequence[Draft], unproven: Sequence[Draft], bench: Bench) -> None:
    """Run the examples, scenarios and remedies; examples and scenarios of *unproven* alone."""
    sound: list[tuple[Rule, Findings]] = []
    for draft in drafts:
        broken = {
            one.path[1]
            for one in draft.findings.problems
            if one.severity == ERROR and one.path[:1] == ("rule",) and len(one.path) > 1
        }
        for rule in (*draft.rules, *draft.loose_rules):
            # Where a label is not set for want of trust, no example can be had of it.
            if draft.unset and _looks_for(rule, draft.unset):
                continue
            if rule.position in broken or rule.id not in bench.rules.compiled:
                if draft in unproven and rule.position not in draft.unread:
                    read_events(rule, bench, draft.findings)
                continue
            if draft in unproven:
                run_examples(rule, bench, draft.findings)
            # What others say may refuse the remedy of any rule.
            sound.append((rule, draft.findings))
    check_remedies(bench.rules, bench, sound)
    for draft in unproven:
        if draft.scenarios:
            from governance.rules.scenarios import check_scenarios

            check_scenarios(draft.scenarios, bench, draft.findings)


def _looks_for(rule: Rule, labels: frozenset[str]) -> bool:
    demands = [*(one for group in rule.requires for one in group), *rule.forbids]
    return any(isinstance(one, PastLabel) and one.label in labels for one in demands)
