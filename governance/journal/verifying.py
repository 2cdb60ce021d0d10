"""Looking at some sessions of a journal together, whatever the journal can do."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from governance.journal.records import Head, Journal, VerifiesMany, VerifyReport


def first_of(heads: Sequence[Head], rows_max: int) -> list[str]:
    """The first sessions of *heads*, up to the one with which they have *rows_max* rows."""
    before = accumulate((head.seq for head in heads), initial=0)
    return [one.session for one, rows in zip(heads, before, strict=False) if rows < rows_max]


def verify_some(journal: Journal, sessions: Sequence[str]) -> VerifyReport:
    """
    What `Journal.verify` says of each of *sessions*, together.

    A store reads all heads of its mirror for one look, so that one look a session would take a
    time that grows with the square of the sessions.
    """
    if isinstance(journal, VerifiesMany):
        return journal.verify_many(sessions)
    reports = [journal.verify(session) for session in sessions]
    return VerifyReport(
        sum(one.sessions for one in reports),
        sum(one.rows for one in reports),
        bool(reports) and all(one.anchored for one in reports),
        tuple(dict.fromkeys(found for one in reports for found in one.findings)),
        max((one.anew_ms for one in reports), default=0),
    )
