"""What is known of hosts that speak agent-hooks, in one place."""

from __future__ import annotations

from governance.hooking.adapter import Profile
from governance.hosts.agent_hooks import NAME
from governance.hosts.agent_hooks.capabilities import CAPABILITIES, TRAITS
from governance.rules.host_tools import HostTools

TOOLS = HostTools(NAME, {})
"""What is known of tools before a program says what its are: nothing."""

PROFILE = Profile(NAME, "agent-hooks", TOOLS, TRAITS, CAPABILITIES, (), ())
