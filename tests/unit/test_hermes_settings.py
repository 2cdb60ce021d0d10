"""Our plugin and hook go into Hermes' home and come out again without a trace."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from governance.hooking.settings_file import SettingsRefused, read_text, write_text
from governance.hosts.hermes.settings import (
    FILES,
    SHIPPED,
    hermes_home,
    install,
    problems,
    uninstall,
)
from governance.testing.host_contract_settings import tree


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".governance").mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    "config",
    [None, "", "# mine\nmodel: x\n", "plugins:\n  enabled: [a]  # b\r\n", "model: x", "a: 'é'\n"],
)
@pytest.mark.parametrize("folders", [(), ("hooks",), ("hooks", "plugins")])
def test_uninstall_brings_back_the_very_bytes(
    project: Path, tmp_path: Path, config: str | None, folders: tuple[str, ...]
) -> None:
    """After both, the home is as before, also when Python has compiled our files meanwhile."""
    home = tmp_path / "hermes"
    if config is not None or folders:
        home.mkdir()
    if config is not None:
        (home / "config.yaml").write_bytes(config.encode())
    for name in folders:
        (home / name).mkdir()
    before = tree(tmp_path)

    install(project, home=home)
    install(project, home=home)
    assert problems(project, home=home) == ()
    for name in ("hooks", "plugins"):
        (home / name / "governance" / "__pycache__").mkdir()
        (home / name / "governance" / "__pycache__" / "x.pyc").touch()
    uninstall(project, home=home)

    assert tree(tmp_path) == before


def test_what_others_changed_since_stays(project: Path, tmp_path: Path) -> None:
    """Only our entry leaves a file that somebody has changed."""
    home = tmp_path / "hermes"
    home.mkdir()
    file = home / "config.yaml"
    file.write_text("model: x\n")
    install(project, home=home)
    file.write_text(file.read_text() + "theirs: 1\n")

    uninstall(project, home=home)

    assert file.read_text() == "model: x\ntheirs: 1\n"


def test_a_private_file_is_private_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings may hold a token: whoever may not read the file may not read its draft."""
    file = tmp_path / "config.yaml"
    file.write_text("token: x\n")
    file.chmod(0o600)
    modes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: modes.append(os.fstat(handle).st_mode))
    before = os.umask(0)

    try:
        write_text(file, "token: y\n")
    finally:
        os.umask(before)

    assert [one & 0o777 for one in modes if stat.S_ISREG(one)] == [0o600]
    assert file.read_text() == "token: y\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_no_more_is_read_of_settings_than_settings_may_have(tmp_path: Path) -> None:
    """A file larger than the memory is refused like one that is a little too large."""
    file = tmp_path / "config.yaml"
    with file.open("wb") as stream:
        stream.truncate(1 << 42)

    with pytest.raises(SettingsRefused, match="is larger than"):
        read_text(file)


def test_dry_run_writes_nothing(project: Path, tmp_path: Path) -> None:
    """It tells of every file, and makes none."""
    before = tree(tmp_path)

    changes = install(project, home=tmp_path / "hermes", dry_run=True)

    assert len(changes) == len(FILES) + 2
    assert all(one.changed for one in changes)
    assert tree(tmp_path) == before


def test_a_home_of_another_project_is_left_alone(project: Path, tmp_path: Path) -> None:
    """One Hermes is governed by one project, and only that can let go of it."""
    home, other = tmp_path / "hermes", tmp_path / "other"
    (other / ".governance").mkdir(parents=True)
    install(project, home=home)
    before = tree(tmp_path)

    with pytest.raises(SettingsRefused, match="is governed by"):
        install(other, home=home)
    uninstall(other, home=home)

    assert tree(tmp_path) == before
    assert problems(other, home=home) != ()


@pytest.mark.parametrize("name", ["hooks", "plugins"])
def test_what_is_not_ours_is_not_overwritten(project: Path, tmp_path: Path, name: str) -> None:
    """A plugin or hook of our name that somebody else put there is an error."""
    home = tmp_path / "hermes"
    (home / name / "governance").mkdir(parents=True)

    with pytest.raises(SettingsRefused, match="not ours"):
        install(project, home=home)

    assert not (home / "config.yaml").exists()


def test_a_list_that_cannot_be_read_stops_all_of_it(project: Path, tmp_path: Path) -> None:
    """Nothing is put into a home whose list of plugins has a strange shape."""
    home = tmp_path / "hermes"
    home.mkdir()
    (home / "config.yaml").write_text("plugins: [odd]\n")
    before = tree(home)

    with pytest.raises(SettingsRefused, match="line 1"):
        install(project, home=home)

    assert tree(home) == before


def test_a_lost_record_is_mended_and_taken_out(project: Path, tmp_path: Path) -> None:
    """Where the file that names the project is gone, `init` and `uninstall` still work."""
    home = tmp_path / "hermes"
    install(project, home=home)
    record = home / "plugins" / "governance" / "governance.json"
    record.unlink()

    install(project, home=home)
    assert json.loads(record.read_text())["project"] == str(project)
    record.unlink()
    uninstall(project, home=home)

    assert not record.parent.exists()


def test_problems_are_named(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way in which Hermes would not call us is a line."""
    home = tmp_path / "hermes"
    install(project, home=home)
    (home / "config.yaml").write_text("plugins:\n  enabled: []\n")
    (home / "hooks" / "governance" / "handler.py").write_text("")
    monkeypatch.setenv("HERMES_SAFE_MODE", "1")

    found = "\n".join(problems(project, home=home))

    assert "does not name `governance`" in found
    assert "handler.py` is not the file that belongs there" in found
    assert "HERMES_SAFE_MODE" in found


def test_home_is_where_hermes_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """`HERMES_HOME` moves it; else it lies below the person's home."""
    monkeypatch.setenv("HOME", "/home/dev")

    assert hermes_home({"HERMES_HOME": "/srv/hermes"}) == Path("/srv/hermes")
    assert hermes_home({}) == Path("/home/dev/.hermes")


def test_hook_names_every_event_that_is_read() -> None:
    """The shipped manifest and the table of events agree."""
    from governance.hosts.hermes.capabilities import EVENTS

    lines = (SHIPPED / "hook" / "HOOK.yaml").read_text().splitlines()
    listed = {one.strip('- "') for one in lines if one.startswith("  - ")}

    assert listed == {one.name for one in EVENTS.values() if one.seat == "gateway"}
