"""
The words that one becomes: split, finished for the rules, and what operators make of values.
"""

from __future__ import annotations

import re
from typing import Final

from attrs import field

from governance._attrs import define
from governance.shell.boundaries import (
    arithmetic_end,
    dollar_end,
)
from governance.shell.flowing import relative
from governance.shell.live_signs import KEPT, holds, lost, written
from governance.shell.quoting import decode_ansi
from governance.shell.state import HERE, HOME, Value
from governance.shell.values import CARRIED, HOLE, Word

WORD_MAX: Final = 65_536
"""Characters of one word that are followed; what comes behind them is not known."""


_TILDE: Final = re.compile(r"~(?:/|$)")
LIVE: Final = re.compile(rf"[*?{KEPT}]|\[[^\]\[]{{1,64}}\]")
_FROM_HERE: Final = re.compile(f"{HERE}((?:/[^/\\s;:\"']*)*)")


def finished(text: str, folder: str = "", *, glob: bool = False) -> Word:
    """A word as the rules see it: home as `~`, and a `~` that is none as `./~`."""
    # Most words are ASCII, and none of our own signs is.
    if not text.isascii():
        if holds(text):
            return Word(finished(written(text), folder), CARRIED)
        if HOME in text or HERE in text:
            return Word(shown(text, folder), glob)
    if text.startswith("~"):
        text = "./" + text
    return Word(text, glob)


def shown(text: str, folder: str = "") -> str:
    """
    Home as `~` where a path may begin; in a text that a shell may be given, as `$HOME`, for a
    `~` in quotes is not home. The folder of the call as the way to it from *folder*.
    """
    if text.isascii():
        return text
    text = written(text)
    if text.startswith(HOME):
        return "~" + shown(text[1:], folder)
    text = text.replace(HOME, "$HOME" if any(sign in text for sign in " \t\n;") else "~")
    return _FROM_HERE.sub(lambda found: _from_here(found, folder), text)


def _from_here(found: re.Match[str], folder: str) -> str:
    """The way to a path; what a volume's name would look like too is written as a path."""
    made = relative(found.group(1), folder)
    mounted = found.string[found.end() : found.end() + 1] == ":" or found.string.endswith(
        ("src=", "source="), 0, found.start()
    )
    return f"./{made}" if mounted and not made.startswith((".", "/")) else made


@define
class Fields:
    """The words that come of one."""

    done: list[tuple[str, bool]] = field(factory=list)
    parts: list[str] = field(factory=list)
    size: int = 0
    live: bool = False
    begun: bool = False

    def add(self, text: str, *, live: bool = False) -> None:
        if self.size <= WORD_MAX:
            self.parts.append(text)
            self.size += len(text)
        self.begun = True
        self.live = self.live or live

    def end(self) -> None:
        """The word up to here is one."""
        if self.begun:
            made = "".join(self.parts)
            if self.size > WORD_MAX:
                made = made[:WORD_MAX] + HOLE
            if self.done and _TILDE.match(made):
                # `rm${IFS}~`: bash leaves it as it is, and home is meant.
                made = HOME + made[1:]
            self.done.append((made, self.live))
            self.parts, self.size = [], 0
            self.live = self.begun = False


def is_arithmetic(raw: str, at: int, end: int) -> bool:
    return arithmetic_end(raw, at + 3) == end


def first_of(value: Value) -> str:
    """What a plain `$name` gives of a value."""
    if isinstance(value, str):
        return value
    return value[0] if value else ""


def transformed(value: str, sign: str) -> str:
    """What `${name@Q}` and its like give."""
    if HOLE in value or holds(value):
        return HOLE
    match sign:
        case "Q" if value.isprintable():
            return "'" + value.replace("'", "'\\''") + "'"
        case "U":
            return value.upper()
        case "u":
            return value[:1].upper() + value[1:]
        case "L":
            return value.lower()
        case "E":
            return decode_ansi(value)
        case _:
            return HOLE


def size_of(value: Value, sign: str) -> str:
    if sign:
        return (
            HOLE
            if isinstance(value, str) and value == HOLE
            else str(1 if isinstance(value, str) else len(value or ()))
        )
    known = lost(first_of(value))
    return HOLE if any(one in known for one in (HOLE, HOME, HERE)) else str(len(known))


def halves(rest: str) -> tuple[str, str]:
    """Pattern and text of `${name/pattern/text}`."""
    at = 0
    while at < len(rest):
        if rest[at] == "\\":
            at += 2
        elif rest[at] in "'\"":
            end = rest.find(rest[at], at + 1)
            at = len(rest) if end < 0 else end + 1
        elif rest[at] == "/":
            return rest[:at], rest[at + 1 :]
        elif rest[at] == "$":
            at = dollar_end(rest, at)
        else:
            at += 1
    return rest, ""


def split_into(value: str, separators: str, made: Fields) -> None:
    """Split a value into words, as `IFS` says."""
    blank = re.escape("".join(one for one in separators if one in " \t\n"))
    other = re.escape("".join(one for one in separators if one not in " \t\n"))
    shapes = []
    if other:
        around = f"[{blank}]*" if blank else ""
        shapes.append(f"{around}([{other}]){around}")
    if blank:
        shapes.append(f"[{blank}]+")
    at = 0
    for found in re.finditer("|".join(shapes), value):
        piece = value[at : found.start()]
        at = found.end()
        if piece:
            made.add(_homed(piece, made), live=LIVE.search(piece) is not None)
        elif other and found[1] and not made.begun:
            made.add("")
        made.end()
    if at < len(value):
        made.add(_homed(value[at:], made), live=LIVE.search(value[at:]) is not None)


def _homed(piece: str, made: Fields) -> str:
    """A `~` out of a variable: bash leaves it as it is, others do not, and home is meant."""
    return HOME + piece[1:] if _TILDE.match(piece) and not made.begun else piece
