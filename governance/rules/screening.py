"""
One look for several rules: where none of their patterns is found, none is tried.

A rule whose `when` asks for an RE2 pattern in a text cannot match where the pattern is not.
Patterns of a few rules are joined into one, so that an ordinary command is searched a few
times and not once a rule. What is found anywhere is then tried rule by rule, the plain way.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, Protocol, TypeAlias, TypeVar

from attrs import define, field

from governance.rules.matching import FactMatcher, Match
from governance.rules.patterns import Pattern, PatternRefused, compile_pattern
from governance.rules.shell_screening import ShellScreened, shell_screened

GROUP_RULES_MAX = 8
"""Rules of one joint pattern: more make a machine so large that RE2 leaves its fast way."""

PLAIN_LOOKS = 16
"""Looks before a joint pattern is compiled, which takes milliseconds: a process that decides
one call never pays them, and one that lives long spreads them over its first calls."""


class Matching(Protocol):
    """What is screened: anything that has a match."""

    @property
    def match(self) -> Match: ...


R = TypeVar("R", bound=Matching)


@define(eq=False)
class Screened(Generic[R]):
    """
    Rules that can only match where one of *patterns* is found in the text of *fact*.

    Thread-safe: two threads may compile the joint pattern at once, and come to the same.

    Attributes:
        fact: ``""`` for rules that must always be tried.
    """

    rules: tuple[R, ...]
    fact: str = ""
    patterns: tuple[str, ...] = ()
    _looks_left: int = field(default=PLAIN_LOOKS)
    _joint: Pattern | None = field(default=None, init=False)

    def to_try(self, facts: Mapping[str, object]) -> tuple[R, ...]:
        """The rules that may match *facts*: all of them, or none."""
        if not self.fact:
            return self.rules
        text = facts.get(self.fact)
        # Only of a plain text is it certain that a rule without a find does not match.
        if type(text) is not str:
            return self.rules
        joint = self._joint
        if joint is None:
            joint = self._compiled()
            if joint is None:
                return self.rules
        try:
            return self.rules if joint.search(text) is not None else ()
        except UnicodeEncodeError:
            return self.rules  # each rule says for itself that it cannot be evaluated

    def _compiled(self) -> Pattern | None:
        self._looks_left -= 1
        if self._looks_left > 0:
            return None
        try:
            self._joint = compile_pattern("|".join(f"(?:{one})" for one in self.patterns))
        except PatternRefused:
            # Each is a pattern, but together they are too large, or name a group twice.
            self.fact = ""
        return self._joint


Group: TypeAlias = Screened[R] | ShellScreened[R]
"""Rules that one look may settle."""


def screened(rules: Iterable[R]) -> tuple[Group[R], ...]:
    """
    *rules* in groups: those that need a program in one, and those that need a pattern by the
    fact that it is searched in.
    """
    plain: list[R] = []
    needing: dict[str, list[tuple[R, tuple[str, ...]]]] = {}
    by_program, others = shell_screened(rules)
    for rule in others:
        need = _need(rule.match)
        if need is None:
            plain.append(rule)
        else:
            fact, patterns = need
            needing.setdefault(fact, []).append((rule, patterns))
    groups: list[Screened[R]] = [Screened(tuple(plain))] if plain else []
    for fact, several in needing.items():
        for part in _parts(several):
            patterns = tuple(one for _, own in part for one in own)
            looks = PLAIN_LOOKS * (len(groups) + 1)
            groups.append(Screened(tuple(rule for rule, _ in part), fact, patterns, looks))
    return (*groups, by_program) if by_program is not None else tuple(groups)


def _parts(
    several: list[tuple[R, tuple[str, ...]]],
) -> Iterator[list[tuple[R, tuple[str, ...]]]]:
    """*several* in runs of about `GROUP_RULES_MAX` patterns."""
    part: list[tuple[R, tuple[str, ...]]] = []
    patterns = 0
    for rule, own in several:
        if part and patterns + len(own) > GROUP_RULES_MAX:
            yield part
            part, patterns = [], 0
        part.append((rule, own))
        patterns += len(own)
    if part:
        yield part


def _need(match: Match) -> tuple[str, tuple[str, ...]] | None:
    """A fact and patterns of which one must be found in it for *match* to hold."""
    for name, matcher in match.when.matchers if match.when is not None else ():
        patterns = _patterns(matcher)
        if patterns:
            return name, patterns
    return None


def _patterns(matcher: FactMatcher) -> tuple[str, ...]:
    asked = matcher.raw.get("regex") if isinstance(matcher.raw, Mapping) else None
    if asked is None or not matcher.takes_plain_text:
        return ()
    texts = asked if isinstance(asked, list) else [asked]
    # A quotation that is never closed would reach over the patterns that follow.
    if any(type(one) is not str or r"\Q" in one for one in texts):
        return ()
    return tuple(unicodedata.normalize("NFC", one) for one in texts)
