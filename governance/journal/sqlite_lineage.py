"""
Branches and tombstones in a SQLite store: which session holds which row of which.

A plain session costs nothing here: its head's row says that it stems from none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from governance._attrs import frozen
from governance.errors import StoreDamaged
from governance.journal.chain import ZERO_HASH, tombstone_digest
from governance.journal.faults import DAMAGED_REMEDY, was_removed
from governance.journal.gaps import GAP_KIND, Link, bridge_of
from governance.journal.records import BRANCH_DEPTH_MAX, Head, Origin

if TYPE_CHECKING:
    import apsw

_ORIGIN_SQL = (
    "SELECT parent, base FROM session WHERE id = ?1"
    " UNION ALL SELECT parent, base FROM removed WHERE id = ?1"
)
ROW_HASH_SQL = "SELECT hash FROM event WHERE session = ? AND seq = ?"

_LINK_SQL = (
    f"SELECT hash, iif(kind = '{GAP_KIND}', body, NULL) FROM event"  # noqa: S608 - our own names
    " WHERE session = ? AND seq = ?"
)
TOMBSTONE_SQL = "SELECT head, hash, parent, base, position, digest FROM removed WHERE id = ?"


@frozen
class Stretch:
    """Rows of a history that one session holds: those with ``after < seq <= upto``."""

    owner: str
    after: int
    upto: int


@frozen
class Tombstone:
    """What is left of a removed session."""

    head: Head
    origin: Origin | None


def origin_of(connection: apsw.Connection, session: str) -> Origin | None:
    """Where *session* was branched off, be it live or removed."""
    found = connection.execute(_ORIGIN_SQL, (session,)).fetchone()
    return Origin(*found) if found is not None and found[0] is not None else None


def hash_at(connection: apsw.Connection, session: str, seq: int) -> bytes | None:
    """
    The hash of row *seq*, the zero hash for 0, or none where there is no such row.

    Of a branch also of a row that it shares.
    """
    link = link_at(connection, session, seq)
    return link if link is None or isinstance(link, bytes) else link.own


def link_at(connection: apsw.Connection, session: str, seq: int) -> Link | None:
    """What must follow row *seq*: as `hash_at`, but for the rows that stand for lost ones."""
    if seq == 0:
        return ZERO_HASH
    owner = session
    for _ in range(BRANCH_DEPTH_MAX + 1):
        found = connection.execute(_LINK_SQL, (owner, seq)).fetchone()
        if found is not None:
            own, gap = found
            return own if gap is None else bridge_of(own, gap)
        origin = origin_of(connection, owner)
        if origin is None or seq > origin.seq:
            return None
        owner = origin.parent
    return None


def stretches(
    connection: apsw.Connection,
    path: Path,
    session: str,
    origin: Origin | None,
    after: int,
    upto: int,
) -> list[Stretch]:
    """
    Who holds the rows of *session*, branched off at *origin*, between *after* and *upto*.

    Raises:
        StoreDamaged: It stems from more sessions than any branch may, itself perhaps.
    """
    found: list[Stretch] = []
    owner = session
    for _ in range(BRANCH_DEPTH_MAX + 1):
        base = 0 if origin is None else min(origin.seq, upto)
        if max(base, after) < upto:
            found.append(Stretch(owner, max(base, after), upto))
        if origin is None or base <= after:
            return found[::-1]
        owner, upto = origin.parent, base
        origin = origin_of(connection, owner)
    raise StoreDamaged(
        f"in the store `{path}` the session `{session}` stems from more than "
        f"{BRANCH_DEPTH_MAX} others",
        remedy=DAMAGED_REMEDY,
    )


def depth(connection: apsw.Connection, session: str) -> int:
    """How many sessions *session* stems from, up to one more than any branch may."""
    count = 0
    origin = origin_of(connection, session)
    while origin is not None and count <= BRANCH_DEPTH_MAX:
        count += 1
        origin = origin_of(connection, origin.parent)
    return count


def tombstone_of(columns: tuple[object, ...], session: str) -> Tombstone | None:
    """The tombstone in the *columns* of `TOMBSTONE_SQL`, or none where it is damaged."""
    seq, hash_, parent, base, position, digest = columns
    if not (isinstance(seq, int) and isinstance(base, int) and isinstance(position, int)):
        return None
    if not isinstance(hash_, bytes) or not (parent is None or isinstance(parent, str)):
        return None
    if min(seq, base, position) < 0 or (parent is None and base):
        return None
    head = Head(session, seq, hash_)
    origin = Origin(parent, base) if parent is not None else None
    if digest != tombstone_digest(head, origin, position):
        return None
    return Tombstone(head, origin)


def tombstone(connection: apsw.Connection, path: Path, session: str) -> Tombstone | None:
    """
    What is left of *session*, if it was removed.

    Raises:
        StoreDamaged: The tombstone is not what was written.
    """
    columns = connection.execute(TOMBSTONE_SQL, (session,)).fetchone()
    if columns is None:
        return None
    found = tombstone_of(columns, session)
    if found is None:
        raise StoreDamaged(
            f"the tombstone of `{session}` in the store `{path}` is damaged",
            remedy=DAMAGED_REMEDY,
        )
    return found


def refuse_removed(connection: apsw.Connection, path: Path, session: str) -> None:
    """
    Return quietly unless *session* was removed.

    Raises:
        SessionRemoved: It was.
        StoreDamaged: Its tombstone is not what was written.
    """
    found = tombstone(connection, path, session)
    if found is not None:
        raise was_removed(session, found.head.seq)
