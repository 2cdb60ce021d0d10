"""
Which rule sets were proven before, so that a process of one call need not run their examples.

A cache, and nothing more. It lies in the project's folder of the user's state, where the
governed agent does not reach, and it holds names of policies alone. What
is missing, damaged, another's or of another version is as good as not there; what cannot be
written is written another time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from governance import __version__
from governance.engine.parsed import replace_file

FILE_NAME = "proven.json"
BYTES_MAX = 100_000

PROVEN_MAX = 8
"""Rule sets that are remembered of a project, the newest first."""

_FORMAT = 1


def remembered(folder: Path) -> tuple[str, ...]:
    """Keys of proven rule sets, the newest first; none where they may not be our own words."""
    try:
        with open(folder / FILE_NAME, "rb") as file:  # noqa: PTH123 -- fstat of what is read
            status = os.fstat(file.fileno())
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                return ()
            body = file.read(BYTES_MAX + 1)
        found = json.loads(body)
    except (OSError, ValueError):
        return ()
    if not isinstance(found, dict) or found.get("format") != [_FORMAT, __version__]:
        return ()
    proven = found.get("proven")
    return tuple(str(one) for one in proven) if isinstance(proven, list) else ()


def remember(folder: Path, before: Sequence[str], key: str) -> None:
    """Write that the rule set *key* is proven, beside those that were known *before*."""
    proven = [key, *(one for one in before if one != key)][:PROVEN_MAX]
    body = json.dumps({"format": [_FORMAT, __version__], "proven": proven}).encode()
    replace_file(folder, FILE_NAME, body)
