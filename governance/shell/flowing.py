"""
What flows between the commands of a line: pipes, inherited redirections, who stands in whom.
"""

from __future__ import annotations

from attrs import field

from governance._attrs import define, frozen
from governance.shell.state import HERE, HOME
from governance.shell.values import HOLE, Opaque, Redirect, Simple, Word


@define(eq=False)
class Pipe:
    """Commands that write, commands that read, and what is written as far as it is known."""

    writers: list[int] = field(factory=list)
    readers: list[int] = field(factory=list)
    texts: list[str] = field(factory=list)

    @property
    def text(self) -> str | None:
        """What comes out of it; ``None`` where nothing of that is known."""
        if not self.texts:
            return None
        made = "".join(self.texts)
        return made if made.replace(HOLE, "").strip() or HOLE not in made else None


@frozen(kw_only=True)
class Flow:
    """
    What commands inherit from where they stand.

    Attributes:
        source: The pipe that they read from, if `given` is not known beforehand.

        given: What their input holds, where a here-document says it.

        sink: The pipe that they write to.

        calls: Functions and aliases that they stand in, the outermost first.

        looping: They may run more than once with the same input.

        looped: They are the body of a loop over names that are not known.
    """

    source: Pipe | None = None
    given: str | None = None
    sink: Pipe | None = None
    redirects: tuple[Redirect, ...] = ()
    background: bool = False
    calls: tuple[str, ...] = ()
    reached: bool = True
    looping: bool = False
    looped: bool = False

    @property
    def text(self) -> str | None:
        """What the input holds."""
        if self.given is not None:
            return self.given
        return None if self.source is None else self.source.text


@define(eq=False)
class Record:
    """A simple command while the links to others are still being made."""

    argv: tuple[Word, ...]
    assigns: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    input_text: Word | None
    cwd: Word
    background: bool
    recursive: bool
    reached: bool
    opaque: tuple[Opaque, ...]
    held: tuple[tuple[str, Word], ...] = ()
    looped: bool = False
    input_from: dict[int, None] = field(factory=dict)
    feeds: dict[int, None] = field(factory=dict)

    def simple(self) -> Simple:
        """The value."""
        return Simple(
            argv=self.argv,
            assigns=self.assigns,
            redirects=self.redirects,
            input_text=self.input_text,
            input_from=tuple(sorted(self.input_from)),
            feeds=tuple(sorted(self.feeds)),
            cwd=self.cwd,
            background=self.background,
            recursive=self.recursive,
            reached=self.reached,
            opaque=self.opaque,
            held=self.held,
            looped=self.looped,
        )


def relative(path: str, folder: str) -> str:
    """*path*, written from the call's folder, as it is written from *folder*."""
    parts = [one for one in path.split("/") if one not in ("", ".")]
    if folder.startswith(("/", HOME, HOLE)) or ".." in folder.split("/"):
        return "/".join([HOLE, *parts])
    there = folder.split("/") if folder else []
    shared = 0
    while shared < min(len(there), len(parts)) and there[shared] == parts[shared]:
        shared += 1
    made = "/".join([".."] * (len(there) - shared) + parts[shared:])
    return made or "."


def joined(folder: str, target: str) -> str:
    """Where `cd` goes from *folder*: the path joined, with `.` and `..` taken out as text."""
    if target.startswith(HERE):
        folder, target = "", target[1:].lstrip("/")
    if not target.startswith(("/", HOME, HOLE)):
        target = f"{folder}/{target}" if folder else target
    root = "/" if target.startswith("/") else ""
    made: list[str] = []
    for part in target.split("/"):
        if part in ("", "."):
            continue
        if part == ".." and made and made[-1] != "..":
            if HOLE in made[-1]:
                made[:] = [HOLE]
            elif made[-1].startswith(HOME):
                made.append(part)
            else:
                made.pop()
        elif part != ".." or not root or made:
            made.append(part)
    return root + "/".join(made)
