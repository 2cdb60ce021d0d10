"""What is known of Mellea, in one place."""

from __future__ import annotations

from governance.hooking.adapter import Profile
from governance.hosts.mellea import NAME
from governance.hosts.mellea.capabilities import CAPABILITIES, MARKS, TRAITS
from governance.hosts.mellea.tools import TOOLS

PROFILE = Profile(NAME, "Mellea", TOOLS, TRAITS, CAPABILITIES, MARKS, ())
