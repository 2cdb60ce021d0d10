"""
`governance erase` and `governance keys rotate` are killed, and what is left is lawful.

A child process runs the command on a store and kills itself (SIGKILL) at the n-th line that it
runs of the rooms that handle keys; other children are killed from outside, at any moment. Then
the store is as it was before or as it is after, proves itself, holds nothing in plain words,
and the same command, given again, ends what was begun.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import FrameType

import pytest

from governance import Engine
from governance.chat import media
from governance.cli import erasing, keys
from governance.cli.app import run
from governance.cli.guard import make_key
from governance.engine.encoding import body_of
from governance.errors import GovernanceError, SessionErased
from governance.journal import encrypted, sqlite_shelf, sqlite_writer, vault
from governance.journal.key_sources import new_key_text
from governance.journal.opening import open_journal
from governance.journal.records import Journal
from governance.journal.session_values import SESSION_SHELVES, values_of
from governance.journal.vault import Vault, entry_name, session_scope
from governance.project import Project, create_project
from governance.scopes import Reader, Scope

WORD = "the-plain-words-of-a-session"
ROOMS = frozenset(
    str(one.__file__)
    for one in (erasing, keys, vault, encrypted, sqlite_shelf, sqlite_writer)
    if one.__file__ is not None
)
KILLS = 16
"""Lines at which a command is killed, spread over all that it runs."""

FROM_OUTSIDE = 2
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


class Place:
    """An encrypted project with two sessions, as often as it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.kept = folder, folder.with_name("kept")
        self.project = folder / "project"
        self.project.mkdir(parents=True)
        for name in ("old", "new"):
            (folder / name).write_text(new_key_text())
            (folder / name).chmod(0o600)
        self.write("old")
        create_project(self.project, "")
        open_journal(base=self.project, create=True).close()
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
            "[packs]\npaths = []\n[live]\nrules_check_ms = 0\n[backup]\nage_hours_max = 0\n"
            f'[encryption]\nkey = "file:{self.folder / key}"\nprevious = {older}\n'
        )

    def anew(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self.kept, self.folder)

    def engine(self) -> Engine:
        return Engine.open(self.project)

    def journal(self) -> Journal:
        return open_journal(base=self.project, create=False)

    def words(self, *command: str) -> tuple[str, ...]:
        return (*command, "--dir", str(self.project), "--key", str(self.key))

    def holds(self, data: bytes) -> bool:
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


@pytest.fixture(name="place", scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("kill") / "place"
        for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, str(folder / name.lower()))
        yield Place(folder)


Work = Callable[[], object]


def traced(work: Work, kill_at: int) -> int:
    """
    Do *work* in a child that is killed at its *kill_at*-th line; its lines, 0: it was killed.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        count = 0

        def trace(frame: FrameType, event: str, _: object) -> object:
            nonlocal count
            if frame.f_code.co_filename not in ROOMS:
                return None
            if event == "line":
                count += 1
                if count == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.settrace(trace)  # type: ignore[arg-type]
            work()
            sys.settrace(None)
            os.write(writing, str(count).encode())
        finally:
            os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    told = os.read(reading, 100)
    os.close(reading)
    assert told or os.waitstatus_to_exitcode(status) == -signal.SIGKILL, "it failed by itself"
    return int(told or 0)


def each_kill(place: Place, work: Work, prepared: Work = lambda: None) -> Iterator[int]:
    """The store after *work* was killed, at lines that are spread over all of it."""
    place.anew()
    prepared()
    lines = traced(work, 0)
    assert lines > KILLS
    for kill in range(KILLS):
        place.anew()
        prepared()
        line = 1 + lines * kill // KILLS
        assert traced(work, line) == 0
        yield line


def each_kill_from_outside(
    place: Place, command: tuple[str, ...], prepared: Work = lambda: None
) -> Iterator[float]:
    """The store after a process of its own was killed, as soon as it wrote or a little later."""
    words = [sys.executable, "-c", "from governance.cli import main; main()", *command]
    for number in range(FROM_OUTSIDE):
        place.anew()
        prepared()
        log = place.project / ".governance" / "journal.db-wal"
        begun = log.stat().st_size if log.exists() else 0
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True) as process:
            while process.poll() is None and (not log.exists() or log.stat().st_size <= begun):
                time.sleep(0.0005)
            time.sleep(0.004 * number)
            process.kill()
        yield number


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


def test_an_erasure_that_is_killed(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    """The session is all there or gone, and given again the command ends it."""
    seen = [erase_is_lawful(place) for _ in each_kill(place, lambda: run(erase(place)))]

    assert set(seen) == {True, False}
    assert seen == sorted(seen, reverse=True)
    for _ in each_kill_from_outside(place, erase(place)):
        erase_is_lawful(place)


def test_an_erasure_that_destroys_before_it_says_so(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    """The control: between the two the session is neither there nor erased, and it is seen."""

    def careless(self: Vault, scope: str, at_ms: int) -> bool:
        gone = self.shelf.delete("key", entry_name(scope))
        self.shelf.put("key", vault.erased_name(scope), b"{}", expected_version=0)
        return gone

    def work() -> None:
        Vault.erase = careless  # type: ignore[method-assign]
        run(erase(place))

    assert not all(_holds(erase_is_lawful, place) for _ in each_kill(place, work))


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


def test_a_rotation_that_is_killed(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    """Both keys together open everything, and given again the command ends it."""

    def prepared() -> None:
        place.write("new", "old")

    kills = each_kill(place, lambda: run(rotate(place)), prepared)
    seen = [rotation_is_lawful(place) for _ in kills]

    assert set(seen) == {True, False}
    for _ in each_kill_from_outside(place, rotate(place), prepared):
        rotation_is_lawful(place)


def test_a_rotation_that_lets_go_first(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    """The control: a key that is taken out before it is put back is lost, and it is seen."""

    def careless(self: Vault, name: str) -> int:
        entry = self.shelf.get("key", name)
        if entry is None or vault._fields(entry.value).get("kek") == self.current.name:
            return 0
        scope = str(vault._fields(entry.value).get("scope"))
        value = self._wrapped(self._unwrapped(entry.value, scope), scope)
        self.shelf.delete("key", name)
        self.shelf.put("key", name, value)
        return 1

    def work() -> None:
        Vault._rewrap = careless  # type: ignore[method-assign]
        run(rotate(place))

    def prepared() -> None:
        place.write("new", "old")

    kills = each_kill(place, work, prepared)
    assert not all(_holds(rotation_is_lawful, place) for _ in kills)


def _holds(law: Callable[[Place], bool], place: Place) -> bool:
    try:
        law(place)
    except (AssertionError, GovernanceError):
        return False
    return True
