"""Whether the hooks were called: a host's own transcripts against the journal."""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from governance._attrs import frozen
from governance.cli.opening import data_of, rows_of
from governance.engine.opening import PROJECT_SESSION
from governance.errors import SessionErased
from governance.formats import body_of
from governance.hooking.transcripts import Transcript
from governance.hosts import installer_of
from governance.journal.records import Journal, Moved
from governance.project import Project

ROWS_MAX = 100_000
SESSIONS_MAX = 200
PAGES_MAX = 1_000
SETTLED_MS = 60_000
"""A call this young may still be on its way into the journal."""

CLOCK_MS = 500
"""How far the times of a host and of the journal may be apart: each reads them by itself."""


@frozen
class Beat:
    """
    What one transcript of a host says that the journal does not.

    Attributes:
        from_ms, to_ms: First and last call that no hook has asked about.

        missed: How many calls those are. One that was refused is not among them: a hook
            that cannot decide refuses without a row.
    """

    session: str
    from_ms: int
    to_ms: int
    missed: int


def installed_ms(project: Project, host: str) -> int | None:
    """When the hooks were put into the settings of *host*, or ``None`` if `init` never did."""
    try:
        return int(installer_of(host).record(project.directory).stat().st_mtime * 1000)
    except OSError:
        return None


def called_ms(journal: Journal, host: str) -> int | None:
    """
    When a hook of *host* last wrote something down, in milliseconds since 1970 UTC.

    ``None`` where it did in none of the `SESSIONS_MAX` sessions that were written last.
    """
    newest: deque[Moved] = deque(maxlen=SESSIONS_MAX)
    after = 0
    for _ in range(PAGES_MAX):
        page = journal.moved(after=after)
        if not page:
            break
        newest.extend(page)
        after = page[-1].position
    for one in reversed(newest):
        with suppress(SessionErased):
            for record in journal.read(one.session, limit=1, reverse=True):
                if body_of(record).get("host") == host:
                    return record.at_ms
    return None


def missed_in(
    transcript: Transcript, journal: Journal, *, since_ms: int, now_ms: int
) -> Beat | None:
    """The calls in *transcript* after *since_ms* that the journal does not know."""
    session = transcript.session
    try:
        asked, told_ms = _journaled(journal, session)
    except SessionErased:
        return None  # what it was asked about is gone with it
    refused: set[str] = set()
    calls: dict[str, int] = {}
    alike: list[int] = []
    for one in transcript.calls():
        late = max(since_ms, told_ms) < one.at_ms < now_ms - SETTLED_MS
        if one.failed:
            refused.add(one.call_id)
        elif one.asked_ms is not None:
            if not _taken(asked.get(one.call_id, []), one.asked_ms, one.at_ms) and late:
                alike.append(one.at_ms)
        elif one.call_id not in asked and late:
            calls[one.call_id] = one.at_ms
    times = alike + [at_ms for call, at_ms in calls.items() if call not in refused]
    if not times:
        return None
    return Beat(session, min(times), max(times), len(times))


def _taken(asked: list[int], from_ms: int, to_ms: int) -> bool:
    """Whether one of the times *asked* is of a call that lasted so long; it is no other's then."""
    for at_ms in asked:
        if from_ms - CLOCK_MS <= at_ms <= to_ms + CLOCK_MS:
            asked.remove(at_ms)
            return True
    return False


def _journaled(journal: Journal, session: str) -> tuple[dict[str, list[int]], int]:
    """When hooks asked about which calls, by id, and until when gaps are in the journal."""
    asked: dict[str, list[int]] = {}
    told_ms = 0
    for name in (session, PROJECT_SESSION):
        for record, _ in zip(rows_of(journal, name), range(ROWS_MAX), strict=False):
            if record.kind not in ("tool.decided", "guard.gap"):
                continue
            data = data_of(body_of(record))
            end_ms = data.get("to")
            if record.kind == "tool.decided":
                known = data.get("runs_as") or data.get("call_id")
                asked.setdefault(str(known), []).append(record.at_ms)
            elif isinstance(end_ms, int) and (name == session or not journal.head(session).seq):
                told_ms = max(told_ms, end_ms)
    return asked, told_ms
