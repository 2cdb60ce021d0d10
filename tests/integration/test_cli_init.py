"""`governance init` and `governance uninstall` on real folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governance import cli
from governance._shipped import BY_NAME, pack_texts
from governance.cli.guard import key_path
from governance.config import default_toml
from governance.hooking.claude.events import EVENTS
from governance.project import Project

STRANGE = '{\r\n\t"permissions": {"allow": ["Bash(ls:*)"]},\r\n\t"hooks": {"Stop": []} }\r\n\r\n'


@pytest.fixture(autouse=True)
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and nothing of ours in the environment."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "GOVERNANCE_KEY_FILE", "CLAUDE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "my project"
    made.mkdir()
    return made


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = cli.main([str(word) for word in words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def key_of(folder: Path) -> Path:
    return key_path(Project(folder))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below *folder* with its bytes."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_init_makes_a_project(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Configuration, private folder, store and key are there, and the project is in order."""
    code, out, _ = run(capsys, "init", folder)

    assert code == 0
    assert (folder / "governance.toml").read_text() == default_toml()
    assert (folder / ".governance").stat().st_mode & 0o777 == 0o700
    assert key_of(folder).stat().st_mode & 0o777 == 0o600
    assert not key_of(folder).is_relative_to(folder)
    packs = len(pack_texts().keys() - BY_NAME)
    assert f"rules of {packs} packs" in out
    assert not (folder / ".claude").exists()
    assert run(capsys, "verify", "--dir", folder)[0] == 0
    assert run(capsys, "check", folder)[0] == 0


def test_what_a_stranger_s_file_would_loosen_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever makes a clone a project sees what of its file does not count, and where it writes."""
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "governance.toml").write_text(
        '[packs]\npaths = []\n[journal]\nurl = "sqlite:///store.db?mirror=off"\n'
    )

    assert cli.main(["init", str(tmp_path / "clone")]) == 0

    shown = capsys.readouterr().out
    assert "rules of 1 pack" in shown
    assert "not as written until `governance trust`: `packs.paths`, `journal.url`" in shown
    assert "the journal is kept at sqlite:///store.db\n" in shown
    assert "governance trust --list" in shown


def test_init_makes_the_folder_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there yet is made."""
    assert run(capsys, "init", tmp_path / "a" / "b")[0] == 0
    assert (tmp_path / "a" / "b" / "governance.toml").is_file()


def test_init_again_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run twice, hooks and all, every file keeps its bytes; a person's changes are kept."""
    run(capsys, "init", folder, "--host", "claude-code")
    config = folder / "governance.toml"
    config.write_text(config.read_text() + "# mine\n")
    before, key = tree(folder), key_of(folder).read_bytes()

    code, out, _ = run(capsys, "init", folder, "--host", "claude-code", "--format", "json")

    after = tree(folder)
    assert code == 0
    assert after.pop(".governance/journal.db")
    assert before.pop(".governance/journal.db")
    assert after == before
    assert key_of(folder).read_bytes() == key
    assert {one["what"] for one in json.loads(out)["effects"]} == {"kept"}


@pytest.mark.parametrize(
    ("place", "text", "told"),
    [
        ("my project/.claude/settings.local.json", '{"disableAllHooks": true}', "disableAllHooks"),
        ("my project/.claude/settings.json", '{"disableAllHooks": true}', "disableAllHooks"),
        ("my project/.claude/settings.json", '{"env": {"LD_PRELOAD": "x.so"}}', "LD_PRELOAD"),
        ("home/.claude/settings.json", '{"disableAllHooks": true}', "disableAllHooks"),
    ],
    ids=["own", "team", "environment", "person"],
)
def test_init_says_what_keeps_its_hooks_from_being_called(
    folder: Path, capsys: pytest.CaptureFixture[str], place: str, text: str, told: str
) -> None:
    """A switch that it does not touch: which, where and how to mend it."""
    file = folder.parent / place
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)

    code, out, _ = run(capsys, "init", folder, "--host", "claude-code", "--dry-run")

    assert code == 1
    assert f"{file}: GOV640" in out
    assert f"take `{told}` out of it" in out.replace("out of its `env`", "out of it")


def test_init_sends_nobody_to_a_host_whose_hooks_are_switched_off(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it has done stands, and what is in the way is told, to people and to programs."""
    file = folder / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text('{"disableAllHooks": true}')

    code, out, _ = run(capsys, "init", folder, "--host", "claude-code")
    code_json, out_json, _ = run(
        capsys, "init", folder, "--host", "claude-code", "--format", "json"
    )

    assert (code, code_json) == (1, 1)
    assert f"{file}: GOV640" in out
    assert "until that is mended claude-code is not governed here" in out
    assert "start it in the folder" not in out
    found = json.loads(out_json)
    assert found["ok"] is False
    assert [one["code"] for one in found["diagnostics"]] == ["GOV640"]
    assert json.loads(file.read_text()).items() >= {"disableAllHooks": True}.items()

    file.unlink()
    code, out, _ = run(capsys, "init", folder, "--host", "claude-code")
    assert code == 0
    assert "start it in the folder" in out


def test_init_says_what_keeps_the_hooks_of_any_host_from_being_called(
    folder: Path, person: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Gemini's own switch, in a person's settings."""
    (person / ".gemini").mkdir()
    (person / ".gemini" / "settings.json").write_text('{"hooksConfig": {"enabled": false}}')

    code, out, _ = run(capsys, "init", folder, "--host", "gemini-cli")

    assert code == 1
    assert "GOV640 `hooksConfig.enabled` is false" in out


def test_a_dry_run_makes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What would be made is told, a change of an existing file line by line; nothing is made."""
    (folder / ".claude").mkdir()
    (folder / ".claude" / "settings.local.json").write_text(STRANGE, newline="")
    before = tree(folder.parent)

    code, out, _ = run(capsys, "init", folder, "--host", "claude-code", "--dry-run")

    assert code == 0
    assert tree(folder.parent) == before
    assert "would be made" in out
    assert "would be changed" in out
    assert "SessionStart" in out


def test_init_installs_every_hook(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each event that the engine acts on has a hook with the absolute folder, and a status line."""
    run(capsys, "init", folder, "--host", "claude-code")

    settings = json.loads((folder / ".claude" / "settings.local.json").read_text())
    assert set(settings["hooks"]) == set(EVENTS)
    assert all(
        str(folder) in groups[0]["hooks"][0]["command"] for groups in settings["hooks"].values()
    )
    assert "statusline.py" in settings["statusLine"]["command"]


def test_uninstall_gives_the_settings_back(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After init and uninstall the host's settings have the bytes that they had before."""
    file = folder / ".claude" / "settings.local.json"
    file.parent.mkdir()
    file.write_bytes(STRANGE.encode())
    run(capsys, "init", folder, "--host", "claude-code")
    assert file.read_bytes() != STRANGE.encode()

    words = ("uninstall", "--host", "claude-code", "--dir", folder)
    code, out, _ = run(capsys, *words, "--key", key_of(folder))

    assert code == 0
    assert "changed" in out
    assert file.read_bytes() == STRANGE.encode()
    assert run(capsys, "check", folder)[0] == 0


def test_uninstall_is_a_persons(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without terminal and key it is refused and nothing changes; to look is anybody's."""
    run(capsys, "init", folder, "--host", "claude-code")
    before = tree(folder)

    for words in (("--host", "claude-code"), ("--all", "--yes"), ("--all", "--erase-journal")):
        code, _, err = run(capsys, "uninstall", *words, "--dir", folder)
        assert code == 2
        assert "GOV60" in err
        code, out, _ = run(capsys, "uninstall", *words, "--dir", folder, "--dry-run")
        assert code == 0
        assert "would be removed" in out
    assert tree(folder) == before


def test_nothing_to_uninstall_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a folder without governance that is told, not only its name."""
    code, out, _ = run(capsys, "uninstall", "--all", "--dry-run", "--dir", str(tmp_path))

    assert (code, "nothing of governance is here" in out) == (0, True)


def test_uninstall_works_when_the_policy_is_gone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hooks without a configuration deny everything: they must still come out."""
    run(capsys, "init", folder, "--host", "claude-code")
    key = key_of(folder)
    (folder / "governance.toml").write_text("no = toml = at all")

    words = ("uninstall", "--host", "claude-code", "--dir", folder, "--key", key)
    assert run(capsys, *words)[0] == 0
    assert not (folder / ".claude").exists()


def test_uninstall_all_keeps_the_journal_and_what_is_a_persons(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The journal stays unless asked for, and so does a configuration that was changed."""
    run(capsys, "init", folder, "--host", "claude-code")
    (folder / "governance.toml").write_text(default_toml() + "# mine\n")
    private = folder / ".governance"
    (private / "backups").mkdir()
    for name in ("backups/one.db", "journal.db.damaged-1", "backup.json"):
        (private / name).write_text("x")

    words = ("uninstall", "--all", "--yes", "--dir", folder, "--key", key_of(folder))
    code, out, _ = run(capsys, *words)

    assert code == 0
    assert set(tree(folder)) == {
        "governance.toml", ".governance/.gitignore", ".governance/journal.db",
        ".governance/backups/one.db", ".governance/journal.db.damaged-1",
    }  # fmt: skip
    assert "theirs" in out
    assert not key_of(folder).exists()


def test_uninstall_all_and_the_journal_leaves_no_trace(
    folder: Path, person: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the journal erased folder and home hold no file, and init begins anew."""
    run(capsys, "init", folder, "--host", "claude-code")
    elsewhere = folder.parent / "elsewhere"
    text = default_toml(hosts=("claude-code",))
    text = text.replace('#folder = ".governance/backups"', f"folder = '{elsewhere}'")
    (folder / "governance.toml").write_text(text)
    run(capsys, "trust", "--yes", "--dir", folder, "--key", key_of(folder))
    assert run(capsys, "backup", "--dir", folder)[0] == 0
    assert len(list(elsewhere.iterdir())) == 4
    words = ("uninstall", "--all", "--erase-journal", "--yes", "--dir", folder)

    code = run(capsys, *words, "--key", key_of(folder))[0]

    assert code == 0
    assert [one.name for one in elsewhere.iterdir()] == [".gitignore"]
    (folder / "governance.toml").unlink()
    assert tree(folder) == {}
    assert tree(person) == {}
    assert run(capsys, "init", folder)[0] == 0


@pytest.mark.parametrize("words", [(), ("--erase-journal",)])
def test_uninstall_wants_to_know_what(
    folder: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing named is nothing done, and the error names what can be."""
    code, _, err = run(capsys, "uninstall", "--dir", folder, *words)

    assert code == 2
    assert "--all" in err


def test_a_policy_that_vanished_is_made_anew_by_a_person_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An agent that deletes the configuration cannot have the shipped one in its place."""
    run(capsys, "init", folder)
    key = key_of(folder)
    (folder / "governance.toml").unlink()

    dry, told, _ = run(capsys, "init", folder, "--dry-run")
    code, _, err = run(capsys, "init", folder)
    made_by_nobody = (folder / "governance.toml").exists()

    assert dry == 0
    assert "would be made" in told
    assert code == 2
    assert "GOV60" in err
    assert not made_by_nobody
    assert run(capsys, "init", folder, "--key", key)[0] == 0


def test_a_store_that_vanished_is_not_made_anew(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A journal that the person's mirror knows of is missing, not new."""
    run(capsys, "init", folder)
    store = folder / ".governance" / "journal.db"
    for part in store.parent.glob("journal.db*"):
        part.unlink()

    code, _, err = run(capsys, "init", folder)

    assert code == 2
    assert "GOV504" in err
    assert not store.exists()


def test_a_wrong_configuration_stops_all_of_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is made beside a file that cannot be read; every problem is told."""
    (folder / "governance.toml").write_text("[packs]\npath = []\nlayer = 1\n")

    code, _, err = run(capsys, "init", folder, "--host", "claude-code")

    assert code == 2
    assert "`path`" in err
    assert "`layer`" in err
    assert set(tree(folder)) == {"governance.toml"}


def test_settings_that_cannot_be_used_stop_all_of_it(
    folder: Path, person: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A host's settings that are no settings stay as they are, and no project is made."""
    (folder / ".claude").mkdir()
    (folder / ".claude" / "settings.local.json").write_text('{"hooks": 1}')

    code, _, err = run(capsys, "init", folder, "--host", "claude-code")

    assert code == 2
    assert "settings.local.json" in err
    assert set(tree(folder)) == {".claude/settings.local.json"}
    assert tree(person) == {}
