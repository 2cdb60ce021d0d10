"""
Globs of one name, as expressions.
"""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from typing import Final

GLOB_MAX: Final = 1_024
"""Characters of a glob that are read."""


@lru_cache(maxsize=256)
def name_pattern(glob: str) -> re.Pattern[str] | None:
    """
    What a name has to match to be hit by *glob*; ``None``: it is longer than `GLOB_MAX`.

    >>> bool(name_pattern("s[gh]*w").match("shadow")), bool(name_pattern("[a").match("[a"))
    (True, True)
    """
    if len(glob) > GLOB_MAX:
        return None
    # Looking for an end of each bracket that has none would take time by the square.
    closed, end, rest = glob.rpartition("]")
    return re.compile(translate(closed + end + rest.replace("[", "[[]")))
