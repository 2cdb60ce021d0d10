"""
Native tools of hosts as data, and native calls in canonical terms.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field

from governance._attrs import frozen
from governance.calls import ToolCall, either_home
from governance.rules.fact_table import TOOLS
from governance.values import Json


@frozen
class ToolMap:
    """
    How one native tool of a host maps to a canonical one.

    Attributes:
        canonical: ``"shell"``, ``"read"`` … or ``"other"``.

        fields: Own fact → native argument. ``"edits[].new_string"`` joins the texts of a
            list of tables, line by line; such a fact cannot be rewritten.

        args: Native argument → type, where a schema is recorded; only these may be named
            as ``args.*`` in rules.
    """

    canonical: str
    fields: Mapping[str, str] = field(factory=dict)
    args: Mapping[str, str] = field(factory=dict)


@frozen
class HostTools:
    """
    The native tools of one host, as data.

    Attributes:
        name: The host, as the fact `host` and ``native:host:name`` write it.

        tools: Native name → map.

        mcp_prefix: What native names of MCP tools begin with, or ``""`` for none.

        mcp_separator: What stands between server and tool.

        servers: The host's own list of MCP servers; names are split by it where it is
            known, else at the first separator.
    """

    name: str
    tools: Mapping[str, ToolMap]
    mcp_prefix: str = ""
    mcp_separator: str = "__"
    servers: tuple[str, ...] = ()


PYTHON_TOOLS = HostTools(
    "python",
    {
        tool.name: ToolMap(tool.name, {fact: fact for fact in tool.own})
        for tool in TOOLS.values()
        if tool.name not in ("mcp", "other")
    },
    mcp_prefix="mcp:",
    mcp_separator=":",
)
"""Harnesses that call the engine in process speak canonical names themselves."""


def call_of(
    host: HostTools,
    native: str,
    arguments: Mapping[str, Json],
    *,
    cwd: str | None = None,
    call_id: str = "",
) -> ToolCall:
    """
    The call that *host* names *native*, in canonical terms.

    A tool that the table does not know is ``"other"`` under its native name; so is one with
    the prefix of MCP tools that names no server or no tool. An own fact whose native argument
    is absent stays absent; types are judged where facts are read. A path that begins with ``~``
    is that of the home and that of a folder of that name: hosts differ, and both are judged.

    >>> call_of(PYTHON_TOOLS, "shell", {"command": "ls"}).own
    {'command': 'ls'}
    >>> call_of(PYTHON_TOOLS, "mcp:git:push", {}).own
    {'server': 'git', 'mcp_tool': 'push'}
    """
    if host.mcp_prefix and native.startswith(host.mcp_prefix):
        server, tool = _mcp_parts(host, native[len(host.mcp_prefix) :])
        if server and tool:
            own: dict[str, Json] = {"server": server, "mcp_tool": tool}
            return ToolCall(f"mcp:{server}:{tool}", native, own, arguments, cwd, call_id)
    known = host.tools.get(native)
    if known is None:
        return ToolCall("other", native, {}, arguments, cwd, call_id)
    own = {}
    for fact, argument in known.fields.items():
        value = _argument(arguments, argument)
        if value is not None:
            own[fact] = either_home(value) if fact == "path" else value
    return ToolCall(known.canonical, native, own, arguments, cwd, call_id, known.fields)


def _mcp_parts(host: HostTools, rest: str) -> tuple[str, str]:
    # The longest server first, for one may begin with another's name.
    for server in sorted(host.servers, key=len, reverse=True):
        if rest.startswith(server + host.mcp_separator):
            return server, rest[len(server) + len(host.mcp_separator) :]
    server, _, tool = rest.partition(host.mcp_separator)
    return server, tool


def _argument(arguments: Mapping[str, Json], name: str) -> Json:
    listed, _, member = name.partition("[].")
    if not member:
        return arguments.get(name)
    entries = arguments.get(listed)
    if not isinstance(entries, (list, tuple)):
        return None
    texts = [one.get(member) for one in entries if isinstance(one, Mapping)]
    return "\n".join(text for text in texts if isinstance(text, str))
