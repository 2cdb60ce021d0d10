"""
What is known at a point of a command line: variables, folder, functions, aliases, words given.

A variable has one value, or the few that it may have where a branch may have run; a name that
the line never sets is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from attrs import field

from governance._attrs import define, frozen
from governance.shell.channels import Channel, merged
from governance.shell.values import HOLE

if TYPE_CHECKING:
    from tree_sitter import Node

    from governance.shell.lexing import Skeleton

HOME: Final = "\ufffb"
"""Stands in a text for the home folder, until it is a `Word`, where `~` does."""

HERE: Final = "\ufffa"
"""Stands in a text for the folder of the call, until it is a `Word`."""

GIVEN: Final = "@"
"""The name under which the words stand that a shell or a function is given."""

LAST: Final = "_"
"""The name of the last word of the command before."""

ALTERNATIVES_MAX: Final = 4
"""Values that a variable is followed with; more are not known."""

REFERENCES_MAX: Final = 4
"""Names that stand for names that stand for names."""

Value: TypeAlias = "str | tuple[str, ...] | None"
"""A text, an array, or ``None`` for what is not set."""

_T = TypeVar("_T")

UNKNOWN: Final[tuple[Value, ...]] = (HOLE,)

_STARTING: Final[dict[str, tuple[Value, ...]]] = {
    "HOME": (HOME,),
    "TMPDIR": ("/tmp",),  # noqa: S108 - what a shell starts with
    "IFS": (" \t\n",),
    "BASH": ("bash",),
    "SHELL": ("bash",),
}


@frozen(eq=False)
class Function:
    """A function: its body, and the text in which that stands."""

    body: Node
    end: int
    skeleton: Skeleton


@define(eq=False)
class State:
    """
    What is known now. A copy is a subshell.

    Attributes:
        keyed: Arrays with keys of their own, and what stands under each as far as that is known.

        references: Names that stand for other names.

        files: What the line has written into files, which all its shells see.

        channels: What `exec` and `coproc` have left open, by descriptor.

        last: The last word of the command before, which is `$_`.

        exporting: What is set is exported, since `set -a`.
    """

    cwds: tuple[str, ...] = ("",)
    variables: dict[str, tuple[Value, ...]] = field(factory=lambda: dict(_STARTING))
    origins: dict[str, tuple[int, ...]] = field(factory=dict)
    exported: dict[str, None] = field(factory=dict)
    functions: dict[str, tuple[Function, ...]] = field(factory=dict)
    aliases: dict[str, tuple[str, ...]] = field(factory=dict)
    folders: tuple[str, ...] = ()
    ended: bool = False
    locals: dict[str, tuple[Value, ...]] | None = None
    keyed: dict[str, dict[str, str] | None] = field(factory=dict)
    references: dict[str, str] = field(factory=dict)
    files: dict[str, str] = field(factory=dict)
    channels: dict[int, Channel] = field(factory=dict)
    last: str = HOLE
    exporting: bool = False

    def copy(self) -> State:
        """One that changes by itself."""
        return State(
            self.cwds,
            dict(self.variables),
            dict(self.origins),
            dict(self.exported),
            dict(self.functions),
            dict(self.aliases),
            self.folders,
            self.ended,
            self.locals,
            dict(self.keyed),
            dict(self.references),
            self.files,
            dict(self.channels),
            self.last,
            self.exporting,
        )

    @property
    def given(self) -> tuple[str, ...] | None:
        """``$1 $2 …``, the first of those that they may be; ``None``: not known."""
        made = self.variables.get(GIVEN, UNKNOWN)[0]
        return made if isinstance(made, tuple) else None

    @given.setter
    def given(self, words: tuple[str, ...] | None) -> None:
        self.variables[GIVEN] = UNKNOWN if words is None else (words,)

    @property
    def cwd(self) -> str:
        """The folder, where it is one."""
        return self.cwds[0]

    @property
    def folder(self) -> str:
        """The folder as a text that stays the same when it is left."""
        cwd = self.cwd
        if cwd.startswith(("/", HOME, HOLE)):
            return cwd
        return f"{HERE}/{cwd}" if cwd else HERE

    def value(self, name: str) -> Value:
        """The value of a variable, the first of those it may have."""
        if name == "PWD":
            return self.folder
        if name == LAST:
            return self.last
        if self.references:
            name = self.named(name)
        return self.variables.get(name, UNKNOWN)[0]

    def named(self, name: str) -> str:
        """The name that *name* stands for."""
        for _ in range(REFERENCES_MAX):
            name = self.references.get(name, name)
        return name

    def keys(self, name: str) -> Value:
        """What `${!name[@]}` gives: the keys of an array, or the numbers of its elements."""
        if name in self.keyed:
            return tuple(self.keyed[name] or ()) or HOLE
        value = self.value(name)
        if isinstance(value, tuple):
            return tuple(str(at) for at in range(len(value)))
        return value if value in (None, HOLE) else "0"

    def elements(self, name: str, value: Value) -> Value:
        """All that stands in an array whose *value* this is, or under its keys."""
        return tuple((self.keyed.get(name) or {}).values()) or value

    def item(self, name: str, key: str, place: str) -> Value:
        """What stands in an array with keys under *key*, or under the number *place*."""
        known = self.keyed[name] or {}
        return known.get(key, known.get(place, HOLE))

    def assign(self, name: str, value: Value, origins: Iterable[int] = ()) -> None:
        """Set a variable to one value."""
        if self.references:
            name = self.named(name)
        if self.keyed:
            self.keyed.pop(name, None)
        self.variables[name] = (value,)
        if name == LAST:
            self.last = value if isinstance(value, str) else HOLE
        if self.exporting and name.isidentifier():
            self.exported[name] = None
        written = tuple(dict.fromkeys(origins))
        if written:
            self.origins[name] = written
        else:
            self.origins.pop(name, None)

    def path(self, file: str) -> str:
        """*file* as it is written from the folder of the call."""
        if file.startswith(("/", "~", HOME, HOLE)) or not self.cwd:
            return file.removeprefix("./")
        return f"{self.cwd.rstrip('/')}/{file.removeprefix('./')}"

    def file(self, file: str) -> str | None:
        """What the line has written into *file*, where that is known."""
        return self.files.get(self.path(file))

    def several(self) -> set[str]:
        """Names with more than one value."""
        return {name for name, values in self.variables.items() if len(values) > 1}

    def become(self, others: list[State]) -> None:
        """Be what is known where one of *others* is the case."""
        going = [one for one in others if not one.ended] or others[:1]
        self.ended = all(one.ended for one in others)
        first = going[0]
        self.folders = first.folders if all(one.folders == first.folders for one in going) else ()
        self.cwds = _union([one.cwds for one in going])
        names = dict.fromkeys(name for one in going for name in one.variables)
        self.variables = {
            name: _values([one.variables.get(name, UNKNOWN) for one in going]) for name in names
        }
        self.origins = {}
        for one in going:
            for name, origins in one.origins.items():
                known = self.origins.get(name, ())
                self.origins[name] = tuple(dict.fromkeys(known + origins))
        self.exported = {name: None for one in going for name in one.exported}
        self.keyed = {
            name: found if all(one.keyed.get(name) == found for one in going) else None
            for made in going
            for name, found in made.keyed.items()
        }
        self.references = {name: to for one in going for name, to in one.references.items()}
        self.functions = _collected([one.functions for one in going])
        self.aliases = _collected([one.aliases for one in going])
        self.channels = merged([one.channels for one in going])
        self.last = first.last if all(one.last == first.last for one in going) else HOLE
        self.exporting = any(one.exporting for one in going)


def _union(sets: list[tuple[str, ...]]) -> tuple[str, ...]:
    made = tuple(dict.fromkeys(one for values in sets for one in values))
    return made if len(made) <= ALTERNATIVES_MAX else (HOLE,)


def _collected(sets: list[dict[str, tuple[_T, ...]]]) -> dict[str, tuple[_T, ...]]:
    """All that a name may stand for."""
    made: dict[str, tuple[_T, ...]] = {}
    for one in sets:
        for name, known in one.items():
            before = made.get(name, known)
            made[name] = before if before == known else tuple(dict.fromkeys(before + known))
    return made


def _values(sets: list[tuple[Value, ...]]) -> tuple[Value, ...]:
    if all(one == sets[0] for one in sets):
        return sets[0]
    made = tuple(dict.fromkeys(one for values in sets for one in values))
    return made if len(made) <= ALTERNATIVES_MAX else UNKNOWN
