"""Claude Code's own transcripts: one file of JSON lines a session, below its settings folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from governance.hooking.transcripts import (
    TRANSCRIPTS_MAX,
    Transcript,
    TranscriptCall,
    last_lines,
)


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
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue  # the last line may still be written
        yield from _told(entry)


def _told(entry: object) -> Iterator[TranscriptCall]:
    message = entry.get("message") if isinstance(entry, dict) else None
    parts = message.get("content") if isinstance(message, dict) else None
    for part in parts if isinstance(parts, list) else ():
        kind = part.get("type") if isinstance(part, dict) else ""
        if kind == "tool_use" and isinstance(entry, dict):
            yield TranscriptCall(_ms(entry.get("timestamp")), str(part.get("id")))
        elif kind == "tool_result" and part.get("is_error"):
            yield TranscriptCall(0, str(part.get("tool_use_id")), failed=True)


def _ms(text: object) -> int:
    try:
        return int(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except ValueError:
        return 0
