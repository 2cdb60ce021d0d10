"""Values as rows and shelves have them: small ones in the row, others compressed on a shelf."""

from __future__ import annotations

import zlib
from hashlib import sha256

from governance.errors import GovernanceError
from governance.values import Json, ValueRefused, dump_json, load_json

INLINE_BYTES_MAX = 4_096
"""Bytes of a value, as JSON, that stand in its row."""


class ContextLost(GovernanceError):
    """The content of a value is not on the shelf, or is not what was put there."""

    code = "GOV564"


def encoded(value: Json) -> tuple[dict[str, Json], int, dict[str, bytes]]:
    """
    *value* as its row has it, its length as JSON, and what has to be on the shelf before.

    Raises:
        ValueRefused: It holds what no journal may.
    """
    data = dump_json(value)
    if len(data) <= INLINE_BYTES_MAX:
        return {"value": value, "size_bytes": len(data)}, len(data), {}
    blob = sha256(data).hexdigest()
    return {"blob": blob, "size_bytes": len(data)}, len(data), {blob: zlib.compress(data)}


def decoded(content: bytes | None, blob: str, size_bytes: int) -> Json:
    """
    The value whose *content* lay on the shelf under *blob*; reads no more than *size_bytes*.

    Raises:
        ContextLost: There is none, or it is not what was put there.
    """
    if content is None:
        raise ContextLost(f"the content `{blob}` of a value is not in the store")
    try:
        data = zlib.decompressobj().decompress(content, size_bytes + 1)
    except zlib.error:
        data = b""
    if sha256(data).hexdigest() != blob:
        raise ContextLost(f"the content `{blob}` of a value is not what was kept")
    try:
        return load_json(data)
    except ValueRefused as error:
        raise ContextLost(f"the content `{blob}` of a value: {error.message}") from None
