"""A tool call as every room sees it: canonical name, canonical facts, native arguments."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from attrs import field

from governance._attrs import frozen
from governance.values import Json, dump_json

UNKNOWN_FOLDER = "\0"
"""The ``cwd`` of a call that was given a folder which cannot be read; no folder is called so."""


@frozen
class ToolCall:
    """
    One tool call that a host asks about or reports.

    Attributes:
        tool: Canonical name: ``"shell"``, ``"read"``, ``"mcp:server:tool"``, ``"other"`` …
            Of an outcome it may be ``""``: that of the call, which is known by its id.

        native: The host's own name of the tool, such as ``"Bash"``.

        own: Canonical own facts (``command``, ``path``, ``content`` …), as
            ``docs/reference/facts`` lists them per tool.

        args: The arguments as the host sent them.

        cwd: Absolute working directory of the call, or ``None`` when the host hides it.

        call_id: The host's id of the call, or ``""``.

        fields: Own fact → native argument, for turning a rewritten fact back.
    """

    tool: str
    native: str = ""
    own: Mapping[str, Json] = field(factory=dict)
    args: Mapping[str, Json] = field(factory=dict)
    cwd: str | None = None
    call_id: str = ""
    fields: Mapping[str, str] = field(factory=dict)


def either_home(path: Json) -> Json:
    """
    *path*, or each of a list of them, and beside one that begins with ``~`` the file of that name.

    Some tools take the sign for the home of their user, others for a name like any other.

    >>> either_home("~/../rules/a.toml")
    ['~/../rules/a.toml', './~/../rules/a.toml']
    >>> either_home(["a", "~"])
    ['a', '~', './~']
    """
    several = path if isinstance(path, (list, tuple)) else (path,)
    if not any(isinstance(one, str) and one.startswith("~") for one in several):
        return path
    made: list[Json] = []
    for one in several:
        made.append(one)
        if isinstance(one, str) and one.startswith("~"):
            made.append(f"./{one}")
    return made


def content_id(native: str, arguments: Mapping[str, Json]) -> str:
    """
    What a call is known by where its host has no ids: its tool and its *arguments*.

    Raises:
        ValueRefused: Arguments that no journal can hold.
    """
    digest = hashlib.sha256(dump_json({"tool": native, "input": arguments})).hexdigest()
    return f"call-{digest[:24]}"
