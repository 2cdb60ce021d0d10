"""
JSON values that can be journaled, and the one strict way in and out of JSON.

What SQLite, PostgreSQL and other readers would each take differently (NaN, infinite
numbers, integers beyond 64 bits, lone surrogates, deep nesting, repeated keys) is
refused here, by name, before it can reach a store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence, Sized
from os import PathLike, fspath
from typing import TypeAlias

from governance.errors import GovernanceError

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

DEPTH_MAX = 64
INTEGER_MAX = 2**63 - 1

ROW_LEVELS_MAX = 3
"""Tables that a row puts around what it is given: its body, what it says, and one for its own."""

SHOWN_DEPTH_MAX = 32
"""Lists and tables within each other that `json_of` reads of a value; beyond, it is text."""

TEXT_CHARS_MAX = 1_000_000
"""Characters that `json_of` takes of the text which stands for an object."""


class ValueRefused(GovernanceError):
    """A value that no journal may hold; nothing was written."""

    code = "GOV410"


def check_json(value: object, *, depth: int = 0) -> None:
    """
    Return quietly if *value* is JSON that every back end stores alike.

    Raises:
        ValueRefused: NaN or infinity, an integer beyond 64 bits, a lone surrogate, a
            key that is no string, nesting deeper than 64, or no JSON type at all.
    """
    kind = type(value)
    # Texts and tables of texts first: nearly everything is one, and all of it comes by here.
    if kind is str:
        _check_text(value)  # type: ignore[arg-type]
    elif value is None or kind is bool:
        pass
    elif kind is int:
        if not -INTEGER_MAX - 1 <= value <= INTEGER_MAX:  # type: ignore[operator]
            raise ValueRefused("an integer beyond 64 bits")
    elif kind is float:
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueRefused("a number that is not finite")
    elif kind is dict or isinstance(value, Mapping):
        _check_depth(value, depth)  # type: ignore[arg-type]
        for key, one in value.items():  # type: ignore[attr-defined]
            if type(key) is not str:
                raise ValueRefused(f"a key that is no string: `{key!r}`")
            if not key.isascii():
                _check_text(key)
            if type(one) is not str:
                check_json(one, depth=depth + 1)
            elif not one.isascii():
                _check_text(one)
    elif isinstance(value, (list, tuple)):
        _check_depth(value, depth)
        for one in value:
            check_json(one, depth=depth + 1)
    else:
        raise ValueRefused(f"`{kind.__name__}` is no JSON value")


def check_depth(value: Json, depth: int = 0) -> None:
    """
    Return quietly if *value* can be read again: of all that `check_json` looks at, this alone.

    For what was put together of values that were checked, each by itself.

    Raises:
        ValueRefused: Nesting deeper than 64.
    """
    if isinstance(value, (dict, Mapping)):
        _check_depth(value, depth)
        for one in value.values():
            if type(one) is not str:
                check_depth(one, depth + 1)
    elif isinstance(value, (list, tuple)):
        _check_depth(value, depth)
        for one in value:
            if type(one) is not str:
                check_depth(one, depth + 1)


def _check_depth(value: Sized, depth: int) -> None:
    """Refuse what stands in *value*, if there is anything, for standing too deep."""
    if depth >= DEPTH_MAX and len(value):
        raise ValueRefused(f"nested deeper than {DEPTH_MAX} levels")


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _half(error) from None


def _half(error: UnicodeEncodeError) -> ValueRefused:
    return ValueRefused(
        f"text with a lone surrogate at character {error.start + 1}",
        remedy="leave it out, or put U+FFFD in its place",
    )


def json_of(value: object, depth: int = 0) -> Json:
    """
    *value* as JSON: what has no place there is text, as ``str`` gives it.

    What a function takes for a text or a path is that text, whatever ``str`` says of it: the
    bytes of one, an `os.PathLike`, a member of an enumeration that is a string.

    >>> from http import HTTPMethod
    >>> json_of([b"a/.env", HTTPMethod.GET, 1])
    ['a/.env', 'GET', 1]
    """
    if value is None or isinstance(value, (bool, int, float)):
        return _plain_number(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, PathLike):
        return json_of(fspath(value), depth)
    if depth < SHOWN_DEPTH_MAX:
        if isinstance(value, Mapping):
            return {_name(name): json_of(one, depth + 1) for name, one in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [json_of(one, depth + 1) for one in value]
    return str(value)[:TEXT_CHARS_MAX]


def _plain_number(value: bool | float | None) -> Json:
    """*value* without what a class of its own makes of it, which no journal takes."""
    kind = type(value)
    if value is None or kind is bool or kind is int or kind is float:
        return value
    return int(value) if isinstance(value, int) else float(value)


def _name(key: object) -> str:
    return str.__str__(key) if isinstance(key, str) else str(key)


def whole_text(text: str) -> str:
    """
    *text* with each lone surrogate replaced by U+FFFD; two halves of one sign are that sign.

    For what is only kept and shown: of what is decided upon not one sign may be another.
    """
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def mend_text(text: str) -> str:
    """*text* as `whole_text`, and NUL replaced by U+2400: nothing in it is invisible."""
    return whole_text(text).replace("\x00", "\u2400")


def dump_json(value: Json) -> bytes:
    """
    *value* as canonical JSON bytes: sorted keys, no spaces, UTF-8.

    Raises:
        ValueRefused: As `check_json`.
    """
    check_json(value)
    return dump_checked(value)


def dump_checked(value: Json) -> bytes:
    """
    As `dump_json`, for a value whose every part has been through `check_json` already.

    Raises:
        ValueRefused: What cannot be written at all; a number beyond 64 bits passes.
    """
    try:
        return _encoded(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise _half(error) from None
    except ValueError as error:
        raise ValueRefused(f"no JSON: {error}") from None
    except RecursionError:
        raise ValueRefused(f"nested deeper than {DEPTH_MAX} levels") from None


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise ValueRefused(f"`{type(value).__name__}` is no JSON value")


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
)


def _encoder() -> Callable[[Json], str]:
    """`_ENCODER.encode`, without what that makes anew for every value, where there is a way."""
    made = getattr(json.encoder, "c_make_encoder", None)
    quoted = getattr(json.encoder, "encode_basestring", None)
    if made is None or quoted is None:
        return _ENCODER.encode
    # Nobody looks for a value that holds itself: it is nested without end, and refused as that.
    chunks = made(None, _plain, quoted, None, ":", ",", True, False, False)
    return lambda value: "".join(chunks(value, 0))


_encoded = _encoder()


def load_json(data: bytes | str, *, bytes_max: int | None = None, depth: int = 0) -> Json:
    """
    The value in *data*, strictly: no NaN, no repeated key, bounded depth and size.

    Lone surrogates that JSON escapes can spell are refused as well.

    Args:
        depth: Levels that will stand around the value, and count.

    Raises:
        ValueRefused: With what was wrong; nothing of the value is given.
    """
    if bytes_max is not None and len(data) > bytes_max:
        raise ValueRefused(f"{len(data)} bytes where at most {bytes_max} are taken")
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        raise ValueRefused(f"bytes that are no UTF-8 at offset {error.start}") from None
    try:
        value = _DECODER.decode(text)
    except ValueError as error:
        raise ValueRefused(f"no JSON: {error}") from None
    except RecursionError:
        raise ValueRefused(f"nested deeper than {DEPTH_MAX} levels") from None
    check_json(value, depth=depth)
    return value  # type: ignore[no-any-return]


def _no_constant(name: str) -> object:
    raise ValueError(f"`{name}` is no JSON number")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key `{twice}` stands twice")
    return made


# `json.loads` would make one for every value.
_DECODER = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_unique)


def whole_ms(value: object) -> int | None:
    """
    *value*, which a host calls a length of time in milliseconds, in whole ones.

    ``None`` where none can be so long, as by a clock that went back: what a host tells wrong must
    not keep what became of a call from being told.

    >>> whole_ms(1.5), whole_ms(-20.0), whole_ms(float("inf")), whole_ms("3")
    (1, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < INTEGER_MAX else None
