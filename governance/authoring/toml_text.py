"""Values as an author writes them: on one line of TOML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\b": "\\b",
    "\f": "\\f",
}


def inline(value: object) -> str:
    """
    *value* in TOML 1.0, on one line.

    >>> inline({"tool": "shell", "command": 'echo "a"', "n": [1, True]})
    '{ tool = "shell", command = \\'echo "a"\\', n = [1, true] }'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key(str(name))} = {inline(one)}" for name, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(inline(one) for one in value) + "]"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return repr(value)


def key(name: str) -> str:
    """*name* as a key, in quotes where it needs them."""
    return name if _BARE.fullmatch(name) else quoted(name)


def quoted(text: str) -> str:
    """*text* as a string: in single quotes where that spares escapes."""
    plain = text.isprintable()
    if plain and ("\\" in text or '"' in text) and "'" not in text:
        return f"'{text}'"
    return '"' + "".join(_sign(one) for one in text) + '"'


def _sign(sign: str) -> str:
    if sign in _ESCAPES:
        return _ESCAPES[sign]
    number = ord(sign)
    return f"\\u{number:04X}" if number < 0x20 or number == 0x7F else sign
