"""`governance tools`, and rules on what it has recorded, through the real command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from governance import cli
from governance.cli.guard import MARKS
from governance.config import load_config
from governance.engine import Engine
from governance.journal import open_journal
from governance.project import create_project
from tests.integration.conftest import ROOT, Run

Here = Callable[..., int]

SERVER = str(ROOT / "tests" / "hosts" / "mcp_server.py")

LIST = {
    "tools": [
        {
            "name": "create_issue",
            "inputSchema": {
                "properties": {
                    "title": {"type": "string"},
                    "state": {"enum": ["open", "closed"]},
                    "filter": {"type": "object"},
                }
            },
        }
    ]
}
PACK = """\
format = 1

[pack]
name = "issues"
version = "1.0.0"
summary = "What agents may file."

[[rule]]
id = "issues.secret"
tools = ["mcp:gh:create_issue"]
when.args.title = { regex = '(?i)secret' }
action = "deny"
message = "`{args.title}` tells too much."
must_match = [{ tool = "mcp:gh:create_issue", args = { title = "Secret" } }]
must_not_match = [{ tool = "mcp:gh:create_issue", args = { title = "Typo", state = "open" } }]
"""


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose packs are those in `rules/`, with a list of a server beside it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "160")
    for variable in (mark for marks in MARKS.values() for mark in marks):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "project"
    (folder / "rules").mkdir(parents=True)
    create_project(folder, '[packs]\npaths = ["rules"]\n')
    (folder / "rules" / "none.toml").write_text(
        PACK.split("[[rule]]")[0].replace("issues", "none"), encoding="utf-8"
    )
    open_journal(load_config(folder).journal.url, base=folder, create=True).close()
    (folder / "list.json").write_text(json.dumps(LIST), encoding="utf-8")
    return folder


@pytest.fixture(name="here")
def _here(capsys: pytest.CaptureFixture[str]) -> Here:
    """Runs a command as it stands; its exit code."""

    def here(*words: str) -> int:
        code = cli.main(words)
        capsys.readouterr()
        return code

    return here


def recorded(project: Path) -> str:
    file = project / "rules" / "recorded-tools.toml"
    return file.read_text(encoding="utf-8") if file.exists() else ""


@pytest.fixture(name="words")
def _words(project: Path) -> tuple[str, ...]:
    return "tools", "--list", str(project / "list.json"), "--server", "gh"


def test_a_recorded_list_lets_rules_look_at_arguments(
    project: Path, run: Run, here: Here, key: tuple[str, str], words: tuple[str, ...]
) -> None:
    """From the list to a denied call: `check`, `decide`, `why`, and a session."""
    (project / "rules" / "issues.toml").write_text(PACK, encoding="utf-8")
    assert here("check", str(project)) == 1
    assert "no arguments" in run("tools")[1]

    code, out, err = run(*words, "--record", *key)
    assert (code, err) == (0, "")
    assert "1 tool recorded" in out
    assert "to be in force" not in out

    assert here("check", str(project)) == 0
    assert here("check", str(project / "rules" / "issues.toml")) == 0
    assert here("test", str(project / "rules" / "issues.toml")) == 0
    for args, action in (
        ({"title": "our SECRET"}, "deny"),
        ({"title": "a typo"}, "allow"),
        ({"title": ["Secret"]}, "ask"),
        ({"title": {"text": "Secret"}}, "ask"),
        ({"title": None}, "allow"),
        ({}, "allow"),
    ):
        asked = ("--tool", "mcp:gh:create_issue", "--args", json.dumps(args), "--format", "json")
        assert json.loads(run("decide", *asked)[1])["action"] == action, args
    _, out, _ = run("why", "--tool", "mcp:gh:create_issue", "--args", '{"title": "our SECRET"}')
    assert "when.args.title" in out
    assert "args.title = `our`" in out
    with Engine.open(project) as engine:
        session = engine.start("s")
        session.turn("File it")
        verdict = session.tool("mcp:gh:create_issue", {"title": "our SECRET"}, call_id="c")
        assert verdict.denied
        assert "`our SECRET` tells too much." in verdict.message


def test_without_record_nothing_is_written(project: Path, run: Run, words: tuple[str, ...]) -> None:
    """To look at what would be recorded needs no person."""
    code, out, _ = run(*words)

    assert code == 0
    assert "open or closed" in out
    assert "nothing was written" in out
    assert recorded(project) == ""


def test_recording_is_a_persons(
    project: Path, run: Run, here: Here, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither without a terminal nor inside a host; nor is a server started there."""
    server = ("--server", "t", "--dir", str(project), "--", sys.executable, SERVER)
    for code in ("GOV602", "GOV601"):
        assert run(*words, "--record")[0] == 2
        assert code in run(*words, "--record")[2]
        assert here("tools", *server) == 2
        monkeypatch.setenv(MARKS["claude-code"][0], "1")
    assert recorded(project) == ""


def test_calls_of_the_journal_are_recorded_without_their_values(
    project: Path, run: Run, here: Here, key: tuple[str, str]
) -> None:
    """Names and types alone, of what was let through; tools of a host by its name for them."""
    with Engine.open(project) as engine:
        session = engine.start("s")
        session.turn("Go")
        session.tool("mcp:db:query", {"sql": "s3cr3t-value", "limit": 5}, call_id="a")
        session.tool("mcp:db:query", {"sql": "x", "limit": 2.5, "deep": {"a": 1}}, call_id="b")
        session.tool("Lookup", {"word": "w"}, call_id="c")
        session.tool("shell", {"command": "ls"}, call_id="d")
    code, out, _ = run("tools", "--from-journal", "--record", "--format", "json", *key)

    told = json.loads(out)
    assert code == 0
    assert {one["tool"]: one["args"] for one in told["tools"]} == {
        "mcp:db:query": {"deep": "any", "limit": "float", "sql": "str"},
        "native:python:Lookup": {"word": "str"},
    }
    assert told["in_force"] is True
    assert "s3cr3t-value" not in recorded(project)
    assert here("check", str(project)) == 0


def test_a_server_is_asked_and_joins_what_is_known(
    project: Path, run: Run, here: Here, key: tuple[str, str], words: tuple[str, ...]
) -> None:
    """Its tools come beside those of the others."""
    assert run(*words, "--record", *key)[0] == 0
    asked = ("--server", "t", "--record", *key, "--dir", str(project), "--", sys.executable, SERVER)

    assert here("tools", *asked) == 0
    found = json.loads(run("tools", "--format", "json")[1])["tools"]
    assert [one["tool"] for one in found] == ["mcp:gh:create_issue", "mcp:t:drop", "mcp:t:echo"]
    assert {one["from"] for one in found} == {"list"}


def test_no_pack_of_rules_is_written_over(
    project: Path, run: Run, key: tuple[str, str], words: tuple[str, ...]
) -> None:
    """A file that holds anything but schemas, or is damaged, stays byte for byte."""
    for text in (PACK, "format = 1\n[[schema]]\n"):
        file = project / "rules" / "issues.toml"
        file.write_text(text, encoding="utf-8")
        code, _, err = run(*words, "--record", "--into", str(file), *key)

        assert code == 2
        assert "GOV637" in err
        assert file.read_text(encoding="utf-8") == text


def test_a_record_elsewhere_is_told_to_be_out_of_force(
    project: Path, run: Run, key: tuple[str, str], words: tuple[str, ...]
) -> None:
    """What `[packs] paths` does not name tells rules nothing."""
    code, out, _ = run(*words, "--record", "--into", str(project / "more-tools.toml"), *key)

    assert code == 0
    assert "to be in force" in out
    assert 'name = "more-tools"' in (project / "more-tools.toml").read_text(encoding="utf-8")


def test_a_record_that_goes_missing_refuses(
    project: Path, run: Run, key: tuple[str, str], words: tuple[str, ...]
) -> None:
    """An engine that runs keeps the old law, and a new one does not open."""
    (project / "rules" / "issues.toml").write_text(PACK, encoding="utf-8")
    assert run(*words, "--record", *key)[0] == 0
    asked = ("decide", "--tool", "mcp:gh:create_issue", "--args", '{"title": "x"}')
    assert run(*asked)[0] == 0
    (project / "rules" / "recorded-tools.toml").unlink()

    code, _, err = run(*asked)
    assert code == 2
    assert "GOV221" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--record",), "say what is recorded"),
        (("--list", "list.json"), "--server NAME"),
        (("--list", "list.json", "--server", "a*"), "--server NAME"),
        (("--list", "gone.json", "--server", "gh"), "GOV610"),
        (("--list", "governance.toml", "--server", "gh"), "GOV636"),
        (("--list", "error.json", "--server", "gh"), "GOV636"),
    ],
)
def test_what_cannot_be_is_told(
    project: Path, run: Run, words: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with a code or the option that is missing, and nothing is written."""
    monkeypatch.chdir(project)
    (project / "error.json").write_text('{"error": {"message": "no"}}', encoding="utf-8")
    code, _, err = run("tools", *words)

    assert code == 2
    assert told in err
    assert recorded(project) == ""
