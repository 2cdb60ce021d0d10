"""Data keys that are lost with nobody having erased them: found, brought back, or let go of."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import apsw
import pytest

from governance import Engine
from governance.cli.app import run
from governance.cli.guard import make_key
from governance.config import load_config
from governance.journal.key_sources import new_key_text
from governance.journal.opening import open_journal
from governance.journal.protected import KeyNeeded, open_protected
from governance.journal.records import KEY_SHELF, VAULT, Append, Appended, Row
from governance.journal.vault import entry_name, session_scope, shelf_scope
from governance.project import Project, create_project
from tests.postgres_server import Server

Say: TypeAlias = Callable[..., tuple[int, str]]


class House:
    """An encrypted project with sessions `a` and `b`, whose store may lie on a server."""

    def __init__(self, folder: Path, server: Server | None) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        self.copy = f"sqlite:///{folder}/copy.db"
        self.server = server
        self.tenant = f"k{os.urandom(6).hex()}"
        self.url = "sqlite:///.governance/journal.db"
        if server is not None:
            self.url = server.url(tenant=self.tenant)
        key = folder / "journal.key"
        key.write_text(new_key_text())
        key.chmod(0o600)
        (self.project / "governance.toml").write_text(
            f'[packs]\npaths = []\n[encryption]\nkey = "file:{key}"\n'
            f"[journal]\nurl = {json.dumps(self.url)}\n"
        )
        create_project(self.project, "")
        open_journal(self.url, base=self.project, create=True).close()
        self.key = make_key(Project(self.project))
        self.work("a", "b")

    def work(self, *names: str) -> None:
        with Engine.open(self.project) as engine:
            for name in names:
                session = engine.start(name)
                session.turn("go")
                session.message("user", f"a hedgehog of {name}")

    def says(self, name: str) -> str:
        """Why a call in that session is refused, or `""`."""
        with Engine.open(self.project) as engine:
            reply = engine.session(name).tool("read", {"path": "x"})
            return reply.message if reply.denied else ""

    def lose(self, *names: str) -> None:
        """Take these values out of the shelf of keys, past the engine."""
        sql = "DELETE FROM {} WHERE shelf = '{}' AND name = '{}'"
        for name in names:
            if self.server is None:
                place = self.project / ".governance" / "journal.db"
                connection = apsw.Connection(str(place))
                connection.execute(sql.format("shelf", KEY_SHELF, name))
                assert connection.changes() == 1
                connection.close()
            else:
                text = sql.format("governance.shelf", KEY_SHELF, name)
                with self.server.connect() as lent:
                    done = lent.execute(f"{text} AND tenant = '{self.tenant}'")  # type: ignore[call-overload]
                    assert done.rowcount == 1


@pytest.fixture(params=["file", "server"])
def house(
    tmp_path: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> House:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("COLUMNS", "200")
    return House(tmp_path, server if request.param == "server" else None)


@pytest.fixture
def say(house: House, capsys: pytest.CaptureFixture[str]) -> Say:
    def said(*words: str) -> tuple[int, str]:
        """The exit code of that command line in the project, and what it printed."""
        capsys.readouterr()
        given = [*words, "--dir", str(house.project)]
        if words[0] in ("repair", "store") and "--dry-run" not in words:
            given += ["--key", str(house.key)]
        code = run(given)
        return code, "".join(capsys.readouterr())

    return said


def key_of(session: str) -> str:
    return entry_name(session_scope(session))


def test_a_lost_key_is_found_and_hides_no_other_session(house: House, say: Say) -> None:
    """`verify` names its session, lists and searches leave it out and say so."""
    house.lose(key_of("b"))

    code, out = say("verify", "--format", "json")
    found = json.loads(out)["findings"]
    assert (code, [(one["session"], one["what"]) for one in found]) == (1, [("b", "key")])
    listed = json.loads(say("sessions", "--format", "json")[1])["sessions"]
    assert {one["id"]: one["state"] for one in listed} == {"a": "between-turn", "b": "damaged"}
    code, out = say("chat", "search", "--all", "hedgehog", "--format", "json")
    told = json.loads(out)
    assert (code, told["damaged"]) == (1, ["b"])
    assert [one["session"] for one in told["messages"]] == ["a"]
    assert "`b`" in say("report")[1]
    assert house.says("a") == ""
    assert "the key of its session is gone" in house.says("b")


def test_rows_that_no_key_opens_are_given_up_by_a_person(house: House, say: Say) -> None:
    """As rows that are gone; the session goes on, and all that is not its own stays."""
    house.lose(key_of("b"))
    before = say("chat", "show", "a")[1]

    for _ in range(2):
        code, out = say("repair")
        assert (code, "the key of its session is gone" in out, "--accept" in out) == (1, True, True)
    assert say("verify")[0] == 1
    code, out = say("repair", "--accept-all", "--reason", "nobody has it")
    assert (code, "b: the loss is accepted" in out, "a: " in out) == (0, True, False)

    assert say("verify")[0] == 0
    assert say("chat", "show", "a")[1] == before
    assert (house.says("a"), house.says("b")) == ("", "")
    assert say("repair")[1].startswith("nothing is to be repaired")


@pytest.mark.parametrize("house", ["file"], indirect=True)  # a server's copies are all named
def test_what_a_backup_opens_is_not_given_up(house: House, say: Say) -> None:
    """Accepting without having repaired looks first whether a copy that is known has the key."""
    assert say("backup")[0] == 0
    house.lose(key_of("b"))

    code, out = say("repair", "--accept", "b", "--reason", "in haste")

    assert (code, "nothing is lost of session `b`" in out) == (2, True), out
    assert say("verify")[0] == 0
    assert "a hedgehog of b" in say("chat", "show", "b")[1]


def test_a_copy_gives_its_keys_at_once(house: House, say: Say) -> None:
    """Nothing is lost where a copy has what is gone: the keys, and the value that says whose."""
    assert say("context", "set", "k", "1")[0] == 0
    assert say("store", "copy", house.url, house.copy, "--create")[0] == 0
    with Engine.open(house.project) as engine:
        names = [head.session for head in engine.journal.sessions()]
    house.lose(*map(key_of, names), VAULT)
    assert say("verify")[0] == 1

    assert "would be whole again" in say("repair", "--dry-run", "--from", house.copy)[1]
    code, out = say("repair", "--from", house.copy)

    assert (code, "lost" in out) == (0, False), out
    assert say("verify")[0] == 0
    assert "a hedgehog of b" in say("chat", "show", "b")[1]
    assert house.says("a") == house.says("b") == ""


def test_a_project_goes_on_without_the_key_of_its_own_journal(house: House, say: Say) -> None:
    """What was recorded of the project is lost then, and nobody is locked out for good."""
    with Engine.open(house.project) as engine:
        engine.record("@project", "session.repaired", {"what": "x", "rows": 0}, actor="me")
    house.lose(key_of("@project"))
    assert "the key of its session is gone" in house.says("a")

    assert say("repair", "--accept", "@project", "--reason", "it is gone")[0] == 0

    assert say("verify")[0] == 0
    assert house.says("a") == ""


def test_what_was_erased_does_not_come_back_as_lost(house: House, say: Say) -> None:
    """A key that somebody has destroyed is none that is lost, and no copy brings it back."""
    assert say("store", "copy", house.url, house.copy, "--create")[0] == 0
    assert run(["erase", "b", "--yes", "--reason", "asked", "--key", str(house.key),
                "--dir", str(house.project)]) == 0  # fmt: skip

    assert say("verify")[0] == 0
    assert say("repair", "--from", house.copy)[1].startswith("nothing is to be repaired")
    assert "was erased" in say("chat", "show", "b")[1]


def test_a_session_whose_key_is_lost_can_be_erased(house: House, say: Say) -> None:
    """Its own rows tell no more whom it began, and that is no reason to keep it."""
    house.lose(key_of("b"))

    assert run(["erase", "b", "--yes", "--reason", "nobody has it", "--key", str(house.key),
                "--dir", str(house.project)]) == 0  # fmt: skip
    assert say("verify")[0] == 0
    assert "was erased" in say("chat", "show", "b")[1]


def test_rows_under_a_lost_key_are_found_though_there_is_a_new_one(house: House, say: Say) -> None:
    """Whoever appends without reading makes a new key; the rows before it stay closed."""
    house.lose(key_of("b"))
    with closing(open_protected(load_config(house.project), create=False)) as journal:
        row = Row("turn.ended", 1, b'{"data":{}}')
        assert isinstance(journal.append([Append("b", journal.head("b").seq, (row,))]), Appended)

    code, out = say("verify", "--format", "json")
    assert (code, [one["what"] for one in json.loads(out)["findings"]]) == (1, ["key"])
    assert say("repair")[0] == 1
    assert say("repair", "--accept", "b", "--reason", "nobody has it")[0] == 0
    assert say("verify")[0] == 0
    assert house.says("b") == ""


def counted(say: Say) -> list[object]:
    measures = json.loads(say("report", "--format", "json")[1])["measures"]
    return [measures[name]["value"] for name in ("sessions", "turns", "session_time")]


def test_figures_whose_key_is_lost_are_counted_anew(house: House, say: Say) -> None:
    """Nothing is lost that rows tell."""
    before = counted(say)
    house.lose(entry_name(shelf_scope("rollup")))
    code, out = say("report")
    assert (code, "governance repair" in out) == (2, True)
    code, out = say("verify", "--format", "json")
    assert (code, [one["what"] for one in json.loads(out)["findings"]]) == (1, ["kept"])

    assert "what figures count was made anew" in say("repair")[1]

    assert counted(say) == before
    assert say("verify")[0] == 0


@pytest.mark.parametrize("house", ["file"], indirect=True)
def test_rows_and_their_key_are_lost_at_once(house: House, say: Say) -> None:
    """A session of which nothing can be told stops no repair of the others."""
    house.lose(key_of("b"))
    connection = apsw.Connection(str(house.project / ".governance" / "journal.db"))
    connection.execute("DELETE FROM event WHERE session = 'b' AND seq > 3")
    connection.execute("DELETE FROM event WHERE session = 'a' AND seq = 2")
    connection.close()

    code, out = say("repair", "--format", "json")
    told = json.loads(out)
    assert (code, {one["session"] for one in told["sessions"]}) == (1, {"a", "b"})
    assert say("repair", "--accept-all", "--reason", "the disk was lost")[0] == 0

    assert say("verify")[0] == 0
    assert (house.says("a"), house.says("b")) == ("", "")


def test_a_store_with_keys_takes_no_plain_rows(house: House) -> None:
    """Data keys alone say that it is encrypted, whatever became of the value that says whose."""
    house.lose(VAULT)
    file = house.project / "governance.toml"
    file.write_text(re.sub(r"(?m)^key = .*$", "", file.read_text()))

    with pytest.raises(KeyNeeded):
        Engine.open(house.project)
