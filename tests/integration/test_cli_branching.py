"""`governance branch`, `switch`, `merge`, `archive`, `unarchive` and `prune`: a person's word."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from governance.cli.app import app
from governance.cli.frame import GovernedCommand
from governance.cli.guard import make_key
from governance.engine import Engine
from governance.project import Project
from tests.integration.conftest import Run, made_project, run_words

PERSONS = (
    ("branch", "demo"),
    ("switch", "demo", "other"),
    ("merge", "demo", "other"),
    ("merge", "demo", "--resolve", "x", "--take", "ours"),
    ("archive", "other"),
    ("unarchive", "file"),
    ("prune",),
)


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without rules, with a session that is over and one that is live."""
    monkeypatch.setenv("COLUMNS", "160")
    config = "[packs]\npaths = []\n[retention]\nage_days_max = 1\n"
    folder = made_project(tmp_path, monkeypatch, config)
    with Engine.open(folder) as engine:
        for name in ("demo", "other"):
            engine.start(name).turn("go")
        engine.session("other").end()
    return folder


@pytest.fixture(name="run")
def _run(project: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on the project, for a person with the key."""
    key = str(make_key(Project(project)))

    def run(*words: str, person: bool = True) -> tuple[int, str, str]:
        opened = ("--key", key) if person else ()
        return run_words(capsys, *words, *opened, "--dir", str(project))

    return run


def told(run: Run, *words: str, person: bool = True) -> tuple[int, Any]:
    code, out, err = run(*words, "--format", "json", person=person)
    assert not err, err
    return code, json.loads(out)


@pytest.mark.parametrize("words", PERSONS, ids=" ".join)
def test_a_person_is_needed(run: Run, words: tuple[str, ...]) -> None:
    """Without a terminal and a key each is refused, and nothing has happened."""
    code, _, err = run(*words, person=False)

    assert code == 2
    assert "GOV60" in err
    assert "2 sessions" in run("sessions", person=False)[1]


def test_branches_and_merges_from_end_to_end(run: Run) -> None:
    """What each command says of itself, for people and for programs."""
    assert told(run, "branch", "demo", "--name", "b")[1]["session"] == "b"
    for name, text in (("demo", "ours it is"), ("b", "theirs it is")):
        assert run("anchor", name, "--id", "x", text, person=False)[0] == 0

    code, report = told(run, "merge", "demo", "b")
    assert code == 1
    (conflict,) = report["conflicts"]
    code, out, _ = run("merge", "demo", "--show", person=False)
    assert code == 1
    assert "{" not in out
    assert "ours it is" in out
    assert "theirs it is" in out
    assert told(run, "merge", "demo", "--show")[1]["conflicts"] == [conflict]
    code, settled = told(run, "merge", "demo", "--resolve", conflict["id"], "--take", "theirs")
    assert (code, settled["open"]) == (0, 0)
    assert "theirs it is" in run("anchor", "demo", person=False)[1]
    assert "nothing new" in run("merge", "demo", "b")[1]
    assert run("merge", "demo", "--show", person=False)[0] == 0

    code, switched = told(run, "switch", "demo", "b")
    assert (code, switched["left"]) == (0, "interrupted")
    assert switched["owed"], "nobody has told the model anything yet"
    shown = told(run, "show", "b", person=False)[1]
    assert shown["identity"]["predecessor"] == shown["branched_from"]["session"] == "demo"
    listed = told(run, "sessions", person=False)[1]["sessions"]
    assert {one["id"]: one["branched_from"] for one in listed} == {
        "b": "demo", "demo": "", "other": "",
    }  # fmt: skip


def test_archives_from_end_to_end(run: Run, project: Path) -> None:
    """There and back again, and the store proves itself all the time."""
    assert run("archive", "demo")[0] == 2
    long = "x" * 9_000
    assert run("context", "set", "k", long, "--scope", "session:other", person=False)[0] == 0

    code, made = told(run, "archive", "other")
    assert code == 0
    assert made["values"] == 1
    assert Path(made["path"]).parent == project / ".governance" / "archive"
    assert run("show", "other", person=False)[0] == 2
    assert run("verify", person=False)[0] == 0
    code, back = told(run, "unarchive", made["path"])
    assert (code, back["hash"]) == (0, made["hash"])
    assert run("verify", person=False)[0] == 0
    assert run("show", "other", person=False)[0] == 0
    got = told(run, "context", "get", "k", "--scope", "session:other", person=False)[1]
    assert got[0]["value"] == long
    assert " and 1 value in " in run("archive", "other")[1]
    code, _, err = run("unarchive", str(project / "governance.toml"))
    assert code == 2
    assert "GOV525" in err


def test_prune_says_what_would_go(run: Run) -> None:
    """A dry run needs nobody's leave and does nothing."""
    code, plan = told(run, "prune", "--dry-run")
    assert code == 0
    nothing = {"archived": True, "gone": [], "kept": 2, "needed": [], "freed_bytes": 0}
    assert plan == {"dry_run": True, **nothing}
    code, out, _ = run("prune")
    assert code == 0
    assert "0 sessions archived, 2 kept" in out


def test_the_log_of_all_tells_shared_rows_once(run: Run) -> None:
    """By who wrote them; the log of the branch alone has them."""
    run("branch", "demo", "--name", "b")

    _, rows = told(run, "log", person=False)
    _, alone = told(run, "log", "b", person=False)

    shared = [one["seq"] for one in rows if one["session"] == "demo"]
    assert len(shared) == len(set(shared))
    assert [one["session"] for one in alone].count("b") == 1
    assert len(alone) == len(shared) + 1


@pytest.mark.parametrize(
    "words",
    [
        ("merge", "demo"),
        ("merge", "demo", "other", "--show"),
        ("merge", "demo", "--resolve", "x"),
        ("merge", "demo", "--resolve", "x", "--value", "{"),
        ("branch", "nobody"),
        ("branch", "demo", "--at", "99"),
        ("branch", "demo", "--at", str(2**63)),
        ("branch", "demo", "--name", "other"),
        ("switch", "demo", "nobody"),
        ("merge", "demo", "other"),
        ("archive", "nobody"),
        ("archive", "demo"),
        ("unarchive", "nothing"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_an_error_of_one_line(run: Run, words: tuple[str, ...]) -> None:
    """Exit code 2, with what is wrong, and no traceback."""
    code, _, err = run(*words)

    assert code == 2
    assert err
    assert "Traceback" not in err


def test_the_examples_name_what_the_commands_take() -> None:
    """Those that need more than the demo leaves are at least words that the commands know."""
    for name in ("switch", "merge", "archive", "unarchive"):
        command = app.get_command(click.Context(app), name)
        assert isinstance(command, GovernedCommand)
        for one in command.examples:
            words = shlex.split(one.line)
            assert words[:2] == ["governance", name]
            assert command.make_context(name, words[2:])
