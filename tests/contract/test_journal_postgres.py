"""The published contract suite, run against PostgreSQL."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import ClassVar

import pytest

from governance.journal import Journal
from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_url import target_of
from governance.testing.journal_contract import DurableJournalContract
from tests.postgres_server import Server


class TestPostgresJournal(DurableJournalContract):
    """PostgreSQL, anchored in a mirror; each folder is a tenant of one schema."""

    server: ClassVar[Server]

    @pytest.fixture(autouse=True, scope="class")
    def on(self, server: Server) -> None:
        type(self).server = server

    def open_journal(self, folder: Path) -> Journal:
        tenant = hashlib.sha256(str(folder).encode()).hexdigest()[:20]
        target = target_of(self.server.url(tenant=tenant))
        return PostgresJournal.open(target, create=True, mirror=folder / "heads")


class TestPostgresJournalThatCalls(DurableJournalContract):
    """PostgreSQL without a mirror, with one connection, calling out what moves."""

    server: ClassVar[Server]

    @pytest.fixture(autouse=True, scope="class")
    def on(self, server: Server) -> None:
        type(self).server = server

    def open_journal(self, folder: Path) -> Journal:
        tenant = hashlib.sha256(str(folder).encode()).hexdigest()[:20]
        words = {"schema": "calling", "notify": "on", "connections_max": 1}
        return PostgresJournal.open(target_of(self.server.url(tenant=tenant, **words)), create=True)

    def test_it_behaves_like_the_model(self) -> None:
        """The other class holds this; here a few calls show that the options change no answer."""
        journal = self.open_journal(Path("model"))
        assert journal.verify().ok
        journal.close()
