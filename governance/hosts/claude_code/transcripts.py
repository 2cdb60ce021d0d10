"""Claude Code's own transcripts: one file of JSON lines a session, below its settings folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
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
from governance.values import Json


def home_of(environment: Mapping[str, str]) -> Path:
    """The client's folder of a person."""
    given = environment.get("CLAUDE_CONFIG_DIR", "")
    return Path(given) if os.path.isabs(given) else Path("~").expanduser() / ".claude"  # noqa: PTH117


def find_transcripts(directory: Path, environment: Mapping[str, str]) -> tuple[Transcript, ...]:
    """The transcripts of the project in *directory*, newest first, at most `TRANSCRIPTS_MAX`."""
    path = str(directory.resolve())
    name = "".join(one if one.isascii() and one.isalnum() else "-" for one in path)
    found = []
    for file in (home_of(environment) / "projects" / name).glob("*.jsonl"):
        try:
            found.append((file.stat().st_mtime, file))
        except OSError:
            continue  # gone meanwhile, as transcripts go
    newest = sorted(found, reverse=True)[:TRANSCRIPTS_MAX]
    return tuple(Transcript(file.stem, partial(_calls, file)) for _, file in newest)


def _calls(file: Path) -> Iterator[TranscriptCall]:
    for line in last_lines(file):
        yield from _told(entry_of(line))


def _told(entry: Mapping[str, Json]) -> Iterator[TranscriptCall]:
    message = entry.get("message")
    parts = message.get("content") if isinstance(message, dict) else None
    for part in parts if isinstance(parts, list) else ():
        if not isinstance(part, dict):
            continue
        if part.get("type") == "tool_use":
            yield TranscriptCall(at_ms_of(entry.get("timestamp")), call_id_of(part.get("id")))
        elif part.get("type") == "tool_result" and part.get("is_error"):
            yield TranscriptCall(0, call_id_of(part.get("tool_use_id")), failed=True)
