"""Gemini CLI as the script of all command hooks knows it."""

from __future__ import annotations

from collections.abc import Mapping

from governance.hooking.adapter import Adapter
from governance.hooking.caller import UNNAMED
from governance.hosts.gemini_cli.answer import answer, unbound
from governance.hosts.gemini_cli.capabilities import EVENTS
from governance.hosts.gemini_cli.profile import PROFILE
from governance.hosts.gemini_cli.translate import translate

SHELL_MARK = "GEMINI_CLI"
"""Set for the shell of the client's tools, and not for its hooks."""


def agent_session(environment: Mapping[str, str]) -> str:
    """That *environment* is that of an agent's shell, whose session it does not name."""
    return UNNAMED if SHELL_MARK in environment else ""


ADAPTER = Adapter(PROFILE, EVENTS, translate, answer, unbound, agent_session)
