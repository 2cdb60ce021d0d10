"""A row of a journal as people and programs read it."""

from __future__ import annotations

from collections.abc import Mapping

from governance.cli.output import value_text
from governance.journal.records import Record
from governance.values import Json, ValueRefused, load_json

VALUE_CHARACTERS_MAX = 120
_NOTHING: tuple[Json, ...] = (None, "", [], {})
_UNSHOWN = frozenset({"stats"})
"""Fields that would drown a line: `governance show` has the figures."""

_LAST = frozenset({"call_id", "cwd", "fingerprint"})
"""Fields that say little by themselves: they stand behind all others, where a line is cut."""


def row_body(record: Record) -> Json:
    """What *record* holds; of a damaged one its text as it is: `verify` says what is wrong."""
    try:
        return load_json(record.body)
    except ValueRefused:
        return record.body.decode("utf-8", "replace")


def row_text(record: Record, characters_max: int) -> str:
    """*record* on one line: its own fields in short, and the state that it leads to."""
    body = row_body(record)
    data = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(data, Mapping):
        return value_text(body, characters_max)
    told = [
        f"{name}: {value_text(value, VALUE_CHARACTERS_MAX)}"
        for name, value in sorted(data.items(), key=lambda one: one[0] in _LAST)
        if name not in _UNSHOWN and value not in _NOTHING
    ]
    if body.get("after") != body.get("before"):
        told.append(f"→ {body.get('after')}")
    return value_text("; ".join(told), characters_max)
