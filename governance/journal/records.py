"""
The journal's contract: what is handed in, what is stored, what is answered.

Every back end keeps it; `governance.testing.journal_contract` proves it of any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from governance._attrs import frozen

ROWS_MAX = 10_000
"""Rows that one append may carry."""

BODY_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of one row's body."""

KEY_SHELF = "key"
"""The shelf of wrapped data keys: what is deleted there is overwritten where it lay."""

VAULT = "vault"
"""Name of the value on that shelf that says whose the keys are."""

BRANCH_DEPTH_MAX = 100
"""Sessions that a branch may stem from, each branched off the one before it."""


@frozen
class Row:
    """
    One thing that happened, before it has a place in a journal.

    Attributes:
        kind: A name from the catalogue of `governance.events`, such as ``"turn.started"``.

        at_ms: When, in milliseconds since 1970 UTC; order never depends on it.

        body: JSON object as UTF-8 bytes; stored and hashed as it is.

        durable: ``True``: survives power loss once acknowledged (FULL). ``False``: an
            observation, whose tail may be lost, but never a row in the middle (NORMAL).
    """

    kind: str
    at_ms: int
    body: bytes
    durable: bool = True


@frozen
class Record:
    """
    One stored row.

    Attributes:
        session: Whose journal it stands in.

        seq: 1, 2, 3 … without a gap.

        key: Idempotency key, on the last row of the first session of a keyed append.

        hash: sha256 over the hash before it and every column of this row.
    """

    session: str
    seq: int
    kind: str
    at_ms: int
    body: bytes
    durable: bool
    key: str | None
    hash: bytes


@frozen
class Head:
    """The end of one journal: its last sequence (0: empty) and that row's hash."""

    session: str
    seq: int
    hash: bytes


@frozen
class Append:
    """Rows for one session, valid only while its head is at *expected_seq*."""

    session: str
    expected_seq: int
    rows: tuple[Row, ...]


@frozen
class Appended:
    """All of it was written. ``records`` in the order given, ``heads`` one a session."""

    heads: tuple[Head, ...]
    records: tuple[Record, ...]


@frozen
class Conflict:
    """Nothing was written: ``actual`` heads are not the expected ones. Read, decide again."""

    actual: tuple[Head, ...]


@frozen
class Duplicate:
    """Nothing was written: the key is known; ``record`` is the row that carries it."""

    record: Record


@frozen
class Snapshot:
    """
    A cached fold of a journal up to *seq*; worthless if *hash* is not that row's hash.

    Attributes:
        version: Version of the fold that made it; another version ignores it.

        body: What the fold's owner wrote.
    """

    session: str
    seq: int
    hash: bytes
    version: int
    body: bytes


@frozen
class Entry:
    """
    A named value beside the journals: no evidence, may change and go.

    Attributes:
        shelf: What kind of value it is; `KEY_SHELF` is one of the kinds.

        version: 1 since it was made, one more each time it was put again; a value that was
            deleted and made anew begins at 1.
    """

    shelf: str
    name: str
    version: int
    value: bytes


@frozen
class Moved:
    """
    A session whose head is where it was not before.

    Attributes:
        seq: Where the head is now; 0 when its rows were removed.

        position: Grows with each move of any head of this store, in the order of commits,
            with gaps; no two moves share one.
    """

    session: str
    seq: int
    position: int


@frozen
class Origin:
    """Where a branch begins: it shares the rows 1 to *seq* of *parent*."""

    parent: str
    seq: int


@frozen
class Stated:
    """
    What a store that may be damaged says of a session.

    Attributes:
        origin: Where it was branched off, if it was.

        sure: The row that the head names is there, with the hash that the head says.
    """

    head: Head
    origin: Origin | None
    sure: bool = True


@frozen
class Whole:
    """All rows of a session that was no branch, as another store has them, and its head there."""

    head: Head
    records: tuple[Record, ...]


@frozen
class Finding:
    """
    One thing that `verify` found wrong.

    Attributes:
        what: ``"gap"``, ``"hash"``, ``"mirror"`` (which holds another hash of the row),
            ``"head"``, ``"cut"``, ``"removed"``, ``"vanished"``, ``"unreadable"``,
            ``"newer"``, ``"value"`` (a damaged one beside the journals), ``"lost"`` (rows
            that a repair did not find, and that no person has accepted as lost). The command
            finds besides, which a journal does not: ``"kept"`` (a state that is kept of rows
            and is not what they tell) and ``"key"`` (nobody has the key of the rows).

        seq: First bad row, or 0 where no row is at fault.
    """

    what: str
    session: str
    seq: int
    message: str


@frozen
class VerifyReport:
    """
    What `verify` saw.

    Attributes:
        anchored: Whether heads were also compared with a mirror outside the store. An
            unanchored chain cannot prove that its tail was not cut.

        anew_ms: When that mirror was begun on a store that had rows already (milliseconds
            since 1970): it cannot tell what was cut off before. 0: it knows all.
    """

    sessions: int
    rows: int
    anchored: bool
    findings: tuple[Finding, ...]
    anew_ms: int = 0

    @property
    def ok(self) -> bool:
        return not self.findings


class Shelf(Protocol):
    """
    Named values beside the journals of a store: each found by its shelf and its name.

    Thread-safe, durable once acknowledged, and no evidence: no chain covers them. Raises as
    a `Journal` does. A name has 1 to 300 characters, a shelf's own name 1 to 100.
    """

    def get(self, shelf: str, name: str) -> Entry | None:
        """The value of that name, or none."""
        ...

    def put(
        self, shelf: str, name: str, value: bytes, *, expected_version: int | None = None
    ) -> Entry | None:
        """
        Keep *value*, at most 64 MiB, in place of an older one, and give what is kept now.

        Args:
            expected_version: The version it has at present, 0 where there must be none;
                by default it is not looked at. Where another is found nothing is written,
                and the answer is none. A new key is put with 0, which is cheaper.
        """
        ...

    def delete(self, shelf: str, name: str, *, expected_version: int | None = None) -> bool:
        """
        Forget a value; ``False`` where there is none, or none of *expected_version*.

        On the shelf ``"key"`` it is overwritten on the disk as well.
        """
        ...

    def scan(self, shelf: str, *, after: str = "", limit: int = 1000) -> tuple[Entry, ...]:
        """
        The values whose names sort after *after*, by code point, at most *limit* of them.

        Fewer where they are large: only an empty answer says that there are no more.
        """
        ...


@runtime_checkable
class Journal(Protocol):
    """
    Append-only journals, one a session, in one store. Thread-safe.

    Every method raises `JournalError` (or a child of it) when the store cannot do it;
    then nothing was written, but for `OutcomeUnknown`.
    """

    @property
    def shelf(self) -> Shelf:
        """The named values beside the journals."""
        ...

    def append(
        self,
        batch: Sequence[Append],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Appended | Conflict | Duplicate:
        """
        Write all rows of *batch* or none, atomically over all its sessions.

        Args:
            key: Idempotency key, at most 300 characters; a key seen before in this store
                writes nothing and gives the first record. Looked at before the heads.

            deadline_ms: How long to wait for the store's lock; then `StoreBusy`.

        Raises:
            SessionRemoved: The rows of one of the sessions were removed; see `remove`.
        """
        ...

    def read(
        self,
        session: str,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        reverse: bool = False,
    ) -> tuple[Record, ...]:
        """
        Rows with ``after < seq < before``, at most *limit*; reversed: the newest first.

        Of a branch also the rows that it shares, as records of the session that wrote them.
        """
        ...

    def head(self, session: str) -> Head:
        """The head; ``seq`` 0 and the zero hash for a session never seen, or removed."""
        ...

    def sessions(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """Heads of the sessions whose id sorts after *after*, in order of id."""
        ...

    def moved(self, *, after: int = 0, limit: int = 1000) -> tuple[Moved, ...]:
        """
        Sessions whose head moved after position *after*, in order of position, at most *limit*.

        Each stands there once, with its newest move: a wake-up feed for whoever follows. Who
        goes on after the last position it was given misses no session.
        """
        ...

    def branch(self, session: str, parent: str, parent_seq: int) -> Head | Conflict:
        """
        Begin *session* with the rows 1 to *parent_seq* of *parent*, which both share from now.

        Its own rows begin after them and continue the chain of the last one. Costs one row,
        however long the history. Gives the new head; a conflict names the head of *session*
        where that is not new, or of *parent* where it has no such row.

        Raises:
            MisuseError: *parent_seq* below 1, a session of itself, or a branch of a branch
                deeper than `BRANCH_DEPTH_MAX`.
            SessionRemoved: The rows of one of the two were removed.
        """
        ...

    def origin(self, session: str) -> Origin | None:
        """Where *session* was branched off, removed or not; none for any other session."""
        ...

    def remove(self, session: str, *, expected: Head) -> bool | Conflict:
        """
        Let go of the rows of *session*, its snapshot and its values on the shelves named in
        `governance.journal.session_values`; a tombstone with its head stays.

        ``True``: they are gone, at once. ``False``: a branch needs them, and nothing was done. A
        conflict names the actual head where that is not *expected*. `verify` accepts the
        tombstone; the session is listed by `removed` alone, and takes no rows but those
        that `restore` puts back.
        """
        ...

    def removed(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """Last heads of the sessions that were removed, as `sessions` lists the others."""
        ...

    def restore(
        self, head: Head, records: Sequence[Record], *, origin: Origin | None = None
    ) -> Head | Conflict:
        """
        Put *records*, the next of them first, back under the tombstone of ``head.session``.

        They are hidden until the last one is there, whose sequence and hash must be those of
        *head*: then the session is live again as it was, keys included. A session never seen
        gets its tombstone here, so this is also how a journal moves to another store. Gives
        how far the session's own rows have been put back; rows that were put back before
        and are the same are passed over. A conflict names the live head of the session, the
        tombstone's where it is another than *head*, or that of the parent where it does not
        have the row at which *origin* says that this branch began.

        Raises:
            RowsRefused: A record is not the one that belongs there by chain and sequence, or
                its key stands in the store already.
            MisuseError: More than 10,000 records, or another origin than the tombstone's.
        """
        ...

    def snapshot_put(self, snapshot: Snapshot) -> None:
        """
        Keep *snapshot* in place of an older one of its session; a cache, not durable.

        Of a session that has no head nothing is kept.
        """
        ...

    def snapshot_get(self, session: str, *, version: int) -> Snapshot | None:
        """The snapshot of that version whose hash is still the hash of its row, or none."""
        ...

    def verify(self, session: str | None = None) -> VerifyReport:
        """
        Walk the chain of one session or of all, and say everything that is wrong.

        Of a branch the sessions that it stems from are walked as well. Tombstones are looked
        at with all sessions, and count for none.
        """
        ...

    def close(self) -> None:
        """Release files, threads and locks; a second call does nothing."""
        ...


@runtime_checkable
class AppendsLater(Protocol):
    """
    A `Journal` that can also be handed an append without waiting for it.

    For callers that must not wait, such as an event loop; what is promised is the same.
    """

    def append_later(
        self,
        batch: Sequence[Append],
        done: Callable[[Callable[[], Appended | Conflict | Duplicate]], None],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
        told: Callable[[], None] | None = None,
    ) -> None:
        """
        Hand in *batch* as to `Journal.append`, and call *done* once it is settled.

        *done* gets a function that gives the answer, or raises what `append` would have
        raised. It is called once, in the thread that committed: it must be quick, raise
        nothing, and not write to the journal.

        Args:
            told: Called after *done*, in that thread too, and once for all that one commit
                settled of what was handed in with it: to wake up those who wait together.
        """
        ...


@runtime_checkable
class AppendsAlone(Protocol):
    """
    A `Journal` that can also give a caller a turn in which nobody else writes its session.

    For whoever was late again and again: nothing of the session moves between what is read
    in the turn and the append.
    """

    def append_alone(
        self,
        session: str,
        decide: Callable[[], Sequence[Append]],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Appended | Conflict | Duplicate:
        """
        Append what *decide* gives, which is called in a turn of *session*; nothing if it is empty.

        Other callers wait meanwhile, of one session or of the whole store, so *decide* must be
        quick. It reads from this journal what was written last, and must not write to it. It
        is called anew where its answer cannot be used, such as for a session that others may
        still write. What it raises is raised here, and nothing was written.

        Args:
            deadline_ms: How long to wait for the turn; then `StoreBusy`.
        """
        ...


@runtime_checkable
class VerifiesMany(Protocol):
    """A `Journal` that can also look at some sessions at the price of one look at the mirror."""

    def verify_many(self, sessions: Sequence[str]) -> VerifyReport:
        """As `Journal.verify` of each of *sessions*, told together."""
        ...


@runtime_checkable
class RestoresMany(Protocol):
    """A `Journal` that can also take in many sessions of another store in one commit."""

    def restore_many(self, wholes: Sequence[Whole]) -> bool:
        """
        Make all of *wholes* live, at most 1,000 sessions and 10,000 rows, or none.

        ``False``: nothing was done, for the store knows one of them or one of their keys, live or
        removed; `Journal.restore` says of each what stands in the way.

        Raises:
            RowsRefused: Rows do not hold by their chain, or do not end with the head.
            MisuseError: More sessions or rows, or none.
        """
        ...


@runtime_checkable
class GivesUnproven(Protocol):
    """A `Journal` that can also say what lies in it, whatever the chain says of that."""

    def unproven_heads(self) -> Iterator[Stated]:
        """Of every session what its head says, and its last row where that is another one."""
        ...

    def unproven_rows(self, session: str, first: int, last: int) -> Sequence[tuple[object, ...]]:
        """
        The columns of the session's own rows from *first* to *last*, as they are stored.

        Raises:
            StoreDamaged: One of them cannot be read at all.
        """
        ...
