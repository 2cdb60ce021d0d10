"""
The journal's contract: what is handed in, what is stored, what is answered.

Every back end keeps it; `governance.testing.journal_contract` proves it of any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from attrs import frozen

ROWS_MAX = 10_000
"""Rows that one append may carry."""

BODY_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of one row's body."""


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
class Finding:
    """
    One thing that `verify` found wrong.

    Attributes:
        what: ``"gap"``, ``"hash"``, ``"head"``, ``"cut"``, ``"removed"``, ``"vanished"``,
            ``"unreadable"``, ``"newer"``, ``"lost"`` (rows that a repair did not find, and
            that no person has accepted as lost).

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
    """

    sessions: int
    rows: int
    anchored: bool
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not self.findings


@runtime_checkable
class Journal(Protocol):
    """
    Append-only journals, one a session, in one store. Thread-safe.

    Every method raises `JournalError` (or a child of it) when the store cannot do it;
    then nothing was written, but for `OutcomeUnknown`.
    """

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
        """
        ...

    def read(
        self, session: str, *, after: int = 0, limit: int = 1000, reverse: bool = False
    ) -> tuple[Record, ...]:
        """Rows with ``seq > after``, at most *limit*; reversed: the newest first."""
        ...

    def head(self, session: str) -> Head:
        """The head; ``seq`` 0 and the zero hash for a session never seen."""
        ...

    def sessions(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """Heads of the sessions whose id sorts after *after*, in order of id."""
        ...

    def snapshot_put(self, snapshot: Snapshot) -> None:
        """Keep *snapshot* in place of an older one of its session; a cache, not durable."""
        ...

    def snapshot_get(self, session: str, *, version: int) -> Snapshot | None:
        """The snapshot of that version whose hash is still the hash of its row, or none."""
        ...

    def verify(self, session: str | None = None) -> VerifyReport:
        """Walk the chain of one session or of all, and say everything that is wrong."""
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
    ) -> None:
        """
        Hand in *batch* as to `Journal.append`, and call *done* once it is settled.

        *done* gets a function that gives the answer, or raises what `append` would have
        raised. It is called once, in the thread that committed: it must be quick, raise
        nothing, and not write to the journal.
        """
        ...
