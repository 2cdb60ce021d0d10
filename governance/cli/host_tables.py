"""What commands know of every host: its tools, and what it can do."""

from __future__ import annotations

from collections.abc import Mapping

from governance.hosts import HOSTS, profile_of
from governance.rules.host_tools import HostTools
from governance.session.commands import HostTraits

TOOLS: Mapping[str, HostTools] = {host: profile_of(host).tools for host in HOSTS}
"""Host → the table of its native tools."""

TRAITS: Mapping[str, HostTraits] = {host: profile_of(host).traits for host in HOSTS}
"""Host → what it can do."""
