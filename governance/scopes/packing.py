"""
The state of a scope as bytes, and back: what an engine goes on from that is started anew.

It is a cache of the scope's rows, tied to one of them by its hash. What cannot be read, or was
made by another version of the fold, is as if it were not there.
"""

from __future__ import annotations

import zlib
from types import MappingProxyType
from typing import Any

from governance.scopes.state import Grant, Name, ScopeState, Stored
from governance.scopes.values import Scope
from governance.values import Json, ValueRefused, dump_json, load_json

STATE_VERSION = 1
"""Counts up with each change of `governance.scopes.state.apply`."""

STATE_BYTES_MAX = 16 * 1024 * 1024
"""Bytes of a state before it is packed; a larger one is folded anew by each process."""

_LEVEL = 1


def packed_state(state: ScopeState, hash_: bytes) -> bytes | None:
    """*state* at its last row, whose hash is *hash_*; none where it is too large."""
    values: list[Json] = [[*name, *_fields(one)] for name, one in state.values.items()]
    data = dump_json(
        {
            "version": STATE_VERSION,
            "head": state.head,
            "hash": hash_.hex(),
            "values": values,
            "versions": [[*name, one] for name, one in state.versions.items()],
            "grants": [[one.to, one.kind, one.keys, one.right] for one in state.grants],
            "merges": dict(state.merges),
        }
    )
    return zlib.compress(data, _LEVEL) if len(data) <= STATE_BYTES_MAX else None


def unpacked_state(scope: Scope, value: bytes) -> tuple[ScopeState, bytes] | None:
    """What `packed_state` was given, or none."""
    try:
        kept: Any = load_json(zlib.decompressobj().decompress(value, STATE_BYTES_MAX + 1))
        if kept["version"] != STATE_VERSION:
            return None
        values: dict[Name, Stored] = {
            (str(kind), str(key)): Stored(*fields) for kind, key, *fields in kept["values"]
        }
        versions = {(str(kind), str(key)): int(one) for kind, key, one in kept["versions"]}
        state = ScopeState(
            scope,
            int(kept["head"]),
            MappingProxyType(values),
            MappingProxyType(versions),
            tuple(Grant(*map(str, one)) for one in kept["grants"]),
            {str(source): int(seq) for source, seq in kept["merges"].items()},
        )
        return state, bytes.fromhex(kept["hash"])
    except (zlib.error, ValueRefused, KeyError, AttributeError, TypeError, ValueError):
        return None


def _fields(one: Stored) -> list[Json]:
    return [
        one.value, one.blob, one.size_bytes, one.version, one.format, one.seq, one.at_ms,
        one.actor, one.owner, one.hidden,
    ]  # fmt: skip
