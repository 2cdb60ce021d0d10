"""`init`, `doctor`, `check` and `uninstall` for Codex and Gemini CLI, on real folders."""

from __future__ import annotations

import hashlib
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance import cli
from governance.cli.guard import key_path
from governance.cli.installed import run_hook
from governance.engine import Engine
from governance.hosts import installer_of
from governance.project import Project
from governance.testing.fakes import ManualClock
from tests.integration.conftest import ASKING, bare_folder

PERSONS = {"codex": ".codex/config.toml", "gemini-cli": ".gemini/trustedFolders.json"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, a home beside it, and nothing of ours around."""
    return bare_folder(
        tmp_path, monkeypatch, "CODEX_HOME", "GEMINI_CLI_HOME", "GEMINI_CLI_TRUSTED_FOLDERS_PATH"
    )


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    code = cli.main([str(word) for word in words])
    return code, capsys.readouterr().out


@pytest.mark.parametrize("host", PERSONS)
def test_host_comes_is_seen_and_goes(
    host: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hooks and trust are put in, found by `doctor` when they are gone, and taken out."""
    settings, person = folder / installer_of(host).settings, folder.parent / PERSONS[host]
    code, told = run(capsys, "init", folder, "--host", host, "--dry-run")
    assert code == 0
    assert "would be made" in told
    assert not settings.exists()
    assert not person.exists()

    assert run(capsys, "init", folder, "--host", host)[0] == 0
    assert run(capsys, "init", folder, "--host", host)[0] == 0
    code, told = run(capsys, "doctor", "--dir", folder)
    assert code == 0
    assert host in told

    held = person.read_text()
    person.write_text("\n" if host == "codex" else "{}")
    code, told = run(capsys, "doctor", "--dir", folder)
    assert code == 1
    assert "GOV640" in told
    person.write_text(held)

    key = key_path(Project(folder))
    code, told = run(capsys, "uninstall", "--host", host, "--dir", folder, "--key", key)
    assert code == 0
    assert not settings.parent.exists()
    assert not person.parent.exists()


@pytest.mark.parametrize("host", PERSONS)
def test_what_the_host_cannot_do_is_told(
    host: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule that asks is told to deny there; one that refuses a compaction does not load."""
    (folder / "rules").mkdir()
    pack = folder / "rules" / "trial.toml"
    pack.write_text(ASKING)
    config = f'[packs]\npaths = ["rules/trial.toml"]\n[hosts.{host}]\n'
    (folder / "governance.toml").write_text(config)

    code, told = run(capsys, "check", folder)
    assert code == 0
    assert f"`{host}` cannot ask a person, so `trial.ask` denies there" in told

    refusing = ASKING.replace('tools = ["shell"]\nwhen.command = "perhaps"',
                              'on = "transition"\nwhen.event = "compacting"')  # fmt: skip
    refusing = refusing.replace('tool = "shell", command = "perhaps"', 'event = "compacting"')
    refusing = refusing.replace('tool = "shell", command = "ls"', 'event = "start"')
    pack.write_text(refusing.replace('"ask"', '"deny"'))
    code, told = run(capsys, "check", folder)
    assert code == 1
    assert "GOV257" in told


MOVED = {
    "codex": ("CODEX_HOME", "elsewhere", "elsewhere/config.toml", "PreToolUse", "Bash"),
    "gemini-cli": ("GEMINI_CLI_TRUSTED_FOLDERS_PATH", "trust.json", "trust.json", "BeforeTool",
                   "run_shell_command"),
}  # fmt: skip
"""Variable of the client, what it names, what an agent writes there, and the call of its shell."""


@pytest.mark.parametrize("moved", [True, False])
@pytest.mark.parametrize("host", MOVED)
def test_settings_that_stand_elsewhere_are_protected(
    host: str, moved: bool, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The agent of a client with a home of another name does not change its settings there."""
    variable, place, target, event, tool = MOVED[host]
    (folder / "governance.toml").write_text('[packs]\npaths = ["shipped:self-protection"]\n')
    assert run(capsys, "init", folder, "--host", host)[0] == 0
    payload = {
        "hook_event_name": event, "session_id": "s", "cwd": str(folder), "tool_name": tool,
        "tool_input": {"command": f"echo x >> {tmp_path / 'away' / target}"}, "tool_use_id": "c1",
    }  # fmt: skip
    given = {variable: str(tmp_path / "away" / place)} if moved else {}

    line = installer_of(host).commands(folder)[event]
    done = run_hook(line, payload, variables=given, directory=folder)

    assert ("belong to the governance" in done.out) is moved, done.out


def rollout(
    home: Path, session: str, folder: Path, *entries: object, source: object = "exec"
) -> int:
    """A transcript of Codex, ten minutes ago."""
    file = home / "sessions" / "2026" / "11" / "29" / f"rollout-{session}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    at_s = int(time.time()) - 600
    stamp = datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")
    meta = {"id": session, "cwd": str(folder), "source": source}
    lines = [{"type": "session_meta", "payload": meta}]
    lines += [{"type": "response_item", "timestamp": stamp, "payload": one} for one in entries]
    file.write_text("\n".join(map(json.dumps, lines)) + '\n[]\n{"half a line')
    return at_s * 1000


def called(call_id: str, name: str = "exec_command") -> dict[str, str]:
    return {"type": "function_call", "name": name, "call_id": call_id}


def test_calls_of_codex_without_a_hook_are_found_once(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of its transcripts the project's own count, and of their calls those that hooks ask about."""
    run(capsys, "init", folder, "--host", "codex")
    os.utime(installer_of("codex").record(folder), (time.time() - 86_400,) * 2)
    home = tmp_path / ".codex"
    blocked = "Command blocked by PreToolUse hook: no"
    at_ms = rollout(
        home, "s1", folder / "sub", called("c1"), called("c2", "update_plan"), called("c3"),
        {"type": "function_call_output", "call_id": "c3", "output": blocked},
        {"type": "function_call_output", "call_id": "c1", "output": "done"},
        {"type": "custom_tool_call", "name": "apply_patch", "call_id": "c4"},
    )  # fmt: skip
    rollout(home, "s2", tmp_path, called("c5"))
    rollout(home, "s3", folder, called("c6"), source={"other": "x"})
    (home / "sessions" / "2026" / "11" / "29" / "rollout-s4.jsonl").write_bytes(b"\xff\n")

    code, told = run(capsys, "doctor", "--dir", folder)
    again = run(capsys, "doctor", "--dir", folder)[0]

    assert (code, again) == (1, 0)
    assert "2 calls of session s1 of codex ran without a hook" in " ".join(told.split())
    lines = run(capsys, "log", "@project", "--dir", folder, "--format", "jsonl")[1].splitlines()
    gaps = [row["body"]["data"] for row in map(json.loads, lines) if row["kind"] == "guard.gap"]
    assert gaps == [{"host": "codex", "from": at_ms, "to": at_ms, "missed": 2}]


def chats(home: Path, folder: Path, *calls: tuple[str, int, int, str]) -> int:
    """A transcript of Gemini CLI: id, begin and end in seconds after its own begin, and status."""
    place = home / ".gemini" / "tmp" / "project"
    (place / "chats" / "s1").mkdir(parents=True)
    (place / ".project_root").write_text(str(folder))
    begun_s = int(time.time()) - 900

    def at(seconds: int) -> str:
        moment = datetime.fromtimestamp(begun_s + seconds, UTC)
        return moment.isoformat().replace("+00:00", "Z")

    head = {"sessionId": "s1", "kind": "main", "startTime": at(0)}
    lines = [json.dumps(head), "[]", "{half a line"]
    for name, asked, ended, status in calls:
        call = {"id": name, "name": "run_shell_command", "args": {"command": "ls"},
                "status": status, "timestamp": at(ended)}  # fmt: skip
        told = {"type": "gemini", "timestamp": at(asked), "toolCalls": [call]}
        lines += [json.dumps({**told, "toolCalls": [{**call, "status": "executing"}]})]
        lines += [json.dumps(told)]
    (place / "chats" / "session-1.jsonl").write_text("\n".join(lines))
    kid = {"id": "k1", "name": "write_file", "args": {"content": "\ud800"}, "status": "success"}
    (place / "chats" / "s1" / "kid.jsonl").write_text(json.dumps({"toolCalls": [kid, 7]}))
    (place / "chats" / "session-2.jsonl").write_text('{"sessionId": "../s1"}')
    return begun_s * 1000


def test_calls_of_gemini_without_a_hook_are_found_once(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of calls that are alike each was asked about in its own time, or not at all."""
    run(capsys, "init", folder, "--host", "gemini-cli")
    os.utime(installer_of("gemini-cli").record(folder), (time.time() - 86_400,) * 2)
    at_ms = chats(
        tmp_path, folder, ("a", 10, 20, "success"), ("b", 30, 40, "success"),
        ("c", 50, 60, "success"), ("d", 70, 80, "error"), ("e", 90, 95, "success"),
    )  # fmt: skip
    call = {"tool": "run_shell_command", "input": {"command": "ls"}}
    digest = hashlib.sha256(json.dumps(call, sort_keys=True, separators=(",", ":")).encode())
    call_id = f"call-{digest.hexdigest()[:24]}"
    clock = ManualClock(at_ms)
    with Engine.open(folder, clock=clock) as engine:
        session = engine.start("s1", host="gemini-cli")
        # The second was asked about twice, and after the third its hook came too late.
        for seconds in (15, 31, 31, 65):
            clock.wall_ms = at_ms + seconds * 1000
            session.tool("shell", {"command": "ls"}, call_id=call_id)

    code, told = run(capsys, "doctor", "--dir", folder)
    again = run(capsys, "doctor", "--dir", folder)[0]

    assert (code, again) == (1, 0)
    assert "2 calls of session s1 of gemini-cli ran without a hook" in " ".join(told.split())
    lines = run(capsys, "log", "s1", "--dir", folder, "--format", "jsonl")[1].splitlines()
    gaps = [row["body"]["data"] for row in map(json.loads, lines) if row["kind"] == "guard.gap"]
    span = {"from": at_ms + 60_000, "to": at_ms + 95_000}
    assert gaps == [{"host": "gemini-cli", **span, "missed": 2}]


def test_last_call_of_a_host_without_transcripts_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a client has written nothing down, the last hook that it called is told."""
    run(capsys, "init", folder, "--host", "gemini-cli")
    assert "gemini-cli: has not called us lately" in run(capsys, "doctor", "--dir", folder)[1]
    payload = {
        "hook_event_name": "BeforeTool", "session_id": "s", "cwd": str(folder),
        "tool_name": "run_shell_command", "tool_input": {"command": "ls"},
    }  # fmt: skip
    line = installer_of("gemini-cli").commands(folder)["BeforeTool"]
    run_hook(line, payload, variables={}, directory=folder)

    code, told = run(capsys, "doctor", "--dir", folder)

    assert code == 0
    assert "gemini-cli: called at 20" in told
