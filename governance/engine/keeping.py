"""
Archives: what the store holds, and what only a file does.

A session leaves the store in steps of which each can be the last that a process takes: the
file is whole before a note says so, the note is there before the rows go, and the project's
own journal has the event before the note goes. Whoever keeps the store next ends what was
begun.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from governance._attrs import frozen
from governance.engine import restoring
from governance.engine.catching_up import publishing, record_command, turn_of
from governance.engine.opening import PROJECT_SESSION
from governance.engine.racing import CONFLICTS_MAX
from governance.engine.related import Step
from governance.engine.retention import Candidate, Why, candidate
from governance.engine.tombstones import tombstone
from governance.errors import JournalError, MisuseError, SessionErased, StoreDamaged
from governance.journal.archive import (
    Archived,
    ArchiveRefused,
    read_archive,
    restore_archive,
    write_archive,
)
from governance.journal.encrypted import EncryptedJournal, as_stored
from governance.journal.records import Appended, Conflict, Duplicate, Entry, Head, Journal
from governance.journal.sealing import is_sealed
from governance.journal.vault import session_scope
from governance.session.commands import Command
from governance.values import Json

if TYPE_CHECKING:
    from governance.engine.engine import Engine

CODES: Mapping[str, str] = {
    "GOV526": "a session that may not be archived",
}

NOTES, ARCHIVES = "archiving", "archive"
"""Shelves: what is on its way out, and what is archived where."""

NOTE_MS_MAX = 3_600_000
"""How old a note may be whose session is still there, before it is taken for given up."""

PAGE = 500


# -- out of the store ------------------------------------------------------------------


def archive(engine: Engine, session: str, folder: Path, why: Why, actor: str) -> Archived:
    """As `Engine.archive`."""
    engine._check_id(session)
    settle(engine)
    told = record_command(engine, session)
    try:
        with publishing(engine) as written, turn_of(engine, told, written):
            return _archive(engine, session, folder, why, actor)
    finally:
        # Nothing is undone by it: a note that stays is ended by whoever keeps the store next.
        with suppress(JournalError):
            settle(engine)


def _archive(engine: Engine, session: str, folder: Path, why: Why, actor: str) -> Archived:
    journal = engine._journal
    for _ in range(CONFLICTS_MAX):
        head = _head_to_go(engine, session)
        now = engine.clock.now_ms()
        try:
            made = write_archive(as_stored(journal), head, folder, now)
        except ArchiveRefused:
            if journal.head(session) == head:
                raise
            continue  # another process has taken the rows out while they were read
        # Who began it is told here, for its rows no longer tell it, and no other note needs it.
        parent = engine._state(session, now).identity.parent
        note = _note(head, made.rows, why, actor, str(made.path)) | {"parent": parent}
        answer = _take_out(engine, head, note)
        if answer is True:
            return made
        if answer is False:
            if made.made_at_ms == now:
                made.path.unlink(missing_ok=True)
            raise _needed(session, "a branch needs its rows")
    raise JournalError("the session is written by others all the time", code="GOV511")


def remove(engine: Engine, session: str, why: Why, actor: str) -> bool:
    """Let the rows of *session* go without an archive; ``False``: a branch needs them."""
    told = record_command(engine, session)
    try:
        with publishing(engine) as written, turn_of(engine, told, written):
            return _remove(engine, session, why, actor)
    finally:
        # Nothing is undone by it: a note that stays is ended by whoever keeps the store next.
        with suppress(JournalError):
            settle(engine)


def _remove(engine: Engine, session: str, why: Why, actor: str) -> bool:
    for _ in range(CONFLICTS_MAX):
        head = _head_to_go(engine, session)
        origin = engine._journal.origin(session)
        rows = head.seq - (origin.seq if origin is not None else 0)
        answer = _take_out(engine, head, _note(head, rows, why, actor, ""))
        if isinstance(answer, bool):
            return answer
    raise JournalError("the session is written by others all the time", code="GOV511")


def _head_to_go(engine: Engine, session: str) -> Head:
    """
    The head of *session*, which may go.

    Raises:
        MisuseError: GOV526, it may not.
    """
    engine.live.drop(session)
    now = engine.clock.now_ms()
    state = engine._state(session, now)
    if not state.head:
        raise _needed(session, "the store has no such session")
    needed = candidate(state, now).needed
    if needed:
        raise _needed(session, needed)
    head = engine._journal.head(session)
    # Rows that came since may have made it live again: then its head is another one.
    return head if head.seq == state.head else _head_to_go(engine, session)


def _take_out(engine: Engine, head: Head, note: Mapping[str, Json]) -> bool | None:
    """
    Remove the rows of *head* under a note; ``None``: something moved, look at it anew.

    There is one note a session, and it is armed only while the rows are seen to be there:
    so of several processes that take out the same rows one event comes, by whichever note.
    """
    shelf, session = engine._journal.shelf, head.session
    entry = shelf.get(NOTES, session)
    if entry is None or json.loads(entry.value)["hash"] != note["hash"]:
        fresh = {**note, "at_ms": engine.clock.now_ms(), "key": secrets.token_hex(16)}
        version = entry.version if entry is not None else 0
        entry = shelf.put(
            NOTES, session, _json({**fresh, "armed": False}), expected_version=version
        )
    if entry is None:
        return None
    told = json.loads(entry.value)
    if engine._journal.head(session) != head:
        if not told["armed"]:
            shelf.delete(NOTES, session, expected_version=entry.version)
        return None
    entry = shelf.put(
        NOTES, session, _json({**told, "armed": True}), expected_version=entry.version
    )
    if entry is None:
        return None
    answer = engine._journal.remove(session, expected=head)
    engine.live.drop(session)
    if answer is False:
        shelf.delete(NOTES, session, expected_version=entry.version)
    return None if isinstance(answer, Conflict) else answer


def _json(value: Mapping[str, Json]) -> bytes:
    return json.dumps(value).encode()


def _note(head: Head, rows: int, why: Why, actor: str, path: str) -> dict[str, Json]:
    note: dict[str, Json] = {"session": head.session, "head": head.seq, "hash": head.hash.hex()}
    return note | {"rows": rows, "path": path, "why": why, "by": actor}


def settle(engine: Engine) -> None:
    """Journal the removals that have happened and forget those that have not."""
    shelf = engine._journal.shelf
    for entry in _scanned(engine._journal, NOTES):
        note = json.loads(entry.value)
        gone = tombstone(engine._journal, note["session"])
        at_ms, key = int(note.pop("at_ms")), f"archiving {note.pop('key')}"
        note.pop("parent", None)
        if note.pop("armed") and gone is not None and gone.hash.hex() == note["hash"]:
            # Killed before the note goes, the next one finds the event by this key.
            if note["path"]:
                shelf.put(ARCHIVES, entry.name, entry.value)
                tell_project(engine, "session.archived", note, key)
            else:
                del note["path"]
                tell_project(engine, "session.removed", note, key)
        elif gone is None and engine.clock.now_ms() - at_ms < NOTE_MS_MAX:
            # Another process may be about to remove the rows.
            continue
        shelf.delete(NOTES, entry.name, expected_version=entry.version)


def _scanned(journal: Journal, shelf: str) -> Iterator[Entry]:
    after = ""
    while page := journal.shelf.scan(shelf, after=after, limit=PAGE):
        yield from page
        after = page[-1].name


def tell_project(
    engine: Engine, kind: str, data: Mapping[str, Json], key: str | None = None
) -> None:
    """One row in the project's own journal, once for each *key*."""
    law, actor = engine.law, str(data["by"])
    with engine._lock_of(PROJECT_SESSION):
        for _ in range(CONFLICTS_MAX):
            now = engine.clock.now_ms()
            state = engine._state(PROJECT_SESSION, now)
            command = Command(event="record", session=PROJECT_SESSION, at_ms=now, actor=actor,
                              host="person")  # fmt: skip
            outcome = restoring.recorded(law, state, command, now, kind, data)
            result = engine._commit([Step(state, outcome)], key=key)
            if isinstance(result, (Appended, Duplicate)):
                break
        else:
            raise JournalError("the project's journal is written by others", code="GOV511")
    if isinstance(result, Appended):
        engine._publish(result.records)


def _needed(session: str, why: str) -> MisuseError:
    return MisuseError(
        f"`{session}` is not archived: {why}",
        code="GOV526",
        remedy="`governance show` says how it stands; end it, or archive its branches first",
    )


# -- back into the store ---------------------------------------------------------------


def unarchive(engine: Engine, file: Path, actor: str) -> Head:
    """As `Engine.unarchive`."""
    settle(engine)
    _refuse_unreadable(engine._journal, file)
    made = restore_archive(as_stored(engine._journal), file)
    session = made.head.session
    engine.live.drop(session)
    known = engine._journal.shelf.get(ARCHIVES, session)
    if known is not None and engine._journal.head(session) == made.head:
        engine._journal.shelf.delete(ARCHIVES, session, expected_version=known.version)
    data: dict[str, Json] = {"session": session, "head": made.head.seq}
    data |= {"hash": made.head.hash.hex(), "path": str(file), "by": actor}
    tell_project(engine, "session.unarchived", data)
    return made.head


def archived(journal: Journal) -> Iterator[tuple[str, Path, str | None]]:
    """
    Every archived session, where its archive was made, and who began it.

    ``""``: nobody did; ``None``: it was archived before that was noted, and its rows tell it.
    """
    for entry in _scanned(journal, ARCHIVES):
        note = json.loads(entry.value)
        yield entry.name, Path(note["path"]), note.get("parent")


def _refuse_unreadable(journal: Journal, file: Path) -> None:
    """Refuse what only another store's keys open; erased is erased, and comes back as such."""
    made, parts = read_archive(file)
    scope, key = session_scope(made.head.session), None
    if isinstance(journal, EncryptedJournal):
        if journal.vault.is_erased(scope):
            return
        key = journal.vault.key_of(scope, make=False)
    for one in parts:
        body = one.value if isinstance(one, Entry) else one.body
        if is_sealed(body) and not (key is not None and key.has_sealed(body)):
            raise ArchiveRefused(
                f"`{file}` is encrypted by a key that this store has not",
                remedy="put it back into the store that it came from, or into a copy of that",
            )


# -- which may go --------------------------------------------------------------------


@frozen
class _Known:
    """What is remembered of one session while all of them are looked at."""

    candidate: Candidate
    parent: str
    live: bool


def candidates(journal: Journal, now_ms: int) -> tuple[Candidate, ...]:
    """Every session but the project's own, and why those stay that are needed."""
    found: dict[str, _Known] = {}
    unread: list[Candidate] = []
    needed: dict[str, str] = {}
    after = ""
    while page := journal.sessions(after=after, limit=PAGE):
        for head in page:
            if not head.session.startswith("@"):
                try:
                    state, begun = restoring.restored(journal, head.session)
                except SessionErased:
                    unread.append(Candidate(head.session, 0, 0, "it was erased", False))
                    continue
                except StoreDamaged:
                    # What it stems from may be what mends it.
                    unread.append(Candidate(head.session, 0, 0, "it is damaged", False))
                    origin = _origin(journal, head.session)
                    if origin is not None:
                        needed[origin[0]] = head.session
                    continue
                found[head.session] = _Known(
                    candidate(state, now_ms), state.identity.parent, state.live
                )
                origin = state.origin if begun else _origin(journal, head.session)
                if origin is not None:
                    needed[origin[0]] = head.session
        after = page[-1].session
    made = unread
    for name, one in found.items():
        parent = found.get(one.parent)
        why = one.candidate.needed
        if name in needed:
            why = f"`{needed[name]}` was branched off it"
        elif not why and parent is not None and parent.live:
            why = f"`{one.parent}`, whose sub-session it is, is live"
        made.append(evolve(one.candidate, needed=why))
    return tuple(made)


def _origin(journal: Journal, session: str) -> tuple[str, int] | None:
    """Where a branch that has no row of its own yet was branched off: no state tells it."""
    origin = journal.origin(session)
    return None if origin is None else (origin.parent, origin.seq)
