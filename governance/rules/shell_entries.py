"""
The entries of one program: which of its rules a command may match, found by one look.

Of the texts and patterns that an entry asks for one is chosen, and the entry is found where a
command has it: texts are looked up in a dictionary, all patterns of one key are searched for in
one walk over what the command has under it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.rules.globs import composed
from governance.rules.matchers import ELEMENTS_MAX
from governance.rules.matching import Match
from governance.rules.partial import HOLE
from governance.rules.patterns import PatternRefused, PatternSet
from governance.rules.shell_terms import Asked

if TYPE_CHECKING:
    from governance.shell.values import Command

PLAIN_LOOKS: Final = 16
"""Looks before anything is built for them, which takes milliseconds: a process that decides one
call never pays them."""

# What would be another thing in a line of its own than in a text of its own.
_OF_WHOLE_TEXTS: Final = re.compile(r"\\[AzCQ]|\(\?[A-Za-z]*-")


class Matching(Protocol):
    """What is screened: anything that has a match."""

    @property
    def match(self) -> Match: ...


R = TypeVar("R", bound=Matching)


@frozen
class Entry(Generic[R]):
    """
    A rule, and what a command must have for one of its tables to hold.

    Attributes:
        number: The place of the rule among all.
    """

    number: int
    rule: R
    asked: Asked


@define(eq=False)
class SortedEntries(Generic[R]):
    """
    Entries of a program, by what is looked up first.

    Attributes:
        rest: Those that ask for nothing which can be looked up.
    """

    entries: tuple[Entry[R], ...]
    by_term: Mapping[str, tuple[Entry[R], ...]]
    rest: tuple[Entry[R], ...]
    sets: tuple[tuple[str, tuple[PatternSet[str], ...]], ...] = field(repr=False)

    @classmethod
    def of(cls, entries: Sequence[Entry[R]]) -> SortedEntries[R]:
        """*entries*, sorted; those whose patterns RE2 does not take together go without."""
        patterns: dict[str, dict[str, str]] = {}
        for one in entries:
            for key, several in _searched(one.asked):
                patterns.setdefault(key, {}).update((each, _term(key, each)) for each in several)
        sets = {key: _sets(several) for key, several in patterns.items()}
        by_term: dict[str, list[Entry[R]]] = {}
        rest: list[Entry[R]] = []
        for one in entries:
            found = (
                frozenset(_term(key, each) for each in several)
                for key, several in _searched(one.asked)
                if sets[key]
            )
            asked = evolve(one.asked, texts=(*found, *one.asked.texts))
            keys = asked.texts[0] if asked.texts else list(asked.signs)[:1]
            made = evolve(one, asked=asked)
            for term in keys:
                by_term.setdefault(term, []).append(made)
            if not keys:
                rest.append(made)
        return cls(
            tuple(entries),
            {term: tuple(several) for term, several in by_term.items()},
            tuple(rest),
            tuple((key, made) for key, made in sets.items() if made),
        )

    def found(
        self, command: Command, terms: frozenset[str]
    ) -> tuple[Sequence[Entry[R]], frozenset[str]]:
        """Those that *command* may match, to be held against the terms that are given beside."""
        if HOLE in terms:
            return self.entries, terms
        more: set[str] = set()
        for key, sets in self.sets:
            hits = _hits(_under(command, key), sets)
            if hits is None:
                return self.entries, terms
            more.update(hits)
        terms = terms | more
        tried = [one for term in self.by_term.keys() & terms for one in self.by_term[term]]
        return (*self.rest, *tried), terms


def _searched(asked: Asked) -> Iterable[tuple[str, Sequence[str]]]:
    """The patterns that are worth a search: not where a text is looked up, which tells more."""
    if asked.texts:
        return
    for key, several in asked.patterns:
        if not any(_OF_WHOLE_TEXTS.search(one) for one in several):
            yield key, several


def _term(key: str, pattern: str) -> str:
    """The sign that *pattern* was found under *key*."""
    return f"\0{key} {pattern}"


def _sets(patterns: Mapping[str, str]) -> tuple[PatternSet[str], ...]:
    """All *patterns*, each to be found in one of several lines; none: that cannot be done."""
    lines = [(f"(?m){one}", term) for one, term in patterns.items()]
    try:
        return tuple(PatternSet.of(lines))
    except PatternRefused:
        return ()


def _under(command: Command, key: str) -> Sequence[str]:
    """The texts that *command* has under *key*."""
    if key == "program":
        return (command.program, command.name) if command.program else ()
    found = getattr(command, key)
    return ((found,) if found else ()) if isinstance(found, str) else found


def _hits(texts: Sequence[str], sets: Sequence[PatternSet[str]]) -> Iterable[str] | None:
    """The signs of what is found in one of *texts*; ``None``: that cannot be told."""
    if not texts:
        return ()
    if len(texts) > ELEMENTS_MAX:
        return None
    joined = "\n".join(texts)
    if not joined.isascii():
        joined = composed(joined)
        if HOLE in joined:
            return None
    try:
        data = joined.encode()
    except UnicodeEncodeError:
        return None
    hits: list[str] = []
    for one in sets:
        numbers = one.search(data)
        if numbers == one.nothing:
            continue
        found = one.values_of(numbers)
        if found is None:
            return None
        hits += found
    return hits
