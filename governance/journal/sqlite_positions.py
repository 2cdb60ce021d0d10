"""
The positions of the heads' moves in a SQLite store: which come next, and who moved since.

Every move of a head takes the next position, in the order of commits. The newest one is not
written down at every move, which would cost an append a page: a connection reserves a block of
positions, and takes another block as soon as somebody else has reserved one meanwhile.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import define
from governance.errors import StoreDamaged
from governance.journal.faults import DAMAGED_REMEDY
from governance.journal.records import Moved

if TYPE_CHECKING:
    import apsw

BLOCK = 1_000
"""Positions that are reserved at once."""

_RESERVED_SQL = "SELECT value FROM store WHERE name = 'position'"
_RESERVE_SQL = "UPDATE store SET value = ? WHERE name = 'position'"
_MOVED_SQL = (
    "SELECT id, head, position, echo FROM session WHERE position > ?1"
    " UNION ALL SELECT id, 0, position, -position FROM removed WHERE position > ?1"
    " ORDER BY 3 LIMIT ?2"
)
NEWEST_SQL = (
    "SELECT max(coalesce((SELECT max(position) FROM session), 0),"
    " coalesce((SELECT max(position) FROM removed), 0))"
)


def reserved(connection: apsw.Connection) -> int:
    """
    The last position that anybody has reserved; -1 where the store does not say.

    It is at or above every position that was taken.
    """
    found = connection.execute(_RESERVED_SQL).fetchone()
    return int(found[0]) if found is not None and str(found[0]).isdecimal() else -1


def moved(connection: apsw.Connection, path: Path, after: int, limit: int) -> tuple[Moved, ...]:
    """
    What the contract's ``moved`` gives. Looks at the head of every session.

    Raises:
        StoreDamaged: The position of a session is not what was written.
    """
    found: list[Moved] = []
    for session, seq, position, echo in connection.execute(_MOVED_SQL, (after, limit)):
        if position != -echo:
            raise StoreDamaged(
                f"the position of `{session}` in the store `{path}` is not what was written",
                remedy=DAMAGED_REMEDY,
            )
        found.append(Moved(session, seq, position))
    return tuple(found)


@define(eq=False, repr=False)
class Positions:
    """Hands out positions to the one who writes, inside its transactions."""

    connection: apsw.Connection
    path: Path
    _next: int = field(default=1, init=False)
    _last: int = field(default=0, init=False)
    _checked: bool = field(default=True, init=False)

    def take(self, count: int = 1) -> int:
        """
        The first of the next *count* positions.

        Raises:
            StoreDamaged: The store does not say which were reserved.
        """
        if not self._checked:
            self._checked = True
            if reserved(self.connection) != self._last:
                self.forget()
        if self._next + count - 1 > self._last:
            self._reserve(max(BLOCK, count))
        first = self._next
        self._next += count
        return first

    def _reserve(self, count: int) -> None:
        last = reserved(self.connection)
        if last < 0:
            raise StoreDamaged(
                f"the store `{self.path}` does not say how often its heads have moved",
                remedy=DAMAGED_REMEDY,
            )
        self._next, self._last = last + 1, last + count
        self.connection.execute(_RESERVE_SQL, (str(self._last),))

    def doubt(self) -> None:
        """Somebody else has written meanwhile, and may have reserved a later block."""
        self._checked = False

    def forget(self) -> None:
        """The block may not be this one's: its reservation was taken back, or is too old."""
        self._next, self._last = 1, 0
