"""
RE2 patterns: linear in the text, whatever the text. `re2` is imported on first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol


class Hit(Protocol):
    """One place where a pattern was found."""

    def start(self) -> int: ...
    def end(self) -> int: ...
    def group(self) -> str: ...


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str) -> Hit | None: ...
    def finditer(self, text: str) -> Iterator[Hit]: ...
    def sub(self, repl: str, text: str) -> str: ...


class PatternRefused(ValueError):
    """RE2 takes no such pattern; the text is RE2's own reason."""


@lru_cache(maxsize=2_048)
def compile_pattern(source: str, *, case_sensitive: bool = True) -> Pattern:
    """
    *source* as RE2 takes it; compiled once, for a pack is compiled for its examples too.

    Raises:
        PatternRefused: Look-around, back-references, or what is no pattern at all.
    """
    import re2

    options = re2.Options()
    options.log_errors = False  # it would print to the terminal of the host
    options.case_sensitive = case_sensitive
    try:
        return re2.compile(source, options=options)  # type: ignore[no-any-return]
    except re2.error as error:
        reason = error.args[0] if error.args else "refused"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise PatternRefused(text) from None
    except UnicodeEncodeError:
        raise PatternRefused("a lone surrogate") from None
