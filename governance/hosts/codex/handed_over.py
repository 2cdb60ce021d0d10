"""
The calls of a command line that hands patches to the client itself.

One is the line, which the shell tool runs, and the others are of the patches in it, file by file
as those of the tool for patches; what cannot be read is one that is refused.
"""

from __future__ import annotations

import posixpath

from attrs import evolve

from governance._attrs import frozen
from governance.calls import ToolCall
from governance.hooking.patches import FILES_MAX, UNREAD, calls_of_patch, files_of, refusal_of
from governance.hosts.codex.command_patches import patches_of
from governance.hosts.codex.tools import PATCH

CALLS_MAX = 2 * FILES_MAX
"""Calls that the patches of one line may come to: each file in each folder where it may be."""

ADRIFT = (
    "nobody can say in which folder this command line applies its patch; call the tool"
    " `apply_patch`, or name the files of the patch by absolute paths"
)
"""Why a patch of relative paths is refused where the line may have changed the folder."""


@frozen
class Asked:
    """A call that is asked about, and why it is refused whatever the rules say."""

    call: ToolCall
    refused: tuple[str, ...] = ()


def handed_over(call: ToolCall, command: str) -> tuple[Asked, ...]:
    """The calls of the patches that *command* applies, which is the command line of *call*."""
    # Loaded for a line alone. The rules read the same one, and it is remembered for them.
    from governance.rules.shell_facts import line_of

    call_id = f"{call.call_id}.patch" if call.call_id else ""
    patch = evolve(call, native=PATCH, call_id=call_id, fields={})
    found = patches_of(command, line_of(command, call.native))
    if isinstance(found, str):
        return (_refused(patch, found),)
    asked: list[Asked] = []
    places = dict.fromkeys(
        (one.text, _placed(folder, call.cwd)) for one in found for folder in one.folders or (None,)
    )
    for number, (text, folder) in enumerate(places):
        if folder is None and not all(one.path.startswith("/") for one in files_of(text)):
            return (_refused(patch, ADRIFT),)
        own_id = f"{call_id}{number}" if number and call_id else call_id
        made = calls_of_patch(evolve(patch, cwd=folder, call_id=own_id), text)
        asked += (Asked(one, refusal_of(one, PATCH)) for one in made)
    return tuple(asked) if len(asked) <= CALLS_MAX else (_refused(patch, UNREAD),)


def _refused(patch: ToolCall, reason: str) -> Asked:
    return Asked(evolve(patch, tool="other", own={}), (reason,))


def _placed(folder: str | None, cwd: str | None) -> str | None:
    """*folder*, as a line says it that runs in *cwd*; ``None``: it is not known."""
    if folder is None or (cwd is None and not folder.startswith("/")):
        return None
    return posixpath.join(cwd or "", folder) if folder else cwd
