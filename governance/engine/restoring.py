"""From a journal to a session and back: restore, snapshots, outcomes that were not told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from governance.errors import JournalError, StoreDamaged
from governance.formats import body_of, known_body
from governance.journal.records import Append, Appended, Conflict, Journal, Record, Snapshot
from governance.session.commands import Command
from governance.session.draft import Draft, Outcome
from governance.session.evolve import begun_as_branch, branch_registers, evolve, with_bytes
from governance.session.law import Gathered, Law
from governance.session.replies import Reply
from governance.session.snapshot import state_bytes, state_of_bytes
from governance.session.state import FOLD_VERSION, SessionState
from governance.values import Json, ValueRefused

PAGE_ROWS = 1000

_BREAKING = re.compile(r"[\x00\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"""NUL, which no store holds, and what would break the line of a table that names a session."""

CONTENTS: Mapping[str, str] = {
    "message.added": "parts",
    "context.set": "set",
    "context.merged": "set",
    "context.migrated": "set",
    "context.repaired": "set",
}
"""Kinds of rows that may name what lies on the shelf, and under which of their fields."""


def restore(journal: Journal, session: str) -> SessionState:
    """
    The state that the journal of *session* tells, from its snapshot and the rows after it.

    A snapshot that does not fit its row, or that another version made, is passed over:
    the whole journal gives the same.

    Raises:
        JournalError: The store cannot be read, or holds what is no row of ours.
    """
    state, begun = restored(journal, session)
    return state if begun else as_branch(state, state.last_work_at_ms or state.created_at_ms)


def restored(journal: Journal, session: str) -> tuple[SessionState, bool]:
    """
    As `restore`, and whether the session has begun: a branch without a row of its own, as a
    process leaves it that dies at the wrong moment, has not, and is still its parent's state.
    """
    state = SessionState(id=session)
    snapshot = journal.snapshot_get(session, version=FOLD_VERSION)
    if snapshot is not None:
        state = of_snapshot(snapshot) or state
    return _gone_on(journal, state)


def folded_to(journal: Journal, session: str, seq: int) -> tuple[SessionState, bool]:
    """As `restored`, after row *seq*, from the rows alone."""
    return _gone_on(journal, SessionState(id=session), before=seq + 1)


def _gone_on(
    journal: Journal, state: SessionState, before: int | None = None
) -> tuple[SessionState, bool]:
    begun = True
    while True:
        page = journal.read(state.id, after=state.head, before=before, limit=PAGE_ROWS)
        state = _folded(state, page)
        begun = page[-1].session == state.id if page else begun
        if len(page) < PAGE_ROWS:
            return state, begun


def restore_at(journal: Journal, session: str, seq: int) -> SessionState:
    """
    The state of *session* after its row *seq*, as it was then.

    Raises:
        JournalError: As `restore`.
    """
    state = SessionState(id=session)
    snapshot = journal.snapshot_get(session, version=FOLD_VERSION)
    if snapshot is not None and snapshot.seq <= seq:
        state = of_snapshot(snapshot) or state
    while state.head < seq:
        page = journal.read(session, after=state.head, before=seq + 1, limit=PAGE_ROWS)
        if not page:
            break
        state = _folded(state, page)
    return state


def of_snapshot(snapshot: Snapshot) -> SessionState | None:
    """The state that *snapshot* keeps, unless it is not that of its session and row."""
    try:
        state = state_of_bytes(snapshot.body)
    except (ValueError, KeyError, TypeError, ValueRefused):
        return None
    fits = state.id == snapshot.session and state.head == snapshot.seq
    return state if fits else None


def as_branch(state: SessionState, at_ms: int) -> SessionState:
    """*state* of a parent as that of a branch which begins there at *at_ms*."""
    changes: dict[str, Any] = begun_as_branch(at_ms)
    return attrs.evolve(state, registers=branch_registers(state.registers), **changes)


def fold(records: Sequence[Record], session: str) -> SessionState:
    """
    The state that *records*, read from the first on, tell of *session*.

    Raises:
        StoreDamaged: One of them is no row that an engine has written.

        RowNewer: One of them is of a newer engine: what it did is not known here.
    """
    return _folded(SessionState(id=session), records)


def _folded(state: SessionState, records: Sequence[Record]) -> SessionState:
    for record in records:
        try:
            body = known_body(record)
            size = _size_of(record, body)
            state = evolve(state, record.seq, record.kind, record.at_ms, body, size)
        except (ValueError, KeyError, TypeError, AttributeError, ValueRefused) as error:
            # Its chain holds, so whoever wrote it was no engine, or one of another version.
            raise StoreDamaged(
                f"row {record.seq} of `{record.session}`, a `{record.kind}`, cannot be read: "
                f"{type(error).__name__}: {error}",
                remedy="`governance log` shows the row",
            ) from None
    return state


def keep_snapshot(journal: Journal, state: SessionState) -> None:
    """Keep *state* as a cache if it still is the head's; a miss has lost nothing."""
    try:
        head = journal.head(state.id)
        if head.seq == state.head:
            keep_snapshot_at(journal, state, head.hash)
    except JournalError:
        # A snapshot only saves time: the rows are there, and the next one may fit.
        return


def keep_snapshot_at(journal: Journal, state: SessionState, row_hash: bytes) -> None:
    """
    Keep *state* as a cache of the prefix that ends with the row of *row_hash*.

    Raises:
        JournalError: It could not be kept.
    """
    snapshot = Snapshot(state.id, state.head, row_hash, FOLD_VERSION, state_bytes(state))
    journal.snapshot_put(snapshot)


def settle_unknown(journal: Journal, batch: Sequence[Append]) -> Appended | Conflict | None:
    """
    What became of a COMMIT whose answer was lost: ``None`` if even that cannot be read.

    It is ours exactly when the rows after the expected head are the rows that we sent.
    """
    records: list[Record] = []
    heads = []
    for one in batch:
        try:
            found = journal.read(one.session, after=one.expected_seq, limit=len(one.rows))
            heads.append(journal.head(one.session))
        except JournalError:
            return None
        sent = [(row.kind, row.at_ms, row.body) for row in one.rows]
        if [(row.kind, row.at_ms, row.body) for row in found] != sent:
            return Conflict(tuple(heads))
        records += found
    return Appended(tuple(heads), tuple(records))


def grown(state: SessionState, records: Sequence[Record]) -> SessionState:
    """*state*, as its rows were decided on, with the bytes of those that were stored for it."""
    size = 0
    for one in records:
        if one.session == state.id:
            # Hardly any row names contents, and this is on the way of every decision.
            size += _size_of(one, body_of(one)) if one.kind in CONTENTS else len(one.body)
    return with_bytes(state, size) if size else state


def _size_of(record: Record, body: Mapping[str, Json]) -> int:
    """Bytes of *record*, and of the contents that it names, as they were before compression."""
    size = len(record.body)
    data = body.get("data") if record.kind in CONTENTS else None
    named = data.get(CONTENTS[record.kind]) if isinstance(data, Mapping) else None
    for one in named if isinstance(named, (list, tuple)) else ():
        content = one.get("size_bytes") if isinstance(one, Mapping) and one.get("blob") else None
        size += content if isinstance(content, int) else 0
    return size


def recorded(
    law: Law, state: SessionState, command: Command, at_ms: int, kind: str, data: Mapping[str, Json]
) -> Outcome:
    """The outcome of a person's word, decided by nobody else."""
    # Who only reads needs nothing of what judges, which is much to import.
    from governance.session.persons import person_said

    draft = Draft(law, command, Gathered(at_ms=at_ms), state)
    person_said(draft, kind, data)
    return draft.outcome(Reply(event=kind, action="allow", state=draft.state.state))


def recorded_all(
    law: Law,
    state: SessionState,
    command: Command,
    at_ms: int,
    rows: Sequence[tuple[str, Mapping[str, Json]]],
    *,
    durable: bool,
) -> Outcome:
    """The outcome of rows that only say what was seen, in one step."""
    draft = Draft(law, command, Gathered(at_ms=at_ms), state)
    for kind, data in rows:
        draft.emit(kind, data, durable=durable)
    return draft.outcome(Reply(event=rows[0][0], action="allow", state=draft.state.state))


def id_problem(session: object, chars_max: int) -> str:
    """What is wrong with a session id, or ``""``."""
    if not isinstance(session, str) or not session:
        return "a session id is a text that is not empty"
    if len(session) > chars_max:
        return f"a session id of {len(session)} characters; at most {chars_max} are taken"
    if not session.isprintable() and _BREAKING.search(session):
        return "a session id with NUL or the end of a line in it"
    try:
        session.encode("utf-8")
    except UnicodeEncodeError:
        return "a session id with a lone surrogate in it"
    return ""
