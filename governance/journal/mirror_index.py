"""
The heads that a mirror holds of each session, found by name, in bounded memory.

All of them, not the newest alone: where a server took over that had not got everything, and
went on, the newest are right again and an older one tells what was lost.

For a store that is not a file of this machine: the heads are put into a table of their own,
which spills to disk.
"""

from __future__ import annotations

from collections.abc import Iterator

import apsw
from attrs import field

from governance._attrs import define
from governance.journal.mirror import Damaged, Gone, Identity, Mirror, read_heads, read_identity
from governance.journal.records import Head

_TABLE_SQL = (
    "CREATE TABLE mirrored (id TEXT, head INTEGER, hash BLOB, PRIMARY KEY (id, head, hash))"
    " WITHOUT ROWID"
)
_PUT_SQL = "INSERT OR IGNORE INTO mirrored VALUES (?, ?, ?)"
_GET_SQL = "SELECT head, hash FROM mirrored WHERE id = ? ORDER BY head DESC LIMIT 1"
_OTHER_SQL = "SELECT 1 FROM mirrored WHERE id = ? AND head = ? AND hash <> ?"
_NEXT_SQL = "SELECT id, head, hash FROM mirrored WHERE id > ? ORDER BY id, head DESC LIMIT 1"


@define(eq=False, repr=False)
class MirrorIndex:
    """
    Made by `of`; to be closed.

    Attributes:
        anchored: Whether the mirror was read whole, and is being written.

        other: The store that it speaks of, where that is another one, or ``""``.

        anew_ms: As `governance.journal.mirror.Identity` has it.
    """

    anchored: bool = False
    other: str = ""
    anew_ms: int = 0
    _table: apsw.Connection = field(factory=lambda: apsw.Connection(""), init=False)

    @classmethod
    def of(cls, mirror: Mirror | None, names: frozenset[str] | None) -> MirrorIndex:
        """What *mirror* holds, of the sessions *names* alone where some are named."""
        made = cls()
        made._table.execute(_TABLE_SQL)
        if mirror is None:
            return made
        try:
            made._load(mirror, names)
        except OSError:
            made.anchored = False
        return made

    def _load(self, mirror: Mirror, names: frozenset[str] | None) -> None:
        known = read_identity(mirror.path)
        if not isinstance(known, Identity):
            return
        if known.store != mirror.identity.store:
            self.other = known.store
            return
        whole = True
        with self._table:
            for one in read_heads(mirror.path):
                if isinstance(one, Damaged):
                    whole = False
                    continue
                head = one.head if isinstance(one, Gone) else one
                if names is None or head.session in names:
                    self._table.execute(_PUT_SQL, (head.session, head.seq, head.hash))
        self.anchored = whole and not mirror.problem
        self.anew_ms = known.anew_ms

    def head(self, session: str) -> Head | None:
        """The newest head of *session* that the mirror was told."""
        found = self._table.execute(_GET_SQL, (session,)).fetchone()
        return Head(session, *found) if found is not None else None

    def contradicts(self, head: Head) -> bool:
        """Whether the mirror was ever told another hash of the row that *head* names."""
        found = self._table.execute(_OTHER_SQL, (head.session, head.seq, head.hash))
        return found.fetchone() is not None

    def heads(self) -> Iterator[Head]:
        """The newest of each session, in order of session."""
        after = ""
        while (found := self._table.execute(_NEXT_SQL, (after,)).fetchone()) is not None:
            yield Head(*found)
            after = found[0]

    def close(self) -> None:
        self._table.close()
