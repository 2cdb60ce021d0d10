"""
The configuration of a project: ``governance.toml`` as one typed, frozen value.

`load_config` reads it with the layers above it; `override_session` gives it as one session
has it. The table of all keys (`KEYS`) and the file that ``governance init`` writes
(`default_toml`) are made from the same classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance._lazy import lazily
from governance.config._config import (
    Config,
    load_config,
    override_session,
    read_config,
)
from governance.config._layers import Layer, LayerFiles
from governance.config._reading import CODES
from governance.config._tree import (
    HOSTS,
    LEVELS,
    PRESETS,
    BackupTable,
    ContextsTable,
    ContextTable,
    DefaultsTable,
    HealthTable,
    HostTable,
    IdleTable,
    JournalTable,
    ListenersTable,
    ListenerTable,
    LiveTable,
    PacksTable,
    ProjectTable,
    ResumeTable,
    RetentionTable,
    ServiceTable,
    SessionTable,
    StallTable,
)

if TYPE_CHECKING:
    from governance.config._reference import (
        KEYS,
        KeySpec,
        default_toml,
        key_table,
        level_table,
        untrusted_table,
    )
    from governance.config._template import TEMPLATE, TemplateKey, template_table
    from governance.config._untrusted import (
        GUARD,
        UNTRUSTED,
        Loosening,
        Untrusted,
        loosened_keys,
        loosenings,
        until_trusted,
    )

__all__ = [
    "CODES",
    "GUARD",
    "HOSTS",
    "KEYS",
    "LEVELS",
    "PRESETS",
    "TEMPLATE",
    "UNTRUSTED",
    "BackupTable",
    "Config",
    "ContextTable",
    "ContextsTable",
    "DefaultsTable",
    "HealthTable",
    "HostTable",
    "IdleTable",
    "JournalTable",
    "KeySpec",
    "Layer",
    "LayerFiles",
    "ListenerTable",
    "ListenersTable",
    "LiveTable",
    "Loosening",
    "PacksTable",
    "ProjectTable",
    "ResumeTable",
    "RetentionTable",
    "ServiceTable",
    "SessionTable",
    "StallTable",
    "TemplateKey",
    "Untrusted",
    "default_toml",
    "key_table",
    "level_table",
    "load_config",
    "loosened_keys",
    "loosenings",
    "override_session",
    "read_config",
    "template_table",
    "until_trusted",
    "untrusted_table",
]

# What only some callers need is not paid for by a process that answers one hook.
_HOMES = {
    "KEYS": "._reference",
    "KeySpec": "._reference",
    "default_toml": "._reference",
    "key_table": "._reference",
    "level_table": "._reference",
    "untrusted_table": "._reference",
    "TEMPLATE": "._template",
    "TemplateKey": "._template",
    "template_table": "._template",
    "GUARD": "._untrusted",
    "UNTRUSTED": "._untrusted",
    "Loosening": "._untrusted",
    "Untrusted": "._untrusted",
    "loosened_keys": "._untrusted",
    "loosenings": "._untrusted",
    "until_trusted": "._untrusted",
}

__getattr__ = lazily(__name__, _HOMES)
