"""A failure that nobody foresaw: one line for the person, the rest into a private file."""

from __future__ import annotations

import errno
import os
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from governance.journal.redact import redact_text
from governance.project import make_private_folder, user_state_directory

LOG_BYTES_MAX = 1_000_000


def log_crash(error: BaseException, words: Sequence[str]) -> Path | None:
    """
    Append the traceback of *error* to ``errors.log`` and give that file's path.

    The log lies in the state folder of the person, or in the folder for temporary files
    when that cannot be written; ``None`` when neither can. It starts anew when it has
    grown past `LOG_BYTES_MAX`; the one before is kept as ``errors.log.1``.
    """
    when = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    command = " ".join(("governance", *words[:1]))
    # What an error says may hold what somebody typed.
    told, _ = redact_text("".join(traceback.format_exception(error)))
    text = f"{when} {command}\n{told}\n"
    for place in (user_state_directory, _beside_temporary_files):
        try:
            folder = place()
            make_private_folder(folder)
            file = _own(folder) / "errors.log"
            if file.exists() and file.stat().st_size > LOG_BYTES_MAX:
                file.replace(file.with_name("errors.log.1"))
            with open(file, "a", encoding="utf-8", opener=_private) as stream:
                stream.write(text)
        except (OSError, RuntimeError):
            continue
        return file
    return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _beside_temporary_files() -> Path:
    return Path(tempfile.gettempdir()) / f"governance-{_owner()}"


def _own(folder: Path) -> Path:
    """*folder*, unless somebody else made it, or may write there: the log would be theirs."""
    status = folder.lstat()
    others = os.name == "posix" and (status.st_uid != os.geteuid() or status.st_mode & 0o022)
    if others or folder.is_symlink():
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(folder))
    return folder


def _owner() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "nobody"
