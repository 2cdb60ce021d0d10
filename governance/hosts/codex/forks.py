"""Which session a forked one comes from: the client's payloads do not say, its transcript does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from governance.hooking.payload import Payload, PayloadRefused
from governance.hooking.processes import Process
from governance.hooking.transcripts import entry_of

HEAD_BYTES_MAX = 1_000_000
"""How much of the first line is read: it holds the session, and the client's own instructions."""


def forked_from(payload: Payload, _: Sequence[Process]) -> str:
    """The session that the one of *payload* was forked from, or ``""``."""
    try:
        with Path(payload.text("transcript_path")).open("rb") as stream:
            told = entry_of(stream.readline(HEAD_BYTES_MAX)).get("payload")
    except (OSError, ValueError):
        return ""
    if not isinstance(told, dict) or told.get("id") != payload.text("session_id"):
        return ""
    try:
        return Payload(payload.event, told).identity("forked_from_id")
    except PayloadRefused:
        return ""
