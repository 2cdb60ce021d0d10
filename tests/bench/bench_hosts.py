"""
What a hook costs: from a payload's bytes to the answer's over `json.loads` of it, and its whole
process over a bare interpreter, with the local service and without.

Each function gives ``(measured, bound)``. The payload is a captured one of Claude Code.
Processes are run in pairs, one after the other, and the median of their ratios counts.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from governance._shipped import pack_texts
from governance.engine import Engine
from governance.engine.reloading import SETTLED_NS
from governance.hooking.claude.answers import answer
from governance.hooking.command_line import HOOK_FILE, import_folders
from governance.hooking.payload import read_payload
from governance.hosts.claude_code.settings import STATUS_FILE
from governance.hosts.claude_code.tools import TOOLS
from governance.hosts.claude_code.translate import translate
from governance.rules.deciding import History, RuleEvent
from governance.rules.facts import facts_of_call, session_facts
from governance.session.replies import Reply
from governance.testing.engines import PLACES, law_of
from governance.testing.services import running_service
from tests.bench.bench_rules import _ratio
from tests.bench.projects import make_project

_KNOWN = History(known=True)
_PAYLOAD = {
    "session_id": "7f2d8c1e-53a4-4c9b-9d0e-6b1a2c3d4e5f",
    "transcript_path": "/home/user/.claude/projects/-project/7f2d8c1e.jsonl",
    "cwd": "/project",
    "prompt_id": "0b9a8f7e-6d5c-4b3a-2918-070605040302",
    "permission_mode": "default",
    "hook_event_name": "PreToolUse",
    "tool_name": "Bash",
    "tool_input": {
        "command": "git -C packages/web status --short && npm run test -- --runInBand",
        "description": "Show what has changed, and test it",
    },
    "tool_use_id": "toolu_01AbCdEfGhIjKlMnOpQrStUv",
}


def payload_to_answer(_folder: Path) -> tuple[float, float]:
    """
    Reading, translating, deciding by the shipped packs and answering, over `json.loads`.

    The store is left out: what a durable decision costs is measured beside the bare write.
    """
    law = law_of(*pack_texts().values(), tools=[TOOLS])
    data = json.dumps(_PAYLOAD).encode()

    def work() -> bytes:
        payload = read_payload(data, "PreToolUse", lenient=False)
        (command,) = translate(payload, {}).commands
        assert command.call is not None
        facts = {**session_facts(host=command.host, turn=1), **facts_of_call(command.call, PLACES)}
        decision = law.rules.decide(RuleEvent("tool", facts, command.call), _KNOWN)
        reply = Reply("tool_before", decision.action, "between-turn", decision.message)
        return answer(payload, [reply], 0).out

    return _ratio(work, lambda: json.loads(data)), 15.0


BARE = (sys.executable, "-I", "-S", "-c", "pass")
RULES = 200
_RULE = """
[[rule]]
id = "bench.rule-{number}"
tools = ["shell"]
when.command = {{ contains = "never-{number}" }}
action = "deny"
message = "No."
must_match = [{{ tool = "shell", command = "never-{number} x" }}]
must_not_match = [{{ tool = "shell", command = "ls" }}]
"""
_PACK = """format = 1
[pack]
name = "bench"
version = "1.0.0"
summary = "As many rules as a large project has."
"""


def _project(folder: Path) -> Path:
    project = folder / "project"
    project.mkdir()
    (project / "bench.toml").write_text(
        _PACK + "".join(_RULE.format(number=number) for number in range(RULES))
    )
    return make_project(folder, '[packs]\npaths = ["bench.toml"]\n').project


def _process(words: tuple[str, ...], data: bytes = b"") -> float:
    start = time.perf_counter()
    subprocess.run(words, check=True, input=data, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def hook_words(project: Path, event: str = "PreToolUse") -> tuple[str, ...]:
    """The command line of the hook that Claude Code calls for *event*."""
    paths = tuple(word for folder in import_folders() for word in ("--path", folder))
    given = ("--host", "claude-code", "--dir", str(project), "--event", event)
    return (sys.executable, "-I", "-S", str(HOOK_FILE), *given, *paths)


def _paired(project: Path, rounds: int) -> float:
    words = hook_words(project)
    for number in range(3):
        _process(words, payload_of(f"warm{number}"))
    # Both are given it, for what starts them takes its time as well.
    payloads = [payload_of(str(number)) for number in range(rounds)]
    return statistics.median(_process(words, data) / _process(BARE, data) for data in payloads)


def payload_of(number: str, **more: object) -> bytes:
    """The captured payload as that of another call, with *more*."""
    return json.dumps({**_PAYLOAD, "tool_use_id": f"toolu_{number}", **more}).encode()


def hook_with_service(folder: Path, *, rounds: int = 101) -> tuple[float, float]:
    """
    The whole process of a hook of a project of 200 rules, the service running.

    Rules that were written just now are read again at each call, until they have settled.
    """
    project = _project(folder)
    with running_service(project):
        time.sleep(SETTLED_NS / 1e9)
        return _paired(project, rounds), 1.5


def hook_without_service(folder: Path, *, rounds: int = 21) -> tuple[float, float]:
    """The same with a service that nobody may use; what is compiled of the packs is kept."""
    project = _project(folder)
    with (project / "governance.toml").open("a") as stream:
        stream.write("[service]\nenabled = false\n")
    return _paired(project, rounds), 12.0


LINE_TURNS = 240
"""Turns of a session with a call each: close to the 1,000 rows after which a state is kept."""


def status_line(folder: Path, *, rounds: int = 101) -> tuple[float, float]:
    """
    The whole process of the status line, at its slowest: no state of the session is kept yet.

    Two bare interpreters and a half: one that starts, and as long again for SQLite, the rows
    and our own modules, whose bytes are compiled.
    """
    project = _project(folder)
    with Engine.open(project) as engine:
        session = engine.start("s", host="claude-code")
        for number in range(LINE_TURNS):
            session.turn("go on")
            session.tool("read", {"path": "a"}, call_id=str(number))
            session.tool_finished(str(number), outcome="ok")
            session.turn_ended()
    paths = tuple(word for one in import_folders() for word in ("--path", one))
    words = (sys.executable, "-I", "-S", str(STATUS_FILE), "--dir", str(project), *paths)
    data = json.dumps({"session_id": "s"}).encode()
    _process(words, data)
    return statistics.median(_process(words, data) / _process(BARE, data) for _ in range(rounds)), 3
