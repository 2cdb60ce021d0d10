"""Our hooks go into Codex's settings, are trusted there, and come out without a trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from governance.hooking.settings_file import SettingsRefused
from governance.hosts.codex.capabilities import EVENTS
from governance.hosts.codex.settings import (
    SETTINGS,
    config_file,
    install,
    problems,
    shadows,
    uninstall,
)
from governance.hosts.codex.trust import places

THEIRS = '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "bell"}]}]}, "a": 1}\n'
CONFIGS = [
    None,
    "",
    "# nothing yet",
    'model = "gpt-5"\n',
    '[features]\nhooks = true\r\n\r\n[hooks.state."/else/hooks.json:stop:0:0"]\ntrusted_hash = "x"',
    '[projects."/else"]\ntrust_level = "untrusted"\n\n\n',
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / 'pro ject "$x" é'
    (folder / ".governance").mkdir(parents=True)
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "home"))
    return folder


def put(file: Path, text: str | None) -> Path:
    file.parent.mkdir(exist_ok=True)
    if text is not None:
        file.write_bytes(text.encode())
    return file


def hooks(project: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((project / SETTINGS).read_text())["hooks"]
    return value


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("settings", [None, "{}", THEIRS])
def test_bytes_come_back(project: Path, config: str | None, settings: str | None) -> None:
    """Installed, once or twice, there is no problem; uninstalled, both files are what they were."""
    person, own = put(config_file(), config), put(project / SETTINGS, settings)
    install(project)
    assert problems(project) == ()
    assert set(EVENTS) <= set(hooks(project))
    held = person.read_bytes(), own.read_bytes()

    assert not any(one.changed for one in install(project))
    assert (person.read_bytes(), own.read_bytes()) == held

    uninstall(project)
    for file, text in ((person, config), (own, settings)):
        assert file.read_bytes() == text.encode() if text is not None else not file.exists()
    assert not (project / ".governance" / "codex").exists()


def test_digest_is_the_client_s() -> None:
    """Key and digest of a hook are made as the client makes them, which `tests/hosts` holds."""
    entry = {"type": "command", "command": "echo é", "timeout": 30}
    hooks = {"PreToolUse": [{"hooks": []}, {"hooks": [entry]}]}
    (found,) = places(Path("/p/hooks.json"), hooks, lambda _: True)
    assert found.key == "/p/hooks.json:pre_tool_use:1:0"
    assert found.digest == "sha256:9b41206d7e51734d8d053de415d1cebaef2cc805d84325068bc88dd45a0b8885"


def test_dry_run_writes_nothing(project: Path) -> None:
    """A dry run shows both differences and leaves every file alone."""
    changes = install(project, dry_run=True)
    assert all(one.changed for one in changes)
    assert "trusted_hash" in changes[1].diff
    assert not config_file().exists()
    assert not (project / SETTINGS).exists()
    install(project)
    held = config_file().read_bytes()
    assert all(one.changed for one in uninstall(project, dry_run=True))
    assert config_file().read_bytes() == held


def test_what_others_changed_stays(project: Path) -> None:
    """After somebody else changed the files only what is ours leaves them."""
    put(config_file(), 'model = "x"\n')
    install(project)
    text = config_file().read_text()
    header = text[text.index("[hooks.state") :].split("\n", 1)[0]
    text = text.replace(header, f'[tui]\ntheme = "dark"\n\n{header}\nenabled = true')
    config_file().write_text(text + '\n[projects."/new"]\ntrust_level = "trusted"\n')
    changed = json.loads((project / SETTINGS).read_text())
    changed["hooks"]["Stop"].append({"hooks": [{"type": "command", "command": "bell"}]})
    put(project / SETTINGS, json.dumps(changed))

    uninstall(project)

    assert config_file().read_text() == (
        'model = "x"\n\n[tui]\ntheme = "dark"\n\n[projects."/new"]\ntrust_level = "trusted"\n'
    )
    left = json.loads((project / SETTINGS).read_text())
    assert left == {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "bell"}]}]}}


def test_trust_that_was_there_stays(project: Path) -> None:
    """A project that its person trusted before stays trusted afterwards."""
    own = f'[projects.{json.dumps(str(project), ensure_ascii=False)}]\ntrust_level = "trusted"\n'
    put(config_file(), own)
    install(project)
    config_file().write_text(config_file().read_text() + "\n[tui]\n")
    uninstall(project)
    assert config_file().read_text() == own + "\n[tui]\n"


def test_old_installation_is_replaced(project: Path) -> None:
    """Hooks of an older installation go, and with them the trust in them."""
    install(project)
    file = project / SETTINGS
    file.write_text(file.read_text().replace("-I -S", "-I -S -B"))
    assert any("does not trust" in one for one in problems(project))
    install(project)
    assert problems(project) == ()
    assert all(len(groups) == 1 for groups in hooks(project).values())
    assert config_file().read_text().count("trusted_hash") == len(EVENTS)


def test_self_check_finds_what_is_off(project: Path) -> None:
    """A hook that is gone, not trusted or switched off is found by name."""
    assert any("`PreToolUse`" in one for one in problems(project))
    install(project)
    text = config_file().read_text()
    for old, new, told in (
        ('"sha256:', '"sha256:0', "does not trust the hook for `SessionStart`"),
        ('trust_level = "trusted"', 'trust_level = "untrusted"', "does not call this project"),
        (
            'trust_level = "trusted"',
            'trust_level = "trusted"\n[features]\nhooks = false',
            "feature",
        ),
        ("[", "[[", "cannot be read"),
    ):
        config_file().write_text(text.replace(old, new, 1))
        assert any(told in one for one in problems(project))
    config_file().write_text(text)
    put(project / ".codex" / "config.toml", "[features]\ncodex_hooks = false\n")
    assert any("feature" in one for one in problems(project))


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("x = \n", "cannot be read"),
        ("projects = {}\n", "cannot be"),
        ("hooks = { state = {} }\n", "cannot be"),
        ("hooks = 1\n", "is no table"),
        ('projects = 1\nmodel = "x"\n', "is no table"),
    ],
)
def test_settings_that_cannot_be_added_to_are_left_alone(
    project: Path, config: str, told: str
) -> None:
    """What is not what it should be is named, and not one byte of either file is changed."""
    put(config_file(), config)
    with pytest.raises(SettingsRefused, match=told):
        install(project)
    assert config_file().read_text() == config
    assert not (project / SETTINGS).exists()


def test_project_that_is_not_trusted_is_left_alone(project: Path) -> None:
    """Where the person said that they do not trust the project, that holds."""
    name = json.dumps(str(project), ensure_ascii=False)
    put(config_file(), f'[projects.{name}]\ntrust_level = "untrusted"\n')
    with pytest.raises(SettingsRefused, match="is untrusted"):
        install(project)


def test_malformed_hooks_are_refused(project: Path) -> None:
    """A hooks file that is none is named and left alone, and nothing is trusted."""
    put(project / SETTINGS, "[]")
    with pytest.raises(SettingsRefused, match="expected an object"):
        install(project)
    assert not config_file().exists()
    assert problems(project) != ()


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("config.toml", "[features]\nhooks = false\n", "`hooks` is switched off"),
        ("managed_config.toml", "[features]\nhooks = false\n", "`hooks` is switched off"),
        ("requirements.toml", "[features]\nhooks = false\n", "`hooks` is switched off"),
        ("requirements.toml", "allow_managed_hooks_only = true\n", "`allow_managed_hooks_only`"),
        ("requirements.toml", "allow_managed_hooks_only = false\n", ""),
        ("config.toml", "[features]\nhooks = true\n", ""),
        ("config.toml", "no toml", ""),
    ],
)
def test_settings_of_the_machine_are_looked_at(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    """What the machine's own files say against hooks is told, with the file."""
    (tmp_path / name).write_text(text)
    found = shadows({}, tmp_path)
    assert [told in one.message for one in found] == [True] * bool(told)
    assert all(one.file == tmp_path / name for one in found)
