"""
One look for many rules on programs: where none of these runs, none of the rules is tried.

A `shell` table that names its program cannot match a line that runs no such program. Of a
line without quoting tricks the programs are among its words, so most calls never take their
line apart; of any other the programs are known once it has been taken apart, once for all
rules. What may run anything is tried rule by rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final, Generic, Protocol, TypeVar

from attrs import define, field

from governance.rules.deferred import fact_of
from governance.rules.matching import Match
from governance.rules.partial import HOLE
from governance.rules.shell_facts import FOREIGN, ShellCall
from governance.rules.shell_matchers import ShellMatcher, literals

CHARACTERS_MAX: Final = 2_000
"""A longer line is taken apart without a look."""

_HIDING = """
    if then else elif fi for in do done while until case esac function select coproc time
    eval source . exec command builtin trap alias bind complete fc history
    sh bash dash zsh ksh fish csh tcsh ash busybox su at batch crontab
    python node perl ruby php lua tclsh expect osascript deno bun rscript
    awk xargs parallel pwsh powershell cmd
"""
HIDING: Final = frozenset(_HIDING.split())
"""
Words with which a line is always taken apart: the grammar's own, and programs that run what
their text, their input or a file says.
"""

_WORD = r"[\w./:=,@%+~-]+"
_QUOTED = r"""(?:[\w./:,@%+-]+=)?(?:'[^'\\\n]*'|"[^"$`\\!\n]*")"""
_PIECE = rf"(?:{_QUOTED}|{_WORD})"
_TO_FILE = rf"(?:[12]?>>?[ \t]*{_WORD}|2>&1)"
_COMMAND = rf"{_PIECE}(?:[ \t]+(?:{_PIECE}|{_TO_FILE}))*"
_PLAIN = rf"[ \t]*{_COMMAND}(?:[ \t]*(?:&&|\|\||;|\|)[ \t]*{_COMMAND})*[ \t]*;?[ \t\n]*"
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
        names = None
        if type(text) is str and facts.get("native") not in FOREIGN:
            names = programs_in(text)
        if names is None:
            names = _programs_of(fact_of(facts, "shell"))
            if names is None:
                return self.rules
        found = names & self.by_program.keys()
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
    plain_line, between, within, whole = _patterns()
    if len(text) > CHARACTERS_MAX or plain_line.fullmatch(text) is None:
        return None
    from governance.shell.programs import canonical

    names: set[str] = set()
    # A quotation may be the name itself, or hold a line of its own.
    quoted = [one[1:-1] for one in whole.findall(text)] if "'" in text or '"' in text else []
    for word in (*between.split(text), *quoted):
        for name in {word, word.rpartition("/")[2], *within.split(word)}:
            if name:
                plain = canonical(name)
                if plain in HIDING or name in HIDING:
                    return None
                names.add(name)
                names.add(plain)
    return names


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(one) for one in (_PLAIN, _BETWEEN, _WITHIN, _WHOLE))


def _programs_of(call: object) -> set[str] | None:
    """The names of all programs that *call* runs; ``None``: it may run others."""
    if not isinstance(call, ShellCall) or call.blind is not None:
        return None
    names = {name for one in call.commands for name in (one.program, one.name)}
    return None if any(HOLE in name for name in names) else names
