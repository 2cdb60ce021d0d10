"""
The states that are kept of sessions to save time, held against the rows that they stand for.

A snapshot is trusted by whoever goes on from it, and no hash ties what it says to the rows:
only folding them again shows that it says the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from governance.engine.restoring import as_branch, folded_to, keep_snapshot_at, of_snapshot
from governance.errors import JournalError
from governance.journal.records import Finding, Journal
from governance.session.state import FOLD_VERSION, SessionState

KEPT = "kept"
"""What a finding is called that a kept state is at fault for."""


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

    One that an engine would pass over is no fault: it is of another version, is damaged, or
    is sealed and *journal* opens nothing.
    """
    try:
        snapshot = journal.snapshot_get(session, version=FOLD_VERSION)
    except JournalError:
        return ()  # what cannot be read is found where the rows are walked
    kept = of_snapshot(snapshot) if snapshot is not None else None
    if kept is None:
        return ()
    told = told_by_rows(journal, session, kept.head)
    if told is None or told == kept:
        return ()
    rows = f"its first {kept.head} rows" if kept.head > 1 else "its first row"
    message = f"the state that is kept of {rows} is not what they tell"
    return (Finding(KEPT, session, kept.head, message),)


def make_anew(journal: Journal, findings: Iterable[Finding]) -> Iterator[str]:
    """
    Keep what the rows tell in place of each state in *findings*; gives the sessions.

    Raises:
        JournalError: The store cannot be read.
    """
    for one in findings:
        told = told_by_rows(journal, one.session, one.seq)
        row = journal.read(one.session, after=one.seq - 1, limit=1)
        if told is not None and row:
            keep_snapshot_at(journal, told, row[0].hash)
            yield one.session
