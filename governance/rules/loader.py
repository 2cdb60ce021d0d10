"""
Loading packs: from texts to one `RuleSet`, or to every problem at once.

The stages, each over all files: read (`drafting`), link names (`linking`,
`roles_checked`), judge layers and trust (`layers`), compile (`deciding`), run the examples
(`examples`). A stage reports and goes on. Only two things stop early: a file that is no
TOML, for half a set of files says false things about names in the other half, and a rule
that has a problem, whose examples would only repeat it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.errors import ERROR, DefinitionError, Diagnostic, Problem
from governance.rules.blocks import CompiledBlock, compile_block
from governance.rules.compiling import FileReport, compile_rules
from governance.rules.deciding import RuleSet
from governance.rules.draft import Draft
from governance.rules.drafting import draft_pack
from governance.rules.drafting_rules import read_rewrites
from governance.rules.enforcing import check_hosts
from governance.rules.format import ContextBlock, Defaults, Exempt, Pack, Rule
from governance.rules.layers import (
    check_exempts,
    check_shadow,
    drop_loosening,
    is_trusted,
    labels_that_excuse,
    settings_in_force,
    upper_agents,
)
from governance.rules.linking import (
    all_labels,
    all_sets,
    check_budget,
    check_escalations,
    check_labels,
    check_names,
    check_sets,
)
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.reading import Findings, Path
from governance.rules.recorded import check_schemas, recorded_arguments
from governance.rules.roles_checked import check_roles
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.trust import pack_hash
from governance.rules.vocabulary import Vocabulary


@frozen
class Loaded:
    """
    What came of loading.

    Attributes:
        rules: The rules, or ``None`` when anything is wrong.

        trial: The same rules on the project that examples speak of; ``None`` when anything
            is wrong, or when no example had to be run.

        packs: The checked packs, those with problems included.

        vocabulary: With the names that packs and project declare.

        diagnostics: Errors, warnings and information, by file and line.

        proven: The settings said that these rules were loaded before without an error, so
            that they are compiled by need and their examples were left alone.

        parsed: sha256 of each text that is TOML, and what it parses to.
    """

    rules: RuleSet | None
    trial: RuleSet | None
    packs: tuple[Pack, ...]
    vocabulary: Vocabulary
    diagnostics: tuple[Diagnostic, ...]
    proven: bool = False
    parsed: tuple[tuple[str, Mapping[str, object]], ...] = ()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that keep the rules from being used."""
        return tuple(one for one in self.diagnostics if one.severity == ERROR)


def load_rules(
    sources: Sequence[PackSource],
    vocabulary: Vocabulary,
    *,
    settings: LoadSettings | None = None,
    places: Places = PLAIN_PLACES,
) -> RuleSet:
    """
    The rules of *sources*, compiled.

    Args:
        settings: What project and machine say about all packs; by default nothing.

        places: Where the paths of rules begin; examples are always run on a plain project.

    Raises:
        DefinitionError: With every error of every file. Warnings are in
            ``RuleSet.warnings`` when there is no error.
    """
    loaded = read_rules(sources, vocabulary, settings=settings, places=places)
    if loaded.rules is None:
        raise DefinitionError(loaded.errors)
    return loaded.rules


def read_rules(
    sources: Sequence[PackSource],
    vocabulary: Vocabulary,
    *,
    settings: LoadSettings | None = None,
    places: Places = PLAIN_PLACES,
    tells_gaps: bool = False,
    tries: bool = True,
) -> Loaded:
    """
    As `load_rules`, but problems are given and never raised.

    Args:
        tries: Run the examples, and look at the scenarios; without it rules are given that
            are not what their examples say, for whoever tries them otherwise.

        tells_gaps: Give the known gaps of rules as information, for whoever examines them;
            there is a trial then, whatever was proven.
    """
    loading = _Loading(sources, vocabulary, settings or LoadSettings(), places, tells_gaps, tries)
    rules = loading.run()
    trial = loading.trial
    diagnostics = loading.diagnostics()
    if any(one.severity == ERROR for one in diagnostics):
        rules = trial = None
    elif rules is not None:
        warnings = tuple(one for one in diagnostics if one.severity == "warning")
        rules = evolve(rules, warnings=warnings)
    # INVARIANT: without an error there are rules, so a refusal always has its reason.
    assert rules is not None or any(one.severity == ERROR for one in diagnostics)
    return Loaded(
        rules,
        trial,
        loading.packs,
        loading.vocabulary,
        diagnostics,
        loading.proven,
        tuple((draft.source.hash, draft.findings.document.data) for draft in loading.drafts),
    )


@define(eq=False)
class _Loading:
    sources: Sequence[PackSource]
    vocabulary: Vocabulary
    settings: LoadSettings
    places: Places
    tells_gaps: bool
    tries: bool
    drafts: list[Draft] = field(factory=list)
    packs: tuple[Pack, ...] = ()
    unreadable: list[Diagnostic] = field(factory=list)
    project: Findings | None = None
    trial: RuleSet | None = None
    proven: bool = False

    @property
    def _wrong(self) -> bool:
        """Whether anything is wrong so far."""
        found = [draft.findings for draft in self.drafts]
        if self.project is not None:
            found.append(self.project)
        return any(problem.severity == ERROR for one in found for problem in one.problems)

    @property
    def _unproven(self) -> list[Draft]:
        """The files whose rules nobody has tried yet."""
        return [one for one in self.drafts if not self.settings.released(one.source.hash)]

    def run(self) -> RuleSet | None:
        settings = self.settings
        if settings.project is not None:
            self.project = Findings(settings.project)
        for source in self.sources:
            try:
                wanted = settings.examples or not settings.released(source.hash)
                self.drafts.append(draft_pack(source, settings.parsed, examples=wanted))
            except DefinitionError as error:
                self.unreadable.extend(error.diagnostics)
        if self.unreadable:
            return None
        stated = self._link()
        defaults, exempts = settings_in_force(self.project, stated, settings)
        self.packs = tuple(_pack(draft) for draft in self.drafts)
        self._check_rules(defaults)
        return self._compile(defaults, exempts, stated)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        found = list(self.unreadable)
        for draft in self.drafts:
            found.extend(draft.findings.diagnostics())
        if self.project is not None:
            found.extend(self.project.diagnostics())
        return tuple(found)

    def _link(self) -> list[Exempt]:
        """Everything between the files; gives the exemptions of ``governance.toml``."""
        drafts, settings = self.drafts, self.settings
        check_names(drafts)
        sets = all_sets(drafts)
        self.vocabulary = self.vocabulary.with_names(
            toolsets=sets,
            roles=[role.name for draft in drafts for role in draft.roles],
            labels=all_labels(drafts),
            fields=settings.fields,
            hosts=settings.hosts,
            args=settings.args,
        )
        given = self.vocabulary
        self.vocabulary = given.with_names(args=recorded_arguments(drafts))
        check_sets(drafts, self.vocabulary)
        check_schemas(drafts, given)
        check_labels(drafts)
        check_escalations(drafts, self.vocabulary)
        check_budget(drafts, settings.characters_max)
        exempts = check_exempts(drafts, self.project, settings)
        check_shadow(drafts, self.project, settings)
        for draft in drafts:
            read_rewrites(draft, self.vocabulary)
        upper = upper_agents(drafts)
        for draft in drafts:
            if not is_trusted(draft, settings):
                drop_loosening(draft, settings, upper, labels_that_excuse(drafts, draft))
        check_roles(drafts, self.vocabulary)
        return exempts

    def _check_rules(self, defaults: Defaults) -> None:
        """What can be told of each rule by itself, with the project's settings in hand."""
        on_time: tuple[Findings, Path] | None = None
        for draft in self.drafts:
            for rule in (*draft.rules, *draft.loose_rules):
                check_hosts(rule, draft.findings, self.settings)
                lifts = rule.on == "tool" and defaults.tool != "allow"
                if rule.action == "allow" and not lifts and not rule.labels:
                    message = f"`{rule.id}` allows what is allowed anyway, and labels nothing"
                    mend = "take it out, or set `[defaults] tool` to something stricter"
                    draft.findings.wrong("GOV241", message, (*rule.path, "action"), mend)
                if _looks_at_time(rule):
                    on_time = on_time or (draft.findings, rule.path)
        if on_time is not None:
            self._check_zone(*on_time)
        if any(rule.requires for draft in self.drafts for rule in draft.rules):
            from governance.rules.reachability import check_demands

            check_demands(self.drafts, self.vocabulary)

    def _check_zone(self, findings: Findings, path: Path) -> None:
        zone = self.settings.time_zone
        if zone is None:
            mend = 'write `time_zone = "Europe/Berlin"` in `governance.toml`'
            message = "a rule on time needs the project's time zone"
            findings.wrong("GOV271", message, path, mend)
            return
        if not _is_zone(zone):
            mend = 'use a name of the IANA list, such as `"Europe/Berlin"`'
            where = self.project or findings
            at = ("project", "time_zone") if self.project else path
            where.wrong("GOV271", f"unknown time zone `{zone}`", at, mend)

    def _compile(
        self, defaults: Defaults, exempts: Sequence[Exempt], stated: Sequence[Exempt]
    ) -> RuleSet | None:
        by_file = {draft.source.file: draft.findings for draft in self.drafts}
        if self.project is not None:
            by_file.setdefault(self.project.document.file, self.project)

        def report(file: str, problem: Problem) -> None:
            by_file[file].report(problem)

        # Of a rule whose event or tools are not known, no fact can be judged.
        readable = [
            evolve(
                pack,
                rules=tuple(one for one in pack.rules if one.position not in draft.unread),
            )
            for pack, draft in zip(self.packs, self.drafts, strict=True)
        ]

        def proven(text_hash: str) -> bool:
            self.proven = not self.tells_gaps and not self._wrong and settings.proven(text_hash)
            return self.proven

        def compiled(
            places: Places,
            report: FileReport,
            hearsay: frozenset[str] = frozenset(),
            *,
            loose: bool = False,
        ) -> RuleSet:
            return compile_rules(
                [_with_loose(*one) for one in zip(readable, self.drafts, strict=True)]
                if loose
                else readable,
                self.vocabulary,
                defaults=defaults,
                exempts=stated if loose else exempts,
                places=places,
                report=report,
                proven=proven,
                released=settings.released,
                hearsay=hearsay,
            )

        settings = self.settings
        hearsay = self._hearsay()
        rules = compiled(self.places, report, hearsay)
        if not self.proven and any(rule.on == "command" for rule in rules.rules.values()):
            from governance.rules.reachability import check_redirects

            check_redirects(self.drafts, rules, self.vocabulary)
        # Once it is trusted, what is left out is in force and nobody looks again.
        left_out = any(one.loose_rules or one.loose_exempts for one in self.drafts)
        left_out = left_out or len(stated) > len(exempts)
        if self.tries and not self.proven and (self._unproven or self.tells_gaps or left_out):
            # Examples speak of a project that is nowhere: what they prove must not depend
            # on where this one lies, nor on its links.
            plain = self.places is PLAIN_PLACES and not hearsay
            self.trial = rules if plain else compiled(PLAIN_PLACES, _told_before)
            whole = compiled(PLAIN_PLACES, report, loose=True) if left_out else self.trial
            self._try(whole, stated, report)
        return evolve(rules, contexts=tuple(self._blocks()))

    def _hearsay(self) -> frozenset[str]:
        """The facts that nobody's word stands for: what a project says that is not trusted."""
        project = self.settings.project
        if project is None or self.settings.trusted(pack_hash(project.text)):
            return frozenset()
        return self.settings.hearsay

    def _try(self, rules: RuleSet, stated: Sequence[Exempt], report: FileReport) -> None:
        """Look whether *rules* can match at all, and do as their examples say."""
        from governance.rules.contradictions import check_conditions
        from governance.rules.examples import Bench
        from governance.rules.trying import check_matches, try_rules

        unproven = self._unproven
        check_matches(unproven, rules, self.vocabulary)
        for draft in unproven:
            blocks = self._compiled_blocks(draft, (*draft.contexts, *draft.loose_contexts))
            check_conditions((one.when for one in blocks), draft.findings.report)
        excuses = [*stated]
        for draft in self.drafts:
            excuses += [*draft.exempts, *draft.loose_exempts]
        for name in {one.rule for one in excuses} & rules.compiled.keys():
            for excuse in rules.compiled[name].exempts:
                check_conditions((excuse.when,), partial(report, excuse.file))
        zone = self.settings.time_zone
        zone = zone if zone is not None and _is_zone(zone) else None
        bench = Bench(rules, self.vocabulary, zone, self.tells_gaps)
        try_rules(self.drafts, unproven, bench)

    def _blocks(self) -> Iterator[CompiledBlock]:
        for draft in self.drafts:
            yield from self._compiled_blocks(draft, draft.contexts)

    def _compiled_blocks(
        self, draft: Draft, blocks: Sequence[ContextBlock]
    ) -> Iterator[CompiledBlock]:
        for block in blocks:
            made = compile_block(
                block,
                vocabulary=self.vocabulary,
                places=self.places,
                report=draft.findings.report,
            )
            if made is not None:
                yield made


def _with_loose(pack: Pack, draft: Draft) -> Pack:
    """*pack* as it would be if somebody trusted it."""
    return evolve(
        pack,
        rules=(*pack.rules, *draft.loose_rules),
        exempts=(*pack.exempts, *draft.loose_exempts),
    )


def _told_before(_file: str, _problem: Problem) -> None:
    """Takes what a second compilation of the same rules reports again."""


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _looks_at_time(rule: Rule) -> bool:
    tables = (rule.when, rule.unless, *rule.any)
    return any(name in table for table in tables for name in ("time", "weekday"))


def _pack(draft: Draft) -> Pack:
    return Pack(
        name=draft.name,
        version=draft.version,
        summary=draft.summary,
        layer=draft.layer,
        file=draft.source.file,
        hash=draft.source.hash,
        mode=draft.mode,
        vars=draft.variables,
        toolsets=tuple(draft.toolsets),
        schemas=tuple(draft.schemas),
        rules=tuple(draft.rules),
        roles=tuple(draft.roles),
        escalations=tuple(draft.escalations),
        contexts=tuple(draft.contexts),
        exempts=tuple(draft.exempts),
        scenarios=draft.scenarios,
    )
