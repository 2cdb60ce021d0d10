"""Arguments of a call as rows keep them: whole where they are small, and as a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from governance.calls import ToolCall
from governance.values import Json, dump_checked

ARGUMENT_BYTES_MAX = 16 * 1024
"""Arguments beyond it stand in the journal as hash, size and beginning."""

_CHARACTER_BYTES_MAX = 6
"""Bytes of one character in JSON at most: a control character, as ``\\u0000``."""

_MEMBER_BYTES = 8
"""Bytes of quotes, colon, comma and braces around one member of a table, and some to spare."""

_FINGERPRINT_BYTES = 8


def bounded(arguments: Mapping[str, Json]) -> Json:
    """*arguments*, or where they are too many their hash, their size and how they begin."""
    # The engine has checked what is in them; here their size counts alone, and arguments
    # of a few texts need not be written to know that they are small.
    room = ARGUMENT_BYTES_MAX
    for name, value in arguments.items():
        if type(value) is not str:
            break
        room -= _CHARACTER_BYTES_MAX * (len(name) + len(value)) + _MEMBER_BYTES
    else:
        if room >= 0:
            return dict(arguments)
    encoded = dump_checked(dict(arguments))
    if len(encoded) <= ARGUMENT_BYTES_MAX:
        return dict(arguments)
    return {
        "sha256": hashlib.sha256(encoded).hexdigest(),
        "bytes": len(encoded),
        "beginning": encoded[:2000].decode("utf-8", "replace"),
    }


def fingerprint(call: ToolCall) -> str:
    """What two calls have in common that are the same tool with the same arguments."""
    encoded = dump_checked([call.native, dict(call.args)])
    return hashlib.blake2b(encoded, digest_size=_FINGERPRINT_BYTES).hexdigest()
