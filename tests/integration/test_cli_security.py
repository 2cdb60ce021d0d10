"""Keys, erasure, grants, the audit and exported heads, as a person meets them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import apsw
import pytest
from attrs import evolve

from governance import Engine
from governance.access import guard
from governance.access.actors import process_actor
from governance.access.guard import AccessRefused, append_audit
from governance.access.guarded import GuardedJournal
from governance.aengine import AsyncEngine
from governance.cli import opening
from governance.cli.app import run
from governance.cli.guard import make_key
from governance.cli.heartbeat import called_ms, missed_in
from governance.engine.spool import Kept
from governance.errors import GovernanceError, SessionErased
from governance.events import check_data
from governance.formats import body_of
from governance.hooking.transcripts import Transcript, TranscriptCall
from governance.journal.encrypted import as_stored, encrypted
from governance.journal.heads import read_heads_file
from governance.journal.key_sources import KeyEncryptionKey, KeyUnavailable, new_key_text
from governance.journal.memory import MemoryJournal
from governance.journal.opening import DEFAULT_URL, open_journal
from governance.journal.protected import KeyNeeded
from governance.journal.records import VAULT, Append, Record, Row
from governance.journal.sealing import is_sealed
from governance.journal.vault import Vault, WrongKey, session_scope
from governance.project import Project, create_project, machine_config
from governance.session.commands import Command
from governance.testing import ManualClock
from tests.postgres_server import Server

SMALL = "[packs]\npaths = []\n"
SECRET = "the-plain-words-of-a-session"
ME = process_actor()
PLAIN = "GOV646"

Say: TypeAlias = Callable[..., tuple[int, str, str]]


def key_file(folder: Path, name: str = "journal.key") -> Path:
    file = folder / name
    file.write_text(new_key_text())
    file.chmod(0o600)
    return file


class House:
    """A project in a home of its own, whose person's commands need no terminal."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir()
        self.capsys = capsys
        self.write("")
        open_journal(base=self.project, create=True).close()
        self.key = make_key(Project(self.project))

    def write(self, config: str) -> None:
        (self.project / "governance.toml").write_text(SMALL + config)
        create_project(self.project, "")

    def encrypt(self, more: str = "") -> Path:
        file = key_file(self.folder)
        self.write(f'[encryption]\nkey = "file:{file}"\n{more}')
        return file

    def say(self, *words: str) -> tuple[int, str, str]:
        """The command line *words* in the project: exit code, output, errors."""
        self.capsys.readouterr()
        code = run([*words, "--dir", str(self.project)])
        shown = self.capsys.readouterr()
        return code, shown.out, shown.err

    def person(self, *words: str) -> tuple[int, str, str]:
        return self.say(*words, "--key", str(self.key))

    def work(self, *sessions: str, **more: Any) -> None:
        with Engine.open(self.project, **more) as engine:
            for name in sessions:
                session = engine.start(name)
                session.turn(SECRET)
                session.end()

    def rows(self, session: str) -> list[tuple[str, Any]]:
        with Engine.open(self.project) as engine:
            return [(one.kind, body_of(one)) for one in engine.journal.read(session)]


@pytest.fixture
def house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> House:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("COLUMNS", "200")
    return House(tmp_path, capsys)


# -- encryption -----------------------------------------------------------------------


def test_an_encrypted_project_works_as_any_other(house: House) -> None:
    """What is read is what was written, and `verify` needs no key."""
    file = house.encrypt()
    house.work("s")

    assert SECRET in house.say("log", "s")[1]
    assert house.say("show", "s")[0] == 0
    raw = open_journal(base=house.project, create=False)
    assert not [one for one in raw.read("s") if SECRET.encode() in one.body]
    raw.close()
    file.unlink()
    code, out, _ = house.say("verify", "--format", "json")
    assert code == 0
    assert json.loads(out)["rows"] > 2


@pytest.mark.parametrize(
    ("break_it", "error"),
    [
        (lambda house, file: file.unlink(), KeyUnavailable),
        (lambda house, file: file.chmod(0o644), KeyUnavailable),
        (lambda house, file: file.write_text(new_key_text()), WrongKey),
        (lambda house, file: house.write(""), KeyNeeded),
        (lambda house, file: house.write("[encryption]\nrequired = true\n"), KeyNeeded),
    ],
    ids=["gone", "readable", "wrong", "not-configured", "required"],
)
def test_without_its_key_nothing_opens(
    house: House, break_it: Callable[[House, Path], object], error: type[GovernanceError]
) -> None:
    """An error with a code, through the engine and the command: never an empty list."""
    file = house.encrypt()
    house.work("s")
    break_it(house, file)

    with pytest.raises(error):
        Engine.open(house.project)
    for words in (("log", "s"), ("sessions",), ("show", "s"), ("violations",)):
        code, out, err = house.say(*words)
        assert code == 2
        assert error.code in out + err
        assert SECRET not in out


def test_encryption_is_required_before_anything_is_written(house: House) -> None:
    """A machine's file can demand it of every project."""
    house.write("[encryption]\nrequired = true\n")

    with pytest.raises(KeyNeeded, match="GOV554"):
        Engine.open(house.project)


def test_a_program_gives_the_key(house: House) -> None:
    """As a key-management service would, through the API."""
    house.write('[encryption]\nkey = "program"\n')
    house.work("s", key=lambda: b"k" * 32)

    with Engine.open(house.project, key=lambda: b"k" * 32) as engine:
        assert engine.state("s").head
    with pytest.raises(WrongKey):
        Engine.open(house.project, key=lambda: b"x" * 32)
    with pytest.raises(KeyUnavailable, match="handed no key"):
        Engine.open(house.project)


def test_an_event_loop_is_served_behind_keys_and_grants(house: House) -> None:
    """The way that does not wait seals as well, and refuses for whom it may not."""
    house.encrypt('[access]\nactors.ann = ["all"]\nroles.all = ["*"]\n')

    async def work() -> tuple[str, str]:
        async with await AsyncEngine.open(house.project, actor="ann") as engine:
            session = await engine.start("s")
            for _ in range(3):
                await session.turn(SECRET)
            allowed = await session.tool("shell", {"command": f"echo {SECRET}"}, call_id="1")
            await session.tool_finished("1", outcome="ok")
            command = session.session.tool_command("shell", {"command": "ls"}, call_id="2")
            refused = await engine.handle(evolve(command, actor="bob"))
            assert (await engine.state("s")).head
            return allowed.action, refused.action

    assert anyio.run(work) == ("allow", "deny")
    raw = open_journal(base=house.project, create=False)
    bodies = [one.body for one in raw.read("s")]
    raw.close()
    assert len(bodies) > 6
    assert all(is_sealed(one) for one in bodies)


@pytest.mark.parametrize("action", ["new", "new-signing"])
def test_no_key_is_made_in_a_project(house: House, action: str) -> None:
    """Its agents could read it there, and none is used from there."""
    folder = house.project / "keys"
    folder.mkdir()

    assert run(["keys", action, str(folder / "k")]) == 2

    assert "outside the project" in house.capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_keys_are_made_shown_and_rotated(house: House) -> None:
    """From the making of a file to a store that the old key no longer opens."""
    old, new = house.folder / "old.key", house.folder / "new.key"
    for file in (old, new):
        assert run(["keys", "new", str(file)]) == 0
        assert file.stat().st_mode & 0o777 == 0o600
    assert run(["keys", "new", str(old)]) == 2
    (house.folder / "sign.pub").write_text("in use")
    assert run(["keys", "new-signing", str(house.folder / "sign")]) == 2
    assert not (house.folder / "sign").exists()
    house.write(f'[encryption]\nkey = "file:{old}"\n')
    house.work("a", "b")
    house.write(f'[encryption]\nkey = "file:{new}"\nprevious = ["file:{old}"]\n')

    assert house.say("keys", "show")[0] == 1
    assert house.say("keys", "rotate")[0] == 2  # a person's, and this is none
    code, out, _ = house.person("keys", "rotate", "--format", "json")
    assert code == 0
    assert json.loads(out)["count"] == 2
    assert house.say("keys", "show")[0] == 0
    house.write(f'[encryption]\nkey = "file:{new}"\n')
    assert SECRET in house.say("log", "a")[1]
    ((kind, body),) = house.rows("@project")
    assert (kind, check_data(kind, body["data"])) == ("keys.rotated", ())
    house.write(f'[encryption]\nkey = "file:{old}"\n')
    with pytest.raises(WrongKey):
        Engine.open(house.project)


def test_no_single_value_opens_the_store(house: House) -> None:
    """Where the value is damaged that says whose the keys are, `repair` loses nothing by it."""
    house.encrypt()
    house.work("one", "two")
    before = house.rows("one")
    place = house.project / ".governance" / "journal.db"
    connection = apsw.Connection(str(place))
    connection.execute("UPDATE shelf SET value = x'7b' WHERE name = ?", (VAULT,))
    connection.close()
    assert house.say("verify")[0] == 1

    code, out, _ = house.person("repair")

    assert (code, "lost" in out) == (0, False), out
    assert house.rows("one") == before
    assert house.say("verify")[0] == 0


def test_keys_of_a_project_that_encrypts_nothing(house: House) -> None:
    """It is said by name."""
    code, out, _ = house.say("keys", "show", "--format", "json")
    assert (code, json.loads(out)) == (1, {"current": "", "wraps": {}})
    assert "GOV554" in house.person("keys", "rotate")[2]
    assert "GOV554" in house.person("erase", "s", "--reason", "x")[2]


# -- erasure --------------------------------------------------------------------------


def test_an_erased_session_is_unreadable_and_the_journal_holds(house: House) -> None:
    """It lists as erased, reads as a named error, and a row says who and why."""
    house.encrypt()
    house.work("keep")
    with Engine.open(house.project) as engine:
        parent = engine.start("s")
        parent.turn(SECRET)
        parent.child("helper").turn(SECRET)
        with parent.child("done") as done:
            done.turn(SECRET)

    waiting = Project(house.project).state_directory() / "untold"
    with Engine.open(house.project) as engine:
        assert engine.options.spool is not None
        engine.options.spool.keep(Kept(Command(event="turn_end", session="s")))
    assert list(waiting.iterdir())
    assert house.say("erase", "s", "--reason", "asked")[0] == 2  # a person's
    code, out, err = house.person("erase", "s", "--reason", "asked", "--format", "json")

    assert code == 0, err
    assert [one["session"] for one in json.loads(out)["erased"]] == ["s/helper", "s/done", "s"]
    for name in ("s", "s/helper", "s/done"):
        code, out, err = house.say("log", name)
        assert (code, "GOV553" in err) == (2, True)
        assert house.say("show", name)[0] == 2
    listed = json.loads(house.say("sessions", "--format", "json")[1])["sessions"]
    states = {one["id"]: one["state"] for one in listed}
    assert states == {
        "keep": "ended", "s": "erased", "s/helper": "erased", "s/done": "erased",
    }  # fmt: skip
    code, out, err = house.say("log")
    assert code == 0
    assert "`s` was erased" in err
    assert "keep" in out
    assert house.say("violations")[0] == 0
    assert house.say("verify")[0] == 0
    rows = [body["data"] for kind, body in house.rows("@project") if kind == "session.erased"]
    assert [check_data("session.erased", one) for one in rows] == [(), (), ()]
    assert [(one["session"], one["by"], one["reason"]) for one in rows] == [
        ("s/helper", ME, "asked"),
        ("s/done", ME, "asked"),
        ("s", ME, "asked"),
    ]
    with Engine.open(house.project) as engine:
        assert engine.session("s").turn("go").denied
        with pytest.raises(SessionErased):
            engine.state("s")
    with Engine.open(house.project) as engine, pytest.raises(SessionErased):
        engine.handle(Command(event="turn_end", session="s", data={"failure": SECRET}))
    assert not list(house.folder.rglob("untold/*"))
    again = json.loads(house.person("erase", "s", "--reason", "again", "--format", "json")[1])
    assert [one["erased_before"] for one in again["erased"]] == [True]
    assert house.person("erase", "@project", "--reason", "x")[0] == 2
    assert "GOV611" in house.person("erase", "nobody", "--reason", "x")[2]


@pytest.mark.parametrize("counted_before", [False, True])
@pytest.mark.parametrize("on_server", [False, True])
def test_an_erased_session_stands_in_nobodys_way(
    house: House, server: Server, on_server: bool, counted_before: bool
) -> None:
    """Whatever goes over all sessions passes it over; whoever names it is told so."""
    url = server.url(tenant=f"e{os.urandom(6).hex()}") if on_server else DEFAULT_URL
    house.encrypt(f'[journal]\nurl = "{url}"\n')
    open_journal(url, base=house.project, create=on_server).close()
    with Engine.open(house.project) as engine:
        for name in ("a", "keep"):
            session = engine.start(name)
            session.turn("go")
            session.tool("read", {"path": "x"}, call_id="c")
            session.message("user", "a hedgehog")
    if counted_before:
        assert house.say("report")[0] == 0

    code, _, err = house.person("erase", "a", "--reason", "asked")
    assert code == 0, err

    for line in (
        "report", "metrics", "replay", "log", "sessions", "violations", "violations --shadow",
        "health", "verify", "context search x --scope all", "prune --dry-run", "approve",
    ):  # fmt: skip
        code, _, err = house.say(*line.split())
        assert code < 2, (line, err)
        assert "GOV553" not in err
    found = json.loads(house.say("chat", "search", "--all", "hedgehog", "--format", "json")[1])
    assert [one["session"] for one in found["messages"]] == ["keep"]
    with Engine.open(house.project) as engine:
        told = [one.session for one in engine.follow().take(1_000)]
        assert set(told) == {"keep", "@project"}
        with engine.follow() as follower:
            list(follower.poll())
            assert list(follower.poll()) == []
        with pytest.raises(SessionErased):
            engine.follow(session="a").take()
        with pytest.raises(SessionErased):
            engine.search("hedgehog", session="a")


def test_a_heartbeat_passes_over_what_was_erased() -> None:
    """When a host last called is told by what can be read; no call of an erased one is missed."""
    inner = MemoryJournal()
    vault = Vault.open(inner.shelf, KeyEncryptionKey.of(b"k" * 32))
    sealed = encrypted(inner, vault)
    for at_ms, name in ((1, "old"), (2, "new")):
        row = Row("session.created", at_ms, b'{"data":{},"host":"codex"}')
        sealed.append([Append(name, 0, (row,))])
    vault.erase(session_scope("new"), 3)
    calls = lambda: (TranscriptCall(10, "c1"),)  # noqa: E731

    assert called_ms(sealed, "codex") == 1
    missed = [
        missed_in(Transcript(name, calls), sealed, since_ms=0, now_ms=10**9)
        for name in ("old", "new")
    ]
    assert [one is not None for one in missed] == [True, False]


def test_a_session_that_was_removed_is_erased_as_well(house: House) -> None:
    """Its archive holds sealed rows: without their key they stay so. A branch is lost with it."""
    house.encrypt()
    house.work("s", "t")
    with Engine.open(house.project) as engine:
        journal = engine.journal
        journal.branch("t-2", "t", 2)
        assert len(journal.read("t-2")) == 2
        head = journal.head("s")
        archive = as_stored(journal).read("s")
        assert journal.remove("s", expected=head) is True
        journal.restore(head, archive)
        assert SECRET.encode() in b"".join(one.body for one in journal.read("s"))
        journal.remove("s", expected=head)

    for name in ("s", "t"):
        code, _, err = house.person("erase", name, "--reason", "asked")
        assert code == 0, err

    with Engine.open(house.project) as engine:
        engine.journal.restore(head, archive)
        for name in ("s", "t", "t-2"):
            with pytest.raises(SessionErased):
                engine.journal.read(name)
        assert engine.journal.verify().ok


def test_what_a_session_began_is_erased_though_its_own_rows_are_archived(house: House) -> None:
    """Its sub-sessions still say whose they are."""
    house.encrypt()
    with Engine.open(house.project) as engine:
        with engine.start("s") as parent:
            parent.turn("go")
            with parent.child("helper") as child:
                child.turn(SECRET)
        with engine.start("other") as other, other.child("helper") as child:
            child.turn("go")
        engine.archive("s", house.folder / "cold")

    out = house.person("erase", "s", "--reason", "asked", "--format", "json")[1]

    assert [one["session"] for one in json.loads(out)["erased"]] == ["s/helper", "s"]


@pytest.mark.parametrize("noted", [True, False])
def test_what_is_archived_below_an_archived_session_is_erased_with_it(
    house: House, noted: bool
) -> None:
    """By the note of the archive; by the archive itself where it was made before that was noted."""
    house.encrypt()
    with Engine.open(house.project) as engine:
        session = engine.start("s")
        session.turn("work")
        child = engine.session("s").child("helper")
        child.turn("help")
        grandchild = child.child("deep")
        grandchild.turn("help")
        for one in (grandchild, child, session):
            one.end()
        engine.start("other").end()
        for name in ("other", "s/helper/deep", "s/helper", "s"):
            engine.archive(name, house.folder / "archives")
        shelf = engine.journal.shelf
        for entry in shelf.scan("archive") if not noted else ():
            note = json.loads(entry.value)
            del note["parent"]
            shelf.put("archive", entry.name, json.dumps(note).encode())
    if not noted:
        (gone,) = (house.folder / "archives").glob("other*")
        gone.unlink()

    code, out, err = house.person("erase", "s", "--reason", "asked", "--format", "json")

    assert code == 0
    done = [one["session"] for one in json.loads(out)["erased"]]
    assert done == ["s/helper/deep", "s/helper", "s"]
    assert ("`other`" in err) is not noted
    with Engine.open(house.project) as engine:
        for file in (house.folder / "archives").glob("s*"):
            head = engine.unarchive(file)
            with pytest.raises(SessionErased):
                engine.journal.read(head.session)


def test_sessions_from_before_encryption_are_named(house: House) -> None:
    """Until they are out of the store, they lie in it for anybody to read."""

    def seen() -> tuple[str, list[str]]:
        said = json.loads(house.say("doctor", "--format", "json")[1])
        (check,) = (one for one in said["checks"] if one["check"] == "encryption")
        return check["saw"], [one["message"] for one in said["diagnostics"] if one["code"] == PLAIN]

    house.work("old-1", "old-2")
    assert seen() == ("off", [])
    house.encrypt()
    house.work("new")

    assert seen() == (
        "on; of 3 sessions 2 not from the first row on",
        ["2 sessions began before encryption and can be read by anybody, `old-1` first"],
    )
    for name in ("old-1", "old-2"):
        assert house.person("archive", name)[0] == 0
    saw, found = seen()
    assert "each encrypted from its first row on" in saw
    assert found == []


def test_a_session_from_before_encryption_cannot_be_erased(house: House) -> None:
    """No key hides its first rows, and that is said before anything is done."""
    house.work("s")
    house.encrypt()

    code, _, err = house.person("erase", "s", "--reason", "asked")

    assert code == 2
    assert "GOV557" in err
    assert SECRET in house.say("log", "s")[1]


# -- exported heads -------------------------------------------------------------------


def findings(house: House, *words: str) -> tuple[int, list[tuple[str, str]]]:
    code, out, err = house.say("verify", "--format", "json", *words)
    assert code < 2, err
    return code, [(one["what"], one["session"]) for one in json.loads(out)["findings"]]


def test_exported_heads_expose_what_was_done_to_the_store(house: House) -> None:
    """Cut, rewritten, removed, replaced: a store without a mirror, forged to be whole."""
    house.write('[journal]\nurl = "sqlite:///.governance/journal.db?mirror=off"\n')
    # Before a person has said so, a project has no heads of its own left out.
    assert house.person("trust", "--yes")[0] == 0
    house.work("a", "b")
    heads = house.folder / "heads.json"
    assert house.say("anchor-heads", "--to", str(heads))[0] == 0
    assert heads.stat().st_mode & 0o777 == 0o600
    assert SECRET not in heads.read_text()
    against = ("--against", str(heads))
    assert findings(house, *against) == (0, [])
    house.work("c")
    assert findings(house, *against) == (0, [])
    store = house.project / ".governance" / "journal.db"
    for left in store.parent.glob("journal.db-*"):
        left.unlink()
    whole = store.read_bytes()
    exported = read_heads_file(heads)

    def forge(statements: str) -> None:
        import apsw

        store.write_bytes(whole)
        connection = apsw.Connection(str(store))
        connection.execute(statements)
        connection.close()

    seq = next(one.seq for one in exported.heads if one.session == "a")
    forge(
        f"DELETE FROM event WHERE session = 'a' AND seq = {seq};"
        f"UPDATE session SET head = {seq - 1}, hash = "
        f"(SELECT hash FROM event WHERE session = 'a' AND seq = {seq - 1}) WHERE id = 'a'"
    )
    assert findings(house) == (0, [])  # the chain alone does not see it
    assert findings(house, *against) == (1, [("cut", "a")])
    forge("DELETE FROM event WHERE session = 'b'; DELETE FROM session WHERE id = 'b'")
    assert findings(house, *against) == (1, [("removed", "b")])
    forge("UPDATE store SET value = 'another' WHERE name = 'id'")
    assert ("vanished", "") in findings(house, *against)[1]
    # Rewritten whole: a store with the same id in which other things happened.
    store.unlink()
    open_journal(
        "sqlite:///.governance/journal.db?mirror=off", base=house.project, create=True
    ).close()
    house.work("a")
    house.work("b")
    import apsw

    connection = apsw.Connection(str(store))
    connection.execute(f"UPDATE store SET value = '{exported.store}' WHERE name = 'id'")
    connection.close()
    assert sorted(findings(house, *against)[1]) == [
        ("hash", "a"),
        ("hash", "b"),
        ("removed", "@project"),
    ]


def test_signed_heads_say_who_made_them(house: House) -> None:
    """A changed file, another key and no signature at all are refused by name."""
    house.encrypt()
    house.work("a")
    key, other = house.folder / "sign.pem", house.folder / "other.pem"
    for one in (key, other):
        assert run(["keys", "new-signing", str(one)]) == 0
        assert one.stat().st_mode & 0o777 == 0o600
    heads, plain = house.folder / "heads.json", house.folder / "plain.json"
    assert house.say("anchor-heads", "--to", str(heads), "--sign", str(key))[0] == 0
    assert house.say("anchor-heads", "--to", str(plain))[0] == 0
    public = ("--public-key", f"{key}.pub")

    assert findings(house, "--against", str(heads), *public) == (0, [])
    assert findings(house, "--against", str(heads)) == (0, [])
    for file, why in ((plain, "nobody signed it"), (heads, "another key signed it")):
        word = public if file is plain else ("--public-key", f"{other}.pub")
        code, _, err = house.say("verify", "--against", str(file), *word)
        assert (code, "GOV558" in err, why in err) == (2, True, True)
    changed = heads.read_text().replace('"at_ms":', '"at_ms":1')
    heads.write_text(changed)
    code, _, err = house.say("verify", "--against", str(heads))
    assert (code, "does not hold" in err) == (2, True)
    key.chmod(0o644)
    assert "GOV550" in house.say("anchor-heads", "--sign", str(key))[2]
    for wrong in ("{}", "no json", '{"kind":"governance-heads","format":1}'):
        heads.write_text(wrong)
        assert "GOV558" in house.say("verify", "--against", str(heads))[2]


# -- access and audit -----------------------------------------------------------------


def test_a_person_without_a_grant_is_shown_nothing(house: House) -> None:
    """Each command that looks, refused with the code; with the grant it shows."""
    house.work("s")
    looking = [
        ("log", "s"), ("log",), ("sessions",), ("show", "s"), ("why", "s"), ("violations", "s"),
        ("violations",), ("verify",), ("anchor-heads",), ("anchor", "s"), ("approve",), ("pause",),
    ]  # fmt: skip
    house.write('[access]\nactors.somebody-else = ["all"]\nroles.all = ["*"]\n')
    for words in looking:
        code, out, err = house.say(*words)
        assert (code, "GOV556" in err) == (2, True), (words, out, err)
        assert SECRET not in out + err
    for words in (("pause", "--for", "1m", "--reason", "x"), ("pardon", "s", "--reason", "x")):
        code, _, err = house.person(*words)
        assert (code, "GOV556" in err) == (2, True), (words, err)
    with Engine.open(house.project) as engine:
        assert engine.start("new").reply.denied  # type: ignore[union-attr]
        assert engine.session("s").turn("go").denied
        with pytest.raises(AccessRefused):
            engine.journal.head("new")
        assert engine._journal.head("new").seq == 0

    house.write(f'[access]\nactors.{ME} = ["all"]\nroles.all = ["*"]\n')
    for words in looking:
        code, _, err = house.say(*words)
        assert "GOV556" not in err, words


def test_own_sessions_are_ones_own(house: House) -> None:
    """Whoever began a session may go on with it and read it, and sees no other."""
    house.work("theirs", actor="somebody-else")
    house.write(
        f'[access]\nactors.{ME} = ["own"]\nroles.own = ["read:own", "list:own", "write:own"]\n'
    )
    house.work("mine")

    assert house.say("show", "mine")[0] == 0
    assert "GOV556" in house.say("show", "theirs")[2]
    listed = json.loads(house.say("sessions", "--format", "json")[1])["sessions"]
    assert [one["id"] for one in listed] == ["mine"]
    assert "GOV556" in house.say("verify")[2]


def test_an_upper_layers_grants_are_not_added_to(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project's file cannot grant what the user's file does not."""
    assert machine_config().parent.name == "session-governance"
    upper = Path(os.environ["XDG_CONFIG_HOME"]) / "session-governance" / "governance.toml"
    upper.parent.mkdir(parents=True, exist_ok=True)
    upper.write_text('[access]\nactors.root-of-all = ["all"]\nroles.all = ["*"]\n')
    house.write(f'[access]\nactors.{ME} = ["all"]\nroles.all = ["*"]\n')

    with Engine.open(house.project) as engine:
        assert engine.start("new").reply.denied  # type: ignore[union-attr]


def test_reads_through_the_command_are_recorded(house: House) -> None:
    """Who looked into what stands in the project's journal, and so does who read that."""
    house.work("s")
    house.write("[audit]\nreads = true\n")

    house.say("show", "s")
    house.say("verify")
    code, out, _ = house.say("log", "@audit", "--format", "jsonl")

    assert code == 0
    rows = [json.loads(line)["body"] for line in out.splitlines()]
    told = [(one["actor"], one["data"]["action"], one["data"]["session"]) for one in rows]
    assert told == [(ME, "read", "s"), (ME, "verify", ""), (ME, "read", "@audit")]
    assert all(one["data"]["through"] == "cli" for one in rows)
    listed = json.loads(house.say("sessions", "--format", "json")[1])["sessions"]
    assert [one["id"] for one in listed] == ["s"]


LOOKS_MAX = 200


@pytest.mark.parametrize(
    "words",
    [("log",), ("log", "@audit"), ("report",), ("metrics",), ("sessions",)],
    ids=" ".join,
)
def test_a_command_that_looks_comes_to_an_end_whatever_is_recorded(
    house: House, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Each look is a row, also the same one again: what it writes does not keep it looking."""
    house.work("s")
    house.write("[audit]\nreads = true\nrepeat_seconds_min = 0\n")
    for _ in range(3):
        house.say("show", "s")
    written = 0

    def counted(*given: Any) -> None:
        nonlocal written
        written += 1
        # Else this would go on for ever.
        assert written < LOOKS_MAX
        append_audit(*given)

    monkeypatch.setattr(guard, "append_audit", counted)
    monkeypatch.setattr(opening, "PAGE_ROWS", 2)

    assert house.say(*words)[0] == 0

    assert 1 <= written < 10
    with Engine.open(house.project) as engine:
        looks = [body_of(one)["data"] for one in engine._journal.read("@audit")]
    of_command = [(one["action"], one["session"]) for one in looks[3:]]  # type: ignore[index,call-overload]
    assert len(of_command) == len(set(of_command)) == written


def test_the_audit_is_shown_as_it_stood_when_its_reader_began(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast others look: what comes meanwhile is there the next time."""
    house.write("[audit]\nreads = true\n")
    house.say("show", "s")
    inner = GuardedJournal.read

    def busy(self: GuardedJournal, session: str, **given: Any) -> tuple[Record, ...]:
        assert self.inner.head(session).seq < LOOKS_MAX
        append_audit(self.inner, ManualClock(), {"action": "read"}, "another")
        return inner(self, session, **given)

    monkeypatch.setattr(GuardedJournal, "read", busy)
    monkeypatch.setattr(opening, "PAGE_ROWS", 1)

    code, out, _ = house.say("log", "@audit", "--format", "jsonl")

    rows = [json.loads(line)["body"]["actor"] for line in out.splitlines()]
    assert (code, set(rows)) == (0, {ME})


# -- actors, and what people decide ---------------------------------------------------


def test_a_session_says_who_began_it(house: House) -> None:
    """By the system's user, whatever the environment says, or by whom a program names."""
    house.work("s")
    house.work("t", actor="ann")

    assert [house.rows(name)[0][1]["actor"] for name in ("s", "t")] == [ME, "ann"]


def test_trust_leaves_a_row_before_it_counts(house: House) -> None:
    """Granted and taken back: by whom, of which text, and what it loosens."""
    house.write('[defaults]\nmode = "shadow"\n')

    assert house.person("trust", "--yes")[0] == 0
    assert house.person("trust", "--withdraw")[0] == 0

    (granted, first), (withdrawn, second) = house.rows("@project")
    assert (granted, withdrawn) == ("trust.granted", "trust.withdrawn")
    assert first["data"]["by"] == first["actor"] == ME
    assert first["data"]["loosens"][-1] == '`defaults.mode = "shadow"` counts as `"enforce"`'
    assert second["data"]["files"] == [first["data"]["file"]]
    for kind, body in house.rows("@project"):
        assert check_data(kind, body["data"]) == ()


def test_trust_that_cannot_be_recorded_is_not_granted(house: House) -> None:
    """The journal first: a store that is gone trusts nobody."""
    house.write('[defaults]\nmode = "shadow"\n')
    (house.project / ".governance" / "journal.db").rename(house.folder / "away")

    assert house.person("trust", "--yes")[0] == 2

    (house.folder / "away").rename(house.project / ".governance" / "journal.db")
    assert house.say("trust", "--list")[0] == 1
