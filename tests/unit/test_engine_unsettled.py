"""Events whose commit nobody can look up, and those that wait behind them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import governance.engine.catching_up as catching_up
from governance.engine import Engine, EngineOptions, Session
from governance.engine.news import Bulletin, News
from governance.engine.spool import Spool
from governance.errors import JournalError, OutcomeUnknown, StoreDamaged
from governance.journal.encrypted import EncryptedJournal
from governance.journal.memory import MemoryJournal
from governance.journal.records import Record
from governance.journal.vault import KeyEncryptionKey, Vault, session_scope
from governance.listeners import Listeners
from governance.session.commands import Command
from governance.session.law import Law
from governance.testing import FailingJournal
from governance.testing.engines import law_of, memory_engine
from tests.property.told_events import PACK

FULL = JournalError("full")


@pytest.fixture
def journal() -> FailingJournal:
    return FailingJournal(MemoryJournal())


@pytest.fixture
def shown() -> list[str]:
    """What listeners saw of compactions and resets."""
    return []


@pytest.fixture(params=["in files", "in memory"])
def engine(
    request: pytest.FixtureRequest, journal: FailingJournal, shown: list[str], tmp_path: Path
) -> Iterator[Engine]:
    spool = Spool(str(tmp_path / "untold")) if request.param == "in files" else None
    listeners = Listeners()
    events = ["session.compacted", "session.reset"]
    listeners.register(events, lambda one: shown.append(one.name), mode="audit", name="see")
    options = EngineOptions(run="test", spool=spool)
    with memory_engine(journal=journal, listeners=listeners, options=options) as made:
        yield made


def kinds(journal: FailingJournal, session: str = "s") -> list[str]:
    return [one.kind for one in journal.read(session, limit=1000)]


def begun(engine: Engine, name: str = "s") -> Session:
    session = engine.start(name)
    session.turn("go")
    return session


def lost(journal: FailingJournal) -> None:
    """Have the next commit go through, and its answer be lost with the store."""
    journal.fail("append", OutcomeUnknown("lost"), done=True)
    journal.fail("read", JournalError("gone"), times=3)


def refused(told: Callable[[], object]) -> None:
    with pytest.raises(JournalError):
        told()


def test_what_another_event_was_handed_in_for_settles_nothing(
    engine: Engine, journal: FailingJournal
) -> None:
    """The end of the turn stands after all; the compaction that waits behind it does not."""
    session = begun(engine)
    journal.fail("append", FULL)
    refused(session.turn_ended)
    lost(journal)
    refused(session.compact)
    journal._faults.clear()
    session.turn("on")

    assert kinds(journal).count("session.compacted") == 1
    assert kinds(journal).count("turn.ended") == 1
    assert not engine._untold.any()


def test_what_is_handed_in_again_and_lost_again_is_shown_once(
    engine: Engine, journal: FailingJournal, shown: list[str]
) -> None:
    """Whoever finds out that it stands tells listeners."""
    session = begun(engine)
    journal.fail("append", FULL)
    refused(session.reset)
    lost(journal)
    assert session.turn("on").denied
    journal._faults.clear()
    assert not session.turn("on").denied

    assert kinds(journal).count("session.reset") == 1
    assert shown == ["session.reset"]


def test_two_threads_that_find_it_show_it_once(
    engine: Engine, journal: FailingJournal, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read what waits before one of them writes it."""
    session = begun(engine)
    lost(journal)
    refused(session.compact)
    journal._faults.clear()
    both, real = threading.Barrier(2, timeout=2), catching_up._waiting

    def waiting(*given: object) -> object:
        found = real(*given)  # type: ignore[arg-type]
        with suppress(threading.BrokenBarrierError):
            both.wait()
        return found

    monkeypatch.setattr(catching_up, "_waiting", waiting)
    threads = [threading.Thread(target=session.tool, args=("read", {"path": "a"})) for _ in "ab"]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert kinds(journal).count("session.compacted") == 1
    assert shown == ["session.compacted"]


class Watching:
    """Tells of changed rules when it is asked next."""

    news: News | None = None

    def look(self, law: Law, now_ms: int) -> News | None:
        news, self.news = self.news, None
        return news


@pytest.fixture
def watching() -> Watching:
    return Watching()


@pytest.fixture
def reloading(journal: FailingJournal, watching: Watching) -> Iterator[Engine]:
    options = EngineOptions(run="test", bulletin=Bulletin(watching, 100))
    with memory_engine(law=law_of(PACK), journal=journal, options=options) as made:
        yield made


def test_a_lost_row_of_changed_rules_settles_no_event(
    reloading: Engine, watching: Watching, journal: FailingJournal
) -> None:
    """The event that came behind it waits for itself."""
    session = begun(reloading)
    watching.news = News(1, "rules.changed", reloading.law)
    lost(journal)
    refused(session.compact)
    journal._faults.clear()
    session.turn("on")

    assert kinds(journal).count("session.compacted") == 1


@pytest.mark.parametrize("skip", [0, 1])
def test_changed_rules_and_what_lapses_by_them_are_one_commit(
    reloading: Engine, watching: Watching, journal: FailingJournal, skip: int
) -> None:
    """Both or neither: what is told again is told whole."""
    session = begun(reloading)
    changed = law_of(PACK.replace("Be governed.", "Be governed well."))
    watching.news = News(1, "rules.changed", changed)
    journal.fail("append", FULL, skip=skip)
    session.tool("read", {"path": "a"}, call_id="1")
    journal._faults.clear()
    assert "Be governed well." in session.turn("on").text

    assert kinds(journal).count("rules.changed") == 1
    assert kinds(journal).count("governance.lapsed") == 1


class Damaged(FailingJournal):
    """A store of which one session cannot be read."""

    bad = ""

    def read(
        self, session: str, *, after: int = 0, before: int | None = None, limit: int = 1000
    ) -> tuple[Record, ...]:
        if session == self.bad:
            raise StoreDamaged(f"row 2 of `{session}` cannot be read")
        return super().read(session, after=after, before=before, limit=limit)


def test_a_session_that_cannot_be_read_stops_itself_alone() -> None:
    """Though something of it waits."""
    journal = Damaged(MemoryJournal())
    with memory_engine(journal=journal) as engine:
        bad, other = begun(engine, "bad"), begun(engine, "other")
        journal.bad = "bad"
        engine.live.drop("bad")
        refused(bad.turn_ended)

        assert bad.tool("read", {"path": "a"}, call_id="1").denied
        assert other.tool("read", {"path": "a"}, call_id="1").action == "allow"
        other.turn_ended()
        fresh = engine.start("fresh").reply
        assert fresh is not None
        assert fresh.action == "allow"


def test_an_erased_child_takes_nothing_of_its_parent_with_it() -> None:
    """What waits of the parent is written: the end of the child too, without its figures."""
    inner = FailingJournal(MemoryJournal())
    vault = Vault.open(inner.shelf, KeyEncryptionKey.of(b"k" * 32))
    with memory_engine(journal=EncryptedJournal(inner, vault)) as engine:
        parent = begun(engine)
        child = parent.child("c")
        child.turn("go")
        inner.fail("append", FULL, times=2)
        ended = Command(event="child_end", session="s", data={"child_id": child.id})
        refused(lambda: engine.handle(ended))
        refused(parent.compact)
        vault.erase(session_scope(child.id), 1)
        engine.live.drop(child.id)
        parent.turn("on")

        found = [one.kind for one in engine.journal.read("s", limit=1000)]
        assert found.count("child.ended") == 1
        assert found.count("session.compacted") == 1


def test_what_is_said_after_a_reset_that_waits_belongs_to_the_new_epoch(
    engine: Engine, journal: FailingJournal
) -> None:
    """Messages, anchors, branches and merges come behind it as well."""
    session = begun(engine)
    session.turn_ended()
    journal.fail("append", FULL)
    refused(session.reset)

    session.message("user", "after the reset")

    assert [one.epoch for one in session.messages().messages] == [2]


@pytest.mark.parametrize("verb", ["record", "branch", "merge", "archive"])
def test_what_waits_stands_before_what_a_program_does(
    engine: Engine, journal: FailingJournal, shown: list[str], tmp_path: Path, verb: str
) -> None:
    """And is shown to listeners, whoever writes it."""
    session = begun(engine)
    other = engine.branch("s", name="b") if verb == "merge" else None
    told = session.compact if verb == "archive" else session.reset
    (session.end if verb == "archive" else session.turn_ended)()
    journal.fail("append", FULL)
    refused(told)

    if verb == "record":
        anchor = {"id": "a", "type": "decision", "priority": "normal", "text": "x"}
        engine.record("s", "anchor.added", anchor, actor="me")
    elif verb == "branch":
        assert engine.state(engine.branch("s").id).registers.epoch == 2
    elif other is not None:
        engine.merge(other.id, "s")
    else:
        engine.archive("s", tmp_path / "archive")

    assert shown == ["session.compacted" if verb == "archive" else "session.reset"]
    assert not engine._untold.any()
