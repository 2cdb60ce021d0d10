"""The status line says where a session stands, in one line, and never fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from governance.config import default_toml
from governance.hooking.command_line import import_folders
from governance.hosts.claude_code.settings import STATUS_FILE
from governance.hosts.claude_code.status import status_text
from governance.journal.opening import open_journal
from governance.ledger import Ledger, Violation
from governance.machine import Registers
from governance.project import create_project
from governance.session.state import SessionState
from governance.session.usage import Usage
from governance.states import State


def shown(directory: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-I", "-S", str(STATUS_FILE), "--dir", directory]
    places = {name: place for name, place in os.environ.items() if name.startswith("XDG_")}
    for folder in import_folders():
        words += ["--path", folder]
    return subprocess.run(words, input=data, capture_output=True, timeout=60, env=places)


def test_live_session_is_described() -> None:
    """State and briefing stand in the line."""
    registers = Registers(state=State.BETWEEN_TURN)
    text = status_text(SessionState("s", registers=registers))
    assert text == "governance: between-turn · briefed"
    owing = SessionState("s", registers=Registers(state=State.BEGINNING))
    assert "not briefed" in status_text(owing)


def test_violations_are_counted() -> None:
    """All violations, and how many of them were severe."""
    ledger = Ledger()
    for severity in ("low", "high", "low"):
        one = Violation("r", "deny", severity, "", 1, 1, "x", 0)
        ledger = ledger.apply("violation.counted", one.as_json(), 0)
    state = SessionState("s", registers=Registers(state=State.BETWEEN_TURN), ledger=ledger)
    assert status_text(state).endswith("3 violations (1 severe)")


def test_halt_is_named() -> None:
    """A halted session says so, and why."""
    data = {"by": "r", "scope": "session", "why": "three times"}
    ledger = Ledger().apply("session.halted", data, 0)
    state = SessionState("s", registers=Registers(state=State.INTERRUPTED), ledger=ledger)
    assert "HALTED: " in status_text(state)
    assert "three times" in status_text(state)


def test_pause_stands_in_front() -> None:
    """A pause is seen before anything else, session or none."""
    assert status_text(None, "a broken pack") == "governance: PAUSED: a broken pack"


@pytest.mark.parametrize("data", [b"", b"{", b'{"session_id": 1}', b"\xff\x00", b"[]"])
def test_whatever_comes_is_one_line_and_exit_zero(tmp_path: Path, data: bytes) -> None:
    """No payload and no project makes it fail, print two lines, or create a file."""
    done = shown(str(tmp_path), data)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"governance: ")
    assert done.stdout.count(b"\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_the_line_is_told_of_costs_reaches_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client tells no hook of it; a payload that says less makes no room again."""
    from governance.engine import Engine

    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    create_project(tmp_path, default_toml())
    open_journal(base=tmp_path, create=True).close()
    with Engine.open(tmp_path) as engine:
        engine.start("s", host="claude-code")
    told = {"total_cost_usd": 0.5}, {"total_cost_usd": 0.1}, {"total_cost_usd": "much"}
    for cost in told:
        payload = {"session_id": "s", "cost": cost, "context_window": {"used_percentage": 16}}
        assert shown(str(tmp_path), json.dumps(payload).encode()).returncode == 0
    shown(str(tmp_path), b'{"session_id": "nobody", "cost": {"total_cost_usd": 1}}')

    with Engine.open(tmp_path) as engine:
        assert engine.state("s").usage == Usage(cost_usd=0.5, context_ratio=0.16)
        assert engine.state("nobody").head == 0
