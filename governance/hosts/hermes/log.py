"""Lines in the project's log file: nothing of ours is printed where Hermes talks to people."""

from __future__ import annotations

import os
import time
from pathlib import Path

from governance.project import Project

LOG_BYTES_MAX = 1_000_000
LINE_CHARS_MAX = 2_000


def note(project: Path, event: str, text: str) -> None:
    """One line about *event*; where it cannot be written, nothing happens."""
    file = Project(project).log_file
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = f"{now} hermes:{event} {' '.join(text.split())[:LINE_CHARS_MAX]}\n"
    try:
        if file.exists() and file.stat().st_size > LOG_BYTES_MAX:
            file.replace(file.with_name(f"{file.name}.1"))
        to = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(to, line.encode("utf-8", "replace"))
        finally:
            os.close(to)
    except OSError:
        return
