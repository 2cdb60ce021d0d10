"""What is known of Gemini CLI, in one place."""

from __future__ import annotations

from governance.hooking.adapter import Profile
from governance.hosts.gemini_cli.capabilities import CAPABILITIES, MARKS, PROGRAMS, TRAITS
from governance.hosts.gemini_cli.tools import HOST, TOOLS

PROFILE = Profile(HOST, "Gemini CLI", TOOLS, TRAITS, CAPABILITIES, MARKS, PROGRAMS)
