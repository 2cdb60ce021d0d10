"""
What is stored and what is promised: append-only journals, one a session, in one store.

`governance.journal.records` holds the contract, `open_journal` opens a store by its URL.
"""

from governance.journal.opening import DEFAULT_URL, open_journal
from governance.journal.records import (
    Append,
    Appended,
    Conflict,
    Duplicate,
    Entry,
    Finding,
    Head,
    Journal,
    Moved,
    Origin,
    Record,
    Row,
    Shelf,
    Snapshot,
    VerifyReport,
)

__all__ = [
    "DEFAULT_URL",
    "Append",
    "Appended",
    "Conflict",
    "Duplicate",
    "Entry",
    "Finding",
    "Head",
    "Journal",
    "Moved",
    "Origin",
    "Record",
    "Row",
    "Shelf",
    "Snapshot",
    "VerifyReport",
    "open_journal",
]
