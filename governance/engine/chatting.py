"""Messages into the journal: big parts onto the shelf first, then rows, many in one commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

from governance._attrs import frozen
from governance.chat.contents import Prepared, keep, prepared
from governance.chat.history import messages_of
from governance.chat.messages import (
    KIND,
    Message,
    Role,
    Said,
    check_id,
    check_role,
    message_of,
    parts_of,
    row_data,
)
from governance.errors import JournalError, MisuseError
from governance.values import Json, check_json

if TYPE_CHECKING:
    from governance.engine.engine import Engine
    from governance.journal.records import Record

BATCH_MESSAGES = 200
"""Messages that are written in one commit, at most."""

BATCH_BYTES = 4 * 1024 * 1024
"""A commit of messages ends with the one that brings its contents above this."""


def add_message(
    engine: Engine,
    session: str,
    role: Role,
    said: Said,
    *,
    ident: str = "",
    reply_to: str = "",
    about: Mapping[str, Json] | None = None,
    actor: str | None = None,
) -> Message:
    """As `Session.message`."""
    check_json(dict(about or {}))
    message = Message(
        role=check_role(role),
        parts=parts_of(said),
        id=check_id(ident) if ident else uuid4().hex,
        reply_to=check_id(reply_to) if reply_to else "",
        about=about or {},
    )
    if any(one.blob for one in message.parts):
        raise MisuseError(
            "a part names content that lies elsewhere; give its content", code="GOV565"
        )
    key = f"message:{session}:{ident}" if ident else None
    ready = prepared(message, engine.law.redact)
    return _written(engine, session, (ready,), imported=False, actor=actor, key=key)[0]


def _add_all(
    engine: Engine, session: str, ready: Iterable[Prepared], actor: str
) -> Iterator[Message]:
    """Write messages with their own times, epochs and people; many in one commit."""
    batch: list[Prepared] = []
    size = 0
    for one in ready:
        batch.append(one)
        size += sum(len(data) for _, data in one.contents)
        if len(batch) == BATCH_MESSAGES or size > BATCH_BYTES:
            yield from _written(engine, session, batch, imported=True, actor=actor)
            batch, size = [], 0
    if batch:
        yield from _written(engine, session, batch, imported=True, actor=actor)


def _written(
    engine: Engine,
    session: str,
    batch: Sequence[Prepared],
    *,
    imported: bool,
    actor: str | None,
    key: str | None = None,
) -> list[Message]:
    if session.startswith("@"):
        raise MisuseError("a session id that begins with `@` is the project's own", code="GOV401")
    # Before anything is put on a shelf; what writes the rows asks again.
    engine._asked("write", session, actor)
    for one in batch:
        keep(engine._journal, session, one.contents)
    rows = [(KIND, row_data(one.message, imported=imported)) for one in batch]
    # What was said is an observation: its tail may be lost with the power, a hole never.
    records = engine.record_all(session, rows, actor=actor or "", durable=False, key=key)
    return [_message(record) for record in records if record.kind == KIND]


def _message(record: Record) -> Message:
    found = message_of(record)
    if found is None:
        raise JournalError(f"row {record.seq} of `{record.session}` is no message that was added")
    return found


@frozen
class Imported:
    """
    What came of an import.

    Attributes:
        added: Messages that were written.

        known: Messages that the session had already, by their id.
    """

    added: int
    known: int


def import_messages(
    engine: Engine, session: str, messages: Iterable[Message], *, actor: str
) -> Imported:
    """
    Add *messages*, said elsewhere, to the history of *session*, each once.

    They keep their ids, times, epochs and people. A session that was never seen gets a history
    and nothing else: it was not governed, and says so by its state.

    Raises:
        MisuseError: GOV565, one of them is none that a history can hold.
        JournalError: They could not be written; those before may have been.
    """
    known = {one.id for one in messages_of(engine._journal, session)}
    twice = 0

    def fresh() -> Iterator[Prepared]:
        nonlocal twice
        for one in messages:
            if one.id in known:
                twice += 1
                continue
            known.add(one.id)
            yield prepared(one, engine.law.redact)

    added = sum(1 for _ in _add_all(engine, session, fresh(), actor))
    return Imported(added, twice)
