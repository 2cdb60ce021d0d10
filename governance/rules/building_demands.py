"""Compiling what a rule demands of the past, with every problem reported at its place."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from attrs import evolve

from governance._attrs import define, frozen
from governance.errors import Problem
from governance.rules.demands import Demand, Demands, EventDemand, FileDemand, LabelDemand
from governance.rules.format import (
    RESULT_OUTCOMES,
    Limit,
    PastEvent,
    PastLabel,
    Prerequisite,
    PresentFile,
    Rule,
)
from governance.rules.globs import PatternError
from governance.rules.happenings import RESULT_FACTS, Pattern
from governance.rules.matching import Condition, Match, build_condition
from governance.rules.paths import BarePathError, Places, check_path_glob
from governance.rules.targets import tool_test
from governance.rules.template import build_template
from governance.rules.vocabulary import Place, Report, Vocabulary
from governance.temporal import (
    CONTEXT,
    EPOCH,
    TURN,
    Atom,
    Count,
    Formula,
    Not,
    Once,
    Or,
    Since,
    Sliced,
    Span,
    last,
)

TREE = "tree:"
"""What the atoms of counts over a tree of sessions begin with."""

SURE, MAYBE = "!", "?"
"""What the atom of an outcome ends with: it happened so, or may have."""

_SPANS: Mapping[str, Span] = {"turn": TURN, "context": CONTEXT, "epoch": EPOCH}
_ID_CHARS = 12


@frozen
class RuleParts:
    """What of a compiled rule its demands need: its event, its tools and its match."""

    rule: Rule
    tools: tuple[str, ...] | None
    match: Match


@define(eq=False)
class DemandBuilder:
    """Builds the demands of one rule; what cannot be built is reported and left out."""

    parts: RuleParts
    vocabulary: Vocabulary
    places: Places
    report: Report
    hearsay: frozenset[str] = frozenset()

    def build(self) -> Demands:
        """The demands of the rule; empty when it has none."""
        rule = self.parts.rule
        requires: list[tuple[Demand, ...]] = []
        for group in rule.requires:
            made = [self._demand(one) for one in group]
            requires.append(tuple(one for one in made if one is not None))
        forbids = [self._demand(one) for one in rule.forbids]
        return Demands(
            requires=tuple(requires),
            forbids=tuple(one for one in forbids if one is not None),
            limit=None if rule.limit is None else self._limit(rule.limit),
        )

    def _demand(self, one: Prerequisite) -> Demand | None:
        match one:
            case PastLabel():
                return LabelDemand(one.label, one.within)
            case PresentFile():
                return self._file(one)
            case PastEvent():
                return self._event(one)

    def _file(self, one: PresentFile) -> FileDemand | None:
        path = (*one.path, "file")
        template = build_template(
            one.glob,
            vocabulary=self.vocabulary,
            on=self.parts.rule.on,
            tools=self.parts.tools,
            path=path,
            report=self.report,
        )
        if template is None:
            return None
        plain = template.filled("x")
        try:
            check_path_glob(plain)
        except BarePathError as error:
            mend = f"write `./{one.glob}` for the project's own folder"
            self.report(Problem("GOV228", str(error), path, mend))
            return None
        except PatternError as error:
            self.report(Problem("GOV224", str(error), path))
            return None
        return FileDemand(template)

    def _event(self, one: PastEvent) -> EventDemand | None:
        built = self._patterns(one)
        if built is None:
            return None
        pattern, forget = built
        span = _span(one.within)

        def formula(found: str, gone: str) -> Formula:
            start = _atoms(pattern, one.outcomes, found)
            if forget is None or one.not_since is None:
                return Once(start, span)
            return Since(Not(_atoms(forget, one.not_since.outcomes, gone)), start, span)

        return self._made(one, pattern, forget, formula(SURE, MAYBE), formula(MAYBE, SURE))

    def _limit(self, limit: Limit) -> EventDemand | None:
        one = limit.of
        built = self._patterns(one)
        if built is None:
            return None
        pattern, forget = built
        prefix = TREE if limit.scope == "tree" else ""
        span = _span(one.within)

        def formula(found: str, gone: str) -> Formula:
            since = None
            if forget is not None and one.not_since is not None:
                since = _atoms(forget, one.not_since.outcomes, gone, prefix)
            return Count(_atoms(pattern, one.outcomes, found, prefix), limit.max, span, since)

        made = self._made(one, pattern, forget, formula(SURE, MAYBE), formula(MAYBE, SURE))
        within = one.within if isinstance(one.within, str) else f"{one.within}s"
        what = f"{limit.max} per {within}"
        return evolve(made, tree=limit.scope == "tree", what=what)

    def _made(
        self,
        one: PastEvent,
        pattern: Pattern,
        forget: Pattern | None,
        lower: Formula,
        upper: Formula,
    ) -> EventDemand:
        if pattern.keyed:
            # INVARIANT: both are one operator over atoms, which is what can be sliced.
            assert isinstance(lower, (Once, Since, Count))
            assert isinstance(upper, (Once, Since, Count))
            lower, upper = Sliced(lower), Sliced(upper, "upper")
        return EventDemand(
            patterns=(pattern,) if forget is None else (pattern, forget),
            lower=(_name(lower), lower),
            upper=(_name(upper), upper),
            anchored=isinstance(one.within, int),
            what=_words(one),
        )

    def _patterns(self, one: PastEvent) -> tuple[Pattern, Pattern | None] | None:
        """The pattern of *one*, and that of what makes it forgotten."""
        pattern = self._pattern(one, one.same)
        forget = None
        if one.not_since is not None:
            # A past event that is not kept apart itself makes it forgotten under every key.
            forget = self._pattern(one.not_since, one.not_since.same)
            if forget is None:
                return None
        return None if pattern is None else (pattern, forget)

    def _pattern(self, one: PastEvent, same: tuple[str, ...]) -> Pattern | None:
        own = one.on == ""
        rule = self.parts.rule
        on = rule.on if own else one.on
        tools = self.parts.tools if own else self._tools(one)
        condition = None
        if one.when:
            condition = build_condition(
                one.when,
                vocabulary=self.vocabulary,
                on=on,
                tools=tools,
                places=self.places,
                path=(*one.path, "when"),
                report=self.report,
                hearsay=self.hearsay,
            )
            if condition is None:
                return None
        keys = self._same(same, on, tools, one)
        if keys is None:
            return None
        compared, groups = keys
        match, result = self.parts.match, None
        if not own:
            call, result = _split(condition)
            match = Match(when=call)
        meaning: tuple[object, ...] = (
            on,
            None if tools is None else sorted(tools),
            stable_text(one.when),
            compared,
            groups,
        )
        if own:
            meaning = (
                *meaning,
                *(stable_text(each) for each in (rule.when, rule.unless, *rule.any)),
            )
        return Pattern(
            id=sha256(repr(meaning).encode("utf-8", "replace")).hexdigest()[:_ID_CHARS],
            on=on,
            tools=None if tools is None else tool_test(tools),
            match=match,
            result=result,
            late=own and on == "tool-result",
            same=compared,
            groups=groups,
            fold=self.places.fold,
        )

    def _tools(self, one: PastEvent) -> tuple[str, ...] | None:
        if not one.tools:
            return None
        return self.vocabulary.expand_tools(one.tools, (*one.path, "tools"), self.report)

    def _same(
        self, same: tuple[str, ...], on: str, tools: tuple[str, ...] | None, one: PastEvent
    ) -> tuple[tuple[tuple[str, bool], ...], tuple[str, ...]] | None:
        """The facts of *same* that are compared, and those that only tell the past apart."""
        compared: list[tuple[str, bool]] = []
        groups: list[str] = []
        failed = False
        for name in sorted(same):
            path = (*one.path, "same", same.index(name))
            problem, is_path = self._common(name, on, tools, one, path)
            if problem is not None:
                self.report(problem)
                failed = True
            elif name in RESULT_FACTS and self.parts.rule.on != "tool-result":
                groups.append(name)
            else:
                compared.append((name, is_path))
        return None if failed else (tuple(compared), tuple(groups))

    def _common(
        self, name: str, on: str, tools: tuple[str, ...] | None, one: PastEvent, path: Place
    ) -> tuple[Problem | None, bool]:
        """Why then and now do not have the fact *name* in common, and whether it is a path."""
        results = name in RESULT_FACTS
        then_on = "tool-result" if on == "tool" and results else on
        then = self.vocabulary.fact(name, on=then_on, tools=tools, path=path)
        if isinstance(then, Problem):
            return evolve(then, code="GOV234", message=f"then: {then.message}"), False
        if results and not set(one.outcomes) <= set(RESULT_OUTCOMES):
            message = f"`{name}` is known only with a result, and `{one.outcomes[0]}` comes before"
            return Problem("GOV234", message, path, 'write `outcome = "failed"` or another'), False
        rule = self.parts.rule
        if not results or rule.on == "tool-result":
            now = self.vocabulary.fact(name, on=rule.on, tools=self.parts.tools, path=path)
            if isinstance(now, Problem):
                return evolve(now, code="GOV234", message=f"now: {now.message}"), False
        return None, then.kind == "path"


def _split(condition: Condition | None) -> tuple[Condition | None, Condition | None]:
    """The part of a condition that the call decides, and the part that waits for its result."""
    if condition is None:
        return None, None
    call = tuple(one for one in condition.matchers if one[0] not in RESULT_FACTS)
    result = tuple(one for one in condition.matchers if one[0] in RESULT_FACTS)
    return (Condition(call) if call else None), (Condition(result) if result else None)


def _span(within: str | int) -> Span:
    return last(within * 1000) if isinstance(within, int) else _SPANS[within]


def _atoms(pattern: Pattern, outcomes: tuple[str, ...], how: str, prefix: str = "") -> Formula:
    several = tuple(Atom(f"{prefix}{pattern.id}.{one}{how}") for one in outcomes)
    return several[0] if len(several) == 1 else Or(several)


def _name(formula: Formula) -> str:
    return sha256(repr(formula).encode()).hexdigest()[:_ID_CHARS]


def _words(one: PastEvent) -> str:
    on = "" if one.on in ("tool", "") else f"{one.on} "
    tools = " or ".join(f"`{tool}`" for tool in one.tools) or ("a call" if not on else "event")
    same = f" of the same {', '.join(f'`{name}`' for name in one.same)}" if one.same else ""
    within = one.within if isinstance(one.within, str) else f"last {one.within}s"
    return f"{on}{tools} {'/'.join(one.outcomes)}{same} in this {within}"


def stable_text(value: object) -> str:
    """A text of *value* in which the order of keys makes no difference."""
    if isinstance(value, Mapping):
        inner = sorted(f"{key!r}: {stable_text(one)}" for key, one in value.items())
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(stable_text(one) for one in value) + "]"
    return repr(value)
