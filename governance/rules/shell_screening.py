"""
One look for many rules on programs: where none of these runs, none of the rules is tried.

A `shell` table that names its program cannot match a line that runs no such program, and one
that asks what is written, or what cannot be known, cannot match a line without. Of a line
without quoting tricks the programs are among its words, so that a line need not be taken apart
where all rules name theirs; else both are known once it has been taken apart, once for all
rules. What may run anything is tried rule by rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from functools import cache, lru_cache
from typing import Final, Generic, Protocol, TypeVar

from attrs import define, field, frozen

from governance.rules.deferred import fact_of
from governance.rules.fact_table import BY_COMMAND
from governance.rules.matching import Condition, Match
from governance.rules.partial import HOLE
from governance.rules.patterns import Pattern, compile_pattern
from governance.rules.shell_facts import FILLED, FOREIGN, ShellCall
from governance.rules.shell_matchers import ShellMatcher, asked_texts, literals, may_have, wants

CHARACTERS_MAX: Final = 2_000
"""A longer line is taken apart without a look."""

_GRAMMAR = """
if then else elif fi for in do done while until case esac function select coproc time
"""
KEYWORDS: Final = frozenset(_GRAMMAR.split())
"""Words of the grammar: a line that has one, not quoted, is taken apart."""

HIDING: Final = ("shells.", "languages.", "wrapping.", "network.ssh", "network.everywhere")
HIDING_TOO: Final = ("searching.xargs", "searching.parallel", "system.at", "system.crontab")
"""
Acts of programs, as the tables name them, that run what their input or a file says, or
another program than the line names: a line that names one of these is taken apart.
"""

RUNNING_NOTHING: Final = ("files.", "searching.grep", "searching.pattern", "network.curl")
"""Acts of which it is certain that no argument is run, so that one may hold a live glob."""

SUFFIX_CHARACTERS_MAX: Final = 24
"""A longer cluster of options is taken apart, for a value may begin anywhere in it."""

_QUOTED = r"""(?:[\w./:,@%+-]+=)?(?:'[^'\\\n]*'|"[^"$`\\!\n]*")"""
_WORD = r"[\w./:=,@%+~-]+"
_LIVE = r"[\w./:=,@%+~*?-]+"
_BETWEEN = r"[\s;|&<>()'\"]+"
_WITHIN = r"[/=,:!]"
_WHOLE = r"'[^']*'|\"[^\"]*\""


class Matching(Protocol):
    """What is screened: anything that has a match."""

    @property
    def match(self) -> Match: ...


R = TypeVar("R", bound=Matching)


@frozen
class Screen:
    """
    What a line must have for a rule to match it, unless the line is blind: one of these.

    Attributes:
        programs: Names of programs that it runs, each with texts of which the line must have
            one as well (see `ShellCall.texts`); ``None``: none of any.

        texts: Texts of which it has one, whatever it runs.
    """

    programs: Mapping[str, frozenset[str] | None] = field(factory=dict)
    texts: frozenset[str] = frozenset()


@define(eq=False)
class ShellScreened(Generic[R]):
    """
    Rules of which each can only match a line that has what its `Screen` says.

    Attributes:
        rules: All of them.

        by_program, by_text: Each under every program and text that it may be found by.
    """

    rules: tuple[R, ...]
    by_program: Mapping[str, tuple[tuple[R, frozenset[str] | None], ...]] = field(repr=False)
    by_text: Mapping[str, tuple[R, ...]] = field(repr=False)

    def to_try(self, facts: Mapping[str, object]) -> tuple[R, ...]:
        """The rules that may match *facts*."""
        text = facts.get("command")
        if not self.by_text and type(text) is str and facts.get("native") not in FOREIGN:
            names = programs_in(text)
            if names is not None and self.by_program.keys().isdisjoint(names):
                return ()
        call = fact_of(facts, "shell")
        if not isinstance(call, ShellCall) or call.programs is None:
            return self.rules
        return self._found(call.programs, call.texts)

    def _found(self, programs: Set[str], texts: Set[str]) -> tuple[R, ...]:
        found = dict.fromkeys(
            rule
            for name in self.by_program.keys() & programs
            for rule, asked in self.by_program[name]
            if may_have(texts, asked)
        )
        for text in self.by_text if HOLE in texts else self.by_text.keys() & texts:
            found.update(dict.fromkeys(self.by_text[text]))
        return tuple(found)


def shell_screened(rules: Iterable[R]) -> tuple[ShellScreened[R] | None, tuple[R, ...]]:
    """The rules that have a screen, in one group, and those that have none."""
    screened: list[R] = []
    rest: list[R] = []
    by_program: dict[str, list[tuple[R, frozenset[str] | None]]] = {}
    by_text: dict[str, list[R]] = {}
    for rule in rules:
        screen = screen_of(rule.match)
        if screen is None:
            rest.append(rule)
            continue
        screened.append(rule)
        # Most programs of a rule share what is asked beside them: one entry does for all.
        entries = {asked: (rule, asked) for asked in screen.programs.values()}
        for program, asked in screen.programs.items():
            by_program.setdefault(program, []).append(entries[asked])
        for text in screen.texts:
            by_text.setdefault(text, []).append(rule)
    if not screened:
        return None, tuple(rest)
    made = ShellScreened(
        tuple(screened),
        {name: tuple(several) for name, several in by_program.items()},
        {text: tuple(several) for text, several in by_text.items()},
    )
    return made, tuple(rest)


def screen_of(match: Match) -> Screen | None:
    """
    What a line must have for *match* to hold, unless it is blind.

    ``None``: it may hold without. A rule on what cannot be known needs nothing at all.
    """
    if not _asks_of_commands(match):
        return None  # looked up by `governance.rules.index`, which knows of other tools too
    if match.when is not None:
        found = _screen_of(match.when)
        if found is not None:
            return found
    return _joined(map(_screen_of, match.any)) if match.any else None


def _joined(screens: Iterable[Screen | None]) -> Screen | None:
    """What a line must have where one of several must hold; ``None``: one may without."""
    programs: dict[str, frozenset[str] | None] = {}
    texts: set[str] = set()
    for one in screens:
        if one is None:
            return None
        for name, asked in one.programs.items():
            known = programs.get(name, asked)
            either = None if known is None or asked is None else known | asked
            programs[name] = asked if known is asked else either
        texts |= one.texts
    return Screen(programs, frozenset(texts))


def _asks_of_commands(match: Match) -> bool:
    """Whether *match* has a `shell` matcher anywhere in what makes it hold."""
    parts = (match.when, *match.any) if match.when is not None else match.any
    return any(isinstance(one, ShellMatcher) for part in parts for _, one in part.matchers)


def _screen_of(condition: Condition) -> Screen | None:
    for name, matcher in condition.matchers:
        if isinstance(matcher, ShellMatcher):
            found = _joined(_needed(one.raw, one.programs, one.asked) for one in matcher.tables)
            if found is not None:
                return found
        elif name in BY_COMMAND and wants(name, matcher.raw):
            # What all commands together have under it, which is nothing where none has.
            return Screen(texts=frozenset({FILLED[name]}))
    return None


def _needed(
    table: Mapping[str, object], names: frozenset[str] | None, asked: frozenset[str] | None
) -> Screen | None:
    """As `screen_of`, of one table of a `shell` matcher, as it stands in the pack."""
    if names is not None:
        return Screen(programs=dict.fromkeys(names, asked))
    if table.get("opaque") is True:
        return Screen()
    if asked is not None:
        return Screen(texts=asked)
    reached = table.get("flows_to")
    if reached is None:
        return None
    return _joined(map(_needed_of_raw, reached if isinstance(reached, list) else [reached]))


def _needed_of_raw(table: object) -> Screen | None:
    if not isinstance(table, Mapping):
        return None
    names = literals(table.get("program"))
    return _needed(table, None if names is None else frozenset(names), asked_texts(table))


def programs_in(text: str) -> set[str] | None:
    """
    Names among which are those of all programs that the line *text* runs.

    ``None``: it would have to be taken apart to know, or may run something that it does not
    name. What is plain has a reading, no sign that hides a name, and no program that runs
    what its input or a file says.
    """
    text = text.strip()
    if len(text) > CHARACTERS_MAX or not text.isascii() or _plain().search(text) is None:
        return None
    between, within, whole = _patterns()
    names: set[str] = set()
    # A quotation may be the name itself, or hold a line of its own.
    quoted: list[str] = []
    bare = text
    if "'" in text or '"' in text:
        quoted = [one[1:-1] for one in whole.findall(text)]
        if "" in quoted:
            # It may stand where a program does, and then nothing is known of that.
            return None
        bare = whole.sub("''", text)
    if not KEYWORDS.isdisjoint(between.split(bare)):
        return None
    live = "*" in bare or "?" in bare
    for word in (*between.split(text), *quoted):
        for name in {word, word.rpartition("/")[2], *within.split(word)}:
            if name.startswith("-") and not name.startswith("--"):
                if len(name) > SUFFIX_CHARACTERS_MAX:
                    return None
                names.update(name[at:] for at in range(2, len(name)))
            plain, hides, runs = _about(name)
            if hides or (runs and live):
                return None
            names.add(name)
            names.add(plain)
    names.discard("")
    return names


@lru_cache(maxsize=4_096)
def _about(name: str) -> tuple[str, bool, bool]:
    """
    The name in the tables of the program *name*, whether it may run anything else, and
    whether it runs one of its arguments.
    """
    from governance.shell.programs import canonical, entries

    plain = canonical(name)
    entry = entries().get(plain, "")
    while "!act=" not in entry and "!like=" in entry:
        like = entry.partition("!like=")[2].partition(" ")[0]
        entry = entries()[like.replace("+", " ")]
    act = entry.partition("!act=")[2].partition(" ")[0]
    hides = act.startswith(HIDING) or act in HIDING_TOO
    runs = "argv" in entry or "shell" in entry or bool(act and not act.startswith(RUNNING_NOTHING))
    return plain, hides, runs


@cache
def _plain() -> Pattern:
    """A whole line that is plain, in time that is linear in it."""
    # A live glob may be an argument, but not the program, nor what follows an assignment.
    plain = _line(rf"(?:{_QUOTED}|{_WORD})", rf"(?:{_QUOTED}|{_WORD})")
    live = _line(r"[\w./:@%+~-]+", rf"(?:{_QUOTED}|{_LIVE})")
    return compile_pattern(rf"\A(?:{plain}|{live})\z")


def _line(first: str, word: str) -> str:
    """The pattern of a line of commands of such words, with the plainest of redirections."""
    to_file = rf"(?:[12]?>>?[ \t]*{_WORD}|2>&1)"
    command = rf"{first}(?:[ \t]+(?:{word}|{to_file}))*"
    between = r"[ \t]*(?:&&|\|\||;|\|)[ \t]*"
    return rf"{command}(?:{between}{command})*;?"


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """What stands between words, what within them, and a quotation."""
    return tuple(re.compile(one) for one in (_BETWEEN, _WITHIN, _WHOLE))
