"""Where the command keeps what belongs to a person and not to a project."""

from __future__ import annotations

import os
from pathlib import Path

PRIVATE_DIR = 0o700
PRIVATE_FILE = 0o600


def config_home() -> Path:
    """``$XDG_CONFIG_HOME/governance``, by default ``~/.config/governance``; not created."""
    return _home("XDG_CONFIG_HOME", ".config")


def state_home() -> Path:
    """``$XDG_STATE_HOME/governance``, by default ``~/.local/state/governance``; not created."""
    return _home("XDG_STATE_HOME", ".local/state")


def make_private_dir(folder: Path) -> Path:
    """*folder*, made with its parents if need be, closed to everybody but its owner."""
    folder.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
    return folder


def write_private(file: Path, text: str, *, append: bool = False) -> None:
    """Write *text* to *file*; a file that is made here can be read by its owner alone."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    with os.fdopen(os.open(file, flags, PRIVATE_FILE), "w", encoding="utf-8") as stream:
        stream.write(text)


def _home(variable: str, default: str) -> Path:
    # The XDG specification has relative paths ignored.
    given = os.environ.get(variable, "")
    base = Path(given) if os.path.isabs(given) else Path.home() / default  # noqa: PTH117
    return base / "governance"
