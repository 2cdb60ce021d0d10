"""
Signs of a pattern of files that stand in values: `for f in *.toml`, `a=(*.toml)`, `set -- *`.

bash puts the names of files in the place of such a pattern before a value holds it, so that it
stays what it is wherever the value goes, between quotes too. Until it is a word again a sign
of its own stands for each.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.values import HOLE

_KEPT: Final = {"*": "\ufdd0", "?": "\ufdd1", "[": "\ufdd2"}
_WRITTEN: Final = {ord(sign): written for written, sign in _KEPT.items()}
_LOST: Final = dict.fromkeys(_WRITTEN, HOLE)
_LIVE: Final = re.compile(r"[*?\[]")

KEPT: Final = "".join(_KEPT.values())
"""The signs that stand for live ones."""

_ANY: Final = re.compile(f"[{KEPT}]")


def kept(text: str) -> str:
    """A live pattern as a value holds it."""
    closed = text.rfind("]")

    def sign(found: re.Match[str]) -> str:
        plain = found.group() == "[" and found.start() > closed
        return "[" if plain else _KEPT[found.group()]

    return _LIVE.sub(sign, text)


def holds(text: str) -> bool:
    """Whether a value holds a part of a pattern."""
    return _ANY.search(text) is not None


def written(text: str) -> str:
    """A value with the signs as they are written."""
    return text.translate(_WRITTEN)


def lost(text: str) -> str:
    """A value of which only the characters count: what a pattern stands for is not known."""
    return text.translate(_LOST)
