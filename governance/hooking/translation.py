"""What one payload says, in events of the machine; pure."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from governance._attrs import frozen
from governance.session.commands import Command
from governance.values import Json

CLIENT = "client"
"""As a key of `Translation`: the process of the client that has started the hook."""


@frozen
class Note:
    """
    A row for what the host did by itself: it is no event of the machine, and decides nothing.

    Attributes:
        kind: A name of the catalogue of events.

        data: Its own fields.

        key: By this it is written once, however often it is reported; ``None``: there is
            nothing to know it by.
    """

    session: str
    kind: str
    data: Mapping[str, Json]
    key: str | None = None


@frozen
class Translation:
    """
    What one payload says.

    Attributes:
        commands: Events in the order in which they happened; none for what is no event
            of a session (a client's own compaction agent, an event unknown here).

        decisive: Index of the command whose reply is the answer.

        remember: Key and session: a later payload with *recall* of that key continues it.

        recall: Key under which an earlier payload may have left a predecessor.

        known: Whether the adapter has a reading of this event at all.

        forked: It is the first of a session that was forked from another one, which no
            payload names.

        notes: Rows that are written beside what the commands lead to, in sessions that
            are known.

        used: What the model has used, as ``usage.reported``: rules on the commands count by it.
    """

    event: str
    commands: tuple[Command, ...] = ()
    decisive: int = 0
    remember: tuple[str, str] | None = None
    recall: str = ""
    known: bool = True
    forked: bool = False
    notes: tuple[Note, ...] = ()
    used: Note | None = None


def birth(host: str, *, model: str = "", source: str) -> dict[str, Json]:
    """What the start of a session of *host* says of it, for a host that keeps a transcript."""
    return {
        "backend_name": host,
        "model_id": model,
        "model_options": {},
        "context_type": "transcript",
        "source": source,
    }


def continued(translation: Translation, predecessor: str) -> Translation:
    """
    *translation* of a session that turned out to continue *predecessor*.

    The first event of a cleared session is its start; that of a forked one is a prompt,
    so that its start is put before it.
    """
    first = translation.commands[0]
    if first.event == "start":
        linked = evolve(first, data={**first.data, "predecessor": predecessor})
        return evolve(translation, commands=(linked, *translation.commands[1:]))
    born = evolve(
        first,
        event="start",
        key=None,
        delivery="none",
        data={**birth(first.host, source="fork"), "predecessor": predecessor},
    )
    return evolve(
        translation,
        commands=(born, *translation.commands),
        decisive=translation.decisive + 1,
    )
