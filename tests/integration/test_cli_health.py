"""`governance health` and `engine.health()`: what turns them red, each by what really happens."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from governance import cli
from governance.config import default_toml, load_config
from governance.engine import health as health_module
from governance.engine import health_depths
from governance.engine.backing import BackupStatus, write_status
from governance.engine.health import HealthLimits, health_of
from governance.engine.health_depths import pages
from governance.errors import StoreFull
from governance.hosts.claude_code.settings import INSTALLER
from governance.journal import Append, Row, open_journal
from governance.journal.encrypted import encrypted
from governance.journal.memory import MemoryJournal
from governance.journal.records import Journal, VerifyReport
from governance.journal.sqlite import SqliteJournal
from governance.journal.vault import KeyEncryptionKey, Vault
from governance.project import Project, create_project
from governance.testing.engines import memory_engine
from governance.testing.fakes import FailingJournal

ROOT = Path(__file__).parents[2]
READ_ONLY = """
import os, sys
from collections.abc import Sequence
from pathlib import Path
from governance import cli
cli.main(["health", "--dir", sys.argv[2]])  # all is imported before files cannot be read
for name in ("STATE", "CONFIG"):
    os.environ[f"XDG_{name}_HOME"] = str(Path(sys.argv[1]).parent / name.lower())
os.environ["HOME"] = str(Path(sys.argv[1]).parent)
if os.getuid() == 0:
    os.setuid(65534)
print("---")
sys.exit(cli.main(["health", "--format", "json", "--dir", sys.argv[1]]))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one session of five rows."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    for name in ("STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    folder = tmp_path / "project"
    folder.mkdir()
    create_project(folder, default_toml())
    with Opened(folder, create=True) as journal:
        write(journal, "s-1", 5)
    return folder


class Opened:
    """The journal of a project, closed afterwards."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.journal = open_journal(load_config(folder).journal.url, base=folder, create=create)

    def __enter__(self) -> Journal:
        return self.journal

    def __exit__(self, *_: object) -> None:
        self.journal.close()


def write(journal: Journal, session: str, count: int) -> None:
    rows = tuple(Row("turn.started", 1, b"{}") for _ in range(count))
    journal.append([Append(session, 0, rows)])


def look(capsys: pytest.CaptureFixture[str], project: Path, *more: str) -> tuple[int, Any]:
    code = cli.main(["health", "--format", "json", "--dir", str(project), *more])
    return code, json.loads(capsys.readouterr().out)


def codes(report: Any) -> set[str]:
    return {one["code"] for one in report["diagnostics"]}


class Counted:
    """A journal as any other, and how often its mirror of heads was read to look at sessions."""

    def __init__(self, inner: SqliteJournal) -> None:
        self.inner, self.looks = inner, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def verify(self, session: str | None = None) -> VerifyReport:
        self.looks += 1
        return self.inner.verify(session)

    def verify_many(self, sessions: Sequence[str]) -> VerifyReport:
        self.looks += 1
        return self.inner.verify_many(sessions)


def test_a_look_reads_the_mirror_once_however_many_sessions_there_are(tmp_path: Path) -> None:
    """It has a line of each session, so that a look a session would grow with their square."""
    journal = SqliteJournal.open(tmp_path / "j.db", create=True, mirror=tmp_path / "m")
    for name in range(700):
        journal.append([Append(f"s{name:03d}", 0, (Row("k", 1, b"{}"),))])
    counted = Counted(journal)

    first, second = (health_of(counted, now_ms=1) for _ in range(2))

    assert counted.looks == 2
    chains = [next(one for one in seen.checks if one.name == "chain") for seen in (first, second)]
    assert [one.saw.partition(",")[0] for one in chains] == [
        "nothing wrong in 500 rows of 500 sessions",
        "nothing wrong in 200 rows of 200 sessions",
    ]
    journal.close()


def test_a_store_that_works_is_green(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each check is named; nothing is found, and no session gets a row."""
    code, report = look(capsys, project)

    assert (code, report["ok"], report["diagnostics"]) == (0, True, [])
    assert [one["check"] for one in report["checks"]] == [
        "read", "write", "load", "chain", "values", "pages", "log", "disk", "unused", "figures",
        "backup", "heartbeat", "service",
    ]  # fmt: skip
    assert cli.main(["health", "--dir", str(project)]) == 0
    assert "healthy, as far as one look goes; `governance verify`" in capsys.readouterr().out
    with Opened(project) as journal:
        assert [head.seq for head in journal.sessions()] == [5]


def test_a_store_that_is_gone_is_red(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It cannot be opened, is not made anew, and the exit code is that of a finding."""
    (project / ".governance" / "journal.db").unlink()

    code, report = look(capsys, project)

    assert code == 1
    assert "GOV504" in codes(report)
    assert report["checks"][0] | {"saw": ""} == {"check": "open", "ok": False, "saw": ""}


@pytest.mark.skipif(os.name != "posix", reason="platform: modes are POSIX")
def test_a_read_only_folder_is_red(project: Path, tmp_path: Path) -> None:
    """A user who may not write there gets a finding, and no traceback."""
    with tempfile.TemporaryDirectory(prefix="read-only-") as name:
        shutil.copytree(tmp_path, name, dirs_exist_ok=True)
        Path(name).chmod(0o755)
        for path in Path(name).rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(Path(name) / "project"), str(project)],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        for path in Path(name).rglob("*"):
            path.chmod(0o755)

    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    report = json.loads(done.stdout.partition("---")[2])
    bad = {one["check"] for one in report["checks"] if not one["ok"]}
    assert bad & {"open", "write"}, report


def test_a_full_disk_is_red_before_and_when_it_is_full(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Too little room is told by the bound; no room at all by the write that fails."""
    code, report = look(capsys, project, "--free-megabytes-min", "900000000")
    with Opened(project) as journal:
        assert isinstance(journal, SqliteJournal)
        gone = health_of(journal, now_ms=1, free=lambda folder: 0)
    failing = FailingJournal(MemoryJournal())
    failing.fail("shelf.put", StoreFull("the disk is full"), times=9)
    full = health_of(failing, now_ms=1)

    assert (code, codes(report)) == (1, {"GOV578"})
    assert [one.name for one in gone.checks if not one.ok] == ["disk"]
    assert [one.name for one in full.checks if not one.ok] == ["write", "chain"]
    assert {found.code for one in full.checks for found in one.findings} == {"GOV506"}


def test_a_broken_chain_is_red_until_it_is_mended(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that was changed behind the engine's back is found by each look, whatever is next."""
    monkeypatch.setattr(health_module, "VERIFIED_ROWS_MAX", 1)
    with Opened(project) as journal:
        write(journal, "s-2", 5)
    with sqlite3.connect(project / ".governance" / "journal.db") as connection:
        connection.execute("UPDATE event SET at_ms = at_ms + 1 WHERE seq = 3")
        connection.execute("UPDATE event SET at_ms = at_ms - 1 WHERE session = 's-2' AND seq = 3")
    connection.close()

    first, second = look(capsys, project), look(capsys, project)

    assert first[0] == second[0] == 1
    assert codes(first[1]) == codes(second[1]) == {"GOV502", "GOV579"}


INDICES = "SELECT rootpage FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite%'"


@pytest.mark.parametrize("which", [0, 1])
def test_a_page_that_no_row_is_read_from_is_red_when_it_is_damaged(
    project: Path, capsys: pytest.CaptureFixture[str], which: int
) -> None:
    """Pages that neither chain nor load comes by are looked at too, and `verify` agrees."""
    store = project / ".governance" / "journal.db"
    with contextlib.closing(sqlite3.connect(store)) as connection:
        page_bytes = connection.execute("PRAGMA page_size").fetchone()[0]
        pages = [row[0] for row in connection.execute(INDICES)]
    with store.open("r+b") as file:
        file.seek((pages[which] - 1) * page_bytes)
        file.write(b"\x0a\xff" * 8)

    code, report = look(capsys, project)

    assert code == 1
    assert [one["check"] for one in report["checks"] if not one["ok"]] == ["pages"]
    assert codes(report) == {"GOV589"}
    assert "journal.db" in report["diagnostics"][0]["message"]
    assert cli.main(["verify", "--dir", str(project)]) == 1
    capsys.readouterr()


def test_the_file_of_an_encrypted_store_is_looked_at_too(tmp_path: Path) -> None:
    """Keys over a store hide nothing of its file: its pages, its log and the disk."""
    inner = SqliteJournal.open(tmp_path / "journal.db", create=True)
    journal = encrypted(inner, Vault.open(inner.shelf, KeyEncryptionKey.of(b"k" * 32)))
    seen = health_of(journal, now_ms=1)
    journal.close()

    assert seen.ok
    assert {"values", "pages", "log", "disk", "unused"} <= {one.name for one in seen.checks}


def test_pages_are_looked_at_for_so_long_and_what_was_not_is_said(tmp_path: Path) -> None:
    """Where the time does not do, the look says so, and what looks at all."""
    with contextlib.closing(SqliteJournal.open(tmp_path / "journal.db", create=True)) as journal:
        for n in range(40):
            write(journal, f"s-{n}", 100)
        short, whole = pages(journal.path, 0.0), pages(journal.path)

    assert short.ok
    assert short.saw.startswith("nothing wrong within 0 s, which is not all of ")
    assert short.saw.endswith("`governance verify` looks at all")
    assert re.fullmatch(r"nothing wrong in how \d+ pages are built", whole.saw)


def test_a_value_beside_the_rows_is_red_when_it_is_damaged_whichever_is_next(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values are looked at in turn, and a damaged one is met by each look until it is mended."""
    monkeypatch.setattr(health_depths, "VALUES_MAX", 2)
    with Opened(project) as journal:
        for n in range(5):
            journal.shelf.put("blob", f"s-1#{n}", b"value")
    saw = [checked(look(capsys, project)[1], "values") for _ in range(4)]
    with contextlib.closing(sqlite3.connect(project / ".governance" / "journal.db")) as connection:
        connection.execute("UPDATE shelf SET value = x'00' WHERE name = 's-1#3'")
        connection.commit()

    looks = [look(capsys, project) for _ in range(3)]

    assert saw == [
        "nothing wrong in 2 values, others next",
        "nothing wrong in 2 values more, others next",
        "nothing wrong in 1 value more",
        "nothing wrong in 2 values, others next",
    ]
    assert [code for code, _ in looks] == [1, 1, 1]
    assert codes(looks[2][1]) == {"GOV502"}


def checked(report: dict[str, Any], name: str) -> str:
    return str(next(one["saw"] for one in report["checks"] if one["check"] == name))


def test_looks_walk_all_of_the_chain_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part a look; the next goes on behind it, and after the last begins anew."""
    monkeypatch.setattr(health_module, "VERIFIED_ROWS_MAX", 10)
    walked: list[str] = []

    class Watched(FailingJournal):
        def verify(self, session: str | None = None) -> Any:
            walked.append(session or "")
            return super().verify(session)

    journal = Watched(MemoryJournal())
    for name in "abcde":
        write(journal, name, 5)

    for now_ms in range(4):
        assert health_of(journal, now_ms=now_ms).ok

    assert walked == ["a", "b", "c", "d", "e", "a", "b"]


def test_a_log_over_its_limit_is_red(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While somebody reads, the log cannot be folded back; it is told by its size."""
    reader = sqlite3.connect(project / ".governance" / "journal.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM event").fetchone()
    with Opened(project) as journal:
        journal.append(
            [Append("big", 0, (Row("turn.ended", 1, b'{"x":"%s"}' % (b"x" * 2_000_000)),))]
        )
        assert isinstance(journal, SqliteJournal)
        small = health_of(journal, now_ms=1, limits=HealthLimits(wal_megabytes_max=1))
        large = health_of(journal, now_ms=1, limits=HealthLimits(wal_megabytes_max=64))
        code, report = look(capsys, project, "--wal-megabytes-max", "1")
    reader.close()

    assert [one.name for one in small.checks if not one.ok] == ["log"]
    assert large.ok
    assert (code, codes(report)) == (1, {"GOV577"})


def test_what_counts_as_healthy_is_configured(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For `health` and `metrics` alike; an option counts in its place, and a wrong file is told."""
    file, directory = project / "governance.toml", ["--dir", str(project)]
    plain = file.read_text()
    file.write_text(plain.replace("#free_megabytes_min = 100", "free_megabytes_min = 1000000000"))

    code, report = look(capsys, project)
    own, _ = look(capsys, project, "--free-megabytes-min", "0")
    assert cli.main(["metrics", *directory]) == 0
    scraped = capsys.readouterr().out
    file.write_text(plain.replace("#free_megabytes_min = 100", "free_megabytes_min = 'much'"))
    wrong, told = look(capsys, project)

    assert (code, codes(report), own) == (1, {"GOV578"}, 0)
    assert 'governance_healthy{check="disk"} 0' in scraped
    assert 'governance_healthy{check="log"} 1' in scraped
    assert (wrong, codes(told)) == (1, {"GOV302"})


def test_a_failed_backup_is_red(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `doctor` says of backups holds here too."""
    write_status(Project(project), BackupStatus(1, error="no room"))

    code, report = look(capsys, project)

    assert (code, codes(report)) == (1, {"GOV549"})


def test_missed_heartbeats_are_red(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A call in the client's transcript that no hook was asked about is told."""
    record = INSTALLER.record(project)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text("{}")
    os.utime(record, (time.time() - 86_400,) * 2)
    name = "".join(sign if sign.isalnum() else "-" for sign in str(project))
    file = tmp_path / ".claude" / "projects" / name / "s-1.jsonl"
    file.parent.mkdir(parents=True)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - 600))
    used = [{"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}]
    file.write_text(json.dumps({"timestamp": stamp, "message": {"content": used}}) + "\n")

    code, report = look(capsys, project)

    assert (code, codes(report)) == (1, {"GOV641"})


def test_an_engine_tells_its_health() -> None:
    """The same checks, without those of a file."""
    with memory_engine() as engine:
        engine.start("s-1")

        assert [one.name for one in engine.health().checks] == [
            "read", "write", "load", "chain", "values", "figures"
        ]  # fmt: skip
        assert engine.health().ok
