"""
Leases: which engine had better serve a session, by the server's own clock.

A hint and no lock: an engine that was paused past its lease, and does not know it, is kept
from writing by the expected head of its append, and by nothing else.
"""

from __future__ import annotations

from governance._attrs import define, frozen
from governance.errors import MisuseError, StoreBusy
from governance.journal.limits import check_session, check_text
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_schema import sql
from governance.journal.postgres_shelf import Lent
from governance.journal.postgres_url import Target

OWNER_CHARACTERS_MAX = 300
LEASE_MS_MAX = 86_400_000

_LEFT = "greatest(0, (extract(epoch FROM ends - clock_timestamp()) * 1000)::bigint)"
_TAKE_SQL = f"""
    WITH taken AS (
        INSERT INTO @.lease AS l (tenant, session, owner, ends)
            VALUES (%(tenant)s, %(session)s, %(owner)s, clock_timestamp() + %(span)s::interval)
            ON CONFLICT (tenant, session) DO UPDATE SET owner = excluded.owner,
                ends = excluded.ends
                WHERE l.owner = excluded.owner OR l.ends <= clock_timestamp()
            RETURNING owner, ends
    )
    SELECT owner, {_LEFT} FROM taken UNION ALL
        SELECT owner, {_LEFT} FROM @.lease
            WHERE tenant = %(tenant)s AND session = %(session)s AND NOT EXISTS (SELECT FROM taken)
"""
_HOLDER_SQL = f"""
    SELECT owner, {_LEFT} FROM @.lease
        WHERE tenant = %(tenant)s AND session = %(session)s AND ends > clock_timestamp()
"""
_RELEASE_SQL = """
    DELETE FROM @.lease
        WHERE tenant = %(tenant)s AND session = %(session)s AND owner = %(owner)s
"""
_TRIES_MAX = 8


@frozen
class Lease:
    """
    Who serves a session for the time being.

    Attributes:
        left_ms: How long that holds; 0 when it is over.
    """

    session: str
    owner: str
    left_ms: int


@define(eq=False, repr=False)
class Leases:
    """The leases of one store."""

    _target: Target
    _reading: Lent
    _change: Lent

    def take(self, session: str, owner: str, *, lease_ms: int) -> Lease:
        """
        Have *owner* serve *session* for *lease_ms* from now, unless another one does.

        Gives the lease that holds now: one's own, made longer, or the other's.
        """
        check_session(session)
        check_text("owner", owner, OWNER_CHARACTERS_MAX)
        if type(lease_ms) is not int or not 1 <= lease_ms <= LEASE_MS_MAX:
            raise MisuseError(f"a lease of {lease_ms!r} ms; expected 1 to {LEASE_MS_MAX}")
        words = self._words(session, owner=owner, span=f"{lease_ms} milliseconds")

        def work(connection: Connection) -> Lease:
            for _ in range(_TRIES_MAX):
                found = connection.execute(self._sql(_TAKE_SQL), words).fetchone()
                # None is found where another one's lease was made since the statement began.
                if found is not None:
                    return Lease(session, *found)
            raise StoreBusy(f"the lease of `{session}` changes hands all the time")

        return self._change(work)

    def holder(self, session: str) -> Lease | None:
        """Who serves *session* now, if anybody does."""
        check_session(session)

        def work(connection: Connection) -> Lease | None:
            words = self._words(session)
            found = connection.execute(self._sql(_HOLDER_SQL), words).fetchone()
            return Lease(session, *found) if found is not None else None

        return self._reading(work)

    def release(self, session: str, owner: str) -> bool:
        """End the lease of *owner*; ``False`` where it held none."""
        check_session(session)
        words = self._words(session, owner=owner)
        return self._change(
            lambda connection: connection.execute(self._sql(_RELEASE_SQL), words).rowcount == 1
        )

    def _words(self, session: str, **more: object) -> dict[str, object]:
        return {"tenant": self._target.tenant, "session": session, **more}

    def _sql(self, text: str) -> bytes:
        return sql(self._target.schema, text)
