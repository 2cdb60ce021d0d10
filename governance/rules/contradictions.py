"""
Rules that can never match: matchers that exclude each other, and excuses that leave nothing.

Only what is certain is an error: for no event at all, in no project, can the matcher hold. All
of it is about rules that compile, so that each matcher by itself is understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from governance.errors import WARNING, Problem
from governance.rules.format import Rule
from governance.rules.matchers import Matcher
from governance.rules.matching import Condition, Match
from governance.rules.operators import build_matcher
from governance.rules.paths import PLAIN_PLACES
from governance.rules.possible import NOTHING, implied, some_value
from governance.rules.shell_keys import SHELL_KEYS
from governance.rules.shell_matchers import ShellMatcher
from governance.rules.shell_terms import literals
from governance.rules.vocabulary import TOOLS, Place, Report, Vocabulary

_CODE = "GOV226"
_NEVER = "no event can meet it: take one of them out, or mend it"


def check_match(rule: Rule, match: Match, vocabulary: Vocabulary, report: Report) -> None:
    """Report what of *match*, that of *rule*, can never hold (GOV226)."""
    found = _Found(report)
    tools = vocabulary.expand_tools(rule.tools, (), _told_before) if rule.tools else ()
    if tools and all(name in TOOLS for name in tools):
        for condition in (match.when, *match.any):
            found.among(tools, condition)
    for condition in _conditions(match):
        found.each(condition)
    if found.reported:
        return
    if match.when is not None:
        for index, branch in enumerate(match.any):
            found.together(match.when, branch, (*rule.path, "any", index))
    if match.unless is not None and not found.reported:
        _excuses(rule, match, match.unless, report)


def check_conditions(conditions: Iterable[Condition | None], report: Report) -> None:
    """Report what of *conditions*, each of which stands for itself, can never hold (GOV226)."""
    found = _Found(report)
    for condition in conditions:
        if condition is not None:
            found.each(condition)


def _conditions(match: Match) -> Iterator[Condition]:
    yield from (one for one in (match.when, *match.any, match.unless) if one is not None)


class _Found:
    """Reports, and remembers that it has."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.reported = False

    def _say(self, message: str, path: Place, mend: str, *, warns: bool = False) -> None:
        if warns:
            self._report(Problem(_CODE, message, path, mend, WARNING))
        else:
            self.reported = True
            self._report(Problem(_CODE, message, path, mend))

    def each(self, condition: Condition) -> None:
        """Report the matchers of *condition* that can never hold by themselves."""
        for _, matcher in condition.matchers:
            if isinstance(matcher, Matcher):
                self.alone(matcher)
            elif isinstance(matcher, ShellMatcher):
                self.shell(matcher)

    def alone(self, matcher: Matcher) -> None:
        """Report a matcher that no value of its fact fits."""
        several = isinstance(matcher.raw, Mapping)
        if not (several or matcher.spec.values) or matcher.on_missing:
            return
        if some_value([matcher], PLAIN_PLACES) is NOTHING:
            name = matcher.spec.name
            values = matcher.spec.values
            what = "is never such a value" if values else "has no value that fits all of this"
            shown = ", ".join(f"`{one}`" for one in (values or ())[:12])
            mend = f"it is one of {shown}" if shown else _NEVER
            self._say(f"`{name}` {what}", matcher.place, mend)

    def among(self, tools: Sequence[str], condition: Condition | None) -> None:
        """Report a matcher of `tool` that none of the rule's *tools* fits."""
        for name, matcher in condition.matchers if condition else ():
            if name == "tool" and all(matcher.test(one, {}) is False for one in tools):
                shown = ", ".join(f"`{one}`" for one in tools)
                message = f"none of the rule's tools is such a `tool`; they are {shown}"
                self._say(message, matcher.place, "name the tool in `tools` alone")

    def together(self, when: Condition, branch: Condition, place: Place) -> None:
        """Report an alternative that `when` excludes."""
        known = dict(when.matchers)
        for name, matcher in branch.matchers:
            other = known.get(name)
            if not (isinstance(matcher, Matcher) and isinstance(other, Matcher)):
                continue
            if not _of_one_value(matcher) or (matcher.on_missing and other.on_missing):
                continue
            if some_value([other, matcher], PLAIN_PLACES) is NOTHING:
                message = f"this alternative can never hold: `when` asks something else of `{name}`"
                self._say(message, (*place, *name.split(".")), _NEVER)

    # Shell tables -----------------------------------------------------------------------

    def shell(self, matcher: ShellMatcher) -> None:
        """Report what can never hold of the tables of a `shell` matcher."""
        raw = matcher.raw
        listed = raw if isinstance(raw, list) else [raw]
        for index, table in enumerate(listed):
            if isinstance(table, Mapping):
                place = (*matcher.place, index) if isinstance(raw, list) else matcher.place
                self._table(table, place)

    def _table(self, table: Mapping[str, object], place: Place) -> None:
        for name, raw in table.items():
            key = SHELL_KEYS[name]
            if key.takes == "shell":
                inner = raw if isinstance(raw, list) else [raw]
                for index, one in enumerate(inner):
                    if isinstance(one, Mapping):
                        deeper = (*place, name, index) if isinstance(raw, list) else (*place, name)
                        self._table(one, deeper)
            elif key.takes in ("matcher", "opaque") and not isinstance(raw, bool):
                made = build_matcher(
                    key.spec,
                    raw,
                    variables={},
                    places=PLAIN_PLACES,
                    path=(*place, name),
                    report=_told_before,
                )
                if made is not None:
                    self.alone(made)
        programs = literals(table.get("program"))
        if programs:
            self._subcommand(table, programs, place)
            self._flags(table, programs, place)

    def _subcommand(
        self, table: Mapping[str, object], programs: Sequence[str], place: Place
    ) -> None:
        """Report a subcommand of programs that certainly have none."""
        wanted = table.get("subcommand")
        if wanted is None or isinstance(wanted, Mapping):
            return
        if all(not _has_subcommands(one) for one in programs):
            names = ", ".join(f"`{one}`" for one in programs)
            mend = "ask its operands by `words`, or paths by `reads` and `writes`"
            self._say(f"{names} has no subcommands", (*place, "subcommand"), mend)

    def _flags(self, table: Mapping[str, object], programs: Sequence[str], place: Place) -> None:
        """Report clusters of short flags, which are compared letter by letter."""
        subcommands = literals(table.get("subcommand")) or [""]
        for name in ("flags_any", "flags_all"):
            wanted = table.get(name)
            if not isinstance(wanted, list):
                continue
            never = [
                (index, flag)
                for index, flag in enumerate(wanted)
                if isinstance(flag, str) and _is_taken_apart(flag, programs, subcommands)
            ]
            for index, flag in never:
                letters = ", ".join(f'"-{one}"' for one in flag[1:])
                mend = f"write `flags_all = [{letters}]`"
                message = f"no command has the flag `{flag}`: it is several, compared one by one"
                some = name == "flags_any" and len(never) < len(wanted)
                self._say(message, (*place, name, index), mend, warns=some)


def _told_before(_problem: Problem) -> None:
    """Takes what building the matcher of a rule has reported already."""


def _has_subcommands(program: str) -> bool:
    """Whether *program* may have subcommands, as far as the tables know."""
    from governance.shell.programs import canonical, spec_for

    spec = spec_for(canonical(program))
    return not spec.known or bool(spec.act) or "sub" in spec.settings


def _is_taken_apart(flag: str, programs: Iterable[str], subcommands: Iterable[str]) -> bool:
    """Whether each of *programs* reads *flag* as several: seen by reading such lines."""
    from governance.rules.shell_facts import line_of

    if len(flag) < 3 or flag[1] == "-" or not flag[1:].isalpha():
        return False
    for program in programs:
        for subcommand in subcommands:
            commands = line_of(" ".join(f"{program} {subcommand} {flag} x".split())).commands
            own = [one for one in commands if program in (one.program, one.name)]
            if not own or any(flag in one.flags or not one.flags for one in own):
                return False
    return True


def _of_one_value(matcher: Matcher) -> bool:
    """Whether all matchers of its fact look at the same value, in the same form."""
    return not matcher.spec.is_list and matcher.spec.kind not in ("path", "url")


# Excuses --------------------------------------------------------------------------------


def _excuses(rule: Rule, match: Match, unless: Condition, report: Report) -> None:
    """Report an `unless` that excuses all that the rest of *match* matches."""
    branches = match.any or (None,)
    excused = [
        index for index, one in enumerate(branches) if _always(match, one, unless) is not None
    ]
    if not excused:
        return
    certain = all(_always(match, branches[index], unless) for index in excused)
    severity = "error" if certain else WARNING
    but = "" if certain else ", but for what cannot be known of it"
    mend = "narrow `unless`, or take the rule out"
    path: Place = (*rule.path, "unless")
    if len(excused) == len(branches):
        message = f"`unless` excuses all that `{rule.id}` matches{but}"
        report(Problem(_CODE, message, path, mend, severity))
        return
    for index in excused:
        message = f"`unless` excuses all that this alternative matches{but}"
        report(Problem(_CODE, message, (*rule.path, "any", index), mend, severity))


def _always(match: Match, branch: Condition | None, unless: Condition) -> bool | None:
    """
    Whether *unless* excuses all that `when` and *branch* match.

    ``None``: not all of it; ``False``: all but what is known in part, or by a link.
    """
    certain = True
    for name, excuse in unless.matchers:
        if not isinstance(excuse, Matcher):
            return None
        spec = excuse.spec
        # The elements of a list that are to be excused are those of every alternative.
        looked = (match.when, *match.any) if spec.is_list else (match.when, branch)
        by = [
            one
            for condition in looked
            if condition is not None
            for fact, one in condition.matchers
            if fact == name and isinstance(one, Matcher)
        ]
        if spec.is_list:
            if not by or not all(implied([one], excuse, PLAIN_PLACES) for one in by):
                return None
        elif not implied(by, excuse, PLAIN_PLACES):
            return None
        certain = certain and not spec.partial and spec.kind not in ("path", "url")
    return certain
