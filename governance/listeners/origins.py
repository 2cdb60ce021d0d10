"""
Where lifecycle events come from, field by field, as data for the docs.

Three systems had session events before this one: Mellea's plugin payloads, the Hermes
gateway's hooks and the OpenCode plugin iDumb. Whoever brings listeners from one of them
finds here what each field is called now.
"""

from __future__ import annotations

from governance._attrs import frozen


@frozen
class Origin:
    """
    One field of another system's event, and where it stands here.

    Attributes:
        system: ``Mellea``, ``Hermes`` or ``iDumb``.

        event: That system's name of the event or payload.

        field: That system's name of the field.

        ours: Our event.

        path: Where the value stands: an own field, or ``envelope.NAME``.

        note: What differs, or ``""``.
    """

    system: str
    event: str
    field: str
    ours: str
    path: str
    note: str = ""


_WRITABLE = "writable there and here"
_LOOK = "to be looked at only"

ORIGINS: tuple[Origin, ...] = (
    Origin("Mellea", "SessionPreInitPayload", "backend_name", "session.creating", "backend_name"),
    Origin(
        "Mellea", "SessionPreInitPayload", "model_id", "session.creating", "model_id", _WRITABLE
    ),
    Origin(
        "Mellea",
        "SessionPreInitPayload",
        "model_options",
        "session.creating",
        "model_options",
        f"{_WRITABLE}; an absent one is an empty object",
    ),
    Origin("Mellea", "SessionPreInitPayload", "context_type", "session.creating", "context_type"),
    Origin(
        "Mellea", "SessionPostInitPayload", "session_id", "session.created", "envelope.session_id"
    ),
    Origin("Mellea", "SessionPostInitPayload", "model_id", "session.created", "model_id"),
    Origin("Mellea", "SessionPostInitPayload", "context", "session.created", "context"),
    Origin(
        "Mellea",
        "SessionResetPayload",
        "previous_context",
        "session.resetting",
        "previous_context",
        _LOOK,
    ),
    Origin("Mellea", "SessionCleanupPayload", "context", "session.ending", "context", _LOOK),
    Origin(
        "Mellea",
        "SessionCleanupPayload",
        "interaction_count",
        "session.ending",
        "interaction_count",
    ),
    Origin(
        "Mellea",
        "SessionCleanupPayload",
        "exception",
        "session.ending",
        "exception",
        "as text; there since version 0.7",
    ),
    Origin(
        "Hermes",
        "session:start",
        "session_id",
        "session.started",
        "envelope.session_id",
        "comes with the first message of an epoch, as there",
    ),
    Origin("Hermes", "session:start", "platform", "session.started", "envelope.host"),
    Origin("Hermes", "session:start", "user_id", "session.started", "envelope.actor"),
    Origin(
        "Hermes",
        "session:end",
        "session_key",
        "session.ending",
        "envelope.session_id",
        "comes before anything is thrown away, and names the session that ends",
    ),
    Origin("Hermes", "session:end", "platform", "session.ending", "envelope.host"),
    Origin("Hermes", "session:end", "user_id", "session.ending", "envelope.actor"),
    Origin(
        "Hermes",
        "session:reset",
        "session_key",
        "session.reset",
        "envelope.session_id",
        "comes when the new epoch has begun",
    ),
    Origin("Hermes", "session:reset", "platform", "session.reset", "envelope.host"),
    Origin("Hermes", "session:reset", "user_id", "session.reset", "envelope.actor"),
    Origin("iDumb", "session.created", "info.id", "session.created", "envelope.session_id"),
    Origin("iDumb", "session.created", "config.user.language", "session.created", "language"),
    Origin("iDumb", "session.created", "metadata.phase", "session.created", "phase"),
    Origin("iDumb", "session.created", "tracker.activeStyle", "session.created", "style"),
    Origin("iDumb", "session.compacted", "sessionID", "session.compacted", "envelope.session_id"),
    Origin("iDumb", "session.compacted", "contextSize", "session.compacted", "context_size_tokens"),
    Origin("iDumb", "session.compacted", "compactedAt", "session.compacted", "envelope.at_ms"),
    Origin(
        "iDumb",
        "session.compacted",
        "governanceInjected",
        "session.compacted",
        "envelope.state_after",
        "derived here: the model is told in `between-turn` alone",
    ),
    Origin(
        "iDumb",
        "session.idle",
        "sessionID",
        "session.idle",
        "envelope.session_id",
        "a turn's end is `turn.ended`; idle is a time-out",
    ),
    Origin("iDumb", "session.idle", "lastUpdated", "session.idle", "envelope.at_ms"),
    Origin("iDumb", "session.idle", "stats", "session.idle", "stats"),
    Origin("iDumb", "session.resumed", "sessionID", "session.resumed", "envelope.session_id"),
    Origin("iDumb", "session.resumed", "idleDuration", "session.resumed", "gap_seconds"),
    Origin("iDumb", "command.executed", "command", "command.executed", "name"),
    Origin("iDumb", "command.executed", "style command", "style.changed", "style"),
    Origin("iDumb", "command.executed", "task title", "task.completed", "title"),
    Origin("iDumb", "command.executed", "file operation", "file.changed", "operation"),
)
"""Every field of the three systems' session events."""


def origin_table() -> str:
    """The origins of events as a Markdown table, for the docs."""
    lines = ["| from | event | field | here | field | note |", "| --- |" + " --- |" * 5]
    for one in ORIGINS:
        path = one.path.removeprefix("envelope.")
        lines.append(
            f"| {one.system} | `{one.event}` | `{one.field}` | `{one.ours}` | `{path}` "
            f"| {one.note} |"
        )
    return "\n".join(lines) + "\n"
