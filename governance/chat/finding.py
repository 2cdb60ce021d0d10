"""Finding messages: by the index of the store, or by reading where it has none."""

from __future__ import annotations

from governance._attrs import frozen
from governance.chat.messages import Message, message_of
from governance.errors import StoreDamaged
from governance.journal.records import Journal
from governance.journal.searching import Query, Search, scan


@frozen
class Found:
    """
    What a search came to.

    Attributes:
        messages: Newest first, or best first where that was asked for.

        indexed: Whether an index was asked. Without one, as in a store that is encrypted, the
            journal itself was read.

        complete: ``False`` where that reading ended before all rows were read.

        damaged: Sessions of which something could not be read and is left out.
    """

    messages: tuple[Message, ...]
    indexed: bool
    complete: bool
    damaged: tuple[str, ...] = ()


def find(
    journal: Journal,
    text: str,
    *,
    session: str | None = None,
    ranked: bool = False,
    limit: int = 20,
) -> Found:
    """As `Engine.search`."""
    query = Query.of(text)
    indexed = isinstance(journal, Search)
    complete = True
    damaged: dict[str, None] = {}
    if isinstance(journal, Search):
        hits = journal.search(query, session=session, ranked=ranked, limit=limit)
    else:
        scanned = scan(journal, query, session=session, ranked=ranked, limit=limit)
        hits, complete = scanned.hits, scanned.complete
        damaged = dict.fromkeys(scanned.damaged)
    messages = []
    for hit in hits:
        # The index is a cache: what is shown is read from the journal, which proves it.
        try:
            found = journal.read(hit.session, after=hit.seq - 1, limit=1)
        except StoreDamaged:
            damaged[hit.session] = None
            continue
        messages += [one for record in found if (one := message_of(record)) is not None]
    return Found(tuple(messages), indexed, complete, tuple(damaged))
