"""
`verify` of a SQLite store: walk every chain, compare heads and mirror, look at the pages.

It streams: one row at a time, mirrored heads in a temporary table that spills to disk. Each
part of the walk is a read transaction of its own, so that writers go on and their log can be
folded back. An unreadable place costs what lies there, never the rest of the walk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from attrs import field

from governance._attrs import define
from governance.journal.chain import ZERO_HASH, entry_of
from governance.journal.gaps import Link, Losses, is_next, link_after
from governance.journal.limits import POSITION_MAX
from governance.journal.mirror import Damaged, Gone, Identity, Mirror, read_heads, read_identity
from governance.journal.records import BRANCH_DEPTH_MAX, Finding, Head, VerifyReport
from governance.journal.sqlite_lineage import (
    TOMBSTONE_SQL,
    Tombstone,
    hash_at,
    link_at,
    origin_of,
    tombstone_of,
)
from governance.journal.sqlite_positions import NEWEST_SQL, reserved
from governance.journal.sqlite_rows import COLUMNS, HEAD_SQL, record_of
from governance.journal.sqlite_schema import VERSION, schema_version
from governance.journal.sqlite_shelf import VALUE_COLUMNS

if TYPE_CHECKING:
    import apsw

_Anchor: TypeAlias = tuple[int, bytes, int]
"""Head, its hash, and whether the session was to be removed, as the mirror knows them."""

CHUNK_ROWS = 2_000
"""Rows checked in one read transaction."""

FINDINGS_MAX = 10_000
"""Findings that one report holds; a walk that meets more ends with saying so."""

_PAGE_PROBLEMS_MAX = 20
_LAST_NAME = chr(0x10FFFF) * 301

_MIRROR_TABLE_SQL = (
    "CREATE TEMP TABLE mirrored"
    " (id TEXT PRIMARY KEY, head INTEGER, hash BLOB, gone INTEGER) WITHOUT ROWID"
)
_MIRROR_PUT_SQL = (
    "INSERT INTO temp.mirrored VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
    " SET head = excluded.head, hash = excluded.hash,"
    " gone = CASE WHEN excluded.head > head THEN excluded.gone ELSE max(gone, excluded.gone) END"
    " WHERE excluded.head >= head"
)
_MIRROR_GET_SQL = "SELECT head, hash, gone FROM temp.mirrored WHERE id = ?"
_ENTRY_SQL = "SELECT parent, base, position, echo FROM session WHERE id = ?"
_NEXT_VALUE_SQL = (
    f"SELECT {VALUE_COLUMNS} FROM shelf WHERE (shelf, name) > (?, ?)"  # noqa: S608
    " ORDER BY shelf, name LIMIT 1"
)
_SHARED_SQL = (
    "WITH place AS (SELECT id, position FROM session UNION ALL SELECT id, position FROM removed)"
    " SELECT max(id), position FROM place GROUP BY position HAVING count(*) > 1 LIMIT 20"
)
_STRANGE_SQL = "SELECT name FROM store WHERE name NOT IN ('id', 'position') LIMIT 20"
_BELOW_SQL = "SELECT seq FROM event WHERE session = ? AND seq <= ? ORDER BY seq LIMIT 1"
_CHUNK_SQL = f"SELECT {COLUMNS} FROM event WHERE session = ? AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608


@define(eq=False, repr=False)
class _Walk:
    """What the walk has seen so far."""

    connection: apsw.Connection
    path: Path
    findings: list[Finding] = field(factory=list)
    sessions: int = 0
    rows: int = 0
    anchored: bool = False
    anew_ms: int = 0
    blamed: set[str] = field(factory=set)
    unread: tuple[str, str] | None = None
    mirror: Path | None = None

    def find(self, what: str, session: str, seq: int, message: str) -> None:
        self.blamed.add(session)
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(what, session, seq, message))

    def is_unread(self, name: str) -> bool:
        """Whether the head of *name* lies where heads could not be read."""
        return self.unread is not None and self.unread[0] < name < self.unread[1]

    @property
    def full(self) -> bool:
        return len(self.findings) >= FINDINGS_MAX


def verify_store(
    connection: apsw.Connection,
    path: Path,
    mirror: Mirror | None,
    sessions: Sequence[str] | None = None,
) -> VerifyReport:
    """
    What is wrong with the store behind *connection*: with *sessions*, or with all of it.

    The connection is used for nothing else and is left with a temporary table.
    """
    walk = _Walk(connection, path)
    version = schema_version(connection)
    if version > VERSION:
        message = f"schema version {version}; this engine knows {VERSION} and cannot judge it"
        return VerifyReport(0, 0, False, (Finding("newer", "", 0, message),))
    connection.execute("PRAGMA temp_store=FILE")
    connection.execute(_MIRROR_TABLE_SQL)
    if sessions is not None:
        names = _lineage(walk, sessions)
        _load_mirror(walk, mirror, names.keys())
        _verify_lineage(walk, sessions, names)
    else:
        _load_mirror(walk, mirror, None)
        _verify_listed(walk)
        _verify_tombstones(walk)
        _verify_unlisted(walk)
        _verify_removed(walk)
        _verify_shelf(walk)
        _guarded(walk, "", _nowhere, lambda: _verify_positions(walk))
        _verify_pages(walk)
    return VerifyReport(walk.sessions, walk.rows, walk.anchored, tuple(walk.findings), walk.anew_ms)


def _guarded(walk: _Walk, session: str, place: Callable[[], int], work: Callable[[], None]) -> bool:
    """Run *work*; what cannot be read becomes a finding at *place*, and ``False``."""
    import apsw

    try:
        work()
    except (apsw.Error, UnicodeDecodeError) as error:
        walk.find("unreadable", session, place(), f"cannot be read: {error}")
        return False
    return True


def _nowhere() -> int:
    return 0


def _load_mirror(walk: _Walk, mirror: Mirror | None, names: Set[str] | None) -> None:
    """Put the mirrored heads, or those of *names*, in a table, before any row is looked at."""
    if mirror is None:
        return
    whole = True
    try:
        known = read_identity(mirror.path)
        if known is None or isinstance(known, Damaged):
            return
        if known.store != mirror.identity.store:
            walk.find("vanished", "", 0, _other_store(walk.path, mirror.path, known))
            return
        with walk.connection:
            for one in read_heads(mirror.path):
                if isinstance(one, Damaged):
                    whole = False
                    continue
                head, gone = (one.head, 1) if isinstance(one, Gone) else (one, 0)
                if names is not None and head.session not in names:
                    continue
                walk.connection.execute(_MIRROR_PUT_SQL, (head.session, head.seq, head.hash, gone))
    except OSError:
        return
    walk.anchored = whole and not mirror.problem
    walk.anew_ms = known.anew_ms
    walk.mirror = mirror.path


def _other_store(path: Path, mirror: Path, known: Identity) -> str:
    return f"`{mirror}` holds the heads of store {known.store}, which is not the one at `{path}`"


def _lineage(walk: _Walk, sessions: Sequence[str]) -> dict[str, None]:
    """*sessions*, be they live or removed, and those that they stem from, each once."""
    names: dict[str, None] = {}

    def look(session: str) -> None:
        origin = origin_of(walk.connection, session)
        for _ in range(BRANCH_DEPTH_MAX):
            if origin is None:
                return
            names[origin.parent] = None
            origin = origin_of(walk.connection, origin.parent)

    for session in sessions:
        names[session] = None
        _guarded(walk, session, _nowhere, partial(look, session))
    return names


def _verify_lineage(walk: _Walk, sessions: Sequence[str], names: Mapping[str, None]) -> None:
    """*names*, which are *sessions* and those that they stem from."""
    unread = {
        session
        for session in sessions
        if not _guarded(walk, session, _nowhere, partial(_verify_tombstone, walk, session))
    }
    for name in names:
        if name not in unread:
            _verify_session(walk, name)


def _verify_tombstones(walk: _Walk) -> None:
    """What is left of removed sessions, and the rows of them that are being put back."""

    def visit(name: str) -> None:
        _guarded(walk, name, _nowhere, lambda: _verify_tombstone(walk, name))

    _each_name(walk, "removed", "id", visit)


def _verify_tombstone(walk: _Walk, session: str) -> None:
    found: Tombstone | None = None
    with walk.connection:
        found = _sound_tombstone(walk, session)
    if found is not None:
        _verify_put_back(walk, found)


def _sound_tombstone(walk: _Walk, session: str) -> Tombstone | None:
    columns = walk.connection.execute(TOMBSTONE_SQL, (session,)).fetchone()
    if columns is None:
        return None
    found = tombstone_of(columns, session)
    if found is None:
        walk.find("head", session, 0, "the tombstone is not what was written")
    elif walk.connection.execute(HEAD_SQL, (session,)).fetchone() is not None:
        walk.find("head", session, 0, "the session has a tombstone and a head")
    else:
        _compare_tombstone(walk, found.head)
        return found
    return None


def _compare_tombstone(walk: _Walk, head: Head) -> None:
    """Does the mirror know this removal, and this head?"""
    session, seq = head.session, head.seq
    anchor = walk.connection.execute(_MIRROR_GET_SQL, (session,)).fetchone()
    if anchor is not None and anchor[0] > seq:
        walk.find("cut", session, seq + 1, f"the mirror knows {anchor[0]} rows, not {seq}")
    elif anchor is not None and anchor[0] == seq and anchor[1] != head.hash:
        walk.find("mirror", session, seq, "the mirror holds another hash of this row")
    elif (
        walk.anchored
        and not (anchor and anchor[2] and anchor[0] == seq)
        and not _was_told(walk, head)
    ):
        walk.find("removed", session, 1, "its rows are gone, and the mirror was not told so")


def _was_told(walk: _Walk, head: Head) -> bool:
    """Whether the mirror knows by now that the session of *head* was to go."""
    # The removal may have come after the mirror was read, but the mirror was told before it.
    return walk.mirror is not None and Gone(head) in read_heads(walk.mirror)


def _verify_put_back(walk: _Walk, tombstone: Tombstone) -> None:
    """The rows under a tombstone, which wait for those that are still to come."""
    session, origin = tombstone.head.session, tombstone.origin
    start = hash_at(walk.connection, session, origin.seq) if origin is not None else ZERO_HASH
    base = origin.seq if origin is not None else 0
    # Rows of a branch cannot be judged while those that they go on from are gone.
    state = _Chain(session, base, base, start or ZERO_HASH, ended=start is None)
    while not state.ended and session not in walk.blamed:
        _guarded(walk, session, lambda: state.seq + 1, lambda: _verify_waiting(walk, state))
    if state.seq >= tombstone.head.seq and state.seq > base:
        walk.find("head", session, state.seq, "all rows are there under a tombstone")
    walk.rows += state.seq - base


def _verify_waiting(walk: _Walk, state: _Chain) -> None:
    with walk.connection:
        _verify_rows(walk, state, None)


def _verify_listed(walk: _Walk) -> None:
    """Every session that has a head; where the heads are unreadable, see `_verify_unlisted`."""
    walk.unread = _each_name(walk, "session", "id", lambda name: _verify_session(walk, name))


def _verify_unlisted(walk: _Walk) -> None:
    """Sessions that have rows but no head, or none that can be read."""

    def visit(name: str) -> None:
        if walk.is_unread(name):
            _verify_session(walk, name)
            return

        def look() -> None:
            if not _is_known(walk, name):
                walk.find("head", name, 1, "the session has rows but no head")

        _guarded(walk, name, _nowhere, look)

    _each_name(walk, "event", "session", visit)


def _is_known(walk: _Walk, session: str) -> bool:
    """Whether the store has a head of *session*, or its tombstone."""
    return any(
        walk.connection.execute(sql, (session,)).fetchone() is not None
        for sql in (HEAD_SQL, TOMBSTONE_SQL)
    )


def _each_name(
    walk: _Walk, table: str, column: str, visit: Callable[[str], None]
) -> tuple[str, str] | None:
    """
    Visit every name in *column*, from both ends where a place between cannot be read.

    One query a name, so that no statement stays open while it is visited. Gives the names
    on both sides of the unreadable place, or none.
    """
    low, high = "", _LAST_NAME
    column_of = f"SELECT {column} FROM {table} WHERE {column}"  # noqa: S608 - our own names
    upward = f"{column_of} > ? ORDER BY {column} LIMIT 1"
    downward = f"{column_of} < ? ORDER BY {column} DESC LIMIT 1"
    while not walk.full:
        readable, name = _next_name(walk, upward, low)
        if not readable:
            break
        # A page out of order can give a name that was passed already; the page check says so.
        if name is None or name <= low:
            return None
        low = name
        visit(name)
    while not walk.full:
        readable, name = _next_name(walk, downward, high)
        if not readable or name is None or not low < name < high:
            break
        high = name
        visit(name)
    return low, high


def _next_name(walk: _Walk, sql: str, start: str) -> tuple[bool, str | None]:
    """Whether the place after *start* could be read, and the name there, if there is one."""
    found: list[tuple[object]] = []

    def look() -> None:
        found.extend(walk.connection.execute(sql, (start,)))

    if not _guarded(walk, "", _nowhere, look):
        return False, None
    if not found:
        return True, None
    (name,) = found[0]
    if isinstance(name, str):
        return True, name
    walk.find("unreadable", "", 0, f"a session is named by no text: {name!r}")
    return False, None


def _verify_removed(walk: _Walk) -> None:
    """Sessions that the mirror knows and the store does not."""

    def visit(name: str) -> None:
        if name in walk.blamed or walk.is_unread(name):
            return
        if not _is_known(walk, name):
            walk.find("removed", name, 1, "the mirror knows this session, the store does not")

    _each_name(walk, "temp.mirrored", "id", visit)


def _verify_session(walk: _Walk, session: str) -> None:
    """One chain from its first own row, its head, and its mirrored head."""
    state = _Chain(session)
    _guarded(walk, session, _nowhere, lambda: _verify_start(walk, state))
    while not state.ended and session not in walk.blamed:
        _guarded(walk, session, lambda: state.seq + 1, lambda: _verify_chunk(walk, state))
    if state.listed or state.seq > state.base:
        walk.sessions += 1
    walk.rows += state.seq - state.base


@define(eq=False, repr=False)
class _Chain:
    """How far one session was followed, from its *base* on: 0, or where it was branched off."""

    session: str
    base: int = 0
    seq: int = 0
    hash: bytes = ZERO_HASH
    listed: bool = False
    ended: bool = False
    link: Link | None = None
    losses: Losses = field(factory=Losses)


def _verify_start(walk: _Walk, state: _Chain) -> None:
    """What the session goes on from, if it is a branch."""
    import apsw

    session = state.session
    try:
        entry = walk.connection.execute(_ENTRY_SQL, (session,)).fetchone()
    except (apsw.Error, UnicodeDecodeError):
        return  # the end of the walk meets it again; the rows are judged all the same
    if entry is None:
        return
    state.listed = True
    parent, base, position, echo = entry
    if not isinstance(position, int) or position < 1 or echo != -position:
        walk.find("head", session, 0, "the position of the head is not what was written")
        return
    if parent is None and base == 0:
        return
    if not isinstance(parent, str) or not isinstance(base, int) or base < 1:
        walk.find("head", session, 0, "where it was branched off is not what was written")
        return
    start = hash_at(walk.connection, session, base)
    if start is None or parent == session:
        walk.find("head", session, base, f"row {base} of `{parent}`, where it begins, is missing")
        return
    below = walk.connection.execute(_BELOW_SQL, (session, base)).fetchone()
    if below is not None:
        walk.find("gap", session, below[0], f"a row of its own below {base}, where it begins")
        return
    state.base, state.seq, state.hash = base, base, start
    state.link = link_at(walk.connection, session, base)


def _verify_chunk(walk: _Walk, state: _Chain) -> None:
    session = state.session
    with walk.connection:
        anchor = walk.connection.execute(_MIRROR_GET_SQL, (session,)).fetchone()
        if anchor is not None and state.seq == anchor[0] and state.hash != anchor[1]:
            walk.find("mirror", session, state.seq, "the mirror holds another hash of this row")
            return
        _verify_rows(walk, state, anchor)
        if state.ended and session not in walk.blamed:
            _verify_end(walk, state, anchor)
            if state.losses.message:
                walk.find("lost", session, state.losses.first, state.losses.message)


def _verify_rows(walk: _Walk, state: _Chain, anchor: _Anchor | None) -> None:
    """The next rows; ``state.ended`` says that they were the last."""
    session = state.session
    count = 0
    for columns in walk.connection.execute(_CHUNK_SQL, (session, state.seq, CHUNK_ROWS)):
        count += 1
        if not _verify_row(walk, state, columns):
            return
        if anchor is not None and state.seq == anchor[0] and state.hash != anchor[1]:
            walk.find("mirror", session, state.seq, "the mirror holds another hash of this row")
            return
    state.ended = count < CHUNK_ROWS


def _verify_row(walk: _Walk, state: _Chain, columns: tuple[object, ...]) -> bool:
    session, due = state.session, state.seq + 1
    record = record_of(columns)
    if record is None:
        walk.find("hash", session, due, "a column has not the type it was written with")
        return False
    if record.seq != due or record.session != session:
        walk.find("gap", session, due, f"row {record.seq} stands where row {due} belongs")
        return False
    if not is_next(state.link or state.hash, record):
        walk.find("hash", session, due, "the row does not have the hash it carries")
        return False
    state.seq, state.hash, state.link = due, record.hash, link_after(record)
    state.losses.see(record)
    return True


def _verify_end(walk: _Walk, state: _Chain, anchor: _Anchor | None) -> None:
    """The chain ended at ``state``: does the head say so, and does the mirror?"""
    session, seq = state.session, state.seq
    found = walk.connection.execute(HEAD_SQL, (session,)).fetchone()
    state.listed = found is not None
    if found is None and _is_known(walk, session):
        return  # removed, perhaps since the walk began; its tombstone is looked at by itself
    if anchor is not None and anchor[0] > seq:
        what, why = (
            ("cut", f"the mirror knows {anchor[0]} rows")
            if seq or found
            else ("removed", "the mirror knows this session, the store not")
        )
        walk.find(what, session, seq + 1, f"rows from {seq + 1} on are gone: {why}")
    elif found is None:
        if seq:
            walk.find("head", session, 1, "the session has rows but no head")
    elif not isinstance(found[0], int) or not isinstance(found[1], bytes):
        walk.find("head", session, 0, "the head is not what was written")
    elif found[0] > seq:
        walk.find("cut", session, seq + 1, f"the head says {found[0]} rows, the last is {seq}")
    elif found[0] < seq:
        walk.find("head", session, found[0] + 1, f"the head says {found[0]} rows of {seq}")
    elif found[1] != state.hash or seq == 0:
        walk.find("head", session, seq, "the head carries another hash than the last row")


def _verify_shelf(walk: _Walk) -> None:
    """The values beside the journals, one query a value."""
    places: list[tuple[str, str]] = [("", "")]

    def look() -> None:
        columns = walk.connection.execute(_NEXT_VALUE_SQL, places.pop()).fetchone()
        if columns is None:
            return
        places.append((str(columns[0]), str(columns[1])))
        if entry_of(columns) is None:
            walk.find("value", "", 0, _bad_value(*places[-1]))

    while places and not walk.full and _guarded(walk, "", _nowhere, look):
        continue


def _bad_value(shelf: str, name: str) -> str:
    return f"the value `{name}` on the shelf `{shelf}` is not what was put there"


def _verify_positions(walk: _Walk) -> None:
    """A counter that has gone back, or two moves in one place, would let followers miss some."""
    with walk.connection:
        newest, last = walk.connection.execute(NEWEST_SQL).get, reserved(walk.connection)
        if last < newest:
            walk.find("head", "", 0, f"heads moved {newest} times, the store counts fewer")
        if last >= POSITION_MAX:
            walk.find("head", "", 0, f"heads have moved {last} times, which no store has seen")
        for session, position in walk.connection.execute(_SHARED_SQL).fetchall():
            message = f"its head moved to place {position}, as another one did"
            walk.find("head", str(session), 0, message)
        for (name,) in walk.connection.execute(_STRANGE_SQL).fetchall():
            walk.find("unreadable", "", 0, f"`{name}` is nothing that a store says of itself")


def _verify_pages(walk: _Walk) -> None:
    """What no chain covers: the file's structure, and the index of keys."""

    def look() -> None:
        for (message,) in walk.connection.execute(f"PRAGMA integrity_check({_PAGE_PROBLEMS_MAX})"):
            if message != "ok":
                walk.find("unreadable", "", 0, f"the file's structure: {message}")

    _guarded(walk, "", _nowhere, look)
