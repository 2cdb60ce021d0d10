"""
What must hold of an encrypted project whose `erase` or `keys rotate` was stopped halfway.

The laws are of any store; a `Place` on a server says what else belongs to it than files.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from governance import Engine
from governance.chat import media
from governance.cli.app import run
from governance.cli.guard import make_key
from governance.errors import GovernanceError, SessionErased
from governance.formats import body_of
from governance.journal import vault
from governance.journal.key_sources import new_key_text
from governance.journal.opening import DEFAULT_URL, open_journal
from governance.journal.records import Journal
from governance.journal.session_values import SESSION_SHELVES, values_of
from governance.journal.vault import Vault, entry_name, session_scope
from governance.project import Project, create_project
from governance.scopes import Reader, Scope

WORD = "the-plain-words-of-a-session"


class Place:
    """
    An encrypted project with two sessions, as often as it is asked for.

    Attributes:
        url: Where its store is.
    """

    def __init__(self, folder: Path, url: str = DEFAULT_URL) -> None:
        self.folder, self.kept, self.url = folder, folder.with_name("kept"), url
        self.project = folder / "project"
        self.project.mkdir(parents=True)
        for name in ("old", "new"):
            (folder / name).write_text(new_key_text())
            (folder / name).chmod(0o600)
        self.write("old")
        create_project(self.project, "")
        open_journal(url, base=self.project, create=True).close()
        self.key = make_key(Project(self.project))
        with self.engine() as engine:
            for name in ("s", "t"):
                session = engine.start(name)
                session.turn(WORD)
                session.message("user", [media(WORD.encode() * 3 + b"\xff", "image/png")])
                me, own = Reader(session=name), Scope("session", name)
                engine.contexts.set(own, "code", "k", f"{WORD} " * 500, by=me)
                session.end()
        with closing(self.journal()) as journal:
            self.wrapped = {
                one.name: one.value for one in journal.shelf.scan("key") if one.name != "vault"
            }
        shutil.copytree(self.folder, self.kept)

    def write(self, key: str, *previous: str) -> None:
        older = [f"file:{self.folder / one}" for one in previous]
        (self.project / "governance.toml").write_text(
            "[packs]\npaths = []\n[live]\nrules_check_ms = 0\n[backup]\nage_seconds_max = 0\n"
            f'[journal]\nurl = "{self.url}"\n'
            f'[encryption]\nkey = "file:{self.folder / key}"\nprevious = {older}\n'
        )

    def anew(self) -> None:
        """As it was made."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.kept, self.folder)

    def engine(self) -> Engine:
        return Engine.open(self.project)

    def journal(self) -> Journal:
        return open_journal(self.url, base=self.project, create=False)

    def words(self, *command: str) -> tuple[str, ...]:
        return (*command, "--dir", str(self.project), "--key", str(self.key))

    def holds(self, data: bytes) -> bool:
        """Whether *data* stands anywhere in it."""
        files = (one for one in self.folder.rglob("*") if one.is_file())
        return any(data in one.read_bytes() for one in files)

    def reads(self, session: str) -> bool:
        """Whether all of *session* can be read; if not, nothing may be, for it was erased."""
        with self.engine() as engine:
            try:
                rows = engine.journal.read(session)
            except SessionErased:
                with pytest.raises(SessionErased):
                    engine.session(session).messages()
                return False
            assert any(WORD.encode() in one.body for one in rows)
            handle = engine.session(session)
            (said,) = handle.messages().messages
            assert handle.content(said, said.parts[0]) == WORD.encode() * 3 + b"\xff"
            me, own = Reader(session=session), Scope("session", session)
            assert engine.contexts.validate(own, by=me) == {}
            return True


def holds_of(law: object, place: Place) -> bool:
    """Whether *law* holds of *place*, for controls that must break it."""
    assert callable(law)
    try:
        law(place)
    except (AssertionError, GovernanceError):
        return False
    return True


# -- erase ------------------------------------------------------------------------------


def erase(place: Place) -> tuple[str, ...]:
    return place.words("erase", "s", "--yes", "--reason", "asked")


def erase_is_lawful(place: Place) -> bool:
    """Whether *place* is as before or after an erasure of `s`; then it is given again."""
    with closing(place.journal()) as journal:
        assert journal.verify().ok
    readable = place.reads("s")
    assert place.reads("t")
    assert not place.holds(WORD.encode())

    assert run(erase(place)) == 0

    name = entry_name(session_scope("s"))
    assert not place.reads("s")
    assert place.reads("t")
    with closing(place.journal()) as journal:
        assert journal.verify().ok
        assert journal.shelf.get("key", name) is None
        assert not [one for kind in SESSION_SHELVES for one in values_of(journal.shelf, kind, "s")]
        assert journal.head("s").seq
    assert not place.holds(place.wrapped[name]), "the wrapped key is still in a file"
    with place.engine() as engine:
        told = [one for one in engine.journal.read("@project") if one.kind == "session.erased"]
        assert told
        assert {body_of(one)["data"]["session"] for one in told} == {"s"}  # type: ignore[index, call-overload]
    return readable


def erase_carelessly(self: Vault, scope: str, at_ms: int) -> bool:
    """`Vault.erase` the other way round: the key goes before anything says so."""
    gone = self.shelf.delete("key", entry_name(scope))
    self.shelf.put("key", vault.erased_name(scope), b"{}", expected_version=0)
    return gone


# -- rotate -----------------------------------------------------------------------------


def rotate(place: Place) -> tuple[str, ...]:
    return place.words("keys", "rotate")


def rotation_is_lawful(place: Place) -> bool:
    """Whether all is wrapped anew in *place*; both keys open it, after another go the new one."""
    with closing(place.journal()) as journal:
        assert journal.verify().ok
    assert place.reads("s")
    assert place.reads("t")
    assert not place.holds(WORD.encode())
    with place.engine() as engine:
        before = engine.journal.vault.wrapping()  # type: ignore[attr-defined]
        current = engine.journal.vault.current.name  # type: ignore[attr-defined]

    assert run(rotate(place)) == 0

    place.write("new")
    assert place.reads("s")
    assert place.reads("t")
    with place.engine() as engine:
        assert set(engine.journal.vault.wrapping()) == {current}  # type: ignore[attr-defined]
    for value in place.wrapped.values():
        assert not place.holds(value), "a key wrapped by the old one is still in a file"
    place.write("old")
    with pytest.raises(GovernanceError) as refused:
        place.engine()
    assert refused.value.code == "GOV551"
    return set(before) == {current}


def rewrap_carelessly(self: Vault, name: str) -> int:
    """`Vault._rewrap` that takes a key out before it is put back."""
    entry = self.shelf.get("key", name)
    if entry is None or vault._fields(entry.value).get("kek") == self.current.name:
        return 0
    scope = str(vault._fields(entry.value).get("scope"))
    value = self._wrapped(self._unwrapped(entry.value, scope), scope)
    self.shelf.delete("key", name)
    self.shelf.put("key", name, value)
    return 1
