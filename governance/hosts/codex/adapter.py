"""Codex as the script of all command hooks knows it."""

from __future__ import annotations

from collections.abc import Mapping

from governance.hooking.adapter import Adapter
from governance.hosts.codex.answer import answer, unbound
from governance.hosts.codex.capabilities import EVENTS
from governance.hosts.codex.forks import forked_from
from governance.hosts.codex.profile import PROFILE
from governance.hosts.codex.translate import translate

SHELL_MARK = "CODEX_TOOL_CALL_ID"
"""Set for the shell of the client's tools, and not for its hooks."""

SESSION_MARK = "CODEX_SESSION_ID"


def agent_session(environment: Mapping[str, str]) -> str:
    """The session in whose agent's shell *environment* stands, or ``""``."""
    return environment.get(SESSION_MARK, "") if SHELL_MARK in environment else ""


ADAPTER = Adapter(
    PROFILE, EVENTS, translate, answer, unbound, agent_session, forked_from=forked_from
)
