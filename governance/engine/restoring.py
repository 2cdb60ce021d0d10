"""From a journal to a session and back: restore, snapshots, outcomes that were not told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from governance.engine.encoding import body_of
from governance.errors import JournalError, StoreDamaged
from governance.journal.records import Append, Appended, Conflict, Journal, Record, Snapshot
from governance.session.commands import Command
from governance.session.draft import Draft, Outcome
from governance.session.evolve import evolve
from governance.session.law import Gathered, Law
from governance.session.persons import person_said
from governance.session.replies import Reply
from governance.session.snapshot import state_bytes, state_of_bytes
from governance.session.state import FOLD_VERSION, SessionState
from governance.values import Json, ValueRefused

PAGE_ROWS = 1000


def restore(journal: Journal, session: str) -> SessionState:
    """
    The state that the journal of *session* tells, from its snapshot and the rows after it.

    A snapshot that does not fit its row, or that another version made, is passed over:
    the whole journal gives the same.

    Raises:
        JournalError: The store cannot be read, or holds what is no row of ours.
    """
    state = SessionState(id=session)
    snapshot = journal.snapshot_get(session, version=FOLD_VERSION)
    if snapshot is not None:
        try:
            state = state_of_bytes(snapshot.body)
        except (ValueError, KeyError, TypeError, ValueRefused):
            state = SessionState(id=session)
        if state.id != session or state.head != snapshot.seq:
            state = SessionState(id=session)
    while True:
        page = journal.read(session, after=state.head, limit=PAGE_ROWS)
        state = _folded(state, page)
        if len(page) < PAGE_ROWS:
            return state


def fold(records: Sequence[Record], session: str) -> SessionState:
    """
    The state that *records*, read from the first on, tell of *session*.

    Raises:
        StoreDamaged: One of them is no row that an engine has written.
    """
    return _folded(SessionState(id=session), records)


def _folded(state: SessionState, records: Sequence[Record]) -> SessionState:
    for record in records:
        try:
            state = evolve(state, record.seq, record.kind, record.at_ms, body_of(record))
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
    head = journal.head(state.id)
    if head.seq == state.head:
        keep_snapshot_at(journal, state, head.hash)


def keep_snapshot_at(journal: Journal, state: SessionState, row_hash: bytes) -> None:
    """Keep *state* as a cache of the prefix that ends with the row of *row_hash*."""
    snapshot = Snapshot(state.id, state.head, row_hash, FOLD_VERSION, state_bytes(state))
    try:
        journal.snapshot_put(snapshot)
    except JournalError:
        # A snapshot only saves time: the rows are there, and the next one may fit.
        return


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


def recorded(
    law: Law, state: SessionState, command: Command, at_ms: int, kind: str, data: Mapping[str, Json]
) -> Outcome:
    """The outcome of a person's word, decided by nobody else."""
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
    if "\x00" in session:
        return "a session id with NUL in it"
    try:
        session.encode("utf-8")
    except UnicodeEncodeError:
        return "a session id with a lone surrogate in it"
    return ""
