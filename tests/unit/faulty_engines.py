"""What tests of engines on stores that fail have in common."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from governance.engine import Engine, Session
from governance.errors import JournalError, OutcomeUnknown
from governance.journal.records import Journal
from governance.testing import FailingJournal

FULL = JournalError("full")


class Unclosed(FailingJournal):
    """A store that can still be read once its engine is closed."""

    def close(self) -> None:
        pass


def kinds(journal: Journal, session: str = "s") -> list[str]:
    return [one.kind for one in journal.read(session, limit=1000)]


def begun(engine: Engine, name: str = "s") -> Session:
    """A session at work."""
    session = engine.start(name)
    session.turn("go")
    return session


def refused(told: Callable[[], object]) -> None:
    """It is told, and the store does not take it."""
    with pytest.raises(JournalError):
        told()


def lost(journal: FailingJournal, *, done: bool = True) -> None:
    """Have the next commit go through, or not, and its answer be lost with the store."""
    journal.fail("append", OutcomeUnknown("lost"), done=done)
    journal.fail("read", JournalError("gone"), times=3)
