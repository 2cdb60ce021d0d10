"""Options from which nothing would come, and words that say nothing, are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.cli.guard import make_key
from governance.config import load_config
from governance.journal import Append, Row, open_journal
from governance.project import Project
from tests.integration.conftest import made_project, run_words


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a session `s-1`, which the process stands in."""
    made = made_project(tmp_path, monkeypatch)
    journal = open_journal(load_config(made).journal.url, base=made, create=False)
    journal.append([Append("s-1", 0, (Row("turn.started", 1, b"{}"),))])
    journal.close()
    monkeypatch.chdir(made)
    return made


@pytest.mark.parametrize("reason", ["", "  \t", "\u200b"])
@pytest.mark.parametrize(
    "words",
    [
        ["erase", "s-1", "--yes"],
        ["pardon", "s-1"],
        ["pause", "--for", "10m"],
        ["repair", "--accept", "s-1"],
        ["repair", "--accept-all"],
        ["approve", "s-1", "q-1"],
    ],
    ids=" ".join,
)
def test_a_reason_says_something(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    """What is recorded of why is read by whoever comes later."""
    key = str(make_key(Project(project)))

    code, out, err = run_words(capsys, *words, "--reason", reason, "--key", key)

    assert (code, out) == (2, "")
    assert "say why" in err


@pytest.mark.parametrize("words", [["--accept", "s-1"], ["--accept-all"]], ids=" ".join)
def test_an_acceptance_needs_a_reason(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """As a pause does."""
    code, _, err = run_words(capsys, "repair", *words, "--key", str(make_key(Project(project))))

    assert code == 2
    assert "needs its --reason" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pause", "--reason", "x"], "--reason goes with --for"),
        (["repair", "--dry-run", "--reason", "x"], "--reason goes with --accept"),
        (["repair", "--accept", "s-1", "--reason", "x", "--dry-run"], "--dry-run does not go"),
        (["serve", "--status", "--stop"], "either --status or --stop"),
        (["chat", "export", "s-1", "--ranked"], "--ranked does not go with `chat export`"),
        (["chat", "show", "s-1", "--to", "x"], "--to does not go with `chat show`"),
        (["context", "get", "a", "--ranked"], "--ranked does not go with `context get`"),
        (["context", "list", "--expect", "1"], "--expect does not go with `context list`"),
        (["anchor", "s-1", "--id", "nope"], "--id goes with the TEXT"),
        (["metrics", "--listen", "127.0.0.1:0", "-o", "x"], "--output does not go with --listen"),
        (["trust", "--list", "--withdraw"], "either --list or --withdraw"),
        (["trust", "--withdraw", "x.toml"], "takes no PACK"),
        (["store", "copy", "a", "b", "--seconds-max", "1"], "--seconds-max goes with"),
        (["health", "--load-seconds-max", "nan"], "`nan` is no number of seconds"),
        (["health", "--save-seconds-max", "nan"], "`nan` is no number of seconds"),
        (["store", "compact", "--seconds-max", "nan"], "`nan` is no number of seconds"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_what_would_be_ignored_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """Whoever gives an option believes that something comes of it."""
    code, out, err = run_words(capsys, *words)

    assert (code, out) == (2, "")
    assert said in err
    assert not (project / "x").exists()


@pytest.mark.parametrize(
    "words", [["erase", "s-1", "--reason", "x"], ["uninstall", "--all"]], ids=" ".join
)
def test_nobody_is_asked_where_nobody_is(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
) -> None:
    """Without a terminal, and with a key that the environment names, the answer is `--yes`."""
    monkeypatch.setenv("GOVERNANCE_KEY_FILE", str(make_key(Project(project))))
    for name in ("CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT"):
        monkeypatch.delenv(name, raising=False)

    code, _, err = run_words(capsys, *words)

    assert code == 2
    assert "nobody is there to answer" in err
    assert "--yes" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["store", "copy", "sqlite:///.governance/journal.db", "sqlite:///c.db"], "`--create`"),
        (["anchor-heads", "--sign", "."], "not a regular file"),
        (["anchor-heads", "--sign", "/dev/zero"], "not a regular file"),
        (["repair", "--dry-run", "--from", "."], "is no file"),
        (["repair", "--dry-run", "--from", "gone"], "is not there"),
        (["tools", "--server", "a b", "--list", "f"], "`a b` is no name of a server"),
        (["tools", "--list", "f"], "--server NAME is needed"),
        (["log", "--after", "9999999999999999999999"], "not in the range"),
        (["chat", "show", "s-1", "--before", "9999999999999999999999"], "not in the range"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_what_is_wrong_is_what_is_told(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """And what mends it is what is meant."""
    key = ["--key", str(make_key(Project(project)))] if words[0] in ("store", "tools") else []

    code, _, err = run_words(capsys, *words, *key)

    assert code == 2
    assert said in err


def test_what_was_lost_is_why_a_person_is_asked(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A first `init` asks nobody; one over a project that has lost its folder does."""
    make_key(Project(project))
    (project / ".governance").rename(tmp_path / "lost")

    code, _, err = run_words(capsys, "init", str(project))

    assert code == 2
    assert "has lost its configuration or its private folder" in err


def test_sessions_that_were_only_imported_can_be_listed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are shown as `absent`, so they are found by it."""
    code, out, err = run_words(capsys, "sessions", "--state", "absent", "--format", "json")

    assert (code, err) == (0, "")
    assert '"sessions"' in out
