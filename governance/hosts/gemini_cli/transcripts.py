"""
Gemini CLI's own transcripts: one file of JSON lines a session, in the person's folder.

A hook is not told the client's id of a call, so that a call is known by what it is and when.
What a sub-agent does stands in files of its own, and is asked about as its parent's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path

from governance.calls import content_id
from governance.hooking.transcripts import (
    TRANSCRIPTS_MAX,
    Transcript,
    TranscriptCall,
    at_ms_of,
    entry_of,
    last_lines,
)
from governance.hosts.gemini_cli.settings import person_folder
from governance.values import Json, ValueRefused

FOLDERS_MAX = 2_000
"""Folders of projects that are looked at."""

AGENTS_MAX = 200
"""Files of sub-agents that are read of one session."""

HEAD_BYTES_MAX = 1_000_000
"""How much of the first line is read: it holds the session."""


def find_transcripts(directory: Path, environment: Mapping[str, str]) -> tuple[Transcript, ...]:
    """The sessions of the project in *directory*, newest first, at most `TRANSCRIPTS_MAX`."""
    files = [
        file
        for folder in _folders(directory.resolve(), environment)
        for file in (folder / "chats").glob("session-*.jsonl")
    ]
    found = []
    for file in sorted(files, key=_written, reverse=True)[:TRANSCRIPTS_MAX]:
        session = _session_in(file)
        if session:
            agents = islice(sorted((file.parent / session).glob("*.jsonl")), AGENTS_MAX)
            found.append(Transcript(session, partial(_calls, (file, *agents))))
    return tuple(found)


def _folders(project: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """The client's folders of *project*: each says in a file of its own whose it is."""
    marks = (person_folder(environment) / "tmp").glob("*/.project_root")
    for mark in islice(marks, FOLDERS_MAX):
        try:
            if mark.read_text(encoding="utf-8").strip() == str(project):
                yield mark.parent
        except (OSError, ValueError):
            continue


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0  # gone meanwhile, as transcripts go


def _session_in(file: Path) -> str:
    """The session of *file*, or ``""``; it names a folder, so it must be a name."""
    try:
        with file.open("rb") as stream:
            session = entry_of(stream.readline(HEAD_BYTES_MAX)).get("sessionId")
    except OSError:
        return ""
    return session if isinstance(session, str) and Path(session).name == session else ""


def _calls(files: Iterable[Path]) -> Iterator[TranscriptCall]:
    # A call is written down again when it goes on; the last line of it says how it ended.
    told: dict[tuple[Path, str], TranscriptCall | None] = {}
    for file in files:
        for line in last_lines(file):
            entry = entry_of(line)
            listed = entry.get("toolCalls")
            for one in listed if isinstance(listed, list) else ():
                if isinstance(one, dict):
                    told[file, str(one.get("id"))] = _told(one, at_ms_of(entry.get("timestamp")))
    ran = [one for one in told.values() if one is not None]
    yield from sorted(ran, key=lambda one: one.at_ms)


def _told(call: Mapping[str, Json], asked_ms: int) -> TranscriptCall | None:
    """One call that ran; what failed may have been refused, by us or before us."""
    name, arguments = call.get("name"), call.get("args")
    if call.get("status") != "success" or not isinstance(name, str):
        return None
    try:
        call_id = content_id(name, arguments if isinstance(arguments, dict) else {})
    except ValueRefused:
        return None  # the hook refuses it for the same
    return TranscriptCall(at_ms_of(call.get("timestamp")), call_id, asked_ms=asked_ms)
