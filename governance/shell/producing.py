"""
What programs print that only pass text on: known in, known out.

Only what depends on nothing but its words and its input is here. `None` says that the output
is not known.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Final

from governance.shell.quoting import decode_echo
from governance.shell.values import HOLE

TEXT_MAX: Final = 65_536
"""Characters of output that are followed."""

_FORMAT: Final = re.compile(r"%(?:(%)|(-?0?\d{0,3}(?:\.\d{1,3})?)([sbqdiuxXoc]))")
_SETS: Final = {
    "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
    "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "[:digit:]": "0123456789",
    "[:space:]": " \t\n\r\v\f",
    "[:alpha:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
}


def output_of(argv: Sequence[str], given: str | None) -> str | None:
    """What *argv* prints if its input is *given*; ``None``: not known."""
    if not argv:
        return None
    program = argv[0].rpartition("/")[2]
    if program in ("command", "builtin", "exec") and len(argv) > 1 and argv[1][:1] != "-":
        return output_of(argv[1:], given)
    known = _PRODUCERS.get(program)
    made = None if known is None else known(list(argv[1:]), given)
    return made if made is None or len(made) <= TEXT_MAX else None


def _echo(words: list[str], _: str | None) -> str | None:
    ending, escapes = "\n", False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        for sign in words.pop(0)[1:]:
            ending = "" if sign == "n" else ending
            escapes = {"e": True, "E": False}.get(sign, escapes)
    text = " ".join(words)
    return (decode_echo(text) if escapes else text) + ending


def printed(words: list[str]) -> str | None:
    """What `printf` makes of its format and its words."""
    if words and words[0] == "--":
        words = words[1:]
    if not words:
        return None
    if HOLE in words[0]:
        return HOLE.join(words)
    shape, rest = words[0], words[1:]
    made: list[str] = []
    while True:
        before = len(rest)
        one = _formatted(shape, rest)
        if one is None:
            return None
        made.append(one)
        if not rest or len(rest) == before or len(made) > 256:
            return "".join(made)


def _formatted(shape: str, rest: list[str]) -> str | None:
    made: list[str] = []
    at = 0
    for found in _FORMAT.finditer(shape):
        between = shape[at : found.start()]
        if "%" in between:
            return None
        made.append(decode_echo(between))
        at = found.end()
        if found[1]:
            made.append("%")
            continue
        value = rest.pop(0) if rest else ""
        made.append(_converted(found[2], found[3], value))
    if "%" in shape[at:]:
        return None
    made.append(decode_echo(shape[at:]))
    return "".join(made)


def _converted(flags: str, kind: str, value: str) -> str:
    if kind in "sbq":
        value = decode_echo(value) if kind == "b" else value
        width, _, cut = flags.partition(".")
        value = value[: int(cut)] if cut else value
        wide = int(width.lstrip("-0") or 0)
        return value.ljust(wide) if width.startswith("-") else value.rjust(wide)
    if kind == "c":
        return value[:1]
    if HOLE in value:
        return HOLE
    try:
        number = ord(value[1]) if value[:1] in "'\"" and len(value) > 1 else int(value or "0", 0)
    except ValueError:
        return HOLE
    code = {"i": "d", "u": "d"}.get(kind, kind)
    return f"%{flags}{code}" % number


def _cat(words: list[str], given: str | None) -> str | None:
    files = [one for one in words if one == "-" or not one.startswith("-")]
    return given if all(one in ("-", "/dev/stdin") for one in files) else None


def _same(words: list[str], given: str | None) -> str | None:
    """One line comes out of `head`, `tail`, `sort`, `uniq` as it went in."""
    if given is None or given.rstrip("\n").count("\n") or any(one[:1] != "-" for one in words):
        return None
    return given if not any(re.match(r"-[cnkdDu]", one) for one in words) else None


def _tee(_: list[str], given: str | None) -> str | None:
    return given


def _base64(words: list[str], given: str | None) -> str | None:
    if given is None or HOLE in given:
        return None
    decoding = any(one in ("-d", "-D", "--decode", "-di", "-id") for one in words)
    if any(not one.startswith("-") and one != "-" for one in words):
        return None
    if not decoding:
        return base64.b64encode(given.encode("utf-8", "replace")).decode() + "\n"
    return _decoded(given)


def _decoded(given: str) -> str | None:
    packed = "".join(given.split())
    packed += "=" * (-len(packed) % 4)
    try:
        return base64.b64decode(packed, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


def _openssl(words: list[str], given: str | None) -> str | None:
    coded = words[:1] == ["base64"] or (words[:1] == ["enc"] and "-base64" in words)
    if not coded or given is None or HOLE in given or "-d" not in words:
        return None
    return None if "-in" in words else _decoded(given)


def _xxd(words: list[str], given: str | None) -> str | None:
    if given is None or HOLE in given:
        return None
    flags = "".join(one[1:] for one in words if one.startswith("-"))
    if "r" not in flags or "p" not in flags or any(one[:1] != "-" for one in words):
        return None
    try:
        return bytes.fromhex("".join(given.split())).decode("utf-8", "replace")
    except ValueError:
        return None


def _rev(words: list[str], given: str | None) -> str | None:
    if given is None or words:
        return None
    lines = given.split("\n")
    return "\n".join(one[::-1] for one in lines)


def _letters(text: str) -> str | None:
    """The characters of a set of `tr`."""
    for name, letters in _SETS.items():
        text = text.replace(name, letters)
    if "[:" in text or HOLE in text:
        return None
    text = decode_echo(text)

    def spread(found: re.Match[str]) -> str:
        first, last = ord(found[1]), ord(found[2])
        return "".join(map(chr, range(first, min(last, first + 256) + 1)))

    return re.sub(r"(.)-(.)", spread, text, flags=re.S)


def _tr(words: list[str], given: str | None) -> str | None:
    if given is None:
        return None
    flags = ""
    while words and words[0].startswith("-") and len(words[0]) > 1:
        flags += words.pop(0)[1:]
    sets = [_letters(one) for one in words]
    if not sets or any(one is None for one in sets):
        return None
    first, second = sets[0] or "", (sets[1] or "") if len(sets) > 1 else ""
    if flags == "d":
        return given.translate({ord(one): None for one in first})
    if flags or not second:
        return None
    second += second[-1] * max(0, len(first) - len(second))
    return given.translate({ord(a): b for a, b in zip(first, second, strict=False)})


_PRODUCERS: Final[dict[str, Callable[[list[str], str | None], str | None]]] = {
    "echo": _echo,
    "printf": lambda words, _: None if words[:1] == ["-v"] else printed(words),
    "cat": _cat,
    "tee": _tee,
    "head": _same,
    "tail": _same,
    "sort": _same,
    "uniq": _same,
    "base64": _base64,
    "openssl": _openssl,
    "xxd": _xxd,
    "rev": _rev,
    "tr": _tr,
}
