"""
The states that are kept of sessions to save time, held against the rows that they stand for.

A snapshot is trusted by whoever goes on from it, and no hash ties what it says to the rows:
only folding them again shows that it says the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from governance.engine.restoring import as_branch, folded_to, keep_snapshot_at, of_snapshot
from governance.errors import JournalError
from governance.journal.caches import KEPT
from governance.journal.records import Finding, Journal
from governance.journal.sealing import is_sealed
from governance.session.state import FOLD_VERSION, SessionState


def told_by_rows(journal: Journal, session: str, seq: int) -> SessionState | None:
    """
    The state that the first *seq* rows of *session* tell, no snapshot asked.

    ``None`` where they cannot be read or are no rows of ours: `verify` says so of the rows.
    """
    try:
        state, begun = folded_to(journal, session, seq)
    except JournalError:
        return None
    if state.head != seq:
        return None
    return state if begun else as_branch(state, state.last_work_at_ms or state.created_at_ms)


def kept_findings(journal: Journal, session: str) -> tuple[Finding, ...]:
    """
    What is wrong with the state that is kept of *session*; reads all rows that it stands for.

    One of another version is no fault, for every engine passes it over, nor is one that is
    sealed where *journal* opens nothing.
    """
    try:
        snapshot = journal.snapshot_get(session, version=FOLD_VERSION)
    except JournalError:
        return ()  # what cannot be read is found where the rows are walked
    if snapshot is None or is_sealed(snapshot.body):
        return ()
    seq = snapshot.seq
    told = told_by_rows(journal, session, seq)
    if told is None or told == of_snapshot(snapshot):
        return ()
    rows = f"its first {seq} rows" if seq > 1 else "its first row"
    message = f"the state that is kept of {rows} is not what they tell"
    return (Finding(KEPT, session, seq, message),)


def make_anew(journal: Journal, findings: Iterable[Finding]) -> Iterator[str]:
    """
    Keep what the rows tell in place of each state in *findings*; gives the sessions.

    Raises:
        JournalError: The store cannot be read or written.
    """
    for one in findings:
        told = told_by_rows(journal, one.session, one.seq)
        row = journal.read(one.session, after=one.seq - 1, limit=1)
        if told is not None and row:
            keep_snapshot_at(journal, told, row[0].hash)
            yield one.session
