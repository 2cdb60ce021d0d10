"""The client's hooks as this host reads and answers them: those of Claude Code, in process."""

from __future__ import annotations

from collections.abc import Mapping

from governance.hooking.adapter import Adapter
from governance.hooking.claude import payloads
from governance.hooking.claude.answers import answer, unbound
from governance.hooking.claude.events import EVENTS, TRAITS
from governance.hooking.payload import Payload
from governance.hooking.translation import Translation
from governance.hosts.claude_agent_sdk import NAME
from governance.hosts.claude_agent_sdk.profile import PROFILE, TOOLS

CLIENT = payloads.Client(NAME, TRAITS, TOOLS)


def translate(payload: Payload, env: Mapping[str, str]) -> Translation:
    """As `payloads.translate`, of this host."""
    return payloads.translate(payload, env, CLIENT)


def agent_session(_: Mapping[str, str]) -> str:
    """Nobody's: what calls a hook of this process is the SDK, and no shell."""
    return ""


ADAPTER = Adapter(PROFILE, EVENTS, translate, answer, unbound, agent_session)
