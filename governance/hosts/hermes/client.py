"""
What is asked of Hermes itself. Only here is anything of it imported, and only when it runs.

A version that lacks one of these leaves the guard in force and the answer empty: a folder that
is not known, a session that nothing comes before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

PLUGIN = "governance"
"""The name of our plugin in Hermes' configuration, and of our folders below its home."""


def home() -> Path:
    """The folder of Hermes' own configuration, of the profile in use."""
    found: Path = import_module("hermes_constants").get_hermes_home()
    return found


def working_folder(task: str) -> str | None:
    """
    The folder in which a tool of *task* works, or ``None`` where the host hides it.

    It does so where tools run in a container or on another machine.
    """
    if os.environ.get("TERMINAL_ENV", "local") != "local":
        return None
    recorded = _try("tools.terminal_tool", "get_session_cwd", task or "default")
    if isinstance(recorded, str) and recorded.startswith("/"):
        return recorded
    configured = os.environ.get("TERMINAL_CWD", "")
    return configured if configured.startswith("/") else str(Path.cwd())


def nobody_is_asked() -> bool:
    """
    Whether Hermes would answer its own question for leave: with ``--yolo``, and in cron jobs.

    Its gate says yes there without a person, where its settings say so. A version whose gate
    cannot be seen may do so too.
    """
    if os.environ.get("HERMES_CRON_SESSION"):
        return True
    try:
        approval = import_module("tools.approval")
        return bool(approval._YOLO_MODE_FROZEN or approval.is_current_session_yolo_enabled())
    except Exception:  # noqa: BLE001 -- whatever another program raises: it is not known
        return True


def summary_mark() -> str:
    """What a compacted history begins with, or ``""`` where that is not known."""
    try:
        return str(import_module("agent.context_compressor").SUMMARY_PREFIX)
    except (ImportError, AttributeError):
        return ""


def compressed_from(session: str) -> str:
    """The session that *session* continues after a compaction under a new id, or ``""``."""
    found = _try("hermes_state", "SessionDB")
    if found is None:
        return ""
    try:
        parent = str((found.get_session(session) or {}).get("parent_session_id") or "")
        before = found.get_session(parent) if parent else None
    finally:
        found.close()
    return parent if (before or {}).get("end_reason") == "compression" else ""


def chat_of(event: Any, gateway: Any, store: Any) -> tuple[str, str]:
    """The chat that a message of the gateway is from, and its session; ``""`` for either."""
    try:
        key = str(gateway._session_key_for_source(event.source) or "")
        entry = store._entries.get(key)
    except AttributeError:
        return "", ""
    return key, str(getattr(entry, "session_id", "") or "")


def hooks() -> Mapping[str, list[Callable[..., object]]]:
    """Hermes' own lists of callbacks, by hook."""
    found: Mapping[str, list[Callable[..., object]]] = _plugins().get_plugin_manager()._hooks
    return found


def context() -> Any:
    """What a plugin of our name registers itself with."""
    plugins = _plugins()
    manifest = plugins.PluginManifest(name=PLUGIN, source="gateway hook")
    return plugins.PluginContext(manifest, plugins.get_plugin_manager())


def _plugins() -> Any:
    return import_module("hermes_cli.plugins")


def _try(module: str, name: str, *words: object) -> Any:
    try:
        return getattr(import_module(module), name)(*words)
    except Exception:  # noqa: BLE001 -- whatever another program raises: it is not known
        return None
