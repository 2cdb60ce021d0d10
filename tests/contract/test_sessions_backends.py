"""Whole sessions on every back end: the engine's verbs do the same on each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.engine.retention import RetentionPolicy
from governance.journal.memory import MemoryJournal
from governance.journal.records import Journal
from governance.journal.sqlite import SqliteJournal
from governance.testing import ManualClock
from governance.testing.engines import memory_engine
from governance.values import Json


@pytest.fixture(name="journal", params=["memory", "sqlite", "postgres"])
def _journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    match request.param:
        case "memory":
            yield MemoryJournal()
        case "sqlite":
            yield SqliteJournal.open(tmp_path / "j.db", create=True, mirror=tmp_path / "heads")
        case _:
            from governance.journal.postgres import PostgresJournal
            from governance.journal.postgres_url import target_of

            server = request.getfixturevalue("server")
            target = target_of(server.url(tenant="sessions"))
            yield PostgresJournal.open(target, create=True, mirror=tmp_path / "heads")


def test_branch_merge_archive_and_prune(journal: Journal, tmp_path: Path) -> None:
    """Heads come back, the chain holds after each verb, and one event tells of each archive."""
    clock = ManualClock()
    with memory_engine(clock=clock, journal=journal) as engine:
        engine.start("s").turn("go")
        branch = engine.branch("s", actor="me").id
        for name, text in (("s", "ours"), (branch, "theirs")):
            data: dict[str, Json] = {"id": "a", "type": "decision", "priority": "normal"}
            engine.record(name, "anchor.added", data | {"text": text}, actor="me")
        (conflict,) = engine.merge("s", branch).merged.conflicts
        engine.resolve("s", conflict.id, "theirs", actor="me")
        assert engine.state("s").anchors[0].text == "theirs"
        assert [one.seq for one in engine.events(branch, limit=2, reverse=True)] == [
            engine.state(branch).head,
            engine.state(branch).head - 1,
        ]

        head, rows = journal.head(branch), journal.read(branch)
        made = engine.archive(branch, tmp_path / "archive")
        assert journal.verify().ok
        assert engine.session(branch).turn("on").denied
        assert engine.unarchive(made.path) == head
        assert journal.read(branch) == rows
        engine.session("s").end()
        clock.advance(1_000)
        policy = RetentionPolicy(age_ms_max=1, folder=str(tmp_path / "archive"))
        assert [engine.prune(policy).gone for _ in range(3)] == [
            ((branch, "age"),),
            (("s", "age"),),
            (),
        ]
        assert journal.verify().ok
        told = [one.name for one in engine.events("@project")]
        assert told.count("session.archived") == 3
        assert journal.shelf.scan("archiving") == ()
