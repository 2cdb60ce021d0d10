"""
Searching contexts: leave is asked first, an index says what may fit, and that is read.

The index of a scope lies beside its journal, sealed where the store is, by the key of the
session that it belongs to. It is brought up to date when it is asked, so that writing costs no
more; where it cannot be kept, it is made anew. Scopes are gone through one after the other, so
that however many there are, no more is in memory than what is given and one of them. A scope that
shares nothing is read once and then passed over by its head, until that has moved.
"""

from __future__ import annotations

import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from heapq import nlargest
from itertools import islice
from operator import attrgetter
from typing import TypeAlias

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.engine.context_states import ContextStates
from governance.errors import JournalError, MisuseError, SessionErased, StoreDamaged
from governance.journal.records import Head, Journal, Shelf
from governance.journal.searching import Query, Statistics, check_search, fits, score_of
from governance.journal.session_values import INDEX_SHELF, shelf_name
from governance.scopes.contents import ContextLost
from governance.scopes.indexing import WordIndex, words_of_value
from governance.scopes.state import Name, ScopeState, Stored
from governance.scopes.unshared import UnsharedHeads
from governance.scopes.values import PROJECT, Reader, Scope
from governance.values import ValueRefused, dump_json, load_json

INDEX = "words"
"""How the index of a scope is named behind its journal."""

UNSHARED = "unshared"
"""How the heads that share nothing are named, behind the journal of the project's contexts."""

SCOPES_MAX = 100_000
"""Scopes that one search of everything reads; those that it passes over do not count."""

UNREAD_MAX = 1_000
"""Values that could not be searched of which one answer names each."""

INDICES_HELD_MAX = 8
_KEPT_SHARE = 20
"""An index is written again once more than a twentieth of it is new."""

CODES: Mapping[str, str] = {
    "GOV585": "a mark that no search of contexts has given",
    "GOV586": "a search that would have to read more scopes than it may",
}

Order: TypeAlias = tuple[float, int, str, int, Name]
"""By what the best, and of those the newest, come first."""

_MARK_CHARS_MAX = 4_096
_PAGE_SESSIONS = 500


@frozen
class Place:
    """A value that was found, before it is given."""

    scope: Scope
    name: Name
    stored: Stored
    words: tuple[str, ...]
    score: float = 0.0

    @property
    def order(self) -> Order:
        """Where it stands among others; unlike that of any other."""
        stored = self.stored
        return self.score, stored.at_ms, str(self.scope), stored.seq, self.name


@frozen
class Places:
    """
    What a search came to.

    Attributes:
        unread: Values that may be seen and could not be searched, for their content is lost.

        mark: What to go on from; ``""``: that was all.
    """

    found: tuple[Place, ...]
    unread: tuple[tuple[Scope, Name], ...]
    mark: str = ""


def mark_of(place: Place) -> str:
    """What stands for *place* in a list that goes on behind it."""
    score, at_ms, scope, seq, name = place.order
    return urlsafe_b64encode(dump_json([score, at_ms, scope, seq, *name])).decode().rstrip("=")


def order_of(mark: str) -> Order:
    """
    What `mark_of` was given.

    Raises:
        MisuseError: GOV585, it is none.
    """
    try:
        if len(mark) > _MARK_CHARS_MAX:
            raise ValueError
        found = load_json(urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
    except (ValueError, ValueRefused):
        found = None
    match found:
        case [float() | int() as score, int() as at_ms, str() as scope, int() as seq,
              str() as kind, str() as key]:  # fmt: skip
            return float(score), at_ms, scope, seq, (kind, key)
        case _:
            raise MisuseError(
                f"`{mark[:80]}` is no mark of a search",
                code="GOV585",
                remedy="take the one that the answer before gave, or none to begin",
            )


def scopes_in(journal: Journal) -> Iterator[tuple[Scope, Head]]:
    """Every scope that has a row in *journal*, which leaves out what may not be seen."""
    after = ""
    while page := journal.sessions(after=after, limit=_PAGE_SESSIONS):
        for head in page:
            scope = scope_of(head.session)
            if scope is not None:
                yield scope, head
        after = page[-1].session


def scope_of(journal: str) -> Scope | None:
    """The scope whose rows stand in *journal*; ``None``: that is for something else."""
    if journal == PROJECT.journal:
        return PROJECT
    user = journal.removeprefix(f"{PROJECT.journal}:")
    if user != journal:
        return Scope("user", user)
    return None if journal.startswith("@") else Scope("session", journal)


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
    _unshared: UnsharedHeads | None = field(default=None, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def everywhere(self, by: Reader, damaged: list[Scope]) -> Iterator[Scope]:
        """
        The scopes of the store in which *by* may see something, and others that share something.

        Args:
            damaged: Gets those that cannot be read.

        Raises:
            MisuseError: GOV586, it would have to read more than `SCOPES_MAX`. What was read and
                shares nothing is passed over the next time.
        """
        unshared = self._unshared_heads()
        count = 0
        try:
            for scope, head in scopes_in(self.states.journal):
                owns = ScopeState(scope).owns(by)
                if not owns and head.hash in unshared:
                    continue
                count += 1
                if count > SCOPES_MAX:
                    raise MisuseError(
                        f"more than {SCOPES_MAX:,} scopes would have to be read",
                        code="GOV586",
                        remedy="search again, for those that share nothing are passed over now, "
                        "or name the scopes",
                    )
                try:
                    shares = self._shares(scope, head, unshared)
                except StoreDamaged:
                    damaged.append(scope)
                    continue
                if shares or (owns and shares is not None):
                    yield scope
        finally:
            self._keep_unshared(unshared)

    def _shares(self, scope: Scope, head: Head, unshared: UnsharedHeads) -> bool | None:
        """Whether others than its owner may see something in *scope*; ``None``: it is erased."""
        shares: bool | None = None
        seq = head.seq
        # What was erased nobody reads again; whoever names it is told so.
        with suppress(SessionErased):
            state = self.states.newest(scope)
            shares, seq = bool(state.grants and state.values), state.head
        # What is known of a later row says nothing of this one, which others may branch off.
        if not shares and seq == head.seq:
            with self._lock:
                if head.hash not in unshared:
                    unshared.add(head.hash)
        return shares

    def find(
        self,
        query: Query,
        scopes: Callable[[], Iterable[Scope]],
        *,
        by: Reader,
        kind: str | None,
        hidden: bool,
        ranked: bool,
        limit: int,
        after: str = "",
    ) -> Places:
        """
        As `Contexts.search`.

        Args:
            scopes: Gives those to be searched, each once, and again when it is asked again.
        """
        check_search(limit)
        order = order_of(after) if after else None
        seen = _Seen(self.states, scopes, by, kind, hidden)
        counted = _Counted(query)
        if ranked:
            for scope, state, values in seen:
                with self._lock:
                    counted.add(self._index(scope, state)[0], values)
        statistics = counted.statistics()
        unread: list[tuple[Scope, Name]] = []

        def found() -> Iterator[Place]:
            for scope, state, values in seen:
                with self._lock:
                    index, lost = self._index(scope, state)
                    names = index.holding(counted.words) & values.keys()
                unread.extend((scope, name) for name in lost if name in values)
                del unread[UNREAD_MAX:]
                fitting = self._fitting(scope, query, {name: values[name] for name in names})
                if ranked:
                    fitting = (evolve(one, score=score_of(one.words, statistics))
                               for one in fitting)  # fmt: skip
                later = (one for one in fitting if order is None or one.order < order)
                # Without an order of its own the newest of each scope are enough.
                yield from later if ranked else islice(later, limit + 1)

        best = nlargest(limit + 1, found(), key=attrgetter("order"))
        mark = mark_of(best[limit - 1]) if len(best) > limit else ""
        told = sorted(unread, key=lambda one: (str(one[0]), one[1]))
        return Places(tuple(best[:limit]), tuple(told), mark)

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

    def _unshared_heads(self) -> UnsharedHeads:
        with self._lock:
            if self._unshared is None:
                entry = None
                with suppress(JournalError):
                    entry = self.shelf.get(INDEX_SHELF, shelf_name(PROJECT.journal, UNSHARED))
                kept = UnsharedHeads.unpacked(entry.value) if entry is not None else None
                self._unshared = kept or UnsharedHeads()
            return self._unshared

    def _keep_unshared(self, unshared: UnsharedHeads) -> None:
        with self._lock:
            if unshared.new * _KEPT_SHARE > len(unshared):
                # A store that may only be read is searched all the same.
                with suppress(JournalError):
                    name = shelf_name(PROJECT.journal, UNSHARED)
                    self.shelf.put(INDEX_SHELF, name, unshared.packed())

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


@frozen
class _Seen:
    """The scopes that are searched, each with what of it may be seen; those with nothing not."""

    states: ContextStates
    scopes: Callable[[], Iterable[Scope]]
    by: Reader
    kind: str | None
    hidden: bool

    def __iter__(self) -> Iterator[tuple[Scope, ScopeState, Mapping[Name, Stored]]]:
        for scope in self.scopes():
            state = self.states.newest(scope)
            seen = {
                name: stored
                for name, stored in state.values.items()
                if (self.kind is None or name[0] == self.kind)
                and (self.hidden or not stored.hidden)
                and state.may(self.by, *name, "read")
            }
            if seen:
                yield scope, state, seen


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
