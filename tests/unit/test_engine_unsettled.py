"""Events whose commit nobody can look up, and those that wait behind them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import governance.engine.catching_up as catching_up
from governance.engine import Engine, EngineOptions
from governance.engine.news import Bulletin, News
from governance.engine.spool import Spool
from governance.errors import MisuseError, StoreDamaged
from governance.journal.encrypted import EncryptedJournal
from governance.journal.memory import MemoryJournal
from governance.journal.records import Record
from governance.journal.vault import KeyEncryptionKey, Vault, session_scope
from governance.listeners import Listeners
from governance.session.commands import Command
from governance.session.law import Law
from governance.testing import FailingJournal
from governance.testing.engines import law_of, memory_engine
from governance.values import Json
from tests.property.told_events import PACK
from tests.unit.faulty_engines import FULL, Unclosed, begun, kinds, lost, refused


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


def erasing() -> tuple[FailingJournal, Callable[[str], None], Engine]:
    """A store that fails, what erases a session of it, and an engine on it that encrypts."""
    inner = FailingJournal(MemoryJournal())
    vault = Vault.open(inner.shelf, KeyEncryptionKey.of(b"k" * 32))
    engine = memory_engine(journal=EncryptedJournal(inner, vault))

    def erase(session: str) -> None:
        vault.erase(session_scope(session), 1)
        engine.live.drop(session)

    return inner, erase, engine


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
    assert kinds(journal).count("rules.changed") == 1


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
        journal.bad = ""


def test_an_erased_child_takes_nothing_of_its_parent_with_it() -> None:
    """What waits of the parent is written: the end of the child too, without its figures."""
    inner, erase, made = erasing()
    with made as engine:
        parent = begun(engine)
        child = parent.child("c")
        child.turn("go")
        inner.fail("append", FULL, times=2)
        ended = Command(event="child_end", session="s", data={"child_id": child.id})
        refused(lambda: engine.handle(ended))
        refused(parent.compact)
        erase(child.id)
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


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Have another thread do *work* once, after this one has looked at what waits."""
    real = catching_up._waiting

    def waiting(*given: object) -> object:
        found = real(*given)  # type: ignore[arg-type]
        monkeypatch.setattr(catching_up, "_waiting", real)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return found

    monkeypatch.setattr(catching_up, "_waiting", waiting)


def test_what_another_thread_has_tried_in_vain_still_comes_first(
    engine: Engine, journal: FailingJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child is asked while its parent's end waits: it waits as before, and nothing runs."""
    parent = begun(engine)
    child = parent.child("c")
    child.turn("go")
    journal.fail("append", FULL)
    refused(parent.end)
    engine._untold.others.begin(engine.clock.now_ms())

    def try_in_vain() -> None:
        lost(journal, done=False)
        assert parent.tool("read", {"path": "a"}, call_id="1").denied
        journal._faults.clear()

    meanwhile(monkeypatch, try_in_vain)
    assert child.tool("read", {"path": "a"}, call_id="2").denied
    assert kinds(journal).count("session.ended") == 1


def test_what_another_thread_has_committed_is_shown(
    engine: Engine, journal: FailingJournal, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knew so when it was: whoever finds it out tells."""
    session = begun(engine)
    journal.fail("append", FULL)
    refused(session.compact)
    engine._untold.others.begin(engine.clock.now_ms())

    def commit_and_lose() -> None:
        lost(journal)
        assert session.tool("read", {"path": "a"}, call_id="1").denied
        journal._faults.clear()

    meanwhile(monkeypatch, commit_and_lose)
    session.turn("on")

    assert kinds(journal).count("session.compacted") == 1
    assert shown == ["session.compacted"]


@pytest.mark.parametrize("child", [None, 5, "", "\x00", "a\nb", "@project"])
def test_a_child_that_can_be_none_is_misuse(engine: Engine, child: Json) -> None:
    """It is refused before it could wait: what waits undecided would be told to others."""
    begun(engine)
    with pytest.raises(MisuseError, match="GOV401 `child_id`: a session id"):
        engine.handle(Command(event="child_end", session="s", data={"child_id": child}))


def test_what_waits_and_cannot_be_decided_stops_its_session_alone(
    engine: Engine, journal: FailingJournal
) -> None:
    """It was kept before anybody had looked at it, by an older engine say."""
    stuck, other = begun(engine), begun(engine, "other")
    engine._untold.keep(Command(event="child_end", session="s"), lambda one: one, ["s"])

    assert other.tool("read", {"path": "a"}, call_id="1").action == "allow"
    reply = stuck.tool("read", {"path": "a"}, call_id="1")
    assert reply.denied
    assert "cannot be decided: KeyError" in reply.message
    for kept in engine._untold.waiting("s"):
        engine._untold.forget(kept)


@pytest.mark.parametrize("verb", ["end", "reset", "interrupt"])
def test_a_parent_goes_on_without_an_erased_child(verb: str) -> None:
    """Which it would interrupt: nobody can write there any more."""
    _, erase, made = erasing()
    with made as engine:
        parent = begun(engine)
        child = parent.child("c")
        child.turn("go")
        erase(child.id)
        getattr(parent, verb)()

        assert not engine._untold.any()
        assert f"session.{verb}" in kinds(engine.journal)[-1]


def test_what_was_committed_beside_an_erased_child_is_known_again() -> None:
    """The rows of the parent tell it: it is not locked out by those that nobody can read."""
    inner, erase, made = erasing()
    with made as engine:
        parent = begun(engine)
        child = parent.child("c")
        child.turn("go")
        lost(inner)
        refused(parent.end)
        inner._faults.clear()
        erase(child.id)

        assert parent.turn("on").state != "unknown"
        assert kinds(engine.journal).count("session.ended") == 1


@pytest.mark.parametrize("of", ["itself", "its parent"])
def test_what_waits_of_an_erased_session_is_let_go(of: str) -> None:
    """And of one below it: it can do nothing any more."""
    inner, erase, made = erasing()
    with made as engine:
        parent, other = begun(engine), begun(engine, "other")
        child = parent.child("c")
        child.turn("go")
        waits = parent if of == "itself" else child
        inner.fail("append", FULL)
        refused(waits.compact)
        erase("s")
        other.turn_ended()

        assert not engine._untold.any()
        refused(waits.compact)
        assert not engine._untold.any()


@pytest.mark.parametrize("told", ["child_end", "end"])
def test_a_parent_goes_on_without_a_damaged_child(told: str) -> None:
    """What it is told of the child stands in its own rows, and its other children are asked."""
    journal = Damaged(MemoryJournal())
    with memory_engine(journal=journal) as engine:
        parent = begun(engine)
        child, sibling = parent.child("c"), parent.child("d")
        for one in (child, sibling):
            one.turn("go")
        journal.bad = child.id
        engine.live.drop(child.id)
        data: dict[str, Json] = {"child_id": child.id} if told == "child_end" else {}
        engine.handle(Command(event=told, session="s", data=data))

        assert not engine._untold.any()
        asked = sibling.tool("read", {"path": "a"}, call_id="1")
        assert asked.action == ("allow" if told == "child_end" else "deny")
        journal.bad = ""


def test_what_was_kept_while_nothing_could_be_read_finds_its_tree(
    engine: Engine, journal: FailingJournal
) -> None:
    """Once it can be read again: a child's compaction came before its root had ended."""
    root = begun(engine)
    child = root.child("c").child("d")
    child.turn("go")
    for one in ("s", "s/c", child.id):
        engine.live.drop(one)
    journal.fail("append", FULL)
    journal.fail("read", FULL, times=99)
    refused(child.compact)
    journal._faults.clear()
    root.end()

    rows = kinds(journal, child.id)
    assert rows.index("session.compacted") < rows.index("session.interrupted")


def test_each_engine_counts_its_own_changes_of_rules(journal: FailingJournal) -> None:
    """Also where two of them, one after the other, have the same name for their run."""
    texts = iter(("One.", "Two."))
    journal.journal = Unclosed(journal.journal)
    for text in texts:
        watching = Watching()
        options = EngineOptions(run="worker", bulletin=Bulletin(watching, 100))
        with memory_engine(law=law_of(PACK), journal=journal, options=options) as engine:
            session = engine.session("s")
            session.turn("go")
            changed = law_of(PACK.replace("Be governed.", text))
            watching.news = News(1, "rules.changed", changed)
            assert text in session.turn("on").text
            session.compact()
            session.turn_ended()

    assert kinds(journal).count("rules.changed") == 2


def test_all_that_changed_rules_brought_is_shown(journal: FailingJournal) -> None:
    """Though what waited was written before anybody knew that they stand."""
    listeners, seen, watching = Listeners(), list[str](), Watching()
    told = ["rules.changed", "governance.lapsed"]
    listeners.register(told, lambda one: seen.append(one.name), mode="audit", name="see")
    options = EngineOptions(run="test", bulletin=Bulletin(watching, 100))
    with memory_engine(
        law=law_of(PACK), journal=journal, listeners=listeners, options=options
    ) as engine:
        session = begun(engine)
        watching.news = News(1, "rules.changed", law_of(PACK.replace("Be governed.", "One.")))
        lost(journal)
        refused(session.compact)
        journal._faults.clear()
        session.tool("read", {"path": "a"}, call_id="1")

    assert seen == told


def test_a_damaged_child_of_which_something_waits_stops_itself_alone() -> None:
    """Its parent and the parent's other children go on."""
    journal = Damaged(MemoryJournal())
    with memory_engine(journal=journal) as engine:
        parent = begun(engine)
        child, sibling = parent.child("c"), parent.child("d")
        for one in (child, sibling):
            one.turn("go")
        journal.bad = child.id
        engine.live.drop(child.id)
        refused(child.turn_ended)

        for one in (parent, sibling):
            assert one.tool("read", {"path": "a"}, call_id="1").action == "allow"
        assert child.tool("read", {"path": "a"}, call_id="1").denied
        journal.bad = ""


def test_a_refused_command_is_not_followed_by_another_try(
    engine: Engine, journal: FailingJournal
) -> None:
    """Its own event was tried just now, and the answer says that it could not be written."""
    session = begun(engine)
    journal.fail("append", FULL)
    refused(session.compact)
    before = journal.calls["append"]
    journal.fail("append", FULL)
    assert session.turn("on").denied

    assert journal.calls["append"] == before + 1


def test_what_waits_in_memory_is_tried_once_more_at_the_end(journal: FailingJournal) -> None:
    """Nothing of it is left after that; whoever told it was told that it could not be written."""
    store = journal.journal
    journal.journal = Unclosed(store)
    with memory_engine(journal=journal) as engine:
        session = begun(engine)
        journal.fail("append", FULL)
        refused(session.end)
    assert kinds(store).count("session.ended") == 1

    with memory_engine(journal=journal) as engine:
        session = begun(engine, "t")
        journal.fail("append", FULL, times=2)
        refused(session.end)
    assert "session.ended" not in kinds(store, "t")
