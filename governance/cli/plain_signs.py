"""What stands for the signs that our own output draws with, where a terminal has none of them."""

from __future__ import annotations

import codecs
from collections.abc import Mapping

NAME = "governance-plain"
"""The error handler for streams; `codecs.register_error` knows it once this was imported."""

_DRAWN: Mapping[str, str] = {
    **dict(zip(" ▁▂▃▄▅▆▇█", " .:-=+*%#", strict=True)),
    **dict.fromkeys("─━┄", "-"),
    **dict.fromkeys("│┃", "|"),
    **dict.fromkeys("┌┐├┤┬┴┼╭╮╯", "+"),
    **dict.fromkeys("└╰", "`"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("–—", "-"),
    "→": ">",
    "←": "<",
    "↑": "^",
    "↓": "v",
    "·": ".",
    **dict.fromkeys("•●", "*"),
    "○": "o",
    "×": "x",
    "…": "...",
}
"""Sign → as wide in ASCII, so that columns stay columns; the dots alone are told in full."""


def plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """As `codecs.backslashreplace_errors`, but what is drawn with is drawn in ASCII."""
    if isinstance(error, UnicodeEncodeError):
        sign = error.object[error.start]
        if sign in _DRAWN:
            return _DRAWN[sign], error.start + 1
        error.end = error.start + 1
    return codecs.backslashreplace_errors(error)


codecs.register_error(NAME, plain)
