"""
Which session another one continues, from the payload that tells it to the one that asks.

Hosts give a cleared or forked session a new id, and may have no payload that holds both.
What ties them (a prompt id, an environment variable) is kept in a small file until the
next payload, and taken away when it was used.
"""

from __future__ import annotations

from pathlib import Path

from governance.whole_file import write_whole

LINKS_MAX = 64
"""Links kept; the oldest goes first. Most forks and all clears are claimed at once."""

ID_BYTES_MAX = 512


def remember(project: Path, host: str, key: str, session: str) -> None:
    """
    Keep *session* under *key*, made of signs that an id may have, for *host*.

    Raises:
        OSError: The folder cannot be written.
    """
    keep(_folder(project, host) / key, session.encode(), LINKS_MAX)


def keep(file: Path, data: bytes, files_max: int) -> None:
    """
    Write *data* to *file*; the oldest beside it go where there are *files_max*.

    Raises:
        OSError: The folder cannot be written.
    """
    folder = file.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = sorted(folder.iterdir(), key=_age)
    for old in held[: max(0, len(held) - files_max + 1)]:
        old.unlink(missing_ok=True)
    write_whole(file, data, synced=False)


def find(project: Path, host: str, key: str) -> str:
    """The session under *key* of *host*; ``""`` if there is none."""
    try:
        with (_folder(project, host) / key).open(encoding="utf-8") as stream:
            return stream.read(ID_BYTES_MAX)
    except FileNotFoundError:
        return ""


def forget(project: Path, host: str, key: str) -> None:
    """Remove what is kept under *key* of *host*: it was used, and that is in the journal."""
    (_folder(project, host) / key).unlink(missing_ok=True)


def _folder(project: Path, host: str) -> Path:
    return project / ".governance" / host / "links"


def _age(file: Path) -> tuple[int, str]:
    try:
        return (file.stat().st_mtime_ns, file.name)
    except FileNotFoundError:
        return (0, file.name)
