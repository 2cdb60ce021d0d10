"""
Texts that a pattern fits, made from the pattern itself.

The patterns are RE2's. A text is made by taking the first of all choices, and is then tried
by RE2: what is given does fit, and where none was found, nothing is given.
"""

from __future__ import annotations

from collections.abc import Iterator

from governance._attrs import define
from governance.rules.patterns import PatternRefused, compile_pattern

DEPTH_MAX = 40
REPEATS_MAX = 20
SAMPLE_CHARACTERS_MAX = 500

_SIGNS = "ax1 ./-_A=:\"'(){}$;&|<>\\@#%+*,?!~^[]\n\tbcdefghijklmnopqrstuvwyz023456789" + (
    "BCDEFGHIJKLMNOPQRSTUVWXYZ`"
)
_EMPTY = frozenset("bBAzZQE")
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}


def sample_of(source: str) -> str | None:
    """
    A text that the pattern *source* is found in, or ``None``.

    >>> sample_of(r"rm\\s+-(rf|fr)\\b")
    'rm -rf'

    Raises:
        PatternRefused: RE2 takes no such pattern.
    """
    pattern = compile_pattern(source)
    for more in (0, 1, 2):
        for pick in (0, 1):
            try:
                made = _Maker(source, more, pick).made()
            except (_Lost, PatternRefused):
                continue
            for text in _around(made[:SAMPLE_CHARACTERS_MAX]):
                if pattern.search(text) is not None:
                    return text
    return None


def _around(text: str) -> Iterator[str]:
    yield text
    yield f"a {text} a"
    yield f"{text}a"


class _Lost(Exception):
    """A sign of the pattern that this reader does not know."""


@define(eq=False)
class _Maker:
    """Walks one pattern; what it makes has *more* of everything that may be repeated."""

    source: str
    more: int
    pick: int
    at: int = 0

    def made(self) -> str:
        text = self._choice(0)
        if self.at < len(self.source):
            raise _Lost
        return text

    def _peek(self) -> str:
        return self.source[self.at : self.at + 1]

    def _choice(self, depth: int) -> str:
        if depth > DEPTH_MAX:
            raise _Lost
        branches = [self._row(depth)]
        while self._peek() == "|":
            self.at += 1
            branches.append(self._row(depth))
        return branches[min(self.pick, len(branches) - 1)]

    def _row(self, depth: int) -> str:
        parts: list[str] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated(self._piece(depth)))
        return "".join(parts)

    def _repeated(self, piece: str) -> str:
        least = 1
        match self._peek():
            case "*" | "?":
                least, self.at = min(self.more, 1), self.at + 1
            case "+":
                least, self.at = max(1, self.more), self.at + 1
            case "{":
                end = self.source.find("}", self.at)
                first, _, _ = self.source[self.at + 1 : max(end, 0)].partition(",")
                if not (first.isascii() and first.isdigit()):
                    return piece
                least, self.at = min(int(first[:4]), REPEATS_MAX), end + 1
            case _:
                return piece
        if self._peek() == "?":
            self.at += 1
        return piece * least

    def _piece(self, depth: int) -> str:
        sign = self._peek()
        self.at += 1
        match sign:
            case "(":
                return self._group(depth)
            case "[":
                return self._class()
            case "\\":
                return self._escape()
            case ".":
                return "a"
            case "^" | "$":
                return ""
            case _:
                return sign

    def _group(self, depth: int) -> str:
        if self._peek() == "?":
            end = min(
                (at for sign in ":>)" if (at := self.source.find(sign, self.at)) >= 0), default=-1
            )
            if end < 0:
                raise _Lost
            self.at = end + 1
            if self.source[end] == ")":  # flags for the rest, such as `(?i)`
                return ""
        text = self._choice(depth + 1)
        if self._peek() != ")":
            raise _Lost
        self.at += 1
        return text

    def _class(self) -> str:
        begin = self.at - 1
        if self._peek() == "^":
            self.at += 1
        if self._peek() == "]":
            self.at += 1
        while self._peek() != "]":
            if self._peek() == "":
                raise _Lost
            named = self.source.startswith("[:", self.at)
            close = self.source.find(":]", self.at) if named else -1
            self.at = close + 2 if close >= 0 else self.at + (2 if self._peek() == "\\" else 1)
        self.at += 1
        return _one_of(self.source[begin : self.at])

    def _escape(self) -> str:
        sign = self._peek()
        self.at += 1
        if sign in _EMPTY:
            return ""
        if sign in _CONTROL:
            return _CONTROL[sign]
        if sign in "pP" and self._peek() == "{":
            end = self.source.find("}", self.at)
            name, self.at = self.source[self.at : end + 1], end + 1
            return _one_of(f"\\{sign}{name}")
        if sign in ("d", "D", "s", "S", "w", "W"):
            return " " if sign == "s" else _one_of(f"\\{sign}")
        if sign.isalnum() or not sign:
            raise _Lost
        return sign


def _one_of(source: str) -> str:
    """The first of a row of plain signs that the class *source* holds."""
    holds = compile_pattern(source).search
    for sign in _SIGNS:
        if holds(sign) is not None:
            return sign
    raise _Lost
