"""Bad input of every kind, at the front door: a clear error each time, and nothing lost."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from governance import cli
from governance.config import default_toml
from governance.engine import Engine, Session
from governance.errors import (
    DefinitionError,
    GovernanceError,
    JournalError,
    MisuseError,
    StoreDamaged,
    StoreMissing,
)
from governance.hooking.payload import PayloadRefused, read_payload
from governance.journal.opening import open_journal
from governance.journal.sqlite import SqliteJournal
from governance.project import create_project
from governance.testing import ManualClock
from governance.testing.engines import memory_engine
from governance.values import DEPTH_MAX, ValueRefused, check_json
from tests.quality.journal_storage import disk

PACK = """format = 1
[pack]
name = "house"
version = "1.0.0"
summary = "Rules for these tests."

[[rule]]
id = "house.deny"
tools = ["shell"]
when.command = { contains = "forbidden" }
action = "deny"
message = "Not that."
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]
"""
READ_ONLY = """
import os, sys, tomllib
from governance import Engine
from governance.errors import JournalError

def call(project):
    with Engine.open(project) as engine:
        return engine.session("s").tool("shell", {"command": "fine"})

call(sys.argv[2])  # everything is imported before files of others cannot be read any more
for name in ("state", "config", "cache"):
    os.environ[f"XDG_{name.upper()}_HOME"] = os.path.join(os.path.dirname(sys.argv[1]), name)
if os.getuid() == 0:
    os.setuid(65534)
try:
    reply = call(sys.argv[1])
    print("denied" if reply.denied else "let through", reply.message, sep=": ")
except JournalError as error:
    print(type(error).__name__, error, sep=": ")
"""
ROOT = Path(__file__).parents[2]
RULE = PACK[PACK.index("[[rule]]") :]


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one pack and a store, and whatever a machine would keep elsewhere."""
    for name in ("STATE", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    directory = tmp_path / "project"
    directory.mkdir()
    toml = re.sub(r"(?m)^#? *paths = .*$", 'paths = ["house.toml"]', default_toml(), count=1)
    assert 'paths = ["house.toml"]' in toml
    (directory / "house.toml").write_text(PACK)
    create_project(directory, toml)
    open_journal(base=directory, create=True).close()
    return directory


@pytest.fixture(name="session")
def _session() -> Iterator[Session]:
    with memory_engine(PACK) as engine:
        session = engine.start("s")
        session.turn("go")
        yield session


def everything(directory: Path) -> dict[str, bytes]:
    """Every file below *directory* with its bytes, the journal's helpers left out."""
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in sorted(directory.rglob("*"))
        if file.is_file() and not file.name.endswith(("-wal", "-shm"))
    }


def store_of(project: Path) -> Path:
    return project / ".governance" / "journal.db"


PACKS = {
    "unknown key": (PACK.replace("tools =", "tool ="), "GOV207", "tools"),
    "wrong type": (PACK.replace('["shell"]', "5"), "GOV213", "brackets"),
    "bad regex": (PACK.replace("contains = ", "regex = ").replace('"forbidden" }\n', '"(" }\n', 1),
                  "GOV227", "("),
    "duplicate id": (PACK + RULE, "GOV211", "house.deny"),
    "empty file": ("", "GOV102", "empty"),
    "no toml": (PACK + "[[rule", "GOV101", ""),
    "NUL": (PACK.replace("Not that", "Not\0that"), "GOV102", "NUL"),
    "NaN": (PACK.replace('{ contains = "forbidden" }', "nan"), "GOV224", ""),
    "an integer too big": (PACK.replace("format = 1", f"format = {2**64}"), "GOV103", "64 bits"),
    "deep nesting": (PACK + "x = " + "[" * 5_000 + "]" * 5_000, "GOV104", "32 levels"),
}  # fmt: skip


@pytest.mark.parametrize("kind", PACKS)
def test_a_bad_pack_is_told_with_its_place(project: Path, kind: str) -> None:
    """Each names file, line and code; nothing is opened, and no file is touched."""
    text, code, word = PACKS[kind]
    (project / "house.toml").write_text(text)
    before = everything(project)

    with pytest.raises(DefinitionError) as caught:
        Engine.open(project)

    found = [one for one in caught.value.diagnostics if one.code == code]
    assert found, [str(one) for one in caught.value.diagnostics]
    assert found[0].file.endswith("house.toml")
    assert word in str(found[0])
    assert everything(project) == before


def test_a_missing_pack_is_named(project: Path) -> None:
    """A pack that is not there is an error with its name, never one rule less."""
    (project / "house.toml").unlink()

    with pytest.raises(DefinitionError, match=r"GOV270.*house\.toml"):
        Engine.open(project)


def test_all_packs_that_cannot_be_had_are_named_at_once(project: Path) -> None:
    """One that cannot be read hides none that is not there, wherever it stands."""
    (project / "packs" / "folder.toml").mkdir(parents=True)
    names = '["packs", "gone.toml", "shipped:gti-safety"]'
    (project / "governance.toml").write_text(f"packs.paths = {names}\n")

    with pytest.raises(DefinitionError) as caught:
        Engine.open(project)

    found = [one.code for one in caught.value.diagnostics]
    assert found == ["GOV334", "GOV270", "GOV270"]


@pytest.mark.parametrize("text", ["[sesion]\n", "[session]\nlanguage = 1\n", "[", "\0"])
def test_a_bad_configuration_is_told_with_its_line(project: Path, text: str) -> None:
    """As with packs: an error with its line, and nothing is touched."""
    (project / "governance.toml").write_text(text)
    before = everything(project)

    with pytest.raises(DefinitionError) as caught:
        Engine.open(project)

    assert all(one.line for one in caught.value.diagnostics)
    assert everything(project) == before


def _nested(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


VALUES = {
    "lone surrogate": "\ud800",
    "NaN": float("nan"),
    "infinity": float("inf"),
    "2**64": 2**64,
    "deep nesting": _nested(DEPTH_MAX + 1),
    "bytes": b"x",
    "a set": {"x"},
    "a key that is no text": {1: "x"},
}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[encryption]\nkey = 'se\u00adcret'\n", "GOV550"),
        ("[encryption]\nkey = 'file:'\n", "GOV550"),
        ("[journal]\nurl = 'mysql://h/x'\n", "GOV510"),
        ("[journal]\nurl = 'postgresql://u:secret@h/x'\n", "GOV510"),
    ],
)
def test_a_place_that_cannot_be_is_told_with_its_line(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, code: str
) -> None:
    """`check` needs no store for it, and what may be a secret is not repeated."""
    (project / "governance.toml").write_text("[packs]\npaths = []\n" + text)

    assert cli.main(("check", str(project))) == 1
    out = "".join(capsys.readouterr())
    assert f"governance.toml:4: {code}" in out
    assert "cret" not in out


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_that_no_journal_can_hold_is_refused(session: Session, kind: str) -> None:
    """The call is refused by name, no row is written, and the session goes on."""
    before = session.state
    arguments = {"command": "fine", "more": VALUES[kind]}

    with pytest.raises((ValueRefused, MisuseError)) as caught:
        session.tool("shell", arguments)  # type: ignore[arg-type]

    assert len(str(caught.value)) > 10
    assert session.state == before
    assert session.tool("shell", {"command": "fine"}).action == "allow"
    with pytest.raises(ValueRefused):
        check_json(VALUES[kind])  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["a\0b", "\u202e", "é" * 100_000, "", "\r\n\t"])
def test_odd_texts_are_kept_whole(session: Session, text: str) -> None:
    """What JSON can hold is taken as it is, and a rule still sees what it looks for."""
    assert session.turn(text).action == "allow"
    assert session.tool("shell", {"command": text}).action == "allow"
    assert session.tool("shell", {"command": text + "forbidden"}).denied
    assert session.engine.journal.verify("s").ok


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"session_id": "s", "x": NaN}',
        b'{"session_id": "s", "x": 18446744073709551616}',
        b'{"session_id": "s", "x": "\\ud800"}',
        b'{"session_id": "s", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"session_id": "s", "x": "' + b"a" * 50_000_000 + b'"}',
    ],
    ids=["empty", "cut", "list", "no-utf8", "nan", "2**64", "surrogate", "deep", "50-megabytes"],
)
def test_a_payload_that_cannot_be_taken_is_refused(data: bytes) -> None:
    """A host's payload that asks for leave and cannot be read is an error with a code."""
    with pytest.raises((PayloadRefused, ValueRefused)) as caught:
        read_payload(data, "PreToolUse", lenient=False)

    assert len(str(caught.value)) > 10


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "x" * 201])
def test_an_id_that_cannot_be_kept_is_misuse(name: str) -> None:
    """A session id that no store can hold is refused before anything is written."""
    with memory_engine(PACK) as engine:
        with pytest.raises(MisuseError):
            engine.start(name)
        assert engine.journal.sessions() == ()


def test_a_clock_that_goes_back_loses_nothing() -> None:
    """The skew is on record, work goes on, and time counts anew from there."""
    clock = ManualClock()
    with memory_engine(PACK, clock=clock) as engine:
        session = engine.start("s")
        session.turn("go")
        clock.skew(-86_400_000)
        session.turn("on")
        kinds = [record.kind for record in engine.journal.read("s")]

        assert "session.skewed" in kinds
        assert "session.resumed" not in kinds
        assert session.state.last_work_at_ms == clock.now_ms()
        assert session.tool("shell", {"command": "forbidden"}).denied


@pytest.mark.skipif(os.name != "posix", reason="platform: modes are POSIX")
def test_a_read_only_folder_lets_nothing_through(project: Path, tmp_path: Path) -> None:
    """Where nothing can be written a call is denied or an error by name, and the rows stay."""
    with Engine.open(project) as engine:
        engine.start("s").turn("go")
    with tempfile.TemporaryDirectory(prefix="read-only-") as name:
        shutil.copytree(tmp_path, name, dirs_exist_ok=True)
        # Another user may enter this folder, which pytest's own are closed to.
        Path(name).chmod(0o755)
        for path in Path(name).rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        before = everything(Path(name))
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(Path(name) / "project"), str(project)],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        assert everything(Path(name)) == before
        for path in Path(name).rglob("*"):
            path.chmod(0o755)

    assert done.returncode == 0, done.stderr
    assert re.match(r"(denied|Store\w+): .*(read-only|written|opened)", done.stdout), done.stdout


def test_a_full_disk_denies_and_heals(project: Path) -> None:
    """Without room calls are denied and say why; with room again the same engine goes on."""

    def full(_path: str, _size: int) -> None:
        raise apsw.FullError("no space left on the device")

    with disk() as under:
        journal = SqliteJournal.open(store_of(project), create=False, vfs=under.name)
        with Engine.open(project, journal=journal) as engine:
            session = engine.start("s")
            session.turn("go")
            before = session.state
            under.on_write = full
            reply = session.tool("shell", {"command": "fine"})
            under.on_write = None

            assert reply.denied
            assert "the journal cannot be written" in reply.message
            assert session.state == before
            assert session.tool("shell", {"command": "fine"}).action == "allow"
            assert engine.journal.verify().ok


def test_a_newer_database_is_refused_and_left_alone(project: Path) -> None:
    """A store of a later version is an error by name, and not one byte of it changes."""
    with Engine.open(project) as engine:
        engine.start("s")
    connection = sqlite3.connect(store_of(project))
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    before = store_of(project).read_bytes()

    with pytest.raises(JournalError, match=r"9999"):
        Engine.open(project)
    assert store_of(project).read_bytes() == before


def test_a_damaged_database_is_refused_and_left_alone(project: Path) -> None:
    """A store with a destroyed first page is damage, never a fresh start."""
    with Engine.open(project) as engine:
        engine.start("s")
    image = bytearray(store_of(project).read_bytes())
    image[:1024] = os.urandom(1024)
    store_of(project).write_bytes(image)

    with pytest.raises(StoreDamaged):
        Engine.open(project)
    assert store_of(project).read_bytes() == image


def test_a_missing_database_is_not_made_anew(project: Path) -> None:
    """A store that is gone is an error, and stays gone."""
    store_of(project).unlink()

    with pytest.raises(StoreMissing):
        Engine.open(project)
    assert not store_of(project).exists()


def test_two_engines_on_one_folder_share_it(project: Path) -> None:
    """Both decide by the same journal: each sees the other's rows, and none is lost."""
    with Engine.open(project) as first, Engine.open(project) as second:
        one, two = first.session("s"), second.session("s")
        one.turn("go")
        for number in range(5):
            assert one.tool("shell", {"command": "forbidden"}, call_id=f"a{number}").denied
            assert two.tool("shell", {"command": "forbidden"}, call_id=f"b{number}").denied
        two.end()

        assert second.state("s").ledger.total == 10
        assert one.tool("shell", {"command": "fine"}).denied
        assert first.journal.verify().ok


def test_every_one_of_these_errors_has_a_code() -> None:
    """Whatever is raised for bad input can be looked up."""
    kinds = (DefinitionError, JournalError, MisuseError, PayloadRefused, StoreDamaged, StoreMissing)

    assert all(issubclass(kind, GovernanceError) for kind in kinds)
    assert all(re.fullmatch(r"GOV\d{3}", kind.code) for kind in kinds)
