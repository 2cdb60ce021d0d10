"""Sessions that began before a store was encrypted: their first rows can be read by anybody."""

from __future__ import annotations

from governance._attrs import frozen
from governance.journal.encrypted import EncryptedJournal, as_stored
from governance.journal.gaps import DAMAGED_KIND, GAP_KIND
from governance.journal.records import Journal
from governance.journal.sealing import is_sealed

SESSIONS_MAX = 10_000
"""Sessions that are looked at, a row of each; so many take some tenths of a second."""

_PAGE = 1_000
_FIRST_ROWS = 5


@frozen
class PlainRows:
    """
    What was found.

    Attributes:
        sessions: Those that have rows in plain text, by their names.

        count: How many were looked at.

        more: There are more than `SESSIONS_MAX`, of which the rest were not looked at.
    """

    sessions: tuple[str, ...]
    count: int
    more: bool


def plain_rows(journal: Journal) -> PlainRows | None:
    """The sessions of *journal* with rows from before encryption; ``None``: it is not encrypted."""
    if not isinstance(journal, EncryptedJournal):
        return None
    stored, after, count = as_stored(journal), "", 0
    found: list[str] = []
    while page := stored.sessions(after=after, limit=_PAGE):
        for head in page:
            if count == SESSIONS_MAX:
                return PlainRows(tuple(found), count, more=True)
            count += 1
            if _begins_plainly(stored, head.session):
                found.append(head.session)
        after = page[-1].session
    return PlainRows(tuple(found), count, more=False)


def _begins_plainly(stored: Journal, session: str) -> bool:
    origin = stored.origin(session)
    rows = stored.read(session, after=origin.seq if origin is not None else 0, limit=_FIRST_ROWS)
    # What stands in for a lost row says which is lost, and is never encrypted.
    own = [one for one in rows if one.kind not in (GAP_KIND, DAMAGED_KIND)]
    return bool(own) and not is_sealed(own[0].body)
