"""Claude Code as the script of all command hooks knows it."""

from __future__ import annotations

from collections.abc import Mapping

from governance.hooking.adapter import Adapter
from governance.hooking.claude.answers import answer, unbound
from governance.hooking.claude.events import EVENTS
from governance.hosts.claude_code.forks import forked_from
from governance.hosts.claude_code.profile import PROFILE
from governance.hosts.claude_code.translate import translate

SHELL_MARK = "CLAUDE_CODE_EXECPATH"
"""Set for the shell of the client's tools, and not for its hooks."""

SESSION_MARK = "CLAUDE_CODE_SESSION_ID"


def agent_session(environment: Mapping[str, str]) -> str:
    """The session in whose agent's shell *environment* stands, or ``""``."""
    return environment.get(SESSION_MARK, "") if SHELL_MARK in environment else ""


PROBE = "SubagentStop"
"""It changes nothing when no agent is named: the hook starts, reads, and is silent."""

ADAPTER = Adapter(PROFILE, EVENTS, translate, answer, unbound, agent_session, PROBE, forked_from)
