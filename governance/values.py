"""
JSON values that can be journaled, and the one strict way in and out of JSON.

What SQLite, PostgreSQL and other readers would each take differently (NaN, infinite
numbers, integers beyond 64 bits, lone surrogates, deep nesting, repeated keys) is
refused here, by name, before it can reach a store.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from governance.errors import GovernanceError

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

DEPTH_MAX = 64
INTEGER_MAX = 2**63 - 1


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
    if depth > DEPTH_MAX:
        raise ValueRefused(f"nested deeper than {DEPTH_MAX} levels")
    kind = type(value)
    if value is None or kind is bool:
        return
    if kind is str:
        _check_text(value)  # type: ignore[arg-type]
    elif kind is int:
        if not -INTEGER_MAX - 1 <= value <= INTEGER_MAX:  # type: ignore[operator]
            raise ValueRefused("an integer beyond 64 bits")
    elif kind is float:
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueRefused("a number that is not finite")
    elif isinstance(value, Mapping):
        for key, one in value.items():
            if type(key) is not str:
                raise ValueRefused(f"a key that is no string: `{key!r}`")
            _check_text(key)
            check_json(one, depth=depth + 1)
    elif isinstance(value, (list, tuple)):
        for one in value:
            check_json(one, depth=depth + 1)
    else:
        raise ValueRefused(f"`{kind.__name__}` is no JSON value")


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueRefused("text with a lone surrogate") from None


def mend_text(text: str) -> str:
    """*text* with lone surrogates replaced by U+FFFD and NUL by U+2400, both visible."""
    clean = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return clean.replace("\x00", "\u2400")


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
        return _ENCODE(value).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueRefused("text with a lone surrogate") from None
    except ValueError as error:
        raise ValueRefused(f"no JSON: {error}") from None


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise ValueRefused(f"`{type(value).__name__}` is no JSON value")


_ENCODE = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
).encode


def load_json(data: bytes | str, *, bytes_max: int | None = None) -> Json:
    """
    The value in *data*, strictly: no NaN, no repeated key, bounded depth and size.

    Lone surrogates that JSON escapes can spell are refused as well.

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
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
    except ValueError as error:
        raise ValueRefused(f"no JSON: {error}") from None
    except RecursionError:
        raise ValueRefused(f"nested deeper than {DEPTH_MAX} levels") from None
    check_json(value)
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
