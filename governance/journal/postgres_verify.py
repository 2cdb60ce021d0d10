"""
`verify` of a PostgreSQL store: walk every chain, compare heads, keys and the mirror.

It streams: a part of a chain is one statement, so of one moment, and writers go on beside it.
A place that the server cannot read costs what lies there, never the rest of the walk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import field

from governance._attrs import define
from governance.errors import JournalError
from governance.journal.chain import ZERO_HASH, entry_of, tombstone_digest
from governance.journal.gaps import GAP_KIND, Link, Losses, is_next, link_after
from governance.journal.limits import POSITION_MAX
from governance.journal.mirror import Mirror
from governance.journal.mirror_index import MirrorIndex
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_rows import link_at, record_of
from governance.journal.postgres_schema import (
    POSITIONS_A_COMMIT,
    VERSION,
    schema_version,
    sql,
    tenant_id,
)
from governance.journal.postgres_shelf import NEXT_SQL, Lent
from governance.journal.postgres_url import Target
from governance.journal.records import (
    BRANCH_DEPTH_MAX,
    Finding,
    Head,
    Origin,
    Record,
    VerifyReport,
)

CHUNK_ROWS = 2_000
"""Rows checked at once."""

FINDINGS_MAX = 10_000
"""Findings that one report holds; a walk that meets more ends there."""

_NAMES = 1_000

_CHUNK_SQL = """
    SELECT s.head, s.hash, s.parent, s.base, s.position, s.tombstone,
            e.session, e.seq, e.kind, e.at_ms, e.body, e.durable, e.key, e.hash, k.seq
        FROM @.session s LEFT JOIN LATERAL (
            SELECT * FROM @.event v WHERE v.tenant = s.tenant AND v.session = s.id
                AND v.seq > %(after)s ORDER BY v.seq LIMIT %(limit)s
        ) AS e ON true
        LEFT JOIN @.event_key k ON k.tenant = s.tenant AND k.name = e.key AND k.session = s.id
        WHERE s.tenant = %(tenant)s AND s.id = %(session)s ORDER BY e.seq
"""
_NAMES_SQL = """
    SELECT id, tombstone IS NULL FROM @.session
        WHERE tenant = %(tenant)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
"""
_UNLISTED_SQL = """
    SELECT DISTINCT e.session FROM @.event e
        WHERE e.tenant = %(tenant)s AND e.session > %(after)s AND NOT EXISTS
            (SELECT FROM @.session s WHERE s.tenant = e.tenant AND s.id = e.session)
        ORDER BY 1 LIMIT %(limit)s
"""
_LOOSE_KEYS_SQL = """
    SELECT k.name, k.session, k.seq FROM @.event_key k
        WHERE k.tenant = %(tenant)s AND k.name > %(after)s AND NOT EXISTS
            (SELECT FROM @.event e WHERE e.tenant = k.tenant AND e.session = k.session
                AND e.seq = k.seq AND e.key = k.name)
        ORDER BY k.name LIMIT %(limit)s
"""
_SHARED_SQL = """
    SELECT max(id), position FROM @.session WHERE tenant = %(tenant)s
        GROUP BY position HAVING count(*) > 1 ORDER BY 2 LIMIT 20
"""
_BEYOND_SQL = f"""
    SELECT s.id, s.position FROM @.session s JOIN @.tenant t ON t.name = s.tenant
        WHERE s.tenant = %(tenant)s AND (s.position < 1 OR s.position >= {POSITION_MAX}
            OR s.position - t.base
                >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint * {POSITIONS_A_COMMIT})
        ORDER BY s.position LIMIT 20
"""
_STRANGE_SQL = "SELECT name FROM @.store WHERE name <> 'version' ORDER BY name LIMIT 20"


@define(eq=False, repr=False)
class _Walk:
    """What the walk has seen so far."""

    lent: Lent
    target: Target
    mirrored: MirrorIndex
    findings: list[Finding] = field(factory=list)
    sessions: int = 0
    rows: int = 0
    blamed: set[str] = field(factory=set)

    def find(self, what: str, session: str, seq: int, message: str) -> None:
        self.blamed.add(session)
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(what, session, seq, message))

    @property
    def full(self) -> bool:
        return len(self.findings) >= FINDINGS_MAX

    def rows_of(self, text: str, **words: object) -> list[tuple[Any, ...]]:
        """What the statement *text* gives, all at once."""
        filled = {"tenant": self.target.tenant, **words}
        statement = sql(self.target.schema, text)

        def work(connection: Connection) -> list[tuple[Any, ...]]:
            return connection.execute(statement, filled, binary=True).fetchall()

        return self.lent(work)

    def pages(self, text: str) -> Iterator[tuple[Any, ...]]:
        """Every row that *text* gives, a page of names at a time; what is unreadable is found."""
        after = ""
        while not self.full:
            try:
                page = self.rows_of(text, after=after, limit=_NAMES)
            except JournalError as error:
                self.find("unreadable", "", 0, f"cannot be read: {error.message}")
                return
            yield from page
            if len(page) < _NAMES:
                return
            after = page[-1][0]


@define(eq=False, repr=False)
class _Chain:
    """How far one session was followed, and what its own row says of it."""

    session: str
    seq: int = -1
    hash: bytes = ZERO_HASH
    link: Link = ZERO_HASH
    losses: Losses = field(factory=Losses)
    head: Head | None = None
    origin: Origin | None = None
    live: bool = False
    ended: bool = False
    read: int = 0


def verify_store(
    lent: Lent,
    target: Target,
    store_id: str,
    mirror: Mirror | None,
    sessions: Sequence[str] | None,
) -> VerifyReport:
    """What is wrong with the store: with *sessions* and what they stem from, or with all of it."""

    def look(connection: Connection) -> tuple[int | None, str | None]:
        version = schema_version(connection, target)
        return version, tenant_id(connection, target) if version == VERSION else None

    version, id_ = lent(look)
    if version is not None and version > VERSION:
        message = f"schema version {version}; this engine knows {VERSION} and cannot judge it"
        return VerifyReport(0, 0, False, (Finding("newer", "", 0, message),))
    if id_ != store_id:
        gone = f"{target.place} was removed or replaced while it was open"
        return VerifyReport(0, 0, False, (Finding("vanished", "", 0, gone),))
    mirrored = MirrorIndex.of(mirror, None if sessions is None else frozenset(sessions))
    try:
        walk = _Walk(lent, target, mirrored)
        if mirrored.other:
            message = f"the mirror holds the heads of store {mirrored.other}, which is another one"
            walk.find("vanished", "", 0, message)
        if sessions is not None:
            for session in sessions:
                _verify_line(walk, session)
        else:
            _verify_all(walk)
    finally:
        mirrored.close()
    return VerifyReport(
        walk.sessions, walk.rows, mirrored.anchored, tuple(walk.findings), mirrored.anew_ms
    )


def _verify_line(walk: _Walk, session: str) -> None:
    """One session, and those that it stems from."""
    name = session
    for _ in range(BRANCH_DEPTH_MAX + 1):
        state = _verify_session(walk, name)
        if state.origin is None or not state.live:
            return
        name = state.origin.parent
    walk.find("unreadable", session, 0, f"it stems from more than {BRANCH_DEPTH_MAX} sessions")


def _verify_all(walk: _Walk) -> None:
    for name, *_ in walk.pages(_NAMES_SQL):
        _verify_session(walk, name)
    for (name,) in walk.pages(_UNLISTED_SQL):
        walk.find("head", name, 1, "the session has rows but no head")
    for key, session, seq in walk.pages(_LOOSE_KEYS_SQL):
        if session not in walk.blamed:
            walk.find("unreadable", session, seq, f"the key `{key}` names a row without it")
    _verify_values(walk)
    _verify_positions(walk)
    for head in walk.mirrored.heads():
        if walk.full:
            return
        if head.session not in walk.blamed and not walk.rows_of(
            "SELECT 1 FROM @.session WHERE tenant = %(tenant)s AND id = %(session)s",
            session=head.session,
        ):
            message = "the mirror knows this session, the store does not"
            walk.find("removed", head.session, 1, message)


def _verify_values(walk: _Walk) -> None:
    """The values beside the journals, one query a value."""
    shelf, name = "", ""
    while not walk.full and (found := walk.rows_of(NEXT_SQL, shelf=shelf, name=name)):
        shelf, name = found[0][:2]
        if entry_of(found[0]) is None:
            message = f"the value `{name}` on the shelf `{shelf}` is not what was put there"
            walk.find("value", "", 0, message)


def _verify_positions(walk: _Walk) -> None:
    """Two moves in one place, or one that is to come, would let followers miss some."""
    for session, position in walk.rows_of(_SHARED_SQL):
        message = f"its head moved to place {position}, as another one did"
        walk.find("head", session, 0, message)
    for session, position in walk.rows_of(_BEYOND_SQL):
        walk.find("head", session, 0, f"its head is at place {position}, which no move had")
    for (name,) in walk.rows_of(_STRANGE_SQL):
        walk.find("unreadable", "", 0, f"`{name}` is nothing that a store says of itself")


def _verify_session(walk: _Walk, session: str) -> _Chain:
    """One chain from its first own row, its head, its keys, and its mirrored head."""
    state = _Chain(session)
    while not state.ended and session not in walk.blamed:
        try:
            _verify_chunk(walk, state)
        except JournalError as error:
            place = max(state.seq, 0) + 1
            walk.find("unreadable", session, place, f"cannot be read: {error.message}")
    walk.sessions += state.live
    walk.rows += state.read
    return state


def _verify_chunk(walk: _Walk, state: _Chain) -> None:
    session = state.session
    after = max(state.seq, 0)
    found = walk.rows_of(_CHUNK_SQL, session=session, after=after, limit=CHUNK_ROWS)
    if not found:
        state.ended = True
        if (anchor := walk.mirrored.head(session)) is not None:
            walk.find("removed", session, 1, f"the mirror knows {anchor.seq} rows of it")
        return
    seq, hash_, parent, base, position, tombstone = found[0][:6]
    state.head, state.live = Head(session, seq, hash_), tombstone is None
    state.origin = None if parent is None else Origin(parent, base)
    if tombstone is not None and tombstone != tombstone_digest(state.head, state.origin, position):
        walk.find("unreadable", session, 0, "its tombstone is not the one that was written")
        return
    if parent is None and base:
        walk.find("head", session, 0, "where it was branched off is not what was written")
        return
    if state.seq < 0:
        _begin(walk, state)
    rows = [columns[6:] for columns in found if columns[7] is not None]
    for columns in rows:
        if session in walk.blamed or not _verify_row(walk, state, columns):
            return
    if len(rows) < CHUNK_ROWS:
        state.ended = True
        _verify_end(walk, state)
        if state.live and state.losses.message:
            walk.find("lost", session, state.losses.first, state.losses.message)


def _begin(walk: _Walk, state: _Chain) -> None:
    """Take up the chain where the session's own rows begin."""
    state.seq = 0
    origin = state.origin
    if origin is None:
        return
    at, parent = origin.seq, origin.parent
    link = walk.lent(lambda connection: link_at(connection, walk.target, parent, at))
    if link is None and state.live:
        walk.find("gap", state.session, at, f"row {at} of `{parent}`, where it began, is gone")
    state.seq, state.link = at, link or ZERO_HASH
    state.hash = state.link if isinstance(state.link, bytes) else state.link.own


def _verify_row(walk: _Walk, state: _Chain, columns: tuple[Any, ...]) -> bool:
    session, due = state.session, state.seq + 1
    record = record_of(columns[:8])
    if record is None:
        walk.find("hash", session, due, "a column has not the type it was written with")
        return False
    if record.seq != due:
        walk.find("gap", session, due, f"row {record.seq} stands where row {due} belongs")
        return False
    if not is_next(state.link, record):
        walk.find("hash", session, due, "the row does not have the hash it carries")
        return False
    if record.key is not None and columns[8] != due:
        walk.find("unreadable", session, due, f"its key `{record.key}` is not found by name")
        return False
    state.seq, state.hash, state.link = due, record.hash, link_after(record)
    state.losses.see(record)
    state.read += 1
    return _agrees(walk, record)


def _agrees(walk: _Walk, record: Record) -> bool:
    # Of a row that stands for a lost one it is said that it does, until a person accepts that.
    if record.kind == GAP_KIND or not walk.mirrored.contradicts(
        Head(record.session, record.seq, record.hash)
    ):
        return True
    message = "the mirror holds another hash of this row"
    walk.find("mirror", record.session, record.seq, message)
    return False


def _verify_end(walk: _Walk, state: _Chain) -> None:
    """The chain ended at ``state``: does the head say so, and does the mirror?"""
    session, seq, head = state.session, state.seq, state.head
    # INVARIANT: a chunk that found rows, or their end, has found the session's row with them.
    assert head is not None
    anchor = walk.mirrored.head(session)
    if not state.live:
        # Rows under a tombstone are being put back: that there are few of them is no fault.
        if anchor is not None and anchor.seq > head.seq:
            walk.find("cut", session, head.seq + 1, f"the mirror knows {anchor.seq} rows")
        elif walk.mirrored.contradicts(head):
            walk.find("mirror", session, head.seq, "the mirror holds another hash of this row")
        return
    if anchor is not None and anchor.seq > seq:
        walk.find(
            "cut",
            session,
            seq + 1,
            f"rows from {seq + 1} on are gone: the mirror knows {anchor.seq} rows",
        )
    elif head.seq > seq:
        walk.find("cut", session, seq + 1, f"the head says {head.seq} rows, the last is {seq}")
    elif head.seq < seq:
        walk.find("head", session, head.seq + 1, f"the head says {head.seq} rows of {seq}")
    elif head.hash != state.hash or seq == 0:
        walk.find("head", session, seq, "the head carries another hash than the last row")
