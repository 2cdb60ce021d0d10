"""`governance decide --history`: a past of any events, told line by line."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from governance import cli
from governance.config import default_toml
from tests.integration.conftest import made_project

PACK = """
format = 1
[pack]
name = "past"
version = "1.0.0"
summary = "Rules that look back."

[[rule]]
id = "past.read-first"
tools = ["edit"]
requires = { tools = ["read"], same = ["path"], within = "context" }
action = "deny"
message = "Read it first."
must_match = [{ tool = "edit", path = "a" }]
must_not_match = [{ tool = "edit", path = "a", after = [{ tool = "read", path = "a" }] }]

[[rule]]
id = "past.yes"
tools = ["delete"]
requires = { on = "prompt", when = { prompt = { regex = "^yes" } }, within = "turn" }
action = "deny"
message = "Ask first."
must_match = [{ tool = "delete", path = "a" }]
must_not_match = [{ tool = "delete", path = "a", after = [{ prompt = "yes" }] }]

[[rule]]
id = "past.one"
tools = ["fetch"]
limit = { max = 1, per = "10m" }
action = "deny"
message = "One."
must_match = [{ tool = "fetch", url = "https://a.b/", repeat = 1 }]
must_not_match = [{ tool = "fetch", url = "https://a.b/" }]

[[rule]]
id = "past.file"
tools = ["todo"]
requires = { file = "./plan.md" }
action = "deny"
message = "No plan."
must_match = [{ tool = "todo" }]
must_not_match = [{ tool = "todo", files = ["plan.md"] }]
"""

Run = Callable[[tuple[str, dict], Sequence[object] | None], tuple[int, str]]

EDIT = ("edit", {"path": "a"})
DELETE = ("delete", {"path": "a"})
FETCH = ("fetch", {"url": "https://a.b/"})


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    config = default_toml().replace('["shipped"]', '["past.toml"]')
    return made_project(tmp_path, monkeypatch, config, {"past.toml": PACK})


@pytest.fixture(name="run")
def _run(project: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(call: tuple[str, dict], past: Sequence[object] | None) -> tuple[int, str]:
        code = cli.main(words_of(project, call, past))
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def words_of(project: Path, call: tuple[str, dict], past: Sequence[object] | None) -> list[str]:
    tool, args = call
    words = ["decide", "--dir", str(project), "--tool", tool, "--args", json.dumps(args)]
    if past is not None:
        file = project / "past.jsonl"
        lines = [one if isinstance(one, str) else json.dumps(one) for one in past]
        file.write_text("\n".join(lines))
        words += ["--history", str(file)]
    return [*words, "--format", "json"]


READ = {"tool": "read", "args": {"path": "./a"}}


@pytest.mark.parametrize(
    ("call", "past", "action"),
    [
        (EDIT, [READ], "allow"),
        (EDIT, [], "deny"),
        (EDIT, [READ | {"outcome": "failed"}], "deny"),
        (EDIT, [READ, {"event": "compact"}], "deny"),
        (EDIT, [READ, {"event": "turn"}], "allow"),
        (EDIT, [READ, {"event": "reset"}], "deny"),
        (DELETE, [{"prompt": "yes"}], "allow"),
        (DELETE, [{"prompt": "yes"}, {"prompt": "wait"}], "deny"),
        (DELETE, [{"prompt": "yes"}, {"prompt": "x", "prompt_source": "agent"}], "allow"),
        (DELETE, [{"prompt": "yes", "outcome": "denied"}], "deny"),
        (FETCH, [{"tool": "fetch", "args": {"url": "https://c.d/"}}], "deny"),
        (FETCH, [{"tool": "fetch", "args": {}, "at": "2001-01-01T00:00:00Z"}], "allow"),
        (FETCH, [{"command": "anything", "arguments": ["x"]}], "allow"),
    ],
)
def test_a_past_decides(run: Run, call: tuple[str, dict], past: list, action: str) -> None:
    """What went before is put through the monitors that sessions have."""
    code, output = run(call, past)

    assert code == 0, output
    told = json.loads(output)
    assert (told["action"], told["skipped"]) == (action, [])


def test_without_a_past_nothing_is_denied_for_want_of_it(run: Run) -> None:
    """Rules that need one are named, and the others decide."""
    told = json.loads(run(EDIT, None)[1])

    assert (told["action"], told["skipped"]) == ("allow", ["past.read-first"])


def test_files_are_looked_for_without_a_session_too(project: Path, run: Run) -> None:
    """A rule that only asks for a file needs no past."""
    before = json.loads(run(("todo", {}), None)[1])
    (project / "plan.md").write_text("x")
    after = json.loads(run(("todo", {}), None)[1])

    assert (before["action"], before["rules"]) == ("deny", ["past.file"])
    assert after["action"] == "allow"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "GOV612"),
        ("[]", "GOV612"),
        ({"args": {}}, "says nothing that happened"),
        ({"tool": "read", "arg": {}}, "did you mean `args`"),
        ({"tool": "read", "outcome": "fine"}, "unknown outcome `fine`"),
        ({"tool": "read", "repeat": 0}, "`repeat` is"),
        ({"tool": "read", "repeat": True}, "`repeat` is"),
        ({"tool": "read", "at": "soon"}, "`at` is no moment"),
        ({"tool": "read", "args": []}, "`args` is no object"),
        ({"event": "compacted"}, "unknown event"),
        ({"command": "x", "arguments": "y"}, "`arguments` is no array"),
    ],
)
def test_a_line_that_tells_nothing_is_named(run: Run, line: object, said: str) -> None:
    """The file, the line and the mistake are told, and nothing is decided."""
    code, output = run(EDIT, [READ, line])

    assert code == 2
    assert said in output
    assert '"line": 2' in output
