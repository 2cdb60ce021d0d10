"""
What flows between the commands of a line through files: one writes what a later one reads.

`curl -o /tmp/x … && sh /tmp/x` hands over a program as much as a pipe does. Paths are compared
as text, from the folders that the line says; no file is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from governance.shell.flowing import joined
from governance.shell.values import HOLE, Command, Word

_PIPES: Final = frozenset({"mkfifo", "mknod"})
_STREAMS: Final = ("/dev/", "/proc/")
_FOLDERS_MAX: Final = 32


def file_feeds(commands: Sequence[Command]) -> list[set[int]]:
    """
    For each of *commands* the positions of those that read a file it writes.

    A folder that is written hands over all that is below it. What reads must come later, but
    for a pipe with a name, of which both ends are open at once.
    """
    found: list[set[int]] = [set() for _ in commands]
    writers: dict[str, list[int]] = {}
    pipes: set[str] = set()
    for position, command in enumerate(commands):
        for word in command.writes:
            path = _path(word, command.cwd)
            if path and word not in command.removes:
                writers.setdefault(path, []).append(position)
                if command.program in _PIPES:
                    pipes.add(path)
    if not writers:
        return found
    for position, command in enumerate(commands):
        for word in command.reads:
            path = _path(word, command.cwd)
            for above in _with_folders(path):
                for writer in writers.get(above, ()):
                    if writer < position or (above in pipes and writer != position):
                        found[writer].add(position)
    return found


def _path(word: Word, cwd: Word) -> str:
    """*word* where its command runs; ``""`` where that is not known, or is no file."""
    if HOLE in word or word.glob or word.startswith(_STREAMS):
        return ""
    if word.startswith(("/", "~")):
        return joined("", word)
    return "" if HOLE in cwd else joined(cwd, word)


def _with_folders(path: str) -> list[str]:
    """*path* and the folders above it, the nearest first; neither the root nor here."""
    found: list[str] = []
    while path.strip("/") and len(found) < _FOLDERS_MAX:
        found.append(path)
        path = path.rpartition("/")[0]
    return found
