"""
Whether all that one rule matches is matched by another, by proof over their matchers.

A proof that is not found says nothing. Facts are taken one by one; a `shell` table covers
another where each of its keys is covered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from governance.errors import Problem
from governance.rules.matchers import Matcher
from governance.rules.matching import Condition, FactMatcher
from governance.rules.operators import build_matcher
from governance.rules.paths import PLAIN_PLACES
from governance.rules.possible import implied
from governance.rules.ruleset import CompiledRule
from governance.rules.shell_keys import SHELL_KEYS
from governance.rules.vocabulary import Vocabulary


def covers(wide: CompiledRule, narrow: CompiledRule, vocabulary: Vocabulary) -> bool:
    """
    Whether *wide* certainly matches every event that *narrow* matches.

    Exemptions of *wide*, what it demands of the past, and excuses that depend on what it
    singled out, leave gaps.
    """
    if wide.rule.on != narrow.rule.on or wide.exempts or wide.rule.looks_back:
        return False
    if not _tools_covered(wide, narrow, vocabulary) or not _excuses_less(wide, narrow):
        return False
    for branch in narrow.match.any or (None,):
        known = [one for part in (narrow.match.when, branch) if part for one in part.matchers]
        if not any(
            conditions_implied(known, (wide.match.when, other))
            for other in wide.match.any or (None,)
        ):
            return False
    return True


def _tools_covered(wide: CompiledRule, narrow: CompiledRule, vocabulary: Vocabulary) -> bool:
    if wide.tools is None:
        return True
    if narrow.tools is None:
        return False
    have = set(_expanded(wide, vocabulary))
    return all(
        name in have
        or wide.tools.holds(name, "", "")
        or (name.startswith("native:") and vocabulary.class_of(name) in have - {"other"})
        for name in _expanded(narrow, vocabulary)
    )


def _expanded(one: CompiledRule, vocabulary: Vocabulary) -> tuple[str, ...]:
    return vocabulary.expand_tools(one.rule.tools, (), _told_before)


def _told_before(_problem: Problem) -> None:
    """Takes what loading has reported already."""


def _excuses_less(wide: CompiledRule, narrow: CompiledRule) -> bool:
    """Whether *wide* excuses nothing that *narrow* does not."""
    excuse = wide.match.unless
    if excuse is None:
        return True
    if wide.rule.unless != narrow.rule.unless:
        return False
    # What a list or a command line is excused for depends on what the rule singled out.
    return not any(one.spec.is_list or one.spec.type == "shell" for _, one in excuse.matchers)


def conditions_implied(
    known: Sequence[tuple[str, FactMatcher]], conditions: Iterable[Condition | None]
) -> bool:
    """Whether all *conditions* certainly hold where every matcher of *known* does."""
    for condition in conditions:
        for name, matcher in condition.matchers if condition is not None else ():
            by = [one for fact, one in known if fact == name]
            if isinstance(matcher, Matcher):
                plain = [one for one in by if isinstance(one, Matcher)]
                if not implied(plain, matcher, PLAIN_PLACES):
                    return False
            elif not any(_shell_implied(one.raw, matcher.raw) for one in by):
                return False
    return True


# Shell tables ---------------------------------------------------------------------------


def _shell_implied(narrow: object, wide: object) -> bool:
    """Whether some table of *wide* covers each table of *narrow*."""
    return narrow == wide or all(
        any(_table_implied(one, other) for other in tables(wide)) for one in tables(narrow)
    )


def tables(raw: object) -> list[Mapping[str, object]]:
    """The tables of *raw*, one or an array of them."""
    listed = raw if isinstance(raw, list) else [raw]
    return [one for one in listed if isinstance(one, Mapping)]


def _table_implied(narrow: Mapping[str, object], wide: Mapping[str, object]) -> bool:
    return all(_key_implied(name, narrow, raw) for name, raw in wide.items())


def _key_implied(name: str, narrow: Mapping[str, object], wide: object) -> bool:
    raw = narrow.get(name)
    if raw is not None and raw == wide:
        return True
    if name in ("flags_any", "flags_all"):
        return _flags_implied(name, narrow, wide)
    if raw is None:
        return False
    if name == "flows_to":
        return _shell_implied(raw, wide)
    made = [key_matcher(name, one) for one in (raw, wide)]
    return made[0] is not None and made[1] is not None and implied([made[0]], made[1], PLAIN_PLACES)


def _flags_implied(name: str, narrow: Mapping[str, object], wide: object) -> bool:
    every, some = (set(_flags(narrow.get(key))) for key in ("flags_all", "flags_any"))
    wanted = set(_flags(wide))
    if name == "flags_all":
        return wanted <= every
    return bool(wanted & every) or (bool(some) and some <= wanted)


def _flags(raw: object) -> list[str]:
    return [one for one in raw if isinstance(one, str)] if isinstance(raw, list) else []


def key_matcher(name: str, raw: object) -> Matcher | None:
    """The matcher of one key of a checked `shell` table; ``None``: it takes none."""
    key = SHELL_KEYS[name]
    if key.takes not in ("matcher", "opaque") or isinstance(raw, bool):
        return None
    return build_matcher(
        key.spec, raw, variables={}, places=PLAIN_PLACES, path=(name,), report=_told_before
    )
