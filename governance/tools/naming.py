"""What tools of a program are, in canonical terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from governance.errors import MisuseError, did_you_mean
from governance.rules.fact_table import TOOLS as CANONICAL
from governance.rules.host_tools import HostTools, ToolMap

Named: TypeAlias = Mapping[str, str | ToolMap]
"""A program's tool → canonical tool, or its map where its arguments have other names."""


def tools_of(host: str, named: Named) -> HostTools:
    """
    The table of a program's tools.

    >>> tools_of("python", {"run": "shell"}).tools["run"].fields
    {'command': 'command'}

    Raises:
        MisuseError: GOV762, a canonical name is none.
    """
    return HostTools(host, {name: map_of(name, one) for name, one in named.items()})


def map_of(name: str, given: str | ToolMap) -> ToolMap:
    """
    The map of the tool *name*; one without a map has the arguments of the canonical tool.

    Raises:
        MisuseError: GOV762, there is no such canonical tool.
    """
    one = given if isinstance(given, ToolMap) else _same_names(given)
    if one.canonical not in CANONICAL or one.canonical == "mcp":
        raise MisuseError(
            f"`{name}` is said to be `{one.canonical}`, no known tool",
            code="GOV762",
            remedy=did_you_mean(one.canonical, CANONICAL),
        )
    return one


def _same_names(canonical: str) -> ToolMap:
    spec = CANONICAL.get(canonical)
    return ToolMap(canonical, {fact: fact for fact in spec.own} if spec is not None else {})
