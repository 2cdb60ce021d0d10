"""What is known of the OpenAI Agents SDK, in one place."""

from __future__ import annotations

from governance.hooking.adapter import Profile
from governance.hosts.openai_agents import NAME
from governance.hosts.openai_agents.capabilities import CAPABILITIES, TRAITS
from governance.rules.host_tools import HostTools

TOOLS = HostTools(NAME, {})
"""What is known of tools before a program says what its are: nothing."""

PROFILE = Profile(NAME, "OpenAI Agents SDK", TOOLS, TRAITS, CAPABILITIES, (), ())
