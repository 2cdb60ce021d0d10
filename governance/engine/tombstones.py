"""What stands in the place of a session whose rows were removed."""

from __future__ import annotations

from governance.journal.records import Head, Journal

PAGE = 500


def tombstone(journal: Journal, session: str) -> Head | None:
    """The head of *session* under its tombstone, if it was removed."""
    if journal.head(session).seq:
        return None
    before = _just_before(session)
    while page := journal.removed(after=before, limit=PAGE):
        for head in page:
            if head.session == session:
                return head
            if head.session > session:
                return None
        before = page[-1].session
    return None


def _just_before(session: str) -> str:
    """A text that sorts before *session* with next to nothing between."""
    last = ord(session[-1]) - 1
    if last < 1:
        return session[:-1]
    return f"{session[:-1]}{chr(0xD7FF if last == 0xDFFF else last)}\U0010ffff"
