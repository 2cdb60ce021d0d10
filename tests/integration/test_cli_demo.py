"""`governance demo`: what it shows, what it leaves, and that every command works on that."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import click
import pytest

from governance import cli
from governance._shipped import BY_NAME, recording_text
from governance.cli.app import HOMES, app
from governance.cli.demo import PAYLOAD, TRY_NEXT, command_folder
from governance.cli.frame import GovernedCommand
from governance.cli.replaying import read_recording
from governance.errors import MisuseError
from governance.project import Project
from governance.testing.services import services_of
from tests.integration.conftest import ROOT, Demo, make_place, run_demo

RUN_BY_ITSELF = frozenset(
    {"demo", "erase", "import", "restore", "switch", "merge", "archive", "unarchive"}
)
"""What needs no project of the demo, or files that it has not; tested with its own command."""
SERVER_TOOLS = """{"tools": [{"name": "create_issue", "inputSchema": {
    "type": "object", "properties": {"title": {"type": "string"}}}}]}"""
ENDLESS = ("--follow", "--listen", "serve --http")
"""What goes on until it is interrupted."""
FORCED = 'id = "git.no-force-push"'


def rows(demo: Demo, session: str) -> list[dict[str, Any]]:
    done = demo.place.run("log", session, "--format", "jsonl", "--dir", str(demo.project))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_demo_succeeds_and_says_no_more_than_it_must(demo: Demo) -> None:
    """It exits with 0, writes nothing to standard error, and its hooks log no failure."""
    assert demo.shown.returncode == 0, demo.shown.stdout + demo.shown.stderr
    assert demo.shown.stderr == ""
    assert not (demo.project / ".governance" / "governance.log").exists()


def test_without_a_service_it_is_the_same(demo: Demo, tmp_path: Path) -> None:
    """Every row at its time, every decision and what was told; of the service nothing is left."""
    alone = run_demo(tmp_path, service="off")

    assert alone.shown.returncode == 0, alone.shown.stdout + alone.shown.stderr
    assert [served_calls(demo) > 20, served_calls(alone)] == [True, 0]
    assert history(demo) == history(alone)
    assert decisions(demo) == decisions(alone)
    assert services_of(demo.place.home) == ()


def served_calls(demo: Demo) -> int:
    """Rows that a service wrote: by the name that it shares with a hook that may give it up."""
    return sum(str(row["key"]).startswith("call:") for row in rows(demo, "demo"))


def history(demo: Demo) -> list[tuple[str, str, int]]:
    """Session, kind and time of every row, from the first one."""
    found = [
        (name, row["kind"], row["at_ms"]) for name in sessions(demo) for row in rows(demo, name)
    ]
    return [(name, kind, at_ms - found[0][2]) for name, kind, at_ms in found]


def test_each_recorded_call_is_shown_with_its_decision(demo: Demo) -> None:
    """Every tool call of the journal stands in the text, with what was decided about it."""
    decided = [row for row in rows(demo, "demo") if row["kind"] == "tool.decided"]
    lines = demo.shown.stdout.splitlines()

    assert len(decided) > 10
    assert {row["body"]["data"]["action"] for row in decided} >= {"allow", "deny"}
    for row in decided:
        data = row["body"]["data"]
        assert any(
            re.match(rf"\d+:\d\d:\d\d +{data['action']} +{data['tool']} ", line) for line in lines
        ), data


def test_why_is_shown(demo: Demo) -> None:
    """Rules that denied are named, violations are counted, steps of escalation are told."""
    text = demo.shown.stdout
    counted = [
        row["body"]["data"] for row in rows(demo, "demo") if row["kind"] == "violation.counted"
    ]

    assert counted
    for one in counted:
        assert f"[{one['rule']}]" in text
        assert f"counted: {one['severity']}, by {one['rule']}" in text
    assert "escalated by" in text


def test_every_injected_text_is_shown(demo: Demo) -> None:
    """What the model was told stands there, line by line."""
    texts = [
        row["body"]["reply"]["injection"]["text"]
        for row in rows(demo, "demo")
        if row["body"].get("reply", {}).get("injection")
    ]
    shown = " ".join(re.sub(r"[│╭╰─╮╯]", " ", demo.shown.stdout).split())

    assert len(texts) == 3
    for text in texts:
        plain = text.replace(f"{demo.project.resolve()}/", "")
        assert " ".join(plain.split()) in shown


def test_the_path_is_drawn(demo: Demo) -> None:
    """The states that the session was in stand in order, and as pictures in the folder."""
    drawn = demo.shown.stdout.split("The path that the session took")[1].split("In figures")[0]
    states = re.findall(r"[○●] (\S+)", drawn)

    assert states[:3] == ["Absent", "Beginning", "Between-Turn"]
    assert {"Compacted", "Resumed"} <= set(states)
    assert states[-1] == "Ended"
    assert (demo.project / "demo.svg").read_bytes().startswith(b"<svg")
    assert (demo.project / "demo.png").read_bytes().startswith(b"\x89PNG")


def test_the_figures_are_those_of_the_journal(demo: Demo) -> None:
    """Calls, denials and rows at the end are what the journal holds."""
    figures = " ".join(demo.shown.stdout.split("In figures")[1].split())
    told = [row for name in sessions(demo) for row in rows(demo, name)]
    decided = [row["body"]["data"]["action"] for row in told if row["kind"] == "tool.decided"]

    assert f"hook calls {len(recording_text().splitlines())}, median " in figures
    assert (
        f"{len(decided)} asked, {decided.count('deny') + decided.count('halt')} denied" in figures
    )
    assert f"{len(told)} rows; the chain of all of them holds" in figures


def sessions(demo: Demo) -> list[str]:
    done = demo.place.run("sessions", "--format", "json", "--dir", str(demo.project))
    found = json.loads(done.stdout)
    listed = found["sessions"] if isinstance(found, dict) else found
    return [one["id"] for one in listed if one["id"].split("/")[0] == "demo"]


def test_it_fits_a_hundred_columns(demo: Demo) -> None:
    """No line is longer, but for commands that are there to be copied, and paths."""
    long = [line for line in demo.shown.stdout.splitlines() if len(line) > 100]

    assert [
        line for line in long if "governance" not in line and str(demo.project) not in line
    ] == []
    assert "\x1b" not in demo.shown.stdout


def test_nothing_lies_in_the_future(demo: Demo) -> None:
    """Every row has a time before now, in the order of the recording, hours apart."""
    times = [row["at_ms"] for row in rows(demo, "demo")]

    assert times == sorted(times)
    assert times[-1] < time.time() * 1000
    assert times[-1] - times[0] > 3 * 3_600_000


def test_the_clock_of_the_project_is_fixed_again(demo: Demo) -> None:
    """Once the demo is over nothing lets its hooks be told another time."""
    assert not list(demo.place.home.rglob("replay"))


def test_what_the_agent_tried_was_not_run(demo: Demo) -> None:
    """The folder holds what the demo made and nothing that the recorded agent wrote."""
    names = {path.name for path in demo.project.iterdir()}

    assert names >= {"governance.toml", ".governance", ".claude", PAYLOAD, "demo.svg"}
    assert not names & {"shop", "test_login.py", ".git", ".env"}


def examples() -> list[tuple[str, str]]:
    """(command, line) of every example in the help of every command."""
    found = []
    context = click.Context(app)
    for name in HOMES:
        command = app.get_command(context, name)
        assert isinstance(command, GovernedCommand)
        assert command.examples, f"`{name}` teaches by no example"
        if name not in RUN_BY_ITSELF:
            found += [(name, one.line) for one in command.examples]
    return found


@pytest.mark.parametrize("line", sorted({one.line for one in TRY_NEXT}))
def test_what_is_named_to_be_tried_works(demo: Demo, line: str) -> None:
    """Each command at the end of the demo runs on the folder that it left."""
    done = demo.place.shell(["/bin/sh", "-c", line], within=demo.project)

    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize(("name", "line"), examples())
def test_every_example_of_the_help_works(demo: Demo, name: str, line: str) -> None:
    """Each example in the help of each command runs there, for a person with the key."""
    key = {"GOVERNANCE_KEY_FILE": str(demo.key())}
    (demo.project / "gh-tools.json").write_text(SERVER_TOOLS, encoding="utf-8")
    if any(word in line for word in ENDLESS):
        line = f"timeout --foreground --preserve-status --signal=INT 3 {line}"
    done = demo.place.shell(["/bin/sh", "-c", line], within=demo.project, **key)

    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_hook_can_be_tried_by_hand(demo: Demo) -> None:
    """The payload that is left is answered: briefed first, then judged by the rules."""
    line = f'governance hook claude-code --dir "$PWD" --event PreToolUse < {PAYLOAD}'
    answers = [
        demo.place.shell(["/bin/sh", "-c", line], within=demo.project).stdout for _ in range(3)
    ]

    assert all(json.loads(one)["hookSpecificOutput"] for one in answers)
    assert "git.no-force-push" in answers[-1]


@pytest.mark.parametrize("words", [("--help",), ("claude-code", "--help")])
@pytest.mark.parametrize("name", ["hook", "statusline"])
def test_quick_commands_have_a_page(
    name: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Commands that hosts call are explained like all others."""
    assert cli.main([name, *words]) == 0
    assert "Examples:" in capsys.readouterr().out


def test_a_hook_with_its_words_in_another_order_answers(demo: Demo) -> None:
    """What does not take the quick way is given to the same adapter."""
    line = f'governance hook --dir "$PWD" --event PreToolUse claude-code < {PAYLOAD}'
    done = demo.place.shell(["/bin/sh", "-c", line], within=demo.project)

    assert done.returncode == 0
    assert "permissionDecision" in done.stdout


def test_a_command_that_no_shell_finds_tells_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Called by its path, as the README does, it says what the next lines need; else nothing."""
    command = tmp_path / "governance"
    command.touch(mode=0o755)
    monkeypatch.setattr("sys.argv", [str(command), "demo"])

    monkeypatch.setenv("PATH", "/nowhere")
    assert command_folder() == tmp_path
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command_folder() is None


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    """A folder that holds anything is refused, and nothing is made."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("x")
    place = make_place(tmp_path)

    done = place.run("demo", "--dir", "mine")

    assert done.returncode == 2
    assert "not empty" in done.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]
    assert list(place.home.iterdir()) == []


def test_a_folder_without_packs_is_refused(tmp_path: Path) -> None:
    """`--packs` names packs, or the demo says so."""
    (tmp_path / "none").mkdir()

    done = make_place(tmp_path).run("demo", "--dir", "tried", "--packs", "none")

    assert done.returncode == 2
    assert "`*.toml`" in done.stderr


@pytest.mark.parametrize(
    "text", ["", "{}", "nonsense", '{"at_ms": "1", "event": "Stop", "stdin": {}}']
)
def test_a_recording_that_is_none_is_refused(text: str) -> None:
    """A damaged recording is an error with its line, no half a session."""
    with pytest.raises(MisuseError, match="recording"):
        read_recording(text, Path("/p"))


def test_a_recording_becomes_this_folders(tmp_path: Path) -> None:
    """No recorded folder and no recorded id is left, even in a folder with odd signs."""
    odd = tmp_path / 'a "b" \\ é'
    recording = read_recording(recording_text(), odd)
    first = json.loads(recording_text().splitlines()[0])["stdin"]

    assert {one.text("session_id") for one in recording} == {"demo"}
    assert {one.text("cwd") for one in recording} == {str(odd)}
    whole = json.dumps([dict(one.values) for one in recording], default=dict)
    assert first["session_id"] not in whole
    assert f"{first['cwd']}/" not in whole
    assert Project(odd).key


def changed_packs(folder: Path) -> Path:
    """The shipped packs, in which forcing a push is only warned about."""
    folder.mkdir()
    for file in (ROOT / "rules").glob("*.toml"):
        if file.stem in BY_NAME:
            continue
        text = file.read_text(encoding="utf-8")
        if FORCED in text:
            before, rule = text.split(FORCED)
            changed = re.sub(r'action = "deny"', 'action = "warn"', rule, count=1)
            changed = re.sub(r'severity = "\w+"', 'severity = "low"', changed, count=1)
            text = before + FORCED + changed
        (folder / file.name).write_text(text, encoding="utf-8")
    return folder


def decisions(demo: Demo) -> list[tuple[str, str]]:
    """(intent, action) of every decided call, without the project's folder."""
    done = demo.place.run("log", "demo", "--format", "jsonl", "--dir", str(demo.project))
    made = [json.loads(line) for line in done.stdout.splitlines()]
    data: list[dict[str, Any]] = [
        row["body"]["data"] for row in made if row["kind"] == "tool.decided"
    ]
    folder = str(demo.project.resolve())
    return [(one["intent"].replace(folder, ""), one["action"]) for one in data]


def test_one_changed_rule_changes_the_demo(demo: Demo, tmp_path: Path) -> None:
    """A push that was denied is let through with a warning, and what hung on it changes too."""
    packs = changed_packs(tmp_path / "packs")

    other = run_demo(tmp_path, "--packs", str(packs))

    assert other.shown.returncode == 0, other.shown.stdout + other.shown.stderr
    push = "shell     git push --force origin main"
    assert re.search(rf"deny +{push}", demo.shown.stdout)
    assert re.search(rf"warn +{push}", other.shown.stdout)
    assert "in the recording it was refused; here it would have run" in other.shown.stdout
    before, after = decisions(demo), decisions(other)
    assert [intent for intent, _ in before] == [intent for intent, _ in after]
    differing = {
        intent: (old, new)
        for (intent, old), (_, new) in zip(before, after, strict=True)
        if old != new
    }
    assert differing.pop("shell git push --force origin main") == ("deny", "warn")
    # Two serious violations are not three: the step that switched tools off is not taken.
    assert set(differing.values()) <= {("deny", "allow")}
    assert "escalated by" in demo.shown.stdout
    assert "escalated by" not in other.shown.stdout
