"""Files that a person has asked for: each is there whole, or as it was before."""

from __future__ import annotations

import os
from pathlib import Path

from governance.cli.frame import file_error
from governance.cli.own_files import Written, require_other
from governance.whole_file import write_whole


def write_file(
    path: Path,
    data: bytes,
    mode: int = 0o600,
    *,
    new: bool = False,
    what: Written = "output",
    project: Path | None = None,
) -> None:
    """
    Put *data* into *path*, whole or not at all, open to nobody but *mode* says.

    A link stays one, and what is no file, such as a pipe or a device, is written to.

    Args:
        new: Refuse to write over what is there, whenever it came there.

        what, project: As `require_other` has them.

    Raises:
        DefinitionError: GOV610, the system refused; GOV613, it is a file of governance itself.
    """
    require_other(path, what, project)
    try:
        if path.exists() and not path.is_file() and not new:
            with open(path, "wb", opener=_at_once) as stream:
                stream.write(data)
            return
        write_whole(path if new else os.path.realpath(path), data, mode, new=new)
    except OSError as error:
        raise file_error(path, error) from None


def _at_once(path: str, flags: int) -> int:
    """Open *path*, where a pipe that nobody reads is an error and nothing to wait for."""
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    os.set_blocking(handle, True)
    return handle
