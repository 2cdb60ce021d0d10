"""`init`, `doctor`, `check` and `uninstall` for OpenCode, on real folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance import cli
from governance.cli.guard import key_path
from governance.hosts.opencode.settings import SETTINGS
from governance.project import Project

NO_PACKS = "[packs]\npaths = []\n"
ASKING = """format = 1
[pack]
name = "trial"
version = "1.0.0"
summary = "A rule that asks."
[[rule]]
id = "trial.ask"
tools = ["shell"]
when.command = "perhaps"
action = "ask"
message = "Perhaps?"
must_match = [{ tool = "shell", command = "perhaps" }]
must_not_match = [{ tool = "shell", command = "ls" }]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, a home beside it, and nothing of ours around."""
    made = tmp_path / "project"
    made.mkdir()
    (made / "governance.toml").write_text(NO_PACKS)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "GOVERNANCE_KEY_FILE", "CLAUDE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return made


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    code = cli.main([str(word) for word in words])
    return code, capsys.readouterr().out


def test_host_comes_is_seen_and_goes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The plugin is put in, found by `doctor` when it is changed or gone, and taken out."""
    code, told = run(capsys, "init", folder, "--host", "opencode", "--dry-run")
    assert code == 0
    assert "would be made" in told
    assert not (folder / SETTINGS).exists()

    assert run(capsys, "init", folder, "--host", "opencode")[0] == 0
    assert run(capsys, "init", folder, "--host", "opencode")[0] == 0
    code, told = run(capsys, "doctor", "--dir", folder)
    assert code == 0
    assert "opencode" in told

    file = folder / SETTINGS
    file.write_text(file.read_text() + "// changed\n")
    code, told = run(capsys, "doctor", "--dir", folder)
    assert code == 1
    assert "GOV640" in told

    key = key_path(Project(folder))
    code, told = run(capsys, "uninstall", "--host", "opencode", "--dir", folder, "--key", key)
    assert code == 0
    assert not (folder / ".opencode").exists()


def test_what_the_host_cannot_do_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule that asks is told to deny there; one that refuses a compaction does not load."""
    (folder / "rules").mkdir()
    pack = folder / "rules" / "trial.toml"
    pack.write_text(ASKING)
    config = '[packs]\npaths = ["rules/trial.toml"]\n[hosts.opencode]\n'
    (folder / "governance.toml").write_text(config)

    code, told = run(capsys, "check", folder)
    assert code == 0
    assert "`opencode` cannot ask a person, so `trial.ask` denies there" in told

    refusing = ASKING.replace('tools = ["shell"]\nwhen.command = "perhaps"',
                              'on = "transition"\nwhen.event = "compacting"')  # fmt: skip
    refusing = refusing.replace('tool = "shell", command = "perhaps"', 'event = "compacting"')
    refusing = refusing.replace('tool = "shell", command = "ls"', 'event = "start"')
    pack.write_text(refusing.replace('"ask"', '"deny"'))
    code, told = run(capsys, "check", folder)
    assert code == 1
    assert "GOV257" in told
