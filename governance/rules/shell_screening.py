"""
One look for many rules on programs: where none of these runs, none of the rules is tried.

A `shell` table that names its program cannot match a line that runs no such program. Of a
line without quoting tricks the programs are among its words, so most calls never take their
line apart; of any other the programs are known once it has been taken apart, once for all
rules. What may run anything is tried rule by rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from functools import cache, lru_cache
from typing import Final, Generic, Protocol, TypeVar

from attrs import define, field

from governance.rules.deferred import fact_of
from governance.rules.matching import Match
from governance.rules.patterns import Pattern, compile_pattern
from governance.rules.shell_facts import FOREIGN, ShellCall
from governance.rules.shell_matchers import ShellMatcher, literals

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


@define(eq=False)
class ShellScreened(Generic[R]):
    """
    Rules of which each can only match a line that runs one of the programs it names.

    Attributes:
        rules: All of them.

        by_program: Those that name a program, by its name.
    """

    rules: tuple[R, ...]
    by_program: Mapping[str, tuple[R, ...]] = field(repr=False)

    def to_try(self, facts: Mapping[str, object]) -> tuple[R, ...]:
        """The rules that may match *facts*."""
        text = facts.get("command")
        names: Set[str] | None = None
        if type(text) is str and facts.get("native") not in FOREIGN:
            names = programs_in(text)
        if names is None:
            names = _programs_of(fact_of(facts, "shell"))
            if names is None:
                return self.rules
        found = self.by_program.keys() & names
        if not found:
            return ()
        if len(found) == 1:
            return self.by_program[found.pop()]
        return tuple(dict.fromkeys(rule for name in found for rule in self.by_program[name]))


def shell_screened(rules: Iterable[R]) -> tuple[ShellScreened[R] | None, tuple[R, ...]]:
    """The rules that name their programs, in one group, and those that do not."""
    named: list[R] = []
    rest: list[R] = []
    by_program: dict[str, list[R]] = {}
    for rule in rules:
        programs = programs_needed(rule.match)
        if programs is None:
            rest.append(rule)
            continue
        named.append(rule)
        for program in programs:
            by_program.setdefault(program, []).append(rule)
    if not named:
        return None, tuple(rest)
    by_name = {name: tuple(several) for name, several in by_program.items()}
    return ShellScreened(tuple(named), by_name), tuple(rest)


def programs_needed(match: Match) -> frozenset[str] | None:
    """
    Programs of which a line must run one for *match* to hold, unless it is blind.

    ``None``: it may hold without. A rule on what cannot be known needs no program at all.
    """
    for _, matcher in match.when.matchers if match.when is not None else ():
        if isinstance(matcher, ShellMatcher):
            found = _needed(matcher.raw)
            if found is not None:
                return found
    several: set[str] = set()
    for condition in match.any:
        own = next(
            (
                found
                for _, matcher in condition.matchers
                if isinstance(matcher, ShellMatcher) and (found := _needed(matcher.raw)) is not None
            ),
            None,
        )
        if own is None:
            return None
        several |= own
    return frozenset(several) if match.any else None


def _needed(raw: object) -> frozenset[str] | None:
    """As `programs_needed`, of one `shell` matcher as it stands in the pack."""
    found: set[str] = set()
    for table in raw if isinstance(raw, list) else [raw]:
        if not isinstance(table, Mapping):
            return None
        names = literals(table["program"]) if "program" in table else None
        if names is not None:
            found.update(names)
        elif table.get("opaque") is True:
            continue
        else:
            inner = _needed(table["flows_to"]) if "flows_to" in table else None
            if inner is None:
                return None
            found |= inner
    return frozenset(found)


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


def _programs_of(call: object) -> Set[str] | None:
    """The names of all programs that *call* runs; ``None``: it may run others."""
    return call.programs if isinstance(call, ShellCall) else None
