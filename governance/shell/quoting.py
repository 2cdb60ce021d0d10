"""
Escapes and braces: what `$'…'`, `echo -e` and `printf` make of a backslash, what `{a,b}` makes.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from governance.shell.boundaries import (
    TooDeep,
    Unclosed,
    ansi_end,
    dollar_end,
    double_end,
    parens_end,
    single_end,
    ticks_end,
)

WORDS_MAX: Final = 256
"""Words that one brace expansion may give."""

SIGNS_MAX: Final = 200
"""Opening braces in one word that are looked at."""

ENDLESS_MAX: Final = 8
"""Quotes and substitutions without an end in one word; each is looked for to the end."""

_ESCAPE: Final = re.compile(
    r"\\(?:(?P<sign>[abeEfnrtv\\'\"?])|x(?P<hex>[0-9A-Fa-f]{1,2})|u(?P<short>[0-9A-Fa-f]{1,4})"
    r"|U(?P<long>[0-9A-Fa-f]{1,8})|c(?P<control>.)|(?P<octal>[0-7]{1,3}))",
    re.S,
)
_CODES: Final = (
    r"x(?P<hex>[0-9A-Fa-f]{1,2})|u(?P<short>[0-9A-Fa-f]{1,4})|U(?P<long>[0-9A-Fa-f]{1,8})"
    r"|(?P<end>c)"
)
ECHOED: Final = re.compile(
    rf"\\(?:(?P<sign>[abeEfnrtv\\])|{_CODES}|0(?P<octal>[0-7]{{0,3}}))", re.S
)
"""The escapes of `echo -e`."""

FORMAT: Final = re.compile(
    rf"\\(?:(?P<sign>[abeEfnrtv\\'\"?])|{_CODES}|(?P<octal>[0-7]{{1,3}}))", re.S
)
"""The escapes of the format of `printf`."""

ARGUMENT: Final = re.compile(
    rf"\\(?:(?P<sign>[abeEfnrtv\\])|{_CODES}|(?P<octal>0[0-7]{{0,3}}|[1-7][0-7]{{0,2}}))", re.S
)
"""The escapes of a word that `printf` prints by `%b`."""

_SIGNS: Final = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r",
    "t": "\t", "v": "\v",
}  # fmt: skip
_RANGE: Final = re.compile(
    r"(?:(-?\d{1,9})\.\.(-?\d{1,9})|([A-Za-z])\.\.([A-Za-z]))(?:\.\.(-?\d{1,9}))?"
)


class TooMany(ValueError):
    """More words than this engine looks at."""


def decode_ansi(text: str) -> str:
    """What stands between `$'` and `'`, with its escapes taken for what they mean."""
    return _decode(text, _ESCAPE).partition("\0")[0]


def decode_printed(text: str, escapes: re.Pattern[str]) -> tuple[str, bool]:
    r"""What is printed of *text*, and whether ``\c`` ended it, by one of the kinds of escapes."""
    found = next((one for one in escapes.finditer(text) if one["end"]), None)
    if found is not None:
        return _decode(text[: found.start()], escapes), True
    return _decode(text, escapes), False


def _decode(text: str, pattern: re.Pattern[str]) -> str:
    if "\\" not in text:
        return text
    made = bytearray()
    at = 0
    for found in pattern.finditer(text):
        made += text[at : found.start()].encode("utf-8", "surrogatepass")
        at = found.end()
        kind = found.lastgroup
        assert kind is not None
        value = found[kind]
        if kind == "sign":
            made += _SIGNS.get(value, value).encode()
        elif kind == "hex":
            made.append(int(value, 16))
        elif kind == "octal":
            made.append(int(value or "0", 8) & 0xFF)
        elif kind == "control":
            made += chr(ord(value.upper()) & 0x1F if value != "?" else 0x7F).encode()
        else:
            code = int(value, 16)
            made += chr(code if code < 0x110000 else 0xFFFD).encode("utf-8", "surrogatepass")
    made += text[at:].encode("utf-8", "surrogatepass")
    return made.decode("utf-8", "replace")


_OPENING: Final = frozenset("\\'\"`<>$")


def braces(raw: str, depth: int = 0) -> list[str]:
    """
    The words that *raw*, as written, stands for after brace expansion.

    Raises:
        TooMany: They are more than `WORDS_MAX`.
    """
    if "{" not in raw:
        return [raw]
    if raw.count("{") > SIGNS_MAX:
        raise TooMany
    if depth > 32:
        raise TooMany
    for start, (end, commas) in _groups(raw):
        parts = _alternatives(raw, start, end, commas)
        if parts is not None:
            head = raw[:start]
            tails = braces(raw[end + 1 :], depth + 1)
            made = [one for part in parts for one in braces(part, depth + 1)]
            if len(made) * len(tails) > WORDS_MAX:
                raise TooMany
            return [head + one + tail for one in made for tail in tails]
    return [raw]


def _groups(raw: str) -> list[tuple[int, tuple[int, list[int]]]]:
    """
    Each `{` that has its `}`, in order: where it stands, where that does, and the commas of
    its own between them. One look at the text, however many braces it holds.
    """
    groups: dict[int, tuple[int, list[int]]] = {}
    open_: list[tuple[int, list[int]]] = []
    at = endless = 0
    while at < len(raw):
        sign = raw[at]
        if sign == "{":
            open_.append((at, []))
        elif sign == "}" and open_:
            start, commas = open_.pop()
            groups[start] = (at, commas)
        elif sign == "," and open_:
            open_[-1][1].append(at)
        elif sign in _OPENING:
            end = _step(raw, at)
            endless += end is None
            if endless > ENDLESS_MAX:
                raise TooMany
            at = at + 1 if end is None else end
            continue
        at += 1
    return sorted(groups.items())


def _step(raw: str, at: int) -> int | None:
    """Behind a quoted part, a substitution or one character; ``None``: it has no end."""
    sign = raw[at]
    try:
        if sign == "\\":
            return at + 2
        if sign == "'":
            return single_end(raw, at)
        if sign in '"`' or (sign in "<>" and raw.startswith("(", at + 1)):
            return _quoted_end(raw, at)
        if sign == "$":
            return ansi_end(raw, at) if raw.startswith("'", at + 1) else dollar_end(raw, at)
    except (Unclosed, TooDeep):
        return None
    return at + 1


def _quoted_end(raw: str, at: int) -> int:
    if raw[at] == '"':
        return double_end(raw, at)
    return ticks_end(raw, at) if raw[at] == "`" else parens_end(raw, at + 2)


def _alternatives(raw: str, start: int, end: int, commas: list[int]) -> list[str] | None:
    """The parts of `{…,…}` or `{1..5}` between *start* and *end*; ``None``: it is none."""
    if not commas:
        return _range(raw[start + 1 : end])
    bounds = [start, *commas, end]
    return [raw[one + 1 : other] for one, other in pairwise(bounds)]


def _range(text: str) -> list[str] | None:
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    letters = found[3] is not None
    first = ord(found[3]) if letters else int(found[1])
    last = ord(found[4]) if letters else int(found[2])
    step = abs(int(found[5] or 1)) or 1
    if abs(last - first) // step >= WORDS_MAX:
        raise TooMany
    numbers = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
    if letters:
        return [chr(one) for one in numbers]
    padded = any(one.lstrip("-").startswith("0") and len(one) > 1 for one in (found[1], found[2]))
    width = max(len(found[1]), len(found[2])) if padded else 0
    return [f"{one:0{width}d}" if width else str(one) for one in numbers]


def unquoted(text: str) -> str:
    """The delimiter of a here-document without its quotes."""
    made: list[str] = []
    at = 0
    while at < len(text):
        sign = text[at]
        if sign == "\\" and at + 1 < len(text):
            made.append(text[at + 1])
            at += 2
        elif sign == "$" and text.startswith("'", at + 1):
            end = text.find("'", at + 2)  # an escaped quote is refused as it is not closed
            end = len(text) if end < 0 else end
            made.append(decode_ansi(text[at + 2 : end]))
            at = end + 1
        elif sign == "$" and text.startswith('"', at + 1):
            at += 1
        elif sign in "'\"":
            end = text.find(sign, at + 1)
            end = len(text) if end < 0 else end
            made.append(text[at + 1 : end])
            at = end + 1
        else:
            made.append(sign)
            at += 1
    return "".join(made)
