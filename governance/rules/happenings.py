"""
What of an event a session remembers: patterns of past events, and the keys they are kept by.

A pattern is tried when its event is decided. What it said goes with an open call as a *mark*,
so that the outcome, which often comes without the call's arguments, still finds it.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import product
from math import prod

from governance._attrs import frozen
from governance.rules.deferred import fact_of
from governance.rules.fact_table import MISSING, TOOL_EVENTS, Unknown
from governance.rules.facts import GUESSED, one_by_one
from governance.rules.kleene import Truth, all_of
from governance.rules.matchers import REAL_PATHS
from governance.rules.matching import Condition, Match
from governance.rules.partial import HOLE, PARTLY
from governance.rules.targets import ToolTest
from governance.rules.verdicts import RuleEvent
from governance.values import Json, ValueRefused, dump_json

KEYS_OF_EVENT_MAX = 64
"""Keys that one event may have; of one with more it is not known which."""

RESULT_FACTS = ("output", "outcome", "exit_code", "error", "duration_ms")
"""Facts that come with a result: of an event that is only asked, they say nothing yet."""

ALL_KEYS = ""
"""The key of what is not kept apart."""


@frozen
class Mark:
    """
    What one pattern said of one event.

    Attributes:
        pattern: The pattern's id.

        sure: The keys under which the event is surely one of the pattern's.

        maybe: Those under which it may be; ``None``: under any.
    """

    pattern: str
    sure: tuple[str, ...]
    maybe: tuple[str, ...] | None

    def as_json(self) -> Json:
        """The mark in a row."""
        return [
            self.pattern,
            list(self.sure),
            None if self.maybe is None else [one for one in self.maybe if one not in self.sure],
        ]

    @classmethod
    def from_json(cls, data: Sequence[Json]) -> Mark:
        """
        The mark that `as_json` wrote.

        Raises:
            TypeError, ValueError: It is none.
        """
        pattern, sure, more = data
        if not isinstance(pattern, str) or not isinstance(sure, (list, tuple)):
            raise TypeError("a mark is a pattern and its keys")
        known = tuple(str(one) for one in sure)
        if more is None:
            return cls(pattern, known, None)
        if not isinstance(more, (list, tuple)):
            raise TypeError("the keys of a mark are a list")
        return cls(pattern, known, (*known, *(str(one) for one in more)))


@frozen(kw_only=True, eq=False)
class Pattern:
    """
    One kind of past event, compiled.

    Attributes:
        id: Hash of what it means: alike for the same pattern in any rule.

        on: ``tool``, ``tool-result``, ``prompt``, ``command``.

        match: What is asked of the event itself.

        result: What is asked of a result beside it.

        late: All of it is asked of the result, where the host tells the call again.

        same: Facts whose values make the key, each with whether it is a path.

        groups: Facts of the result that tell keys apart further.
    """

    id: str
    on: str
    tools: ToolTest | None
    match: Match
    result: Condition | None
    late: bool
    same: tuple[tuple[str, bool], ...]
    groups: tuple[str, ...]
    fold: Callable[[str], str]

    @property
    def keyed(self) -> bool:
        """Whether its events are kept apart."""
        return bool(self.same or self.groups)

    def about(self, event: RuleEvent) -> bool:
        """Whether it is about events of this kind and tool."""
        if self.on not in TOOL_EVENTS or event.on not in TOOL_EVENTS:
            return self.on == event.on
        facts = event.facts
        tool = str(facts.get("tool"))
        native, host = str(facts.get("native") or ""), str(facts.get("host") or "")
        return self.tools is None or self.tools.holds(tool, native, host)

    def keys(self, facts: Mapping[str, object]) -> tuple[str, ...] | Unknown:
        """The keys of an event: one for each element of its list facts."""
        if not self.same:
            return (ALL_KEYS,)
        links = facts.get(REAL_PATHS)
        real = links if isinstance(links, Mapping) else {}
        columns: list[list[object]] = []
        for name, is_path in self.same:
            value = fact_of(facts, name)
            items = list(value) if isinstance(value, (list, tuple)) else [value]
            for at, one in enumerate(items):
                if isinstance(one, Unknown):
                    return one
                if isinstance(one, str) and HOLE in one:
                    return PARTLY
                if one is MISSING:
                    items[at] = None
                if is_path and isinstance(one, str):
                    items[at] = self.fold(str(real.get(one, one)))
            columns.append(items)
        if prod(map(len, columns)) > KEYS_OF_EVENT_MAX:
            return Unknown(f"more than {KEYS_OF_EVENT_MAX} things to tell apart")
        return tuple(dict.fromkeys(key_of(one) for one in product(*columns)))

    def missing(self, facts: Mapping[str, object]) -> str:
        """The first fact of `same` that an event has not, or ``""``."""
        return next((name for name, _ in self.same if fact_of(facts, name) in (None, MISSING)), "")

    def mark(self, events: Iterable[RuleEvent]) -> Mark | None:
        """What it says of one event, looked at once for each path that it names."""
        sure: dict[str, None] = {}
        maybe: dict[str, None] = {}
        any_key = False
        for event in events:
            truth = self._truth(event.facts)
            if truth is False:
                continue
            keys = self.keys(event.facts)
            if isinstance(keys, Unknown):
                any_key = True
                continue
            maybe.update(dict.fromkeys(keys))
            if truth is True and not event.facts.get(GUESSED):
                sure.update(dict.fromkeys(keys))
        if not maybe and not any_key:
            return None
        return Mark(self.id, tuple(sure), None if any_key else tuple(maybe))

    def _truth(self, facts: Mapping[str, object]) -> Truth:
        try:
            if self.late and self.result is not None:
                return all_of((self.match.test(facts), self.result.test(facts)))
            return self.match.test(facts)
        except Exception as error:  # noqa: BLE001 — what cannot be tried may have happened
            return Unknown(f"it could not be evaluated: {type(error).__name__}")

    def with_result(self, mark: Mark, facts: Mapping[str, object]) -> Mark | None:
        """*mark* of the call, now that its result is known."""
        truth: Truth = True
        if self.result is not None and not self.late:
            truth = self.result.test(facts)
        if truth is False:
            return None
        sure = mark.sure if truth is True else ()
        if not self.groups:
            return Mark(mark.pattern, sure, mark.maybe)
        group = key_of(tuple(_present(facts, name) for name in self.groups))
        maybe = None if mark.maybe is None else tuple(f"{one}/{group}" for one in mark.maybe)
        return Mark(mark.pattern, tuple(f"{one}/{group}" for one in sure), maybe)


def _present(facts: Mapping[str, object], name: str) -> object:
    value = fact_of(facts, name)
    return None if value is MISSING else value


def key_of(values: tuple[object, ...]) -> str:
    """
    A short key of *values*: a digest, so that no row of a journal tells them.

    What an event does not have is a value of its own.
    """
    try:
        encoded = dump_json([_plain(one) for one in values])
    except ValueRefused:
        encoded = repr(values).encode("utf-8", "replace")
    return urlsafe_b64encode(sha256(encoded).digest()[:12]).decode()


def _plain(value: object) -> Json:
    return value if isinstance(value, (str, int, float, bool)) or value is None else repr(value)


def marks_of(patterns: Sequence[Pattern], event: RuleEvent, *, late: bool) -> Iterator[Mark]:
    """
    What each of *patterns* says of *event*.

    Args:
        late: The event is a result: only patterns that wait for one are tried.
    """
    events: tuple[RuleEvent, ...] | None = None
    for pattern in patterns:
        if pattern.late != late:
            continue
        events = one_by_one(event) if events is None else events
        mark = pattern.mark(one for one in events if pattern.about(one))
        if mark is not None:
            yield mark
