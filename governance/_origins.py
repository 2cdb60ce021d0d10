"""
Where lifecycle events and configuration keys come from, field by field, as data for the docs.

Three systems had session events before this one: Mellea's plugin payloads, the Hermes
gateway's hooks and the OpenCode plugin iDumb. Whoever comes from one of them finds here what
each of its fields is called now. The last table does the same for the keys of a widely copied
configuration template for session management.
"""

from __future__ import annotations

from attrs import frozen


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


@frozen
class TemplateKey:
    """
    One key of the template, and what stands for it here.

    Attributes:
        ours: Keys of ``governance.toml``, or none.

        note: Why there is no key, or what differs.
    """

    key: str
    ours: tuple[str, ...]
    note: str


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

_ALWAYS = "always on: "
_LATER = "not in this version"

TEMPLATE: tuple[TemplateKey, ...] = (
    TemplateKey("enabled", (), "a project is governed from `governance init` on"),
    TemplateKey("priority", ("listener[].priority",), "of each listener; lower first"),
    TemplateKey(
        "persistence.auto_save", (), f"{_ALWAYS}an answer is given when its rows are durable"
    ),
    TemplateKey("persistence.save_interval", (), "nothing waits to be saved"),
    TemplateKey("persistence.backup_frequency", (), _LATER),
    TemplateKey("persistence.max_backups", (), _LATER),
    TemplateKey("persistence.compression", (), _LATER),
    TemplateKey("session_storage.location", ("journal.url",), ""),
    TemplateKey("session_storage.format", ("journal.url",), "the URL's scheme names the store"),
    TemplateKey("session_storage.encryption", (), _LATER),
    TemplateKey("session_storage.max_size_mb", (), _LATER),
    TemplateKey("session_storage.cleanup_days", (), _LATER),
    TemplateKey(
        "context_management.max_context_size", ("context.characters_max", "context.tokens_max"), ""
    ),
    TemplateKey(
        "context_management.context_compression", (), "the host compacts; governance is told again"
    ),
    TemplateKey("context_management.context_sharing", (), _LATER),
    TemplateKey("context_management.context_validation", (), f"{_ALWAYS}a broken pack is an error"),
    TemplateKey("chat_management.history_retention", (), _LATER),
    TemplateKey("chat_management.message_compression", (), _LATER),
    TemplateKey("chat_management.search_indexing", (), _LATER),
    TemplateKey("chat_management.export_formats", (), _LATER),
    TemplateKey("recovery.auto_recovery", (), f"{_ALWAYS}a session comes back from its journal"),
    TemplateKey("recovery.corruption_detection", (), f"{_ALWAYS}a chain over every row"),
    TemplateKey("recovery.backup_restoration", (), _LATER),
    TemplateKey("recovery.partial_recovery", (), _LATER),
    TemplateKey("performance.lazy_loading", (), f"{_ALWAYS}sessions are read when asked for"),
    TemplateKey("performance.cache_size_mb", ("live.megabytes_max",), ""),
    TemplateKey("performance.preload_recent", (), "what was used last stays in memory"),
    TemplateKey(
        "performance.memory_management", ("live.sessions_max", "live.idle_seconds_max"), ""
    ),
)
"""Every key of the template, in its order."""


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


def template_table() -> str:
    """The keys of the template beside ours as a Markdown table, for the docs."""
    lines = ["| template | here | note |", "| --- | --- | --- |"]
    for one in TEMPLATE:
        ours = ", ".join(f"`{key}`" for key in one.ours)
        lines.append(f"| `{one.key}` | {ours} | {one.note} |")
    return "\n".join(lines) + "\n"
