"""The session that a fork comes from stands in the first line of its transcript."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governance.hooking.payload import Payload
from governance.hosts.codex.forks import HEAD_BYTES_MAX, forked_from

OLD = "01a2276d-d177-7952-9ebc-d2f3793e4922"
NEW = "01a2276d-d943-7200-809d-a27af210dd86"


def line(**more: object) -> bytes:
    told = {"id": NEW, "forked_from_id": OLD, "cwd": "/home/dev/project"} | more
    return json.dumps({"type": "session_meta", "payload": told}).encode() + b"\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (line() + b"{}\n", OLD),
        (line(forked_from_id=None), ""),
        (line(forked_from_id="../" + OLD), ""),
        (line(id=OLD), ""),
        (line(base_instructions="x" * HEAD_BYTES_MAX), ""),
        (b"[]\n", ""),
        (b'{"payload": "x"}\n', ""),
        (b"\xff", ""),
        (b"", ""),
    ],
    ids=[
        "as it is", "no fork", "no id", "another's", "too long", "no object", "no table", "no text",
        "empty",
    ],
)  # fmt: skip
def test_transcript_tells(tmp_path: Path, text: bytes, found: str) -> None:
    """Its own first line alone is believed, as far as it makes sense."""
    file = tmp_path / "rollout.jsonl"
    file.write_bytes(text)
    payload = Payload("SessionStart", {"session_id": NEW, "transcript_path": str(file)})
    assert forked_from(payload, ()) == found


@pytest.mark.parametrize("path", ["", "/", "/nowhere/x.jsonl", "\0"])
def test_transcript_that_is_not_there(path: str) -> None:
    """Nothing is made up where nothing can be read."""
    payload = Payload("SessionStart", {"session_id": NEW, "transcript_path": path})
    assert forked_from(payload, ()) == ""
