"""
Codex's own transcripts: one file of JSON lines a session, by day, in the person's folder.

Only calls of tools that the client asks hooks about are read, and only those of sessions that
a person began: of a sub-agent's the client's hooks tell another session.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path

from governance.hooking.payload import call_id_of
from governance.hooking.transcripts import (
    TRANSCRIPTS_MAX,
    Transcript,
    TranscriptCall,
    at_ms_of,
    entry_of,
    last_lines,
)
from governance.hosts.codex.settings import config_file
from governance.values import Json

ASKED = ("exec_command", "shell", "shell_command", "apply_patch")
"""Tools, by the names that stand in a transcript, whose calls the client asks hooks about."""

FILES_MAX = 500
"""Transcripts of all projects that are looked into, the newest of them."""

HEAD_BYTES_MAX = 1_000_000
"""How much of the first line is read: it holds the session, the folder, and instructions."""

REFUSED = ("Command blocked by PreToolUse hook", "rejected by user")
"""What is in the output of a call that a hook or a person did not let run."""


def find_transcripts(directory: Path, environment: Mapping[str, str]) -> tuple[Transcript, ...]:
    """The sessions of the project in *directory*, newest first, at most `TRANSCRIPTS_MAX`."""
    project = directory.resolve()
    found = []
    for file in islice(_newest(config_file(environment).parent / "sessions"), FILES_MAX):
        session = _session_in(file, project)
        if session:
            found.append(Transcript(session, partial(_calls, file)))
            if len(found) == TRANSCRIPTS_MAX:
                break
    return tuple(found)


def _newest(folder: Path) -> Iterator[Path]:
    """Every transcript below *folder*, whose names and folders say when it began."""
    for year in _sorted(folder, "*"):
        for month in _sorted(year, "*"):
            for day in _sorted(month, "*"):
                yield from _sorted(day, "rollout-*.jsonl")


def _sorted(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern), reverse=True)


def _session_in(file: Path, project: Path) -> str:
    """The session of *file*, if a person began it in *project*, or ``""``."""
    try:
        with file.open("rb") as stream:
            told = _payload(stream.readline(HEAD_BYTES_MAX), "session_meta")
    except OSError:
        return ""
    session, folder = told.get("id"), told.get("cwd")
    begun = isinstance(told.get("source"), str) and isinstance(folder, str)
    if not begun or not isinstance(session, str):
        return ""
    return session if Path(str(folder)).is_relative_to(project) else ""


def _calls(file: Path) -> Iterator[TranscriptCall]:
    for line in last_lines(file):
        told = _payload(line, "response_item")
        kind, call_id = told.get("type"), call_id_of(told.get("call_id"))
        if kind in ("function_call", "custom_tool_call") and told.get("name") in ASKED:
            at_ms = at_ms_of(entry_of(line).get("timestamp"))
            yield TranscriptCall(at_ms, call_id)
        elif kind in ("function_call_output", "custom_tool_call_output"):
            output = str(told.get("output"))
            if any(one in output for one in REFUSED):
                yield TranscriptCall(0, call_id, failed=True)


def _payload(line: bytes, kind: str) -> Mapping[str, Json]:
    """What stands in *line*, if it is an entry of that *kind*; else nothing."""
    entry = entry_of(line)
    payload = entry.get("payload") if entry.get("type") == kind else None
    return payload if isinstance(payload, dict) else {}
