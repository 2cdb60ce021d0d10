"""Our hooks go into the client's settings and come out again without a trace."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from governance.hooking.claude.events import EVENTS
from governance.hooking.settings_file import SettingsRefused
from governance.hosts.claude_code.settings import (
    KEPT,
    SETTINGS,
    install,
    problems,
    switches,
    uninstall,
)

THEIRS = {
    "permissions": {"allow": ["Bash(ls:*)"]},
    "hooks": {
        "PreToolUse": [
            {"matcher": "Bash", "hooks": [{"type": "command", "command": "echo theirs"}]}
        ],
        "Notification": [{"hooks": [{"type": "command", "command": "say hi"}]}],
    },
}
STRANGE = [
    "{}",
    "{ }\n",
    '{"a":1}',
    '{\n\t"a": [1,2,  3],\n\t"b": "é😀"\n}',
    '\ufeff{"a": 1}\r\n',
    '{\r\n  "a": 1\r\n}\r\n',
    '{"hooks": {}}',
    '{"hooks":{"PreToolUse":[]},"x":1}\n\n',
    '{"statusLine": {"type": "command", "command": "mine"}, "z": 0}',
    json.dumps(THEIRS),
    json.dumps(THEIRS, indent=4),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "pro ject $x"
    (folder / ".governance").mkdir(parents=True)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def put(project: Path, text: str) -> Path:
    file = project / SETTINGS
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text.encode())
    return file


def settings(project: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((project / SETTINGS).read_text("utf-8-sig"))
    return value


def ours(project: Path, event: str) -> list[str]:
    return [
        entry["command"]
        for group in settings(project)["hooks"].get(event, [])
        for entry in group["hooks"]
        if "hooking/hook.py" in entry["command"]
    ]


def test_every_event_gets_one_hook(project: Path, home: Path) -> None:
    """Each event that the engine acts on has exactly one hook of ours, and no other has."""
    install(project, home=home)
    assert set(settings(project)["hooks"]) == set(EVENTS)
    for event in EVENTS:
        (command,) = ours(project, event)
        words = subprocess.run(
            ["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, timeout=60
        ).stdout.split("\n")
        if EVENTS[event].decides:
            assert words[:3] == ["exec", "/bin/sh", "-c"]
            words = words[5:]
            assert words[10] == "--guarded"
        assert words[0] == sys.executable
        assert words[1:3] == ["-I", "-S"]
        assert Path(words[3]).is_file()
        assert words[4:6] == ["--host", "claude-code"]
        assert words[6:10] == ["--dir", str(project.resolve()), "--event", event]


@pytest.mark.parametrize("text", STRANGE)
def test_uninstall_restores_the_bytes(project: Path, home: Path, text: str) -> None:
    """Where nothing else changed, uninstall brings back the very bytes."""
    file = put(project, text)
    install(project, home=home)
    assert file.read_bytes() != text.encode()
    uninstall(project)
    assert file.read_bytes() == text.encode()
    assert not (project / ".governance" / "claude-code").exists()


def test_uninstall_removes_what_was_not_there(project: Path, home: Path) -> None:
    """Settings that we made are gone afterwards, with their folder."""
    install(project, home=home)
    uninstall(project)
    assert not (project / ".claude").exists()


@pytest.mark.parametrize("text", STRANGE)
def test_nothing_else_is_touched(project: Path, home: Path, text: str) -> None:
    """Every member but ours stays as it was, in value and in its own bytes."""
    put(project, text)
    before = json.loads(text.lstrip("\ufeff"))
    install(project, home=home)
    after = settings(project)
    for key in before.keys() - {"hooks"}:
        assert after[key] == before[key]
    for event, groups in before.get("hooks", {}).items():
        assert after["hooks"][event][: len(groups)] == groups
    if "[1,2,  3]" in text:
        assert b"[1,2,  3]" in (project / SETTINGS).read_bytes()


@pytest.mark.parametrize("text", STRANGE)
def test_twice_is_once(project: Path, home: Path, text: str) -> None:
    """Installing again changes nothing and loses nothing of what uninstall needs."""
    file = put(project, text)
    install(project, home=home)
    first = file.read_bytes()
    assert not install(project, home=home)[0].changed
    assert file.read_bytes() == first
    uninstall(project)
    assert file.read_bytes() == text.encode()


def test_uninstall_leaves_what_others_changed(project: Path, home: Path) -> None:
    """After somebody else changed the file only our entries leave it."""
    put(project, json.dumps(THEIRS, indent=2))
    install(project, home=home)
    changed = settings(project)
    changed["permissions"]["allow"].append("Bash(git:*)")
    changed["hooks"]["Stop"].append({"hooks": [{"type": "command", "command": "bell"}]})
    put(project, json.dumps(changed, indent=2))
    uninstall(project)
    left = settings(project)
    assert left["permissions"]["allow"] == ["Bash(ls:*)", "Bash(git:*)"]
    assert left["hooks"]["Stop"] == [{"hooks": [{"type": "command", "command": "bell"}]}]
    assert left["hooks"]["PreToolUse"] == THEIRS["hooks"]["PreToolUse"]  # type: ignore[index]
    assert "hook.py" not in (project / SETTINGS).read_text()
    assert set(left["hooks"]) == {"PreToolUse", "Notification", "Stop"}


def test_install_after_a_change_keeps_the_change(project: Path, home: Path) -> None:
    """Installing over a file that somebody changed in between keeps their change for later."""
    put(project, '{"a": 1}')
    install(project, home=home)
    changed = settings(project) | {"b": 2}
    put(project, json.dumps(changed, indent=2))
    install(project, home=home)
    uninstall(project)
    assert settings(project) == {"a": 1, "b": 2}


def test_old_installation_is_replaced(project: Path, home: Path) -> None:
    """Hooks of ours with another interpreter or folder do not stay beside the new ones."""
    install(project, home=home)
    old = (project / SETTINGS).read_text().replace(json.dumps(sys.executable)[1:-1], "/old/python")
    put(project, old)
    install(project, home=home)
    assert all(len(ours(project, event)) == 1 for event in EVENTS)
    assert "/old/python" not in (project / SETTINGS).read_text()


def test_dry_run_writes_nothing(project: Path, home: Path) -> None:
    """A dry run shows the difference and leaves every file alone."""
    file = put(project, "{}")
    (change,) = install(project, home=home, dry_run=True)
    assert "+" in change.diff
    assert "hook.py" in change.diff
    assert file.read_text() == "{}"
    assert list((project / ".governance").iterdir()) == []
    install(project, home=home)
    held = file.read_bytes()
    assert uninstall(project, dry_run=True)[0].changed
    assert file.read_bytes() == held


def test_status_line_goes_where_none_is(project: Path, home: Path) -> None:
    """A project and a person without a status line get ours."""
    install(project, home=home)
    assert "statusline.py" in settings(project)["statusLine"]["command"]


@pytest.mark.parametrize("where", ["local", "project", "person"])
def test_status_line_of_others_stays(project: Path, home: Path, where: str) -> None:
    """Whoever has a status line keeps it."""
    line = '{"statusLine": {"type": "command", "command": "mine"}}'
    if where == "local":
        put(project, line)
    elif where == "project":
        put(project, "{}").with_name("settings.json").write_text(line)
    else:
        (home / ".claude").mkdir()
        (home / ".claude" / "settings.json").write_text(line)
    install(project, home=home)
    assert "statusline.py" not in (project / SETTINGS).read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected an object"),
        ("[]", "expected an object"),
        ("{", "double quotes"),
        ('{"a": 1,}', "a comma with nothing behind it"),
        ('{"a": 1} x', "after the object"),
        ('{"a": 1, "a": 2}', "twice"),
        ('{"hooks": {"Stop": [], "Stop": []}}', "twice"),
        ("{'a': 1}", "double quotes"),
        ('{"a" 1}', "colon"),
        ('{\n// note\n"a": 1}', "line 2"),
        ('{"hooks": []}', "`hooks`"),
        ('{"hooks": {"PreToolUse": {}}}', "PreToolUse"),
        ('{"a": ' + "[" * 100_000, "nested"),
    ],
)
def test_malformed_settings_are_refused_and_untouched(
    project: Path, home: Path, text: str, told: str
) -> None:
    """Settings that are not what they should be are named, and not one byte is changed."""
    file = put(project, text)
    with pytest.raises(SettingsRefused, match=told):
        install(project, home=home)
    assert file.read_text() == text
    assert list(file.parent.iterdir()) == [file]


def test_self_check_finds_nothing_after_install(project: Path, home: Path) -> None:
    """A fresh installation has no problem."""
    install(project, home=home)
    assert problems(project) == ()


def test_self_check_finds_each_missing_hook(project: Path, home: Path) -> None:
    """A hook that was taken out, changed or switched off is found by name."""
    assert len(problems(project)) == len(EVENTS)
    install(project, home=home)
    changed = settings(project)
    del changed["hooks"]["PreToolUse"]
    entry = changed["hooks"]["Stop"][0]["hooks"][0]
    entry["command"] = entry["command"].replace(sys.executable, "/gone/python")
    changed["disableAllHooks"] = True
    put(project, json.dumps(changed))
    told = "\n".join(problems(project))
    assert "`PreToolUse`" in told
    assert "`Stop`" in told
    assert len(problems(project)) == 2
    (switch,) = switches(project)
    assert "disableAllHooks" in switch.message
    assert switch.file == project / SETTINGS


@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "LD_PRELOAD"])
def test_self_check_finds_an_environment_that_changes_the_hooks(
    project: Path, home: Path, variable: str
) -> None:
    """A cloned repository could leave out a person's rules, or bring trust of its own."""
    install(project, home=home)
    team = project / SETTINGS.with_name("settings.json")
    team.write_text(json.dumps({"env": {"FINE": "1", variable: "/proc/self/cwd/x"}}))
    (told,) = switches(project)
    assert told.message.startswith(f"`env` in `.claude/settings.json` sets `{variable}`: ")
    assert told.file == team
    for harmless in ({"env": {"FINE": "1"}}, {"env": [variable]}, {"env": variable}):
        team.write_text(json.dumps(harmless))
        assert problems(project) == ()


def test_symlinked_settings_stay_a_link(project: Path, home: Path, tmp_path: Path) -> None:
    """Settings that are a link are changed where they lie."""
    real = tmp_path / "real.json"
    real.write_text("{}")
    (project / ".claude").mkdir()
    (project / SETTINGS).symlink_to(real)
    install(project, home=home)
    assert (project / SETTINGS).is_symlink()
    assert "hook.py" in real.read_text()
    uninstall(project)
    assert real.read_text() == "{}"


def test_a_record_takes_no_other_folder_away(project: Path, home: Path, tmp_path: Path) -> None:
    """Whoever wrote a foreign folder into it has it removed by nobody's uninstall."""
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    install(project, home=home)
    record = project / KEPT / "settings.json"
    told = json.loads(record.read_text())
    record.write_text(json.dumps(told | {"folders": [*told["folders"], str(foreign)]}))

    uninstall(project)

    assert foreign.is_dir()
    assert not (project / ".claude").exists()
