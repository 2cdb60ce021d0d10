"""
Coverage by mutation: which small faults of a rule would its tests not see?

A rule is changed in one place, its examples are run, and where they notice nothing the
scenarios are played by the changed packs. A change that survives both is told with an event
on which the changed rule says something else than the rule itself, if one is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from attrs import evolve, field

from governance._attrs import define, frozen
from governance._toml import Document, read_toml
from governance.authoring.mutants import Mutant, dotted, mutants_of
from governance.authoring.playing import play
from governance.authoring.subjects import Placed, Subject
from governance.authoring.toml_text import inline
from governance.authoring.values import conditions_of, edited, examples_of, spoken_of
from governance.errors import ERROR, Problem
from governance.rules.compiling import compile_rules
from governance.rules.deciding import RuleSet
from governance.rules.draft import Draft
from governance.rules.drafting_rules import read_rewrites, read_rule
from governance.rules.examples import Bench, run_examples, situation_of
from governance.rules.explain import shown
from governance.rules.fact_table import TOOLS, Unknown
from governance.rules.format import Example, Pack, Rule
from governance.rules.paths import PLAIN_PLACES
from governance.rules.reading import Findings
from governance.rules.sources import PackSource
from governance.rules.variables import put_in

MUTANTS_MAX = 400
"""Changes of one rule that are tried; a longer list is cut, and the report says so."""

EVENTS_MAX = 300
"""Events on which a surviving change is compared with the rule itself."""


@frozen
class Survivor:
    """
    A change that no example and no scenario notices.

    Attributes:
        change: What was changed.

        line: Where.

        remedy: An example that would notice it, or what such an example must be like; of
            the values of one list the first alone has one.

        value: The value that was taken out of a list, ``""`` for any other change.

        where: The list that it was taken out of.
    """

    kind: str
    change: str
    line: int
    remedy: str
    value: str = ""
    where: str = ""


@frozen
class Coverage:
    """
    What came of changing one rule.

    Attributes:
        mutants: Changes that gave a rule at all.

        elements: How many of them took one value out of a list. A list of forty spellings
            has forty of these, so they are no measure of how well the rule is tested.

        cut: Changes that were not tried, for there were too many.
    """

    rule: str
    file: str
    line: int
    mutants: int
    survivors: tuple[Survivor, ...]
    cut: int = 0
    elements: int = 0

    @property
    def killed(self) -> int:
        """Changes that were noticed."""
        return self.mutants - len(self.survivors)

    @property
    def faults(self) -> tuple[Survivor, ...]:
        """What survived of all but the values of lists."""
        return tuple(one for one in self.survivors if not one.where)

    @property
    def unnamed(self) -> dict[str, list[Survivor]]:
        """The values that no test needs, by the list that they stand in."""
        lists: dict[str, list[Survivor]] = {}
        for one in self.survivors:
            if one.where:
                lists.setdefault(one.where, []).append(one)
        return lists


def sound_scenarios(subjects: Iterable[Subject]) -> tuple[Placed, ...]:
    """The scenarios of *subjects* that go well: only they can notice a fault."""
    return tuple(
        one
        for subject in subjects
        for one in subject.scenarios
        if one.law is not None and play(one.law, one.scenario).ok
    )


def coverage_of(subject: Subject, scenarios: Sequence[Placed]) -> Iterator[Coverage]:
    """
    Each rule of *subject* changed in every small way, with what survives its examples and
    *scenarios*, all of which go well.

    Of packs that have a problem, or an example that fails, nothing is told: what a change
    does there, nobody can say. Costs less than a millisecond for most changes; a scenario
    is played only for what the examples do not notice.
    """
    loaded = subject.loaded
    if loaded is None or loaded.rules is None:
        return
    for source, pack in zip(subject.sources, loaded.packs, strict=True):
        document = read_toml(source.text, source.file)
        raw = put_in(Findings(document), document.data)
        tables = raw.get("rule")
        for rule in pack.rules:
            table = tables[rule.position] if isinstance(tables, list) else {}
            work = _Work(subject, source, pack, document, rule, table, scenarios)
            yield work.run()


@define(eq=False)
class _Work:
    """One rule, and all that is done to it."""

    subject: Subject
    source: PackSource
    pack: Pack
    document: Document
    rule: Rule
    table: Mapping[str, object]
    scenarios: Sequence[Placed]
    events: list[Example] | None = field(default=None, init=False)

    def run(self) -> Coverage:
        tried = elements = 0
        survivors: list[Survivor] = []
        told: set[str] = set()
        seen: list[Mapping[str, object] | None] = []
        made = mutants_of(self.table)
        for mutant in islice(made, MUTANTS_MAX):
            if mutant.table in seen:
                continue
            seen.append(mutant.table)
            changed = self._compiled(mutant)
            if mutant.table is not None and changed is None:
                continue
            tried += 1
            elements += mutant.kind == "element"
            if self._noticed(changed) or self._scenario_fails(mutant):
                continue
            line = self.document.line_of((*self.rule.path, *mutant.path))
            value, where = _value_of(mutant, self.table)
            # To find an example costs more than all else: once for each list.
            remedy = "" if where in told else self._remedy(mutant, changed)
            if where:
                told.add(where)
            survivors.append(Survivor(mutant.kind, mutant.change, line, remedy, value, where))
        return Coverage(
            rule=self.rule.id,
            file=self.source.file,
            line=self.document.line_of(self.rule.path),
            mutants=tried,
            survivors=tuple(survivors),
            cut=sum(1 for _ in made),
            elements=elements,
        )

    def _compiled(self, mutant: Mutant) -> tuple[Rule, RuleSet] | None:
        """The changed rule on its own; ``None`` when it is none any more."""
        if mutant.table is None:
            return None
        return self._alone(mutant.table)

    def _alone(self, table: Mapping[str, object]) -> tuple[Rule, RuleSet] | None:
        loaded = self.subject.loaded
        # INVARIANT: only packs that were loaded are covered.
        assert loaded is not None, "there are rules"
        findings = Findings(self.document)
        draft = Draft(self.source, findings, name=self.pack.name)
        read_rule(draft, table, self.rule.position)
        read_rewrites(draft, loaded.vocabulary)
        wrong = list(findings.problems)

        def report(_file: str, problem: Problem) -> None:
            wrong.append(problem)

        pack = evolve(self.pack, rules=tuple(draft.rules), exempts=(), roles=(), escalations=())
        rules = compile_rules([pack], loaded.vocabulary, places=PLAIN_PLACES, report=report)
        if any(one.severity == ERROR for one in wrong) or not rules.compiled:
            return None
        return draft.rules[0], rules

    def _bench(self, rules: RuleSet) -> Bench:
        loaded = self.subject.loaded
        assert loaded is not None  # INVARIANT: as above
        return Bench(rules, loaded.vocabulary, self.subject.settings.time_zone)

    def _noticed(self, changed: tuple[Rule, RuleSet] | None) -> bool:
        """Whether an example of the rule fails on the changed one."""
        if changed is None:
            return bool(self.rule.must_match)
        rule, rules = changed
        findings = Findings(self.document)
        run_examples(rule, self._bench(rules), findings)
        return any(one.severity == ERROR for one in findings.problems)

    def _scenario_fails(self, mutant: Mutant) -> bool:
        """Whether a scenario that has the rule fails when its packs are changed so."""
        for placed in self.scenarios:
            if placed.law is None or self.rule.id not in placed.law.rules.rules:
                continue
            law = placed.changed(self.source.file, self._text(mutant))
            if law is not None and not play(law, placed.scenario).ok:
                return True
        return False

    def _text(self, mutant: Mutant) -> str:
        import tomli_w

        data = dict(self.document.data)
        given = data.get("rule")
        listed = list(given) if isinstance(given, list) else []
        at = self.rule.position
        data["rule"] = [
            *listed[:at],
            *([dict(mutant.table)] if mutant.table is not None else []),
            *listed[at + 1 :],
        ]
        return tomli_w.dumps(data)

    def _remedy(self, mutant: Mutant, changed: tuple[Rule, RuleSet] | None) -> str:
        """An example that the changed rule would fail, or in words what it must be like."""
        if changed is None:
            return "give the rule a `must_match`, or let a scenario expect it"
        own = self._alone(self.table)
        # INVARIANT: the rule itself was loaded without a problem.
        assert own is not None, "the rule itself can be compiled"
        for example in self._events():
            before, after = self._says(own, example), self._says(changed, example)
            if before is not None and after is not None and before != after:
                key = "must_match" if before else "must_not_match"
                return f"`{key}` of {inline(example.facts)} would notice"
        return _WORDS.get(mutant.kind, _WORDS["matcher"])

    def _says(self, one: tuple[Rule, RuleSet], example: Example) -> bool | None:
        rule, rules = one
        findings = Findings(self.document)
        tried = situation_of(example, rule.on, self._bench(rules), findings, ())
        if tried is None:
            return None
        truth = tried.fires(rule, rules)
        return None if isinstance(truth, Unknown) else truth

    def _events(self) -> list[Example]:
        """Events near those of the examples, each with one fact changed."""
        if self.events is None:
            self.events = list(islice(self._varied(), EVENTS_MAX))
        return self.events

    def _varied(self) -> Iterator[Example]:
        begun = [*examples_of([self.rule])][:_BASES_MAX]
        named = self.table.get("tools")
        for example in begun:
            for tool in named if isinstance(named, list) else ():
                own = TOOLS[tool].own if tool in TOOLS else ()
                kept = {name: one for name, one in example.facts.items() if name in own}
                yield evolve(example, facts={"tool": tool, **kept})
        for example in begun:
            tool = str(example.facts.get("tool", ""))
            for condition in conditions_of(self.rule):
                for name, value in spoken_of(condition, tool):
                    if "." not in name:
                        yield evolve(example, facts={**example.facts, name: value})
        for example in begun:
            for name, value in example.facts.items():
                if name not in ("tool", "args"):
                    for one, _ in edited(name, value):
                        yield evolve(example, facts={**example.facts, name: one})


def _value_of(mutant: Mutant, table: Mapping[str, object]) -> tuple[str, str]:
    """The value that *mutant* has taken out, and where; empty texts for any other change."""
    if mutant.kind != "element":
        return "", ""
    inside: object = table
    for step in mutant.path:
        if isinstance(inside, Mapping):
            inside = inside[str(step)]
        elif isinstance(inside, list) and isinstance(step, int):
            inside = inside[step]
    return shown(inside), dotted(mutant.path[:-1])


_BASES_MAX = 4

_WORDS: Mapping[str, str] = {
    "negated": "give an example that meets all but this matcher, and one that meets it too",
    "matcher": "give a `must_not_match` that meets everything but this matcher",
    "bound": "give examples with the very bound, and with the value beside it",
    "alternative": "give a `must_match` that only this alternative catches",
    "excuse": "give a `must_not_match` that only `unless` excuses",
    "element": "give an example that only this element decides, or take it out if none can",
    "history": "give examples with a past that meets it, and with one that just misses it",
}
