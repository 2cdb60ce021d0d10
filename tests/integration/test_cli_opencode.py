"""`init`, `doctor`, `check` and `uninstall` for OpenCode, on real folders."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance import cli
from governance.cli.guard import key_path
from governance.cli.installed import run_hook
from governance.hosts.opencode.settings import INSTALLER, LEAVING_OUT, SETTINGS, commands
from governance.hosts.opencode.transcripts import find_transcripts
from governance.project import Project
from tests.integration.conftest import ASKING, bare_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, a home beside it, and nothing of ours around."""
    return bare_folder(
        tmp_path, monkeypatch, "XDG_DATA_HOME", "CLAUDE_CONFIG_DIR", "OPENCODE_DB", *LEAVING_OUT
    )


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    code = cli.main([str(word) for word in words])
    return code, capsys.readouterr().out


def test_host_comes_is_seen_and_goes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The plugin is put in, found by `doctor` when it is changed or gone, and taken out."""
    code, told = run(capsys, "init", folder, "--host", "opencode", "--dry-run")
    assert code == 0
    assert "would be made" in told
    assert not (folder / SETTINGS).exists()

    assert run(capsys, "init", folder, "--host", "opencode")[0] == 0
    assert run(capsys, "init", folder, "--host", "opencode")[0] == 0
    code, told = run(capsys, "doctor", "--dir", folder)
    assert code == 0
    assert "opencode" in told

    file = folder / SETTINGS
    file.write_text(file.read_text() + "// changed\n")
    code, told = run(capsys, "doctor", "--dir", folder)
    assert code == 1
    assert "GOV640" in told

    key = key_path(Project(folder))
    code, told = run(capsys, "uninstall", "--host", "opencode", "--dir", folder, "--key", key)
    assert code == 0
    assert not (folder / ".opencode").exists()


def test_what_the_host_cannot_do_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule that asks is told to deny there; one that refuses a compaction does not load."""
    (folder / "rules").mkdir()
    pack = folder / "rules" / "trial.toml"
    pack.write_text(ASKING)
    config = '[packs]\npaths = ["rules/trial.toml"]\n[hosts.opencode]\n'
    (folder / "governance.toml").write_text(config)

    code, told = run(capsys, "check", folder)
    assert code == 0
    assert "`opencode` cannot ask a person, so `trial.ask` denies there" in told

    refusing = ASKING.replace('tools = ["shell"]\nwhen.command = "perhaps"',
                              'on = "transition"\nwhen.event = "compacting"')  # fmt: skip
    refusing = refusing.replace('tool = "shell", command = "perhaps"', 'event = "compacting"')
    refusing = refusing.replace('tool = "shell", command = "ls"', 'event = "start"')
    pack.write_text(refusing.replace('"ask"', '"deny"'))
    code, told = run(capsys, "check", folder)
    assert code == 1
    assert "GOV257" in told


# -- the guard was off ------------------------------------------------------------------

SCHEMA = """
CREATE TABLE session (id text PRIMARY KEY, directory text NOT NULL, time_updated integer NOT NULL);
CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL,
                      time_created integer NOT NULL, data text NOT NULL);
CREATE TABLE part (id text PRIMARY KEY, message_id text NOT NULL, session_id text NOT NULL,
                   time_created integer NOT NULL, data text NOT NULL);
"""
"""The columns of the client's tables that are read; the real client shows that it has them."""

LONG_AGO_MS = int(time.time() * 1000) - 600_000


class Record:
    """The client's record of one session of *folder*, ten minutes ago."""

    def __init__(self, folder: Path, file: Path, session: str = "ses_1") -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.session = session
        self.connection = sqlite3.connect(file)
        self.connection.executescript(f"PRAGMA journal_mode=WAL; {SCHEMA}")
        self.connection.execute(
            "INSERT INTO session VALUES (?, ?, ?)", (session, str(folder), LONG_AGO_MS)
        )
        self.connection.commit()
        self._number = 0

    def message(self, parent: str = "", text: str = "") -> str:
        self._number += 1
        name, data = f"msg_{self._number}", {"parentID": parent}
        self._insert("message", (name, self.session, LONG_AGO_MS, json.dumps(data)))
        if text:
            self.part(name, {"type": "text", "text": text})
        return name

    def call(self, call_id: str, status: str = "completed", message: str = "msg_0") -> None:
        self.part(message, {"type": "tool", "callID": call_id, "state": {"status": status}})

    def part(self, message: str, data: object) -> None:
        self._number += 1
        row = (f"prt_{self._number}", message, self.session, LONG_AGO_MS + self._number)
        self._insert("part", (*row, data if isinstance(data, str) else json.dumps(data)))

    def _insert(self, table: str, row: tuple[object, ...]) -> None:
        signs = ", ".join("?" * len(row))
        self.connection.execute(f"INSERT INTO {table} VALUES ({signs})", row)
        self.connection.commit()


@pytest.fixture
def record(folder: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Record]:
    """A project that governs OpenCode since yesterday, and a client that is at work."""
    run(capsys, "init", folder, "--host", "opencode")
    os.utime(INSTALLER.record(folder), (time.time() - 86_400,) * 2)
    made = Record(folder, folder.parent / ".local/share/opencode/opencode.db")
    yield made
    made.connection.close()


def ask(folder: Path, call_id: str) -> None:
    """Let the installed hook decide a call."""
    payload = {
        "hook_event_name": "tool.execute.before", "session_id": "ses_1", "cwd": str(folder),
        "input": {"tool": "bash", "callID": call_id}, "output": {"args": {"command": "ls"}},
    }  # fmt: skip
    line = commands(folder)["tool.execute.before"]
    run_hook(line, payload, variables={}, directory=folder)


def gaps(folder: Path, session: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    told = run(capsys, "log", session, "--dir", folder, "--format", "jsonl")[1]
    rows = [json.loads(line) for line in told.splitlines()]
    return [row["body"]["data"] for row in rows if row["kind"] == "guard.gap"]


@pytest.mark.parametrize("closed", [False, True], ids=["at work", "ended"])
def test_calls_without_a_hook_are_found_once_and_journaled(
    record: Record, folder: Path, capsys: pytest.CaptureFixture[str], closed: bool
) -> None:
    """Calls that the client ran and no hook saw are counted, written down, and told once."""
    ask(folder, "call:1")  # with a sign that no journal takes into an id
    for call_id, status in (("call:1", "completed"), ("call_2", "completed"), ("call_3", "running"),
                            ("call_4", "error"), ("call_5", "pending")):  # fmt: skip
        record.call(call_id, status)
    record.call("call_6", message=record.message(
        record.message(text="The following tool was executed by the user")))  # fmt: skip
    record.part("msg_0", "{no JSON")
    record.part("msg_0", "[]")
    if closed:
        record.connection.close()

    code, told = run(capsys, "doctor", "--dir", folder)
    again = run(capsys, "doctor", "--dir", folder)[0]

    assert (code, again) == (1, 0)
    assert "2 calls of session ses_1 of opencode ran without a hook" in " ".join(told.split())
    (gap,) = gaps(folder, "ses_1", capsys)
    assert (gap["host"], gap["missed"]) == ("opencode", 2)
    assert not [one for one in record_files(folder) if closed and not one.endswith("opencode.db")]


def record_files(folder: Path) -> list[str]:
    return [str(one) for one in (folder.parent / ".local/share/opencode").iterdir()]


def test_only_sessions_of_the_project_are_read(record: Record, folder: Path) -> None:
    """Those of a folder below it are its own; those of another, or beside it, are not."""
    for name, place in (("ses_2", folder / "sub"), ("ses_3", folder.parent / "project-2"),
                        ("ses_4", folder.parent)):  # fmt: skip
        record.connection.execute(
            "INSERT INTO session VALUES (?, ?, ?)", (name, str(place), LONG_AGO_MS + 1)
        )
    record.connection.commit()
    environment = {"HOME": str(folder.parent)}
    found = [one.session for one in find_transcripts(folder, environment)]
    assert found == ["ses_2", "ses_1"]
    moved = {"XDG_DATA_HOME": str(folder.parent / "nowhere")}
    assert find_transcripts(folder, moved) == ()


@pytest.mark.parametrize("text", [b"", b"no database", None])
def test_record_of_another_shape_is_none(folder: Path, text: bytes | None) -> None:
    """A client without a database, or with one that is none, has no sessions to compare."""
    file = folder.parent / "odd" / "opencode" / "opencode.db"
    file.parent.mkdir(parents=True)
    if text is not None:
        file.write_bytes(text)
    assert find_transcripts(folder, {"XDG_DATA_HOME": str(folder.parent / "odd")}) == ()
    assert file.exists() is (text is not None)


@pytest.mark.parametrize("name", LEAVING_OUT)
def test_variables_that_leave_the_plugin_out_are_told(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client that is started from here would not load the plugin."""
    run(capsys, "init", folder, "--host", "opencode")
    monkeypatch.setenv(name, "1")
    code, told = run(capsys, "doctor", "--dir", folder)
    assert code == 1
    assert f"`{name}` is set" in told
