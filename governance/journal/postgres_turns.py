"""
A turn of a session in a PostgreSQL store: its row is held while somebody decides what to append.

One transaction, which the server ends where the client does not: nobody waits longer for a
client that was paused, or whose machine is gone, than it may take itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg

from governance.errors import StoreBusy
from governance.journal import postgres_rows
from governance.journal.limits import check_append
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_faults import DIVISION, DUPLICATE
from governance.journal.postgres_rows import Batch
from governance.journal.postgres_schema import sql
from governance.journal.postgres_writer import TRIES_MAX, Writer, left_ms
from governance.journal.records import Append, Appended, Conflict, Duplicate

# In one order for all, so that two turns never wait for each other.
_HOLD_SQL = """
    SELECT 1 FROM @.session WHERE tenant = %(tenant)s AND id = ANY(%(sessions)s)
        ORDER BY id FOR UPDATE
"""
_END_SQL = "SELECT set_config('idle_in_transaction_session_timeout', %s, true)"


def append_alone(
    writer: Writer,
    session: str,
    decide: Callable[[], Sequence[Append]],
    key: str | None,
    until: float,
) -> Appended | Conflict | Duplicate:
    """What the contract's ``append_alone`` gives, by *until*."""
    held = {session}
    for _ in range(TRIES_MAX):
        mark = writer.anchor.mark() if writer.anchor is not None else 0
        done = writer.change(
            lambda connection: _turn(writer, connection, held, decide, key, until),
            until=until,
            newest=True,
        )
        if isinstance(done, Batch):
            writer.note(done, mark)
            return done.appended()
        if done is not None:
            return done
    raise StoreBusy(f"the sessions that `{session}` is written with change all the time")


def _turn(
    writer: Writer,
    connection: Connection,
    held: set[str],
    decide: Callable[[], Sequence[Append]],
    key: str | None,
    until: float,
) -> Batch | Appended | Conflict | Duplicate | None:
    """One turn: what was written in it, or why nothing; ``None`` where it must be taken again."""
    target = writer.target
    connection.execute(_END_SQL, (left_ms(until),))
    words = {"tenant": target.tenant, "sessions": list(held)}
    connection.execute(sql(target.schema, _HOLD_SQL), words)
    with writer.connections.keep(connection):
        batch = decide()
    if not batch:
        return Appended((), ())
    whole = check_append(batch, key)
    others = {one.session for one in whole} - held
    if others:
        held |= others
        return None
    heads = postgres_rows.look(connection, target, whole, key)
    if isinstance(heads, (Conflict, Duplicate)):
        return heads
    made = Batch.of(whole, heads, key)
    try:
        # What it fails of is undone, and the turn ends without it.
        with connection.transaction():
            return made if writer.send(connection, made, until) else None
    except psycopg.Error as error:
        # There was no row to hold of a session that another one has begun, or of the key.
        if error.sqlstate in {DIVISION, DUPLICATE}:
            return None
        raise
