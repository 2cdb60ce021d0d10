"""
What must hold of a store from which sessions were being taken when that was stopped.

`s` is over, has branches and parts that are too big for a row, and may go; the laws are of any
store, which is opened by whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from governance.chat import media
from governance.engine import Engine
from governance.engine.retention import RetentionPolicy
from governance.formats import body_of
from governance.journal.archive import check_archive
from governance.journal.records import Head
from governance.journal.session_values import BLOB_SHELF, values_of
from governance.scopes import Reader, Scope

ME, OWN = Reader(session="s"), Scope("session", "s")

Opened = Callable[[], AbstractContextManager[Engine]]


def fill(engine: Engine, name: str = "s") -> None:
    """A session that is over, with contents that are too big for a row."""
    session = engine.start(name)
    session.turn("go")
    session.tool("shell", {"command": "ls"}, call_id="1")
    session.message("user", [media(b"\xff" * 5_000, "image/png")])
    scope = Scope("session", name)
    engine.contexts.set(scope, "code", "k", "x" * 9_000, by=Reader(session=name))
    session.end()


def contents_are_there(engine: Engine, name: str = "s") -> bool:
    """Whether the session is there, and then with all that was too big for a row."""
    if not engine.journal.head(name).seq:
        return False
    session = engine.session(name)
    (said,) = session.messages().messages
    assert session.content(said, said.parts[0]) == b"\xff" * 5_000
    me, own = Reader(session=name), Scope("session", name)
    assert engine.contexts.validate(own, by=me) == {}
    return True


def archives_in(folder: Path) -> list[Path]:
    """What bears the name of an archive; what is still being written has another."""
    return sorted(folder.glob("[!.]*"))


def archiving_is_lawful(opened: Opened, folder: Path, head: Head) -> tuple[bool, int]:
    """
    Whether *head* is still in the store, and how many archives there are; then it is ended.

    Ended twice over: what was begun is, and the session is put back from its file.
    """
    files = archives_in(folder)
    with opened() as engine:
        journal = engine.journal
        assert journal.verify().ok
        live = journal.head("s") == head
        assert contents_are_there(engine) == live
        if not live:
            assert not list(values_of(journal.shelf, BLOB_SHELF, "s"))
            assert journal.removed() == (head,)
            assert [check_archive(one).head for one in files] == [head]
        for one in files:
            assert check_archive(one).head == head
        if live:
            engine.archive("s", folder)
        else:
            engine.prune(RetentionPolicy(), actor="me")
        told = [one.name for one in engine.events("@project")]
        assert told == ["session.archived"]
        assert journal.shelf.scan("archiving") == ()
        (file,) = archives_in(folder)
        assert engine.unarchive(file) == head
        assert contents_are_there(engine)
        assert journal.verify().ok
    return live, len(files)


def pruning_is_lawful(
    opened: Opened, policy: RetentionPolicy, heads: Mapping[str, Head], kept: set[str]
) -> int:
    """
    How many of *heads* are gone by *policy*; then it prunes again, and only *kept* are there.

    Every session is there whole or gone whole, what goes is told once, and none of *kept* goes.
    """
    with opened() as engine:
        journal = engine.journal
        assert journal.verify().ok
        there = {name for name in heads if journal.head(name).seq}
        assert kept <= there
        for name in there:
            assert journal.head(name) == heads[name]
            assert contents_are_there(engine, name)
        gone = {head.session: head for head in journal.removed()}
        assert gone == {name: head for name, head in heads.items() if name not in there}

        engine.prune(policy, actor="me")

        assert {name for name in heads if journal.head(name).seq} == kept
        assert journal.shelf.scan("archiving") == ()
        for name in heads.keys() - kept:
            assert not list(values_of(journal.shelf, BLOB_SHELF, name))
        kind = "session.archived" if policy.folder else "session.removed"
        rows = [one for one in journal.read("@project") if one.kind == kind]
        told = [body_of(one)["data"]["session"] for one in rows]  # type: ignore[index, call-overload]
        assert sorted(told) == sorted(heads.keys() - kept), "each that went is told once"
        if policy.folder:
            files = [check_archive(one).head for one in archives_in(Path(policy.folder))]
            assert {one.session: one for one in files} == {
                name: heads[name] for name in heads.keys() - kept
            }
        assert journal.verify().ok
    return len(gone)
