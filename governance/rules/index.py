"""
Which rules may match an event, found without trying them: the time does not grow with them.

A rule is entered under keys of which one must be found in the event before it can match, or
be unknown (`governance.rules.needs`). Whole values are looked up in a dictionary, beginnings
and ends in a sorted list, texts and patterns by one RE2 set for each fact. A rule that has no
such key (only `not`, only numbers that are compared, `detect`) is always tried.

What cannot be looked up counts as found: a value of the wrong type, one that is unknown, a
text that RE2 does not take, a set that ran out of memory. The rules chosen are then tried one
by one, and only that decides. Rules that name the programs of a shell line are chosen by
those instead (`governance.rules.shell_screening`), from the first look on.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeAlias

from attrs import field

from governance._attrs import define, frozen
from governance.rules.deferred import Deferred
from governance.rules.domains import hosts_of
from governance.rules.matchers import ELEMENTS_MAX, MAY_FAIL_COST, PYTHON_TYPES, REAL_PATHS
from governance.rules.matching import Condition, Match
from governance.rules.needs import Kind, Look, Need
from governance.rules.partial import HOLE
from governance.rules.patterns import PatternRefused, PatternSet, quoted
from governance.rules.shell_entries import PLAIN_LOOKS, R
from governance.rules.shell_screening import ShellScreened, shell_screened
from governance.rules.vocabulary import MISSING

TEXTS_MAX = 16
"""Texts that are searched for one by one; of more, a set of RE2 finds all in one walk."""

Entry: TypeAlias = tuple[Need, ...]
"""Needs of which at least one is found wherever a rule matches."""


@define(eq=False)
class Index(Generic[R]):
    """
    The rules of one event and tool, and which of them to try for some facts.

    Thread-safe: one thread builds it while the others try every rule.
    """

    rules: tuple[R, ...]
    _looks_left: int = field(default=PLAIN_LOOKS)
    _by_program: ShellScreened[R] | None = field(init=False)
    _others: tuple[R, ...] = field(init=False)
    _matches: tuple[Match, ...] = field(init=False)
    _built: _Built | None = field(default=None, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self._by_program, others = shell_screened(self.rules, self._looks_left)
        self._others = tuple(rule for rule, _ in others)
        self._matches = tuple(match for _, match in others)

    def to_try(self, facts: Mapping[str, object]) -> Sequence[R]:
        """Every rule that may match *facts* or be unknown, and few others."""
        chosen = self._chosen(facts)
        if self._by_program is None:
            return chosen
        screened = self._by_program.to_try(facts)
        if not chosen:
            return screened
        # A rule with alternatives of both kinds is tried once.
        return tuple(dict.fromkeys((*chosen, *screened)))

    def _chosen(self, facts: Mapping[str, object]) -> Sequence[R]:
        """Of the rules that may match for what commands do not have, those to try."""
        built = self._built
        if built is None:
            built = self._prepared()
            if built is None:
                return self._others
        found = set(built.always)
        for name, lookups in built.by_fact:
            value = facts.get(name)
            if type(value) is Deferred:
                value = value.value()
            if value is None or value is MISSING or (type(value) is list and not value):
                continue  # no rule is entered under what also holds without the fact
            for one in lookups:
                one.find(value, facts, found)
        if not found:
            return ()
        rules = self._others
        return [rules[number] for number in sorted(found)]

    def _prepared(self) -> _Built | None:
        self._looks_left -= 1
        if self._looks_left > 0 or not self._lock.acquire(blocking=False):
            return None
        try:
            if self._built is None:
                self._built = _build(self._matches)
            return self._built
        finally:
            self._lock.release()


@frozen(eq=False)
class _Built:
    """*always*: rules without a key; *by_fact*: a fact and how its value is looked up."""

    always: tuple[int, ...]
    by_fact: tuple[tuple[str, tuple[_Lookup, ...]], ...]


def _build(matches: Sequence[Match]) -> _Built:
    entries = [tuple(_entries(one)) for one in matches]
    # A key that many rules share tells little: each rule stands under its rarest.
    shared = Counter(
        (need.fact, key)
        for several in entries
        for need in {need for entry in several for need in entry}
        for key in need.keys
    )

    def commonness(entry: Entry) -> int:
        return max((shared[need.fact, key] for need in entry for key in need.keys), default=0)

    always: list[int] = []
    drafts: dict[str, dict[Look, _Lookup]] = {}
    for number, several in enumerate(entries):
        if not several:
            always.append(number)
            continue
        for need in min(several, key=commonness):
            by_look = drafts.setdefault(need.fact, {})
            by_look.setdefault(need.look, _Lookup(need.look)).add(number, need)
    for by_look in drafts.values():
        for lookup in by_look.values():
            lookup.finish()
    return _Built(tuple(always), tuple((name, tuple(one.values())) for name, one in drafts.items()))


def _entries(match: Match) -> Iterator[Entry]:
    """The ways in which a rule can be entered, each by itself enough."""
    when, failing = _usable(match.when)
    for need in when:
        yield (need,)
    # What fails with an error denies, so nothing may be passed over for what comes after it.
    if match.any and not failing:
        branches = [_usable(one)[0] for one in match.any]
        if all(branches):
            yield tuple(needs[0] for needs in branches)


def _usable(condition: Condition | None) -> tuple[list[Need], bool]:
    """The needs of a condition up to the first matcher that may fail, and whether one does."""
    needs: list[Need] = []
    for _, matcher in condition.matchers if condition is not None else ():
        needs.extend(matcher.needs())
        if matcher.cost >= MAY_FAIL_COST:
            return needs, True
    return needs, False


class _NoType:
    """The type of no value at all."""


@define(eq=False)
class _Lookup:
    """The keys of one fact, read in one way, and the rules under each."""

    look: Look
    # Where one look at the value's type is enough to look it up.
    _plain_type: type = field(default=_NoType, init=False)
    _all: set[int] = field(factory=set, init=False)
    _keys: dict[Kind, dict[object, list[int]]] = field(factory=dict, init=False)
    _exact: dict[object, list[int]] = field(factory=dict, init=False)
    _starts: _Sorted | None = field(default=None, init=False)
    _ends: _Sorted | None = field(default=None, init=False)
    _texts: tuple[tuple[str, tuple[int, ...]], ...] = field(default=(), init=False)
    _sets: tuple[PatternSet[tuple[int, ...]], ...] = field(default=(), init=False)
    _blind: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        if not self.look.is_list and self.look.form == "plain":
            self._plain_type = PYTHON_TYPES[self.look.element][0]

    def add(self, number: int, need: Need) -> None:
        """Enter the rule *number* under every key of *need*."""
        self._all.add(number)
        for kind, key in need.keys:
            numbers = self._keys.setdefault(kind, {}).setdefault(key, [])
            if number not in numbers[-1:]:
                numbers.append(number)

    def finish(self) -> None:
        """Put what was added into the form in which it is looked up."""
        keys = self._keys
        self._exact = keys.pop("exact", {})
        starts, ends = keys.pop("prefix", {}), keys.pop("suffix", {})
        if starts:
            self._starts = _Sorted({str(one): rules for one, rules in starts.items()})
        if ends:
            self._ends = _Sorted({str(one)[::-1]: rules for one, rules in ends.items()})
        texts = [(str(one), tuple(all_)) for one, all_ in keys.pop("text", {}).items()]
        patterns: list[tuple[str, tuple[int, ...]]] = []
        if len(texts) <= TEXTS_MAX and self.look.fold is None:
            self._texts = tuple(texts)
        else:
            patterns = [(quoted(one), all_) for one, all_ in texts]
        patterns += [(str(one), tuple(all_)) for one, all_ in keys.pop("pattern", {}).items()]
        if not patterns:
            return
        try:
            # Text that was folded is found in either case, which only finds more.
            self._sets = tuple(PatternSet.of(patterns, case_sensitive=self.look.fold is None))
        except PatternRefused:
            self._blind = True

    def find(self, value: object, facts: Mapping[str, object], into: set[int]) -> None:
        """Add the rules whose keys are found in *value*, or all of them if that is not known."""
        if type(value) is self._plain_type:
            found = self._find_in(value, into) if type(value) is str else True
            if self._exact:
                into.update(self._exact.get(value, ()))
            if not found:
                into |= self._all
            return
        for one in self._read(value, facts):
            if one is None or not self._find_one(one, into):
                into |= self._all
                return

    def _find_one(self, value: object, into: set[int]) -> bool:
        """Add the rules whose keys are found in one value; false: that cannot be told."""
        if self._exact:
            numbers = self._exact.get(value)
            if numbers is not None:
                into.update(numbers)
        return not isinstance(value, str) or self._find_in(value, into)

    def _find_in(self, text: str, into: set[int]) -> bool:
        if self._starts is not None:
            self._starts.find(text, into)
        if self._ends is not None:
            self._ends.find(text[-self._ends.longest :][::-1], into)
        for one, numbers in self._texts:
            if one in text:
                into.update(numbers)
        if self._blind:
            return False
        try:
            if not self._sets:
                # A matcher of several operators may hold a pattern beside what was looked up.
                return text.isascii() or bool(text.encode())
            data = text.encode()
        except UnicodeEncodeError:
            return False  # each rule says for itself that it cannot be evaluated
        for patterns in self._sets:
            hits = patterns.search(data)
            if hits == patterns.nothing:
                continue
            found = patterns.values_of(hits)
            if found is None:
                return False
            into.update(*found)
        return True

    def _read(self, value: object, facts: Mapping[str, object]) -> Iterable[object]:
        """What keys are looked up in; ``None`` for what cannot be known."""
        look = self.look
        types = PYTHON_TYPES[look.element]
        if not look.is_list:
            if type(value) not in types:
                return (None,)
            if look.form == "plain":
                return (value,)
            elements: Sequence[object] = (value,)
        elif not isinstance(value, (list, tuple)) or len(value) > ELEMENTS_MAX:
            return (None,)
        else:
            elements = value
        return _forms(look, types, elements, facts)


def _forms(
    look: Look, types: tuple[type, ...], elements: Sequence[object], facts: Mapping[str, object]
) -> Iterator[object]:
    """Every form in which a matcher compares one of *elements*."""
    real_paths = facts.get(REAL_PATHS) if look.form == "path" else None
    links = real_paths if isinstance(real_paths, Mapping) else {}
    fold = look.fold
    for one in elements:
        if type(one) not in types:
            yield None
        elif not isinstance(one, str):
            yield one
        elif HOLE in one:
            yield None  # any key may stand where the hole is
        elif look.form == "plain":
            yield one
        elif look.form == "hosts":
            for host in hosts_of(one):
                yield host if isinstance(host, str) else None
        else:
            yield fold(one) if fold else one
            real = links.get(one, one)
            if type(real) is not str:
                yield None
            elif real != one:
                yield fold(real) if fold else real


class _Sorted:
    """Finds which of many texts another one begins with, by one search in their sorted list."""

    def __init__(self, rules: Mapping[str, Sequence[int]]) -> None:
        self.longest = max(map(len, rules))
        self._texts = sorted(rules)
        self._rules = [rules[one] for one in self._texts]
        # Most texts begin with a sign that none of these begins with.
        self._signs = None if "" in rules else frozenset(one[0] for one in rules)
        # Of each text the longest other one that it begins with.
        self._shorter: list[int] = []
        for at, text in enumerate(self._texts):
            before = at - 1
            while before >= 0 and not text.startswith(self._texts[before]):
                before = self._shorter[before]
            self._shorter.append(before)

    def find(self, text: str, into: set[int]) -> None:
        """Add the rules of every text that *text* begins with."""
        if self._signs is not None and text[:1] not in self._signs:
            return
        # All of those begin the last text that sorts before *text*, too.
        at = bisect_right(self._texts, text) - 1
        while at >= 0:
            if text.startswith(self._texts[at]):
                into.update(self._rules[at])
            at = self._shorter[at]
