"""`governance import`: files in, a pack out, and what the command says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governance import cli

SETTINGS = json.dumps(
    {"permissions": {"deny": ["Bash(curl:*)", "Read(./.env)", "Nope(x)"], "allow": ["Bash(ls)"]}},
    indent=1,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one settings file, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.json").write_text(SETTINGS, encoding="utf-8")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(["import", *words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_a_pack_is_written_and_passes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is named after the output, and `check` has nothing against it."""
    code, out, err = run(capsys, "settings.json", "-o", "our-team.toml")

    assert (code, out) == (1, "")
    assert "GOV672 `Nope(x)` is not carried" in err
    assert "2 rules carried, 1 left out" in err
    assert cli.main(["check", "our-team.toml"]) == 0
    assert 'id = "our-team.deny-bash-curl"' in (folder / "our-team.toml").read_text()


def test_without_output_the_pack_is_printed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output is the pack alone, as it would be written."""
    _, out, _ = run(capsys, "settings.json", "--name", "team")
    (folder / "team.toml").write_text(out, encoding="utf-8")

    assert cli.main(["check", "team.toml"]) == 0


def test_programs_learn_what_became_of_each_entry(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON has the pack, the source of every rule, and every remark with its line."""
    code, out, _ = run(capsys, "settings.json", "--format", "json")

    found = json.loads(out)
    assert (code, found["ok"], found["file"]) == (1, False, "")
    assert [(one["source"], one["line"]) for one in found["carried"]] == [
        ("Bash(curl:*)", 4),
        ("Read(./.env)", 5),
    ]
    left = [one for one in found["diagnostics"] if one["code"] == "GOV672"]
    assert [(one["file"], one["line"], one["severity"]) for one in left] == [
        ("settings.json", 6, "warning")
    ]


def test_what_is_carried_whole_exits_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Remarks alone are no finding."""
    (folder / "a.rules").write_text('prefix_rule(pattern = ["rm"], decision = "forbidden")\n')

    assert run(capsys, "a.rules")[0] == 0


def test_several_files_make_one_pack(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Formats may be mixed, each told by its name."""
    (folder / "a.rules").write_text('prefix_rule(pattern = ["rm"], decision = "forbidden")\n')

    _, out, _ = run(capsys, "settings.json", "a.rules", "--format", "json")

    assert {one["file"] for one in json.loads(out)["carried"]} == {"settings.json", "a.rules"}


def test_an_allow_is_carried_for_a_stricter_project(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `--allow` the pack passes where the project's own default is stricter."""
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    run(capsys, "settings.json", "--allow", "-o", "team.toml")

    assert cli.main(["check", "team.toml"]) == 1
    (folder / "governance.toml").write_text(
        '[defaults]\ntool = "ask"\n\n[packs]\npaths = ["team.toml"]\n'
    )
    (folder / ".governance").mkdir(mode=0o700)
    assert cli.main(["check", "team.toml"]) == 0
    assert cli.main(["check", "."]) == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("settings.json", "-o", "settings.json"), "GOV674"),
        (("nowhere.json",), "GOV610"),
        (("settings.json", "--from", "codex"), "GOV670"),
        (("settings.txt",), "GOV671"),
    ],
)
def test_what_cannot_be_done_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: str
) -> None:
    """Exit code 2, one diagnostic with its code, and nothing is written over."""
    (folder / "settings.txt").write_text(SETTINGS, encoding="utf-8")

    done, out, _ = run(capsys, *words, "--format", "json")

    assert done == 2
    assert [one["code"] for one in json.loads(out)["diagnostics"]] == [code]
    assert (folder / "settings.json").read_text(encoding="utf-8") == SETTINGS


def test_a_name_is_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that no pack may have is refused before anything is read."""
    code, _, err = run(capsys, "settings.json", "--name", "No Name")

    assert code == 2
    assert "no name of a pack" in err
