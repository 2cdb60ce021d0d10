"""
What a call of ``apply_patch`` does, file by file.

One patch adds, changes, moves and deletes many files, and a rule looks at one path. So each
file becomes a call of its own, and the call as a whole gets the strictest of the answers.
"""

from __future__ import annotations

from attrs import define, field, frozen

FILES_MAX = 64
"""Files of one patch; a patch with more is a tool that is not known."""

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
    The changes that *patch* makes; none where it names no file, or more than `FILES_MAX`.

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
        if len(found) > FILES_MAX:
            return ()
    return tuple(one.close() for one in found if one.path)
