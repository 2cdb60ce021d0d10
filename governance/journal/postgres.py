"""
The journal on a PostgreSQL server: for sessions that several machines share.

An append is one statement that writes if every head is the expected one, and else nothing; so
it needs no lock of its own and no clock. What an engine believes of a session may be as old as
it likes: the server compares. Appends that threads hand in at the same time share a statement:
see `postgres_group`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psycopg
from attrs import field

from governance._attrs import define
from governance.errors import MisuseError, StoreDamaged
from governance.journal import (
    postgres_access,
    postgres_moves,
    postgres_rows,
    postgres_salvage,
    postgres_schema,
)
from governance.journal.chain import ZERO_HASH
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
    check_wholes,
)
from governance.journal.postgres_anchor import Anchor, begun, known_store, refuse_other
from governance.journal.postgres_connection import Connection, Connections
from governance.journal.postgres_faults import server_error
from governance.journal.postgres_leases import Leases
from governance.journal.postgres_search import PostgresSearch, drop_caches
from governance.journal.postgres_server import report_of
from governance.journal.postgres_shelf import PostgresShelf
from governance.journal.postgres_turns import append_alone
from governance.journal.postgres_url import Target
from governance.journal.postgres_wakeup import WakeUps
from governance.journal.postgres_writer import Writer, until_of
from governance.journal.records import (
    Append,
    Appended,
    Conflict,
    Duplicate,
    Finding,
    Head,
    Moved,
    Origin,
    Record,
    Snapshot,
    Stated,
    VerifyReport,
    Whole,
)
from governance.journal.searching import Hit, Query, check_search
from governance.journal.servers import ServerReport
from governance.values import INTEGER_MAX

if TYPE_CHECKING:
    from governance.journal.repair import RepairReport
    from governance.journal.sources import Source
    from governance.journal.staging import GivenUp

T = TypeVar("T")


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
    _writer: Writer
    shelf: PostgresShelf = field(init=False)
    leases: Leases = field(init=False)
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
        known = known_store(mirror)
        connections = Connections(target)
        try:
            with connections.lend(until_of(deadline_ms)) as connection:
                postgres_schema.check_server(connection, target)
                store_id = postgres_schema.open_store(
                    connection, target, create=create and known is None
                )
                refuse_other(store_id, known, mirror, target)
                anchor = begun(connection, target, store_id, known, mirror)
        except psycopg.Error as error:
            connections.close()
            raise server_error(error, target.place) from None
        except BaseException:
            connections.close()
            raise
        return cls(
            target, store_id, connections, anchor, Writer(target, store_id, connections, anchor)
        )

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
        return self._writer.append(whole, key, until_of(deadline_ms))

    def append_alone(
        self,
        session: str,
        decide: Callable[[], Sequence[Append]],
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Appended | Conflict | Duplicate:
        """
        As `append`: see `governance.journal.records.AppendsAlone`.

        Held are the sessions that it writes, and none beside them. What *decide* reads in
        this thread it reads through the connection that holds them.
        """
        check_session(session)
        self._check_open()
        return append_alone(self._writer, session, decide, key, until_of(deadline_ms))

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
        return Head(session, 0, ZERO_HASH) if found.gone else found.head

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

    def wait_moved(self, *, after: int = 0, limit: int = 1000, seconds: float) -> tuple[Moved, ...]:
        """
        As `moved`, waiting up to *seconds* for something to give; see `postgres_wakeup`.

        The store is polled every half second. With ``notify=on`` in the URLs of those who
        write and of the one who waits, it usually takes a few milliseconds.
        """
        check_page(after, limit)
        return WakeUps(self.target, lambda: self.moved(after=after, limit=limit)).wait(seconds)

    def server_report(self) -> ServerReport:
        """What the server is like, and what the connected role may do on it."""
        return self._read(lambda connection: report_of(connection, self.target))

    def grant(self, role: str) -> None:
        """Let *role* append to this store, read it, and do nothing else: see `postgres_access`."""
        self._check_open()
        with self._connections.lend(until_of()) as connection:
            postgres_access.grant(connection, self.target, role)

    def revoke(self, role: str) -> None:
        """Take every right in this schema from *role*."""
        self._check_open()
        with self._connections.lend(until_of()) as connection:
            postgres_access.revoke(connection, self.target, role)

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
            RemovalRefused: The mirror cannot be told of it, which it is before the commit.
        """
        check_session(session)
        check_head(expected)
        self._writer.forget(session)

        def work(connection: Connection) -> bool | Conflict:
            answer = postgres_moves.remove(connection, self.target, session, expected)
            if answer is True and self._anchor is not None:
                self._anchor.announce(expected)
            return answer

        return self._change(work)

    def restore(
        self, head: Head, records: Sequence[Record], *, origin: Origin | None = None
    ) -> Head | Conflict:
        """As the contract says; the role must own the tables."""
        whole = check_restored(head, records, origin)
        mark = self._anchor.mark() if self._anchor is not None else 0

        def work(connection: Connection) -> Head | Conflict:
            answer = postgres_moves.restore(connection, self.target, head, whole, origin)
            if isinstance(answer, Head) and answer != head and self._anchor is not None:
                self._anchor.announce(head)
            return answer

        done = self._change(work)
        if done == head and self._anchor is not None:
            self._anchor.note([head], mark=mark, durable=True)
        return done

    def restore_many(self, wholes: Sequence[Whole]) -> bool:
        """As `governance.journal.records.RestoresMany` says; the role must own the tables."""
        given = check_wholes(wholes)
        mark = self._anchor.mark() if self._anchor is not None else 0
        done = self._change(
            lambda connection: postgres_moves.restore_many(connection, self.target, given)
        )
        if done and self._anchor is not None:
            self._anchor.note([one.head for one in given], mark=mark, durable=True)
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

    def search(
        self, query: Query, *, session: str | None = None, ranked: bool = False, limit: int = 20
    ) -> tuple[Hit, ...]:
        """
        As `governance.journal.searching.Search` says; the index catches up first.

        Raises:
            ServerRefused: The role was given its rights before there was an index.
        """
        check_search(limit)
        if session is not None:
            check_session(session)
        searching = PostgresSearch(self.target, self._read, self._change)
        return searching.search(query, session, ranked, limit)

    def cache_findings(self) -> tuple[Finding, ...]:
        """As `governance.journal.caches.Caching` says; beside readers and writers."""
        from governance.journal.postgres_verify_caches import CacheWalk

        return CacheWalk(self._read, self.target).findings()

    def drop_caches(self) -> None:
        """As `governance.journal.caches.Caching` says; the role must own the tables."""
        self._change(lambda connection: drop_caches(connection, self.target), durable=False)

    def verify(self, session: str | None = None) -> VerifyReport:
        """
        As the contract says.

        Streams in bounded memory, beside readers and writers; each part is of one moment.
        """
        return self._verified(None if session is None else (session,))

    def verify_many(self, sessions: Sequence[str]) -> VerifyReport:
        """As `governance.journal.records.VerifiesMany` says."""
        return self._verified(sessions)

    def _verified(self, sessions: Sequence[str] | None) -> VerifyReport:
        from governance.journal.postgres_verify import verify_store

        for session in sessions or ():
            check_session(session)
        self._check_open()
        mirror = self._anchor.mirror if self._anchor is not None else None
        return verify_store(self._read, self.target, self.store_id, mirror, sessions)

    def unproven_heads(self) -> Iterator[Stated]:
        """As `governance.journal.records.GivesUnproven` says."""
        return postgres_salvage.unproven_heads(self._read, self.target)

    def unproven_rows(self, session: str, first: int, last: int) -> Sequence[tuple[object, ...]]:
        """As `governance.journal.records.GivesUnproven` says."""
        return postgres_salvage.unproven_rows(self._read, self.target, session, first, last)

    def repair(
        self,
        *,
        now_ms: int,
        beside: Path,
        sources: Sequence[Source] = (),
        give_up: GivenUp | None = None,
        dry_run: bool = False,
    ) -> RepairReport:
        """
        As `governance.journal.servers.RepairsInPlace` says; the role must own the tables.

        Raises:
            ServerRefused: It may append and read alone.
            NotMended: What was put together does not hold; nothing was changed.
        """
        from governance.journal.postgres_repair import ELSEWHERE, REPAIR_MS, ServerRepair
        from governance.journal.rebuilding import NotMended

        mirror = self._anchor.mirror.path if self._anchor is not None else None
        repair = ServerRepair(
            self.target,
            self.store_id,
            mirror,
            sources,
            now_ms,
            beside,
            dry_run,
            self.verify().findings,
            give_up or {},
        )
        try:
            report = self._writer.change(repair.work, until=until_of(REPAIR_MS), newest=True)
        except StoreDamaged as error:
            # What the server can neither read nor write is for its own tools.
            raise NotMended(f"{error.message}; nothing was changed", remedy=ELSEWHERE) from None
        self._writer.forget_all(repair.written)
        return report

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
        return self._connections.read(work, until_of())

    def _change(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        self._check_open()
        return self._writer.change(work, durable=durable)

    def _check_open(self) -> None:
        if self._closed:
            raise MisuseError("the journal is closed; open it again")
        if os.getpid() != self._process:
            raise MisuseError("the journal was opened before a fork; open it in each process")
