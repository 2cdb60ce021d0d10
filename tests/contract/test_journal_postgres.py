"""The published contract suite, run against PostgreSQL."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from governance.journal import Journal
from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_url import target_of
from governance.testing.journal_contract import DurableJournalContract
from governance.testing.journal_model import model_machine
from tests.postgres_server import Server
from tests.profiles import examples


class TestPostgresJournal(DurableJournalContract):
    """PostgreSQL, anchored in a mirror; each folder is a tenant of one schema."""

    @pytest.fixture(autouse=True)
    def on(self, server: Server) -> None:
        self.server = server

    def open_journal(self, folder: Path) -> Journal:
        tenant = hashlib.sha256(str(folder).encode()).hexdigest()[:20]
        target = target_of(self.server.url(tenant=tenant))
        return PostgresJournal.open(target, create=True, mirror=folder / "heads")

    def test_it_behaves_like_the_model(self) -> None:
        """As in the suite; each step is a few round trips, so there are fewer examples."""
        run_state_machine_as_test(
            model_machine(self.open_journal, can_reopen=self.can_reopen),
            settings=settings(max_examples=examples(30), stateful_step_count=30),
        )
