"""`[notify]`: who is told, of what, how often and how long; and that nobody waits for it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.cli.recording import recording_engine
from governance.cli.trusting import _loosened_by_config
from governance.config import default_toml, read_config, until_trusted
from governance.engine import Engine
from governance.hosts.claude_code.tools import TOOLS
from governance.journal import open_journal
from governance.listeners import Listeners, listeners_of
from governance.project import Project, create_project
from governance.rules.trust import grant_trust
from governance.testing.engines import memory_engine

PACK = """
format = 1
[pack]
name = "team"
version = "1.0.0"
summary = "A rule of each kind that a person is told of."
[[rule]]
id = "team.ask"
tools = ["shell"]
when.command = "make publish"
action = "ask"
message = "May it be published?"
must_match = [{ tool = "shell", command = "make publish" }]
must_not_match = [{ tool = "shell", command = "make test" }]
[[rule]]
id = "team.halt"
tools = ["shell"]
when.command = "make burn"
action = "halt"
message = "Stop."
must_match = [{ tool = "shell", command = "make burn" }]
must_not_match = [{ tool = "shell", command = "make test" }]
"""
WRITE = "import sys; open(sys.argv[1], 'a').write(sys.stdin.readline())"
Making = Callable[..., Listeners]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    folder = tmp_path / "project"
    folder.mkdir()
    create_project(folder, default_toml())
    return folder


def config_text(code: str, *arguments: str, more: str = "") -> str:
    command = json.dumps([sys.executable, "-I", "-S", "-c", code, *arguments])
    return f"[notify]\ncommand = {command}\n{more}"


BYPASSED = {
    "tool": "shell", "action": "deny", "rules": [], "message": "no", "intent": "make burn",
    "why": "changed", "arguments": {},
}  # fmt: skip


def work(project: Path, text: str) -> list[str]:
    """Ask, halt and a gap in a session governed with *text*; the actions of the two calls."""
    listeners = listeners_of(read_config(text, "governance.toml", project))
    with memory_engine(PACK, listeners=listeners) as engine:
        session = engine.start("s-1")
        session.turn("go")
        actions = [
            session.tool("shell", {"command": line}, call_id=line).action
            for line in ("make publish", "make burn")
        ]
        gap = {"host": "python", "from": 1, "to": 2, "missed": 3}
        engine.record("s-1", "guard.gap", gap, actor="engine")
        engine.record("s-1", "guard.bypassed", BYPASSED, actor="engine")
    return actions


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not found() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found()


def told(file: Path) -> list[str]:
    lines = file.read_text().splitlines() if file.exists() else []
    return sorted(json.loads(line)["event"] for line in lines)


def logged(project: Path) -> str:
    file = Project(project).log_file
    return file.read_text() if file.exists() else ""


def test_a_person_is_told_at_once(project: Path) -> None:
    """Each of the four starts the program, which reads the event as one line of JSON."""
    file = project / "told"

    actions = work(project, config_text(WRITE, str(file)))

    assert actions == ["ask", "halt"]
    until(lambda: len(told(file)) == 4)
    assert told(file) == ["approval.asked", "guard.bypassed", "guard.gap", "session.halted"]
    assert logged(project) == ""


def test_only_what_is_asked_for_is_told(project: Path) -> None:
    """`on` chooses."""
    file = project / "told"

    work(project, config_text(WRITE, str(file), more='on = ["halt"]'))

    until(lambda: told(file) != [])
    time.sleep(0.3)
    assert told(file) == ["session.halted"]


def test_no_more_are_started_than_the_hour_may_have(project: Path) -> None:
    """The bound holds for all processes of the project together."""
    file = project / "told"
    text = config_text(WRITE, str(file), more="hourly_max = 2")

    work(project, text)
    work(project, text)

    until(lambda: len(told(file)) == 2)
    time.sleep(0.3)
    assert len(told(file)) == 2


def test_stamps_from_a_clock_that_went_back_silence_nobody(project: Path) -> None:
    """Starts that are noted for years from now do not count as those of this hour."""
    file = project / "told"
    text = config_text(WRITE, str(file), more="hourly_max = 2")
    work(project, text)
    until(lambda: len(told(file)) == 2)
    files = Project(project).state_directory().iterdir()
    (record,) = [one for one in files if one.is_file() and _stamps(one)]
    record.write_text("".join(f"{int(time.time()) + 86_400 * 365 + n}\n" for n in range(3)))

    work(project, text)

    until(lambda: len(told(file)) == 4)


def _stamps(file: Path) -> bool:
    lines = file.read_bytes().split()
    return len(lines) == 2 and all(one.isdigit() and len(one) == 10 for one in lines)


def test_a_program_that_hangs_is_ended_and_nobody_waits(project: Path) -> None:
    """Decisions and the end of the engine go on at once; the log says what became of it."""
    code = "import time; time.sleep(60)"
    begun = time.monotonic()

    actions = work(project, config_text(code, more='seconds_max = 1\non = ["halt"]'))

    assert time.monotonic() - begun < 20
    assert actions == ["ask", "halt"]
    until(lambda: "took longer than 1 s" in logged(project))


@pytest.mark.parametrize("command", [["/nowhere/tell"], [sys.executable, "-c", "exit(3)"]])
def test_a_program_that_fails_fails_no_decision(project: Path, command: list[str]) -> None:
    """What cannot be run, or ends badly, is a line in the log."""
    text = f"[notify]\ncommand = {json.dumps(command)}\non = ['halt']\n"

    assert work(project, text) == ["ask", "halt"]

    until(lambda: "notify `" in logged(project))


def test_nobody_is_told_before_a_person_trusts_it(project: Path) -> None:
    """An agent that writes the table into the project's file starts nothing with it."""
    config = read_config(config_text(WRITE, "x"), "governance.toml", project)

    assert config.notify.command
    assert until_trusted(config).notify.command == ()
    assert any("to tell a person" in one for one in _loosened_by_config(config))
    assert listeners_of(until_trusted(config)).describe() == ()


def test_a_persons_word_calls_no_untrusted_program(project: Path) -> None:
    """What `approve`, `pardon` and `doctor` write is told to trusted programs alone."""
    (project / "governance.toml").write_text(config_text(WRITE, "x"))
    open_journal(base=project, create=True).close()

    with recording_engine(Project(project)) as engine:
        assert engine.listeners.describe() == ()


def test_an_opened_project_tells_when_it_is_trusted(project: Path) -> None:
    """The whole way: the file, its trust, the engine of a host, the program."""
    file = project / "told"
    text = f'[packs]\npaths = ["team.toml"]\n{config_text(WRITE, str(file))}'
    (project / "governance.toml").write_text(text)
    (project / "team.toml").write_text(PACK)
    open_journal(base=project, create=True).close()

    for trusted in (False, True):
        if trusted:
            record = str(Project(project).trust_file())
            for name, content in (("governance.toml", text), ("team.toml", PACK)):
                grant_trust(record, content, file=name, project=str(project), by="me", at_ms=1)
        with Engine.open(project, tools=(TOOLS,)) as engine:
            session = engine.start(f"s-{trusted}")
            session.turn("go")
            session.tool("shell", {"command": "make publish"}, call_id="c")

    until(lambda: len(told(file)) >= 1)
    time.sleep(0.3)
    assert len(told(file)) == 1
