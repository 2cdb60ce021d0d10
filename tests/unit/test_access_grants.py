"""Who may do what: deny by default, by role, in sessions of one's own, or by a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from governance.access.actors import process_actor
from governance.access.guard import (
    AUDIT_SESSION,
    PAGING_SECONDS,
    SINGLE_READS_MAX,
    AccessRefused,
    Guard,
    guard_of,
)
from governance.access.guarded import GuardedJournal, guarded
from governance.analytics.projection import catch_up
from governance.chat import Message, text
from governance.chat.finding import find
from governance.config import Config, read_config
from governance.config._tree import ACTIONS
from governance.engine import Engine, EngineOptions
from governance.engine.chatting import import_messages
from governance.engine.engine import RECORDED
from governance.engine.following import Follower
from governance.engine.retention import RetentionPolicy
from governance.errors import DefinitionError, JournalError
from governance.events import check_data
from governance.formats import body_of
from governance.journal.encrypted import encrypted
from governance.journal.key_sources import KeyEncryptionKey
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Appended, Head, Journal, Row, Snapshot
from governance.journal.sqlite import SqliteJournal
from governance.journal.vault import Vault, session_scope
from governance.listeners import Listeners
from governance.scopes import Reader, Scope
from governance.session.commands import Command
from governance.testing import FailingJournal, ManualClock, RecordingListener
from governance.testing.engines import memory_engine

GRANTS = """
[access.actors]
root = ["all"]
auditor = ["auditor"]
builder = ["builder"]
guest = []

[access.roles]
all = ["*"]
auditor = ["read", "list", "verify"]
builder = ["read:own", "write:own", "list:own", "anchor:own"]
"""

MAY = {
    "root": dict.fromkeys(ACTIONS, "all"),
    "auditor": {"read": "all", "list": "all", "verify": "all"},
    "builder": {"read": "own", "write": "own", "list": "own", "anchor": "own"},
    "guest": {},
    "stranger": {},
}
"""Actor → action → in which sessions: what must come out, written down by hand."""


def config_of(text: str) -> Config:
    return read_config(text, "governance.toml", Path("/project"))


def begun(journal: Journal, session: str, actor: str) -> None:
    body = f'{{"actor":"{actor}","data":{{}}}}'.encode()
    journal.append([Append(session, 0, (Row("session.created", 1, body),))])


@pytest.fixture
def journal() -> Iterator[MemoryJournal]:
    made = MemoryJournal()
    for name in ("builder", "other"):
        begun(made, f"of-{name}", name)
    yield made
    made.close()


def guard(journal: Journal, actor: str, config: str = GRANTS) -> Guard:
    made = guard_of(config_of(config), journal, through="cli", clock=ManualClock(), actor=actor)
    assert made is not None
    return made


@pytest.mark.parametrize("actor", MAY)
@pytest.mark.parametrize("action", ACTIONS)
def test_the_matrix(journal: MemoryJournal, actor: str, action: str) -> None:
    """Every action × every actor: what is not granted is refused, with a reason."""
    asked = guard(journal, actor)
    granted = MAY[actor].get(action, "none")

    own = asked.reasons(action, "of-builder")
    others = asked.reasons(action, "of-other")

    assert bool(own) == (granted == "none"), own
    # Whom a list may show is asked of each session as a read.
    assert bool(others) == (granted != "all" and (granted, action) != ("own", "list")), others
    assert all(actor in reason and action in reason for reason in (*own, *others))


VERBS: dict[str, Callable[[GuardedJournal, str], object]] = {
    "read": lambda j, s: j.read(s),
    "head": lambda j, s: j.head(s),
    "origin": lambda j, s: j.origin(s),
    "snapshot_get": lambda j, s: j.snapshot_get(s, version=1),
    "snapshot_put": lambda j, s: j.snapshot_put(Snapshot(s, 1, b"\0" * 32, 1, b"")),
    "append": lambda j, s: j.append([Append(s, 1, (Row("k", 1, b"{}"),))]),
    "branch": lambda j, s: j.branch(f"{s}-2", s, 1),
    "remove": lambda j, s: j.remove(s, expected=Head(s, 9, b"\0" * 32)),
    "restore": lambda j, s: j.restore(Head(s, 9, b"\0" * 32), ()),
    "removed": lambda j, _: j.removed(),
    "verify": lambda j, s: j.verify(s),
    "shelf.get": lambda j, s: j.shelf.get("blob", f"{s}#1"),
    "shelf.put": lambda j, s: j.shelf.put("blob", f"{s}#1", b""),
    "shelf.delete": lambda j, s: j.shelf.delete("blob", f"{s}#1"),
    "shelf.scan": lambda j, _: j.shelf.scan("blob"),
    "shelf.key": lambda j, _: j.shelf.get("key", "vault"),
}


def test_every_verb_of_a_journal_is_asked(journal: MemoryJournal) -> None:
    """The table above names all of them; whoever has no grant gets nothing through any."""
    public = {name for name in dir(Journal) if not name.startswith("_")}
    assert public - {"close", "sessions", "moved", "shelf"} == {v for v in VERBS if "." not in v}
    guarded = GuardedJournal(journal, guard(journal, "guest"))

    for verb, call in VERBS.items():
        with pytest.raises(AccessRefused, match="guest"):
            print(verb, call(guarded, "of-builder"))
    for listing in (guarded.sessions, guarded.moved):
        with pytest.raises(AccessRefused):
            listing()
    assert journal.head("of-builder").seq == 1


_READ, _WRITE, _KEEP = ({(action, "s")} for action in ("read", "write", "keep"))
ASKS: dict[str, set[tuple[str, str]]] = {
    "read": _READ, "head": _READ, "origin": _READ, "snapshot_get": _READ, "shelf.get": _READ,
    "snapshot_put": _WRITE, "append": _WRITE, "shelf.put": _WRITE, "shelf.delete": _WRITE,
    "remove": _KEEP, "restore": _KEEP, "removed": {("keep", "")},
    "branch": {("read", "s"), ("write", "s-2")}, "verify": {("verify", "s")},
    "shelf.scan": {("read", "")}, "shelf.key": {("keys", "")},
}  # fmt: skip
"""Verb → every grant that it takes, and for which session."""


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_takes_just_its_grants(verb: str) -> None:
    """With all of them it is done, with all but one it is refused, and it asks for no other."""
    asked: set[tuple[str, str]] = set()

    def guard_without(missing: tuple[str, str]) -> Guard:
        def decide(_: str, action: str, session: str) -> tuple[str, ...]:
            asked.add((action, session))
            return ("not that",) if (action, session) == missing else ()

        made = guard_of(
            config_of("#"), store, through="api", clock=ManualClock(), actor="eve", authorize=decide
        )
        assert made is not None
        return made

    store = MemoryJournal()
    begun(store, "s", "eve")
    VERBS[verb](GuardedJournal(store, guard_without(("", ""))), "s")
    assert asked == ASKS[verb]
    for missing in ASKS[verb]:
        with pytest.raises(AccessRefused, match="not that"):
            VERBS[verb](GuardedJournal(store, guard_without(missing)), "s")
    exporting = GuardedJournal(store, guard_without(("read", "s")), "export")
    if verb not in ("branch", "shelf.get"):
        asked.clear()
        VERBS[verb](exporting, "s")
        assert not {action for action, _ in asked} & {"read"}


@pytest.mark.parametrize("action", ACTIONS)
def test_just_looking_is_recorded(journal: MemoryJournal, action: str) -> None:
    """Every other action leaves a row of its own."""
    guard(journal, "root", GRANTS + AUDIT).require(action, "of-other")

    looks = action in ("read", "list", "verify", "export")
    assert looked(journal) == ([("root", action, "of-other", "granted")] if looks else [])


def test_a_branch_is_its_own_beginning(journal: MemoryJournal) -> None:
    """It is of whoever branched, whatever the engine had to tell before it."""
    rows = (
        Row("rules.changed", 1, b'{"actor":"other","data":{}}'),
        Row("session.branched", 1, b'{"actor":"builder","data":{}}'),
    )
    journal.append([Append("of-branch", 0, rows)])

    assert not guard(journal, "builder").reasons("read", "of-branch")


def test_whoever_may_everything_meets_no_guard(journal: MemoryJournal) -> None:
    """The same verbs, granted: what the store says comes back."""
    guarded = GuardedJournal(journal, guard(journal, "root"))

    for verb, call in VERBS.items():
        call(guarded, "of-builder" if verb != "append" else "of-other")
    assert {one.session for one in guarded.sessions()} >= {"of-builder", "of-other"}
    assert guarded.moved()


def test_a_list_shows_what_may_be_read(journal: MemoryJournal) -> None:
    """Sessions of others are left out, and pages are filled all the same."""
    for number in range(20):
        begun(journal, f"a{number:02}", "other")
        begun(journal, f"b{number:02}", "builder")
    guarded = GuardedJournal(journal, guard(journal, "builder"))

    assert [one.session for one in guarded.sessions(limit=3)] == ["b00", "b01", "b02"]
    found: list[str] = []
    while page := guarded.sessions(after=found[-1] if found else "", limit=7):
        found += [one.session for one in page]
    assert found == [f"b{n:02}" for n in range(20)] + ["of-builder"]
    assert {one.session for one in guarded.moved()} == set(found)
    with pytest.raises(AccessRefused, match="sessions of its own"):
        guarded.read("a00")


def test_a_program_decides_in_place_of_the_table(journal: MemoryJournal) -> None:
    """A callable; one that raises refuses."""

    def decide(actor: str, action: str, session: str) -> tuple[str, ...]:
        if session == "of-other":
            raise ValueError("secret")
        return () if actor == "eve" else ("not you",)

    for actor, session, why in (
        ("eve", "of-builder", ()),
        ("root", "of-builder", ("not you",)),
        ("eve", "of-other", ("what says who may do what has failed: ValueError",)),
    ):
        made = guard_of(
            config_of(GRANTS), journal, through="api", clock=ManualClock(), actor=actor,
            authorize=decide,
        )  # fmt: skip
        assert made is not None
        assert made.reasons("read", session) == why


def test_without_a_table_nothing_is_asked(journal: MemoryJournal) -> None:
    """A project that configured nothing pays nothing."""
    assert guard_of(config_of("#"), journal, through="api", clock=ManualClock()) is None


def test_a_role_or_action_that_is_none_is_refused() -> None:
    """A misspelled grant would deny silently."""
    with pytest.raises(DefinitionError, match=r"GOV311.*did you mean `builder`"):
        config_of('[access]\nactors.a = ["bulider"]\nroles.builder = ["read"]\n')
    with pytest.raises(DefinitionError, match=r"GOV311.*did you mean `write`"):
        config_of('[access]\nroles.builder = ["wrote"]\n')
    with pytest.raises(DefinitionError, match="GOV311"):
        config_of('[access]\nroles.builder = ["read:mine"]\n')


# -- through the engine ---------------------------------------------------------------


def engine_of(
    journal: Journal, config: str = GRANTS, actor: str = "builder", **more: Any
) -> Engine:
    made = guard_of(config_of(config), journal, through="api", clock=ManualClock(), actor=actor)
    return memory_engine(
        journal=journal, options=EngineOptions(run="test", actor=actor, guard=made), **more
    )


def test_the_engine_writes_for_whom_it_may(journal: MemoryJournal) -> None:
    """A refusal is a value with reasons, nothing is written, and the own session goes on."""
    with engine_of(journal) as engine:
        mine = engine.start("mine")
        assert not mine.turn("go").denied
        assert not mine.tool("shell", {"command": "ls"}, call_id="1").denied
        child = mine.child("helper")
        assert not child.turn("go").denied

        for reply in (
            engine.session("of-other").turn("go"),
            engine.session("of-other").tool("shell", {"command": "ls"}),
            engine.session("mine", actor="guest").tool("shell", {"command": "ls"}),
            engine.handle(Command(event="turn_end", session="mine", actor="stranger")),
        ):
            assert reply.denied
            assert "may write only" in reply.message or "no grant to write" in reply.message
        assert journal.head("of-other").seq == 1
        actors = {body_of(one).get("actor") for one in journal.read("mine")}
        assert actors == {"builder"}
        assert engine.state("mine/helper").identity.parent == "mine"


def test_nothing_is_let_through_where_nobody_knows_who_may(journal: MemoryJournal) -> None:
    """The store cannot say whose session it is: what is asked is denied, what is told raises."""
    store = FailingJournal(journal)
    with engine_of(store) as engine:
        session = engine.session("of-builder")
        store.fail("read", JournalError("gone"))
        assert session.tool("shell", {"command": "ls"}).denied
        store._faults.clear()
        store.fail("read", JournalError("gone"))
        with pytest.raises(JournalError, match="gone"):
            session.turn_ended()
        assert not engine._untold.any()


def test_the_engine_shows_to_whom_it_may(journal: MemoryJournal) -> None:
    """States of others are refused, by an error that says why."""
    with engine_of(journal) as engine:
        engine.start("mine")

        assert engine.state("mine").head
        assert engine.state("mine", actor="auditor").head
        assert engine.session("mine", actor="auditor").state.head
        for session, actor in (("of-other", None), ("mine", "guest"), ("mine", "stranger")):
            with pytest.raises(AccessRefused, match="GOV556") as error:
                engine.state(session, actor=actor)
            assert error.value.reasons


ENGINE_VERBS: dict[str, tuple[Callable[[Engine, Path], object], set[tuple[str, str]]]] = {
    "branch": (lambda e, _: e.branch("s", name="s-2"), {("read", "s")}),
    "switch": (lambda e, _: e.switch("s", "t"), {("write", "s"), ("write", "t")}),
    "merge": (lambda e, _: e.merge("s", "t"), {("write", "s"), ("read", "t")}),
    "events": (lambda e, _: e.events("s"), {("read", "s")}),
    "archive": (lambda e, to: e.archive("s", to), {("keep", "s")}),
    "unarchive": (lambda e, to: e.unarchive(to / "none"), {("keep", "")}),
    "prune": (lambda e, _: e.prune(RetentionPolicy()), {("keep", "")}),
}
"""Verb of an engine → a call of it, and every grant that it takes before anything else."""


@pytest.mark.parametrize("verb", ENGINE_VERBS)
def test_an_engines_verb_takes_its_grants(verb: str, tmp_path: Path) -> None:
    """It asks for all of them first, and without any of them it does nothing."""
    call, grants = ENGINE_VERBS[verb]
    for missing in grants:
        journal, asked = MemoryJournal(), []

        def decide(
            _: str, action: str, session: str, missing: tuple[str, str] = missing
        ) -> tuple[str, ...]:
            asked.append((action, session))  # noqa: B023 -- used up before the next turn
            return ("not that",) if (action, session) == missing else ()

        guarding = guard_of(
            config_of("#"), journal, through="api", clock=ManualClock(), authorize=decide
        )
        begun(journal, "s", "me")
        begun(journal, "t", "me")
        with memory_engine(
            journal=journal, options=EngineOptions(run="test", guard=guarding)
        ) as engine:
            with pytest.raises(AccessRefused, match="not that"):
                call(engine, tmp_path)
            assert set(asked) <= grants
            assert asked[-1] == missing
            assert {one.session for one in journal.sessions()} == {"s", "t"}
            assert journal.head("s").seq == 1


def test_a_persons_words_take_the_grant_of_each(journal: MemoryJournal) -> None:
    """Pardons, approvals, pauses, trust, keys and erasures are granted one by one."""
    assert set(RECORDED.values()) < set(ACTIONS)
    with engine_of(journal) as engine:
        engine.start("mine")
        anchor = {"id": "1", "type": "context", "priority": "normal", "text": "x"}
        engine.record("mine", "anchor.added", anchor, actor="builder")
        for kind, action in RECORDED.items():
            if action == "anchor":
                continue
            with pytest.raises(AccessRefused, match=f"no grant to {action}"):
                engine.record("mine", kind, {}, actor="builder")


# -- the audit of reads ---------------------------------------------------------------

AUDIT = "[audit]\nreads = true\n"


def looked(journal: Journal) -> list[tuple[str, str, str, str]]:
    rows = journal.read(AUDIT_SESSION)
    assert {one.kind for one in rows} <= {"data.accessed"}
    found = []
    for one in rows:
        body = body_of(one)
        data: Any = body["data"]
        found.append((str(body["actor"]), data["action"], data["session"], data["outcome"]))
    return found


def test_who_looks_is_recorded_before_it_is_shown(journal: MemoryJournal) -> None:
    """Granted or refused, by whom, into what; the same look again is not, for a while."""
    guarded = GuardedJournal(journal, guard(journal, "builder", GRANTS + AUDIT))

    guarded.read("of-builder")
    guarded.read("of-builder")
    guarded.sessions()
    with pytest.raises(AccessRefused):
        guarded.read("of-other")
    guarded.read("of-builder", reverse=True)

    assert looked(journal) == [
        ("builder", "read", "of-builder", "granted"),
        ("builder", "list", "", "granted"),
        ("builder", "read", "of-other", "refused"),
    ]
    assert journal.verify().ok


def test_a_look_is_recorded_anew_after_the_time_that_is_configured(journal: MemoryJournal) -> None:
    """`repeat_seconds_min = 0` records each."""
    guarded = GuardedJournal(journal, guard(journal, "eve", AUDIT + "repeat_seconds_min = 0\n"))

    guarded.read("of-other")
    guarded.read("of-other")

    assert looked(journal) == [("eve", "read", "of-other", "granted")] * 2


def test_the_audit_is_bounded(journal: MemoryJournal) -> None:
    """Reading thousands leaves a row each for the first, and one for all that follow."""
    guarded = GuardedJournal(journal, guard(journal, "eve", AUDIT))

    for number in range(500):
        guarded.read(f"s{number}")

    rows = looked(journal)
    assert len(rows) == SINGLE_READS_MAX + 1
    assert rows[-1] == ("eve", "read", "*", "granted")


EACH = AUDIT + "repeat_seconds_min = 0\n"
PAGES_MAX = 50
"""Far more pages than a few rows can fill."""


def audited(journal: Journal, rows: int) -> None:
    """*rows* in the audit already."""
    body = b'{"actor":"x","data":{"action":"read","session":"y","outcome":"granted"}}'
    head = journal.head(AUDIT_SESSION).seq
    journal.append(
        [Append(AUDIT_SESSION, head, tuple(Row("data.accessed", 1, body) for _ in range(rows)))]
    )


WALKS: dict[str, Callable[[Journal, int], Sequence[Any]]] = {
    "read": lambda j, after: j.read(AUDIT_SESSION, after=after, limit=3),
    "read back": lambda j, after: j.read(
        AUDIT_SESSION, before=after or None, limit=3, reverse=True
    ),
    "moved": lambda j, after: j.moved(after=after, limit=2),
}


@pytest.mark.parametrize("walk", WALKS)
def test_who_pages_through_the_audit_comes_to_its_end(journal: MemoryJournal, walk: str) -> None:
    """Each look is recorded, and to go on where a page has ended is the same look."""
    audited(journal, 10)
    asked = guard(journal, "eve", EACH)
    after = pages = 0
    # As a program gets it: a new one each time, with the same guard.
    while page := WALKS[walk](guarded(journal, asked), after):
        pages += 1
        assert pages < PAGES_MAX
        after = page[-1].position if walk == "moved" else page[-1].seq

    assert journal.head(AUDIT_SESSION).seq == 11
    WALKS[walk](guarded(journal, asked), 0)
    assert journal.head(AUDIT_SESSION).seq == 12


def test_to_begin_in_the_middle_is_a_look(journal: MemoryJournal) -> None:
    """Nobody passes by the audit by asking for the second page first, or for another session's."""
    audited(journal, 10)
    shown = guarded(journal, guard(journal, "eve", EACH))

    shown.read(AUDIT_SESSION, after=5)
    shown.read("of-other", after=1)
    shown.moved(after=1)
    shown.sessions(after="a")

    assert looked(journal)[10:] == [
        ("eve", "read", AUDIT_SESSION, "granted"),
        ("eve", "read", "of-other", "granted"),
        ("eve", "list", "", "granted"),
    ]


def test_who_goes_on_for_long_is_recorded_again(
    journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One who follows the journal for a day is seen all day."""
    now = 1000.0
    monkeypatch.setattr("governance.access.guard.time.monotonic", lambda: now)
    shown = guarded(journal, guard(journal, "eve", EACH))
    for _ in range(4):
        shown.read("of-other", after=1)
        now += PAGING_SECONDS / 2

    assert looked(journal) == [("eve", "read", "of-other", "granted")] * 2


def test_figures_and_followers_come_to_an_end_of_the_audit(journal: MemoryJournal) -> None:
    """What goes through the whole store is not kept going by what its own looks write."""
    audited(journal, 10)
    shown = guarded(journal, guard(journal, "eve", EACH))

    assert catch_up(shown).days
    looks = journal.head(AUDIT_SESSION).seq
    with Follower.after(shown) as follower:
        for _ in range(PAGES_MAX):
            follower.take()
        assert not follower.take()
    assert looks < 300
    # Each session once, and what it takes to find where it begins.
    assert journal.head(AUDIT_SESSION).seq - looks < 20


def test_a_command_records_a_look_once(journal: MemoryJournal) -> None:
    """However often it has to look there for what it shows."""
    made = guard_of(
        config_of(EACH), journal, through="cli", clock=ManualClock(), actor="eve", once=True
    )
    assert made is not None
    shown = guarded(journal, made)
    for _ in range(3):
        shown.head("of-other")
        shown.read("of-other")

    assert looked(journal) == [("eve", "read", "of-other", "granted")]


def test_reading_the_audit_is_recorded_once_and_calls_for_nothing_more(
    journal: MemoryJournal,
) -> None:
    """There is no recursion: the store beneath writes, and it asks nobody."""
    guarded = GuardedJournal(journal, guard(journal, "eve", AUDIT))

    assert len(guarded.read(AUDIT_SESSION)) == 1
    assert looked(journal) == [("eve", "read", AUDIT_SESSION, "granted")]


def test_what_cannot_be_recorded_is_not_shown(journal: MemoryJournal) -> None:
    """A full store shows nothing to anybody who is to be recorded."""

    def full(*_: object) -> None:
        raise JournalError("no room")

    made = guard_of(
        config_of(AUDIT), journal, through="api", clock=ManualClock(), actor="eve", write=full
    )
    assert made is not None

    for _ in range(2):
        with pytest.raises(JournalError, match="no room"):
            GuardedJournal(journal, made).read("of-other")


def test_the_engine_records_who_looks_and_listeners_see_it(journal: MemoryJournal) -> None:
    """Through the API as well; what a host's own display asks for all the time is left out."""
    heard = RecordingListener()
    listeners = Listeners()
    listeners.register("data.accessed", heard)

    def audit(data: Any, actor: str) -> None:
        engine._record_access(data, actor)

    made = guard_of(
        config_of(AUDIT), journal, through="api", clock=ManualClock(), actor="ann", write=audit
    )
    options = EngineOptions(run="test", actor="ann", guard=made)
    with memory_engine(journal=journal, options=options, listeners=listeners) as engine:
        engine.state("of-other", audited=False)
        assert looked(journal) == []
        engine.state("of-other")
        engine.state("of-other", actor="bob")

        assert looked(journal) == [
            ("ann", "read", "of-other", "granted"),
            ("bob", "read", "of-other", "granted"),
        ]
        assert [one.actor for one in heard.events] == ["ann", "bob"]
        assert [check_data(one.name, one.data) for one in heard.events] == [(), ()]


def test_writing_leaves_rows_of_its_own(journal: MemoryJournal) -> None:
    """Only looks are recorded by the audit: everything else stands in the journal anyway."""
    guarded = GuardedJournal(journal, guard(journal, "eve", AUDIT))

    assert isinstance(guarded.append([Append("x", 0, (Row("k", 1, b"{}"),))]), Appended)
    assert looked(journal) == []


def nobody(_: str, action: str, __: str) -> tuple[str, ...]:
    """A program that lets nobody do anything."""
    return (f"no {action} today",)


def refusing(journal: Journal) -> Engine:
    """An engine with *nobody*, which records every look; of sessions begun without it."""
    asked = guard_of(
        config_of(EACH), journal, through="api", clock=ManualClock(), actor="eve", authorize=nobody
    )
    return memory_engine(journal=journal, options=EngineOptions(run="t", actor="eve", guard=asked))


PUBLIC: dict[str, Callable[[Engine, str], object]] = {
    **{f"journal.{verb}": lambda e, s, c=call: c(e.journal, s) for verb, call in VERBS.items()},  # type: ignore[misc]
    "journal.sessions": lambda e, _: e.journal.sessions(),
    "journal.moved": lambda e, _: e.journal.moved(),
    "visible.read": lambda e, s: e.visible.read(s),
    "branch": lambda e, s: e.branch(s),
    "switch": lambda e, s: e.switch(s, s),
    "merge": lambda e, s: e.merge(s, s),
    "approve": lambda e, s: e.approve(s, "x", by="eve"),
    "resolve": lambda e, s: e.resolve(s, "x", "ours", actor="eve"),
    "events": lambda e, s: e.events(s),
    "archive": lambda e, s: e.archive(s, Path("nowhere")),
    "unarchive": lambda e, _: e.unarchive(Path("nowhere")),
    "prune": lambda e, _: e.prune(RetentionPolicy()),
    "preload": lambda e, _: e.preload(5),
    "state": lambda e, s: e.state(s),
    "record": lambda e, s: e.record(s, "x", {}, actor="eve"),
    "record_all": lambda e, s: e.record_all(s, [("x", {})], actor="eve"),
    "cursor": lambda e, _: e.cursor(),
    "follow": lambda e, _: e.follow().take(),
    "health": lambda e, _: e.health(),
    "search": lambda e, _: e.search("word"),
    "session.message": lambda e, s: e.session(s).message("user", "x" * 40_000),
    "session.messages": lambda e, s: e.session(s).messages(),
    "session.used": lambda e, s: e.session(s).used(input_tokens=1),
    "session.state": lambda e, s: e.session(s).state,
    "contexts.set": lambda e, s: e.contexts.set(
        Scope("session", s), "code", "k", "x" * 9_000, by=Reader(session=s)
    ),
    "contexts.find": lambda e, s: e.contexts.find(Scope("session", s), by=Reader(session=s)),
    "import_messages": lambda e, s: import_messages(
        e, s, [Message(role="user", parts=(text("x"),), id="1")], actor="eve"
    ),
}
"""Every verb with which a program reaches the store of an engine."""


@pytest.mark.parametrize("verb", PUBLIC)
def test_no_verb_of_an_engine_passes_by_its_guard(verb: str) -> None:
    """Denied by default: nothing is shown or written, and each try to look is recorded."""
    journal = MemoryJournal()
    memory_engine(journal=journal).start("a")
    before = journal.read("a")

    engine = refusing(journal)
    with pytest.raises(AccessRefused, match="today"):
        print(PUBLIC[verb](engine, "a"))

    assert journal.read("a") == before
    assert {one.session for one in journal.sessions()} <= {"a", AUDIT_SESSION}
    assert not journal.shelf.scan("blob")
    for row in looked(journal):
        assert row[3] == "refused"


@pytest.mark.parametrize("verb", ["session.message", "contexts.set", "import_messages"])
def test_who_may_not_write_leaves_nothing_on_a_shelf(verb: str) -> None:
    """What is big lies there before its row is written: it is asked for before that."""
    journal = MemoryJournal()
    memory_engine(journal=journal).start("a")

    def reads(_: str, action: str, __: str) -> tuple[str, ...]:
        return () if action == "read" else (f"no {action} today",)

    guarding = Guard("eve", "api", reads, None, 0.0)
    engine = memory_engine(journal=journal, options=EngineOptions(run="t", guard=guarding))
    with pytest.raises(AccessRefused, match="no write today"):
        PUBLIC[verb](engine, "a")

    assert journal.head("a").seq == len(journal.read("a")) == 1
    assert not journal.shelf.scan("blob")


def test_every_verb_of_an_engine_is_in_the_table() -> None:
    """What is not there needs a reason."""
    unasked = {
        # Commands: they are answered by a refusal, with reasons.
        "handle", "start",
        # Handles, and what tells nothing of the store.
        "open", "session", "call", "close", "announce", "guard", "contexts", "journal", "visible",
        # What the engine is made of.
        "law", "clock", "listeners", "live", "options",
    }  # fmt: skip
    verbs = {name for name in dir(Engine) if not name.startswith("_")}

    assert verbs - unasked == {name for name in PUBLIC if "." not in name} - {"import_messages"}


def test_a_look_by_the_engines_journal_is_recorded() -> None:
    """Whoever may look does so under the eyes of the audit, here too."""
    journal = MemoryJournal()
    asked = guard_of(config_of(EACH), journal, through="api", clock=ManualClock(), actor="ann")
    options = EngineOptions(run="t", actor="ann", guard=asked)
    with memory_engine(journal=journal, options=options) as engine:
        engine.start("a").turn("go")
        assert not journal.head(AUDIT_SESSION).seq  # the engine's own way is no look
        assert engine.journal.read("a")
        assert engine.preload(5) == 1

        assert looked(journal) == [
            ("ann", "read", "a", "granted"),
            ("ann", "read", "", "granted"),
        ]


def test_without_a_guard_an_engines_journal_is_the_store() -> None:
    """A project that configured nothing pays nothing."""
    journal = MemoryJournal()
    with memory_engine(journal=journal) as engine:
        assert engine.journal is journal


def test_an_erased_session_is_nobodys_own() -> None:
    """Who began it can be read no more, so a list leaves it out, and goes on."""
    inner = MemoryJournal()
    vault = Vault.open(inner.shelf, KeyEncryptionKey.of(b"k" * 32))
    sealed = encrypted(inner, vault)
    for name in ("a", "b", "c"):
        begun(sealed, name, "builder")
    vault.erase(session_scope("b"), 1)

    shown = GuardedJournal(sealed, guard(sealed, "builder"))

    assert [one.session for one in shown.sessions()] == ["a", "c"]
    assert [one.session for one in shown.moved()] == ["a", "c"]
    with pytest.raises(AccessRefused):
        shown.read("b")


def test_only_who_may_read_everything_asks_the_index(tmp_path: Path) -> None:
    """It ranks by all messages; whoever may not read them is given what reading their own gives."""
    store = SqliteJournal.open(tmp_path / "journal.db", create=True)
    with memory_engine(journal=store) as engine:
        for actor in ("builder", "other"):
            engine.start(f"of-{actor}", actor=actor).message("user", f"{actor} said hedgehog")

        def found(made: Guard) -> tuple[list[str], bool]:
            seen = find(guarded(store, made), "hedgehog")
            return sorted(one.session for one in seen.messages), seen.indexed

        everything = ["of-builder", "of-other"]
        for actor in ("root", "auditor"):
            assert found(guard(store, actor)) == (everything, True)
        assert found(guard(store, "builder")) == (["of-builder"], False)
        assert found(guard(store, "eve", AUDIT)) == (everything, True)
        with pytest.raises(AccessRefused):
            found(guard(store, "guest"))

        def program(actor: str, action: str, session: str) -> tuple[str, ...]:
            return ("not that one",) if session == "of-other" else ()

        assert found(Guard("ann", "api", program, None, 0.0)) == (["of-builder"], False)


def test_a_search_by_the_index_is_audited(tmp_path: Path) -> None:
    """That it was asked, and each session of which something was shown."""
    store = SqliteJournal.open(tmp_path / "journal.db", create=True)
    with memory_engine(journal=store) as engine:
        engine.start("one").message("user", "hedgehog")
        engine.start("two").message("user", "badger")
        find(guarded(store, guard(store, "eve", AUDIT)), "hedgehog")
        rows = [body_of(one)["data"] for one in store.read(AUDIT_SESSION)]

    assert [(row["action"], row["session"]) for row in rows] == [("read", ""), ("read", "one")]  # type: ignore[index,call-overload]


def test_a_user_without_a_name_acts_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no variable of the environment gives it another."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody")
    monkeypatch.setattr("os.geteuid", lambda: 3_999_999_999)

    assert process_actor() == "uid-3999999999"
