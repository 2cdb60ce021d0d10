"""A verb that a store cut short: what it says, and what doing it again comes to."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from governance.engine import Engine, branching
from governance.engine.retention import RetentionPolicy
from governance.errors import JournalError, MisuseError
from governance.journal.faults import SessionRemoved
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Appended, Conflict, Duplicate
from governance.scopes import Reader, Scope, Value
from governance.states import State
from governance.testing import FailingJournal, ManualClock
from governance.testing.engines import memory_engine
from tests.unit.faulty_engines import FULL, begun, kinds

ME = Reader(actor="me", session="s")
OWN = Scope("session", "s")
LONG = "word " * 2_000


class Deaf(FailingJournal):
    """A store that takes a row and, when that is asked for, gives nothing from then on."""

    deaf_after_append = False

    def append(
        self, batch: Sequence[Append], *, key: str | None = None, deadline_ms: int | None = None
    ) -> Appended | Conflict | Duplicate:
        done = super().append(batch, key=key, deadline_ms=deadline_ms)
        if self.deaf_after_append:
            self.fail("read", FULL, times=9)
            self.fail("shelf.get", FULL, times=9)
        return done


@pytest.fixture
def journal() -> Deaf:
    return Deaf(MemoryJournal())


@pytest.fixture
def engine(journal: FailingJournal) -> Engine:
    return memory_engine(journal=journal, clock=ManualClock())


def test_a_branch_that_was_cut_short_is_ended_by_the_same_words(
    engine: Engine, journal: FailingJournal
) -> None:
    """It is there without its first row: made again it gets that; another of its name is none."""
    session = begun(engine)
    row = engine.state("s").head
    journal.fail("append", FULL)
    with pytest.raises(JournalError):
        engine.branch("s", name="b")

    made = engine.branch("s", at=row, name="b")
    session.message("user", "more")

    assert made.id == "b"
    assert kinds(journal, "b").count("session.branched") == 1
    with pytest.raises(MisuseError, match="already"):
        engine.branch("s", at=row, name="b")


def test_a_half_made_branch_is_not_taken_for_another_row(
    engine: Engine, journal: FailingJournal
) -> None:
    """Only the very same branch is finished."""
    begun(engine)
    journal.fail("append", FULL)
    with pytest.raises(JournalError):
        engine.branch("s", name="b")

    with pytest.raises(MisuseError, match="already"):
        engine.branch("s", at=1, name="b")


def test_a_branch_without_a_name_takes_up_no_other_ones(
    engine: Engine, journal: FailingJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was faster has the name: two that asked for a branch each do not share one."""
    begun(engine)
    journal.fail("append", FULL)
    with pytest.raises(JournalError):
        engine.branch("s", name="b")
    monkeypatch.setattr(branching, "_free_name", lambda *_: "b")

    with pytest.raises(MisuseError, match="already"):
        engine.branch("s")


def test_a_switch_that_was_cut_short_leaves_the_one_once(
    engine: Engine, journal: FailingJournal
) -> None:
    """What was told of the first try stands before the second looks."""
    begun(engine)
    begun(engine, "t")
    journal.fail("append", FULL)
    with pytest.raises(JournalError):
        engine.switch("s", "t")

    engine.switch("s", "t")

    assert kinds(journal).count("session.interrupted") == 1
    assert kinds(journal, "t").count("session.resumed") == 1
    assert engine.state("s").state is State.INTERRUPTED


@pytest.mark.parametrize("value", ["short", LONG])
def test_a_value_that_stands_is_told_by_a_store_that_cannot_be_read(
    engine: Engine, journal: Deaf, value: str
) -> None:
    """Nobody hears of a failure, and sets it again, where it was set."""
    begun(engine)
    engine.contexts.set(OWN, "code", "k", "before", by=ME)
    journal.deaf_after_append = True

    made = engine.contexts.set(OWN, "code", "k", value, by=ME, expected_version=1)

    assert isinstance(made, Value)
    assert (made.value, made.version) == (value, 2)
    journal.deaf_after_append = False
    journal._faults.clear()
    assert engine.contexts.get(OWN, "code", "k", by=ME) == made


def test_a_scope_whose_session_is_gone_is_not_told_from_memory(engine: Engine) -> None:
    """What was removed is there for nobody, and takes nothing more."""
    begun(engine).end()
    engine.contexts.set(OWN, "code", "k", "secret", by=ME)
    begun(engine, "t").end()
    engine.prune(RetentionPolicy(sessions_max=1), actor="me")

    assert engine.contexts.get(OWN, "code", "k", by=ME) is None
    assert engine.contexts.find(OWN, by=ME) == ()
    with pytest.raises(SessionRemoved):
        engine.contexts.set(OWN, "code", "k", "again", by=ME)


def test_a_scope_that_cannot_be_read_is_not_kept_in_memory(
    engine: Engine, journal: FailingJournal
) -> None:
    """It may be that it was erased."""
    begun(engine)
    engine.contexts.set(OWN, "code", "k", "secret", by=ME)
    assert engine.contexts.get(OWN, "code", "k", by=ME) is not None
    journal.fail("read", FULL)

    with pytest.raises(JournalError):
        engine.contexts.get(OWN, "code", "k", by=ME)

    assert engine.contexts.held == ()
    assert engine.contexts.get(OWN, "code", "k", by=ME) is not None


def test_what_went_is_told_by_a_store_that_fails_on_the_note(
    engine: Engine, journal: FailingJournal
) -> None:
    """The rows are gone: the event comes with whoever keeps the store next."""
    begun(engine).end()
    begun(engine, "t").end()
    journal.fail("shelf.scan", FULL, skip=1)

    report = engine.prune(RetentionPolicy(sessions_max=1), actor="me")

    assert len(report.gone) == 1
    engine.prune(RetentionPolicy(sessions_max=9), actor="me")
    assert kinds(journal, "@project").count("session.removed") == 1
