"""Private files outside any project: what belongs to a person."""

from __future__ import annotations

import os
from pathlib import Path

from governance.project import make_private_folder

PRIVATE_FILE = 0o600


def make_private_dir(folder: Path) -> Path:
    """*folder*, made with its parents if need be, closed to everybody but its owner."""
    make_private_folder(folder)
    return folder


def write_private(file: Path, text: str, *, append: bool = False) -> None:
    """Write *text* to *file*; a file that is made here can be read by its owner alone."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    with os.fdopen(os.open(file, flags, PRIVATE_FILE), "w", encoding="utf-8") as stream:
        stream.write(text)
