"""
Where quotes, substitutions, expressions and words end.

Each function is given the position where something begins and gives the one behind its end.
"""

from __future__ import annotations

import re
from typing import Final

DEPTH_MAX: Final = 32
"""How deep `$(…)`, `"…"` and `${…}` may stand in each other; bash's own bound is its stack."""

BLANK: Final = re.compile(r"(?:[ \t]|\\\n)+")
_PLAIN: Final = re.compile(r"[^ \t\n\\'\"$`<>()|&;]+")
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\[(?:[^\]\\'\"$`]|\\.)*\])?(\+?=)", re.S)
_DOUBLE: Final = re.compile(r"[^\"\\$`]+")
_BRACES: Final = re.compile(r"[^\"'\\$`}]+")
_ARITH: Final = re.compile(r"[^\"'\\$`()]+")
_BRACKET: Final = re.compile(r"[^\"'\\$`\[\]]+")
_TICKS: Final = re.compile(r"[^\\`]+")


class Unclosed(ValueError):
    """A quote, bracket or substitution has no end; the text is what was opened."""


class TooDeep(ValueError):
    """More nesting than this engine looks at."""


class TooLong(TooDeep):
    """More words than this engine looks at; what was read stays. Handled as what is too deep."""


def single_end(text: str, start: int) -> int:
    """Behind the quote that closes the one at *start*."""
    end = text.find("'", start + 1)
    if end < 0:
        raise Unclosed("'")
    return end + 1


def ansi_end(text: str, start: int) -> int:
    """Behind the end of `$'…'` at *start*."""
    at = start + 2
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == "'":
            return at + 1
        else:
            at += 1
    raise Unclosed("$'")


def ticks_end(text: str, start: int) -> int:
    """Behind the end of the backticks at *start*."""
    at = start + 1
    while at < len(text):
        if (plain := _TICKS.match(text, at)) is not None:
            at = plain.end()
        elif text[at] == "`":
            return at + 1
        else:
            at += 2
    raise Unclosed("`")


def double_end(text: str, start: int, depth: int = 0) -> int:
    """Behind the quote that closes the one at *start*."""
    if depth > DEPTH_MAX:
        raise TooDeep
    at = start + 1
    while at < len(text):
        if (plain := _DOUBLE.match(text, at)) is not None:
            at = plain.end()
            continue
        sign = text[at]
        if sign == '"':
            return at + 1
        if sign == "\\":
            at += 2
        elif sign == "`":
            at = ticks_end(text, at)
        else:
            at = dollar_end(text, at, depth + 1, quoted=True)
    raise Unclosed('"')


def braces_end(text: str, start: int, depth: int = 0, *, quoted: bool = False) -> int:
    """Behind the end of `${…}` at *start*; in double quotes a single quote is plain text."""
    if depth > DEPTH_MAX:
        raise TooDeep
    at = start + 2
    while at < len(text):
        if (plain := _BRACES.match(text, at)) is not None:
            at = plain.end()
            continue
        sign = text[at]
        if sign == "}":
            return at + 1
        if sign == "'":
            at = at + 1 if quoted else single_end(text, at)
        elif sign == "\\":
            at += 2
        else:
            at = _quoting_end(text, at, depth)
    raise Unclosed("${")


def arithmetic_end(text: str, start: int, depth: int = 0) -> int:
    """Behind the `))` that closes the `((` ending before *start*; -1: it is none."""
    at = _closing(text, start, depth, _ARITH, ("(", ")"))
    return at + 2 if at >= 0 and text.startswith("))", at) else -1


def bracket_end(text: str, start: int, depth: int = 0) -> int:
    """Behind the `]` that closes the `[` ending before *start*."""
    at = _closing(text, start, depth, _BRACKET, ("[", "]"))
    if at < 0:
        raise Unclosed("[")
    return at + 1


def _closing(
    text: str, start: int, depth: int, plain: re.Pattern[str], pair: tuple[str, str]
) -> int:
    """Where the second sign of *pair* closes the first one before *start*; -1: nowhere."""
    if depth > DEPTH_MAX:
        raise TooDeep
    opening, closing = pair
    at, open_ = start, 0
    while at < len(text):
        if (passed := plain.match(text, at)) is not None:
            at = passed.end()
            continue
        sign = text[at]
        if sign == opening:
            open_ += 1
            at += 1
        elif sign == closing:
            if open_ == 0:
                return at
            open_ -= 1
            at += 1
        elif sign == "\\":
            at += 2
        elif sign == "'":
            at = single_end(text, at)
        else:
            at = _quoting_end(text, at, depth)
    return -1


def parens_end(text: str, start: int, depth: int = 0) -> int:
    """Behind the parenthesis that closes the one before *start*; commands stand between."""
    from governance.shell.lexing import commands_end

    if depth > DEPTH_MAX:
        raise TooDeep
    return commands_end(text, start, depth)


def dollar_end(text: str, start: int, depth: int = 0, *, quoted: bool = False) -> int:
    """Behind what the `$` at *start* begins; behind the sign alone where it begins nothing."""
    following = text[start + 1 : start + 2]
    if following == "(":
        if text.startswith("((", start + 1):
            end = arithmetic_end(text, start + 3, depth + 1)
            if end > 0:
                return end
        return parens_end(text, start + 2, depth + 1)
    if following == "{":
        return braces_end(text, start, depth + 1, quoted=quoted)
    if following == "[":
        return bracket_end(text, start + 2, depth + 1)
    if following == "'" and not quoted:
        return ansi_end(text, start)
    if following == '"' and not quoted:
        return double_end(text, start + 1, depth + 1)
    if (name := NAME.match(text, start + 1)) is not None:
        return name.end()
    return start + 2 if following and following in "@*#?-$!0123456789" else start + 1


def _quoting_end(text: str, at: int, depth: int) -> int:
    """Behind the double quote, backtick or dollar construct at *at*."""
    sign = text[at]
    if sign == '"':
        return double_end(text, at, depth + 1)
    if sign == "`":
        return ticks_end(text, at)
    return dollar_end(text, at, depth + 1)


def word_end(text: str, start: int, depth: int = 0, *, assigning: bool = False) -> int:
    """Behind the word at *start*; *start* itself where no word stands."""
    at = start
    while at < len(text):
        if (plain := _PLAIN.match(text, at)) is not None:
            at = plain.end()
            continue
        sign = text[at]
        if sign == "\\":
            at = min(at + 2, len(text))
        elif sign == "'":
            at = single_end(text, at)
        elif sign in '"`$':
            at = _quoting_end(text, at, depth)
        elif sign in "<>" and text.startswith("(", at + 1):
            at = parens_end(text, at + 2, depth + 1)
        elif sign == "(" and at > start and text[at - 1] in "@?*+!":
            at = _pattern_end(text, at + 1, depth + 1)
        elif sign == "(" and assigning and _is_assignment(text[start:at]):
            at = _array_end(text, at + 1, depth + 1)
        else:
            break
    return at


def _is_assignment(text: str) -> bool:
    found = ASSIGNMENT.match(text)
    return found is not None and found.end() == len(text)


def _pattern_end(text: str, start: int, depth: int) -> int:
    """Behind the parenthesis that closes an extended pattern."""
    if depth > DEPTH_MAX:
        raise TooDeep
    at, open_ = start, 0
    while at < len(text):
        sign = text[at]
        if sign == "(":
            open_ += 1
            at += 1
        elif sign == ")":
            at += 1
            if open_ == 0:
                return at
            open_ -= 1
        elif sign in "|&;<> \t\n":
            at += 1
        else:
            end = word_end(text, at, depth + 1)
            at = end if end > at else at + 1
    raise Unclosed("(")


def _array_end(text: str, start: int, depth: int) -> int:
    """Behind the parenthesis that closes the words of an array."""
    words = array_words(text, start, depth)
    at = skip_lines(text, words[-1][1] if words else start)
    if not text.startswith(")", at):
        raise Unclosed("(")
    return at + 1


def skip_lines(text: str, at: int) -> int:
    """Behind blanks, line ends and comments."""
    while at < len(text):
        if (blank := BLANK.match(text, at)) is not None:
            at = blank.end()
        elif text[at] == "\n":
            at += 1
        elif text[at] == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        else:
            break
    return at


def array_words(text: str, start: int, depth: int = 0) -> list[tuple[int, int]]:
    """Start and end of each word of an array, up to its closing parenthesis."""
    if depth > DEPTH_MAX:
        raise TooDeep
    found: list[tuple[int, int]] = []
    at = skip_lines(text, start)
    while at < len(text):
        begin = at
        if text[at] == "[":
            end = bracket_end(text, at + 1, depth + 1)
            at = end + 1 if text.startswith("=", end) else at
        end = word_end(text, at, depth + 1)
        if end == begin:
            break
        found.append((begin, end))
        at = skip_lines(text, end)
    return found


def skip_blank(text: str, at: int) -> int:
    found = BLANK.match(text, at)
    return at if found is None else found.end()


def regex_end(text: str, start: int, depth: int) -> int:
    """Behind the expression on the right of `=~`: parentheses and bars belong to it."""
    at, open_ = start, 0
    while at < len(text):
        sign = text[at]
        if sign == "(":
            open_ += 1
            at += 1
        elif sign == ")":
            if open_ == 0:
                break
            open_ -= 1
            at += 1
        elif sign == "|" and (open_ or not text.startswith("||", at)):
            at += 1
        elif sign in " \t\n" and open_ == 0:
            break
        elif sign in "&;<> \t\n|":
            if open_ == 0:
                break
            at += 1
        else:
            end = word_end(text, at, depth)
            at = end if end > at else at + 1
    return at
