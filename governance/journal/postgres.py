"""
The journal on a PostgreSQL server: for sessions that several machines share.

An append is one statement that writes if every head is the expected one, and else nothing; so
it needs no lock of its own, no leader and no clock. What an engine believes of a session may
be as old as it likes: the server compares.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import psycopg
from attrs import define, field

from governance.errors import MisuseError, StoreBusy, StoreMissing
from governance.journal import postgres_moves, postgres_rows, postgres_schema
from governance.journal.limits import (
    DEADLINE_MS_DEFAULT,
    check_append,
    check_branch,
    check_head,
    check_limit,
    check_name_after,
    check_page,
    check_restored,
    check_session,
    check_snapshot,
)
from governance.journal.mirror import Damaged, Identity, Mirror, read_identity
from governance.journal.postgres_anchor import Anchor
from governance.journal.postgres_connection import Connection, Connections, nap
from governance.journal.postgres_faults import (
    DIVISION,
    DUPLICATE,
    RETRIED,
    is_unknown,
    server_error,
    unknown,
)
from governance.journal.postgres_leases import Leases
from governance.journal.postgres_shelf import PostgresShelf
from governance.journal.postgres_url import Target
from governance.journal.records import (
    Append,
    Appended,
    Conflict,
    Duplicate,
    Head,
    Moved,
    Origin,
    Record,
    Snapshot,
    VerifyReport,
)
from governance.values import INTEGER_MAX

T = TypeVar("T")

TRIES_MAX = 8
"""How often one call is sent again when the server took it back, or another was faster."""

HEADS_KEPT_MAX = 4_096
"""Sessions whose heads a journal remembers; then it begins to learn them anew."""

_LISTED_MAX = 10_000


@define(eq=False, repr=False)
class PostgresJournal:
    """
    A `Journal` on a PostgreSQL server; made by `open`. Thread-safe.

    A journal does not survive `os.fork`: a child process opens its own.

    Attributes:
        target: The server, and which store on it.

        store_id: What tells this store from every other.

        shelf: The named values beside the journals.

        leases: Who had better serve which session.
    """

    target: Target
    store_id: str
    _connections: Connections
    _anchor: Anchor | None
    shelf: PostgresShelf = field(init=False)
    leases: Leases = field(init=False)
    _heads: dict[str, Head] = field(factory=dict, init=False)
    _process: int = field(factory=os.getpid, init=False)
    _closed: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.shelf = PostgresShelf(self.target, self._read, self._change)
        self.leases = Leases(self.target, self._read, self._change)

    @classmethod
    def open(
        cls,
        target: Target,
        *,
        create: bool,
        mirror: Path | None = None,
        deadline_ms: int = DEADLINE_MS_DEFAULT,
    ) -> PostgresJournal:
        """
        The journal in the store that *target* names.

        Args:
            create: Make the schema, its tables and the store, where there are none. Without
                it nothing is ever made.

            mirror: File on this machine that keeps the heads; none: not anchored.

            deadline_ms: How long to try to connect.

        Raises:
            ServerUnreachable: Nobody answers there.
            ServerRefused: The server does not let this user in, or not make the store.
            ServerUnsuitable: It is older than PostgreSQL 14, or not in UTF-8.
            StoreMissing: There is no store, and *create* is not set, or the mirror knows of
                one that was here.
            StoreNewer: A newer engine migrated it.
            StoreDamaged: The schema holds something else.
        """
        known = _known(mirror)
        connections = Connections(target)
        until = time.monotonic() + deadline_ms / 1000
        try:
            with connections.lend(until) as connection:
                postgres_schema.check_server(connection, target)
                store_id = postgres_schema.open_store(
                    connection, target, create=create and known is None
                )
                _refuse_other(store_id, known, mirror, target)
                anchor = _begun(connection, target, store_id, known, mirror)
        except psycopg.Error as error:
            connections.close()
            raise server_error(error, target.place) from None
        except BaseException:
            connections.close()
            raise
        return cls(target, store_id, connections, anchor)

    @property
    def mirror_problem(self) -> str:
        """Why heads are not mirrored at present, or ``""``."""
        if self._anchor is None:
            return "no mirror was asked for"
        return self._anchor.mirror.problem

    def append(
        self,
        batch: Sequence[Append],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Appended | Conflict | Duplicate:
        """
        As the contract says, in one statement.

        Raises:
            OutcomeUnknown: The connection broke, or the deadline passed, before the server
                answered; read the heads.
            StoreBusy: No connection was free, or another transaction held a session.
            ServerUnreachable, ServerRefused, StoreFull: Nothing was written.
            StoreDamaged: A session's last row is not what its head says.
            StoreNewer, StoreMissing: The store was migrated, or replaced, meanwhile.
        """
        whole = check_append(batch, key)
        self._check_open()
        until = _until(deadline_ms)
        # A session that is said to be new needs no look: the server finds out.
        before = self._remembered(whole)
        for tries in range(TRIES_MAX):
            if before is None:
                answer = self._look(whole, key, until)
                if isinstance(answer, (Conflict, Duplicate)):
                    return answer
                before = answer
            batch_ = postgres_rows.Batch.of(whole, before, key)
            written = self._write(batch_, until)
            if written is True:
                return batch_.appended()
            before = None
            if written is None and not nap(tries, until):
                break
        raise StoreBusy(
            f"{self.target.place} took the rows back again and again",
            remedy="try again; if it goes on, see whether this role may write",
        )

    def _remembered(self, whole: tuple[Append, ...]) -> tuple[Head, ...] | None:
        found: list[Head] = []
        for one in whole:
            head = self._heads.get(one.session)
            if head is None and one.expected_seq == 0:
                head = Head(one.session, 0, postgres_rows.ZERO_HASH)
            if head is None or head.seq != one.expected_seq:
                return None
            found.append(head)
        return tuple(found)

    def _look(
        self, whole: tuple[Append, ...], key: str | None, until: float
    ) -> tuple[Head, ...] | Conflict | Duplicate:
        def work(connection: Connection) -> tuple[Head, ...] | Conflict | Duplicate:
            self._check_store(connection)
            return postgres_rows.look(connection, self.target, whole, key)

        for one in whole:
            self._heads.pop(one.session, None)
        return self._connections.read(work, until)

    def _check_store(self, connection: Connection) -> None:
        """See that the store is still the one that was opened, in the version that is known."""
        version = postgres_schema.schema_version(connection, self.target)
        if version is None:
            raise postgres_schema.missing(self.target)
        postgres_schema.refuse_newer(version, self.target)
        if postgres_schema.tenant_id(connection, self.target) != self.store_id:
            raise StoreMissing(
                f"{self.target.place} was removed or replaced while it was open",
                remedy="stop this process, restore the database and open it again",
            )

    def _write(self, batch: postgres_rows.Batch, until: float) -> bool | None:
        """
        Send *batch*: ``True`` it is written, ``False`` it does not fit, ``None`` send it again.

        Raises:
            JournalError: Nothing was written, but for `OutcomeUnknown`.
        """
        mark = self._anchor.mark() if self._anchor is not None else 0
        with self._connections.lend(until) as connection:
            words = batch.words()
            words["tenant"], words["store"] = self.target.tenant, self.store_id
            words["level"] = connection.level(durable=batch.durable)
            words["wait_ms"] = _left(until)
            words["channel"] = channel(self.target)
            try:
                found = connection.execute(
                    postgres_rows.append_sql(self.target), words
                ).fetchone()
            except psycopg.Error as error:
                return self._failed(error, batch, alive=connection.alive)
        if found is None or found[0] != len(batch.heads):
            return False
        if len(self._heads) > HEADS_KEPT_MAX:
            self._heads.clear()
        self._heads.update((head.session, head) for head in batch.heads)
        if self._anchor is not None:
            self._anchor.note(batch.heads, mark=mark, durable=batch.durable)
        return True

    def _failed(
        self, error: psycopg.Error, batch: postgres_rows.Batch, *, alive: bool
    ) -> bool | None:
        for head in batch.heads:
            self._heads.pop(head.session, None)
        if is_unknown(error, alive=alive):
            raise unknown(self.target.place, " ".join(str(error).split()))
        if error.sqlstate == DIVISION:
            return False
        if error.sqlstate in RETRIED:
            return None
        if error.sqlstate == DUPLICATE:
            if (error.diag.table_name or "").startswith("event_key"):
                return False
            raise postgres_rows.damaged(
                self.target, batch.heads[0].session, 0, "rows stand beyond a head"
            )
        raise server_error(error, self.target.place)

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
        As the contract says; every row is checked against the chain before it is given.

        Raises:
            StoreDamaged: A row is missing, changed or unreadable: none is given.
        """
        check_session(session)
        check_page(after, limit, before)
        end = INTEGER_MAX if before is None else before
        return self._read(
            lambda connection: postgres_rows.read_rows(
                connection, self.target, session, after, end, limit, reverse
            )
        )

    def head(self, session: str) -> Head:
        """As the contract says; checked against the last row."""
        check_session(session)
        found = self._read(
            lambda connection: postgres_rows.stored_heads(connection, self.target, [session])
        )[0]
        return Head(session, 0, postgres_rows.ZERO_HASH) if found.gone else found.head

    def sessions(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """As the contract says."""
        return self._listed(after, limit, gone=False)

    def removed(self, *, after: str = "", limit: int = 1000) -> tuple[Head, ...]:
        """As the contract says."""
        return self._listed(after, limit, gone=True)

    def _listed(self, after: str, limit: int, *, gone: bool) -> tuple[Head, ...]:
        check_name_after(after)
        check_limit(limit)
        return self._read(
            lambda connection: postgres_moves.listed(
                connection, self.target, after, limit, gone=gone
            )
        )

    def moved(self, *, after: int = 0, limit: int = 1000) -> tuple[Moved, ...]:
        """
        As the contract says; positions are not consecutive.

        A head shows up once no older transaction that writes is under way on the server: one
        that is left open there delays the feed, and nothing else.
        """
        check_page(after, limit)
        return self._read(
            lambda connection: postgres_moves.moved(connection, self.target, after, limit)
        )

    def branch(self, session: str, parent: str, parent_seq: int) -> Head | Conflict:
        """As the contract says."""
        check_branch(session, parent, parent_seq)
        origin = Origin(parent, parent_seq)
        mark = self._anchor.mark() if self._anchor is not None else 0
        made = self._change(
            lambda connection: postgres_moves.branch(connection, self.target, session, origin)
        )
        if isinstance(made, Head) and self._anchor is not None:
            self._anchor.note([made], mark=mark, durable=True)
        return made

    def origin(self, session: str) -> Origin | None:
        """As the contract says."""
        check_session(session)
        found = self._read(
            lambda connection: postgres_moves.stored(connection, self.target, session)
        )
        return found.origin if found is not None else None

    def remove(self, session: str, *, expected: Head) -> bool | Conflict:
        """
        As the contract says; the role must own the tables.

        Raises:
            ServerRefused: It may append and read alone.
        """
        check_session(session)
        check_head(expected)
        self._heads.pop(session, None)
        return self._change(
            lambda connection: postgres_moves.remove(connection, self.target, session, expected)
        )

    def restore(
        self, head: Head, records: Sequence[Record], *, origin: Origin | None = None
    ) -> Head | Conflict:
        """As the contract says; the role must own the tables."""
        whole = check_restored(head, records, origin)
        mark = self._anchor.mark() if self._anchor is not None else 0
        done = self._change(
            lambda connection: postgres_moves.restore(
                connection, self.target, head, whole, origin
            )
        )
        if done == head and self._anchor is not None:
            self._anchor.note([head], mark=mark, durable=True)
        return done

    def snapshot_put(self, snapshot: Snapshot) -> None:
        """As the contract says."""
        check_snapshot(snapshot)
        self._change(
            lambda connection: postgres_rows.put_snapshot(connection, self.target, snapshot),
            durable=False,
        )

    def snapshot_get(self, session: str, *, version: int) -> Snapshot | None:
        """As the contract says; a snapshot with a flipped bit is none."""
        check_session(session)
        return self._read(
            lambda connection: postgres_rows.kept_snapshot(
                connection, self.target, session, version
            )
        )

    def verify(self, session: str | None = None) -> VerifyReport:
        """
        As the contract says.

        Streams in bounded memory, beside readers and writers; each part is of one moment.
        """
        from governance.journal.postgres_verify import verify_store

        if session is not None:
            check_session(session)
        self._check_open()
        mirror = self._anchor.mirror if self._anchor is not None else None
        return verify_store(self._read, self.target, self.store_id, mirror, session)

    def close(self) -> None:
        """Close the connections, those in use as soon as they are not."""
        if self._closed:
            return
        self._closed = True
        if os.getpid() != self._process:
            return  # the parent's connections: a goodbye from here would end them
        self._connections.close()
        if self._anchor is not None:
            self._anchor.close()

    def _read(self, work: Callable[[Connection], T]) -> T:
        self._check_open()
        return self._connections.read(work, _until(None))

    def _change(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """
        What *work* gives, which is committed then; sent again where the server took it back.

        Raises:
            OutcomeUnknown: The connection broke in the commit itself.
            JournalError: Nothing was changed.
        """
        self._check_open()
        until = _until(None)
        for tries in range(TRIES_MAX):
            with self._connections.lend(until) as connection:
                worked = False
                try:
                    with connection.transaction():
                        self._prepare(connection, until, durable=durable)
                        done = work(connection)
                        worked = True
                    return done
                except psycopg.Error as error:
                    if worked and is_unknown(error, alive=connection.alive):
                        raise unknown(self.target.place, " ".join(str(error).split())) from None
                    if error.sqlstate not in RETRIED:
                        raise server_error(error, self.target.place) from None
            if not nap(tries, until):
                break
        raise StoreBusy(f"{self.target.place} took a change back again and again")

    def _prepare(self, connection: Connection, until: float, *, durable: bool) -> None:
        connection.execute(
            "SELECT set_config('lock_timeout', %s, true),"
            " set_config('synchronous_commit', %s, true)",
            (_left(until), connection.level(durable=durable)),
        )
        self._check_store(connection)

    def _check_open(self) -> None:
        if self._closed:
            raise MisuseError("the journal is closed; open it again")
        if os.getpid() != self._process:
            raise MisuseError("the journal was opened before a fork; open it in each process")


def channel(target: Target) -> str:
    """Where this store's movements are called out, with `notify=on`."""
    return f"governance/{target.schema}/{target.tenant}"[:63]


def _until(deadline_ms: int | None) -> float:
    return time.monotonic() + (DEADLINE_MS_DEFAULT if deadline_ms is None else deadline_ms) / 1000


def _left(until: float) -> str:
    # Zero would mean without end.
    return str(max(1, int((until - time.monotonic()) * 1000)))


def _known(mirror: Path | None) -> Identity | Damaged | None:
    if mirror is None:
        return None
    try:
        return read_identity(mirror)
    except OSError:
        return None  # `Mirror.begin` meets the same and states it as its problem


def _refuse_other(
    store_id: str, known: Identity | Damaged | None, mirror: Path | None, target: Target
) -> None:
    if isinstance(known, Identity) and known.store != store_id:
        raise StoreMissing(
            f"another store than the one whose heads `{mirror}` holds: {target.place}; "
            "a store that vanished is not a new store",
            remedy=f"restore the old one from a backup, or remove `{mirror}` to accept this one",
        )


def _begun(
    connection: Connection,
    target: Target,
    store_id: str,
    known: Identity | Damaged | None,
    mirror: Path | None,
) -> Anchor | None:
    if mirror is None:
        return None
    made = Mirror(mirror, Identity(store_id, target.identity))
    if isinstance(known, Damaged):
        made.problem = f"`{mirror}`: its first line is damaged"
    else:
        made.begin(_all_heads(connection, target) if known is None else ())
    return Anchor(made)


def _all_heads(connection: Connection, target: Target) -> Iterator[Head]:
    after = ""
    try:
        while page := postgres_moves.listed(connection, target, after, _LISTED_MAX, gone=False):
            yield from page
            after = page[-1].session
    except psycopg.Error as error:
        raise server_error(error, target.place) from None
