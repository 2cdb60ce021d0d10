"""`governance doctor` on a project that is well, and on one fault at a time."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governance import cli
from governance.cli.installed import run_hook
from governance.cli.replaying import replayable
from governance.engine.config_files import PLAN, STAGE
from governance.hosts.claude_code.settings import (
    INSTALLER,
)
from governance.hosts.claude_code.transcripts import find_transcripts
from governance.project import Project

SETTINGS = Path(".claude") / "settings.local.json"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "CLAUDE_ENV_FILE"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def project(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A project that governs Claude Code."""
    folder = tmp_path / "pro_ject"
    assert cli.main(["init", str(folder), "--host", "claude-code"]) == 0
    capsys.readouterr()
    return folder


def look(project: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = cli.main(["doctor", "--dir", str(project), "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def codes(report: dict[str, Any]) -> set[str]:
    return {one["code"] for one in report["diagnostics"]}


def edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    settings = json.loads(file.read_text()) if file.exists() else {}
    change(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(settings))


def files(project: Path) -> dict[Path, bytes]:
    """Every file but the store, with its bytes."""
    return {
        file: file.read_bytes()
        for file in project.rglob("*")
        if file.is_file() and "journal.db" not in file.name
    }


def test_nothing_is_found_where_all_is_well(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new project has no finding, in text and for programs, and is not changed by looking."""
    before = files(project)

    code, report = look(project, capsys)
    code_text = cli.main(["doctor", "--dir", str(project)])
    shown = capsys.readouterr().out

    assert (code, code_text) == (0, 0)
    assert report["ok"] is True
    assert all(one["ok"] for one in report["checks"])
    assert "14 of 14 are installed, and answer" in shown
    assert "nothing was found" in shown
    assert files(project) == before


def test_a_project_without_a_host_is_well(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hooks that nobody asked for are not missed."""
    cli.main(["init", str(tmp_path / "plain")])
    capsys.readouterr()

    assert look(tmp_path / "plain", capsys)[0] == 0


@pytest.mark.parametrize("command", ["doctor", "health"])
def test_where_no_project_is_nothing_is_looked_at(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """That is bad usage, as for all commands; a project that lost its parts is a finding."""
    folder = tmp_path / "folder"

    assert cli.main([command, "--dir", str(folder)]) == 2
    assert "GOV331" in capsys.readouterr().err
    cli.main(["init", str(folder)])
    shutil.rmtree(folder)
    assert cli.main([command, "--dir", str(folder)]) == 1


def test_what_may_not_be_looked_at_is_a_finding(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A place that the system does not let us into ends one check, and no other."""

    def elsewhere(settings: dict[str, Any]) -> None:
        settings["hooks"]["Stop"][0]["hooks"][0]["command"] = f"/{'x' * 300}"

    edit(project / SETTINGS, elsewhere)

    code, report = look(project, capsys)

    assert code == 1
    assert codes(report) & {"GOV610", "GOV640"}
    assert len(report["checks"]) > 5


def _no_config(project: Path, home: Path) -> None:
    (project / "governance.toml").unlink()


def _bad_config(project: Path, home: Path) -> None:
    (project / "governance.toml").write_text("[pack]\n")


def _bad_pack(project: Path, home: Path) -> None:
    (project / "governance.toml").write_text('[packs]\npaths = ["gone.toml"]\n')


def _no_store(project: Path, home: Path) -> None:
    for file in (project / ".governance").glob("journal.db*"):
        file.unlink()


def _open_folder(project: Path, home: Path) -> None:
    (project / ".governance").chmod(0o755)


def _open_key(project: Path, home: Path) -> None:
    for key in home.rglob("*.key"):
        key.chmod(0o644)


def _hook_gone(project: Path, home: Path) -> None:
    edit(project / SETTINGS, lambda found: found["hooks"].pop("PreToolUse"))


def _all_hooks_gone(project: Path, home: Path) -> None:
    (project / SETTINGS).unlink()


def _hook_changed(project: Path, home: Path) -> None:
    text = (project / SETTINGS).read_text()
    (project / SETTINGS).write_text(text.replace("--event Stop ", "--event stop "))


def _switched_off_here(project: Path, home: Path) -> None:
    edit(project / SETTINGS, lambda found: found.update(disableAllHooks=True))


def _switched_off_by_the_team(project: Path, home: Path) -> None:
    file = project / ".claude" / "settings.json"
    edit(file, lambda found: found.update(disableAllHooks=True))


def _switched_off_above(project: Path, home: Path) -> None:
    file = home / ".claude" / "settings.json"
    edit(file, lambda found: found.update(disableAllHooks=True))


def _python_gone(project: Path, home: Path) -> None:
    import sys

    text = (project / SETTINGS).read_text()
    (project / SETTINGS).write_text(text.replace(sys.executable, "/gone/python"))


def _log(project: Path, home: Path) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = f"{now} PreToolUse no decision within 20000 ms\n"
    (project / ".governance" / "governance.log").write_text(line)


@pytest.mark.parametrize(
    ("break_it", "code", "named"),
    [
        (_no_config, "GOV331", "governance.toml"),
        (_bad_config, "GOV301", "`pack`"),
        (_bad_pack, "GOV270", "gone.toml"),
        (_no_store, "GOV504", "journal.db"),
        (_open_folder, "GOV335", "chmod 700"),
        (_open_key, "GOV335", "chmod 600"),
        (_hook_gone, "GOV640", "PreToolUse"),
        (_all_hooks_gone, "GOV640", "none of the hooks"),
        (_hook_changed, "GOV640", "`Stop`"),
        (_switched_off_here, "GOV640", "take `disableAllHooks` out of it"),
        (_switched_off_by_the_team, "GOV640", "take `disableAllHooks` out of it"),
        (_switched_off_above, "GOV640", "take `disableAllHooks` out of it"),
        (_python_gone, "GOV640", "/gone/python"),
        (_log, "GOV642", "no decision within"),
    ],
)
def test_each_fault_is_found(
    project: Path,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    break_it: Callable[[Path, Path], None],
    code: str,
    named: str,
) -> None:
    """One fault is a finding with its code, what it is about, and how to mend it."""
    break_it(project, home)

    exit_code, report = look(project, capsys)
    code_text = cli.main(["doctor", "--dir", str(project)])
    shown = capsys.readouterr().out

    found = [one for one in report["diagnostics"] if one["code"] == code]
    assert (exit_code, code_text) == (1, 1)
    assert report["ok"] is False
    assert any(named in f"{one['message']} {one['suggestion']}" for one in found), report
    assert all(one["suggestion"] for one in found)
    assert code in shown


def test_a_changed_row_is_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A journal that was changed behind the engine's back does not pass."""
    ask(project, "one", "toolu_1")
    with sqlite3.connect(project / ".governance" / "journal.db") as store:
        (table,) = (
            name
            for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if "body" in {row[1] for row in store.execute(f"PRAGMA table_info({name})")}
            and "kind" in {row[1] for row in store.execute(f"PRAGMA table_info({name})")}
        )
        store.execute(f"UPDATE {table} SET body = x'7b7d' WHERE seq = 1")
    store.close()

    code, report = look(project, capsys)

    assert code == 1
    assert "GOV644" in codes(report)


def test_a_hook_that_fails_is_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The hook is run as the client would run it, and what keeps it from working is told."""
    text = (project / SETTINGS).read_text()
    # A folder that is there, and has none of what the hook needs.
    start = text.index('--path \\"') + len('--path \\"')
    end = text.index('\\"', start)
    (project / SETTINGS).write_text(text.replace(text[start:end], str(project)))

    code, report = look(project, capsys)

    assert code == 1
    assert codes(report) <= {"GOV640", "GOV645"}
    assert codes(report)


def test_a_restore_that_was_broken_off_is_found(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files of the configuration that are half old and half new are named."""
    stage = Project(project).private / STAGE
    stage.mkdir(mode=0o700)
    (stage / PLAN).write_text('["governance.toml", "rules/own.toml"]')

    code, report = look(project, capsys)

    assert code == 1
    assert codes(report) == {"GOV574"}
    assert "governance.toml, rules/own.toml" in report["diagnostics"][0]["message"]


def test_keys_that_wait_for_trust_are_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is written and does not count is seen at a glance; it is no fault."""
    config = project / "governance.toml"
    text = config.read_text()
    config.write_text(text.replace("#fresh_seconds_min = 604800", "fresh_seconds_min = 700000"))

    code, report = look(project, capsys)

    seen = {one["check"]: one["saw"] for one in report["checks"]}
    assert code == 0
    assert seen["configuration"].endswith(
        "not as written until `governance trust`: `resume.fresh_seconds_min`"
    )


def test_a_pause_is_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While no rule decides the doctor says so."""
    (key,) = (project.parent / "home").rglob("*.key")
    words = ["pause", "--for", "10m", "--reason", "a broken pack", "--dir", str(project)]
    assert cli.main([*words, "--key", str(key)]) == 0
    capsys.readouterr()

    code, report = look(project, capsys)

    assert code == 1
    assert codes(report) == {"GOV643"}
    assert "a broken pack" in report["diagnostics"][0]["message"]


def test_looking_leaves_no_finding_behind(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the doctor's own try of a hook left in the log is not found once all is mended."""
    config = (project / "governance.toml").read_text()
    (project / "governance.toml").write_text("[pack]\n")
    assert look(project, capsys)[0] == 1
    (project / "governance.toml").write_text(config)

    assert look(project, capsys)[0] == 0


def test_an_old_line_in_the_log_is_no_finding(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What went wrong weeks ago does not keep the doctor red."""
    line = "2020-01-01T00:00:00Z PreToolUse no decision within 20000 ms\n"
    (project / ".governance" / "governance.log").write_text(line)

    assert look(project, capsys)[0] == 0


# -- the guard was off ------------------------------------------------------------------


def stamp(at_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_ms / 1000)) + ".000Z"


def transcript(project: Path, home: Path, session: str, calls: dict[str, bool]) -> int:
    """The client's transcript with *calls* (id → whether it failed) ten minutes ago."""
    name = "".join(sign if sign.isalnum() else "-" for sign in str(project))
    file = home / ".claude" / "projects" / name / f"{session}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    at_ms = int(time.time()) * 1000 - 600_000
    lines: list[dict[str, Any]] = []
    for call, failed in calls.items():
        used = [{"type": "tool_use", "id": call, "name": "Bash", "input": {"command": "ls"}}]
        told = [{"type": "tool_result", "tool_use_id": call, "is_error": failed}]
        lines.append({"type": "assistant", "timestamp": stamp(at_ms), "message": {"content": used}})
        lines.append({"type": "user", "timestamp": stamp(at_ms), "message": {"content": told}})
    text = "\n".join(map(json.dumps, lines)) + '\n{"half a line'
    file.write_text(text)
    assert [one.session for one in find_transcripts(project, {})] == [session]
    return at_ms


def installed_long_ago(project: Path) -> None:
    import os

    long_ago = time.time() - 86_400
    os.utime(INSTALLER.record(project), (long_ago, long_ago))


def ask(project: Path, session: str, call: str) -> None:
    """Let the installed hook decide a call."""
    run_hook(
        INSTALLER.commands(project)["PreToolUse"],
        {
            "hook_event_name": "PreToolUse", "session_id": session, "tool_use_id": call,
            "cwd": str(project), "tool_name": "Bash", "tool_input": {"command": "ls"},
        },
        variables={},
        directory=project,
    )  # fmt: skip


def gaps(project: Path, session: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    cli.main(["log", session, "--dir", str(project), "--format", "jsonl"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [row["body"]["data"] for row in rows if row["kind"] == "guard.gap"]


def test_calls_without_a_hook_are_found_once_and_journaled(
    project: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Calls that the client made and no hook saw are counted, written down, and told once."""
    installed_long_ago(project)
    ask(project, "one", "toolu_known")
    at_ms = transcript(
        project, home, "one", {"toolu_known": False, "toolu_1": False, "toolu_2": False}
    )

    code, report = look(project, capsys)
    again = look(project, capsys)[0]

    assert code == 1
    assert codes(report) == {"GOV641"}
    assert "2 calls of session one" in report["diagnostics"][0]["message"]
    assert gaps(project, "one", capsys) == [
        {"host": "claude-code", "from": at_ms, "to": at_ms, "missed": 2}
    ]
    assert again == 0


def test_a_session_that_was_never_seen_is_found(
    project: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole session without hooks is told; its gap stands in the project's own journal."""
    installed_long_ago(project)
    transcript(project, home, "stranger", {"toolu_1": False})

    code, report = look(project, capsys)
    again = look(project, capsys)[0]

    assert code == 1
    assert "session stranger" in report["diagnostics"][0]["message"]
    assert len(gaps(project, "@project", capsys)) == 1
    assert again == 0


@pytest.mark.parametrize("case", ["refused", "before us", "just now"])
def test_what_is_no_gap(
    project: Path, home: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    """Refused calls, calls before the hooks were installed, and very new ones are none."""
    if case != "before us":
        installed_long_ago(project)
    transcript(project, home, "one", {"toolu_1": case == "refused"})
    if case == "just now":
        name = "".join(sign if sign.isalnum() else "-" for sign in str(project))
        file = home / ".claude" / "projects" / name / "one.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()[:-1]]
        now = stamp(int(time.time() * 1000))
        file.write_text("\n".join(json.dumps({**line, "timestamp": now}) for line in lines))

    assert look(project, capsys)[0] == 0


def test_the_mark_of_a_replay_goes_away(project: Path) -> None:
    """Even when a replay fails, its project's clock cannot be moved afterwards."""

    def fail() -> None:
        with replayable(Project(project)):
            assert Project(project).replay_mark().exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert not Project(project).replay_mark().exists()
