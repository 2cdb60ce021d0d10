"""
Agent harnesses that are known here, one folder a host.

`HOSTS` is the one list of them; their parts are imported when they are asked for.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # `typing` alone would cost a hook more than all that it needs from here
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from governance.hooking.adapter import Adapter, Profile
    from governance.hooking.installing import Installer
    from governance.hooking.transcripts import FindTranscripts

HOSTS: Mapping[str, str] = {
    "agent-hooks": "governance.hosts.agent_hooks",
    "claude-agent-sdk": "governance.hosts.claude_agent_sdk",
    "claude-code": "governance.hosts.claude_code",
    "codex": "governance.hosts.codex",
    "gemini-cli": "governance.hosts.gemini_cli",
    "hermes": "governance.hosts.hermes",
    "langchain": "governance.hosts.langchain",
    "mellea": "governance.hosts.mellea",
    "openai-agents": "governance.hosts.openai_agents",
    "opencode": "governance.hosts.opencode",
    "pydantic-ai": "governance.hosts.pydantic_ai",
}
"""
Name of a host → its package, whose folder is the name with ``_`` for ``-``.

Each has ``profile.PROFILE``.
"""

HOOKED = ("claude-code", "codex", "gemini-cli", "opencode")
"""Hosts that call a command for their events: each has ``adapter.ADAPTER`` and `refusal.py`."""

INSTALLABLE = ("claude-code", "codex", "gemini-cli", "hermes", "opencode")
"""
Hosts whose settings `init` changes: each has ``settings.INSTALLER``.

Each also keeps transcripts of its own: ``transcripts.find_transcripts`` finds them.
"""

STATUS_LINES = ("claude-code",)
"""Hosts that show a status line of ours: each has `statusline.py`."""


def profile_of(host: str) -> Profile:
    """
    What is known of *host*.

    Raises:
        MisuseError: GOV710, there is no such host.
    """
    found: Profile = _part(host, "profile", "PROFILE")
    return found


def adapter_of(host: str) -> Adapter:
    """
    How the hooks of *host* are read and answered.

    Raises:
        MisuseError: GOV710, there is no such host, or it calls no command.
    """
    found: Adapter = _part(host, "adapter", "ADAPTER")
    return found


def installer_of(host: str) -> Installer:
    """
    What puts our hooks into the settings of *host*.

    Raises:
        MisuseError: GOV710, there is no such host, or nothing can be put into it.
    """
    found: Installer = _part(host, "settings", "INSTALLER")
    return found


def transcripts_of(host: str) -> FindTranscripts:
    """
    What finds the transcripts that *host* itself keeps.

    Raises:
        MisuseError: GOV710, there is no such host, or it keeps none that are read here.
    """
    found: FindTranscripts = _part(host, "transcripts", "find_transcripts")
    return found


def _part(host: str, module: str, name: str) -> Any:
    package = HOSTS.get(host)
    missing = f"{package}.{module}"
    try:
        if package is not None:
            return getattr(import_module(missing), name)
    except ModuleNotFoundError as error:
        if error.name != missing:
            raise
    from governance.errors import MisuseError

    known = ", ".join(HOSTS)
    what = f"`{host}` has no {module}" if package else f"`{host}` is no host that is known here"
    raise MisuseError(what, code="GOV710", remedy=f"hosts with an adapter: {known}")
