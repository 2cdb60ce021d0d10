"""
What filters print of a known text: `cut`, `head`, `grep`, `tr` and their like.

Each takes its words and its input, and knows only the options that are written here: `None`
says that the output is not known, and that is said of every other option, of files that are
named, and of signs that are counted in bytes by one release and in characters by another.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Sequence
from typing import Final

from governance.shell.quoting import FORMAT, decode_printed
from governance.shell.values import HOLE, lines_of

_RANGES_MAX: Final = 16
_SET_MAX: Final = 1_024
"""Characters of a set of `tr` that are looked at."""

_DEFAULT_COUNT: Final = 10
"""Lines that `head` and `tail` print if they are not told."""

_STDIN: Final = frozenset({"-", "/dev/stdin"})
_RANGE: Final = re.compile(r"(?P<first>[1-9]\d{0,3})?(?P<to>-)?(?P<last>[1-9]\d{0,3})?", re.A)
_ENDS: Final = re.compile(
    r"(?:-(?P<lines>\d{1,6})|(?:-n ?|--lines[ =])(?P<from>\+?)(?P<count>\d{1,6})"
    r"|(?:-c ?|--bytes[ =])(?P<from_byte>\+?)(?P<bytes>\d{1,6}))",
    re.A,
)
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_LITERAL: Final = re.compile(r"[A-Za-z0-9_ ]+")
_WIDE: Final = re.compile(r"(?:-w ?|--width[ =])(\d{1,4})", re.A)
_PRINTABLE: Final = re.compile(r"[ -~\n]*")
_CASES: Final = {
    "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
    "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}
_CLASSES: Final = {
    **_CASES,
    "[:digit:]": "0123456789",
    "[:space:]": "\t\n\v\f\r ",
    "[:blank:]": "\t ",
    "[:alpha:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "[:alnum:]": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
}
_NO_SET: Final = re.compile(r"\[(?:[:=]|.\*[0-9]*\])", re.S)
_SIGN: Final = re.compile(r"\\(?P<escaped>[0-7]{1,3}|.)|(?P<plain>[^\\])", re.S)


def known_lines(given: str | None) -> list[str] | None:
    """The lines of an input that is known as a whole."""
    return None if given is None or HOLE in given else lines_of(given)


def joined(lines: Sequence[str]) -> str:
    """*lines*, each with its end."""
    return "".join(f"{one}\n" for one in lines)


def ended_as(given: str, lines: Sequence[str]) -> str:
    """*lines*; the last one has an end if *given* has one."""
    return "\n".join(lines) + ("\n" if given.endswith("\n") else "")


def same(words: list[str], given: str | None) -> str | None:
    """`cat`."""
    known = all(one in _STDIN or one == "-u" for one in words)
    return given if known and sum(one in _STDIN for one in words) <= 1 else None


def copied(words: list[str], given: str | None) -> str | None:
    """`tee file`."""
    flags = [one for one in words if one[:1] == "-" and one != "-"]
    known = all(re.fullmatch(r"-[aip]+|--append", one) for one in flags)
    return given if known else None


def converted(words: list[str], given: str | None) -> str | None:
    """`dd` that changes nothing."""
    known = ("of=", "status=", "bs=", "ibs=", "obs=")
    return given if all(one.startswith(known) for one in words) else None


def sort(words: list[str], given: str | None) -> str | None:
    """`sort` of one line."""
    lines = known_lines(given)
    flags = all(re.fullmatch(r"-[rRufVhgbnMdis]+|-", one) for one in words)
    return joined(lines) if lines is not None and flags and len(lines) < 2 else None


def unique(words: list[str], given: str | None) -> str | None:
    """`uniq`."""
    lines = known_lines(given)
    if lines is None or words:
        return None
    return joined([one for one, _ in itertools.groupby(lines)])


def reverse(words: list[str], given: str | None) -> str | None:
    """`rev`."""
    if given is None or words or not given.isascii():
        return None
    return "\n".join(one[::-1] for one in given.split("\n"))


def cut(words: list[str], given: str | None) -> str | None:
    """`cut -d: -f2`, `cut -c3-`."""
    told = _cut_options(words)
    lines = known_lines(given)
    if told is None or lines is None:
        return None
    sign, kind, ranges, only = told
    if kind != "f" and not all(one.isascii() for one in lines):
        return None
    made = []
    for line in lines:
        if kind == "f" and sign in line:
            parts = line.split(sign)
            kept = [one for first, last in ranges for one in parts[first - 1 : last]]
            made.append(sign.join(kept))
        elif kind != "f":
            made.append("".join(line[first - 1 : last] for first, last in ranges))
        elif not only:
            made.append(line)
    return joined(made)


def _cut_options(words: list[str]) -> tuple[str, str, list[tuple[int, int]], bool] | None:
    """Delimiter, kind of list, list, and whether lines without a delimiter are left out."""
    told: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name = word[1:2]
        if word[:1] != "-" or name not in set("dfcbs") or name in told:
            return None
        value = word[2:] if name == "s" else word[2:] or next(rest, "")
        if (name == "s") == bool(value) or HOLE in value:
            return None
        told[name] = value
    kinds = [one for one in "fcb" if one in told]
    sign = told.get("d", "\t")
    if len(kinds) != 1 or len(sign) != 1 or not sign.isascii() or sign == "\n":
        return None
    if kinds != ["f"] and ("d" in told or "s" in told):
        return None
    ranges = _ranges(told[kinds[0]])
    return None if ranges is None else (sign, kinds[0], ranges, "s" in told)


def _ranges(text: str) -> list[tuple[int, int]] | None:
    """The places of a list of `cut`, in order and none twice."""
    made: list[tuple[int, int]] = []
    for part in text.split(",", _RANGES_MAX):
        found = _RANGE.fullmatch(part)
        if found is None or not (found["first"] or found["last"]):
            return None
        first = int(found["first"] or 1)
        last = int(found["last"] or sys.maxsize) if found["to"] else first
        if last < first or (found["last"] and not found["to"]):
            return None
        made.append((first, last))
    made.sort()
    merged = made[:1]
    for first, last in made[1:]:
        if first > merged[-1][1]:
            merged.append((first, last))
        else:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
    return merged


def head(words: list[str], given: str | None) -> str | None:
    """`head -n1`, `head -3`, `head -c5`."""
    told = _ends(words, given)
    if told is None or given is None or told[0]:
        return None
    _, count, counts_bytes = told
    if counts_bytes:
        return given[:count]
    return "".join(_LINE.findall(given)[:count])


def tail(words: list[str], given: str | None) -> str | None:
    """`tail -1`, `tail -n +2`, `tail -c5`."""
    told = _ends(words, given)
    if told is None or given is None:
        return None
    onward, count, counts_bytes = told
    parts = given if counts_bytes else _LINE.findall(given)
    kept = parts[max(count - 1, 0) :] if onward else parts[len(parts) - min(count, len(parts)) :]
    return "".join(kept)


def _ends(words: list[str], given: str | None) -> tuple[bool, int, bool] | None:
    """Whether it goes from there on, how many, and whether these are bytes."""
    if given is None or HOLE in given:
        return None
    words = [one for one in words if one not in ("-q", *_STDIN)]
    if not words:
        return False, _DEFAULT_COUNT, False
    found = _ENDS.fullmatch(" ".join(words))
    if found is None or (found["bytes"] is not None and not given.isascii()):
        return None
    if found["bytes"] is not None:
        return bool(found["from_byte"]), int(found["bytes"]), True
    return bool(found["from"]), int(found["lines"] or found["count"]), False


def grep(words: list[str], given: str | None) -> str | None:
    """`grep x`, `grep -v x` of a plain text."""
    lines = known_lines(given)
    flags = [one for one in words if one[:1] == "-"]
    sought = [one for one in words if one[:1] != "-"]
    if lines is None or len(sought) != 1 or _LITERAL.fullmatch(sought[0]) is None:
        return None
    if not set(flags) <= {"-v", "-F", "-E", "-vF", "-Fv", "-vE", "-Ev"}:
        return None
    without = any("v" in one for one in flags)
    return joined([one for one in lines if (sought[0] in one) != without])


def fold(words: list[str], given: str | None) -> str | None:
    """`fold -w99` of what is no wider."""
    found = _WIDE.fullmatch(" ".join(words))
    if given is None or found is None or _PRINTABLE.fullmatch(given) is None:
        return None
    return given if all(len(one) <= int(found[1]) for one in lines_of(given)) else None


def paste(words: list[str], given: str | None) -> str | None:
    """`paste -sd ''`."""
    lines = known_lines(given)
    words = ["-sd", *words[2:]] if words[:2] == ["-s", "-d"] else words
    if words[:1] == ["-s"]:
        sign, rest = "\t", words[1:]
    elif words[:1] == ["-sd"] and len(words) > 1:
        sign, rest = words[1], words[2:]
    elif words and words[0][:3] == "-sd" and words[0][3:]:
        sign, rest = words[0][3:], words[1:]
    else:
        return None
    sign = {r"\0": "", r"\n": "\n", r"\t": "\t"}.get(sign, sign)
    if lines is None or rest not in ([], ["-"]) or len(sign) > 1 or sign in ("\\", HOLE):
        return None
    return sign.join(lines) + "\n"


def tr(words: list[str], given: str | None) -> str | None:
    """`tr a-z A-Z`, `tr -d x`."""
    if given is None or not given.isascii():
        return None
    deletes = words[:1] == ["-d"]
    if any(one[:1] == "-" and len(one) > 1 for one in words[deletes:]):
        return None
    sets = [_letters(one) for one in words[deletes:]]
    if deletes:
        return None if len(sets) != 1 or sets[0] is None else _deleted(given, sets[0])
    if len(sets) != 2 or not sets[0] or not sets[1] or _unordered(words):
        return None
    first, second = sets[0], sets[1]
    second += second[-1] * max(0, len(first) - len(second))
    return given.translate({ord(a): b for a, b in zip(first, second, strict=False)})


def _deleted(given: str, letters: str) -> str:
    return given.translate(dict.fromkeys(map(ord, letters)))


def _unordered(words: list[str]) -> bool:
    """Whether the second set has a class that only the first may have."""
    named = set(re.findall(r"\[:\w+:\]", words[1]))
    return not named <= set(_CASES) or bool(named and words[0] not in _CASES)


def _letters(text: str) -> str | None:
    """The characters of a set of `tr`; ``None``: not known."""
    if len(text) > _SET_MAX or not text.isascii() or ":]-" in text or "-[:" in text:
        return None
    for name, letters in _CLASSES.items():
        text = text.replace(name, letters)
    signs: list[tuple[str, bool]] = []
    at = 0
    for found in _SIGN.finditer(text):
        signs.append(_sign(found))
        at = found.end()
    if at < len(text) or _NO_SET.search(text) or not all(one.isascii() for one, _ in signs):
        return None
    made: list[str] = []
    at = 0
    while at < len(signs):
        first = signs[at][0]
        if signs[at + 1 : at + 2] == [("-", False)] and at + 2 < len(signs):
            last = signs[at + 2][0]
            if last < first:
                return None
            made += map(chr, range(ord(first), ord(last) + 1))
            at += 3
        else:
            made.append(first)
            at += 1
    return "".join(made)


def _sign(found: re.Match[str]) -> tuple[str, bool]:
    """A character of a set, and whether a backslash makes it no more than that."""
    escaped = found["escaped"]
    if escaped is None:
        return found["plain"], False
    if escaped[0] in "01234567abfnrtv\\":
        return decode_printed(found[0], FORMAT)[0], True
    return escaped, True
