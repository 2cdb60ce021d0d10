"""
A compiled `shell` matcher: tables of which all keys hold for one command of the line.

A test gives ``True``, ``False`` or `Unknown`; `shell_building.build_shell` makes matchers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from attrs import Factory, field

from governance._attrs import define, frozen
from governance.rules.deferred import settled
from governance.rules.kleene import Truth, any_of
from governance.rules.matchers import World
from governance.rules.needs import Need
from governance.rules.partial import HOLE
from governance.rules.shell_facts import ShellCall, by_program, named, unnamed
from governance.rules.shell_terms import Asked, asked_of, programs_of
from governance.rules.vocabulary import MISSING, FactSpec, Place, Unknown

CommandTest: TypeAlias = Callable[[ShellCall, int, bool], Truth]
"""A test of the command at a position of a call; strictly, as excuses are judged, or not."""


@frozen
class ShellPart:
    """
    One key of a table, compiled.

    Attributes:
        raw: What stands behind it in the pack, variables put in.

        cost: Cheap ones are tried first.
    """

    key: str
    raw: object
    cost: int
    test: CommandTest


@define(eq=False)
class ShellTable:
    """
    One table: all of its keys hold for one command.

    Attributes:
        raw: As it stands in the pack, variables put in.

        programs: Names of which a command must have one; ``None``: it names none.

        hidden: Whether a command that is not listed could be meant: not where only that is
            asked what cannot be known, for that is known.
    """

    raw: Mapping[str, object]
    _build: Callable[[], tuple[ShellPart, ...]]
    _parts: tuple[ShellPart, ...] | None = field(default=None, init=False)
    programs: frozenset[str] | None = field(init=False)
    _asked: Asked | None = field(default=None, init=False)
    hidden: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.programs = programs_of(self.raw)
        self.hidden = any(key != "opaque" for key in self.raw)

    @property
    def asked(self) -> Asked:
        """What a command must have for it; read off when it is needed."""
        if self._asked is None:
            self._asked = asked_of(self.raw)
        return self._asked

    @property
    def parts(self) -> tuple[ShellPart, ...]:
        """The keys, compiled, the cheap ones first; of a proven table when they are needed."""
        if self._parts is None:
            self._parts = self._build()
        return self._parts

    def holds(self, call: ShellCall, position: int, strict: bool = False) -> Truth:
        """Whether every key holds for the command at *position*."""
        unknown: Unknown | None = None
        for part in self._parts or self.parts:
            result = part.test(call, position, strict)
            if result is False:
                return False
            if result is not True and unknown is None:
                unknown = result
        return True if unknown is None else unknown

    def positions(self, call: ShellCall) -> Iterator[int]:
        """The commands of *call* that have what is asked; of others a key does not hold."""
        asked, names = self.asked, self.programs
        for position, terms in enumerate(call.known.each):
            if names is not None:
                one = call.commands[position]
                if one.program not in names and one.name not in names and one.program != HOLE:
                    continue
            if asked.may_hold(terms):
                yield position

    def test(self, call: ShellCall) -> Truth:
        """Whether every key holds for some command of *call*."""
        # As `any_of`, which would cost as much as what it joins: this runs most of all.
        unknown: Unknown | None = None
        for position in self.positions(call):
            result = self.holds(call, position)
            if result is True:
                return True
            if result is not False and unknown is None:
                unknown = result
        if unknown is None and self.hidden and call.blind is not None:
            return Unknown(call.blind.reason)
        return False if unknown is None else unknown


@frozen
class ShellMatcher:
    """
    The matcher of the fact `shell`: one of its tables holds.

    Attributes:
        raw: What stands in the pack, variables put in, for explanations.

        place: Where it stands in the document.
    """

    spec: FactSpec
    raw: object
    place: Place
    tables: tuple[ShellTable, ...]
    _by_program: Mapping[str, Sequence[ShellTable]] = field(
        default=Factory(lambda self: by_program(self.tables), takes_self=True),
        init=False,
        repr=False,
        eq=False,
    )
    _unnamed: tuple[ShellTable, ...] = field(
        default=Factory(lambda self: unnamed(self.tables), takes_self=True),
        init=False,
        repr=False,
        eq=False,
    )

    @property
    def cost(self) -> int:
        """More than any other fact's: the line may not have been taken apart yet."""
        return 6

    @property
    def programs(self) -> frozenset[str] | None:
        """Names of which a line must run one for this to hold; ``None``: it may without."""
        return None if self._unnamed else frozenset(self._by_program)

    def needs(self) -> tuple[Need, ...]:
        """Nothing that can be looked up: rules on programs are chosen by the line's words."""
        return ()

    def test(self, value: object, world: World, strict: bool = False) -> Truth:  # noqa: ARG002
        """Whether some command matches; what may hide in the line is unknown."""
        call = settled(value)
        if isinstance(call, Unknown):
            return call
        if not isinstance(call, ShellCall):
            return False
        unknown: Unknown | None = None
        for table in self._to_try(call):
            result = table.test(call)
            if result is True:
                return True
            if result is not False and unknown is None:
                unknown = result
        return False if unknown is None else unknown

    def _to_try(self, call: ShellCall) -> Sequence[ShellTable]:
        """
        The tables that may hold for a command of *call*: others name other programs.
        """
        names = call.programs
        return self.tables if names is None else named(names, self._by_program, self._unnamed)

    def excuses(
        self,
        value: object,
        world: World,  # noqa: ARG002
        chosen: Sequence[object] | None,
    ) -> Truth:
        """
        Whether each command that was chosen is excused, at least one; a blind line never is.

        Args:
            chosen: Positions of the commands that the rule's `when` matched; ``None``: all.
        """
        call = settled(value)
        if isinstance(call, Unknown):
            return call
        if not isinstance(call, ShellCall):
            return False
        positions = range(len(call.commands)) if chosen is None else chosen
        result: Truth = len(positions) > 0
        for one in positions:
            # INVARIANT: what was chosen are the positions that `chosen` gave.
            assert isinstance(one, int), "a command is chosen by its position"
            held = any_of(table.holds(call, one, True) for table in self.tables)
            if held is False:
                return False
            result = held if held is not True and result is True else result
        if result is True and call.blind is not None:
            return Unknown(call.blind.reason)
        return result

    def chosen(self, value: object, world: World) -> tuple[object, ...]:  # noqa: ARG002
        """The positions of the commands that match or may match."""
        call = settled(value)
        if not isinstance(call, ShellCall):
            return ()
        found: set[int] = set()
        for table in self._to_try(call):
            for one in table.positions(call):
                if one not in found and table.holds(call, one) is not False:
                    found.add(one)
        return tuple(sorted(found))

    def nearest(self, value: object) -> tuple[ShellTable, int] | None:
        """
        The table and the command that come nearest to matching, for explanations.

        ``None``: nothing is known of any command, or there is none.
        """
        call = settled(value)
        if not isinstance(call, ShellCall) or not call.commands:
            return None
        ranked = [
            (_distance(table, call, one), number, one)
            for number, table in enumerate(self.tables)
            for one in range(len(call.commands))
        ]
        _, number, position = min(ranked)
        return self.tables[number], position


def _distance(table: ShellTable, call: ShellCall, position: int) -> tuple[int, int]:
    results = [part.test(call, position, False) for part in table.parts]
    failed = sum(one is False for one in results)
    return failed, sum(one is not True for one in results)


def flags_test(wanted: tuple[str, ...], *, every: bool) -> CommandTest:
    """A test whether a command has one of the flags *wanted*, or *every* one of them."""

    def test(call: ShellCall, position: int, strict: bool) -> Truth:  # noqa: ARG001
        command = call.commands[position]
        has = command.flags
        if every:
            missing = [one for one in wanted if one not in has]
            if not missing:
                return True
            may = all(_may_have(call, position, one) for one in missing)
        else:
            if any(one in has for one in wanted):
                return True
            may = any(_may_have(call, position, one) for one in wanted)
        return Unknown("an argument that is not known may be a flag") if may else False

    return test


def _may_have(call: ShellCall, position: int, flag: str) -> bool:
    """Whether an argument that is not known, or known in part, may turn out to be *flag*."""
    command = call.commands[position]
    if not any(HOLE in one for one in command.arguments):
        return False
    for argument in command.arguments:
        if argument == "--":
            return False
        known, hole, _ = argument.partition(HOLE)
        if not hole or "=" in known:
            continue
        if not known and argument == HOLE:
            return True
        if known.startswith("--"):
            if flag.startswith(known):
                return True
        elif known.startswith("-") and not any(
            one.endswith("=" + argument[2:]) for one in command.options
        ):
            return True
    return False


def flows_test(tables: tuple[ShellTable, ...]) -> CommandTest:
    """A test whether what a command writes reaches one for which one of *tables* holds."""

    def test(call: ShellCall, position: int, strict: bool) -> Truth:
        def holds(one: int) -> Truth:
            return any_of(table.holds(call, one, strict) for table in tables)

        return call.flows.any_holds((id(tables), strict), position, holds)

    return test


def opaque_test(wanted: bool) -> CommandTest:
    """A test whether any command at all may hide in a command, or none may, as *wanted*."""

    def test(call: ShellCall, position: int, strict: bool) -> Truth:  # noqa: ARG001
        from governance.shell.values import BLINDING

        hides = any(one.kind in BLINDING for one in call.commands[position].opaque)
        return hides is wanted

    return test


def value_test(
    key: str, matches: Callable[[object, Mapping[str, object], bool], Truth]
) -> CommandTest:
    """A test of what a command has under *key*."""

    def test(call: ShellCall, position: int, strict: bool) -> Truth:
        value = call.value(position, key)
        return matches(MISSING if value is None else value, call.world, strict)

    return test
