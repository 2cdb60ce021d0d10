"""Nobody moves the clock of a real project by the command line of its hook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from governance.config import default_toml
from governance.hooking.command_line import HOOK_FILE
from governance.journal.opening import open_journal
from governance.project import Project, create_project


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    directory = tmp_path / "project"
    directory.mkdir()
    create_project(directory, default_toml())
    open_journal(base=directory, create=True).close()
    return directory


def ask(project: Path, now_ms: str = "4000000000000") -> str:
    """The hook's decision on a harmless call at a time of the caller's choosing."""
    payload = {
        "session_id": "s",
        "transcript_path": "/t.jsonl",
        "cwd": str(project),
        "hook_event_name": "PreToolUse",
        "tool_name": "Read",
        "tool_input": {"file_path": str(project / "a.py")},
        "tool_use_id": "1",
    }
    words = [
        "--host",
        "claude-code",
        "--dir",
        str(project),
        "--event",
        "PreToolUse",
        "--now-ms",
        now_ms,
    ]
    site = [path for path in sys.path if path.endswith("site-packages")]
    for path in site:
        words += ["--path", path]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(HOOK_FILE), *words],
        input=json.dumps(payload).encode(),
        capture_output=True,
        env=os.environ,
        check=False,
    )
    specific = json.loads(done.stdout)["hookSpecificOutput"]
    return f"{specific['permissionDecision']}: {specific['permissionDecisionReason']}"


def test_a_real_project_is_not_told_the_time(project: Path) -> None:
    """Whoever could set the clock could age approvals and pauses: it is denied."""
    assert "is for replays" in ask(project)


def test_a_replay_is(project: Path) -> None:
    """A person's mark outside the project lets its hooks be told the time."""
    mark = Project(project).replay_mark()
    mark.parent.mkdir(parents=True)
    mark.touch()

    assert "This session is governed" in ask(project)


@pytest.mark.parametrize("now_ms", ["1" + "0" * 14, "9" * 5_000, "-1", "\u00b2", "1e3", ""])
def test_what_is_no_time_is_refused_by_name(project: Path, now_ms: str) -> None:
    """One that no calendar has, and what is no number."""
    told = ask(project, now_ms)
    assert "`--now-ms" in told
    assert "is not understood; usage:" in told
