"""From a payload of Claude Code to events of the machine."""

from __future__ import annotations

from collections.abc import Mapping

from governance.hooking.claude import payloads
from governance.hooking.claude.events import TRAITS
from governance.hooking.payload import Payload
from governance.hooking.translation import Translation
from governance.hosts.claude_code.tools import HOST, TOOLS

CLIENT = payloads.Client(HOST, TRAITS, TOOLS)


def translate(payload: Payload, env: Mapping[str, str] | None = None) -> Translation:
    """As `payloads.translate`, of this host."""
    return payloads.translate(payload, env or {}, CLIENT)
