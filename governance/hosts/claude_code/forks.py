"""
Which session a forked one comes from: the client's payloads do not say.

What its person typed does: the session that is taken up, or that it is the last one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from governance.hooking.payload import Payload
from governance.hooking.processes import Process
from governance.hosts.claude_code.capabilities import PROGRAMS

TRANSCRIPTS_MAX = 10_000
"""Files that are looked through for the last one."""

_TAKEN_UP = ("--resume", "-r")
_LAST = frozenset({"--continue", "-c"})


def forked_from(payload: Payload, above: Sequence[Process]) -> str:
    """
    The session that the one of *payload* was forked from, or ``""``.

    Args:
        above: The processes that started the hook, nearest first.
    """
    named = frozenset(PROGRAMS)
    client = next((one for one in above if named & one.programs), None)
    words = client.words[1:] if client is not None else ()
    for number, word in enumerate(words):
        option, sign, value = word.partition("=")
        if option in _TAKEN_UP:
            return _id(value if sign else "".join(words[number + 1 : number + 2]))
    return _last(payload) if _LAST.intersection(words) else ""


def _id(text: str) -> str:
    """*text*, if it is the id of a session; a person may also name one by its title."""
    return text if len(text) == 36 and text.count("-") == 4 else ""


def _last(payload: Payload) -> str:
    """The session whose transcript was written last beside that of *payload*."""
    own = payload.identity("session_id")
    newest, found = -1, ""
    try:
        with os.scandir(Path(payload.text("transcript_path")).parent) as listed:
            for entry, _ in zip(listed, range(TRANSCRIPTS_MAX), strict=False):
                name, dot, kind = entry.name.rpartition(".")
                written = entry.stat().st_mtime_ns if dot and kind == "jsonl" else -1
                if written > newest and _id(name) and name != own:
                    newest, found = written, name
    except OSError:
        return ""
    return found
