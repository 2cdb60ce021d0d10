"""
Searching contexts: leave is asked first, an index says what may fit, and that is read.

The index of a scope lies beside its journal, sealed where the store is, by the key of the
session that it belongs to. It is brought up to date when it is asked, so that writing costs no
more; where it cannot be kept, it is made anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from heapq import nlargest
from operator import attrgetter

from attrs import define, field, frozen

from governance.engine.context_states import ContextStates
from governance.errors import JournalError
from governance.journal.records import Shelf
from governance.journal.searching import Query, Statistics, check_search, fits, score_of
from governance.journal.session_values import INDEX_SHELF, shelf_name
from governance.scopes.contents import ContextLost
from governance.scopes.indexing import WordIndex, words_of_value
from governance.scopes.state import Name, ScopeState, Stored
from governance.scopes.values import Reader, Scope

INDEX = "words"
"""How the index of a scope is named behind its journal."""

INDICES_HELD_MAX = 8
_KEPT_SHARE = 20
"""An index is written again once more than a twentieth of it is new."""


@frozen
class Place:
    """A value that was found, before it is given."""

    scope: Scope
    name: Name
    stored: Stored
    words: tuple[str, ...]
    score: float = 0.0

    @property
    def order(self) -> tuple[float, int, str, int, Name]:
        """By what the best, and of those the newest, come first."""
        stored = self.stored
        return self.score, stored.at_ms, str(self.scope), stored.seq, self.name


@frozen
class Places:
    """
    What a search came to.

    Attributes:
        unread: Values that may be seen and could not be searched, for their content is lost.
    """

    found: tuple[Place, ...]
    unread: tuple[tuple[Scope, Name], ...]


@define(eq=False, repr=False)
class ContextSearch:
    """
    Searches the scopes of *states*. Thread-safe.

    Attributes:
        shelf: Where indices are kept, whoever it is that searches.
    """

    states: ContextStates
    shelf: Shelf
    _held: OrderedDict[Scope, WordIndex] = field(factory=OrderedDict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def find(
        self,
        query: Query,
        scopes: Sequence[Scope],
        *,
        by: Reader,
        kind: str | None,
        hidden: bool,
        ranked: bool,
        limit: int,
    ) -> Places:
        """As `Contexts.search`."""
        check_search(limit)
        found: list[Place] = []
        unread: list[tuple[Scope, Name]] = []
        counted = _Counted(query)
        for scope in dict.fromkeys(scopes):
            state = self.states.newest(scope)
            seen = {
                name: stored
                for name, stored in state.values.items()
                if (kind is None or name[0] == kind)
                and (hidden or not stored.hidden)
                and state.may(by, *name, "read")
            }
            if not seen:
                continue
            with self._lock:
                index, lost = self._index(scope, state)
                names = index.holding(counted.words) & seen.keys()
                if ranked:
                    counted.add(index, seen)
            unread += [(scope, name) for name in lost if name in seen]
            fitting = self._fitting(scope, query, {name: seen[name] for name in names})
            # Without an order of its own the newest of each scope are enough.
            found += fitting if ranked else _first(fitting, limit)
        if ranked:
            statistics = counted.statistics()
            found = [
                Place(one.scope, one.name, one.stored, one.words, score_of(one.words, statistics))
                for one in found
            ]
        best = nlargest(limit, found, key=attrgetter("order"))
        return Places(tuple(best), tuple(sorted(unread, key=lambda one: (str(one[0]), one[1]))))

    def _fitting(self, scope: Scope, query: Query, names: Mapping[Name, Stored]) -> Iterator[Place]:
        """Those of *names* that hold *query*, the newest first; each is read when it is due."""
        newest = sorted(names, key=lambda one: (names[one].at_ms, names[one].seq, one))
        for name in reversed(newest):
            words = self._words(scope, name, names[name])
            if words is not None and fits(query, words):
                yield Place(scope, name, names[name], words)

    def _words(self, scope: Scope, name: Name, stored: Stored) -> tuple[str, ...] | None:
        try:
            return words_of_value(name[1], self.states.content(scope, stored))
        except ContextLost:
            return None

    def _index(self, scope: Scope, state: ScopeState) -> tuple[WordIndex, tuple[Name, ...]]:
        """The index of *scope* as *state* has it, and which values could not be read for it."""
        index = self._held.pop(scope, None) or self._kept(scope)
        if index is None or index.seq > state.head or not self._is_row(scope, index):
            index = WordIndex()
        count, unread = index.follow(
            state.values, lambda name, stored: self._words(scope, name, stored)
        )
        if index.seq != state.head:
            index.seq, index.hash = state.head, self._hash_at(scope, state.head)
        if count * _KEPT_SHARE > len(index):
            self._keep(scope, index)
        self._held[scope] = index
        while len(self._held) > INDICES_HELD_MAX:
            self._held.popitem(last=False)
        return index, unread

    def _kept(self, scope: Scope) -> WordIndex | None:
        try:
            entry = self.shelf.get(INDEX_SHELF, shelf_name(scope.journal, INDEX))
        except JournalError:
            # A cache that cannot be read is made anew; a store that cannot, says so by then.
            return None
        return WordIndex.unpacked(entry.value) if entry is not None else None

    def _keep(self, scope: Scope, index: WordIndex) -> None:
        value = index.packed()
        if value is not None:
            # A store that may only be read is searched all the same.
            with suppress(JournalError):
                self.shelf.put(INDEX_SHELF, shelf_name(scope.journal, INDEX), value)

    def _is_row(self, scope: Scope, index: WordIndex) -> bool:
        return not index.seq or self._hash_at(scope, index.seq) == index.hash

    def _hash_at(self, scope: Scope, seq: int) -> bytes:
        rows = self.states.journal.read(scope.journal, after=seq - 1, limit=1) if seq else ()
        return rows[0].hash if rows else b""


def _first(places: Iterator[Place], limit: int) -> list[Place]:
    return [one for one, _ in zip(places, range(limit), strict=False)]


@define(eq=False)
class _Counted:
    """What the values come to that the reader may see, and no others: figures tell as well."""

    query: Query
    _values: int = field(default=0, init=False)
    _length: int = field(default=0, init=False)
    _holding: dict[tuple[str, ...], int] = field(factory=dict, init=False)

    @property
    def words(self) -> set[str]:
        return {word for phrase in self.query.phrases for word in phrase}

    def add(self, index: WordIndex, seen: Mapping[Name, Stored]) -> None:
        self._values += len(seen)
        self._length += sum(map(index.length, seen))
        for phrase in self.query.phrases:
            holding = len(index.holding(phrase) & seen.keys())
            self._holding[phrase] = self._holding.get(phrase, 0) + holding

    def statistics(self) -> Statistics:
        return Statistics(self._values, self._length, self._holding)
