"""The scopes of a store as their rows leave them: a cache that catches up by sequence."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

from attrs import field

from governance._attrs import define
from governance.errors import JournalError
from governance.formats import body_of
from governance.journal.records import Journal, Record, Shelf
from governance.journal.session_values import BLOB_SHELF, INDEX_SHELF, shelf_name
from governance.scopes.contents import decoded
from governance.scopes.limits import ContextLimits
from governance.scopes.packing import packed_state, unpacked_state
from governance.scopes.state import KINDS_OF_ROWS, Name, ScopeState, Stored, apply
from governance.scopes.values import Scope
from governance.values import Json

PAGE_ROWS = 500
STATE = "state"
"""How the kept state of a scope is named behind its journal."""

SNAPSHOT_ROWS = 1_000

_VALUE_BYTES = 700
"""About what a value takes in memory beside what it says."""


@define(eq=False, repr=False)
class ContextStates:
    """
    Folds of scopes. Thread-safe; every method raises `JournalError` as its journal does.

    Attributes:
        visible: Gives the store as it may be seen now.

        scopes_held_max, held_bytes_max: Scopes that are held, and what they may take, but for
            the one that was asked last; the one that was asked longest ago goes first.

        shelf: Where states are kept for engines that are started later; ``None``: nowhere.

        snapshot_rows: Rows of a scope's journal after which its state is kept again.
    """

    visible: Callable[[], Journal]
    scopes_held_max: int = ContextLimits().scopes_held_max
    held_bytes_max: int = ContextLimits().held_bytes_max
    shelf: Shelf | None = None
    snapshot_rows: int = SNAPSHOT_ROWS
    _held: OrderedDict[Scope, tuple[ScopeState, bytes]] = field(factory=OrderedDict, init=False)
    _sizes: dict[Scope, int] = field(factory=dict, init=False)
    _unkept: dict[Scope, int] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    @property
    def journal(self) -> Journal:
        """The store, behind the grants that are in force now."""
        return self.visible()

    def newest(self, scope: Scope) -> ScopeState:
        """*scope* as all of its rows leave it; reads those that are new since it was asked."""
        with self._lock:
            try:
                return self._newest(scope)
            except JournalError:
                # What cannot be read now may be erased: it is not kept in memory either.
                self._forget(scope)
                raise

    def _newest(self, scope: Scope) -> ScopeState:
        before, hash_ = self._held.get(scope) or self._kept(scope) or (ScopeState(scope), b"")
        # Its last row tells whether it still is what was read: the session may be gone.
        records = list(self.rows(scope, max(before.head - 1, 0)))
        if before.head and records and records[0].hash == hash_:
            del records[0]
        elif before.head:
            before, records = ScopeState(scope), list(self.rows(scope, 0))
        state = self._caught_up(before, records)
        self._keep(state, records)
        if records or scope not in self._sizes:
            self._sizes[scope] = _held_bytes(state)
        self._held[scope] = state, records[-1].hash if records else hash_
        self._held.move_to_end(scope)
        while len(self._held) > 1 and (
            len(self._held) > self.scopes_held_max
            or sum(self._sizes.values()) > self.held_bytes_max
        ):
            self._forget(next(iter(self._held)))
        return state

    def _forget(self, scope: Scope) -> None:
        self._held.pop(scope, None)
        self._sizes.pop(scope, None)
        self._unkept.pop(scope, None)

    @property
    def held(self) -> tuple[Scope, ...]:
        """The scopes that are in memory, the one asked longest ago first."""
        with self._lock:
            return tuple(self._held)

    def _kept(self, scope: Scope) -> tuple[ScopeState, bytes] | None:
        """The state of *scope* that some engine kept, and the hash of its last row."""
        if self.shelf is None:
            return None
        try:
            entry = self.shelf.get(INDEX_SHELF, shelf_name(scope.journal, STATE))
        except JournalError:
            # A cache that cannot be read is made anew; a store that cannot, says so by then.
            return None
        return unpacked_state(scope, entry.value) if entry is not None else None

    def _keep(self, state: ScopeState, records: list[Record]) -> None:
        """Keep *state*, which ends with *records*, once so many have come."""
        scope = state.scope
        count = self._unkept.get(scope, 0) + len(records)
        if self.shelf is not None and records and count >= self.snapshot_rows:
            value = packed_state(state, records[-1].hash)
            if value is not None:
                # A store that may only be read is read all the same.
                with suppress(JournalError):
                    self.shelf.put(INDEX_SHELF, shelf_name(scope.journal, STATE), value)
            count = 0
        self._unkept[scope] = count

    def _caught_up(self, state: ScopeState, records: list[Record]) -> ScopeState:
        if any(one.kind == "context.reset" for one in records):
            # A reset goes back behind what is held, so all is folded anew.
            return self.at(state.scope, records[-1].seq)
        for record in records:
            state = apply(state, record, _body(record))
        return state

    def at(self, scope: Scope, seq: int) -> ScopeState:
        """*scope* as its rows up to *seq* leave it."""
        last = deque(self._folded(scope, seq), maxlen=1)
        return last[0][1] if last else ScopeState(scope)

    def base(self, target: Scope, source: Scope, since: int) -> Mapping[Name, Stored]:
        """
        What a merge of *source* into *target* goes out from: row *since* of *source*, up to
        which it was merged before, else the last row that two sessions share, else nothing.
        """
        if since:
            return self.at(source, since).values
        if target.kind != "session" or source.kind != "session":
            return {}
        theirs = self._lineage(source.name)
        for owner, upto in self._lineage(target.name).items():
            if owner in theirs:
                return self.at(source, min(upto, theirs[owner])).values
        return {}

    def _lineage(self, session: str) -> dict[str, int]:
        """*session* and those that it stems from, each with the last row that it has of them."""
        upto = self.journal.head(session).seq
        found = {session: upto}
        origin = self.journal.origin(session)
        while origin is not None:
            upto = min(upto, origin.seq)
            found[origin.parent] = upto
            origin = self.journal.origin(origin.parent)
        return found

    def all_values(self, scope: Scope) -> Iterator[tuple[Name, Stored]]:
        """Every value that was ever set in *scope*, in order, so the newest of a name last."""
        for record, state in self._folded(scope, self.newest(scope).head):
            for name in touched(record):
                stored = state.values.get(name)
                if stored is not None and stored.seq == record.seq:
                    yield name, stored

    def _folded(self, scope: Scope, upto: int) -> Iterator[tuple[Record, ScopeState]]:
        """Each row up to *upto* with the state after it; two passes, however many resets."""
        targets = {
            int(_data(record)["to_seq"])
            for record in self.rows(scope, 0, upto)
            if record.kind == "context.reset"
        }
        past: dict[int, Mapping[Name, Stored]] = {0: {}}
        state = ScopeState(scope)
        for record in self.rows(scope, 0, upto):
            values = past.get(int(_data(record)["to_seq"]), {}) if _is_reset(record) else None
            state = apply(state, record, _body(record), values)
            if record.seq in targets:
                past[record.seq] = state.values
            yield record, state

    def rows(self, scope: Scope, after: int, upto: int | None = None) -> Iterator[Record]:
        """The rows of the scope's journal with ``after < seq <= upto``, of every kind."""
        before = upto + 1 if upto is not None else None
        while page := self.journal.read(scope.journal, after=after, before=before, limit=PAGE_ROWS):
            yield from page
            after = page[-1].seq
            if len(page) < PAGE_ROWS:
                return

    def content(self, scope: Scope, stored: Stored) -> Json:
        """
        The value that *stored* stands for.

        Raises:
            ContextLost: Its content is not on the shelf, or not what was put there.
        """
        if not stored.blob:
            return stored.value
        name = shelf_name(stored.owner or scope.journal, stored.blob)
        entry = self.journal.shelf.get(BLOB_SHELF, name)
        content = entry.value if entry is not None else None
        return decoded(content, stored.blob, stored.size_bytes)


def _held_bytes(state: ScopeState) -> int:
    """About what *state* takes in memory."""
    inline = (one.size_bytes for one in state.values.values() if not one.blob)
    return _VALUE_BYTES * (len(state.versions) + 1) + sum(inline)


def touched(record: Record) -> tuple[Name, ...]:
    """Names of the values that *record* sets, takes out or hides."""
    if record.kind not in KINDS_OF_ROWS:
        return ()
    data = _data(record)
    made = [(str(one["kind"]), str(one["key"])) for one in data.get("set") or ()]
    made += [(str(kind), str(key)) for kind, key in data.get("unset") or ()]
    made += [(str(kind), str(key)) for kind, key in data.get("hide") or ()]
    return tuple(made)


def _is_reset(record: Record) -> bool:
    return record.kind == "context.reset"


def _data(record: Record) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", body_of(record)["data"])


def _body(record: Record) -> Mapping[str, Json]:
    return body_of(record) if record.kind in KINDS_OF_ROWS else {}
