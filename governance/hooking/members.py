"""
One member of a JSON object changed, and every other byte of the text left as it is.

>>> with_member('{"a": 1}', "b", 2)
'{"a": 1, "b": 2}'
>>> without_member('{"a": 1, "b": 2}', "b")
'{"a": 1}'
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from json.decoder import scanstring  # type: ignore[attr-defined]

from governance._attrs import frozen
from governance.values import Json

_SPACE = " \t\n\r"
_JSON = partial(json.dumps, default=dict, allow_nan=False)
_NO_KEYS: Mapping[str, str] = {
    "/": "a comment, with which it is no JSON to us",
    "}": "a comma with nothing behind it",
}
"""What stands where a key should, by its first sign."""


def _once(pairs: list[tuple[str, object]]) -> Mapping[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


def _no_constant(name: str) -> object:
    raise ValueError(f"`{name}` is no JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)


@frozen
class Member:
    """
    One member of the object, and where it stands.

    Attributes:
        start: Offset of the key's quote.

        value_start, end: Span of the value.
    """

    key: str
    value: Json
    start: int
    value_start: int
    end: int


def members(text: str) -> tuple[Member, ...]:
    """
    The members of the JSON object in *text*, in order.

    Raises:
        ValueError: No JSON object, a key twice, or something after it; with the line.
    """
    at = _skip(text, 1 if text.startswith("\ufeff") else 0)
    if text[at : at + 1] != "{":
        raise ValueError(f"line {_line(text, at)}: expected an object")
    found: list[Member] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        if found:
            if text[at : at + 1] != ",":
                raise ValueError(f"line {_line(text, at)}: expected a comma or a closing brace")
            at = _skip(text, at + 1)
        one = _member(text, at)
        if any(other.key == one.key for other in found):
            raise ValueError(f"line {_line(text, at)}: the key `{one.key}` stands twice")
        found.append(one)
        at = _skip(text, one.end)
    if _skip(text, at + 1) != len(text):
        raise ValueError(f"line {_line(text, at + 1)}: something stands after the object")
    return tuple(found)


def with_member(text: str, key: str, value: Json) -> str:
    """
    *text* with the member *key* set to *value*, indented as the text is.

    Raises:
        ValueError: As `members`; or *value* has a number that cannot be written again.
    """
    found = members(text)
    for one in found:
        if one.key == key:
            if one.value == value:
                return text
            made = _dumped(value, _indent(text, found))
            return text[: one.value_start] + made + text[one.end :]
    indent = _indent(text, found)
    made = f"{json.dumps(key, ensure_ascii=False)}: {_dumped(value, indent)}"
    if not found:
        opening = text.index("{") + 1
        rest = text[opening:].lstrip(_SPACE)
        return f"{text[:opening]}\n{indent}{made}\n{rest}"
    last = found[-1]
    lined = "\n" in text[last.end :] or "\n" in text[: found[0].start]
    between = f",\n{indent}" if lined else ", "
    return text[: last.end] + between + made + text[last.end :]


def without_member(text: str, key: str) -> str:
    """*text* without the member *key*, and without the comma that it needed."""
    found = members(text)
    for place, one in enumerate(found):
        if one.key != key:
            continue
        if place:
            return text[: found[place - 1].end] + text[one.end :]
        if len(found) > 1:
            return text[: one.start] + text[found[1].start :]
        opening = text.index("{") + 1
        return text[:opening] + text[one.end :].lstrip(_SPACE)
    return text


def _member(text: str, at: int) -> Member:
    if text[at : at + 1] != '"':
        wrong = _NO_KEYS.get(text[at : at + 1], "expected a key in double quotes")
        raise ValueError(f"line {_line(text, at)}: {wrong}")
    try:
        key, after = scanstring(text, at + 1, True)
        colon = _skip(text, after)
        if text[colon : colon + 1] != ":":
            raise ValueError(f"line {_line(text, colon)}: expected a colon")
        value_start = _skip(text, colon + 1)
        value, end = _DECODER.raw_decode(text, value_start)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from None
    except RecursionError:
        raise ValueError(f"line {_line(text, at)}: nested too deep") from None
    return Member(key, value, at, value_start, end)


def _dumped(value: Json, indent: str) -> str:
    try:
        plain = _JSON(value, indent=indent or 2, ensure_ascii=False)
        if not _is_whole(plain):
            plain = _JSON(value, indent=indent or 2)
    except ValueError:
        # `1e999` can be read, and what it is read as is nothing that the host could read.
        raise ValueError("a number in it is too large to be written again") from None
    return plain.replace("\n", f"\n{indent}")


def _is_whole(text: str) -> bool:
    """Whether *text* has no half of a sign, which only an escape can spell."""
    return not any("\ud800" <= one <= "\udfff" for one in text)


def _indent(text: str, found: tuple[Member, ...]) -> str:
    for one in found:
        line = text[text.rfind("\n", 0, one.start) + 1 : one.start]
        if line and not line.strip(_SPACE) and "\n" in text[: one.start]:
            return line
    return "  "


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
