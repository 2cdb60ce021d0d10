"""Files that a person has asked for: each is there whole, or as it was before."""

from __future__ import annotations

import os
from pathlib import Path

from governance.cli.frame import file_error

_NAME_CHARACTERS_MAX = 100


def write_whole(path: Path, data: bytes, mode: int = 0o600, *, new: bool = False) -> None:
    """
    Put *data* into *path*, whole or not at all, open to nobody but *mode* says.

    A link stays one, and what is no file, such as a pipe or a device, is written to.

    Args:
        new: Refuse to write over what is there, whenever it came there.

    Raises:
        DefinitionError: GOV610, the system refused.
    """
    try:
        if path.exists() and not path.is_file() and not new:
            with open(path, "wb", opener=_at_once) as stream:
                stream.write(data)
            return
        _write(path if new else Path(os.path.realpath(path)), data, mode, new=new)
    except OSError as error:
        raise file_error(path, error) from None


def _at_once(path: str, flags: int) -> int:
    """Open *path*, where a pipe that nobody reads is an error and nothing to wait for."""
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    os.set_blocking(handle, True)
    return handle


def _write(path: Path, data: bytes, mode: int, *, new: bool) -> None:
    draft = path.parent / f".{path.name[:_NAME_CHARACTERS_MAX]}.{os.getpid()}.new"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if new:
            os.link(draft, path)
        else:
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
