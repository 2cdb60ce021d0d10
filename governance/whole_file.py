"""A file that is there whole: with its new bytes, or as it was before."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

DRAFT = ".draft"
"""How the name of a file ends that is being written, and stands for nothing yet."""

_NAME_CHARACTERS_MAX = 100
_OWN_BYTES = 4
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


def write_whole(
    path: str | os.PathLike[str],
    data: bytes,
    mode: int | None = 0o600,
    *,
    new: bool = False,
    synced: bool = True,
) -> None:
    """
    Put *data* in place of the file *path*, which somebody who looks finds old or new.

    Args:
        mode: Its permissions from its first byte on; ``None``: those that it has, or what
            the umask says of a new file.

        new: Refuse to write over what is there, whenever it came there.

        synced: Whether file and name must outlive a power cut once this has returned.

    Raises:
        OSError: The system refused, with *path* as its file; the old bytes are there still, or
            where only the last sync of the folder failed, the new ones.
    """
    place = os.fspath(path)
    draft = f"{_draft_prefix(place)}{os.urandom(_OWN_BYTES).hex()}{DRAFT}"
    try:
        kept = _mode_of(place) if mode is None else mode
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        handle = os.open(draft, flags, 0o666 if kept is None else kept)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                if mode is None and kept is not None:
                    os.chmod(draft, kept)  # noqa: PTH101 -- whatever the umask took from it
                if synced:
                    os.fsync(handle)
            if new:
                _put_where_nothing_is(draft, place)
            else:
                os.replace(draft, place)  # noqa: PTH105
        except BaseException:
            with suppress(OSError):
                os.unlink(draft)  # noqa: PTH108
            raise
        if synced:
            sync_folder(os.path.dirname(place) or ".")  # noqa: PTH120
    except OSError as error:
        raise OSError(error.errno, error.strerror, place) from None


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """
    Make names in *folder* survive a power cut, where the platform can.

    Raises:
        OSError: The system refused.
    """
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_drafts(path: str | os.PathLike[str]) -> None:
    """
    Remove what processes that were killed have left of `write_whole` beside *path*.

    One that is writing there right now fails.

    Raises:
        OSError: The system refused.
    """
    prefix = _draft_prefix(os.fspath(path))
    folder, beginning = os.path.split(prefix)
    length = len(beginning) + 2 * _OWN_BYTES + len(DRAFT)
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(folder or "."):  # noqa: PTH208
            ours = name.startswith(beginning) and name.endswith(DRAFT)
            if ours and len(name) == length:
                os.unlink(os.path.join(folder, name))  # noqa: PTH108, PTH118


def _draft_prefix(place: str) -> str:
    folder, name = os.path.split(place)
    beginning = f".{name[:_NAME_CHARACTERS_MAX]}."
    return os.path.join(folder, beginning)  # noqa: PTH118 -- the hook path has no pathlib


def _mode_of(place: str) -> int | None:
    try:
        return os.stat(place).st_mode & 0o777  # noqa: PTH116
    except FileNotFoundError:
        return None


def _put_where_nothing_is(draft: str, place: str) -> None:
    try:
        os.link(draft, place)
    except OSError as error:
        # On a file system without hard links another process may come between.
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(place):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.replace(draft, place)  # noqa: PTH105
        return
    with suppress(OSError):  # the file is there
        os.unlink(draft)  # noqa: PTH108
