"""What is known of OpenCode, in one place."""

from __future__ import annotations

from governance.hooking.adapter import Profile
from governance.hosts.opencode.capabilities import CAPABILITIES, MARKS, PROGRAMS, TRAITS
from governance.hosts.opencode.tools import HOST, TOOLS

PROFILE = Profile(HOST, "OpenCode", TOOLS, TRAITS, CAPABILITIES, MARKS, PROGRAMS)
