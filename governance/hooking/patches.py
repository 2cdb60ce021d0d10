"""
What a call of ``apply_patch`` does, file by file.

One patch adds, changes, moves and deletes many files, and a rule looks at one path. So each
file becomes a call of its own, and the call as a whole gets the strictest of the answers.
"""

from __future__ import annotations

from attrs import define, evolve, field, frozen

from governance.calls import ToolCall
from governance.values import Json

FILES_MAX = 64
"""Files of one patch; one with more is refused."""

UNREAD = (
    f"nobody can say what this patch changes: it names no file, more than {FILES_MAX}, or has a"
    " header that is not known; split it, or write its headers as `*** Update File: PATH`"
)
"""Why a patch is refused that cannot be taken apart."""

_MARK = "***"
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

    The client takes a header with blanks around it, so it is read so here.

    >>> files_of("*** Begin Patch\\n*** Add File: a.txt\\n+one\\n*** End Patch")
    (FileChange(tool='write', path='a.txt', content='one', removed=''),)
    """
    found: list[_Open] = []
    for line in patch.splitlines():
        header = line.strip() + " "
        for mark, tool in ((_ADD, "write"), (_DELETE, "delete"), (_UPDATE, "edit")):
            if header.startswith(mark):
                found.append(_Open(tool, header[len(mark) :].strip()))
                break
        else:
            if header.startswith(_MOVE) and found:
                # The file goes, and another one comes in its place.
                moved = _Open("write", header[len(_MOVE) :].strip())
                found[-1].tool = "delete"
                found.append(moved)
            elif found and line.startswith("+"):
                found[-1].added.append(line[1:])
            elif found and line.startswith("-"):
                found[-1].removed.append(line[1:])
            elif line.startswith(_MARK) and line.strip() not in _OTHERS:
                return ()
        if len(found) > FILES_MAX:
            return ()
    if not all(one.path for one in found):
        return ()
    return tuple(one.close() for one in found)


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
    own: dict[str, Json] = {"path": change.path}
    if change.tool != "delete":
        own["content"] = change.content
    if change.tool == "edit":
        own["removed"] = change.removed
    return own
