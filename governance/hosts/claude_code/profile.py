"""What is known of Claude Code, in one place."""

from __future__ import annotations

from governance.hooking.adapter import Profile
from governance.hooking.claude.events import TRAITS
from governance.hosts.claude_code.capabilities import CAPABILITIES, MARKS, PROGRAMS
from governance.hosts.claude_code.tools import HOST, TOOLS

PROFILE = Profile(HOST, "Claude Code", TOOLS, TRAITS, CAPABILITIES, MARKS, PROGRAMS)
