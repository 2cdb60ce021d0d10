"""Tools of Mellea programs: it has none of its own, so a program says what its are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from governance.errors import MisuseError, did_you_mean
from governance.hosts.mellea import NAME
from governance.rules.fact_table import TOOLS as CANONICAL
from governance.rules.host_tools import HostTools, ToolMap

Named: TypeAlias = Mapping[str, str | ToolMap]
"""A program's tool → canonical tool, or its map where its arguments have other names."""

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
    return HostTools(NAME, {name: _map_of(name, one) for name, one in named.items()})


def _map_of(name: str, given: str | ToolMap) -> ToolMap:
    one = given if isinstance(given, ToolMap) else _same_names(given)
    if one.canonical not in CANONICAL or one.canonical == "mcp":
        hint = did_you_mean(one.canonical, CANONICAL)
        raise MisuseError(f"`{name}` is said to be `{one.canonical}`, no known tool", remedy=hint)
    return one


def _same_names(canonical: str) -> ToolMap:
    spec = CANONICAL.get(canonical)
    return ToolMap(canonical, {fact: fact for fact in spec.own} if spec is not None else {})
