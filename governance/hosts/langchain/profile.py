"""What is known of LangChain, in one place."""

from __future__ import annotations

from governance.hooking.adapter import Profile
from governance.hosts.langchain import NAME
from governance.hosts.langchain.capabilities import CAPABILITIES, TRAITS
from governance.rules.host_tools import HostTools

TOOLS = HostTools(NAME, {})
"""What is known of tools before a program says what its are: nothing."""

PROFILE = Profile(NAME, "LangChain", TOOLS, TRAITS, CAPABILITIES, (), ())
