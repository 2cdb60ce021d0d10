"""
What a call of ``apply_patch`` does, file by file.

One patch adds, changes, moves and deletes many files, and a rule looks at one path. So each
file becomes a call of its own, and the call as a whole gets the strictest of the answers.
"""

from __future__ import annotations

import re

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.calls import ToolCall, either_home
from governance.values import Json

FILES_MAX = 64
"""Files of one patch; one with more is refused."""

UNREAD = (
    f"nobody can say what this patch changes: it names no file, more than {FILES_MAX}, or has a"
    " header that is not known; split it, or write its headers as `*** Update File: PATH`"
)
"""Why a patch is refused that cannot be taken apart."""

_MARK = "***"
_STRANGE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
# Signs that end a line for some readers and belong to a path for others.
_OTHERS = ("*** Begin Patch", "*** End Patch", "*** End of File")
_ADD, _DELETE, _UPDATE = "*** Add File: ", "*** Delete File: ", "*** Update File: "
_MOVE = "*** Move to: "


@frozen
class FileChange:
    """
    What a patch does to one file.

    Attributes:
        tool: ``"write"``, ``"edit"`` or ``"delete"``.

        content: The lines that are added.

        removed: The lines that are taken away.
    """

    tool: str
    path: str
    content: str = ""
    removed: str = ""


@define(eq=False)
class _Open:
    tool: str
    path: str
    added: list[str] = field(factory=list)
    removed: list[str] = field(factory=list)

    def close(self) -> FileChange:
        return FileChange(self.tool, self.path, "\n".join(self.added), "\n".join(self.removed))


def files_of(patch: str) -> tuple[FileChange, ...]:
    """
    The changes that *patch* makes; none where it names no file, more than `FILES_MAX`, or has
    a header that is not known here, for the client may know it.

    Clients take a header with blanks around it, or a line that begins with one for a line of
    the file: it is read as both. A header with a sign in it that might end a line is not known.

    >>> files_of("*** Begin Patch\\n*** Add File: a.txt\\n+one\\n*** End Patch")
    (FileChange(tool='write', path='a.txt', content='one', removed=''),)
    """
    found: list[_Open] = []
    at_hand: list[_Open] = []
    for whole in patch.split("\n"):
        line = whole.removesuffix("\r")
        if has_strange_header(line):
            return ()
        begun = _begun(line, found)
        if begun:
            found += begun
            # What follows is of the file before as well, where this was a line of that.
            at_hand = [*(at_hand if line[:1].isspace() else ()), begun[-1]]
        elif line.startswith("+"):
            for one in at_hand:
                one.added.append(line[1:])
        elif line.startswith("-"):
            for one in at_hand:
                one.removed.append(line[1:])
        elif line.startswith(_MARK) and line.strip() not in _OTHERS:
            return ()
        if len(found) > FILES_MAX:
            return ()
    if not all(one.path for one in found):
        return ()
    return tuple(one.close() for one in found)


def _begun(line: str, found: list[_Open]) -> list[_Open]:
    """The changes that *line* begins, if it is a header, after those that were *found*."""
    header = line.strip() + " "
    for mark, tool in ((_ADD, "write"), (_DELETE, "delete"), (_UPDATE, "edit")):
        if header.startswith(mark):
            return [_Open(tool, header[len(mark) :].strip())]
    if not header.startswith(_MOVE) or not found:
        return []
    # The file goes, and another one comes in its place.
    moved = _Open("write", header[len(_MOVE) :].strip())
    if line[:1].isspace():
        return [_Open("delete", found[-1].path), moved]
    found[-1].tool = "delete"
    return [moved]


def paths_in(text: str) -> frozenset[str]:
    """
    The paths of all lines of *text* that are headers of a patch, wherever it begins and ends.

    >>> sorted(paths_in("cat <<E\\n*** Delete File: a\\n*** Move to: b\\nE"))
    ['a', 'b']
    """
    lines = [line.strip() + " " for line in text.split("\n")]
    return frozenset(
        line[len(mark) :].strip()
        for line in lines
        for mark in (_ADD, _DELETE, _UPDATE, _MOVE)
        if line.startswith(mark)
    )


def has_strange_header(line: str) -> bool:
    """Whether readers of *line*, without its end, may differ on where a header in it ends."""
    return _MARK in line and _STRANGE.search(line) is not None


def calls_of_patch(call: ToolCall, patch: str) -> tuple[ToolCall, ...]:
    """
    *call* once for each file that *patch* changes, each with an id of its own.

    Where that cannot be told it is one call of a tool that nobody knows; see `refusal_of`.
    """
    files = files_of(patch)
    if not files:
        return (evolve(call, tool="other"),)
    return tuple(
        evolve(
            call,
            tool=one.tool,
            own=_own(one),
            call_id=f"{call.call_id}.{number}" if number and call.call_id else call.call_id,
        )
        for number, one in enumerate(files)
    )


def refusal_of(call: ToolCall, native: str) -> tuple[str, ...]:
    """Why *call* may not run: the patch of the tool *native* could not be taken apart."""
    return (UNREAD,) if (call.native, call.tool) == (native, "other") else ()


def _own(change: FileChange) -> dict[str, Json]:
    own: dict[str, Json] = {"path": either_home(change.path)}
    if change.tool != "delete":
        own["content"] = change.content
    if change.tool == "edit":
        own["removed"] = change.removed
    return own
