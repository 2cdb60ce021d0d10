"""
A compiled matcher: one fact, some element, either form of a path.

A test gives ``True``, ``False`` or `Unknown`; `operators.build_matcher` makes matchers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

from attrs import evolve, field

from governance._attrs import frozen
from governance.rules.deferred import Deferred, settled
from governance.rules.domains import hosts_of
from governance.rules.kleene import Truth, all_of, any_of
from governance.rules.needs import Look, Need, Wanted, keys_of
from governance.rules.partial import HOLE, PARTLY, Program
from governance.rules.vocabulary import MISSING, FactSpec, Place, Unknown

Test: TypeAlias = Callable[..., Truth]
"""A test of one value that is known to be of the fact's type."""

World: TypeAlias = Mapping[str, object]

REAL_PATHS = "real_paths"
"""Key of the facts under which paths that links lead elsewhere stand: spelled → real."""

ELEMENTS_MAX = 10_000
"""Elements of one list that are looked at; of a longer list the rest is unknown."""

MAY_FAIL_COST = 3
"""The cost from which on a test may fail with an error, for RE2 takes no half surrogate."""

PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "time": (str,),
}


class Hosted(str):
    """An address together with one of the hosts that it may lead to."""

    __slots__ = ("host",)
    host: str | Unknown


class _NoType:
    """The type of no value at all."""


@frozen
class Matcher:
    """
    One fact's compiled matcher.

    Attributes:
        spec: The fact that it looks at.

        raw: What stands in the pack, variables put in, for explanations.

        place: Where it stands in the document.

        on_missing: The result when the event does not have the fact.

        cost: 0 for a comparison, higher for patterns; cheap ones are tried first.
    """

    spec: FactSpec
    raw: object
    place: Place
    on_missing: bool
    cost: int
    _element: Test | None = field(repr=False)
    _whole: tuple[Callable[[object, World, bool], Truth], ...] = field(repr=False)
    _hosted: bool = field(repr=False)
    _fold: Callable[[str], str] | None = field(repr=False)
    _wanted: tuple[Wanted, ...] = field(default=(), repr=False)
    # The whole test, where one look at the value's type is enough to take it.
    _plain_type: type = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        spec = self.spec
        looked_into = spec.is_list or spec.partial or spec.kind == "path" or self._hosted
        through = looked_into or self._element is None
        plain = _NoType if through else PYTHON_TYPES[spec.element][0]
        object.__setattr__(self, "_plain_type", plain)

    @property
    def programs(self) -> None:
        """Only the fact `shell` knows of programs."""
        return

    def needs(self) -> tuple[Need, ...]:
        """What must be found for it to hold or to be unknown: each of these, by itself."""
        spec = self.spec
        form: Literal["plain", "path"] = "path" if spec.kind == "path" else "plain"
        plain = Look(spec.element, spec.is_list, form, self._fold)
        hosts = evolve(plain, form="hosts") if self._hosted else plain
        return tuple(
            Need(spec.name, hosts if wanted[0] == "domain" else plain, keys)
            for wanted in self._wanted
            for keys in keys_of(wanted)
        )

    def test(self, value: object, world: World, strict: bool = False) -> Truth:
        """
        Whether *value* matches, list facts by *some* element.

        Args:
            strict: A path must match in both of its forms (as excuses are judged), not in
                either of them.
        """
        if type(value) is self._plain_type and self._element is not None:
            return self._element(value)
        if type(value) is Deferred:
            value = value.value()
        if value is None or value is MISSING:
            return self.on_missing
        if type(value) is Unknown:
            return value
        if not self.spec.is_list:
            return self.test_element(value, world, strict)
        if not isinstance(value, (list, tuple)):
            return Unknown(f"`{self.spec.name}` is no list")
        if not value and self._element is not None:
            return False  # most commands touch nothing of what is asked
        results = [test(value, world, strict) for test in self._whole]
        if self._element is not None:
            results.append(any_of(self._tests(value, world, strict)))
        return all_of(results)

    def excuses(self, value: object, world: World, chosen: Sequence[object] | None) -> Truth:
        """
        Whether *value* is excused: each of the *chosen* elements must hold, at least one.

        Args:
            chosen: The elements that the rule's `when` matched; ``None``: all of them.
        """
        value = settled(value)
        if not self.spec.is_list or not isinstance(value, (list, tuple)):
            return self.test(value, world, strict=True)
        results = [test(value, world, True) for test in self._whole]
        if self._element is not None:
            elements = value if chosen is None else chosen
            results.append(bool(elements))
            results.extend(self._tests(elements, world, True))
        return all_of(results)

    def chosen(self, value: object, world: World) -> tuple[object, ...]:
        """The elements of a list that match or may match; all, if none is singled out."""
        value = settled(value)
        if not isinstance(value, (list, tuple)):
            return ()
        if self._element is None:
            return tuple(value)
        found = [one for one in value if self.test_element(one, world, False) is not False]
        return tuple(found)

    def _tests(self, elements: Sequence[object], world: World, strict: bool) -> list[Truth]:
        results = [self.test_element(one, world, strict) for one in elements[:ELEMENTS_MAX]]
        if len(elements) > ELEMENTS_MAX:
            results.append(Unknown(f"more than {ELEMENTS_MAX} elements"))
        return results

    def test_element(self, value: object, world: World, strict: bool) -> Truth:
        """Whether one element matches, in either form or, when *strict*, in every form."""
        if self._element is None or type(value) is Unknown:
            return value if isinstance(value, Unknown) else True
        kind = str if isinstance(value, Program) else type(value)
        if kind not in PYTHON_TYPES[self.spec.element]:
            return Unknown(f"`{self.spec.name}` is no {self.spec.element}")
        if not isinstance(value, str):
            return self._element(value)
        if self.spec.partial and strict and HOLE in value:
            # What is known in part excuses nothing.
            result = self.test_element(value, world, False)
            return PARTLY if result is True else result
        if self.spec.kind == "path":
            return self._path(value, world, strict)
        if self._hosted:
            forms = [_hosted(value, host) for host in hosts_of(value)]
            results = [self._element(one) for one in forms]
            return all_of(results) if strict else any_of(results)
        return self._element(value)

    def _path(self, value: str, world: World, strict: bool) -> Truth:
        test, fold = self._element, self._fold
        assert test is not None  # INVARIANT: `test_element` has looked
        real_paths = world.get(REAL_PATHS)
        real = real_paths.get(value, value) if isinstance(real_paths, Mapping) else value
        spelled = fold(value) if fold else value
        if real == value:
            return test(spelled)
        results = (test(spelled), test(fold(real) if fold else real))
        return all_of(results) if strict else any_of(results)


def _hosted(text: str, host: str | Unknown) -> Hosted:
    made = Hosted(text)
    made.host = host
    return made
