"""
OpenCode's own record of its sessions: a SQLite database of the client's, in its data folder.

It is the client's, so it is opened to be read alone, and what it holds is looked at with a
bound. Each tool call is a row of ``part``; a session of a sub-agent is a row of ``session``
like any other.
"""

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
    entry_of,
    rows_in,
)

CALLS_MAX = 5_000
"""Parts that are read of one session, the newest of them."""

PART_CHARS_MAX = 4_000_000
PERSON = "The following tool was executed by the user"
"""What the client writes before a command that its user typed after ``!``: no tool of the agent."""

_SESSIONS = """
SELECT id FROM session
WHERE directory = :folder OR substr(directory, 1, length(:folder) + 1) = :folder || '/'
ORDER BY time_updated DESC LIMIT :most
"""
_PARTS = """
SELECT message_id, time_created, data FROM part
WHERE session_id = :session AND length(data) <= :chars
ORDER BY time_created DESC, id DESC LIMIT :most
"""
_PARENTS = """
SELECT id, data FROM message
WHERE session_id = :session AND length(data) <= :chars
ORDER BY time_created DESC, id DESC LIMIT :most
"""


def database_of(environment: Mapping[str, str]) -> Path | None:
    """The client's database of a person; ``None`` where it keeps none that outlives it."""
    given = environment.get("XDG_DATA_HOME", "")
    data = Path(given) if os.path.isabs(given) else Path("~/.local/share").expanduser()  # noqa: PTH117
    named = environment.get("OPENCODE_DB", "")
    if named == ":memory:":
        return None
    return data / "opencode" / (named or "opencode.db")


def find_transcripts(directory: Path, environment: Mapping[str, str]) -> tuple[Transcript, ...]:
    """The sessions of the project in *directory*, newest first, at most `TRANSCRIPTS_MAX`."""
    file = database_of(environment)
    if file is None:
        return ()
    given = {"folder": str(directory.resolve()), "most": TRANSCRIPTS_MAX}
    sessions = [str(session) for (session,) in rows_in(file, _SESSIONS, given)]
    return tuple(Transcript(one, partial(_calls, file, one)) for one in sessions)


def _calls(file: Path, session: str) -> Iterator[TranscriptCall]:
    given = {"session": session, "chars": PART_CHARS_MAX, "most": CALLS_MAX}
    parents = {str(one): entry_of(data) for one, data in rows_in(file, _PARENTS, given)}
    parts = [
        (str(of), at, entry_of(data)) for of, at, data in reversed(rows_in(file, _PARTS, given))
    ]
    persons = {of for of, _, part in parts if str(part.get("text", "")).startswith(PERSON)}
    for message, at_ms, part in parts:
        if part.get("type") != "tool" or parents.get(message, {}).get("parentID") in persons:
            continue
        state = part.get("state")
        status = state.get("status") if isinstance(state, dict) else None
        # What still waits has not run; what is told as an error may have been refused.
        if status in ("completed", "running", "error"):
            call_id = call_id_of(part.get("callID"))
            yield TranscriptCall(at_ms if isinstance(at_ms, int) else 0, call_id)
            if status == "error":
                yield TranscriptCall(0, call_id, failed=True)
