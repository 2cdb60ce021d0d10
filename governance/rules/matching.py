"""
Conditions: the tables under `when`, `unless` and `any`, compiled, and how they join.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

from attrs import Factory, field

from governance._attrs import frozen
from governance.errors import Problem
from governance.rules.deferred import settled
from governance.rules.fact_table import FAMILIES, MISSING, Unknown
from governance.rules.kleene import Truth, all_of
from governance.rules.matchers import World
from governance.rules.needs import Need
from governance.rules.operators import build_matcher
from governance.rules.paths import Places
from governance.rules.shell_facts import ShellCall, by_program, named, unnamed
from governance.rules.vocabulary import FactSpec, Place, Report, Vocabulary


class FactMatcher(Protocol):
    """A compiled matcher of one fact, whatever type the fact has."""

    @property
    def spec(self) -> FactSpec: ...
    @property
    def raw(self) -> object: ...
    @property
    def place(self) -> Place: ...
    @property
    def cost(self) -> int: ...
    @property
    def programs(self) -> frozenset[str] | None: ...
    def needs(self) -> tuple[Need, ...]: ...
    def test(self, value: object, world: World, strict: bool = False) -> Truth: ...
    def excuses(self, value: object, world: World, chosen: Sequence[object] | None) -> Truth: ...
    def chosen(self, value: object, world: World) -> tuple[object, ...]: ...


@frozen
class Hearsay:
    """A matcher of a fact on which nobody's word counts: it is neither true nor false."""

    inner: FactMatcher

    @property
    def spec(self) -> FactSpec:
        """As the matcher's own."""
        return self.inner.spec

    @property
    def raw(self) -> object:
        """As the matcher's own."""
        return self.inner.raw

    @property
    def place(self) -> Place:
        """As the matcher's own."""
        return self.inner.place

    @property
    def cost(self) -> int:
        """As the matcher's own."""
        return self.inner.cost

    @property
    def programs(self) -> None:
        """It names none."""
        return

    def needs(self) -> tuple[Need, ...]:
        """Nothing needs to be found for it to be unknown."""
        return ()

    def test(self, value: object, world: World, strict: bool = False) -> Truth:  # noqa: ARG002
        """Unknown, whatever the value is."""
        return Unknown(f"nobody has trusted what this project says of `{self.spec.name}`")

    def excuses(self, value: object, world: World, chosen: Sequence[object] | None) -> Truth:  # noqa: ARG002
        """Unknown, so that it excuses nothing."""
        return self.test(value, world)

    def chosen(self, value: object, world: World) -> tuple[object, ...]:
        """As the matcher's own."""
        return self.inner.chosen(value, world)


@frozen
class Condition:
    """A conjunction of matchers over facts, the cheap ones first."""

    matchers: tuple[tuple[str, FactMatcher], ...]

    @property
    def programs(self) -> frozenset[str] | None:
        """Names of which a line must run one for this to hold; ``None``: it names none."""
        named = (one.programs for _, one in self.matchers)
        return next((one for one in named if one is not None), None)

    def test(self, facts: Mapping[str, object]) -> Truth:
        """Whether every matcher holds."""
        unknown: Unknown | None = None
        for name, matcher in self.matchers:
            result = matcher.test(facts.get(name, MISSING), facts)
            if result is False:
                return False
            if result is not True and unknown is None:
                unknown = result
        return True if unknown is None else unknown

    def chosen(self, facts: Mapping[str, object], into: dict[str, list[object]]) -> None:
        """Add the elements of list facts, and the commands, that this condition singles out."""
        for name, matcher in self.matchers:
            if matcher.spec.is_list or matcher.spec.type == "shell":
                known = into.setdefault(name, [])
                found = matcher.chosen(facts.get(name), facts)
                known.extend(one for one in found if one not in known)

    def excuses(self, facts: Mapping[str, object], chosen: Mapping[str, Sequence[object]]) -> Truth:
        """Whether every matcher excuses: in both forms of a path, each chosen element."""
        return all_of(
            matcher.excuses(facts.get(name, MISSING), facts, chosen.get(name))
            for name, matcher in self.matchers
        )

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that it looks at."""
        return tuple(name for name, _ in self.matchers)


def build_condition(
    table: Mapping[str, object],
    *,
    vocabulary: Vocabulary,
    on: str,
    tools: tuple[str, ...] | None,
    places: Places,
    path: Place,
    report: Report,
    variables: Mapping[str, object] | None = None,
    proven: bool = False,
    hearsay: frozenset[str] = frozenset(),
) -> Condition | None:
    """
    The condition in *table*, or ``None`` after every problem was reported.

    Args:
        tools: The rule's tools, sets expanded; ``None`` for all of them.

        proven: It was built before without a problem: what is dear is built when needed.

        hearsay: Facts of which nothing is believed.
    """
    built: list[tuple[str, FactMatcher]] = []
    failed = False
    for name, raw, where in flattened(table, path):
        spec = vocabulary.fact(name, on=on, tools=tools, path=where)
        if isinstance(spec, Problem):
            report(spec)
            failed = True
            continue
        build: Callable[..., FactMatcher | None] = build_matcher
        if spec.type == "shell":
            from governance.rules.shell_building import build_shell

            build = partial(build_shell, proven=proven)
        matcher = build(
            spec, raw, variables=variables or {}, places=places, path=where, report=report
        )
        if matcher is None:
            failed = True
        else:
            built.append((name, Hearsay(matcher) if name in hearsay else matcher))
    if not built and not failed:
        report(Problem("GOV229", "an empty table asks nothing", path))
    if failed or not built:
        return None
    return Condition(tuple(sorted(built, key=lambda one: (one[1].cost, one[0]))))


def flattened(table: Mapping[str, object], path: Place) -> Iterable[tuple[str, object, Place]]:
    """Fact, matcher and place of each entry; families of facts stand one table deeper."""
    for name, raw in table.items():
        if name in FAMILIES and isinstance(raw, Mapping):
            for member, inner in raw.items():
                yield f"{name}.{member}", inner, (*path, name, member)
        else:
            yield name, raw, (*path, name)


@frozen(kw_only=True)
class Match:
    """When a rule matches: `when` and one of `any`, and not `unless`."""

    when: Condition | None = None
    any: tuple[Condition, ...] = ()
    unless: Condition | None = None
    _by_program: Mapping[str, Sequence[Condition]] = field(
        default=Factory(lambda self: by_program(self.any), takes_self=True),
        init=False,
        repr=False,
        eq=False,
    )
    _unnamed: tuple[Condition, ...] = field(
        default=Factory(lambda self: unnamed(self.any), takes_self=True),
        init=False,
        repr=False,
        eq=False,
    )

    def test(self, facts: Mapping[str, object], exempts: Iterable[Exemption] = ()) -> Truth:
        """
        Whether the rule matches these facts.

        An excuse or exemption that is unknown excuses nothing.
        """
        result: Truth = True if self.when is None else self.when.test(facts)
        if result is False:
            return False
        if self.any:
            found = self._one_of(facts)
            if found is False:
                return False
            result = found if result is True else result
        if self.unless is not None and self._excused(self.unless, facts):
            return False
        for one in exempts:
            if one.holds_at(facts) and (one.when is None or self._excused(one.when, facts)):
                return False
        return result

    def _one_of(self, facts: Mapping[str, object]) -> Truth:
        unknown: Unknown | None = None
        for condition in self._to_try(facts):
            result = condition.test(facts)
            if result is True:
                return True
            if unknown is None and isinstance(result, Unknown):
                unknown = result
        return False if unknown is None else unknown

    def _to_try(self, facts: Mapping[str, object]) -> Sequence[Condition]:
        """The alternatives that may hold: others name programs that this line does not run."""
        if not self._by_program:
            return self.any
        call = settled(facts.get("shell", MISSING))
        names = call.programs if isinstance(call, ShellCall) else None
        return self.any if names is None else named(names, self._by_program, self._unnamed)

    def _excused(self, excuse: Condition, facts: Mapping[str, object]) -> bool:
        return excuse.excuses(facts, self.chosen(facts)) is True

    def chosen(self, facts: Mapping[str, object]) -> dict[str, list[object]]:
        """The elements of each list fact that made the rule match, or may have."""
        found: dict[str, list[object]] = {}
        if self.when is not None:
            self.when.chosen(facts, found)
        for condition in self.any:
            if condition.test(facts) is not False:
                condition.chosen(facts, found)
        return found

    @property
    def facts(self) -> tuple[str, ...]:
        """Every fact that it looks at."""
        parts = [one for one in (self.when, *self.any, self.unless) if one is not None]
        return tuple(dict.fromkeys(name for part in parts for name in part.facts))


@frozen
class Exemption:
    """
    An `[[exempt]]`, compiled.

    Attributes:
        when: Where it holds; ``None``: everywhere.

        until_ms: When its last day has passed, in UTC; ``None``: never.

        file, position: Where it stands.
    """

    when: Condition | None
    until_ms: int | None
    reason: str
    file: str = ""
    position: int = 0

    def holds_at(self, facts: Mapping[str, object]) -> bool:
        """Whether it is still in force; without a clock only one that never ends is."""
        if self.until_ms is None:
            return True
        now = facts.get("at_ms")
        return isinstance(now, int) and now < self.until_ms
