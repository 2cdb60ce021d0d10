"""
Stands before a hook: writes down what it is given, and runs it at a time of our own.

Args: the log file, and the hook's own command. How long a person and a model take before
each event is in the table below; the clock of the hook is moved on by as much.
"""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

START_MS = 1_780_000_000_000
AWAY_MS = 3 * 3_600_000
PAUSE_MS = {
    "SessionStart": 900,
    "UserPromptSubmit": 48_000,
    "PreToolUse": 6_200,
    "PostToolUse": 800,
    "PostToolUseFailure": 800,
    "PostToolBatch": 40,
    "Stop": 5_100,
    "SubagentStart": 350,
    "SubagentStop": 4_400,
    "PreCompact": 31_000,
    "PostCompact": 60,
    "SessionEnd": 12_000,
}


def main() -> int:
    data = sys.stdin.buffer.read()
    stdin = json.loads(data)
    event = stdin["hook_event_name"]
    env = {name: os.environ[name] for name in ("CLAUDE_ENV_FILE",) if name in os.environ}
    pause_ms = AWAY_MS if stdin.get("source") == "resume" else PAUSE_MS[event]
    with Path(sys.argv[1]).open("a+", encoding="utf-8") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.seek(0)
        before = log.read().splitlines()
        at_ms = json.loads(before[-1])["at_ms"] if before else 0
        at_ms += pause_ms + int(stdin.get("duration_ms", 0))
        line = {"at_ms": at_ms, "event": event, "env": env, "stdin": stdin}
        log.write(json.dumps(line) + "\n")
    command = [*sys.argv[2:], "--now-ms", str(START_MS + at_ms)]
    return subprocess.run(command, input=data, timeout=60).returncode


sys.exit(main())
