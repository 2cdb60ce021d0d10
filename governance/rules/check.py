"""
Checking packs for people: everything loading finds, and what they may want to know.

Beyond errors and warnings of loading: rules that say the same, that match the same call or
are covered by another, exemptions that nothing needs, and what every ``@set`` and glob
stands for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from governance._attrs import frozen
from governance.errors import Diagnostic, Problem
from governance.rules.deciding import RuleSet
from governance.rules.examples import Bench
from governance.rules.format import Pack, Rule
from governance.rules.loader import Loaded, read_rules
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.reading import Findings
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import Vocabulary


@frozen
class Examined:
    """Everything that was found, in order of files and lines, and what came of loading."""

    diagnostics: tuple[Diagnostic, ...]
    loaded: Loaded


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
    return examine_rules(sources, vocabulary, settings=settings, places=places).diagnostics


def examine_rules(
    sources: Sequence[PackSource],
    vocabulary: Vocabulary,
    *,
    settings: LoadSettings | None = None,
    places: Places = PLAIN_PLACES,
) -> Examined:
    """As `check_rules`, with what came of loading."""
    settings = settings or LoadSettings()
    loaded = read_rules(sources, vocabulary, settings=settings, places=places, tells_gaps=True)
    found = list(loaded.diagnostics)
    if loaded.trial is not None:
        findings = _findings(sources, settings)
        _overlaps(findings, loaded, loaded.trial, settings)
        _weakenings(findings, loaded, settings)
        _texts(findings, loaded, loaded.trial, settings)
        _expansions(findings, loaded)
        found += [one for each in findings.values() for one in each.diagnostics()]
    files = {source.file: index for index, source in enumerate(sources)}
    found.sort(key=lambda one: (files.get(one.file, len(files)), one.line, one.code))
    return Examined(tuple(found), loaded)


def _findings(sources: Sequence[PackSource], settings: LoadSettings) -> dict[str, Findings]:
    from governance._toml import read_toml

    found = {one.file: Findings(read_toml(one.text, one.file)) for one in sources}
    if settings.project is not None:
        found.setdefault(settings.project.file, Findings(settings.project))
    return found


def _overlaps(
    findings: Mapping[str, Findings], loaded: Loaded, rules: RuleSet, settings: LoadSettings
) -> None:
    """Rules that say the same or meet (GOV255), that another one covers, needless exemptions."""
    from governance.rules.needless import report_needless
    from governance.rules.overlaps import report_meetings

    bench = Bench(rules, loaded.vocabulary, settings.time_zone)
    said: dict[str, Rule] = {}
    deciding: list[Rule] = []
    by_rule: dict[str, Findings] = {}
    for pack in loaded.packs:
        for rule in pack.rules:
            by_rule[rule.id] = findings[pack.file]
            first = said.setdefault(_meaning(rule), rule)
            if first is not rule:
                message = f"`{rule.id}` has the same conditions as `{first.id}`"
                findings[pack.file].warn("GOV255", message, rule.path, "join the two")
            elif "shadow" not in (rule.mode, pack.mode):
                deciding.append(rule)
    own = {
        rule.id for pack in loaded.packs if not settings.released(pack.hash) for rule in pack.rules
    }
    report_meetings(rules, deciding, own, bench, by_rule)
    report_needless(rules, bench, findings)


def _weakenings(findings: Mapping[str, Findings], loaded: Loaded, settings: LoadSettings) -> None:
    """What lower layers decide for rules of upper ones (GOV258), and idle rules (GOV257)."""
    from governance.rules.enforcing import check_idle
    from governance.rules.weakening import check_weakening

    check_weakening(loaded.packs, findings, settings)
    for pack in loaded.packs:
        for rule in pack.rules:
            check_idle(rule, findings[pack.file], loaded.vocabulary, settings)


def _texts(
    findings: Mapping[str, Findings], loaded: Loaded, rules: RuleSet, settings: LoadSettings
) -> None:
    """Rules on the text of a line that the same command gets past (GOV268)."""
    from governance.rules.command_texts import check_command_text
    from governance.rules.compiling import compile_rules

    bench = Bench(rules, loaded.vocabulary, settings.time_zone)
    for pack in loaded.packs:
        for rule in pack.rules:
            if "command" not in rule.when:
                continue

            def compiled(changed: Rule, pack: Pack = pack) -> RuleSet | None:
                alone = evolve(
                    pack, rules=(changed,), roles=(), escalations=(), contexts=(), exempts=()
                )
                wrong: list[Problem] = []
                made = compile_rules(
                    [alone], loaded.vocabulary, report=lambda _, one: wrong.append(one)
                )
                return None if wrong else made

            check_command_text(rule, bench, findings[pack.file], compiled)


def _meaning(rule: Rule) -> str:
    demands = (rule.requires, rule.forbids, rule.limit)
    return repr((rule.on, sorted(rule.tools), rule.when, rule.unless, rule.any, demands))


def _expansions(findings: Mapping[str, Findings], loaded: Loaded) -> None:
    """What each set and glob of tools stands for, once a file (GOV256)."""
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


def _stands_for(name: str, vocabulary: Vocabulary) -> str:
    problems: list[Problem] = []
    members = vocabulary.expand_tools((name,), (), problems.append)
    if "*" in name:
        members = tuple(sorted(vocabulary.recorded(name)))
        if not members:
            return "every MCP tool of that name; none is recorded yet"
        known = ", ".join(f"`{one}`" for one in members)
        return f"every MCP tool of that name; recorded are {known}"
    return ", ".join(f"`{one}`" for one in members)
