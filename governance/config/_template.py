"""
The keys of a widely copied configuration template for session management, beside ours.

Data for the docs: whoever has such a file finds what stands for each of its keys here.
"""

from __future__ import annotations

from governance._attrs import frozen


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


_ALWAYS = "always on: "

TEMPLATE: tuple[TemplateKey, ...] = (
    TemplateKey("enabled", (), "a project is governed from `governance init` on"),
    TemplateKey("priority", ("listener[].priority",), "of each listener; lower first"),
    TemplateKey(
        "persistence.auto_save", (), f"{_ALWAYS}an answer is given when its rows are durable"
    ),
    TemplateKey("persistence.save_interval", (), "nothing waits to be saved"),
    TemplateKey("persistence.backup_frequency", ("backup.age_seconds_max",), "in seconds too"),
    TemplateKey("persistence.max_backups", ("backup.backups_max",), ""),
    TemplateKey("persistence.compression", (), f"{_ALWAYS}archives are packed"),
    TemplateKey("session_storage.location", ("journal.url",), ""),
    TemplateKey("session_storage.format", ("journal.url",), "the URL's scheme names the store"),
    TemplateKey("session_storage.encryption", ("encryption.key",), ""),
    TemplateKey(
        "session_storage.max_size_mb",
        ("retention.megabytes_max", "retention.session_megabytes_max"),
        "of the store, and of one session",
    ),
    TemplateKey("session_storage.cleanup_days", ("retention.age_days_max",), "archived first"),
    TemplateKey(
        "context_management.max_context_size",
        (
            "context.characters_max",
            "context.tokens_max",
            "contexts.value_kilobytes_max",
            "contexts.scope_megabytes_max",
            "contexts.values_max",
        ),
        "of what a model is told, and of what is kept",
    ),
    TemplateKey(
        "context_management.context_compression", (), f"{_ALWAYS}values above 4 KiB are packed"
    ),
    TemplateKey(
        "context_management.context_sharing",
        ("contexts.grants_max",),
        "by leave alone: `governance context grant`; 0: not at all",
    ),
    TemplateKey(
        "context_management.context_validation",
        (),
        f"{_ALWAYS}each content by its hash; `governance context validate`",
    ),
    TemplateKey(
        "chat_management.history_retention",
        ("retention.age_days_max", "retention.session_megabytes_max"),
        "whole sessions, archived first; none loses a message, for each row proves the next",
    ),
    TemplateKey("chat_management.message_compression", (), f"{_ALWAYS}what is too big for a row"),
    TemplateKey(
        "chat_management.search_indexing",
        (),
        f"{_ALWAYS}`governance chat search`, `governance context search`",
    ),
    TemplateKey(
        "chat_management.export_formats", (), "`governance chat export --as json, jsonl, markdown`"
    ),
    TemplateKey("recovery.auto_recovery", (), f"{_ALWAYS}a session comes back from its journal"),
    TemplateKey("recovery.corruption_detection", (), f"{_ALWAYS}a chain over every row"),
    TemplateKey("recovery.backup_restoration", (), "`governance restore`"),
    TemplateKey("recovery.partial_recovery", (), "`governance repair`: what can be read stays"),
    TemplateKey("performance.lazy_loading", (), f"{_ALWAYS}sessions are read when asked for"),
    TemplateKey("performance.cache_size_mb", ("live.megabytes_max",), ""),
    TemplateKey("performance.preload_recent", ("live.preload_sessions_max",), ""),
    TemplateKey(
        "performance.memory_management", ("live.sessions_max", "live.idle_seconds_max"), ""
    ),
)
"""Every key of the template, in its order."""


def template_table() -> str:
    """The keys of the template beside ours as a Markdown table, for the docs."""
    lines = ["| template | here | note |", "| --- | --- | --- |"]
    for one in TEMPLATE:
        ours = ", ".join(f"`{key}`" for key in one.ours)
        lines.append(f"| `{one.key}` | {ours} | {one.note} |")
    return "\n".join(lines) + "\n"
