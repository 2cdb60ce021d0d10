"""What pruning leaves: reported, given back to the disk, and in no backup."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from governance import cli
from governance.cli.guard import key_path
from governance.config import default_toml, load_config
from governance.journal.backup import backups_in
from governance.journal.opening import open_journal
from governance.journal.records import Append, Appended, Journal, Row
from governance.project import Project
from tests.postgres_server import Server

MEGABYTE = 1_000_000


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with six sessions of 5 MB, of which retention keeps one."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "GOVERNANCE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    folder = made(tmp_path / "project")
    chance = random.Random(1)
    with closing(opened(folder)) as journal:
        for name in "abcdef":
            texts = [chance.randbytes(2_500).hex().encode() for _ in range(1_000)]
            rows = tuple(Row("turn.started", 1, b'{"data":{"prompt":"%s"}}' % one) for one in texts)
            assert isinstance(journal.append([Append(name, 0, rows)]), Appended)
    return folder


def made(folder: Path, url: str = "") -> Path:
    folder.mkdir()
    text = default_toml().replace('paths = ["shipped"]', "paths = []")
    if url:
        line = next(line for line in text.splitlines() if line.startswith("#url = "))
        text = text.replace(line, f'url = "{url}"')
    (folder / "governance.toml").write_text(text)
    assert cli.main(["init", str(folder)]) == 0
    return folder


def opened(folder: Path) -> Journal:
    return open_journal(load_config(folder).journal.url, base=folder, create=False)


def size(folder: Path) -> float:
    return Project(folder).journal_file.stat().st_size / MEGABYTE


def run(
    folder: Path, capsys: pytest.CaptureFixture[str], *words: str, person: bool = True
) -> tuple[int, Any]:
    capsys.readouterr()
    key = ["--key", str(key_path(Project(folder)))] if person else []
    code = cli.main([*words, "--dir", str(folder), "--format", "json", *key])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else None


def let_go(folder: Path) -> None:
    with closing(opened(folder)) as journal:
        for head in journal.sessions():
            if head.session in "abcde":
                assert journal.remove(head.session, expected=head) is True


def codes(report: Any) -> list[str]:
    return [one["code"] for one in report["diagnostics"]]


def test_unused_room_is_told_and_given_back(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Red in `health` and `doctor` until `store compact` has given it back; not before."""
    assert "GOV537" not in codes(run(project, capsys, "health", person=False)[1])
    let_go(project)
    before = size(project)
    assert "GOV537" in codes(run(project, capsys, "health", person=False)[1])
    assert "GOV537" in codes(run(project, capsys, "doctor", person=False)[1])
    assert size(project) == before, "negative control: it comes back by itself"
    code, told = run(project, capsys, "store", "compact", "--seconds-max", "0")
    assert (code, told["ok"], size(project)) == (1, False, before)

    code, told = run(project, capsys, "store", "compact")

    assert (code, told["ok"], told["left_bytes"]) == (0, True, 0)
    assert told["before_bytes"] - told["after_bytes"] > 20 * MEGABYTE
    assert size(project) < before / 3
    assert "GOV537" not in codes(run(project, capsys, "health", person=False)[1])
    assert run(project, capsys, "verify", person=False)[0] == 0


def test_pruning_gives_room_back(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What goes by `[retention]` leaves a small file, and small backups."""
    file = project / "governance.toml"
    text = file.read_text()
    assert text.count("\n[retention]\n") == 1
    file.write_text(text.replace("\n[retention]\n", "\n[retention]\nsessions_max = 1\n"))
    assert run(project, capsys, "trust", "--yes")[0] == 0
    before = size(project)
    code, told = run(project, capsys, "prune")
    assert code == 0
    assert len(told["gone"]) == 5
    assert told["freed_bytes"] > 20 * MEGABYTE
    assert size(project) < before / 3


def test_a_backup_of_a_store_with_unused_room_is_small(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every backup holds what is kept, and not what is gone."""
    let_go(project)
    assert run(project, capsys, "backup", person=False)[0] == 0
    (one,) = backups_in(Project(project).private / "backups")
    assert one.size_bytes < size(project) * MEGABYTE / 3


def test_a_store_on_a_server_is_not_made_smaller_here(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The server does so by itself, and the error says so."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = made(tmp_path / "project", server.url(tenant="compacted"))
    words = ["store", "compact", "--dir", str(folder), "--key", str(key_path(Project(folder)))]
    assert cli.main(words) == 2
    assert "VACUUM" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "spoil", "told"),
    [
        (["extra"], None, ("GOV400", "`store compact` takes no words, not 1 word")),
        ([], Path.unlink, ("GOV504", "there is no store at")),
        ([], lambda file: file.write_bytes(b""), ("GOV502", "is an empty file")),
        ([], lambda file: file.write_bytes(b"?" * 9_000), ("GOV502", "is damaged")),
    ],
    ids=["a word", "gone", "empty", "noise"],
)
def test_what_cannot_be_made_smaller_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    spoil: Callable[[Path], object] | None,
    told: tuple[str, str],
) -> None:
    """By its own code, as every other command does."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = made(tmp_path / "project")
    capsys.readouterr()
    if spoil is not None:
        spoil(Project(folder).journal_file)

    key = ["--key", str(key_path(Project(folder)))]
    assert cli.main(["store", "compact", *words, "--dir", str(folder), *key]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert all(one in said for one in told), said
