"""`erase`: a session made unreadable for good, by destroying its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from governance._attrs import frozen
from governance.cli.frame import (
    FINE,
    Example,
    command,
    dir_option,
    format_option,
    key_option,
    project_of,
)
from governance.cli.guard import require_person, require_terminal
from governance.cli.keys import encrypted_of
from governance.cli.opening import behind_guard, require_session, rows_of, sessions_in
from governance.cli.output import print_json, print_line
from governance.cli.recording import person_name, recording_engine
from governance.cli.sessions import OWN_MARK
from governance.cli.values import REASON
from governance.engine import Engine
from governance.engine.keeping import archived
from governance.engine.opening import PROJECT_SESSION, spool_of
from governance.errors import JournalError, MisuseError, SessionErased, number_of
from governance.formats import body_of
from governance.journal.archive import read_archive
from governance.journal.encrypted import EncryptedJournal, as_stored
from governance.journal.gaps import DAMAGED_KIND, GAP_KIND
from governance.journal.records import Record
from governance.journal.sealing import SealBroken, is_sealed
from governance.journal.session_values import SESSION_SHELVES, values_of
from governance.journal.vault import session_scope
from governance.project import Project
from governance.values import Json

PAGE_ROWS = 1000
FAMILY_MAX = 1_000
"""Sub-sessions that one call erases with their parent."""

_TAKE_OUT = (
    "take it out of the store instead: `governance archive`, then destroy the file that it writes, "
    "and backups from before"
)

CODES: Mapping[str, str] = {"GOV557": "a session that cannot be erased"}


@frozen
class Erased:
    """What became of one session; `before`: its key was gone already."""

    session: str
    rows: int
    values: int
    before: bool

    def as_json(self) -> dict[str, Json]:
        """As programs read it."""
        return {
            "session": self.session,
            "rows": self.rows,
            "values": self.values,
            "erased_before": self.before,
        }


@command(
    "erase",
    examples=[
        Example(
            """governance erase demo --yes --reason "asked by the user" """.strip(),
            "Make a session and all that hangs on it unreadable; there is no way back.",
        ),
    ],
)
@click.argument("session")
@click.option("--reason", type=REASON, required=True, help="Why; it is recorded.")
@click.option("--yes", is_flag=True, help="Do not ask once more.")
@format_option()
@key_option
@dir_option
def erase(
    session: str,
    reason: str,
    yes: bool,
    format_name: str,
    key_file: Path | None,
    directory: Path | None,
) -> int:
    """
    Make a session, its sub-sessions and its branches unreadable for good.

    A person's command, for projects that encrypt their journal. The session's data key is
    destroyed and overwritten; its rows stay, so that `governance verify` still proves the
    journal, but nobody can read them. Who did it and why is recorded in the project's own
    journal. Backups and copies from before hold the wrapped key still: let them go too. An
    archive holds none, so an archived session is erased by the same command.
    """
    project = project_of(directory)
    require_person("erase", project, key_file)
    if session.startswith(OWN_MARK):
        raise _refused(session, "it is the project's own journal")
    if not yes and key_file is None and format_name == "text":
        require_terminal("erase")
        click.confirm(f"Make `{session}` unreadable for good?", abort=True)
    with recording_engine(project) as engine:
        if engine.options.guard is not None:
            engine.options.guard.require("erase", session, actor=person_name())
        journal = encrypted_of(behind_guard(engine.journal))
        if not _is_known(journal, session):
            require_session(journal.inner, session)
        untold: list[str] = []
        done = [
            _erase(project, engine, journal, one, session, reason)
            for one in family(journal, session, untold)
        ]
    for name in untold:
        print_line(f"it is not known whether this hung on it: {name}", "wary", stderr=True)
    if format_name == "json":
        print_json({"erased": [one.as_json() for one in done]})
        return FINE
    for one in done:
        again = ", as it was before" if one.before else ""
        print_line(f"{one.session}: {number_of(one.rows, 'row')} unreadable now{again}", "good")
    return FINE


def family(
    journal: EncryptedJournal, session: str, untold: list[str] | None = None
) -> tuple[str, ...]:
    """
    *session*, its branches and all below them, every one behind what hangs on it.

    In this order a call that is killed can be given again: what is left is still found.

    Args:
        untold: Gets the archived sessions of which nothing tells any more who began them.
    """
    found: dict[str, None] = {}
    branches = _branches(journal)
    parents: dict[str, list[str]] | None = None

    def visit(name: str) -> Iterator[str]:
        nonlocal parents
        if name in found or len(found) > FAMILY_MAX:
            return
        found[name] = None
        children = _children(journal, name)
        if children is None:  # its own rows tell no more whom it began
            parents = _parents(journal, untold) if parents is None else parents
            children = parents.get(name, [])
        for child in children:
            yield from visit(child)
        # They show its rows, and keep what it had come to in rows and snapshots of their own.
        for branch in branches.get(name, ()):
            yield from visit(branch)
        yield name

    names = tuple(visit(session))
    if len(names) > FAMILY_MAX:
        raise _refused(session, f"more than {FAMILY_MAX} sessions hang on it")
    return tuple(name for name in names if _is_known(journal, name))


def _children(journal: EncryptedJournal, session: str) -> list[str] | None:
    """
    All that it ever began, those that have ended as well; not what its parent had.

    ``None``: nobody can tell, for its rows are gone, or the key that opens them.
    """
    if not journal.inner.head(session).seq:
        return None
    found: list[str] = []
    try:
        for record in rows_of(journal, session):
            if record.kind == "child.started" and record.session == session:
                data = body_of(record).get("data")
                child = data.get("child_id") if isinstance(data, Mapping) else None
                if isinstance(child, str):
                    found.append(child)
    except (SessionErased, SealBroken):
        return None
    return found


def _parents(journal: EncryptedJournal, untold: list[str] | None) -> dict[str, list[str]]:
    """Session → those, in the store or archived, that say that they are below it."""
    found: dict[str, list[str]] = {}
    for name in sessions_in(journal.inner):
        try:
            first = journal.read(name, limit=1)
        except (SessionErased, SealBroken):
            continue
        for record in first:
            parent = _begun_by(body_of(record)) if record.session == name else ""
            if parent:
                found.setdefault(parent, []).append(name)
    for name, file, known in archived(journal):
        if journal.vault.is_erased(session_scope(name)):
            continue
        try:
            parent = _archived_parent(journal, name, file) if known is None else known
        except JournalError as error:
            if untold is not None:
                untold.append(f"`{name}`: {error.message}")
            continue
        if parent:
            found.setdefault(parent, []).append(name)
    return found


def _begun_by(body: Mapping[str, Json]) -> str:
    """Who began the session whose first row has this *body*, or ``""``."""
    to = body.get("to")
    identity = to.get("identity") if isinstance(to, Mapping) else None
    parent = identity.get("parent") if isinstance(identity, Mapping) else None
    return parent if isinstance(parent, str) else ""


def _archived_parent(journal: EncryptedJournal, session: str, file: Path) -> str:
    """
    Who began *session*, by the archive in *file*.

    Raises:
        JournalError: It cannot be read, or not be opened.
    """
    _, parts = read_archive(file)
    first = next((one for one in parts if isinstance(one, Record)), None)
    if first is None or first.session != session or first.seq != 1:
        return ""  # a branch, which is found by what it goes on from
    return _begun_by(body_of(journal.opened(first)))


def _branches(journal: EncryptedJournal) -> dict[str, list[str]]:
    """Session → those that go on from a row of it, in the store or archived."""
    found: dict[str, list[str]] = {}
    for page_of in (journal.inner.sessions, journal.inner.removed):
        after = ""
        while page := page_of(after=after, limit=PAGE_ROWS):
            for head in page:
                origin = journal.inner.origin(head.session)
                if origin is not None:
                    found.setdefault(origin.parent, []).append(head.session)
            after = page[-1].session
    return found


def _is_known(journal: EncryptedJournal, session: str) -> bool:
    """Whether there is anything to erase: rows, or a key that rows of an archive still need."""
    return bool(journal.inner.head(session).seq) or journal.vault.knows(session_scope(session))


def _erase(
    project: Project,
    engine: Engine,
    journal: EncryptedJournal,
    session: str,
    root: str,
    reason: str,
) -> Erased:
    scope = session_scope(session)
    rows = journal.inner.head(session).seq
    before = journal.vault.is_erased(scope)
    if not before:
        _require_sealed(journal, session)
        data: dict[str, Json] = {
            "session": session,
            "rows": rows,
            "asked_for": root,
            "by": person_name(),
            "reason": reason,
        }
        # First of all: whoever is killed before the key is gone has still been seen.
        engine.record(PROJECT_SESSION, "session.erased", data, actor=person_name())
    # The key before the values: nobody ever reads a session of which a part is gone.
    journal.vault.erase(scope, engine.clock.now_ms())
    engine.live.drop(session)
    values = sum(_drop_values(journal, shelf, session) for shelf in SESSION_SHELVES)
    # What waits for the session is sealed by another key than the one that went.
    spool_of(project, journal).clear(session)
    return Erased(session, rows, values, before)


def _require_sealed(journal: EncryptedJournal, session: str) -> None:
    stored, after = as_stored(journal), 0
    while page := stored.read(session, after=after, limit=PAGE_ROWS):
        for record in page:
            # What a branch shares is its parent's, and goes with that.
            own = record.session == session and record.kind not in (GAP_KIND, DAMAGED_KIND)
            if own and not is_sealed(record.body):
                why = f"row {record.seq} was written before encryption, so no key could hide it"
                raise _refused(session, why, _TAKE_OUT)
        after = page[-1].seq


def _drop_values(journal: EncryptedJournal, shelf: str, session: str) -> int:
    within = journal.inner.shelf
    return sum(within.delete(shelf, one.name) for one in values_of(within, shelf, session))


def _refused(session: str, why: str, remedy: str = "") -> MisuseError:
    return MisuseError(
        f"`{session}` cannot be erased: {why}", code="GOV557", remedy=remedy or "name another"
    )


COMMANDS = {"erase": erase}
