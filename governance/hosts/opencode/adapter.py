"""OpenCode as the script of all command hooks knows it."""

from __future__ import annotations

from collections.abc import Mapping

from governance.hooking.adapter import Adapter
from governance.hosts.opencode.answer import answer, unbound
from governance.hosts.opencode.capabilities import EVENTS
from governance.hosts.opencode.profile import PROFILE
from governance.hosts.opencode.translate import translate

SESSION_MARK = "GOVERNANCE_OPENCODE_SESSION"
"""Set by the plugin for the shells of the client's tools, and not for its hooks."""


def agent_session(environment: Mapping[str, str]) -> str:
    """The session in whose agent's shell *environment* stands, or ``""``."""
    return environment.get(SESSION_MARK, "")


ADAPTER = Adapter(PROFILE, EVENTS, translate, answer, unbound, agent_session)
