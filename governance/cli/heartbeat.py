"""Whether the hooks were called: the client's own transcripts against the journal."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from attrs import frozen

from governance.cli.opening import rows_of
from governance.cli.replaying import data_of
from governance.engine.encoding import body_of
from governance.engine.opening import PROJECT_SESSION
from governance.hosts.claude_code.settings import INSTALLER
from governance.journal.records import Journal
from governance.project import Project

TRANSCRIPTS_MAX = 20
"""Transcripts that are read, the newest first."""

TRANSCRIPT_BYTES_MAX = 8 * 1024 * 1024
"""How much of the end of each is read."""

ROWS_MAX = 100_000
SETTLED_MS = 60_000
"""A call this young may still be on its way into the journal."""


@frozen
class Beat:
    """
    What one transcript of the client says that the journal does not.

    Attributes:
        from_ms, to_ms: First and last call that no hook has asked about.

        missed: How many calls those are. One that was refused is not among them: a hook
            that cannot decide refuses without a row.
    """

    session: str
    from_ms: int
    to_ms: int
    missed: int


def installed_ms(project: Project) -> int | None:
    """When the hooks were put into the settings, or ``None`` if `init` never did."""
    try:
        return int(INSTALLER.record(project.directory).stat().st_mtime * 1000)
    except OSError:
        return None


def transcripts_of(project: Project, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The client's transcripts of *project*, newest first, at most `TRANSCRIPTS_MAX`."""
    given = environment.get("CLAUDE_CONFIG_DIR", "")
    home = Path(given) if os.path.isabs(given) else Path("~").expanduser() / ".claude"  # noqa: PTH117
    name = "".join(one if one.isascii() and one.isalnum() else "-" for one in _real(project))
    found = []
    for file in (home / "projects" / name).glob("*.jsonl"):
        try:
            found.append((file.stat().st_mtime, file))
        except OSError:
            continue  # gone meanwhile, as transcripts go
    return tuple(file for _, file in sorted(found, reverse=True)[:TRANSCRIPTS_MAX])


def _real(project: Project) -> str:
    return str(project.directory.resolve())


def missed_in(file: Path, journal: Journal, *, since_ms: int, now_ms: int) -> Beat | None:
    """The calls in the transcript *file* after *since_ms* that the journal does not know."""
    session = file.stem
    asked, told_ms = _journaled(journal, session)
    refused: set[str] = set()
    calls: dict[str, int] = {}
    for at_ms, call, is_error in _calls(file):
        if is_error:
            refused.add(call)
        elif call not in asked and max(since_ms, told_ms) < at_ms < now_ms - SETTLED_MS:
            calls[call] = at_ms
    times = [at_ms for call, at_ms in calls.items() if call not in refused]
    if not times:
        return None
    return Beat(session, min(times), max(times), len(times))


def _journaled(journal: Journal, session: str) -> tuple[set[str], int]:
    """Ids of the calls that hooks asked about, and until when gaps are in the journal."""
    asked: set[str] = set()
    told_ms = 0
    for name in (session, PROJECT_SESSION):
        for record, _ in zip(rows_of(journal, name), range(ROWS_MAX), strict=False):
            if record.kind not in ("tool.decided", "guard.gap"):
                continue
            data = data_of(body_of(record))
            end_ms = data.get("to")
            if record.kind == "tool.decided":
                asked.add(str(data.get("call_id")))
            elif isinstance(end_ms, int) and (name == session or not journal.head(session).seq):
                told_ms = max(told_ms, end_ms)
    return asked, told_ms


def _calls(file: Path) -> Iterator[tuple[int, str, bool]]:
    """(time, id, whether this is its failure) of the tool calls at the end of *file*."""
    for line in _last_lines(file):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue  # the last line may still be written
        message = entry.get("message") if isinstance(entry, dict) else None
        parts = message.get("content") if isinstance(message, dict) else None
        for part in parts if isinstance(parts, list) else ():
            kind = part.get("type") if isinstance(part, dict) else ""
            if kind == "tool_use":
                yield _ms(entry.get("timestamp")), str(part.get("id")), False
            elif kind == "tool_result" and part.get("is_error"):
                yield 0, str(part.get("tool_use_id")), True


def _last_lines(file: Path) -> list[bytes]:
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - TRANSCRIPT_BYTES_MAX))
            return stream.read(TRANSCRIPT_BYTES_MAX).splitlines()
    except OSError:
        return []


def _ms(text: object) -> int:
    try:
        return int(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except ValueError:
        return 0
