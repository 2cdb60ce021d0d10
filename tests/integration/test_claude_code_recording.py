"""The recorded day of a real Claude Code session, decided again payload by payload."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen

from governance.config import load_config
from governance.engine import Engine
from governance.errors import DefinitionError
from governance.hooking import worker
from governance.hooking.claude.events import EVENTS
from governance.hooking.recording import Recorded, read_recording
from governance.hosts.claude_code.adapter import ADAPTER
from governance.hosts.claude_code.tools import TOOLS
from governance.journal.opening import open_journal
from governance.project import Project, create_project
from governance.rules.trust import grant_trust
from governance.states import State

RECORDING = Path(__file__).parents[2] / "examples" / "claude_session.jsonl"
START_MS = 1_780_000_000_000


@frozen
class Given:
    dir: str
    event: str
    now_ms: int | None
    home: str = ""
    config: str = ""
    state: str = ""


@define
class Line:
    """Stands where the client stands: hands in one payload and takes the answer."""

    data: bytes
    flushes: bool = True
    out: list[bytes] = field(factory=list)
    notes: list[str] = field(factory=list)

    def read(self) -> bytes:
        return self.data

    def serve(self) -> None:
        """Nobody starts a service here."""

    def limit(self, deadline_ms: int) -> None:
        assert deadline_ms > 0

    def answer(self, out: bytes, *, told: bool = False) -> bool:
        self.out.append(out)
        return self.flushes

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    create_project(folder, '[packs]\npaths = ["shipped"]\n')
    config = load_config(folder)
    open_journal(config.journal.url, base=config.directory, create=True).close()
    mark = Project(folder).replay_mark()
    mark.parent.mkdir(parents=True)
    mark.touch()
    return folder


def recording(project: Path) -> tuple[Recorded, ...]:
    return read_recording(RECORDING.read_text(), RECORDING.name, project, EVENTS)


def hook(project: Path, one: Recorded, *, flushes: bool = True) -> bytes:
    line = Line(one.stdin, flushes)
    worker.run(ADAPTER, Given(str(project), one.event, START_MS + one.at_ms), line)
    assert line.notes == []
    (out,) = line.out
    return out


def decided(project: Path, session: str) -> list[tuple[str, dict[str, Any]]]:
    with Engine.open(project, tools=(TOOLS,)) as engine:
        rows = engine.journal.read(session)
    return [(row.kind, json.loads(row.body)["data"]) for row in rows]


def test_recorded_day_is_decided_as_it_was(project: Path) -> None:
    """Each call that was refused on that day is refused again, and no other."""
    refused_then, refused_now = set(), set()
    for one in recording(project):
        out = hook(project, one)
        stdin = json.loads(one.stdin)
        if one.event == "PreToolUse":
            if b'"deny"' in out or b'"ask"' in out:
                refused_now.add(stdin["tool_use_id"])
            refused_then.add(stdin["tool_use_id"])
        elif one.event.startswith("PostToolUse"):
            refused_then.discard(stdin["tool_use_id"])

    assert refused_now == refused_then
    assert len(refused_now) == 5


def test_recorded_day_passes_its_states(project: Path) -> None:
    """Briefed, compacted, reminded, ended, resumed after the gap and ended once more."""
    payloads = recording(project)
    for one in payloads:
        hook(project, one)
    session = json.loads(payloads[0].stdin)["session_id"]

    kinds = [kind for kind, _ in decided(project, session)]
    for kind, times in {
        "session.created": 1, "session.compacted": 1, "session.resumed": 1, "session.ended": 2,
        "governance.injected": 3, "child.started": 1, "child.ended": 1, "task.completed": 1,
        "session.escalated": 1,
    }.items():  # fmt: skip
        assert kinds.count(kind) == times, kind
    with Engine.open(project, tools=(TOOLS,)) as engine:
        state = engine.state(session)
        assert state.state is State.ENDED
        assert state.open_calls == ()
        assert engine.journal.verify().ok


def test_unflushed_answer_briefs_nobody(project: Path) -> None:
    """A briefing whose answer never got out stays owed, and comes with the next answer.

    What stands beside a prompt counts once the turn goes on: another hook may refuse the prompt.
    """
    first, prompt, *rest = recording(project)

    assert b"additionalContext" in hook(project, first, flushes=False)

    assert b"additionalContext" in hook(project, prompt)
    session = json.loads(first.stdin)["session_id"]
    assert "governance.injected" not in [kind for kind, _ in decided(project, session)]
    hook(project, next(one for one in rest if one.event == "PreToolUse"))
    kinds = [kind for kind, _ in decided(project, session)]
    assert kinds.count("governance.injected") == 1
    assert kinds.index("governance.injected") < kinds.index("tool.decided")


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("strictness", ["deny", "ask", "allow"])
def test_unbound_call_gets_what_the_project_says(
    project: Path, strictness: str, trusted: bool
) -> None:
    """A call that names no session is refused, asked or let be, as a person has trusted."""
    config = project / "governance.toml"
    text = config.read_text() + f'\n[hosts.claude-code]\nunbound = "{strictness}"\n'
    config.write_text(text)
    if trusted:
        record = str(Project(project).trust_file())
        grant_trust(record, text, file=str(config), project=str(project), by="p", at_ms=0)
    else:
        strictness = "deny"
    (call, *_) = [one for one in recording(project) if one.event == "PreToolUse"]
    payload = {**json.loads(call.stdin), "session_id": ""}
    line = Line(json.dumps(payload).encode())

    worker.run(ADAPTER, Given(str(project), "PreToolUse", START_MS), line)

    assert line.notes == ["the payload names no session"]
    if strictness == "allow":
        assert line.out == [b""]
    else:
        made = json.loads(line.out[0])["hookSpecificOutput"]
        assert made["permissionDecision"] == strictness


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no line"),
        ("{", "no JSON"),
        ("[]", "object"),
        ('{"at_ms": -1}', "at_ms"),
        ('{"at_ms": 1, "event": "Nothing"}', "event"),
        ('{"at_ms": 1, "event": "Stop", "stdin": {"hook_event_name": "PreToolUse"}}', "stdin"),
    ],
)
def test_bad_recordings_are_refused(tmp_path: Path, text: str, told: str) -> None:
    """A line that is no payload is named with its number."""
    with pytest.raises(DefinitionError, match=told):
        read_recording(text, "x.jsonl", tmp_path, EVENTS)


def test_recording_never_goes_back(tmp_path: Path) -> None:
    """A recording whose time goes back is refused."""
    line = '{"at_ms": %d, "event": "Stop", "stdin": {"hook_event_name": "Stop"}}'
    with pytest.raises(DefinitionError, match=r"x\.jsonl:2"):
        read_recording(f"{line % 5}\n{line % 4}", "x.jsonl", tmp_path, EVENTS)
