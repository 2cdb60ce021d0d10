"""
What writes to a PostgreSQL store: appends of one statement, and changes of one transaction.

Of each it is known what became of it: done, not done, or `OutcomeUnknown`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import psycopg
from attrs import field

from governance._attrs import define
from governance.errors import MisuseError, StoreBusy, StoreMissing
from governance.journal import postgres_rows, postgres_schema
from governance.journal.chain import ZERO_HASH
from governance.journal.limits import DEADLINE_MS_DEFAULT
from governance.journal.postgres_anchor import Anchor
from governance.journal.postgres_connection import Connection, Connections, nap
from governance.journal.postgres_faults import (
    DIVISION,
    DUPLICATE,
    RETRIED,
    is_unknown,
    lost,
    server_error,
    told,
    unknown,
)
from governance.journal.postgres_group import SharedAppends
from governance.journal.postgres_url import Target
from governance.journal.postgres_wakeup import channel
from governance.journal.records import Append, Appended, Conflict, Duplicate, Head

T = TypeVar("T")

TRIES_MAX = 8
"""How often one call is sent again when the server took it back, or another was faster."""

HEADS_KEPT_MAX = 4_096
"""Sessions whose heads a journal remembers; then it begins to learn them anew."""


def until_of(deadline_ms: int | None = None) -> float:
    """The end of a deadline that begins now, in seconds of `time.monotonic`."""
    return time.monotonic() + (DEADLINE_MS_DEFAULT if deadline_ms is None else deadline_ms) / 1000


@define(eq=False, repr=False)
class Writer:
    """
    Writes to one store. Thread-safe.

    What it remembers of heads may be old at any time: the server compares.
    """

    target: Target
    store_id: str
    connections: Connections
    anchor: Anchor | None
    _heads: dict[str, Head] = field(factory=dict, init=False)
    _acknowledged: dict[str, Head] = field(factory=dict, init=False)
    _shared: SharedAppends = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._shared = SharedAppends(self)

    def append(
        self, whole: tuple[Append, ...], key: str | None, until: float
    ) -> Appended | Conflict | Duplicate:
        """What the contract's ``append`` gives, by *until*."""
        self._check_own_turn()
        # A session that is said to be new needs no look: the server finds out.
        before = self.remembered(whole)
        if before is not None and key is None:
            shared = self._shared.append(whole, until)
            if shared is not None:
                return shared
            before = None
        for tries in range(TRIES_MAX):
            if before is None:
                answer = self._look(whole, key, until)
                if isinstance(answer, (Conflict, Duplicate)):
                    return answer
                before = answer
            batch = postgres_rows.Batch.of(whole, before, key)
            written = self.write(batch, until)
            if written is True:
                return batch.appended()
            before = None
            if written is None and not nap(tries, until):
                break
        raise StoreBusy(
            f"{self.target.place} took the rows back again and again",
            remedy="try again; if it goes on, see whether this role may write",
        )

    def forget(self, session: str) -> None:
        """Look at the head of *session* before the next append."""
        self._heads.pop(session, None)

    def forget_all(self, sessions: Sequence[str]) -> None:
        """Look at *sessions* anew: what was acknowledged of them may stand there no more."""
        for session in sessions:
            self._heads.pop(session, None)
            self._acknowledged.pop(session, None)

    def change(
        self,
        work: Callable[[Connection], T],
        *,
        durable: bool = True,
        until: float | None = None,
        newest: bool = False,
    ) -> T:
        """
        What *work* gives, which is committed then; sent again where the server took it back.

        Args:
            newest: Each statement of *work* sees what was committed last, whatever the
                server's own default is.

        Raises:
            OutcomeUnknown: The connection broke in the commit itself.
            JournalError: Nothing was changed.
        """
        self._check_own_turn()
        until = until_of() if until is None else until
        for tries in range(TRIES_MAX):
            with self.connections.lend(until) as connection:
                worked = False
                try:
                    with connection.transaction():
                        if newest:
                            connection.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
                        self._prepare(connection, until, durable=durable)
                        done = work(connection)
                        worked = True
                    return done
                except psycopg.Error as error:
                    if worked and is_unknown(error, alive=connection.alive):
                        raise unknown(self.target.place, told(error)) from None
                    if error.sqlstate not in RETRIED:
                        raise server_error(error, self.target.place) from None
            if not nap(tries, until):
                break
        raise StoreBusy(f"{self.target.place} took a change back again and again")

    def _check_own_turn(self) -> None:
        if self.connections.kept is not None:
            raise MisuseError("nothing else can be written to a journal in one's turn of it")

    def _prepare(self, connection: Connection, until: float, *, durable: bool) -> None:
        connection.execute(
            "SELECT set_config('lock_timeout', %s, true),"
            " set_config('synchronous_commit', %s, true)",
            (left_ms(until), connection.level(durable=durable)),
        )
        self._check_store(connection)

    def remembered(self, whole: tuple[Append, ...]) -> tuple[Head, ...] | None:
        """The heads to write *whole* after, where they are known without a look."""
        found: list[Head] = []
        for one in whole:
            head = self._heads.get(one.session)
            if head is None and one.expected_seq == 0:
                head = Head(one.session, 0, ZERO_HASH)
            if head is None or head.seq != one.expected_seq:
                return None
            found.append(head)
        return tuple(found)

    def _look(
        self, whole: tuple[Append, ...], key: str | None, until: float
    ) -> tuple[Head, ...] | Conflict | Duplicate:
        def work(connection: Connection) -> tuple[Head, ...] | Conflict | Duplicate:
            # Before the look: what is acknowledged while it lasts, it may not see.
            known = [self._acknowledged.get(one.session) for one in whole]
            self._check_store(connection)
            answer = postgres_rows.look(connection, self.target, whole, key)
            if not isinstance(answer, Duplicate):
                found = answer.actual if isinstance(answer, Conflict) else answer
                self._check_acknowledged(connection, known, found)
            return answer

        for one in whole:
            self._heads.pop(one.session, None)
        return self.connections.read(work, until)

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

    def _check_acknowledged(
        self, connection: Connection, acknowledged: list[Head | None], found: tuple[Head, ...]
    ) -> None:
        """
        See that the last rows that were *acknowledged* as durable are there still.

        A server that took over may never have got them. Whoever went on there without a word
        would decide as if what they say had not happened.
        """
        for known, head in zip(acknowledged, found, strict=True):
            if known is None:
                continue
            hash_ = head.hash if head.seq == known.seq else None
            if head.seq > known.seq:
                hash_ = postgres_rows.hash_at(connection, self.target, head.session, known.seq)
            if hash_ != known.hash:
                raise lost(self.target.place, known, head)

    def write(
        self, batch: postgres_rows.Batch, until: float, *, held_ms_max: int | None = None
    ) -> bool | None:
        """
        Send *batch*: ``True`` it is written, ``False`` it does not fit, ``None`` send it again.

        Args:
            held_ms_max: How long it waits for a session that somebody holds; none: *until*.

        Raises:
            JournalError: Nothing was written, but for `OutcomeUnknown`.
        """
        mark = self.anchor.mark() if self.anchor is not None else 0
        with self.connections.lend(until) as connection:
            try:
                written = self.send(connection, batch, until, held_ms_max=held_ms_max)
            except psycopg.Error as error:
                return self._failed(error, batch, alive=connection.alive)
        if written:
            self.note(batch, mark)
        return written

    def send(
        self,
        connection: Connection,
        batch: postgres_rows.Batch,
        until: float,
        *,
        held_ms_max: int | None = None,
    ) -> bool:
        """Send *batch* in one statement; ``False`` where it does not fit."""
        words = batch.words()
        words["tenant"], words["store"] = self.target.tenant, self.store_id
        words["level"] = connection.level(durable=batch.durable)
        words["wait_ms"] = left_ms(until) if held_ms_max is None else str(held_ms_max)
        words["channel"] = channel(self.target)
        found = connection.execute(postgres_rows.append_sql(self.target), words).fetchone()
        return found is not None and found[0] == len(batch.heads)

    def note(self, batch: postgres_rows.Batch, mark: int) -> None:
        """Remember where *batch*, which is committed, has left its sessions."""
        if len(self._heads) > HEADS_KEPT_MAX:
            self._heads.clear()
        self._heads.update((head.session, head) for head in batch.heads)
        if batch.durable:
            if len(self._acknowledged) > HEADS_KEPT_MAX:
                self._acknowledged.clear()
            self._acknowledged.update((head.session, head) for head in batch.heads)
        if self.anchor is not None:
            self.anchor.note(batch.heads, mark=mark, durable=batch.durable)

    def _failed(
        self, error: psycopg.Error, batch: postgres_rows.Batch, *, alive: bool
    ) -> bool | None:
        for head in batch.heads:
            self._heads.pop(head.session, None)
        if is_unknown(error, alive=alive):
            raise unknown(self.target.place, told(error))
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


def left_ms(until: float) -> str:
    """How long it is until *until*, for a setting of the server."""
    # Zero would mean without end.
    return str(max(1, int((until - time.monotonic()) * 1000)))
