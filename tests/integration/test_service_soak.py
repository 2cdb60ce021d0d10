"""
Hooks of eight processes on one store, their service killed again and again.

`GOVERNANCE_SOAK_CALLS=10000` makes the long one of it; without it the run is short.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.engine import Engine
from governance.formats import body_of
from governance.hooking.command_line import HOOK_FILE, import_folders
from governance.hosts.claude_code.tools import TOOLS
from governance.service.client import stop
from governance.testing.services import kill_services, services_of
from tests.integration.test_service import HOST, Place, placed

CALLS = int(os.environ.get("GOVERNANCE_SOAK_CALLS", "320"))
PROCESSES = 8
KILL_SECONDS = 4.0 if CALLS < 1_000 else 60.0
"""How long a service lives before it is killed: a short run must see it too."""

DRIVER = """
import json, subprocess, sys
number, calls, words = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
for at in range(calls):
    event = ("PreToolUse", "PostToolUse")[at % 2]
    call = f"t{number}-{at // 2}"
    denied = at // 2 % 5 == 4
    payload = {
        "hook_event_name": event, "session_id": f"s{number}", "cwd": "/", "tool_name": "Bash",
        "tool_use_id": call, "tool_input": {"command": "forbidden" if denied else "fine"},
    }
    if event == "PostToolUse":
        payload["tool_response"] = {"stdout": "x", "stderr": ""}
        if denied:
            payload |= {"hook_event_name": "Stop"}
            event = "Stop"
    given = [word.replace("EVENT", event) for word in words]
    done = subprocess.run(given, input=json.dumps(payload).encode(), capture_output=True)
    expected = event == "PreToolUse" and denied
    right = done.returncode == 0 and not done.stderr and (b"OWN-DENIED" in done.stdout) is expected
    if not right or (not expected and done.stdout):
        print(call, event, done)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A project with a service that its hooks start."""
    with placed(tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.timeout(3_600)
def test_soak(place: Place) -> None:
    """No journal row is lost or doubled, and no process, socket or file is left."""
    home = place.home
    words = [sys.executable, "-I", "-S", str(HOOK_FILE), "--host", HOST]
    words += ["--dir", str(place.project), "--event", "EVENT"]
    words += [word for folder in import_folders() for word in ("--path", folder)]
    with (place.project / "governance.toml").open("a") as stream:
        # A machine that is busy with other work must not make a late answer of a right one.
        stream.write("[hosts.claude-code]\ndeadline_ms = 28_000\n")
    place.hook("Stop", session_id="first")
    files = sorted((place.project / ".governance").iterdir())
    each = CALLS // PROCESSES
    drivers = [
        subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(number), str(each), json.dumps(words)],
            env=dict(place.environment),
            stdout=subprocess.PIPE,
        )
        for number in range(PROCESSES)
    ]
    wrong: list[bytes] = []
    readers = [
        threading.Thread(target=lambda one=one: wrong.append(one.communicate()[0]))
        for one in drivers
    ]
    for one in readers:
        one.start()
    killed = 0
    while any(one.is_alive() for one in readers):
        for _ in range(int(KILL_SECONDS * 20)):
            time.sleep(0.05 * any(one.is_alive() for one in readers))
        killed += kill_services(home)

    assert b"".join(wrong).decode() == ""
    assert killed
    with Engine.open(place.project, tools=(TOOLS,)) as engine:
        journal = engine.journal
        for number in range(PROCESSES):
            rows = journal.read(f"s{number}", limit=10_000)
            assert [one.seq for one in rows] == list(range(1, len(rows) + 1))
            assert journal.verify(f"s{number}").findings == ()
            kinds = Counter(one.kind for one in rows)
            calls = each // 2
            asked = Counter(body_of(one)["call_id"] for one in rows if one.kind == "tool.decided")
            assert asked == {f"t{number}-{at}": 1 for at in range(calls)}
            denied = sum(at % 5 == 4 for at in range(calls))
            assert kinds["tool.finished"] == calls - denied
    stop()
    assert services_of(home) == ()
    left = [one for one in (place.project / ".governance").iterdir() if one not in files]
    assert [one.name for one in left if not one.name.startswith("journal.db")] == []
    folder = home / ".local/state/session-governance/service"
    assert {one.suffix for one in folder.iterdir()} <= {".lock", ".sock"}
