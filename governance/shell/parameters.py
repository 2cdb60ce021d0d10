"""
`${…}` and `$((…))`: what their operators make of values that are known.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from governance.shell.state import Value
from governance.shell.values import HOLE

MATCHING_MAX: Final = 300_000
"""Steps that matching a pattern may take at worst: characters to the power of its stars."""

VALUE_MAX: Final = 4_096
"""Characters of a value that patterns are tried on."""

REPLACED_MAX: Final = 1_000_000
"""Characters that putting one text for another may make at worst."""

_STARS_MAX: Final = 3
_DIGITS_MAX: Final = 15
_CALCULATION: Final = re.compile(r"[0-9\s+\-*/%()<>=!&|^~]{1,100}")


def slice_of(value: str, offset: str, length: str | None) -> str:
    """`${X:offset:length}`, with both calculated already."""
    try:
        first = int(offset or "0")
        last = None if length is None else int(length or "0")
    except ValueError:
        return HOLE
    if first < 0:
        first = len(value) + first
        if first < 0:
            return ""
    if last is None:
        return value[first:]
    return value[first : len(value) + last] if last < 0 else value[first : first + last]


def items_of(value: Value, offset: str, length: str | None, *, given: bool) -> Value:
    """`${a[@]:offset:length}`; of the words *given* the first is at 1."""
    try:
        first = int(offset or "0")
        count = None if length is None else int(length or "0")
    except ValueError:
        return HOLE
    if value is None or isinstance(value, str):
        return HOLE if value else None
    items = ("bash", *value) if given else value
    first = max(len(items) + first, 0) if first < 0 else first
    if count is not None and count < 0:
        return None
    return items[first : None if count is None else first + count]


def cased(value: str, sign: str) -> str:
    """`^`, `^^`, `,`, `,,`, `~`, `~~` without a pattern."""
    change: Callable[[str], str] = {"^": str.upper, ",": str.lower, "~": str.swapcase}[sign[0]]
    return change(value) if len(sign) > 1 else change(value[:1]) + value[1:]


def stripped(value: str, sign: str, pattern: str) -> str:
    """`#`, `##`, `%`, `%%`: *value* without what matches at its beginning or end."""
    found = _pattern(pattern)
    if found is None or HOLE in value or not affordable(value, pattern):
        return HOLE
    sizes = range(len(value) + 1) if len(sign) == 1 else range(len(value), -1, -1)
    for size in sizes:
        part = value[:size] if sign[0] == "#" else value[len(value) - size :]
        if found.fullmatch(part) is not None:
            return value[size:] if sign[0] == "#" else value[: len(value) - size]
    return value


def replaced(value: str, sign: str, pattern: str, text: str) -> str:
    """`/`, `//`, `/#`, `/%`: *value* with *text* for what matches."""
    found = _pattern(pattern)
    if found is None or HOLE in value or not affordable(value, pattern):
        return HOLE
    if len(value) * len(text) > REPLACED_MAX:
        return HOLE
    if not pattern:
        return value
    if sign == "/#":
        hit = found.match(value)
        return value if hit is None else text + value[hit.end() :]
    if sign == "/%":
        for at in range(len(value) + 1):
            if found.fullmatch(value, at) is not None:
                return value[:at] + text
        return value
    made: list[str] = []
    at = 0
    while at < len(value):
        hit = found.match(value, at)
        if hit is None or hit.end() == at:
            made.append(value[at])
            at += 1
            continue
        made.append(text)
        at = hit.end()
        if sign == "/":
            break
    return "".join(made) + value[at:]


def affordable(value: str, pattern: str) -> bool:
    """Whether matching a pattern with its stars stays within its bound, whatever the two are."""
    return len(value) <= VALUE_MAX and len(value) ** (pattern.count("*") + 1) <= MATCHING_MAX


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str] | None:
    """A pattern of the shell as an expression; ``None``: not known, or more than is tried."""
    if HOLE in pattern or pattern.count("*") > _STARS_MAX or len(pattern) > 256:
        return None
    made: list[str] = []
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        at += 1
        if sign == "*":
            made.append(".*")
        elif sign == "?":
            made.append(".")
        elif sign == "\\" and at < len(pattern):
            made.append(re.escape(pattern[at]))
            at += 1
        elif sign == "[" and (end := pattern.find("]", at + 1)) > 0:
            inside = pattern[at:end]
            if "[" in inside:
                return None  # a named class
            no = inside[:1] in "!^"
            inside = re.sub(r"([\\\]&~|\[])", r"\\\1", inside[1:] if no else inside)
            made.append(f"[{'^' if no else ''}{inside}]")
            at = end + 1
        else:
            made.append(re.escape(sign))
    try:
        return re.compile("".join(made), re.S)
    except re.error:
        return None


def calculated(text: str) -> str:
    """The value of an expression of constants; `HOLE` where it is more than that."""
    text = text.strip()
    if text.isascii() and text.isdigit() and (len(text) == 1 or text[0] != "0"):
        return text if len(text) <= _DIGITS_MAX else HOLE
    if not text:
        return "0"
    if _CALCULATION.fullmatch(text) is None or "**" in text or "//" in text:
        return HOLE
    try:
        return str(_evaluated(ast.parse(text.replace("\n", " "), mode="eval").body))
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return HOLE


_BINARY: Final[dict[type[ast.operator], Callable[[int, int], int]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: int(a / b) if abs(a) < 2**52 else a // b,
    ast.Mod: lambda a, b: a - b * int(a / b),
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_COMPARING: Final[dict[type[ast.cmpop], Callable[[int, int], bool]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def _evaluated(node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int() as value) if abs(value) < 10**_DIGITS_MAX:
            return value
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_evaluated(inner)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _evaluated(inner)
        case ast.UnaryOp(op=ast.Invert(), operand=inner):
            return ~_evaluated(inner)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            made = _BINARY[type(sign)](_evaluated(left), _evaluated(right))
            if abs(made) < 10**_DIGITS_MAX:
                return made
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _COMPARING:
            return int(_COMPARING[type(sign)](_evaluated(left), _evaluated(right)))
        case _:
            pass
    raise ValueError
