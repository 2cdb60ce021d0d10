"""
`repair` of a store on a PostgreSQL server, in place: by the rules by which a file is mended.

What `verify` blames is gathered with all that it shares rows with, put together in a file on this
machine and proven there. What differs is put into the tables, in one transaction that holds the
heads of these sessions from the first look on. No row of another session is touched, and what
does not fit is kept in a file. Only the owner of the tables may do it: the role that an engine
works by can append and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psycopg
from attrs import evolve, field

from governance._attrs import define
from governance.errors import StoreDamaged, number_of
from governance.journal.around import Unreadable
from governance.journal.faults import folder_error
from governance.journal.gaps import GAP_KIND
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_faults import server_error
from governance.journal.postgres_moves import next_position
from governance.journal.postgres_salvage import every_row
from governance.journal.postgres_schema import POSITIONS_A_COMMIT, sql
from governance.journal.postgres_shelf import forget
from governance.journal.postgres_url import Target
from governance.journal.postgres_values import DAMAGED_MAX, MendedValues, ValuesRepair
from governance.journal.postgres_verify import verify_store
from governance.journal.rebuilding import NotMended, Quarantine, build_store, proven_draft
from governance.journal.records import (
    KEY_SHELF,
    Finding,
    Head,
    Origin,
    Record,
    VerifyReport,
)
from governance.journal.repair import (
    LISTED_MAX,
    Plan,
    RepairReport,
    bring_keys,
    is_as_good,
    know_mirror,
    know_source,
    staged,
    work_folder,
)
from governance.journal.replacing import free_name, stamp_of
from governance.journal.salvage import sound_entry
from governance.journal.session_values import INDEX_SHELF
from governance.journal.sources import Source
from governance.journal.staging import GivenUp, Staging

T = TypeVar("T")

BLAMED_MAX = 500
"""Sessions that one repair takes on, with those that they share rows with."""

WRITTEN_MAX = POSITIONS_A_COMMIT - 1
"""Sessions whose heads one commit may move."""

REPAIR_MS = 3_600_000
"""How long a repair may take; whoever writes one of its sessions meanwhile is told to wait."""

HEAD_WAIT_MS = 30_000
"""How long it waits for a session that somebody is writing."""

ELSEWHERE = (
    "copy what is sound into a file with `governance store copy`, and bring the rest there with "
    "`governance repair --from`; or restore the database by the server's own tools"
)
"""What helps where a store cannot be mended in its place."""

_FAMILIES_SQL = """
    WITH RECURSIVE up (id, parent) AS (
        SELECT s.id, s.parent FROM @.session s
            WHERE s.tenant = %(tenant)s AND s.id = ANY(%(ids)s)
        UNION SELECT p.id, p.parent FROM up
            JOIN @.session p ON p.tenant = %(tenant)s AND p.id = up.parent
    ), down (id) AS (
        SELECT s.id FROM @.session s
            WHERE s.tenant = %(tenant)s AND s.parent = ANY(%(ids)s)
        UNION SELECT id FROM up
        UNION SELECT c.id FROM down
            JOIN @.session c ON c.tenant = %(tenant)s AND c.parent = down.id
    )
    SELECT s.id, s.head, s.hash, s.parent, s.base, s.tombstone IS NOT NULL FROM @.session s
        WHERE s.tenant = %(tenant)s AND s.id IN (SELECT id FROM down) ORDER BY s.id
        FOR UPDATE OF s
"""
_GAPS_SQL = f"""
    SELECT DISTINCT session FROM @.event WHERE tenant = %(tenant)s AND kind = '{GAP_KIND}'
        ORDER BY session LIMIT {BLAMED_MAX}
"""
_COUNT_SQL = f"""
    SELECT count(*) FROM @.event WHERE tenant = %(tenant)s AND kind <> '{GAP_KIND}'
        AND NOT session = ANY(%(ids)s)
"""
_DATA_KEYS_SQL = f"""
    SELECT shelf, name, version, value, digest FROM @.shelf
        WHERE tenant = %(tenant)s AND shelf = '{KEY_SHELF}'
"""
_DROP_SQL = """
    DELETE FROM @.event WHERE tenant = %(tenant)s AND session = %(session)s AND seq = %(seq)s
"""
_BEYOND_SQL = """
    DELETE FROM @.event WHERE tenant = %(tenant)s AND session = %(session)s
        AND (seq <= %(base)s OR seq > %(head)s)
"""
_PUT_SQL = """
    INSERT INTO @.event (tenant, session, seq, kind, at_ms, durable, key, body, hash)
        VALUES (%(tenant)s, %(session)s, %(seq)s, %(kind)s, %(at_ms)s, %(durable)s, %(key)s,
            %(body)b, %(hash)b)
"""
_KEYS_SQL = """
    INSERT INTO @.event_key AS k (tenant, name, session, seq)
        SELECT e.tenant, e.key, e.session, e.seq FROM @.event e
            WHERE e.tenant = %(tenant)s AND e.session = %(session)s AND e.key IS NOT NULL
        ON CONFLICT (tenant, name) DO UPDATE SET session = excluded.session, seq = excluded.seq
"""
_HEAD_SQL = """
    INSERT INTO @.session (tenant, id, head, hash, position, parent, base)
        VALUES (%(tenant)s, %(session)s, %(head)s, %(hash)b, %(position)s, %(parent)s, %(base)s)
        ON CONFLICT (tenant, id) DO UPDATE SET head = excluded.head, hash = excluded.hash,
            position = excluded.position, parent = excluded.parent, base = excluded.base
"""
_MADE_ANEW = ("event_key", "snapshot", "message", "message_upto")
"""What goes of a session that is put together; the keys come back at once, from its rows."""


@define(eq=False, repr=False)
class ServerRepair:
    """
    One repair of the store of *target*, tried again from the front where the server says so.

    Attributes:
        beside: What the quarantine is named after; its folder is on this machine.

        found: The findings of `verify` that are to be mended.

        give_up: As `repair_store` says.
    """

    target: Target
    store_id: str
    mirror: Path | None
    sources: Sequence[Source]
    now_ms: int
    beside: Path
    dry_run: bool
    found: tuple[Finding, ...]
    give_up: GivenUp
    written: tuple[str, ...] = field(default=(), init=False)
    _unmended: list[str] = field(factory=list, init=False)
    _unreadable: Unreadable = field(factory=Unreadable, init=False)

    def work(self, connection: Connection) -> RepairReport:
        """
        Mend what can be mended, in the transaction of the caller.

        Raises:
            NotMended: What was put together does not hold; nothing is to be committed.
            ServerRefused: The role may append and read alone.
        """
        self._unmended = []
        self._unreadable = Unreadable()
        path = free_name(self.beside, "quarantine", stamp_of(self.now_ms))
        with (
            self._beside(),
            Quarantine(path) as quarantine,
            work_folder(self.beside) as work,
            staged(work) as staging,
        ):
            staging.given_up = self.give_up
            values = self._values(connection, quarantine)
            blamed = self._blamed(connection)
            names = self._gather(connection, staging, blamed)
            plan = Plan(staging)
            for name in staging.sessions():
                plan.complete(name, self.sources)
            ours = tuple(one for one in self.found if one.session in names)
            seen = VerifyReport(0, 0, False, ours)
            needed = plan.changes or not is_as_good(seen, plan)
            report = self._report(
                connection, plan, names, values, needed=needed or values.found > 0
            )
            if not needed or self.dry_run:
                return _with_quarantine(report, quarantine)
            draft = work / "draft.db"
            build_store(draft, staging, plan.facts, self.store_id, self.now_ms)
            proven_draft(draft)
            with staging.beside(draft):
                self._put(connection, staging, names & set(blamed))
            self._prove(connection)
            quarantine.put_unused(staging, draft)
        return _with_quarantine(report, quarantine)

    @contextmanager
    def _beside(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise folder_error(error, self.beside) from None

    def _values(self, connection: Connection, quarantine: Quarantine) -> MendedValues:
        """Mend the values beside the journals, where `verify` has blamed one."""
        others = [one for one in self.found if not one.session]
        # What is no value is nothing that is mended here.
        self._unmended += [one.message for one in others if one.what != "value"]
        if not self.sources and all(one.what != "value" for one in others):
            return MendedValues()

        def work(lent: Connection) -> MendedValues:
            where = None if self.dry_run else quarantine
            return ValuesRepair(lent, self.target, self.sources, where).work()

        try:
            mended = _in_savepoint(connection, self.target, work)
        except StoreDamaged as error:
            self._unmended.append(error.message)
            return MendedValues()
        if mended.more:
            self._unmended.append(f"more than {DAMAGED_MAX} values: repair again")
        return mended

    def _blamed(self, connection: Connection) -> list[str]:
        blamed = dict.fromkeys(one.session for one in self.found if one.session)
        if self.sources:
            # What was stated to be lost may be found by now.
            gaps = connection.execute(
                sql(self.target.schema, _GAPS_SQL), {"tenant": self.target.tenant}
            )
            blamed |= dict.fromkeys(session for (session,) in gaps.fetchall())
        blamed |= dict.fromkeys(self.give_up)
        names = list(blamed)
        if len(names) > BLAMED_MAX:
            more = number_of(len(names) - BLAMED_MAX, "further session")
            self._unmended.append(f"{more}: repair again")
        return names[:BLAMED_MAX]

    def _gather_keys(self, connection: Connection, staging: Staging) -> None:
        words = {"tenant": self.target.tenant}
        statement = sql(self.target.schema, _DATA_KEYS_SQL)
        for columns in connection.execute(statement, words, binary=True):
            entry = sound_entry(columns)
            if entry is not None:
                staging.keep(entry)
        for source in self.sources:
            bring_keys(staging, source)
        staging.drop_erased()

    def _gather(
        self, connection: Connection, staging: Staging, blamed: list[str]
    ) -> frozenset[str]:
        """
        Take in all that lies there of the families of *blamed*, and what others know of them.

        Gives the names of those that are not removed; their heads stay held.
        """
        connection.execute("SELECT set_config('lock_timeout', %s, true)", (str(HEAD_WAIT_MS),))
        words = {"tenant": self.target.tenant, "ids": blamed}
        found = connection.execute(sql(self.target.schema, _FAMILIES_SQL), words).fetchall()
        names, ends = set(blamed), dict.fromkeys(blamed, 0)
        with staging.connection:
            for session, seq, hash_, parent, base, gone in found:
                if gone:
                    names.discard(session)
                    continue
                names.add(session)
                ends[session] = seq
                origin = None if parent is None else Origin(parent, base)
                staging.state(Head(session, seq, hash_), origin, self.target.place)
        for one in self.found:
            if one.session and one.session not in names:
                self._unmended.append(f"session `{one.session}`, which was removed: {one.message}")

        def lent(work: Callable[[Connection], T]) -> T:
            return _in_savepoint(connection, self.target, work)

        for name in sorted(names):
            rows = every_row(lent, self.target, name, ends[name], self._unreadable)
            staging.add(rows, self.target.place)
        self._gather_keys(connection, staging)
        known = frozenset(names)
        know_mirror(staging, self.mirror, known)
        for session in known:
            staging.stayed(session)  # a removal that was told and not done
        for source in self.sources:
            know_source(staging, source, known)
        return known

    def _report(
        self,
        connection: Connection,
        plan: Plan,
        names: Iterable[str],
        values: MendedValues,
        *,
        needed: bool,
    ) -> RepairReport:
        words = {"tenant": self.target.tenant, "ids": list(names)}

        def count(lent: Connection) -> int:
            found = lent.execute(sql(self.target.schema, _COUNT_SQL), words).fetchone()
            return int(found[0]) if found is not None else 0

        try:
            others = _in_savepoint(connection, self.target, count)
        except StoreDamaged:
            others = 0  # rows of theirs cannot be read either; `verify` has named them
        return RepairReport(
            needed=needed,
            store_id=self.store_id,
            rows=others + plan.rows,
            merged=plan.merged,
            lost=plan.lost,
            sessions=tuple(plan.found[:LISTED_MAX]),
            more=max(0, len(plan.found) - LISTED_MAX),
            values_merged=values.merged,
            values_lost=values.lost,
            problems=(*self._unreadable.problems, *(p for s in self.sources for p in s.problems)),
            unmended=tuple(self._unmended),
            sources=tuple(one.name for one in self.sources),
            dry_run=self.dry_run,
        )

    def _put(self, connection: Connection, staging: Staging, blamed: frozenset[str]) -> None:
        """Put into the tables what the draft has and they have not."""
        changed = set(blamed)
        for record in staging.each_fresh(self.target.place):
            changed.add(record.session)
            self._put_row(connection, record)
        position = next_position(connection, self.target)
        written: list[str] = []
        for head, origin in staging.drafted_heads():
            if head.session not in changed:
                continue
            self._put_head(connection, head, origin, position + len(written))
            written.append(head.session)
        if len(written) > WRITTEN_MAX:
            raise NotMended(
                f"{len(written)} sessions share rows with each other, and at most {WRITTEN_MAX} "
                "heads are moved at once",
                remedy=ELSEWHERE,
            )
        self.written = tuple(written)

    def _put_row(self, connection: Connection, record: Record) -> None:
        words = {
            "tenant": self.target.tenant,
            "session": record.session,
            "seq": record.seq,
            "kind": record.kind,
            "at_ms": record.at_ms,
            "durable": record.durable,
            "key": record.key,
            "body": record.body,
            "hash": record.hash,
        }
        connection.execute(sql(self.target.schema, _DROP_SQL), words)
        connection.execute(sql(self.target.schema, _PUT_SQL), words)

    def _put_head(
        self, connection: Connection, head: Head, origin: Origin | None, position: int
    ) -> None:
        words = {
            "tenant": self.target.tenant,
            "session": head.session,
            "head": head.seq,
            "hash": head.hash,
            "position": position,
            "parent": None if origin is None else origin.parent,
            "base": 0 if origin is None else origin.seq,
        }
        connection.execute(sql(self.target.schema, _BEYOND_SQL), words)
        for table in _MADE_ANEW:
            text = f"DELETE FROM @.{table} WHERE tenant = %(tenant)s AND session = %(session)s"
            connection.execute(sql(self.target.schema, text), words)
        forget(connection, self.target, head.session, (INDEX_SHELF,))
        connection.execute(sql(self.target.schema, _KEYS_SQL), words)
        connection.execute(sql(self.target.schema, _HEAD_SQL), words)

    def _prove(self, connection: Connection) -> None:
        """See that what stands in the tables now holds, but for losses that it states."""

        def lent(work: Callable[[Connection], T]) -> T:
            return work(connection)

        report = verify_store(lent, self.target, self.store_id, None, self.written)
        wrong = [one for one in report.findings if one.what != "lost"]
        if wrong:
            raise NotMended(
                f"what was put together does not hold: session `{wrong[0].session}` row "
                f"{wrong[0].seq}: {wrong[0].message}",
                remedy=f"{ELSEWHERE}; and report this",
            )


def _with_quarantine(report: RepairReport, quarantine: Quarantine) -> RepairReport:
    return evolve(
        report,
        quarantined=quarantine.rows,
        quarantined_values=quarantine.values,
        quarantine=quarantine.file,
    )


def _in_savepoint(connection: Connection, target: Target, work: Callable[[Connection], T]) -> T:
    """
    What *work* gives; the transaction goes on where the server cannot read something.

    Raises:
        StoreDamaged: It cannot.
    """
    try:
        with connection.transaction():
            return work(connection)
    except psycopg.Error as error:
        told = server_error(error, target.place)
        if isinstance(told, StoreDamaged):
            raise told from None
        raise
