"""
What a host itself has written down of its sessions: the other side of the journal.

A host that keeps transcripts brings a function that finds those of a project; what stands
there and not in the journal ran while no hook was called.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

from attrs import field

from governance._attrs import frozen
from governance.values import Json

TRANSCRIPTS_MAX = 20
"""Transcripts that are read, the newest first."""

TRANSCRIPT_BYTES_MAX = 8 * 1024 * 1024
"""How much of the end of each is read."""

BUSY_SECONDS_MAX = 2.0
"""How long a client's database that somebody writes is waited for."""


@frozen
class TranscriptCall:
    """
    One tool call as the host wrote it down.

    Attributes:
        at_ms: When, in milliseconds since 1970 UTC; 0 where that is not told.

        call_id: The host's own id of it, which its hooks are given too.

        failed: This tells that it failed or was refused; another entry may tell the call.

        asked_ms: Where *call_id* is not of this call alone: a hook was asked about it no
            earlier than this, and no later than *at_ms*, when it was over. ``None``: no other
            call has its id.
    """

    at_ms: int
    call_id: str
    failed: bool = False
    asked_ms: int | None = None


@frozen
class Transcript:
    """
    One transcript.

    Attributes:
        session: The id that the hooks of this session carry.

        calls: Reads the tool calls in it, in order, some of them more than once.
    """

    session: str
    calls: Callable[[], Iterable[TranscriptCall]] = field(repr=False)


FindTranscripts = Callable[[Path, Mapping[str, str]], tuple[Transcript, ...]]
"""The transcripts of the project in a folder, newest first, given a person's variables."""


def last_lines(file: Path) -> list[bytes]:
    """The lines at the end of *file*, the first perhaps cut; none where it cannot be read."""
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - TRANSCRIPT_BYTES_MAX))
            return stream.read(TRANSCRIPT_BYTES_MAX).splitlines()
    except OSError:
        return []


def rows_in(file: Path, statement: str, given: Mapping[str, object]) -> list[tuple[object, ...]]:
    """
    The rows of *statement* in the SQLite database *file* of a client, which is only read.

    None where the client has no such database, or one with other tables.
    """
    import sqlite3

    # Without a log of writes nobody has it open; to be read it needs no file of ours beside it.
    alone = "" if Path(f"{file}-wal").exists() else "&immutable=1"
    name = f"{file.absolute().as_uri()}?mode=ro{alone}"
    try:
        with closing(sqlite3.connect(name, uri=True, timeout=BUSY_SECONDS_MAX)) as opened:
            opened.execute("PRAGMA query_only = ON")
            return opened.execute(statement, given).fetchall()
    except sqlite3.Error:
        return []


def entry_of(text: object) -> Mapping[str, Json]:
    """The JSON object in *text*, or an empty one: the last line may still be written."""
    try:
        value = json.loads(text) if isinstance(text, (str, bytes)) else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def at_ms_of(text: object) -> int:
    """The time in *text*, as ISO 8601 writes it, in milliseconds since 1970 UTC; 0: none."""
    try:
        return int(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except ValueError:
        return 0
