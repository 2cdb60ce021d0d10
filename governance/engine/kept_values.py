"""
What lies beside the rows and is made of them, held against them: contents that rows name, states
and indices of scopes, and figures.

All of it is looked at in one walk over the rows of those sessions that hold by their chains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from itertools import islice

from attrs import field

from governance._attrs import define, frozen
from governance.analytics.checking import FiguresCheck
from governance.analytics.projection import catch_up
from governance.chat.contents import is_content
from governance.engine.context_search import INDEX, UNSHARED, scope_of
from governance.engine.context_states import STATE, ContextStates
from governance.engine.kept_states import kept_findings, make_anew
from governance.engine.restoring import CONTENTS
from governance.errors import GovernanceError, JournalError
from governance.formats import body_of
from governance.journal.caches import FINDINGS_MAX, KEPT, Caching
from governance.journal.encrypted import as_stored
from governance.journal.records import BRANCH_DEPTH_MAX, Entry, Finding, Journal, Record, Shelf
from governance.journal.session_values import (
    BLOB_SHELF,
    INDEX_SHELF,
    SESSION_SIGN,
    session_of,
    shelf_name,
    values_of,
)
from governance.journal.vault import opener_in, session_scope, shelf_scope
from governance.scopes.contents import ContextLost
from governance.scopes.indexing import WordIndex, words_of_value
from governance.scopes.packing import unpacked_state
from governance.scopes.unshared import UnsharedHeads
from governance.scopes.values import PROJECT, Scope
from governance.values import ValueRefused

INDEX_OF_MESSAGES = "@messages"
FIGURES = "@figures"
"""What is said to be made anew that belongs to no session."""

KEY = "key"
"""What a finding is about where the key is lost that opened a session."""

_KEY_LOST = "the key of its session is gone, and nobody erased it: nobody can read its rows"

_CACHES = ("rollup", "health")
"""Shelves of what belongs to no session and is made anew."""

PAGE_ROWS = 1_000
PAGE_ENTRIES = 100


@frozen
class Kept:
    """
    What is wrong with what a store keeps of its rows.

    Attributes:
        caches: Of what the journal itself keeps: the index of messages, damaged snapshots.

        states: Of states of sessions that are not what their rows tell.

        values: Of what lies on shelves: states and indices of scopes, and figures.

        lost: Of contents that rows name, and of keys that opened them: those are made of nothing.
    """

    caches: tuple[Finding, ...]
    states: tuple[Finding, ...]
    values: tuple[Finding, ...]
    lost: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.caches + self.states + self.values + self.lost

    @property
    def mendable(self) -> tuple[str, ...]:
        """What `made_anew` would give."""
        of_store = [INDEX_OF_MESSAGES] if self.caches else []
        of_store += [FIGURES] if any(not one.session for one in self.values) else []
        named = (one.session for one in self.values + self.states if one.session)
        return (*of_store, *dict.fromkeys(named))


def kept_in(journal: Journal, blamed: Set[str]) -> Kept:
    """
    What is wrong with what *journal*, in its stored form, keeps; reads all rows.

    Args:
        blamed: Sessions of which something else was found; they are passed over.

    Raises:
        JournalError: The store cannot be read.
    """
    caches = journal.cache_findings() if isinstance(journal, Caching) else ()
    told = {one.session for one in caches}
    values = KeptValues(journal, blamed).findings()
    return Kept(
        caches,
        tuple(
            one
            for name in _names(journal)
            if name not in blamed and name not in told
            for one in kept_findings(journal, name)
        ),
        tuple(one for one in values if one.what == KEPT),
        tuple(one for one in values if one.what != KEPT),
    )


def made_anew(journal: Journal, found: Kept) -> Iterator[str]:
    """
    Keep what the rows tell in place of what was *found*; gives what it was that was mended.

    Names of sessions, or `INDEX_OF_MESSAGES` and `FIGURES`. What was removed before is no longer
    counted in figures that are counted anew.

    Raises:
        JournalError: The store cannot be read or written.
    """
    stored = as_stored(journal)
    if found.caches and isinstance(stored, Caching):
        stored.drop_caches()
        yield INDEX_OF_MESSAGES
    scopes = dict.fromkeys(one.session for one in found.values if one.session)
    for session in scopes:
        for entry in tuple(values_of(stored.shelf, INDEX_SHELF, session)):
            stored.shelf.delete(INDEX_SHELF, entry.name)
    if any(not one.session for one in found.values):
        for shelf in _CACHES:
            _drop_closed(stored.shelf, shelf)
        catch_up(journal, anew=True)
        yield FIGURES
    yield from dict.fromkeys((*scopes, *make_anew(journal, found.states)))


def _closed_in(shelf: Shelf, kind: str) -> Iterator[Entry]:
    """The values of no session on the shelf *kind* that nobody can open, for a key is lost."""
    opens = opener_in(shelf, shelf_scope(kind))
    after = ""
    while page := shelf.scan(kind, after=after, limit=PAGE_ENTRIES):
        yield from (one for one in page if not session_of(one.name) and not opens(one.value))
        after = page[-1].name


def _drop_closed(shelf: Shelf, kind: str) -> None:
    for entry in tuple(_closed_in(shelf, kind)):
        shelf.delete(kind, entry.name)


def _names(journal: Journal) -> Iterator[str]:
    after = ""
    while page := journal.sessions(after=after, limit=PAGE_ROWS):
        yield from (head.session for head in page)
        after = page[-1].session


@define(eq=False, repr=False)
class KeptValues:
    """
    One look at *journal* in its stored form; what is sealed is passed over, for it takes a key.

    Attributes:
        blamed: Sessions of which something else was found; they are passed over.
    """

    journal: Journal
    blamed: Set[str]
    _states: ContextStates = field(init=False)
    _sharing: set[str] = field(factory=set, init=False)
    _parents: dict[str, str] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._states = ContextStates(lambda: self.journal, scopes_held_max=1)

    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, at most `FINDINGS_MAX`."""
        return tuple(islice(self._findings(), FINDINGS_MAX))

    def _findings(self) -> Iterator[Finding]:
        figures = FiguresCheck(self.journal, self.blamed)
        for session, base in self._sessions(figures):
            yield from self._of_rows(session, base, figures)
        for kind in _CACHES:
            if next(_closed_in(self.journal.shelf, kind), None) is not None:
                yield Finding(KEPT, "", 0, f"the key is gone of what is kept as `{kind}`")
        for name in figures.wrong():
            why = f"the figures that are kept as `{name}` are not what the rows come to"
            yield Finding(KEPT, "", 0, why)
        yield from self._of_scopes()

    def _sessions(self, figures: FiguresCheck) -> Iterator[tuple[str, int]]:
        """Every session that can be read, and the row after which its own begin."""
        for one in figures.moved():
            if one.session not in self.blamed:
                origin = self.journal.origin(one.session)
                if origin is not None:
                    self._parents[one.session] = origin.parent
                base = origin.seq if origin is not None else 0
                figures.begin(one.session, base)
                yield one.session, base

    def _of_rows(self, session: str, base: int, figures: FiguresCheck) -> Iterator[Finding]:
        after = base
        opens = opener_in(self.journal.shelf, session_scope(session))
        closed = False
        while True:
            try:
                page = self.journal.read(session, after=after, limit=PAGE_ROWS)
            except JournalError:
                figures.pass_over(session)  # what is wrong is found where the rows are walked
                return
            if not page:
                return
            for record in page:
                figures.add(record)
                if not closed and not opens(record.body):
                    closed = True
                    yield Finding(KEY, session, record.seq, _KEY_LOST)
                if record.kind in CONTENTS:
                    yield from self._of_contents(record)
                if record.kind == "context.granted":
                    self._sharing.add(session)
            after = page[-1].seq

    def _of_contents(self, record: Record) -> Iterator[Finding]:
        for blob, size in _named(record):
            entry = self._value(BLOB_SHELF, shelf_name(record.session, blob))
            if entry is None or not is_content(entry.value, blob, size):
                lost = "is not in the store" if entry is None else "is not what was kept"
                why = f"the content `{blob}` that the row names {lost}"
                yield Finding("unreadable", record.session, record.seq, why)

    def _value(self, shelf: str, name: str) -> Entry | None:
        try:
            return self.journal.shelf.get(shelf, name)
        except JournalError:
            return None

    # -- scopes -------------------------------------------------------------------

    def _of_scopes(self) -> Iterator[Finding]:
        looks: Mapping[str, tuple[Callable[[Scope, bytes], bool], str]] = {
            STATE: (self._is_state, "the state that is kept of its contexts is not what rows tell"),
            INDEX: (self._is_index, "the index of its contexts is not what they hold"),
            UNSHARED: (self._is_unshared, "contexts that are shared are kept as not shared"),
        }
        for name, value in self._values(INDEX_SHELF):
            session = session_of(name)
            look = looks.get(name.rpartition(SESSION_SIGN)[2])
            scope = scope_of(session)
            if look is None or scope is None or session in self.blamed:
                continue
            try:
                sound = look[0](scope, value)
            except GovernanceError:
                continue  # what cannot be read is found where the rows are walked
            if not sound:
                yield Finding(KEPT, session, 0, look[1])

    def _values(self, shelf: str) -> Iterator[tuple[str, bytes]]:
        after = ""
        while True:
            try:
                page = self.journal.shelf.scan(shelf, after=after, limit=PAGE_ENTRIES)
            except JournalError:
                return  # as above
            if not page:
                return
            for entry in page:
                yield entry.name, entry.value
            after = page[-1].name

    def _is_state(self, scope: Scope, value: bytes) -> bool:
        """Whether the kept state is what its rows tell, or is one that everybody passes over."""
        found = unpacked_state(scope, value)
        if found is None:
            return True
        state, hash_ = found
        row = self.journal.read(scope.journal, after=max(state.head - 1, 0), limit=1)
        if not row or row[0].seq != state.head or row[0].hash != hash_:
            return True
        return self._states.at(scope, state.head) == state

    def _is_index(self, scope: Scope, value: bytes) -> bool:
        index = WordIndex.unpacked(value)
        if index is None:
            return True
        values = self._states.newest(scope).values

        def words(name: tuple[str, str]) -> tuple[str, ...] | None:
            try:
                return words_of_value(name[1], self._states.content(scope, values[name]))
            except ContextLost:
                return None  # said of the row that names it

        return index.tells({name: one.seq for name, one in values.items()}, words)

    def _is_unshared(self, scope: Scope, value: bytes) -> bool:
        heads = UnsharedHeads.unpacked(value)
        if heads is None or scope != PROJECT:
            return True
        for session in sorted(self._sharing | self._sharing_branches()):
            one, head = scope_of(session), self.journal.head(session)
            if one is not None and head.hash in heads:
                state = self._states.newest(one)
                if state.head == head.seq and state.grants and state.values:
                    return False
        return True

    def _sharing_branches(self) -> set[str]:
        """Sessions that have rows of one that shares something."""
        found: set[str] = set()
        for session in self._parents:
            above: str | None = session
            for _ in range(BRANCH_DEPTH_MAX):
                above = self._parents.get(above) if above is not None else None
                if above in self._sharing:
                    found.add(session)
        return found


def _named(record: Record) -> Iterator[tuple[str, int]]:
    """Contents on the shelf that *record* names, with their sizes."""
    try:
        data = body_of(record).get("data")
    except ValueRefused:
        return  # it is sealed
    named = data.get(CONTENTS[record.kind]) if isinstance(data, Mapping) else None
    for one in named if isinstance(named, (list, tuple)) else ():
        blob = one.get("blob") if isinstance(one, Mapping) else None
        size = one.get("size_bytes") if isinstance(one, Mapping) else None
        if isinstance(blob, str) and blob and isinstance(size, int):
            yield blob, size
