"""Our hooks go into Gemini CLI's settings, in a trusted folder, and come out without a trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from governance.hooking.command_line import entry_command
from governance.hooking.settings_file import SettingsRefused
from governance.hosts.gemini_cli.capabilities import EVENTS
from governance.hosts.gemini_cli.settings import (
    SETTINGS,
    SYSTEM_FILES,
    install,
    person_folder,
    problems,
    shadows,
    trust_file,
    uninstall,
)

THEIRS = '{"hooks": {"AfterAgent": [{"hooks": [{"type": "command", "command": "x"}]}]}, "a": 1}\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / 'pro ject "$x" é'
    (folder / ".governance").mkdir(parents=True)
    monkeypatch.setenv("GEMINI_CLI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GEMINI_CLI_TRUSTED_FOLDERS_PATH", raising=False)
    return folder


def put(file: Path, text: str | None) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    if text is not None:
        file.write_bytes(text.encode())
    return file


def settings(project: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((project / SETTINGS).read_text())
    return value


@pytest.mark.parametrize("trust", [None, "{}", '{\n  "/else": "DO_NOT_TRUST"\n}'])
@pytest.mark.parametrize("own", [None, "{ }\n", THEIRS])
def test_bytes_come_back(project: Path, trust: str | None, own: str | None) -> None:
    """Installed, once or twice, there is no problem; uninstalled, both files are what they were."""
    person, file = put(trust_file(), trust), put(project / SETTINGS, own)
    install(project)
    assert problems(project) == ()
    assert set(EVENTS) <= set(settings(project)["hooks"])
    assert settings(project)["hooks"]["BeforeTool"][-1]["hooks"][0]["timeout"] == 30_000
    held = person.read_bytes(), file.read_bytes()

    assert not any(one.changed for one in install(project))
    assert (person.read_bytes(), file.read_bytes()) == held

    uninstall(project)
    for one, text in ((person, trust), (file, own)):
        assert one.read_bytes() == text.encode() if text is not None else not one.exists()
    assert not (project / ".governance" / "gemini-cli").exists()


def test_dry_run_writes_nothing(project: Path) -> None:
    """A dry run shows both differences and leaves every file alone."""
    changes = install(project, dry_run=True)
    assert "hook.py" in changes[0].diff
    assert "TRUST_FOLDER" in changes[1].diff
    assert not trust_file().exists()
    assert not (project / SETTINGS).exists()
    install(project)
    held = (project / SETTINGS).read_bytes()
    assert all(one.changed for one in uninstall(project, dry_run=True))
    assert (project / SETTINGS).read_bytes() == held


def test_what_others_changed_stays(project: Path) -> None:
    """After somebody else changed the files only what is ours leaves them."""
    install(project)
    trusted = json.loads(trust_file().read_text()) | {"/new": "TRUST_FOLDER"}
    put(trust_file(), json.dumps(trusted))
    changed = settings(project) | {"ui": {"theme": "x"}}
    changed["hooks"]["AfterAgent"].append({"hooks": [{"type": "command", "command": "bell"}]})
    put(project / SETTINGS, json.dumps(changed))

    uninstall(project)

    assert json.loads(trust_file().read_text()) == {"/new": "TRUST_FOLDER"}
    left = settings(project)
    assert left["ui"] == {"theme": "x"}
    assert left["hooks"] == {"AfterAgent": [{"hooks": [{"type": "command", "command": "bell"}]}]}


def test_trust_that_was_there_stays(project: Path) -> None:
    """A folder that its person trusted before stays trusted, and the file untouched."""
    text = json.dumps({str(project): "TRUST_FOLDER"})
    put(trust_file(), text)
    assert not install(project)[1].changed
    assert problems(project) == ()
    uninstall(project)
    assert trust_file().read_text() == text


def test_self_check_finds_what_is_off(project: Path) -> None:
    """A hook that is gone, changed or switched off, and a folder without trust, are found."""
    assert any("`BeforeTool`" in one for one in problems(project))
    install(project)
    whole = settings(project)
    command = whole["hooks"]["BeforeTool"][0]["hooks"][0]["command"]
    for more, told in (
        ({"hooksConfig": {"enabled": False}}, "no hook runs at all"),
        ({"hooksConfig": {"disabled": [command]}}, "`BeforeTool` is switched off"),
        ({"hooks": {**whole["hooks"], "BeforeTool": []}}, "no hook of ours"),
    ):
        put(project / SETTINGS, json.dumps(whole | more))
        (found,) = problems(project)
        assert told in found
    put(project / SETTINGS, json.dumps(whole).replace("-I -S", "-I"))
    assert len(problems(project)) == len(EVENTS)
    put(project / SETTINGS, json.dumps(whole))
    put(person_folder() / "settings.json", '{"hooksConfig": {"enabled": false}}')
    assert any("no hook runs at all" in one for one in problems(project))
    put(person_folder() / "settings.json", "{")
    put(trust_file(), "{}")
    (found,) = problems(project)
    assert "does not call this folder trusted" in found


@pytest.mark.parametrize("level", ["DO_NOT_TRUST", "TRUST_PARENT"])
def test_folder_that_is_not_trusted_is_left_alone(project: Path, level: str) -> None:
    """What the person has said of the folder holds."""
    put(trust_file(), json.dumps({str(project): level}))
    with pytest.raises(SettingsRefused, match=level):
        install(project)
    assert not (project / SETTINGS).exists()


@pytest.mark.parametrize("text", ["[]", "{\n// note\n}", '{"hooks": []}'])
def test_malformed_settings_are_refused_and_untouched(project: Path, text: str) -> None:
    """Settings that are not what they should be are named, and not one byte is changed."""
    put(project / SETTINGS, text)
    with pytest.raises(SettingsRefused):
        install(project)
    assert (project / SETTINGS).read_text() == text
    assert not trust_file().exists()
    assert problems(project) != ()


@pytest.mark.parametrize(
    "variable", ["GEMINI_CLI_SYSTEM_DEFAULTS_PATH", "GEMINI_CLI_SYSTEM_SETTINGS_PATH"]
)
@pytest.mark.parametrize(
    ("switches", "told"),
    [
        ({"enabled": False}, "`hooksConfig.enabled` is false"),
        ({"disabled": ["ours"]}, "switched off by `hooksConfig.disabled`"),
        ({"disabled": ["theirs.sh"]}, ""),
        ({"enabled": True}, ""),
        ([], ""),
    ],
)
def test_settings_of_the_machine_are_looked_at(
    project: Path, variable: str, switches: object, told: str
) -> None:
    """What the machine's own files say against hooks is told, with the file."""
    ours = entry_command("gemini-cli", project, EVENTS["BeforeTool"])
    file = project / "system.json"
    file.write_text(json.dumps({"hooksConfig": switches}).replace('"ours"', json.dumps(ours)))
    nowhere = {name: str(project / "none.json") for name in SYSTEM_FILES}

    found = shadows({**nowhere, variable: str(file)})

    assert [told in one.message for one in found] == [True] * bool(told)
    assert all(one.file == file for one in found)
