"""Seeded words and tokens, looked for in every file that a governed project leaves behind."""

from __future__ import annotations

import base64
import os
import re
import shutil
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

from governance import Engine
from governance.analytics.projection import catch_up
from governance.chat import Part, media
from governance.cli.app import run
from governance.cli.guard import make_key
from governance.errors import JournalError
from governance.journal.archive import read_archive
from governance.journal.encrypted import EncryptedJournal, encrypted
from governance.journal.key_sources import KeyEncryptionKey, new_key_text
from governance.journal.opening import open_journal
from governance.journal.records import Entry, Snapshot
from governance.journal.vault import Vault
from governance.listeners import Listeners, Write
from governance.project import Project, create_project
from governance.scopes import PROJECT, Reader, Scope
from governance.session.commands import Command
from governance.testing import FailingJournal
from governance.testing.engines import memory_engine
from tests.postgres_server import Server

WORD = "zebra-quartz-nocturne"
"""Plain words of a session: no redaction knows them, so encryption alone keeps them secret."""

TOKEN = "ghp_" + "Zq7x" * 9
"""A token that the built-in redaction knows."""

ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
"""How contents begin that were packed."""

PIECE_BYTES_MAX = 1_000_000
CHAT_FORMATS = ("json", "jsonl", "markdown")

PLAIN = "[packs]\npaths = []\n[live]\nrules_check_ms = 0\n"


class Place:
    """A project in a home of its own."""

    def __init__(self, folder: Path, *, encrypt: bool) -> None:
        self.home = folder
        self.project = folder / "project"
        self.project.mkdir()
        key = folder / "key"
        key.write_text(new_key_text())
        key.chmod(0o600)
        config = f'{PLAIN}[encryption]\nkey = "file:{key}"\n' if encrypt else PLAIN
        create_project(self.project, config)
        open_journal(base=self.project, create=True).close()
        self.key = make_key(Project(self.project))

    def engine(self, **more: Any) -> Engine:
        return Engine.open(self.project, **more)

    def found(self, secret: str) -> set[str]:
        """
        Files that hold *secret*, as it is or as base 64 or hexadecimal digits would have it.

        Archives are unpacked first.
        """
        data = secret.encode()
        forms = {data, base64.b64encode(data)[:-4], data.hex().encode()}
        return {
            str(file.relative_to(self.home))
            for file in self.home.rglob("*")
            if file.is_file() and any(form in _content(file) for form in forms)
        }


def _content(file: Path) -> bytes:
    if ".jsonl." not in file.name:
        return _unpacked(file.read_bytes())
    parts = read_archive(file)[1]
    return _unpacked(b"".join(one.value if isinstance(one, Entry) else one.body for one in parts))


def _unpacked(data: bytes) -> bytes:
    """*data*, and behind it whatever in it zlib has packed as the store's contents are."""
    pieces = [data]
    for begin in ZLIB.finditer(data):
        with suppress(zlib.error):
            packed = memoryview(data)[begin.start() :]
            pieces.append(zlib.decompressobj().decompress(packed, PIECE_BYTES_MAX))
    return b"\n".join(pieces)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "TMPDIR"):
        (tmp_path / name.lower()).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    return tmp_path


def live(place: Place, secret: str) -> None:
    """A session that says *secret* wherever something can be said, all of it still open."""
    with place.engine() as engine:
        session = engine.start("s", model_options={"note": secret})
        session.turn(f"look at {secret}")
        session.tool("shell", {"command": f"echo {secret}"}, call_id="1")
        session.tool_finished("1", outcome="failed", output=secret, error=secret)
        session.tool("write", {"path": f"/{secret}", "content": secret}, call_id="2")
        session.command("say", [secret])
        session.child("helper").turn(secret)
        anchor = {"id": "1", "type": "context", "priority": "normal", "text": secret}
        engine.record("s", "anchor.added", anchor, actor="ann")
        head = engine.journal.head("s")
        state = f'{{"text":"{secret}"}}'.encode()
        engine.journal.snapshot_put(Snapshot("s", head.seq, head.hash, 999, state))
        engine.journal.shelf.put("blob", "s#1", secret.encode())
        engine.journal.shelf.put("rollup", "words", secret.encode())
        _back_up(place)


def _back_up(place: Place) -> None:
    """The store as SQLite itself copies it, while its log is not folded back yet."""
    store = place.project / ".governance" / "journal.db"
    source, copy = apsw.Connection(str(store)), apsw.Connection(str(place.home / "backup.db"))
    with copy.backup("main", source, "main") as backup:
        backup.step()
    source.execute("VACUUM INTO ?", (str(place.home / "vacuumed.db"),))
    for one in (source, copy):
        one.close()


def spooled(place: Place, secret: str) -> None:
    """What has happened and could not be written, kept in a file until it can."""
    failing = FailingJournal(open_journal(base=place.project, create=False))
    with place.engine(journal=failing) as engine:
        engine.start("t").turn("go")
        failing.fail("append", JournalError("no room"))
        with pytest.raises(JournalError):
            engine.handle(Command(event="turn_end", session="t", data={"failure": secret}))


def kept(place: Place, secret: str) -> None:
    """An archive, a branch, backups, a copy, and what a repair and a restore leave beside."""
    with place.engine() as engine:
        session = engine.start("old")
        session.turn(secret)
        session.end()
        engine.branch("s", name="branch").turn(secret)
        engine.archive("old", place.home / "cold")
    at = ("--dir", str(place.project))
    own = f"sqlite:///{place.project}/.governance/journal.db"
    person = (*at, "--key", str(place.key))
    assert run(["backup", *at]) == 0
    assert run(["store", "copy", own, f"sqlite:///{place.home}/copy.db", "--create", *person]) == 0
    for words in (("repair",), ("restore", "latest")):
        connection = apsw.Connection(str(place.project / ".governance" / "journal.db"))
        connection.execute("DELETE FROM event WHERE session = 's' AND seq IN (2, 3)")
        connection.close()
        assert run([*words, *person]) in (0, 1)


def look(place: Place) -> None:
    """Commands that read, export and mend; what they print is for whoever may read it."""
    at = ("--dir", str(place.project))
    for words in (("show", "s"), ("log",), ("sessions",), ("verify",), ("why", "s")):
        run([*words, *at])
    run(["anchor-heads", "--to", str(place.home / "heads.json"), *at])


WAYS = ("message", "long", "value", "media", "context", "content", "shared", "hidden", "asked")
"""How a word comes into a store by what people and agents say: each has one of its own."""


def word_of(way: str) -> str:
    """One word, which an index takes as a whole."""
    return f"zebraquartz{way}nocturne"


def say(engine: Engine, session: str) -> None:
    """The word of each way, in *session* and in the project's contexts."""
    handle, me = engine.start(session), Reader(session=session)
    own = Scope("session", session)
    handle.message("user", f"look at {word_of('message')}")
    handle.message("assistant", f"{word_of('long')} and so on " * 2_000)
    handle.message("tool", [Part(type="json", value={"found": [word_of("value")]})])
    handle.message("user", [media(b"\x89PNG\xff" + word_of("media").encode(), "image/png")])
    contexts = engine.contexts
    contexts.set(own, "code", "small", word_of("context"), by=me)
    contexts.set(own, "code", "large", f"{word_of('content')} and so on " * 2_000, by=me)
    contexts.set(PROJECT, "code", session, word_of("shared"), by=me)
    contexts.set(own, "code", "gone", word_of("hidden"), by=me)
    contexts.unset(own, "code", "gone", by=me)
    # What is looked for is no less a secret than what is found.
    handle.message("user", f"I asked for {word_of('asked')}")
    for way in WAYS:
        engine.search(word_of(way))
        contexts.search(word_of(way), by=me)
    catch_up(engine.journal)
    handle.end()


def told(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """All that is made of what was said: copies, archives, exports, figures, the store's log."""
    store = place.project / ".governance" / "journal.db"
    with place.engine() as engine:
        say(engine, "s")
        say(engine, "old")
        shutil.copy(f"{store}-wal", place.home / "wal.copy")
        _back_up(place)
        engine.archive("old", place.home / "cold")
    at = ("--dir", str(place.project))
    person = (*at, "--key", str(place.key))
    copy = f"sqlite:///{place.home}/copy.db"
    assert run(["backup", *at]) == 0
    assert run(["store", "copy", f"sqlite:///{store}", copy, "--create", *person]) == 0
    assert run(["chat", "search", "s", word_of("message"), *at]) == 0
    capsys.readouterr()
    for words in (
        ("report",), ("report", "--format", "json"), ("metrics",), ("sessions",), ("doctor",),
        ("health",), ("verify",), ("anchor-heads", "--to", str(place.home / "heads.json")),
    ):  # fmt: skip
        run([*words, *at])
        shown = capsys.readouterr()
        for way in WAYS:
            assert word_of(way) not in shown.out + shown.err, words


def exported(
    place: Place, capsys: pytest.CaptureFixture[str], session: str = "s"
) -> Mapping[str, str]:
    """What goes to whoever may read it, by how it was asked for."""
    capsys.readouterr()
    at = ("--dir", str(place.project))
    found = {}
    ways = [(f"chat {one}", ("chat", "export", session, "--as", one)) for one in CHAT_FORMATS]
    for name, words in (
        *ways,
        ("log", ("log",)),
        (
            "context",
            (
                "context",
                "list",
                "--scope",
                f"session:{session}",
                "--kind",
                "code",
                "--format",
                "json",
            ),
        ),
    ):
        run([*words, *at])
        found[name] = "".join(capsys.readouterr())
    return found


def test_what_is_said_in_an_encrypted_project_is_nowhere_on_the_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Messages, contexts, what is searched, figures, exports: none leaves a word in any file."""
    place = Place(tmp_path, encrypt=True)

    told(place, capsys)
    shown = exported(place, capsys)

    for way in WAYS:
        assert place.found(word_of(way)) == set(), way
    # It was there all the same: whoever may read it was given it.
    assert word_of("message") in shown["chat json"]
    assert word_of("long") in shown["chat markdown"]
    assert word_of("value") in shown["chat jsonl"]
    assert word_of("context") in shown["log"]
    for part in ("wal.copy", "backup.db", "vacuumed.db", "copy.db", "cold/old", "/backups/"):
        assert [one for one in tmp_path.rglob("*") if part in str(one)], part


def test_without_encryption_each_of_these_words_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The control: each way's word, in each kind of file that holds what was said."""
    place = Place(tmp_path, encrypt=False)

    told(place, capsys)

    for way in WAYS:
        found = place.found(word_of(way))
        missing = [one for one in PLACES if not [file for file in found if one in file]]
        # The project's values are no session's, and stay where they are.
        assert missing == (["cold/old"] if way == "shared" else []), way
    connection = apsw.Connection(str(place.project / ".governance" / "journal.db"))
    indexed = str(connection.execute("SELECT group_concat(words) FROM message").fetchall())
    connection.close()
    assert {way for way in WAYS if word_of(way) in indexed} >= {"message", "asked"}


PLACES = (
    "journal.db", "wal.copy", "backup.db", "vacuumed.db", "copy.db", ".governance/backups/",
    "cold/old",
)  # fmt: skip


def test_nothing_of_an_encrypted_session_is_on_the_disk(tmp_path: Path) -> None:
    """Store, log, backup, spool, mirror, caches, state: none of them holds a seeded word."""
    place = Place(tmp_path, encrypt=True)

    live(place, WORD)
    kept(place, WORD)
    spooled(place, WORD)
    look(place)

    assert place.found(WORD) == set()
    names = {file.name for file in tmp_path.rglob("*") if file.is_file()}
    assert {"journal.db", "backup.db", "vacuumed.db", "copy.db", "heads.json"} <= names
    assert [file for file in tmp_path.rglob("untold/*/*") if file.stat().st_size > 50]
    with place.engine() as engine:
        # What waited is written before anything else of its session, and can be read.
        assert not engine.session("t").turn("go").denied
        rows = b"".join(one.body for one in engine.journal.read("t"))
        assert WORD.encode() in rows
        assert isinstance(engine.journal, EncryptedJournal)
    assert place.found(WORD) == set()


def test_without_encryption_the_same_words_are_found(tmp_path: Path) -> None:
    """The control: this is what the test above would see if anything leaked."""
    place = Place(tmp_path, encrypt=False)

    live(place, WORD)
    kept(place, WORD)
    spooled(place, WORD)

    found = place.found(WORD)
    assert {"project/.governance/journal.db", "backup.db", "vacuumed.db", "copy.db"} <= found
    for part in ("untold/", "cold/old", ".governance/backups/", ".db.damaged-", ".db.replaced-"):
        assert [one for one in found if part in one], part


@pytest.mark.parametrize("sealed", [True, False], ids=["encrypted", "control"])
def test_nothing_of_an_encrypted_session_is_on_a_servers_disk(server: Server, sealed: bool) -> None:
    """Tables, indexes and log of a PostgreSQL server hold no seeded word; without keys they do."""
    word = f"{WORD}-{os.urandom(4).hex()}"
    inner = server.journal()
    vault = Vault.open(inner.shelf, KeyEncryptionKey.of(os.urandom(32))) if sealed else None
    journal = encrypted(inner, vault) if vault is not None else inner
    with memory_engine(journal=journal) as engine:
        session = engine.start("s")
        session.turn(word)
        head = journal.head("s")
        journal.snapshot_put(Snapshot("s", head.seq, head.hash, 999, word.encode()))
        journal.shelf.put("blob", "s#1", word.encode())
        engine.branch("s", name="t").turn(word)
        me = Reader(session="s")
        session.message("user", f"{word}-message")
        engine.contexts.set(Scope("session", "s"), "code", "k", f"{word}-context", by=me)
        engine.search(f"{word}-message")
        engine.contexts.search(f"{word}-context", by=me)
        catch_up(engine.journal)
        session.end()
        assert word.encode() in b"".join(one.body for one in journal.read("t"))
        with server.connect() as connection:
            connection.execute("CHECKPOINT")

    files = [one for one in server.data.rglob("*") if one.is_file()]
    for said in (word, f"{word}-message", f"{word}-context"):
        found = {one.parent.name for one in files if said.encode() in one.read_bytes()}
        assert bool(found) is not sealed, said


def test_a_known_token_is_nowhere_even_without_encryption(tmp_path: Path) -> None:
    """Redaction comes before every file: rows, and what waits to become one."""
    place = Place(tmp_path, encrypt=False)
    with place.engine() as engine:
        session = engine.start("s")
        session.turn(f"use {TOKEN}")
        session.tool("shell", {"command": f"curl -H 'Authorization: Bearer {TOKEN}'"}, call_id="1")
        session.tool_finished("1", outcome="failed", error=f"{TOKEN} was refused")

    spooled(place, f"{TOKEN} was refused")
    look(place)

    assert place.found(TOKEN) == set()


def test_a_known_token_is_in_nothing_that_is_said_shown_or_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Redaction comes before messages and contexts are kept, so what is made of them has none."""
    place = Place(tmp_path, encrypt=False)
    with place.engine() as engine:
        session, me = engine.start("s"), Reader(session="s")
        own = Scope("session", "s")
        for said in (TOKEN, f"{TOKEN} and so on " * 2_000):
            session.message("user", f"kept {said}")
            engine.contexts.set(own, "code", f"k{len(said)}", f"kept {said}", by=me)
        session.message(
            "tool", [Part(type="json", value={"kept": TOKEN}), media(TOKEN.encode(), "text/plain")]
        )
        engine.search(TOKEN)
        engine.contexts.search(TOKEN, by=me)
        catch_up(engine.journal)

    shown = exported(place, capsys)

    assert place.found(TOKEN) == set()
    for name, text in shown.items():
        assert TOKEN not in text, name
    assert "kept" in shown["chat json"]
    assert "kept" in shown["log"]


OPEN = {"governance.toml": 0o644, "sign.pem.pub": 0o644}
"""What others may read: the rules of a project, and public keys."""


def test_every_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    """0600 in 0700, but for what is meant to be read by others."""
    before = os.umask(0)
    try:
        place = Place(tmp_path, encrypt=True)
        live(place, WORD)
        spooled(place, WORD)
        look(place)
        made = [tmp_path / "new.key", tmp_path / "sign.pem"]
        for action, file in zip(("new", "new-signing"), made, strict=True):
            assert run(["keys", action, str(file)]) == 0
    finally:
        os.umask(before)
    theirs = {"project", "xdg_state_home", "xdg_config_home", "tmpdir", "backup.db", "vacuumed.db"}

    wrong = {}
    for file in tmp_path.rglob("*"):
        if file.name in theirs or file.name.startswith(("backup.db-", "vacuumed.db-")):
            continue
        mode = file.stat().st_mode & 0o777
        due = 0o700 if file.is_dir() else OPEN.get(file.name, 0o600)
        if mode != due:
            wrong[str(file.relative_to(tmp_path))] = oct(mode)
    assert wrong == {}


REWRITING = """
format = 1
[pack]
name = "own"
version = "1.0.0"
summary = "A rule that has something else run."

[[rule]]
id = "own.quiet"
tools = ["shell"]
when.command = { contains = "curl" }
action = "rewrite"
rewrite.command = { redact = { regex = "--loud" }, with = "--quiet" }
message = "Quietly."
must_match = [{ tool = "shell", command = "curl --loud x" }]
must_not_match = [{ tool = "shell", command = "fine" }]
"""


def test_what_an_answer_repeats_is_taken_out_as_well() -> None:
    """Arguments to run instead, words of a listener; a second answer does not run pieces."""
    listeners = Listeners()
    written = Write({"model_options": {"note": TOKEN}})
    listeners.register("session.creating", lambda _: written, mode="transform")
    with memory_engine(REWRITING, listeners=listeners) as engine:
        session = engine.start("s")
        session.turn("go")
        call = engine.call("python", "shell", {"command": f"curl --loud -u {TOKEN}"}, call_id="1")
        command = Command(event="tool_before", session="s", call=call, key="once")

        first, second = engine.handle(command), engine.handle(command)

        assert first.action == "rewrite"
        assert first.rewritten == {"command": f"curl --quiet -u {TOKEN}"}
        assert (second.action, second.rewritten, second.duplicate) == ("deny", None, True)
        assert "not kept" in second.message
        assert TOKEN.encode() not in b"".join(one.body for one in engine.journal.read("s"))
