"""A copy of a project that may only be read: what reads works, what writes says why it cannot."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from governance import Engine
from governance.config import default_toml
from governance.journal.sqlite import SqliteJournal
from governance.project import create_project
from governance.scopes import PROJECT, Reader

ROOT = Path(__file__).parents[2]
AS_ANOTHER = """
import contextlib, io, json, os, sys
from governance import cli
home, project, lines, warm = sys.argv[1:]
def stream():
    return io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
for line in json.loads(lines):
    with contextlib.redirect_stdout(stream()), contextlib.redirect_stderr(stream()):
        cli.main([*line, "--dir", warm])
for name in ("STATE", "CONFIG"):
    os.environ[f"XDG_{name}_HOME"] = os.path.join(home, name.lower())
os.environ["HOME"] = home
if os.getuid() == 0:  # who may do everything gives that up, and stays the owner of what it runs
    import ctypes
    none = (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), none) == 0
told = []
for line in json.loads(lines):
    out, err = stream(), stream()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main([*line, "--dir", project])
    told.append([code, *(one.buffer.getvalue().decode() for one in (out, err))])
print(json.dumps(told))
"""
READS: dict[tuple[str, ...], int] = {
    ("show", "s"): 0,
    ("log", "s"): 0,
    ("log",): 0,
    ("sessions",): 0,
    ("report",): 0,
    ("violations", "s"): 1,  # there are some
    ("why", "s"): 0,
    ("verify",): 0,
    ("diagram", "--session", "s"): 0,
    ("chat", "show", "s"): 0,
    ("chat", "export", "s"): 0,
    ("chat", "search", "s", "login"): 0,
    ("context", "list"): 0,
    ("context", "get", "style"): 0,
    ("context", "search", "tabs"): 0,
    ("context", "validate"): 0,
    ("context", "grants"): 0,
    ("anchor", "s"): 0,
    ("anchor-heads",): 0,
    ("approve",): 0,
    ("pause",): 0,
    ("keys", "show"): 1,  # nothing is encrypted
    ("replay", "s"): 0,
    ("metrics",): 0,
    ("backup", "list"): 0,
    ("repair", "--dry-run"): 0,
    ("prune", "--dry-run"): 0,
    ("report", "--format", "json"): 0,
    ("tools",): 0,
}
"""What only reads → its exit code, which is the same where everything may be written."""

WRITES: tuple[tuple[str, ...], ...] = (
    ("context", "set", "style", "spaces"),
    ("anchor", "s", "Keep the login."),
)
"""What writes to the store and takes no person's key."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a session, a value and what was said."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    for name in ("STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    folder = tmp_path / "project"
    folder.mkdir()
    create_project(folder, default_toml())
    SqliteJournal.open(folder / ".governance" / "journal.db", create=True).close()
    _work(folder)
    return folder


def _work(folder: Path) -> None:
    with Engine.open(folder) as engine:
        session = engine.start("s")
        session.turn("Fix the login")
        session.message("user", "Fix the login bug")
        session.tool("shell", {"command": "git push -f"}, call_id="c1")
        engine.contexts.set(PROJECT, "project", "style", "tabs", by=Reader("ada"))


@pytest.fixture
def only_read(project: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the project and of its user's home that another user may read and not write."""
    with tempfile.TemporaryDirectory(prefix="read-only-") as name:
        shutil.copytree(tmp_path, name, dirs_exist_ok=True)
        _close(Path(name))
        yield Path(name)
        for path in Path(name).rglob("*"):
            path.chmod(0o755)


def _close(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)


def _said(
    only_read: Path, warm: Path, lines: Sequence[Sequence[str]]
) -> list[tuple[int, str, str]]:
    """What each of *lines* comes to as somebody who may not write; nothing there is changed."""
    before = _everything(only_read)
    done = subprocess.run(
        [sys.executable, "-c", AS_ANOTHER, str(only_read), str(only_read / "project"),
         json.dumps(lines), str(warm)],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert _everything(only_read) == before
    told: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return [(code, out, err) for code, out, err in told]


def _everything(folder: Path) -> dict[str, bytes | None]:
    return {
        str(one.relative_to(folder)): one.read_bytes() if one.is_file() else None
        for one in folder.rglob("*")
    }


pytestmark = pytest.mark.skipif(os.name != "posix", reason="platform: modes are POSIX")


def test_everything_that_only_reads_works(only_read: Path, project: Path) -> None:
    """Each command ends as it does where all may be written, and leaves every file as it was."""
    told = _said(only_read, project, list(READS))

    wrong = {
        line: (code, err)
        for (line, wanted), (code, _, err) in zip(READS.items(), told, strict=True)
        if code != wanted or err.replace("stopped", "").strip()
    }
    assert wrong == {}
    out = dict(zip(READS, (one[1] for one in told), strict=True))
    assert "git push -f" in out["show", "s"] + out["log", "s"]
    assert "tabs" in out["context", "list"] + out["context", "get", "style"]
    assert "all holds" in out["verify",]
    assert 'governance_healthy{check="write"} 0' in out["metrics",]


def test_rows_in_a_log_without_its_index_are_read(project: Path, tmp_path: Path) -> None:
    """What stands in the log alone, as a copy of a crashed machine has it, is shown as well."""
    store = project / ".governance" / "journal.db"
    with tempfile.TemporaryDirectory(prefix="read-only-") as name:
        journal = SqliteJournal.open(store, create=False)
        _work_more(project)
        assert store.with_name("journal.db-wal").stat().st_size
        shutil.copytree(tmp_path, name, dirs_exist_ok=True)
        journal.close()
        (Path(name) / "project" / ".governance" / "journal.db-shm").unlink()
        _close(Path(name))
        lines = [["log", "late"], ["verify"], ["repair", "--dry-run"]]
        told = _said(Path(name), project, lines)
        for path in Path(name).rglob("*"):
            path.chmod(0o755)

    assert [code for code, _, _ in told] == [0, 0, 0], told
    assert "turn.started" in told[0][1]


def _work_more(folder: Path) -> None:
    with Engine.open(folder) as engine:
        engine.start("late").turn("Go on")


def test_whatever_writes_is_refused_with_file_code_and_remedy(
    only_read: Path, project: Path
) -> None:
    """It says which store, what of it may not be written, and what to do."""
    for code, out, err in _said(only_read, project, WRITES):
        assert (code, out) == (2, "")
        assert "GOV507" in err
        assert str(only_read / "project" / ".governance") in err
        assert "copy the project to where they may be written" in err


def test_health_and_doctor_are_red_for_an_agent_would_write_there(
    only_read: Path, project: Path
) -> None:
    """All that can be looked at is looked at and sound; that nothing can be written is red."""
    lines = [["health", "--format", "json"], ["doctor", "--format", "json"]]
    (code, out, err), (doctored, doctor, _) = _said(only_read, project, lines)

    report = json.loads(out)
    assert (code, err, doctored) == (1, "", 1)
    assert [one["check"] for one in report["checks"] if not one["ok"]] == ["write"]
    assert [one["code"] for one in report["diagnostics"]] == ["GOV507"]
    assert "GOV507" in doctor
    assert "nothing wrong in" in doctor


@pytest.mark.parametrize("looks", [["show", "s"], ["verify"], ["context", "list"]])
def test_a_look_that_has_to_be_recorded_is_refused(
    project: Path, tmp_path: Path, looks: list[str]
) -> None:
    """With `[audit] reads` nothing is shown where no row can say who looked."""
    config = project / "governance.toml"
    told = default_toml().replace("#reads = false", "reads = true")
    assert told != default_toml()
    config.write_text(told)
    with tempfile.TemporaryDirectory(prefix="read-only-") as name:
        shutil.copytree(tmp_path, name, dirs_exist_ok=True)
        _close(Path(name))
        ((code, out, err),) = _said(Path(name), project, [looks])
        for path in Path(name).rglob("*"):
            path.chmod(0o755)

    assert (code, out) == (2, "")
    assert "GOV507 `[audit] reads` has every look recorded, and this one cannot be" in err
    assert "copy the project" in err
