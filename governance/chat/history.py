"""Reading a chat history: pages both ways, and all of it as a stream."""

from __future__ import annotations

from collections.abc import Iterator

from governance._attrs import frozen
from governance.chat.messages import Message, message_of
from governance.journal.records import Journal

ROWS_READ = 200
"""Rows of a journal that are read at once: each may be as big as a message."""

MESSAGES_MAX = 10_000
"""Messages that one page may have."""


@frozen
class Page:
    """
    Messages of one session in the order that was asked for.

    Attributes:
        next_seq: What to go on from, as ``after`` or, reversed, as ``before``; 0: that was all.
    """

    messages: tuple[Message, ...]
    next_seq: int


def page_of(
    journal: Journal,
    session: str,
    *,
    after: int = 0,
    before: int | None = None,
    limit: int = 100,
    reverse: bool = False,
) -> Page:
    """
    Messages of rows with ``after < seq < before``, at most *limit*; reversed: newest first.

    Reads no further than it must; of a branch also the messages that it shares.

    Raises:
        JournalError: The store cannot be read.
    """
    found: list[Message] = []
    bounded = min(limit, MESSAGES_MAX)
    for message in messages_of(journal, session, after=after, before=before, reverse=reverse):
        if len(found) == bounded:
            return Page(tuple(found), found[-1].seq)
        found.append(message)
    return Page(tuple(found), 0)


def messages_of(
    journal: Journal,
    session: str,
    *,
    after: int = 0,
    before: int | None = None,
    reverse: bool = False,
) -> Iterator[Message]:
    """Every message of *session* between two rows, a few rows in memory at a time."""
    while True:
        rows = journal.read(session, after=after, before=before, limit=ROWS_READ, reverse=reverse)
        for row in rows:
            message = message_of(row)
            if message is not None:
                yield message
        if len(rows) < ROWS_READ:
            return
        if reverse:
            before = rows[-1].seq
        else:
            after = rows[-1].seq
