"""
Secrets are taken out of what is about to be journaled, and leave a mark that says so.

High confidence only: what is taken out is gone for good, so ordinary text stays. That also
means that a secret without a known shape and without a telling name is not found.
"""

from __future__ import annotations

from collections.abc import Mapping

from governance.journal.secret_patterns import NEEDLES, PATTERNS, Pattern, compiled, is_set_value
from governance.journal.walking import free_key
from governance.values import DEPTH_MAX, Json, ValueRefused

_PASSES_MAX = 4


def redact(value: Json) -> tuple[Json, tuple[str, ...]]:
    """
    *value* with every secret in its texts and keys replaced, and the kinds that were found.

    A text keeps what stands around the secret. A value whose key names a secret
    (``{"password": …}``) is replaced as a whole. Redacting twice changes nothing more.
    Without a find, *value* itself is given back. Time is linear in its size.

    >>> redact({"command": "curl -H 'Authorization: Bearer abcdef123456'"})
    ({'command': "curl -H 'Authorization: Bearer [redacted:authorization]'"}, ('authorization',))

    Raises:
        ValueRefused: Nested deeper than 64 levels.
    """
    texts: list[str] = []
    _gather(value, texts, 0)
    low = "\n".join(texts).lower()
    # Nearly every row holds no secret: one look at all of its texts settles that.
    for needle in NEEDLES:
        if needle in low:
            break
    else:
        return value, ()
    hits: dict[str, None] = {}
    clean = _clean(value, hits, 0)
    return (clean, tuple(sorted(hits))) if hits else (value, ())


def redact_text(text: str) -> tuple[str, tuple[str, ...]]:
    """As `redact`, of one text."""
    hits: dict[str, None] = {}
    return _clean_text(text, hits), tuple(sorted(hits))


def _gather(value: Json, texts: list[str], depth: int) -> None:
    """Add every text and every key in *value* to *texts*."""
    if isinstance(value, str):
        texts.append(value)
    elif value is None or isinstance(value, (int, float)):
        return
    # Nearly every table is a `dict`, which is told sooner than that it is a mapping.
    elif isinstance(value, (dict, Mapping)):
        if depth >= DEPTH_MAX:
            raise ValueRefused(f"nested deeper than {DEPTH_MAX} levels")
        texts.extend(value)
        for one in value.values():
            if type(one) is str:
                texts.append(one)
            else:
                _gather(one, texts, depth + 1)
    elif isinstance(value, (list, tuple)):
        if depth >= DEPTH_MAX:
            raise ValueRefused(f"nested deeper than {DEPTH_MAX} levels")
        for one in value:
            _gather(one, texts, depth + 1)


def _clean(value: Json, hits: dict[str, None], depth: int) -> Json:
    if isinstance(value, str):
        return _clean_text(value, hits)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth >= DEPTH_MAX:
        raise ValueRefused(f"nested deeper than {DEPTH_MAX} levels")
    if isinstance(value, Mapping):
        made: dict[str, Json] = {}
        for key, one in value.items():
            clean_key = free_key(_clean_text(key, hits), made)
            made[clean_key] = _clean_field(key, one, hits, depth)
        return made
    return [_clean(one, hits, depth + 1) for one in value]


def _clean_field(key: str, value: Json, hits: dict[str, None], depth: int) -> Json:
    clean = _clean(value, hits, depth + 1)
    if isinstance(clean, str) and is_set_value(_bytes(key), _bytes(clean)):
        hits["assigned-secret"] = None
        return _mark("assigned-secret")
    return clean


def _clean_text(text: str, hits: dict[str, None]) -> str:
    data = _bytes(text)
    # A find can bring another to light (a value that now ends at a mark), so look again.
    for _ in range(_PASSES_MAX):
        before = data
        low = data.lower()
        for pattern in PATTERNS:
            if any(needle in low for needle in pattern.needles):
                data = _replace(pattern, data, hits)
        if data == before:
            break
    return data.decode("utf-8", "surrogatepass")


def _replace(pattern: Pattern, data: bytes, hits: dict[str, None]) -> bytes:
    parts: list[bytes] = []
    end = 0
    expression = compiled(pattern)
    places = expression.groupindex  # keyed by bytes, for the pattern is bytes
    value_group, name_group = places.get(b"value", 0), places.get(b"name")
    for found in expression.finditer(data):
        start, stop = found.span(value_group)
        name = data[slice(*found.span(name_group))] if name_group is not None else b""
        if start < end or not pattern.accept(name, data[start:stop], data[stop : stop + 1]):
            continue
        parts += (data[end:start], _mark(pattern.name).encode())
        end = stop
    if not parts:
        return data
    hits[pattern.name] = None
    parts.append(data[end:])
    return b"".join(parts)


def _mark(name: str) -> str:
    return f"[redacted:{name}]"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
