"""Where the command keeps what belongs to a person and not to a project."""

from __future__ import annotations

import os
from pathlib import Path

from governance.journal.opening import state_folder

PRIVATE_DIR = 0o700
PRIVATE_FILE = 0o600


def config_home() -> Path:
    """``$XDG_CONFIG_HOME/session-governance``, by default below ``~/.config``; not created."""
    # The XDG specification has relative paths ignored.
    given = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(given) if os.path.isabs(given) else Path.home() / ".config"  # noqa: PTH117 -- a text, not yet a path
    return base / "session-governance"


def state_home() -> Path:
    """The folder for what must outlive a project, where heads are mirrored too; not created."""
    return state_folder()


def make_private_dir(folder: Path) -> Path:
    """*folder*, made with its parents if need be, closed to everybody but its owner."""
    folder.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
    return folder


def write_private(file: Path, text: str, *, append: bool = False) -> None:
    """Write *text* to *file*; a file that is made here can be read by its owner alone."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    with os.fdopen(os.open(file, flags, PRIVATE_FILE), "w", encoding="utf-8") as stream:
        stream.write(text)
