"""The published contract suite, run against every back end of the engine."""

from __future__ import annotations

from pathlib import Path

from governance.journal import Journal
from governance.journal.memory import MemoryJournal
from governance.journal.sqlite import SqliteJournal
from governance.testing.journal_contract import DurableJournalContract, JournalContract


class TestMemoryJournal(JournalContract):
    """The model keeps its own contract."""

    def open_journal(self, folder: Path) -> Journal:
        return MemoryJournal()


class TestSqliteJournal(DurableJournalContract):
    """SQLite, anchored in a mirror."""

    def open_journal(self, folder: Path) -> Journal:
        return SqliteJournal.open(
            folder / "project" / "journal.db", create=True, mirror=folder / "mirror" / "heads"
        )


class TestSqliteJournalWithoutMirror(DurableJournalContract):
    """SQLite as it is without a mirror and without syncs."""

    def open_journal(self, folder: Path) -> Journal:
        return SqliteJournal.open(folder / "journal.db", create=True, power_safe=False)
