"""What is known of the Claude Agent SDK, in one place."""

from __future__ import annotations

from governance.hooking.adapter import Profile
from governance.hooking.claude.events import TRAITS
from governance.hooking.claude.table import tools_of
from governance.hosts.claude_agent_sdk import NAME
from governance.hosts.claude_agent_sdk.capabilities import CAPABILITIES

TOOLS = tools_of(NAME)

PROFILE = Profile(NAME, "Claude Agent SDK", TOOLS, TRAITS, CAPABILITIES, (), ())
