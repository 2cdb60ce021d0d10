"""What a person names as a place to write to is never the store, the law or the hooks."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.cli.guard import key_path, make_key
from governance.config import default_toml, load_config
from governance.journal import Append, Row, open_journal
from governance.project import Project
from tests.integration.conftest import made_project, run_words

PACK = "format = 1\n\n[pack]\nname = 'team'\nversion = '1.0.0'\nsummary = 'Ours.'\n"
OUTPUTS = [
    ["report", "--format", "csv", "-o"],
    ["metrics", "-o"],
    ["diagram", "--format", "svg", "-o"],
    ["anchor-heads", "--to"],
    ["chat", "export", "s-1", "--to"],
    ["rule", "new", "team.deploy", "--command", "make deploy", "--pack"],
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one session and a pack of its own, which the process stands in."""
    text = default_toml().replace('paths = ["shipped"]', 'paths = ["shipped", "rules"]')
    made = made_project(tmp_path, monkeypatch, text, {"rules/team.toml": PACK})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for folder in ("home", "state/session-governance", "config/session-governance", "there"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    journal = open_journal(load_config(made).journal.url, base=made, create=False)
    journal.append([Append("s-1", 0, (Row("turn.started", 1, b"{}"),))])
    journal.close()
    monkeypatch.chdir(made)
    return made


@pytest.mark.parametrize("words", OUTPUTS, ids=lambda words: words[0])
@pytest.mark.parametrize(
    "place", ["governance.toml", ".governance/journal.db", "../config/session-governance/new"]
)
def test_no_output_goes_to_what_governs(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], place: str
) -> None:
    """Every command that writes a file is asked the same."""
    before = (project / "governance.toml").read_bytes()
    if place.endswith("new") and words[0] == "rule":
        place = "../state/session-governance/new"

    code, out, err = run_words(capsys, *words, place)

    assert (code, out) == (2, "")
    assert "GOV613" in err
    assert "name another file" in err
    assert (project / "governance.toml").read_bytes() == before
    assert not (project / place).exists() or not place.endswith("new")
    assert run_words(capsys, "verify")[0] == 0


@pytest.mark.parametrize(
    "place",
    [
        ".governance/new",
        "sub/../governance.toml",
        "link",
        "linked/journal.db",
        "../state/session-governance/heads/new",
        "../config/session-governance/governance.toml",
        "../home/.local/state/session-governance/errors.log",
        ".claude/settings.local.json",
        ".codex/config.toml",
        "GOVERNANCE.TOML",
    ],
)
def test_no_name_leads_to_what_governs(
    project: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    """Through links and `..` as well; all that was there is there still."""
    (project / "sub").mkdir()
    (project / "link").symlink_to("governance.toml")
    (project / "linked").symlink_to(".governance")
    before = (project / "governance.toml").read_bytes()

    code, out, err = run_words(capsys, *OUTPUTS[2], place)

    assert (code, out) == (2, "")
    assert "GOV613" in err
    assert (project / "governance.toml").read_bytes() == before
    assert (project / "link").is_symlink()
    assert not (project / ".governance" / "new").exists()


@pytest.mark.parametrize("words", OUTPUTS[:5], ids=lambda words: words[0])
@pytest.mark.parametrize("place", ["rules/team.toml", "rules/other.toml"])
def test_no_output_becomes_a_pack(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], place: str
) -> None:
    """Neither over a pack in force nor beside one, where it would be read as one."""
    code, _, err = run_words(capsys, *words, place)

    assert code == 2
    assert "GOV613" in err
    assert (project / "rules" / "team.toml").read_text() == PACK
    assert not (project / "rules" / "other.toml").exists()


def test_a_rule_is_added_to_a_pack_in_force(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is what the command is for."""
    code, _, err = run_words(capsys, *OUTPUTS[5], "rules/team.toml")

    assert (code, err) == (0, "")
    assert "team.deploy" in (project / "rules" / "team.toml").read_text()


@pytest.mark.parametrize("words", OUTPUTS[:4], ids=lambda words: words[0])
def test_another_file_is_replaced(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """As the page says; a second name of the configuration leaves that as it was."""
    before = (project / "governance.toml").read_bytes()
    os.link(project / "governance.toml", project / "kept.toml")
    file = project / "out.txt"
    file.write_text("older")

    code, _, _ = run_words(capsys, *words, str(file))
    run_words(capsys, *words, "kept.toml")

    assert code == 0
    assert file.read_bytes() != b"older"
    assert (project / "governance.toml").read_bytes() == before


def test_the_store_and_its_backups_elsewhere_are_kept(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the configuration has them outside the project; another project's are known too."""
    config = project / "governance.toml"
    config.write_text(
        f"[journal]\nurl = 'sqlite:///{tmp_path}/far/own.db'\n[backup]\nfolder = '../copies'\n"
        "[encryption]\nkey = 'file:../journal.key'\n[retention]\narchive_folder = '.'\n"
    )
    outside = tmp_path / "there"

    for place in (
        "far/own.db",
        "far/own.db-wal",
        "copies/a.db",
        "journal.key",
        "project/.governance/x",
    ):
        words = ("diagram", "--format", "svg", "--dir", str(project), "-o", str(tmp_path / place))
        code, _, err = run_words(capsys, *words)
        assert code == 2, place
        assert "GOV613" in err
    code, _, _ = run_words(capsys, "diagram", "-o", str(outside / "machine.svg"))
    assert code == 0


FOLDERS = {
    ".governance": "lies what governance alone writes",
    ".governance/journal.db/copies": "lies what governance alone writes",
    ".claude": "the settings of a host",
    ".claude/copies": "the settings of a host",
    "../state/session-governance": "outside its projects",
    "../config/session-governance/copies": "outside its projects",
    "../home/.ssh": "what is a person's own",
    "../home/.config/copies": "what is a person's own",
    "../home/.SSH/deep/copies": "what is a person's own",
    "../home": "the home of a person",
    "..": "the home of a person, or holds it",
    "link": "what is a person's own",
}
"""Folders that no backup or archive is put into → why."""


@pytest.mark.parametrize("place", FOLDERS)
def test_no_copy_goes_where_persons_and_governance_have_their_own(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    """Nothing is made there, for a backup of the store and for one of the configuration alone."""
    (tmp_path / "home" / ".ssh").mkdir()
    (project / "link").symlink_to(tmp_path / "home" / ".ssh")
    before = sorted(tmp_path.rglob("*"))

    for words in (["backup"], ["backup", "--config-only"]):
        code, out, err = run_words(capsys, *words, "--to", place)

        assert (code, out) == (2, "")
        assert "GOV613" in err
        assert FOLDERS[place] in err
        assert "name another folder" in err
    assert sorted(tmp_path.rglob("*")) == before


def test_no_archive_goes_there_either(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the session stays as it is."""
    make_key(Project(project))
    key = str(key_path(Project(project)))

    code, _, err = run_words(
        capsys, "archive", "s-1", "--key", key, "--to", str(tmp_path / "home" / ".ssh")
    )

    assert code == 2
    assert "GOV613" in err
    assert not (tmp_path / "home" / ".ssh").exists()


def test_a_home_that_was_moved_by_a_variable_is_still_kept(
    project: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An agent may set `HOME`; what the system says is the home stays one."""
    pwd = pytest.importorskip("pwd", reason="platform: users are POSIX")
    real = tmp_path / "real"
    (real / ".ssh").mkdir(parents=True)
    known = pwd.struct_passwd(("u", "x", os.getuid(), 0, "", str(real), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: known)

    code, _, err = run_words(capsys, "backup", "--to", str(real / ".ssh"))

    assert code == 2
    assert "what is a person's own" in err
    assert list((real / ".ssh").iterdir()) == []


@pytest.mark.parametrize(
    "place",
    ["copies", "../home/copies", "../home/.local/share/copies", "../home/.cache/copies",
     ".governance/backups", "../there"],
)  # fmt: skip
def test_a_copy_goes_into_any_other_folder(
    project: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    """The configured one by name too, and what programs share in a home."""
    code, out, err = run_words(capsys, "backup", "--to", place)

    assert (code, err) == (0, "")
    assert "every row of it holds" in out


def test_a_project_in_a_hidden_folder_keeps_its_copies_there(
    project: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its own folders are no strangers to it, unless it is the whole home."""
    hidden = tmp_path / "home" / ".dotfiles"
    hidden.mkdir()
    moved = hidden / "project"
    monkeypatch.chdir(tmp_path)
    project.rename(moved)

    code, _, err = run_words(capsys, "backup", "--dir", str(moved), "--to", str(moved / "copies"))
    assert (code, err) == (0, "")
    beside = run_words(capsys, "backup", "--dir", str(moved), "--to", str(hidden / "copies"))
    assert beside[0] == 2


def test_where_packs_are_missing_the_others_are_kept(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A configuration that names what is not there, or that nobody can read, opens no door."""
    config = project / "governance.toml"
    text = config.read_text()
    config.write_text(text.replace('"rules"]', '"rules", "gone.toml"]'))
    first = run_words(capsys, "diagram", "--format", "svg", "--dir", "..", "-o", "rules/team.toml")
    config.write_text("[[[")
    second = run_words(capsys, "rule", "new", "a.b", "--command", "x", "--pack", "governance.toml")

    assert first[0] == second[0] == 2
    assert (project / "rules" / "team.toml").read_text() == PACK
    assert config.read_text() == "[[["


@pytest.mark.parametrize("what", ["new", "new-signing"])
def test_a_key_is_made_in_a_persons_folder_and_not_as_its_configuration(
    tmp_path: Path, project: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    """It is theirs to be kept there."""
    home = tmp_path / "config" / "session-governance"

    assert run_words(capsys, "keys", what, str(home / "journal.key"))[0] == 0
    code, _, err = run_words(capsys, "keys", what, str(home / "governance.toml"))

    assert code == 2
    assert "GOV613" in err
    assert not (home / "governance.toml").exists()


def test_a_pack_that_may_not_be_written_stays(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has taken the right to write it away meant it."""
    pack = project / "rules" / "team.toml"
    pack.chmod(0o444)

    code, _, err = run_words(capsys, *OUTPUTS[5], "rules/team.toml")

    assert code == 2
    assert "GOV638" in err
    assert "chmod u+w" in err
    assert pack.read_text() == PACK


def test_a_pipe_is_no_pack(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nobody waits at its end."""
    os.mkfifo(project / "pipe")

    code, _, err = run_words(capsys, *OUTPUTS[5], "pipe")

    assert code == 2
    assert "not a regular file" in err


def test_what_makes_packs_makes_none_of_governance_itself(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], key: tuple[str, str]
) -> None:
    """An import and a record of tools are asked the same, before anything is made."""
    rules = tmp_path / "there" / "settings.json"
    rules.write_text('{"permissions": {"deny": ["Bash(rm:*)"]}}')
    listed = tmp_path / "there" / "list.json"
    schema = {"properties": {"b": {"type": "string"}}}
    listed.write_text(json.dumps({"tools": [{"name": "a", "inputSchema": schema}]}))
    calls: list[Callable[[], tuple[int, str, str]]] = [
        lambda: run_words(capsys, "import", str(rules), "-o", ".governance/x.toml"),
        lambda: run_words(
            capsys, "tools", "--record", "--server", "s", "--list", str(listed),
            "--into", ".governance/deep/x.toml", *key,
        ),
    ]  # fmt: skip

    for call in calls:
        code, _, err = call()
        assert code == 2
        assert "GOV613" in err
    assert not (project / ".governance" / "x.toml").exists()
    assert not (project / ".governance" / "deep").exists()
