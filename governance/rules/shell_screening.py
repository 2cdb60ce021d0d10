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
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Generic

from attrs import evolve, field

from governance._attrs import define
from governance.rules.deferred import fact_of
from governance.rules.fact_table import BY_COMMAND
from governance.rules.matching import Condition, Match
from governance.rules.patterns import Pattern, compile_pattern
from governance.rules.shell_entries import PLAIN_LOOKS, Entry, R, SortedEntries
from governance.rules.shell_facts import FOREIGN, ShellCall
from governance.rules.shell_matchers import ShellMatcher
from governance.rules.shell_terms import FILLED, Asked, LineTerms, wants

if TYPE_CHECKING:
    from governance.shell.values import Command

CHARACTERS_MAX: Final = 2_000
"""A longer line is taken apart without a look."""

LINES_MAX: Final = 512
"""Lines of which it is remembered which rules they may match; then the memory starts anew."""

SORTED_MAX: Final = 128
"""Programs whose entries are sorted at once; then the sorting starts anew."""

_GRAMMAR = """
if then else elif fi for in do done while until case esac function select coproc time
"""
KEYWORDS: Final = frozenset(_GRAMMAR.split())
"""Words of the grammar: a line that has one, not quoted, is taken apart."""

HIDING: Final = ("shells.", "languages.", "wrapping.", "network.ssh", "network.everywhere")
HIDING_TOO: Final = (
    "searching.xargs", "searching.parallel", "system.at", "system.crontab", "containers.batch",
)  # fmt: skip
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


@define(eq=False)
class ShellScreened(Generic[R]):
    """
    Rules of which each can only match a line with a command that has what an `Entry` asks.

    Attributes:
        rules: All of them.

        by_program: Each entry under every program that it names; under ``""`` those that
            name none.

        looks: How often a program is met before its entries are sorted.
    """

    rules: tuple[R, ...]
    by_program: Mapping[str, Sequence[Entry[R]]] = field(repr=False)
    looks: int
    _met: dict[str, int] = field(factory=dict, init=False, repr=False)
    _sorted: dict[str, SortedEntries[R]] = field(factory=dict, init=False, repr=False)
    _remembered: dict[LineTerms, tuple[R, ...]] = field(factory=dict, init=False, repr=False)

    def to_try(self, facts: Mapping[str, object]) -> tuple[R, ...]:
        """The rules that may match *facts*."""
        text = facts.get("command")
        if "" not in self.by_program and type(text) is str and facts.get("native") not in FOREIGN:
            programs = self.by_program.keys()
            # The look is dear, and in vain where a word is one of the programs.
            names = programs_in(text) if programs.isdisjoint(text.split()) else None
            if names is not None and programs.isdisjoint(names):
                return ()
        call = fact_of(facts, "shell")
        if not isinstance(call, ShellCall) or call.programs is None:
            return self.rules
        # What a line has is the same in every call, and short lines come again.
        known = self._remembered.get(call.known)
        return self._found(call.known, call.programs) if known is None else known

    def _found(self, line: LineTerms, programs: Set[str]) -> tuple[R, ...]:
        found: dict[int, R] = {}
        settled = True
        for command, terms in zip(line.commands, line.each, strict=True):
            for name in {command.program, command.name, ""}:
                several = self.by_program.get(name)
                if several is None:
                    continue
                made = self._sorted.get(name) or self._sort(name, several)
                if made is None:
                    settled, had = False, terms
                else:
                    several, had = made.found(command, terms)
                for one in several:
                    if one.number not in found and _may_hold(one.asked, command, had, programs):
                        found[one.number] = one.rule
        chosen = tuple(found.values())
        if settled:
            if len(self._remembered) >= LINES_MAX:
                self._remembered.clear()
            self._remembered[line] = chosen
        return chosen

    def _sort(self, name: str, several: Sequence[Entry[R]]) -> SortedEntries[R] | None:
        """The entries of a program, sorted once it has been met often enough for that to pay."""
        met = self._met[name] = self._met.get(name, 0) + 1
        if met < self.looks:
            return None
        if len(self._sorted) >= SORTED_MAX:
            self._sorted.clear()
        made = self._sorted[name] = SortedEntries.of(several)
        return made


def _may_hold(asked: Asked, command: Command, terms: Set[str], programs: Set[str]) -> bool:
    if asked.others and (command.program in asked.others or command.name in asked.others):
        return False
    if asked.reached is not None and asked.reached.isdisjoint(programs):
        return False
    return asked.may_hold(terms)


@define(eq=False)
class _Entering(Generic[R]):
    """Rules on their way into a group."""

    rules: dict[int, R] = field(factory=dict)
    by_program: dict[str, list[Entry[R]]] = field(factory=dict)

    def enter(self, number: int, rule: R, several: Iterable[Asked]) -> None:
        """Enter *rule* under what one of *several* asks."""
        self.rules[number] = rule
        for asked in several:
            one = Entry(number, rule, asked)
            for program in ("",) if asked.programs is None else asked.programs:
                self.by_program.setdefault(program, []).append(one)

    def group(self, looks: int) -> ShellScreened[R] | None:
        """All of them; ``None``: there is none."""
        if not self.rules:
            return None
        return ShellScreened(
            tuple(self.rules.values()),
            self.by_program,
            looks,
        )


def shell_screened(
    rules: Sequence[R], looks: int = PLAIN_LOOKS
) -> tuple[ShellScreened[R] | None, tuple[tuple[R, Match], ...]]:
    """
    The rules that a line alone can rule out, in one group, and what else may make rules match.

    A rule of which only some alternatives ask of commands stands in both: there with those,
    here with the others.
    """
    made: _Entering[R] = _Entering()
    rest: list[tuple[R, Match]] = []
    for number, rule in enumerate(rules):
        screen, others = screen_of(rule.match)
        if screen is not None:
            made.enter(number, rule, screen)
        if others is not None:
            rest.append((rule, others))
    return made.group(looks), tuple(rest)


def screen_of(match: Match) -> tuple[Sequence[Asked] | None, Match | None]:
    """
    What some command of a line must have for *match* to hold, one of these unless the line
    is blind; and how else it may hold.
    """
    if match.when is not None:
        if _has_text(match.when):
            return None, match
        found = _screen_of(match.when)
        if found is not None:
            return found, None
    screened: list[Asked] = []
    others: list[Condition] = []
    of_commands = False
    for one in match.any:
        found = _screen_of(one)
        if found is None:
            others.append(one)
        else:
            of_commands = True
            screened += found
    if not of_commands:
        return None, match
    return screened, evolve(match, any=tuple(others)) if others else None


def _has_text(condition: Condition) -> bool:
    """Whether it asks for a text of the whole line, by which it is looked up best."""
    return any(name == "command" and one.needs() for name, one in condition.matchers)


def _screen_of(condition: Condition) -> Sequence[Asked] | None:
    """
    As `screen_of`; ``None``: it may hold for any command, or is looked up by its facts, as
    `governance.rules.index` does.
    """
    several = [one for _, one in condition.matchers if isinstance(one, ShellMatcher)]
    for one in several:
        found = [table.asked for table in one.tables]
        if not any(asked.anything for asked in found):
            return found
    if not several or _has_text(condition):
        return None
    for name, matcher in condition.matchers:
        if name in BY_COMMAND and wants(name, matcher.raw):
            # What all commands together have under it, which is nothing where none has.
            return (Asked(signs=frozenset({FILLED[name]})),)
    return None


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
