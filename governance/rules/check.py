"""
Checking packs for people: everything loading finds, and what they may want to know.

Beyond errors and warnings of loading: rules that say the same, rules whose examples a
stricter rule catches anyway, and what every ``@set`` and glob stands for.
"""

from __future__ import annotations

from collections.abc import Sequence

from governance.errors import Diagnostic, Problem
from governance.rules.deciding import RuleSet
from governance.rules.examples import Bench, situation_of
from governance.rules.format import ACTIONS, Pack, Rule
from governance.rules.loader import Loaded, read_rules
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.reading import Findings
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import Vocabulary


def check_rules(
    sources: Sequence[PackSource],
    vocabulary: Vocabulary,
    *,
    settings: LoadSettings | None = None,
    places: Places = PLAIN_PLACES,
) -> tuple[Diagnostic, ...]:
    """
    Errors, warnings and information about *sources*, in order of files and lines.

    Nothing is raised for a bad pack. Overlaps and expansions are looked for only when there
    is no error, for they are about rules that work.
    """
    settings = settings or LoadSettings()
    loaded = read_rules(sources, vocabulary, settings=settings, places=places, tells_gaps=True)
    found = list(loaded.diagnostics)
    if loaded.trial is not None:
        found += _overlaps(sources, loaded, loaded.trial, settings)
        found += _expansions(sources, loaded)
    files = {source.file: index for index, source in enumerate(sources)}
    found.sort(key=lambda one: (files.get(one.file, len(files)), one.line, one.code))
    return tuple(found)


def _findings(sources: Sequence[PackSource]) -> dict[str, Findings]:
    from governance._toml import read_toml

    return {one.file: Findings(read_toml(one.text, one.file)) for one in sources}


def _overlaps(
    sources: Sequence[PackSource], loaded: Loaded, rules: RuleSet, settings: LoadSettings
) -> list[Diagnostic]:
    """Rules that say the same (GOV255), and rules that another one makes needless."""
    findings = _findings(sources)
    bench = Bench(rules, loaded.vocabulary, settings.time_zone)
    said: dict[str, Rule] = {}
    for pack in loaded.packs:
        for rule in pack.rules:
            first = said.setdefault(_meaning(rule), rule)
            if first is not rule:
                message = f"`{rule.id}` has the same conditions as `{first.id}`"
                findings[pack.file].warn("GOV255", message, rule.path, "join the two")
            else:
                _needless(rule, pack, rules, bench, findings[pack.file])
    return [one for found in findings.values() for one in found.diagnostics()]


def _meaning(rule: Rule) -> str:
    demands = (rule.requires, rule.forbids, rule.limit)
    return repr((rule.on, sorted(rule.tools), rule.when, rule.unless, rule.any, demands))


def _needless(rule: Rule, pack: Pack, rules: RuleSet, bench: Bench, findings: Findings) -> None:
    """Warn when stricter rules catch every event that *rule* gives as its own."""
    if "shadow" in (rule.mode, pack.mode) or not rule.must_match:
        return
    others: set[str] | None = None
    for example in rule.must_match:
        # Its problems were reported when the examples were run.
        quiet = Findings(findings.document)
        tried = situation_of(example, rule.on, bench, quiet, rule.path)
        if tried is None:
            return
        stricter = {
            one.rule
            for one in rules.decide(tried.event, tried.history).verdicts
            if one.rule != rule.id and ACTIONS.index(one.action) > ACTIONS.index(rule.action)
        }
        others = stricter if others is None else others & stricter
    if others:
        names = ", ".join(f"`{name}`" for name in sorted(others))
        message = f"all that `{rule.id}` must match is caught by the stricter {names} as well"
        findings.warn("GOV255", message, rule.path, "narrow one of them, or take this one out")


def _expansions(sources: Sequence[PackSource], loaded: Loaded) -> list[Diagnostic]:
    """What each set and glob of tools stands for, once a file (GOV256)."""
    findings = _findings(sources)
    for pack in loaded.packs:
        told: set[str] = set()
        lists = [(rule.tools, (*rule.path, "tools")) for rule in pack.rules]
        lists += [(role.tools, ("role", role.position, "tools")) for role in pack.roles]
        lists += [(one.tools, ("escalation", one.position, "tools")) for one in pack.escalations]
        for names, path in lists:
            for index, name in enumerate(names):
                if name not in told and ("@" in name or "*" in name):
                    told.add(name)
                    stands = _stands_for(name, loaded.vocabulary)
                    message = f"`{name}` stands for {stands}"
                    findings[pack.file].tell("GOV256", message, (*path, index))
    return [one for found in findings.values() for one in found.diagnostics()]


def _stands_for(name: str, vocabulary: Vocabulary) -> str:
    from governance.rules.globs import tool_pattern

    problems: list[Problem] = []
    members = vocabulary.expand_tools((name,), (), problems.append)
    if "*" in name:
        fits = tool_pattern(name)
        members = tuple(one for one in sorted(vocabulary.mcp_tools) if fits(one))
        if not members:
            return "every MCP tool of that name; none is recorded yet"
    return ", ".join(f"`{one}`" for one in members)
