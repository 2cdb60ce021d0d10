"""
A journal whose bodies are encrypted at rest, over any other journal.

Bodies, snapshots and values on shelves are sealed before they reach the journal within, and
opened when they come back. The chain is the inner journal's and covers what is stored, so
`verify`, mirrors and exported heads need no key, and stay true when a key is destroyed.
Session ids, kinds, times and idempotency keys are not encrypted: they are what a store is
searched by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from attrs import evolve

from governance._attrs import define, frozen
from governance.errors import StoreBusy
from governance.journal.limits import (
    SESSIONS_MAX,
    check_append,
    check_entry,
    check_snapshot,
    check_value,
)
from governance.journal.records import (
    KEY_SHELF,
    Append,
    Appended,
    AppendsAlone,
    AppendsLater,
    Conflict,
    Duplicate,
    Entry,
    Head,
    Journal,
    Moved,
    Origin,
    Record,
    Row,
    Shelf,
    Snapshot,
    VerifyReport,
)
from governance.journal.sealing import (
    DataKey,
    SealBroken,
    broken,
    is_sealed,
    key_gone,
    row_bound,
    snapshot_bound,
    texts_bound,
)
from governance.journal.session_values import INDEX_SHELF, session_of
from governance.journal.vault import Vault, session_scope, shelf_scope
from governance.journal.verifying import verify_some

PLAIN_SHELVES = frozenset({KEY_SHELF, "lease", "archive", "archiving"})
"""Shelves that hold nothing of what was said or done."""

Answer = Appended | Conflict | Duplicate


def as_stored(journal: Journal) -> Journal:
    """
    *journal* as its store holds it: what is encrypted stays so.

    For what moves rows and needs no key: verifying, copying, archiving, backing up.
    """
    return journal.inner if isinstance(journal, EncryptedJournal) else journal


def encrypted(inner: Journal, vault: Vault) -> EncryptedJournal:
    """*inner* behind the keys of *vault*, with all that *inner* can do."""
    kind = EncryptedLaterJournal if isinstance(inner, AppendsLater) else EncryptedJournal
    return kind(inner, vault)


class _KeyMissing(Exception):
    """A session of a turn has no key yet."""

    def __init__(self, session: str) -> None:
        super().__init__(session)
        self.session = session


@define(eq=False, repr=False)
class EncryptedJournal:
    """
    A `Journal` over *inner*; made by `encrypted`. Thread-safe, as *inner* is.

    Every method raises what *inner* raises, and:

    * `SessionErased`: the session's key was destroyed.
    * `SealBroken`: a body was changed, or belongs to another row.
    * `WrongKey`: its key is wrapped by a key that is not at hand.
    """

    inner: Journal
    vault: Vault

    @property
    def shelf(self) -> Shelf:
        """The shelves, with their values opened."""
        return EncryptedShelf(self.inner.shelf, self.vault)

    def append(
        self,
        batch: Sequence[Append],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Answer:
        """As the contract says; a session's first append makes its key, durably, before it."""
        plain = check_append(batch, key)
        sealed = self._sealed(plain)
        return self._answer(plain, self.inner.append(sealed, key=key, deadline_ms=deadline_ms))

    def append_alone(
        self,
        session: str,
        decide: Callable[[], Sequence[Append]],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Answer:
        """As `governance.journal.records.AppendsAlone`; without turns within, a plain append."""
        if not isinstance(self.inner, AppendsAlone):
            return self.append(decide(), key=key, deadline_ms=deadline_ms)
        plain: tuple[Append, ...] = ()

        def sealed() -> Sequence[Append]:
            nonlocal plain
            given = decide()
            plain = check_append(given, key) if given else ()
            for one in plain:
                # Nothing but rows is written in a turn: a key is made outside of it.
                if self.vault.key_of(session_scope(one.session), make=False) is None:
                    raise _KeyMissing(one.session)
            return self._sealed(plain)

        for _ in range(SESSIONS_MAX + 1):
            try:
                answer = self.inner.append_alone(session, sealed, key=key, deadline_ms=deadline_ms)
            except _KeyMissing as missing:
                self.vault.key_of(session_scope(missing.session), make=True)
            else:
                return self._answer(plain, answer)
        raise StoreBusy("the keys of its sessions are gone as soon as they are made")

    def read(
        self,
        session: str,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        reverse: bool = False,
    ) -> tuple[Record, ...]:
        """As the contract says; rows from before encryption are given as they are."""
        found = self.inner.read(session, after=after, before=before, limit=limit, reverse=reverse)
        keys: dict[str, DataKey] = {}
        return tuple([self._opened(record, keys) for record in found])

    def head(self, session: str) -> Head:
        """As the contract says; needs no key."""
        return self.inner.head(session)

    def sessions(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """As the contract says; erased ones are among them."""
        return self.inner.sessions(after=after, limit=limit)

    def snapshot_put(self, snapshot: Snapshot) -> None:
        """As the contract says."""
        check_snapshot(snapshot)
        key = self.vault.key_of(session_scope(snapshot.session), make=True)
        assert key is not None, "a key that may be made is there"
        self.inner.snapshot_put(evolve(snapshot, body=key.seal(snapshot.body, _bound(snapshot))))

    def snapshot_get(self, session: str, *, version: int) -> Snapshot | None:
        """
        As the contract says; one that does not open is none, for it is only a cache.

        Nor is one that was never sealed: whoever may write the store could make it without
        the key, and say of a session what its rows do not.
        """
        found = self.inner.snapshot_get(session, version=version)
        if found is None or not is_sealed(found.body):
            return None
        key = self.vault.key_of(session_scope(session), make=False)
        if key is None:
            return None
        try:
            return evolve(found, body=key.open(found.body, _bound(found), "the snapshot"))
        except SealBroken:
            return None

    def verify(self, session: str | None = None) -> VerifyReport:
        """As the contract says; needs no key."""
        return self.inner.verify(session)

    def verify_many(self, sessions: Sequence[str]) -> VerifyReport:
        """As `governance.journal.records.VerifiesMany` says; needs no key."""
        return verify_some(self.inner, sessions)

    def moved(self, *, after: int = 0, limit: int = 1000) -> tuple[Moved, ...]:
        """As the contract says."""
        return self.inner.moved(after=after, limit=limit)

    def branch(self, session: str, parent: str, parent_seq: int) -> Head | Conflict:
        """As the contract says; what is shared is read by the parent's key."""
        return self.inner.branch(session, parent, parent_seq)

    def origin(self, session: str) -> Origin | None:
        """As the contract says."""
        return self.inner.origin(session)

    def remove(self, session: str, *, expected: Head) -> bool | Conflict:
        """As the contract says; the session's key stays, for what was archived."""
        return self.inner.remove(session, expected=expected)

    def removed(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """As the contract says."""
        return self.inner.removed(after=after, limit=limit)

    def restore(
        self, head: Head, records: Sequence[Record], *, origin: Origin | None = None
    ) -> Head | Conflict:
        """As the contract says, of records as they are stored: see `as_stored`."""
        return self.inner.restore(head, records, origin=origin)

    def close(self) -> None:
        """As the contract says."""
        self.inner.close()

    def _sealed(self, batch: tuple[Append, ...]) -> list[Append]:
        made: list[Append] = []
        for one in batch:
            key = self.vault.key_of(session_scope(one.session), make=True)
            assert key is not None, "a key that may be made is there"
            rows = tuple(
                Row(
                    row.kind,
                    row.at_ms,
                    key.seal(
                        row.body, row_bound(one.session, seq, row.kind, row.at_ms, row.durable)
                    ),
                    row.durable,
                )
                for seq, row in enumerate(one.rows, start=one.expected_seq + 1)
            )
            made.append(Append(one.session, one.expected_seq, rows))
        return made

    def _answer(self, plain: tuple[Append, ...], answer: Answer) -> Answer:
        """*answer* with the bodies that were handed in, or that the first answer holds."""
        match answer:
            case Appended(heads=heads, records=records):
                bodies = (row.body for one in plain for row in one.rows)
                opened = tuple(
                    _with_body(record, body) for record, body in zip(records, bodies, strict=True)
                )
                return Appended(heads, opened)
            case Duplicate(record=record):
                return Duplicate(self._opened(record, {}))
            case _:
                return answer

    def opened(self, record: Record) -> Record:
        """*record*, as it is stored, with its body opened; also one that an archive holds."""
        return self._opened(record, {})

    def can_open(self, record: Record) -> bool:
        """
        Whether *record*, as it is stored, can be read.

        Raises:
            SessionErased: Nobody is to read it.
        """
        try:
            self._opened(record, {})
        except SealBroken:
            return False
        return True

    def _opened(self, record: Record, keys: dict[str, DataKey]) -> Record:
        """*record* with its body opened; *keys* are those that this call has found so far."""
        body, session, seq = record.body, record.session, record.seq
        if not is_sealed(body):
            return record
        key = keys.get(session) or self.vault.key_of(session_scope(session), make=False)
        if key is None:
            raise key_gone(session, seq)
        keys[session] = key
        bound = row_bound(session, seq, record.kind, record.at_ms, record.durable)
        return _with_body(record, key.open(body, bound, "row {} of `{}`", seq, session))


@define(eq=False, repr=False)
class EncryptedLaterJournal(EncryptedJournal):
    """An `EncryptedJournal` over one that can be handed an append without waiting."""

    def append_later(
        self,
        batch: Sequence[Append],
        done: Callable[[Callable[[], Answer]], None],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
        told: Callable[[], None] | None = None,
    ) -> None:
        """As `governance.journal.records.AppendsLater`; a session's first append does wait."""
        plain = check_append(batch, key)
        sealed = self._sealed(plain)
        inner = cast("AppendsLater", self.inner)
        inner.append_later(
            sealed,
            lambda answer: done(lambda: self._answer(plain, answer())),
            key=key,
            deadline_ms=deadline_ms,
            told=told,
        )


@frozen(eq=False)
class EncryptedShelf:
    """A `Shelf` whose values are sealed, but for those that hold nothing of a session."""

    inner: Shelf
    vault: Vault

    def get(self, shelf: str, name: str) -> Entry | None:
        """As the contract says; a value of `INDEX_SHELF` that was never sealed is none."""
        found = self.inner.get(shelf, name)
        # What saves time could be made by whoever may write the store, without the key.
        if found is None or (shelf == INDEX_SHELF and not is_sealed(found.value)):
            return None
        return self._opened(found)

    def put(
        self, shelf: str, name: str, value: bytes, *, expected_version: int | None = None
    ) -> Entry | None:
        """As the contract says."""
        sealed = value
        if shelf not in PLAIN_SHELVES:
            check_entry(shelf, name, expected_version)
            check_value(value)
            key = self.vault.key_of(_scope(shelf, name), make=True)
            assert key is not None, "a key that may be made is there"
            sealed = key.seal(value, texts_bound("shelf", shelf, name))
        made = self.inner.put(shelf, name, sealed, expected_version=expected_version)
        return evolve(made, value=value) if made is not None else None

    def delete(self, shelf: str, name: str, *, expected_version: int | None = None) -> bool:
        """As the contract says."""
        return self.inner.delete(shelf, name, expected_version=expected_version)

    def scan(self, shelf: str, *, after: str = "", limit: int = 1000) -> tuple[Entry, ...]:
        """As the contract says."""
        return tuple(map(self._opened, self.inner.scan(shelf, after=after, limit=limit)))

    def _opened(self, entry: Entry) -> Entry:
        if entry.shelf in PLAIN_SHELVES or not is_sealed(entry.value):
            return entry
        what = "`{}` on the shelf `{}`"
        key = self.vault.key_of(_scope(entry.shelf, entry.name), make=False)
        if key is None:
            why = "its key is gone, and nobody erased it"
            raise broken(what.format(entry.name, entry.shelf), why)
        bound = texts_bound("shelf", entry.shelf, entry.name)
        return evolve(entry, value=key.open(entry.value, bound, what, entry.name, entry.shelf))


def _scope(shelf: str, name: str) -> str:
    # A value of a session is sealed by that session's key, and cannot be read without it.
    session = session_of(name)
    return session_scope(session) if session else shelf_scope(shelf)


def _with_body(one: Record, body: bytes) -> Record:
    # As `attrs.evolve`, at a fraction of its price: this is done for every row that is read.
    return Record(one.session, one.seq, one.kind, one.at_ms, body, one.durable, one.key, one.hash)


def _bound(snapshot: Snapshot) -> bytes:
    return snapshot_bound(snapshot.session, snapshot.seq, snapshot.hash, snapshot.version)
