"""From a project's folder to what a command works on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from governance.config import load_config
from governance.errors import MisuseError, did_you_mean
from governance.journal import open_journal
from governance.journal.records import Journal, Record
from governance.project import Project

PAGE_ROWS = 1000
SESSIONS_NAMED_MAX = 10_000

CODES = {"GOV611": "a session that the store does not have"}


@contextmanager
def store_of(project: Project) -> Iterator[Journal]:
    """
    The journal of *project*, closed afterwards; it is never created.

    Raises:
        DefinitionError: There is no ``governance.toml``, or it is wrong.

        JournalError: The store is missing, damaged, newer or cannot be reached.
    """
    config = load_config(project.directory)
    journal = open_journal(config.journal.url, base=project.directory, create=False)
    try:
        yield journal
    finally:
        journal.close()


def rows_of(journal: Journal, session: str, *, after: int = 0) -> Iterator[Record]:
    """Every row of *session* after that sequence, a page at a time."""
    while page := journal.read(session, after=after, limit=PAGE_ROWS):
        yield from page
        after = page[-1].seq


def sessions_in(journal: Journal) -> Iterator[str]:
    """Ids of all sessions in the store, in order."""
    after = ""
    while page := journal.sessions(after=after, limit=PAGE_ROWS):
        yield from (head.session for head in page)
        after = page[-1].session


def require_session(journal: Journal, session: str) -> None:
    """
    Return quietly if the store has *session*.

    Raises:
        MisuseError: GOV611, with the nearest id.
    """
    if journal.head(session).seq:
        return
    known = [name for name, _ in zip(sessions_in(journal), range(SESSIONS_NAMED_MAX), strict=False)]
    raise MisuseError(
        f"there is no session `{session}` in this store",
        code="GOV611",
        remedy=did_you_mean(session, known) or "`governance sessions` lists them",
    )
