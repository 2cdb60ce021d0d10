"""
Hermes' own record of its sessions: a SQLite database in its home.

Hermes is governed by the one project that its home names, wherever its tools work, so that all
sessions are that project's. A session of a sub-agent is one like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from governance.hooking.transcripts import (
    TRANSCRIPTS_MAX,
    Transcript,
    TranscriptCall,
    entry_of,
    rows_in,
)
from governance.hosts.hermes.calls import CallRefused
from governance.hosts.hermes.client import PLUGIN
from governance.hosts.hermes.plugin import RECORD, recorded_project
from governance.hosts.hermes.settings import hermes_home

CALLS_MAX = 5_000
"""Calls that are read of one session, the newest of them."""

RESULT_CHARS_MAX = 20_000
"""How much of a result is looked at: an error is short."""

SKIPPED = "[Tool execution cancelled"
"""How Hermes begins the result of a call that it did not run after an interruption."""

_SESSIONS = "SELECT id FROM sessions ORDER BY started_at DESC LIMIT :most"
# A tool that is not there has no name beside its result.
_RESULTS = """
SELECT tool_call_id, timestamp, substr(content, 1, :chars) FROM messages
WHERE session_id = :session AND role = 'tool' AND tool_name IS NOT NULL
ORDER BY id DESC LIMIT :most
"""


def find_transcripts(directory: Path, environment: Mapping[str, str]) -> tuple[Transcript, ...]:
    """The sessions of the Hermes that *directory* governs, newest first, `TRANSCRIPTS_MAX`."""
    home = hermes_home(environment)
    try:
        project = recorded_project(home / "plugins" / PLUGIN / RECORD)
    except CallRefused:
        return ()
    if project.resolve() != directory.resolve():
        return ()
    file = home / "state.db"
    sessions = [str(one) for (one,) in rows_in(file, _SESSIONS, {"most": TRANSCRIPTS_MAX})]
    return tuple(Transcript(one, partial(_calls, file, one)) for one in sessions)


def _calls(file: Path, session: str) -> Iterator[TranscriptCall]:
    given = {"session": session, "chars": RESULT_CHARS_MAX, "most": CALLS_MAX}
    for call, at_seconds, content in reversed(rows_in(file, _RESULTS, given)):
        at_ms = int(at_seconds * 1000) if isinstance(at_seconds, (int, float)) else 0
        yield TranscriptCall(at_ms, str(call))
        if entry_of(content).get("error") or str(content).startswith(SKIPPED):
            yield TranscriptCall(0, str(call), failed=True)
