"""Patterns of `re` that are compiled when they are first used: most processes use few."""

from __future__ import annotations

import re
from typing import AnyStr, cast


class _Later:
    """Stands for a pattern; each method of it is taken over when it is first asked for."""

    def __init__(self, source: str | bytes, flags: int) -> None:
        self._source = source
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        found: object = getattr(re.compile(self._source, self._flags), name)
        self.__dict__[name] = found
        return found


def later(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """
    As `re.compile`, which is called when the pattern is first used.

    An error in *source* is raised only then: for patterns of our own text.
    """
    return cast("re.Pattern[AnyStr]", _Later(source, flags))
