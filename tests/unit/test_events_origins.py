"""Whoever comes from another system finds every field of it, and only fields that are there."""

from __future__ import annotations

from governance.config import KEYS, TEMPLATE, template_table
from governance.events import CATALOGUE, ENVELOPE
from governance.listeners import ORIGINS, origin_table

FIELDS = {
    "SessionPreInitPayload": {"backend_name", "model_id", "model_options", "context_type"},
    "SessionPostInitPayload": {"session_id", "model_id", "context"},
    "SessionResetPayload": {"previous_context"},
    "SessionCleanupPayload": {"context", "interaction_count"},
}
EVENTS = {
    "Hermes": {"session:start", "session:end", "session:reset"},
    "iDumb": {
        "session.created",
        "session.compacted",
        "session.idle",
        "session.resumed",
        "command.executed",
    },
}
TEMPLATE_KEYS = """
enabled priority
persistence: auto_save save_interval backup_frequency max_backups compression
session_storage: location format encryption max_size_mb cleanup_days
context_management: max_context_size context_compression context_sharing context_validation
chat_management: history_retention message_compression search_indexing export_formats
recovery: auto_recovery corruption_detection backup_restoration partial_recovery
performance: lazy_loading cache_size_mb preload_recent memory_management
"""


def test_every_payload_field_is_found() -> None:
    """The four payloads are mapped whole."""
    for payload, fields in FIELDS.items():
        assert fields <= {one.field for one in ORIGINS if one.event == payload}


def test_every_event_of_the_others_is_found() -> None:
    """The gateway's three events and the plugin's five."""
    for system, events in EVENTS.items():
        assert events == {one.event for one in ORIGINS if one.system == system}


def test_what_stands_here_is_there() -> None:
    """No row points to an event or a field that the catalogue does not have."""
    for one in ORIGINS:
        envelope, _, name = one.path.rpartition(".")
        known = ENVELOPE if envelope == "envelope" else CATALOGUE[one.ours].fields
        assert name in known, one
        if "writable" in one.note:
            assert CATALOGUE[one.ours].fields[name].writable
        if "only" in one.note and envelope == "":
            assert not CATALOGUE[one.ours].fields[name].writable


def test_every_key_of_the_template_is_answered() -> None:
    """By a key of ours that exists, or by a reason."""
    expected = []
    for line in TEMPLATE_KEYS.strip().splitlines():
        table, colon, names = line.rpartition(":")
        expected += [f"{table}.{one}" if colon else one for one in names.split()]

    assert [one.key for one in TEMPLATE] == expected
    keys = {one.key for one in KEYS}
    for one in TEMPLATE:
        assert one.ours or one.note, one.key
        assert set(one.ours) <= keys


def test_the_tables_hold_every_row() -> None:
    """Nothing is left out of the docs."""
    assert len(origin_table().splitlines()) == len(ORIGINS) + 2
    assert len(template_table().splitlines()) == len(TEMPLATE) + 2
