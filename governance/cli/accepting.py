"""What a person accepts as lost, of sessions that a repair could not make whole."""

from __future__ import annotations

from collections.abc import Sequence

from governance.cli.frame import FINE, FOUND
from governance.cli.opening import behind_guard, require_session, sessions_in, store_of
from governance.cli.output import print_json, print_line
from governance.cli.recording import person_name, recorded_json, recording_engine
from governance.engine import Engine
from governance.errors import GovernanceError, MisuseError, SessionErased, StoreDamaged
from governance.journal.encrypted import EncryptedJournal
from governance.journal.records import Journal
from governance.journal.staging import GivenUp
from governance.ledger import damage
from governance.project import Project
from governance.values import Json

PAGE_ROWS = 1_000


def record_repair(engine: Engine, session: str, what: str, rows: int) -> int:
    """Record in *session* that a person mended it, or accepted what is lost; the row's sequence."""
    data: dict[str, Json] = {"what": what, "rows": rows}
    return engine.record(session, "session.repaired", data, actor=person_name()).seq


def closed_rows(project: Project, accepted: Sequence[str], *, everything: bool) -> GivenUp:
    """
    Rows that are there and that nobody can read, of the sessions *accepted* or of all.

    Their key is lost, or they are not what it sealed.
    """
    with store_of(project, "verify") as guarded:
        journal = behind_guard(guarded)
        for session in accepted:
            require_session(journal, session)
        names = sessions_in(journal) if everything else accepted
        return {name: rows for name in names if (rows := _closed_rows(journal, name))}


def _closed_rows(journal: Journal, session: str) -> frozenset[int]:
    if not isinstance(journal, EncryptedJournal):
        return frozenset()
    stored, closed = journal.inner, set[int]()
    origin = stored.origin(session)
    after = origin.seq if origin is not None else 0
    try:
        while page := stored.read(session, after=after, limit=PAGE_ROWS):
            closed.update(record.seq for record in page if not journal.can_open(record))
            after = page[-1].seq
    except (SessionErased, StoreDamaged):
        return frozenset()  # what was erased is no loss, and what is damaged is to be mended first
    return frozenset(closed)


def accept(
    project: Project, accepted: Sequence[str], everything: bool, reason: str, format_name: str
) -> int:
    """
    Accept what is lost of the sessions *accepted*, or of all; the exit code.

    Raises:
        MisuseError: GOV547, nothing is lost of one that was named.
    """
    told: list[Json] = []
    with recording_engine(project) as engine:
        for session in accepted:
            if not _damage(engine, session):
                raise MisuseError(
                    f"nothing is lost of session `{session}`",
                    code="GOV547",
                    remedy="`governance verify` names those of which something is",
                )
        names, left = _harmed(engine) if everything else (list(accepted), [])
        for session in dict.fromkeys(names):
            what = f"accepted: {_damage(engine, session)}"
            seq = record_repair(engine, session, f"{what}: {reason}", 0)
            told.append(recorded_json({"what": what}, session=session, seq=seq))
            if format_name != "json":
                print_line(f"{session}: the loss is accepted, and the session may work", "good")
    if format_name == "json":
        print_json(told)
    elif not told:
        print_line("nothing is lost of any session", "good")
    for error in left:
        print_line(f"left out, for it cannot be read: {error.message}", "bad", stderr=True)
    return FOUND if left else FINE


def _harmed(engine: Engine) -> tuple[list[str], list[GovernanceError]]:
    """The sessions of which something is lost, and why others cannot be read."""
    harmed: list[str] = []
    left: list[GovernanceError] = []
    for name in sessions_in(behind_guard(engine.journal)):
        try:
            if _damage(engine, name):
                harmed.append(name)
        except GovernanceError as error:
            left.append(error)
    return harmed, left


def _damage(engine: Engine, session: str) -> str:
    """What is lost of *session*; nothing of one that nobody may work on again."""
    try:
        return damage(engine.state(session, audited=False).ledger)
    except SessionErased:
        return ""
