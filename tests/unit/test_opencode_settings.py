"""Our plugin goes into a project's OpenCode folder and comes out again without a trace."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from governance.hooking.command_line import person_places
from governance.hooking.settings_file import SettingsRefused
from governance.hosts.opencode.capabilities import EVENTS
from governance.hosts.opencode.settings import (
    INSTALLER,
    PLUGIN_FILE,
    SETTINGS,
    commands,
    install,
    problems,
    uninstall,
)
from governance.testing.host_contract_settings import tree


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / 'pro "ject $x'
    (folder / ".governance").mkdir(parents=True)
    return folder


def settings_in(text: str) -> dict[str, object]:
    (line,) = [one for one in text.splitlines() if one.startswith("const SETTINGS = ")]
    value: dict[str, object] = json.loads(line.removeprefix("const SETTINGS = ").rstrip(";"))
    return value


@pytest.mark.parametrize("theirs", [{}, {"opencode.jsonc": "{ // x\n}"}, {"plugins/mine.js": "1"}])
def test_comes_and_goes_without_a_trace(project: Path, theirs: dict[str, str]) -> None:
    """After install and uninstall every file and folder is as it was, to the byte."""
    for name, text in theirs.items():
        file = project / ".opencode" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    before = tree(project)

    (put,) = install(project)
    (again,) = install(project)
    assert (put.before, put.changed, again.changed) == (None, True, False)
    assert set(tree(project)) > set(before)
    (gone,) = uninstall(project)

    assert (gone.changed, gone.after) == (True, None)
    assert tree(project) == before
    assert not uninstall(project)[0].changed


def test_plugin_is_whole_and_knows_this_machine(project: Path) -> None:
    """The file is the plugin as it is shipped, but for the line with interpreter and folders."""
    install(project)
    text = (project / SETTINGS).read_text()

    settings = settings_in(text)

    assert settings["python"] == sys.executable
    assert settings["project"] == str(project)
    assert Path(str(settings["hook"])).is_file()
    assert Path(str(settings["relay"])).is_file()
    assert settings["person"] == person_places()
    shipped, ours = PLUGIN_FILE.read_text().splitlines(), text.splitlines()
    assert sum(one != other for one, other in zip(shipped, ours, strict=True)) == 1
    assert settings_in(PLUGIN_FILE.read_text().replace("python:", '"python":')
                       .replace("hook:", '"hook":').replace("relay:", '"relay":')
                       .replace("project:", '"project":')
                       .replace("person:", '"person":')
                       .replace("paths:", '"paths":'))["python"] == ""  # fmt: skip


def test_dry_run_touches_nothing(project: Path) -> None:
    """A dry run tells what would be, and writes nothing."""
    before = tree(project)
    (told,) = install(project, dry_run=True)
    assert told.changed
    assert tree(project) == before
    install(project)
    before = tree(project)
    (told,) = uninstall(project, dry_run=True)
    assert told.after is None
    assert tree(project) == before


def test_somebody_else_s_file_is_left_alone(project: Path) -> None:
    """A file of our name that is not ours is neither overwritten nor removed."""
    file = project / SETTINGS
    file.parent.mkdir(parents=True)
    file.write_text("export const Mine = 1\n")

    with pytest.raises(SettingsRefused, match="not ours"):
        install(project)
    (told,) = uninstall(project)

    assert not told.changed
    assert file.read_text() == "export const Mine = 1\n"
    assert problems(project)
    assert commands(project) == {}


def test_older_plugin_of_ours_is_replaced(project: Path) -> None:
    """A plugin of another version or interpreter is found, replaced, and still removed."""
    install(project)
    file = project / SETTINGS
    newest = file.read_text()
    file.write_text(newest.replace(sys.executable, "/old/python") + "// older\n")
    assert "another interpreter" in problems(project)[0]

    install(project)

    assert file.read_text() == newest
    file.write_text(newest + "// changed by somebody\n")
    uninstall(project)
    assert not file.exists()


def test_problems_and_commands(project: Path) -> None:
    """What is in its place has no problem, and tells the command of every event."""
    assert "is not there" in problems(project)[0]
    assert commands(project) == {}
    assert not INSTALLER.record(project).exists()

    install(project)

    assert problems(project) == ()
    assert INSTALLER.record(project).exists()
    found = commands(project)
    assert set(found) == set(EVENTS)
    assert all(" --host opencode " in line for line in found.values())
    (project / SETTINGS).unlink()
    assert problems(project) != ()
