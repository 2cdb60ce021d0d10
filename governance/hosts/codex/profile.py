"""What is known of Codex, in one place."""

from __future__ import annotations

from governance.hooking.adapter import Profile
from governance.hosts.codex.capabilities import CAPABILITIES, MARKS, PROGRAMS, TRAITS
from governance.hosts.codex.tools import HOST, TOOLS

PROFILE = Profile(HOST, "Codex", TOOLS, TRAITS, CAPABILITIES, MARKS, PROGRAMS)
