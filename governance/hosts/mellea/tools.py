"""Tools of Mellea programs: it has none of its own, so a program says what its are."""

from __future__ import annotations

from governance.hosts.mellea import NAME
from governance.rules.host_tools import HostTools
from governance.tools.naming import Named
from governance.tools.naming import tools_of as table_of

TOOLS = HostTools(NAME, {})
"""What is known of tools before a program says what its are: nothing."""


def tools_of(named: Named) -> HostTools:
    """
    The table of a program's tools.

    >>> tools_of({"run": "shell"}).tools["run"].fields
    {'command': 'command'}

    Raises:
        MisuseError: A canonical name is none.
    """
    return table_of(NAME, named)
