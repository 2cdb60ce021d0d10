"""What is known of Pydantic AI, in one place."""

from __future__ import annotations

from governance.hooking.adapter import Profile
from governance.hosts.pydantic_ai import NAME
from governance.hosts.pydantic_ai.capabilities import CAPABILITIES, TRAITS
from governance.rules.host_tools import HostTools

TOOLS = HostTools(NAME, {})
"""What is known of tools before a program says what its are: nothing."""

PROFILE = Profile(NAME, "Pydantic AI", TOOLS, TRAITS, CAPABILITIES, (), ())
