"""
What `echo` and `printf` of bash make of their words.

`None` says that the output is not known; a part that is not known stands in it as `HOLE`.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.quoting import ARGUMENT, ECHOED, FORMAT, decode_printed
from governance.shell.values import HOLE

TEXT_MAX: Final = 65_536
"""Characters of output that are followed."""

ROUNDS_MAX: Final = 256
"""Times that a format is used again for the words that are left."""

_CONVERSION: Final = re.compile(
    r"%(?:(?P<percent>%)"
    r"|(?P<left>-?)(?P<zero>0?)(?P<width>\d{0,3})(?:\.(?P<cut>\d{1,3}))?(?P<kind>[sbqdiuxXoc]))",
    re.A,
)
_NUMBER: Final = re.compile(r"[+-]?(?:0[xX][0-9A-Fa-f]{1,15}|0[0-7]{0,18}|[1-9][0-9]{0,17})")
_UNSIGNED: Final = {"x": "x", "X": "X", "o": "o", "u": "d"}
_WORD: Final = 1 << 64
"""How many values an unsigned number of `printf` has."""

_QUOTED: Final = re.compile(r"[ !\"$&'()*,;<>?\[\\\]^`{|}]")
_UNQUOTED: Final = re.compile(r"[A-Za-z0-9_%+./:=@ !\"$&'()*,;<>?\[\\\]^`{|}-]*")


def echoed(words: list[str]) -> str:
    """What `echo` prints for its words."""
    at, ending, escapes = 0, "\n", False
    while at < len(words) and re.fullmatch(r"-[neE]+", words[at]):
        for sign in words[at][1:]:
            ending = "" if sign == "n" else ending
            escapes = {"e": True, "E": False}.get(sign, escapes)
        at += 1
    text = " ".join(words[at:])
    if not escapes:
        return text + ending
    made, ended = decode_printed(text, ECHOED)
    return made if ended else made + ending


def printed(words: list[str]) -> str | None:
    """What `printf` prints for its format and its words."""
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        return None
    if HOLE in words[0]:
        return HOLE.join(words)
    pieces = _pieces(words[0])
    if pieces is None:
        return None
    takes = sum(not isinstance(one, str) for one in pieces)
    rounds = max(1, -(-(len(words) - 1) // takes)) if takes else 1
    if rounds > ROUNDS_MAX:
        return None
    values = iter(words[1:])
    made: list[str] = []
    size = 0
    for piece in pieces * rounds:
        one, ended = (piece, False) if isinstance(piece, str) else _shown(piece, next(values, ""))
        made.append(one)
        size += len(one)
        if size > TEXT_MAX:
            return None
        if ended:
            break
    return "".join(made)


def _pieces(shape: str) -> list[str | re.Match[str]] | None:
    """Texts and conversions of a format, in order."""
    made: list[str | re.Match[str]] = []
    at = 0
    for found in [*_CONVERSION.finditer(shape), None]:
        text = shape[at : len(shape) if found is None else found.start()]
        shown, ended = decode_printed(text, FORMAT)
        # A `%` that is left is no conversion that is known; what `\c` does differs among shells.
        if ended or "%" in text:
            return None
        made.append(shown)
        if found is not None:
            made.append("%" if found["percent"] else found)
            at = found.end()
    return made


def _shown(conversion: re.Match[str], value: str) -> tuple[str, bool]:
    """A word as a conversion prints it, and whether it ends all output."""
    kind, ended = conversion["kind"], False
    if kind == "b":
        value, ended = decode_printed(value, ARGUMENT)
    if kind == "q":
        value = _quoted(value)
    if kind in "sbq":
        return _fitted(conversion, value), ended
    if kind == "c":
        return _fitted(conversion, value[:1] or "\0"), False
    return _counted(conversion, value), False


def _fitted(conversion: re.Match[str], value: str) -> str:
    """A text with the width and the length that are wanted."""
    width, cut = int(conversion["width"] or 0), conversion["cut"]
    if not width and cut is None:
        return value
    if not value.isascii():  # counted in bytes by some releases; an unknown part has no length
        return HOLE
    value = value if cut is None else value[: int(cut)]
    return value.ljust(width) if conversion["left"] else value.rjust(width)


def _counted(conversion: re.Match[str], value: str) -> str:
    """A number in the form that is wanted."""
    number = _number(value)
    if number is None or (conversion["cut"] is not None and int(conversion["cut"]) == 0):
        return HOLE
    kind = conversion["kind"]
    if kind in _UNSIGNED:
        number %= _WORD
    cut = conversion["cut"]
    flags = f"{conversion['left']}{'' if cut or conversion['left'] else conversion['zero']}"
    size = conversion["width"] + (f".{cut}" if cut else "")
    return f"%{flags}{size}{_UNSIGNED.get(kind, 'd')}" % number


def _number(value: str) -> int | None:
    if not value:
        return 0
    if value[0] in "'\"":
        return ord(value[1]) if value[1:2].isascii() and value[1:] else None
    if _NUMBER.fullmatch(value) is None:
        return None
    digits = value.lstrip("+-")
    octal = digits[0] == "0" and digits[1:2] not in ("x", "X")
    made = int(digits, 8 if octal else 0)
    return -made if value[0] == "-" else made


def _quoted(value: str) -> str:
    """A word as `%q` writes it, where it is of signs that all releases write alike."""
    if not value:
        return "''"
    if _UNQUOTED.fullmatch(value) is None:
        return HOLE
    return _QUOTED.sub(r"\\\g<0>", value)
