"""
Where the parts of a damaged store are gathered before they are put together again.

A SQLite file of its own, thrown away afterwards, so that memory stays bounded however large the
store is. It holds every candidate for a row, wherever it was found, and everything that anybody
still knows of a row's hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from attrs import field

from governance._attrs import define, frozen
from governance.journal.chain import ZERO_HASH, entry_digest, record_hash
from governance.journal.gaps import GAP_KIND, Bridge, Link, bridge_of, row_digest
from governance.journal.limits import HASH_BYTES
from governance.journal.reassembling import Facts, Slot
from governance.journal.records import BRANCH_DEPTH_MAX, KEY_SHELF, Entry, Head, Origin, Record
from governance.journal.session_values import INDEX_SHELF
from governance.journal.sqlite_rows import COLUMNS, record_of
from governance.journal.vault import ERASED_PREFIX, opener, session_scope

if TYPE_CHECKING:
    import apsw

GivenUp: TypeAlias = Mapping[str, Set[int]]
"""Session → the sequences of rows that count as lost, for nobody can read them."""

BEYOND_ROWS_MAX = 100_000
"""How many rows a head that nothing else confirms may claim beyond the last row found."""

_SCHEMA = (
    "PRAGMA synchronous=OFF",
    "CREATE TABLE candidate (session TEXT, seq INTEGER, kind TEXT, at_ms INTEGER, body BLOB,"
    " durable INTEGER, key TEXT, hash BLOB, digest BLOB, source TEXT)",
    "CREATE UNIQUE INDEX one ON candidate (session, seq, hash, digest)",
    "CREATE TABLE known (session TEXT, seq INTEGER, hash BLOB, source TEXT,"
    " PRIMARY KEY (session, seq, hash)) WITHOUT ROWID",
    "CREATE TABLE head (session TEXT, seq INTEGER, hash BLOB, parent TEXT, base INTEGER,"
    " source TEXT)",
    "CREATE INDEX head_of ON head (session)",
    "CREATE TABLE gone (session TEXT PRIMARY KEY, seq INTEGER, hash BLOB, parent TEXT,"
    " base INTEGER) WITHOUT ROWID",
    "CREATE TABLE shelf (shelf TEXT, name TEXT, version INTEGER, value BLOB, digest BLOB,"
    " PRIMARY KEY (shelf, name)) WITHOUT ROWID",
)
_BODY = COLUMNS.split(", ").index("body")
_ADD_SQL = "INSERT OR IGNORE INTO candidate VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SLOTS_SQL = f"SELECT {COLUMNS} FROM candidate WHERE session = ? ORDER BY seq, rowid"  # noqa: S608
_UNUSED_SQL = (
    f"SELECT {COLUMNS}, source FROM candidate AS c WHERE c.kind <> '{GAP_KIND}' AND NOT EXISTS"  # noqa: S608
    " (SELECT 1 FROM draft.event AS e WHERE e.session = c.session AND e.seq = c.seq"
    " AND e.kind = c.kind AND e.at_ms = c.at_ms AND e.durable = c.durable AND e.key IS c.key"
    " AND e.body = c.body) ORDER BY c.session, c.seq, c.rowid"
)
_FRESH_SQL = (
    f"SELECT {COLUMNS} FROM draft.event AS e WHERE NOT EXISTS"  # noqa: S608
    " (SELECT 1 FROM candidate AS c WHERE c.session = e.session AND c.seq = e.seq"
    " AND c.hash = e.hash AND c.kind = e.kind AND c.at_ms = e.at_ms AND c.durable = e.durable"
    " AND c.key IS e.key AND c.body = e.body AND c.source = ?) ORDER BY e.session, e.seq"
)
_DRAFTED_SQL = "SELECT id, head, hash, parent, base FROM draft.session ORDER BY id"
_NAMES_SQL = (
    "SELECT session FROM candidate UNION SELECT session FROM known"
    " UNION SELECT session FROM head EXCEPT SELECT session FROM gone"
)


@frozen
class Unused:
    """A candidate that fits nowhere, and where it was found."""

    record: Record
    source: str


@define(eq=False, repr=False)
class Staging:
    """
    Candidates and knowledge, by session; made by `open`, closed by its owner.

    Attributes:
        position: The highest position of a move that was seen; 0: none was.

        given_up: Rows that are lost, whatever is found of them.
    """

    connection: apsw.Connection
    given_up: GivenUp = field(factory=dict, init=False)
    candidates: int = field(default=0, init=False)
    position: int = field(default=0, init=False)

    @classmethod
    def open(cls, path: Path) -> Staging:
        """A new one in a file at *path*."""
        import apsw

        connection = apsw.Connection(str(path))
        for statement in _SCHEMA:
            connection.execute(statement)
        return cls(connection)

    def add(self, found: Iterable[tuple[object, ...]], source: str) -> int:
        """
        Take in what are rows of ours among *found*, in the order of `COLUMNS`; how many.

        One that is known already, to the last column, is not taken twice.
        """
        before = self.connection.total_changes()
        with self.connection:
            for columns in found:
                record = _row_of(columns)
                if record is None:
                    continue
                values = (record.session, record.seq, record.kind, record.at_ms, record.body)
                rest = (record.durable, record.key, record.hash, row_digest(record), source)
                self.connection.execute(_ADD_SQL, values + rest)
                if record.kind == GAP_KIND:
                    self._remember_bridge(record)
        added = self.connection.total_changes() - before
        self.candidates += added
        return added

    def _remember_bridge(self, record: Record) -> None:
        lost = bridge_of(record.hash, record.body).lost
        if lost:
            self.know(Head(record.session, record.seq, lost), "an earlier repair")

    def know(self, head: Head, source: str) -> None:
        """Take in that row ``head.seq`` of its session had that hash."""
        if head.seq > 0 and len(head.hash) == HASH_BYTES:
            self.connection.execute(
                "INSERT OR IGNORE INTO known VALUES (?, ?, ?, ?)",
                (head.session, head.seq, head.hash, source),
            )

    def state(self, head: Head, origin: Origin | None, source: str) -> None:
        """Take in what a store says is the head of a session; it may be damaged itself."""
        parent, base = (origin.parent, origin.seq) if origin is not None else (None, 0)
        self.connection.execute(
            "INSERT INTO head VALUES (?, ?, ?, ?, ?, ?)",
            (head.session, head.seq, head.hash, parent, base, source),
        )

    def went(self, head: Head, origin: Origin | None) -> None:
        """Take in that the session of *head* was removed, this being its last head."""
        parent, base = (origin.parent, origin.seq) if origin is not None else (None, 0)
        self.connection.execute(
            "INSERT OR REPLACE INTO gone VALUES (?, ?, ?, ?, ?)",
            (head.session, head.seq, head.hash, parent, base),
        )

    def stayed(self, session: str) -> None:
        """Take back that *session* was removed: it was put back, or never went."""
        self.connection.execute("DELETE FROM gone WHERE session = ?", (session,))

    def tombstones(self) -> tuple[tuple[Head, Origin | None], ...]:
        """The sessions that were removed, each with where it was branched off."""
        found = self.connection.execute("SELECT session, seq, hash, parent, base FROM gone")
        return tuple(
            (Head(session, seq, hash_), Origin(parent, base) if parent is not None else None)
            for session, seq, hash_, parent, base in found
        )

    def keep(self, entry: Entry) -> bool:
        """Take in a value beside the journals; one that is there already stays."""
        before = self.connection.total_changes()
        self.connection.execute(
            "INSERT OR IGNORE INTO shelf VALUES (?, ?, ?, ?, ?)",
            (entry.shelf, entry.name, entry.version, entry.value, entry_digest(entry)),
        )
        return self.connection.total_changes() > before

    def readable(
        self, session: str, found: Iterable[tuple[object, ...]]
    ) -> Iterator[tuple[object, ...]]:
        """Those of *found*, rows of *session* in the order of `COLUMNS`, whose key is not lost."""

        def value_of(name: str) -> bytes | None:
            sql = "SELECT value FROM shelf WHERE shelf = ? AND name = ?"
            value = self.connection.execute(sql, (KEY_SHELF, name)).get
            return value if isinstance(value, bytes) else None

        opens = opener(value_of, session_scope(session))
        for columns in found:
            body = columns[_BODY]
            if not isinstance(body, bytes) or opens(body):
                yield columns

    def lacks_key(self, name: str) -> bool:
        """Whether the data key called *name* is not there, though nobody has destroyed it."""
        mark = f"{ERASED_PREFIX}{name.partition(':')[2]}"
        return not (self.has_entry(KEY_SHELF, name) or self.has_entry(KEY_SHELF, mark))

    def has_entry(self, shelf: str, name: str) -> bool:
        """Whether it has that value, from wherever."""
        sql = "SELECT 1 FROM shelf WHERE shelf = ? AND name = ?"
        return self.connection.execute(sql, (shelf, name)).fetchone() is not None

    def entries(self) -> Iterator[tuple[object, ...]]:
        """
        The values beside the journals, as they are stored, but for what is made anew from rows:
        it may tell of some that are lost.
        """
        sql = "SELECT shelf, name, version, value, digest FROM shelf WHERE shelf <> ?"
        yield from self.connection.execute(sql, (INDEX_SHELF,))

    def erased_marks(self) -> Iterator[Entry]:
        """The marks of data keys that were destroyed."""
        sql = "SELECT shelf, name, version, value FROM shelf WHERE shelf = ? AND name LIKE ? || '%'"
        for columns in self.connection.execute(sql, (KEY_SHELF, ERASED_PREFIX)):
            yield Entry(*columns)

    def drop_erased(self) -> None:
        """Let go of data keys that a mark says were destroyed, wherever they were found."""
        self.connection.execute(
            "DELETE FROM shelf WHERE shelf = ?1 AND name NOT LIKE ?2 || '%' AND"
            " substr(name, instr(name, ':') + 1) IN (SELECT substr(name, length(?2) + 1)"
            "  FROM shelf WHERE shelf = ?1 AND name LIKE ?2 || '%')",
            (KEY_SHELF, ERASED_PREFIX),
        )

    def origin(self, session: str) -> Origin | None:
        """Where *session* was branched off, by its head or its tombstone."""
        found = self.connection.execute(
            "SELECT parent, base FROM gone WHERE session = ?1"
            " UNION ALL SELECT parent, base FROM head WHERE session = ?1",
            (session,),
        ).fetchone()
        return Origin(*found) if found is not None and found[0] is not None else None

    def is_live(self, session: str) -> bool:
        """Whether a store states a head of *session*."""
        found = self.connection.execute("SELECT 1 FROM head WHERE session = ?", (session,))
        return found.fetchone() is not None

    def confirmed_heads(self) -> tuple[Head, ...]:
        """What was said to be the head of a session and is the hash of a row that was found."""
        found = self.connection.execute(
            "SELECT DISTINCT h.session, h.seq, h.hash FROM head AS h JOIN candidate AS c"
            " ON c.session = h.session AND c.seq = h.seq AND c.hash = h.hash"
        )
        return tuple(Head(*one) for one in found)

    def sessions(self) -> tuple[str, ...]:
        """Every session that anything is known of and that was not removed, parents first."""
        names = sorted(name for (name,) in self.connection.execute(_NAMES_SQL))
        return tuple(sorted(names, key=self._depth))

    def _depth(self, session: str) -> int:
        origin, depth = self.origin(session), 0
        while origin is not None and depth <= BRANCH_DEPTH_MAX:
            origin, depth = self.origin(origin.parent), depth + 1
        return depth

    def slots(self, session: str) -> Iterator[Slot]:
        """The candidates of *session*, by sequence."""
        given_up = self.given_up.get(session, frozenset())
        seq = 0
        here: list[Record] = []
        for columns in self.connection.execute(_SLOTS_SQL, (session,)):
            record = record_of(columns)
            if record is None or record.seq in given_up:
                continue
            if record.seq != seq and here:
                yield seq, tuple(here)
                here = []
            seq = record.seq
            here.append(record)
        if here:
            yield seq, tuple(here)

    def facts(self, session: str, base: int, link: Link) -> Facts:
        """What is known of *session*, which goes on from row *base*, besides its candidates."""
        return Facts(
            base=base,
            link=link,
            last=max(base, self._last(session)),
            known=lambda seq: self._known(session, seq),
            fixed=self._fixed(session),
            bridge=lambda seq: self._bridge(session, seq),
        )

    def stated(self, session: str, first: int, last: int) -> int:
        """How many of these rows an earlier repair has stated to be lost."""
        found = self.connection.execute(
            "SELECT count(DISTINCT seq) FROM candidate"
            " WHERE session = ? AND seq BETWEEN ? AND ? AND kind = ?",
            (session, first, last, GAP_KIND),
        )
        return int(found.get)

    def _bridge(self, session: str, seq: int) -> Bridge | None:
        found = self.connection.execute(
            "SELECT hash, body FROM candidate WHERE session = ? AND seq = ? AND kind = ?",
            (session, seq, GAP_KIND),
        ).fetchone()
        return None if found is None else bridge_of(*found)

    def _known(self, session: str, seq: int) -> tuple[bytes, ...]:
        found = self.connection.execute(
            "SELECT hash FROM known WHERE session = ? AND seq = ?"
            " UNION SELECT hash FROM head WHERE session = ? AND seq = ?",
            (session, seq, session, seq),
        )
        return tuple(hash_ for (hash_,) in found)

    def _last(self, session: str) -> int:
        """
        The last row that *session* had, as far as it can be told.

        A flipped bit in a sequence must not make rows up that never were: what claims to
        stand far beyond everything else is believed only if something confirms it.
        """
        last: int = self._max("SELECT max(seq) FROM known WHERE session = ?", session)
        heads = list(
            self.connection.execute("SELECT seq, hash FROM head WHERE session = ?", (session,))
        )
        last = max(last, self._joined(session))
        for seq, hash_ in sorted(heads):
            here = self.connection.execute(
                "SELECT 1 FROM candidate WHERE session = ? AND seq = ? AND hash = ?",
                (session, seq, hash_),
            ).fetchone()
            if here is not None or last < seq <= last + BEYOND_ROWS_MAX:
                last = max(last, seq)
        if not heads:
            lone = self._max("SELECT max(seq) FROM candidate WHERE session = ?", session)
            last = lone if last < lone <= last + BEYOND_ROWS_MAX else last
        return last

    def _max(self, sql: str, session: str) -> int:
        return int(self.connection.execute(sql, (session,)).get or 0)

    def _joined(self, session: str) -> int:
        """The last candidate that is chained to one before it."""
        after: Record | None = None
        found = self.connection.execute(
            f"SELECT {COLUMNS} FROM candidate WHERE session = ? ORDER BY seq DESC",  # noqa: S608
            (session,),
        )
        for columns in found:
            record = record_of(columns)
            if record is None:
                continue
            if record.seq == 1 and record_hash(ZERO_HASH, record) == record.hash:
                return after.seq if after is not None and _follows(record, after) else 1
            if after is not None and _follows(record, after):
                return after.seq
            after = record
        return 0

    def _fixed(self, session: str) -> frozenset[int]:
        """Stand-ins after which rows were written, so that their own hashes must stay."""
        fixed: set[int] = set()
        run: list[Record] = []
        found = self.connection.execute(
            f"SELECT {COLUMNS} FROM candidate WHERE session = ? AND kind = ? ORDER BY seq",  # noqa: S608
            (session, GAP_KIND),
        )
        for columns in list(found):
            record = record_of(columns)
            if record is None:
                continue
            run = [*run, record] if run and run[-1].seq == record.seq - 1 else [record]
            if self._is_built_upon(record):
                fixed.update(one.seq for one in run)
        return frozenset(fixed)

    def _is_built_upon(self, gap: Record) -> bool:
        found = self.connection.execute(
            f"SELECT {COLUMNS} FROM candidate WHERE session = ? AND seq = ? AND kind <> ?",  # noqa: S608
            (gap.session, gap.seq + 1, GAP_KIND),
        )
        records = [record_of(columns) for columns in found]
        return any(one is not None and _follows(gap, one) for one in records)

    @contextmanager
    def beside(self, draft: Path) -> Iterator[None]:
        """The store at *draft* can be compared with what was gathered, while the block runs."""
        self.connection.execute("ATTACH ? AS draft", (str(draft),))
        try:
            yield
        finally:
            self.connection.execute("DETACH draft")

    def each_unused(self, draft: Path, visit: Callable[[Unused], None]) -> int:
        """Show *visit* every candidate that is not in the store at *draft*; how many."""
        count = 0
        with self.beside(draft):
            for *columns, source in self.connection.execute(_UNUSED_SQL):
                record = record_of(tuple(columns))
                if record is not None:
                    visit(Unused(record, str(source)))
                    count += 1
        return count

    def each_fresh(self, source: str) -> Iterator[Record]:
        """Every row of the draft that is `beside` and was not found in *source* as it is there."""
        for columns in self.connection.execute(_FRESH_SQL, (source,)):
            record = record_of(columns)
            # INVARIANT: the draft was proven.
            assert record is not None
            yield record

    def drafted_heads(self) -> Iterator[tuple[Head, Origin | None]]:
        """The heads of the draft that is `beside`, each with where it was branched off."""
        for session, seq, hash_, parent, base in self.connection.execute(_DRAFTED_SQL):
            origin = None if parent is None else Origin(parent, base)
            yield Head(session, seq, hash_), origin

    def close(self) -> None:
        """Close the file; its owner removes it."""
        self.connection.close()


def _row_of(columns: tuple[object, ...]) -> Record | None:
    record = record_of(columns)
    if record is None or record.seq < 1 or len(record.hash) != HASH_BYTES or not record.session:
        return None
    return record


def _follows(record: Record, after: Record) -> bool:
    return after.seq == record.seq + 1 and record_hash(record.hash, after) == after.hash
