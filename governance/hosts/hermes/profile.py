"""What is known of Hermes, in one place."""

from __future__ import annotations

from governance.hooking.adapter import Profile
from governance.hosts.hermes.capabilities import CAPABILITIES, MARKS, PROGRAMS, TRAITS
from governance.hosts.hermes.tools import HOST, TOOLS

PROFILE = Profile(HOST, "Hermes Agent", TOOLS, TRAITS, CAPABILITIES, MARKS, PROGRAMS)
