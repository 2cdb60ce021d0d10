"""
What the commands of a line have, and what a `shell` table asks for, as terms to be looked up.

A term is a text of a command (its subcommand, a flag, a word, an argument), or a sign that it
has anything at all under a key. What a table asks for is read off its text in the pack: where a
command lacks it, no key of the table needs to be tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from attrs import field

from governance._attrs import frozen
from governance.rules.globs import composed
from governance.rules.partial import HOLE

if TYPE_CHECKING:
    from governance.shell.values import Command, Line, Opaque

HAD: Final = (
    "recursive", "looped", "opaque", "assigns", "wrappers", "removes", "background", "writes",
    "code", "domains", "reads", "options", "subcommand", "words", "arguments",
)  # fmt: skip
"""Keys under which a command may have nothing, the rarest first."""

FILLED: Final[Mapping[str, str]] = {key: f"\0{key}" for key in (*HAD, "flows_to")}
"""Signs that stand among the terms of a command for keys under which it has anything."""

PATTERNED: Final = (
    "program", "subcommand", "options", "words", "arguments", "assigns", "code",
)  # fmt: skip
"""Keys whose texts are the same wherever a line is run, so that patterns may be searched for."""

_HAD_OF = attrgetter(*HAD)
_NAMED = frozenset({"subcommand", "words", "arguments"})
_FLAGS = frozenset({"flags_any", "flags_all"})
_HELD_BY_NOTHING = frozenset({"not", "every", "length", "exists"})
"""Operators that may hold for a command that has nothing under a key."""

_YES_OR_NO = frozenset({"background", "recursive", "looped"})
"""Keys that are no lists, whose operators may as well hold for what is not so."""


class LineTerms:
    """
    What is known of a line whatever call it stands in; it may be shared and remembered.

    What is not known of the line as a whole stands as a last command that runs nothing.

    Attributes:
        blind: Why it may run what is not listed; ``None``: it may not.

        programs: Names of all that it runs; ``None`` where it may run others.

        has: The keys, of those in `HAD`, under which some command has anything.
    """

    __slots__ = ("_each", "blind", "commands", "has", "line", "programs")

    def __init__(self, line: Line) -> None:
        self.line = line
        self.commands: tuple[Command, ...] = line.commands
        if line.opaque:
            from governance.shell.values import Command as _Command

            self.commands += (_Command(program="", opaque=line.opaque),)
        self.blind: Opaque | None = line.blind
        self.programs = _names_of(self.commands) if self.blind is None else None
        self.has = frozenset(
            key for one in self.commands for key, had in zip(HAD, _HAD_OF(one), strict=True) if had
        )
        self._each: tuple[frozenset[str], ...] | None = None

    @property
    def each(self) -> tuple[frozenset[str], ...]:
        """The terms of each command."""
        known = self._each
        if known is None:
            known = self._each = tuple(terms_of(one, self.has) for one in self.commands)
        return known


def _names_of(commands: Iterable[Command]) -> frozenset[str] | None:
    """Every name that a program of *commands* has; ``None``: one is not known."""
    names = frozenset(name for one in commands for name in (one.program, one.name))
    return None if any(HOLE in name for name in names) else names


def terms_of(command: Command, keys: Iterable[str] = HAD) -> frozenset[str]:
    """
    Every subcommand, flag, word and argument of *command*, the kinds of what is opaque, and
    the signs of `FILLED`.

    Among them a `HOLE` where a part of any is not known, so that any text may be there.

    Args:
        keys: Of `HAD`, those under which it may have anything.
    """
    found: set[str] = {FILLED[key] for key in keys if getattr(command, key)}
    found.update((command.subcommand,), command.flags, command.words, command.arguments)
    joined = "".join(found)
    if not joined.isascii():
        found |= {composed(text) for text in found}
        if HOLE in joined:
            found.add(HOLE)
    if command.opaque:
        found.update(_kind(one.kind) for one in command.opaque)
    if command.feeds:
        found.add(FILLED["flows_to"])
    return frozenset(found)


def _kind(name: str) -> str:
    """The sign of a kind of what is opaque."""
    return f"\0opaque {name}"


@frozen
class Asked:
    """
    What a command must have for a table to hold for it: all of this.

    Attributes:
        programs: Names of which its program has one; ``None``: any.

        signs: Signs that are among its terms.

        texts: Of each of these one is among its terms, unless a part of any is not known.

        reached: Names of programs of which the line runs one; ``None``: it need not.

        others: Names of programs for which it does not hold.

        table: As it stands in the pack.
    """

    programs: frozenset[str] | None = None
    signs: frozenset[str] = frozenset()
    texts: tuple[frozenset[str], ...] = ()
    reached: frozenset[str] | None = None
    others: frozenset[str] = frozenset()
    table: Mapping[str, object] = field(factory=dict, repr=False)

    def may_hold(self, terms: Set[str]) -> bool:
        """Whether a command of these *terms* has what is asked beside its program, or may."""
        if not self.signs <= terms:
            return False
        for one in self.texts:
            if one.isdisjoint(terms):
                return HOLE in terms
        return True

    @property
    def patterns(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Keys with RE2 patterns of which one is found in a text under the key."""
        return tuple(_patterns(self.table))

    @property
    def anything(self) -> bool:
        """Whether a command may have nothing at all, and run whatever it wants."""
        return self.programs is None and not (self.signs or self.texts or self.patterns)


def asked_of(table: Mapping[str, object]) -> Asked:
    """What *table*, as it stands in the pack, asks for."""
    signs: list[str] = []
    texts: list[frozenset[str]] = []
    others: list[str] | None = None
    for key, raw in table.items():
        if key == "program":
            others = literals(raw.get("not")) if isinstance(raw, Mapping) else None
        elif key == "flows_to" or (key in FILLED and wants(key, raw)):
            signs.append(FILLED[key])
        texts += _texts(key, raw)
    return Asked(
        programs_of(table),
        frozenset(signs),
        tuple(texts),
        _reached(table["flows_to"]) if "flows_to" in table else None,
        frozenset(others or ()) - {""},
        table,
    )


def programs_of(table: Mapping[str, object]) -> frozenset[str] | None:
    """Names of which a command must have one for *table* to hold; ``None``: it names none."""
    names = literals(table.get("program"))
    return None if names is None else frozenset(names)


def _texts(key: str, raw: object) -> Iterable[frozenset[str]]:
    """Of each of these a command must have one, where *raw* stands behind *key*."""
    if key in _NAMED:
        texts = literals(raw)
        if texts is not None:
            yield frozenset(map(composed, texts))
    elif key in _FLAGS:
        flags = literals(raw)
        if flags is not None and key == "flags_any":
            yield frozenset(flags)
        elif flags is not None:
            yield from (frozenset((one,)) for one in flags)
    elif key == "opaque":
        if raw is True:
            from governance.shell.values import BLINDING

            yield frozenset(map(_kind, BLINDING))
        elif (kinds := literals(raw)) is not None:
            yield frozenset(map(_kind, kinds))


def _patterns(table: Mapping[str, object]) -> Iterable[tuple[str, tuple[str, ...]]]:
    for key in PATTERNED:
        raw = table.get(key)
        found = literals(raw.get("regex")) if isinstance(raw, Mapping) else None
        if found is not None:
            yield key, tuple(found)


def _reached(tables: object) -> frozenset[str] | None:
    """The programs of which one must be reached for one of *tables* to hold."""
    found: set[str] = set()
    for one in tables if isinstance(tables, list) else [tables]:
        names = literals(one.get("program")) if isinstance(one, Mapping) else None
        if names is None:
            return None
        found.update(names)
    return frozenset(found)


def wants(key: str, raw: object) -> bool:
    """Whether *raw*, which stands behind *key* of `HAD`, cannot hold where nothing is there."""
    if key in _YES_OR_NO:
        return raw is True
    if isinstance(raw, (str, list)) or raw is True:
        return True
    if isinstance(raw, Mapping):
        # All operators of a table hold at once, so that one which asks for something will do.
        # (Of what is opaque there always is a list, which may be empty.)
        there = raw.get("exists") is True and key != "opaque"
        return there or not _HELD_BY_NOTHING.issuperset(raw)
    return False


def literals(raw: object) -> list[str] | None:
    """The names of which *raw*, a matcher, demands one; ``None``: it is no such list."""
    if isinstance(raw, str):
        return [raw]
    if not isinstance(raw, list):
        if isinstance(raw, Mapping):
            for operator in ("equals", "in"):
                if operator in raw:
                    return literals(raw[operator])
        return None
    # A value of another type is a variable, or a mistake: what it asks for is not known here.
    return raw if raw and all(isinstance(one, str) for one in raw) else None
