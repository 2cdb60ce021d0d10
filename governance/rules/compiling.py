"""
Checked packs into one `RuleSet`; everything that cannot be compiled is reported at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.errors import DefinitionError, Diagnostic, Problem
from governance.rules import detect
from governance.rules.building_demands import stable_text
from governance.rules.composing import remedy_text
from governance.rules.format import FORMAT, Defaults, Exempt, Layer, Pack, RoleDef, Rule
from governance.rules.globs import PatternError
from governance.rules.kleene import Truth
from governance.rules.matching import Condition, Exemption, Match, build_condition
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.rewriting import CompiledChange, build_change
from governance.rules.roles import Role, Roles, build_role
from governance.rules.ruleset import CompiledRule, RulesByNeed, RuleSet, WaitingRule
from governance.rules.targets import tool_test
from governance.rules.template import Template, build_template
from governance.rules.vocabulary import Place, Report, Vocabulary

if TYPE_CHECKING:
    from governance.rules.demands import Demands

FileReport: TypeAlias = Callable[[str, Problem], None]
"""Takes a problem with the file in whose document its path lies."""

_DAY_MS = 86_400_000


def _nothing(_hash: str) -> bool:
    return False


def compile_rules(
    packs: Sequence[Pack],
    vocabulary: Vocabulary,
    *,
    defaults: Defaults | None = None,
    exempts: Sequence[Exempt] = (),
    places: Places = PLAIN_PLACES,
    settings: Iterable[str] = (),
    report: FileReport | None = None,
    proven: Callable[[str], bool] = _nothing,
    released: Callable[[str], bool] = _nothing,
    hearsay: frozenset[str] = frozenset(),
) -> RuleSet:
    """
    Every rule, role and exemption of *packs*, compiled.

    Args:
        vocabulary: With the names that these packs declare.

        exempts: The project's own, beside those in the packs; only what may be exempted.

        places: Where globs start; the facts that are decided must come from the same.

        settings: Further texts that make another policy of the same packs, for the hash.

        report: Takes every problem; what it concerns is left out of the result.

        proven: Whether the rule set of this hash was compiled before without an error:
            each of its rules then is compiled when it is first needed.

        released: Whether the pack with this hash was proven before it was released: so are
            its rules.

        hearsay: Facts that are unknown to the rules and exemptions of layers above the project.

    Raises:
        DefinitionError: Without *report*, when any problem is an error.
    """
    problems = _Problems()
    work = _Compiler(vocabulary, places, report or problems.add, hearsay)
    excused, settled = work.exemptions(packs, exempts), defaults or Defaults()
    known_hash = _hash(packs, exempts, settled, (*settings, *(f"hearsay {x}" for x in hearsay)))
    all_known, roles = proven(known_hash), work.roles(packs, settled)
    made: list[CompiledRule] = []
    waiting: list[WaitingRule] = []
    for pack in packs:
        known = all_known or released(pack.hash)
        for rule in pack.rules:
            shadow = "shadow" in (rule.mode, pack.mode, settled.mode)
            each = (pack, rule, shadow, excused.get(rule.id, ()))
            if known:
                waiting.append(work.waiting(*each))
            elif (ready := work.rule(*each)) is not None:
                made.append(ready)
    made.sort(key=_cost)
    problems.raise_errors()
    tried: tuple[CompiledRule | WaitingRule, ...] = (*made, *waiting)
    return RuleSet(
        rules={one.rule.id: one.rule for one in tried},
        compiled=RulesByNeed({one.rule.id: one for one in tried}),
        roles=roles,
        defaults=settled,
        contexts=(),
        escalations=tuple(step for pack in packs for step in pack.escalations),
        toolsets=vocabulary.toolsets,
        hash=known_hash,
        warnings=tuple(problems.found),
        places=places,
        by_event=_by_event(tried),
    )


def _by_event(
    rules: Iterable[CompiledRule | WaitingRule],
) -> Mapping[str, tuple[CompiledRule | WaitingRule, ...]]:
    found: dict[str, list[CompiledRule | WaitingRule]] = {}
    for one in rules:
        found.setdefault(one.rule.on, []).append(one)
    return {on: tuple(each) for on, each in found.items()}


def _cost(one: CompiledRule) -> tuple[int, str]:
    conditions = [one.match.when, *one.match.any]
    costs = [matcher.cost for part in conditions if part for _, matcher in part.matchers]
    return (sum(costs), one.rule.id)


def _hash(
    packs: Sequence[Pack], exempts: Sequence[Exempt], defaults: Defaults, settings: Iterable[str]
) -> str:
    from hashlib import sha256

    lines = [f"format {FORMAT}", f"patterns {detect.VERSION}", repr(defaults)]
    lines += sorted(f"pack {one.layer} {one.name} {one.hash}" for one in packs)
    lines += sorted(
        f"exempt {one.layer} {one.rule} {one.until} {stable_text(one.when)}" for one in exempts
    )
    lines += sorted(f"setting {one}" for one in settings)
    return sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()


@define(eq=False)
class _Problems:
    """Where problems go when the caller takes none: errors are raised, warnings kept."""

    found: list[Diagnostic] = field(factory=list)

    def add(self, file: str, problem: Problem) -> None:
        self.found.append(
            Diagnostic(
                problem.code,
                problem.message,
                file,
                0,
                problem.path,
                problem.suggestion,
                problem.severity,
            )
        )

    def raise_errors(self) -> None:
        errors = tuple(one for one in self.found if one.severity == "error")
        if errors:
            raise DefinitionError(errors)


@frozen
class _Names:
    """What names in one rule can mean: its event and its tools; and in whose layer it stands."""

    on: str
    tools: tuple[str, ...] | None
    layer: Layer


@define(eq=False)
class _Compiler:
    vocabulary: Vocabulary
    places: Places
    report: FileReport
    hearsay: frozenset[str] = frozenset()
    proven: bool = False
    failed: int = 0

    def into(self, file: str) -> Report:
        """A report that knows its file, and counts errors."""

        def report(problem: Problem) -> None:
            if problem.severity == "error":
                self.failed += 1
            self.report(file, problem)

        return report

    def rule(
        self, pack: Pack, rule: Rule, shadow: bool, exempts: tuple[Exemption, ...]
    ) -> CompiledRule | None:
        report = self.into(pack.file)
        failed = self.failed
        path = rule.path
        tools: tuple[str, ...] | None = None
        if rule.tools:
            tools = self.vocabulary.expand_tools(rule.tools, (*path, "tools"), report)
        names = _Names(rule.on, tools, pack.layer)
        match = Match(
            when=self.condition(rule.when, names, (*path, "when"), report),
            any=tuple(
                one
                for index, table in enumerate(rule.any)
                if (one := self.table(table, names, (*path, "any", index), report)) is not None
            ),
            unless=self.condition(rule.unless, names, (*path, "unless"), report),
        )
        message = self.template(rule, names, report)
        changes = self.changes(rule, names, report)
        demands = self.demands(rule, names, match, report) if rule.looks_back else None
        if self.failed > failed:
            return None
        return CompiledRule(
            rule=rule,
            shadow=shadow,
            tools=None if tools is None else tool_test(tools),
            match=match,
            exempts=exempts,
            message=message,
            changes=changes,
            remedy=remedy_text(rule.remedy),
            demands=demands,
        )

    def demands(
        self,
        rule: Rule,
        names: _Names,
        match: Match,
        report: Report,
    ) -> Demands:
        """What the rule demands of the past; rules that demand nothing never pay for this."""
        from governance.rules.building_demands import DemandBuilder, RuleParts

        parts = RuleParts(rule, names.tools, match)
        hearsay = self.unbelieved(names)
        return DemandBuilder(parts, self.vocabulary, self.places, report, hearsay).build()

    def unbelieved(self, names: _Names) -> frozenset[str]:
        """The facts that are unknown to a rule of that layer: the project's own believes itself."""
        return frozenset() if names.layer == "project" else self.hearsay

    def waiting(
        self, pack: Pack, rule: Rule, shadow: bool, exempts: tuple[Exemption, ...]
    ) -> WaitingRule:
        def build() -> CompiledRule:
            made = evolve(self, proven=True).rule(pack, rule, shadow, exempts)
            return made or _broken(rule, shadow)

        tools = None
        if rule.tools:
            into = self.into(pack.file)
            tools = tool_test(self.vocabulary.expand_tools(rule.tools, rule.path, into))
        return WaitingRule(rule, tools, build)

    def condition(
        self, table: Mapping[str, object], names: _Names, path: Place, report: Report
    ) -> Condition | None:
        return self.table(table, names, path, report) if table else None

    def table(
        self, table: Mapping[str, object], names: _Names, path: Place, report: Report
    ) -> Condition | None:
        return build_condition(
            table,
            vocabulary=self.vocabulary,
            on=names.on,
            tools=names.tools,
            places=self.places,
            path=path,
            report=report,
            proven=self.proven,
            hearsay=self.unbelieved(names),
        )

    def template(self, rule: Rule, names: _Names, report: Report) -> Template | None:
        if not rule.message:
            return None
        return build_template(
            rule.message,
            vocabulary=self.vocabulary,
            on=names.on,
            tools=names.tools,
            path=(*rule.path, "message"),
            report=report,
        )

    def changes(self, rule: Rule, names: _Names, report: Report) -> tuple[CompiledChange, ...]:
        made: list[CompiledChange] = []
        for fact, change in sorted(rule.rewrite.items()):
            one = build_change(
                fact,
                change,
                vocabulary=self.vocabulary,
                on=names.on,
                tools=names.tools,
                path=(*rule.path, "rewrite", *fact.split(".")),
                report=report,
            )
            if one is not None:
                made.append(one)
        return tuple(made)

    def exemptions(
        self, packs: Sequence[Pack], exempts: Sequence[Exempt]
    ) -> dict[str, tuple[Exemption, ...]]:
        rules = {rule.id: rule for pack in packs for rule in pack.rules}
        found: dict[str, list[Exemption]] = {}
        listed = [(one.file, one) for one in exempts]
        listed += [(pack.file, one) for pack in packs for one in pack.exempts]
        for file, exempt in listed:
            rule = rules.get(exempt.rule)
            if rule is None:
                continue
            made = self.exemption(file, exempt, rule)
            if made is not None:
                found.setdefault(rule.id, []).append(made)
        return {name: tuple(made) for name, made in found.items()}

    def exemption(self, file: str, exempt: Exempt, rule: Rule) -> Exemption | None:
        report = self.into(file)
        path: Place = ("exempt", exempt.position, "when")
        when = None
        if exempt.when:
            tools: tuple[str, ...] | None = None
            if rule.tools:
                quiet: list[Problem] = []
                tools = self.vocabulary.expand_tools(rule.tools, path, quiet.append)
            when = self.table(exempt.when, _Names(rule.on, tools, exempt.layer), path, report)
            if when is None:
                return None
        until = None if exempt.until is None else _end_of(exempt.until)
        return Exemption(when, until, exempt.reason, file, exempt.position)

    def roles(self, packs: Sequence[Pack], defaults: Defaults) -> Roles:
        by_name: dict[str, Role] = {}
        agents: dict[str, str] = {}
        for pack in packs:
            for definition in pack.roles:
                made = build_role(
                    definition,
                    shadow="shadow" in (pack.mode, defaults.mode),
                    vocabulary=self.vocabulary,
                    places=self.places,
                    report=self.into(pack.file),
                )
                if made is not None:
                    by_name[definition.name] = made
                agents.update(_agents(definition))
        return Roles(by_name=by_name, agents=agents, unknown=defaults.unknown_role)


@frozen
class _NoMatch(Match):
    """Stands for a match that could not be compiled after all."""

    def test(self, facts: Mapping[str, object], exempts: Iterable[Exemption] = ()) -> Truth:  # noqa: ARG002
        raise PatternError("it was compiled before and no longer can be; run `governance check`")


def _broken(rule: Rule, shadow: bool) -> CompiledRule:
    """A rule of which nothing is known but that it cannot be tried: it denies what it is about."""
    return CompiledRule(
        rule=rule,
        shadow=shadow,
        tools=None,
        match=_NoMatch(),
        exempts=(),
        message=None,
        changes=(),
        remedy="",
    )


def _agents(definition: RoleDef) -> dict[str, str]:
    return dict.fromkeys(definition.agents, definition.name)


def _end_of(day: date) -> int:
    """The moment in which *day* has passed everywhere that counts by UTC."""
    return (day.toordinal() + 1 - date(1970, 1, 1).toordinal()) * _DAY_MS
