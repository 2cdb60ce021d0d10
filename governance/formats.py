"""
Formats of what rows hold: every kind has a version, and what an older one wrote becomes today's.

A row names the version of its kind under ``v``; without one it is the first. Rows are never
rewritten: whoever reads an older one is given it as it would be written today. What a newer
engine wrote is not guessed at: a kind or a version that is not known here is an error by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol, TypeAlias

from governance._catalogue import CATALOGUE
from governance.errors import StoreDamaged
from governance.values import Json, ValueRefused, load_json

Body: TypeAlias = Mapping[str, Json]
Upcast: TypeAlias = Callable[[Body], Body]
Upcasts: TypeAlias = Mapping[str, tuple[Upcast, ...]]

VERSION_KEY = "v"

UPCASTS: Upcasts = MappingProxyType({})
"""
By kind, what leads the body of each version to that of the next, from the first version on.

Each is pure and leaves what it is given as it is. The newest version of a kind is one more than
it has of them, so all kinds that stand here with none are in their first.
"""


class RowNewer(StoreDamaged):
    """A newer engine wrote a row; its session cannot be read here, though nothing is damaged."""

    code = "GOV588"


class Stored(Protocol):
    """What is asked of a row that is read: its place, its kind and its bytes."""

    @property
    def session(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def body(self) -> bytes: ...


def body_of(record: Stored, upcasts: Upcasts = UPCASTS) -> Body:
    """
    The JSON object that *record* holds, as today's engine would have written it.

    >>> from governance.journal.records import Record
    >>> dict(body_of(Record("s", 1, "turn.ended", 0, b'{"data": {}}', True, None, b"")))
    {'data': {}}

    Raises:
        ValueRefused: It holds none, which no engine has written.

        RowNewer: It is of a version that is not known here.
    """
    value = load_json(record.body)
    if not isinstance(value, Mapping):
        raise ValueRefused("a row's body that is no JSON object")
    found = value.get(VERSION_KEY, 1)
    steps = upcasts.get(record.kind, ())
    if found == 1 and not steps:
        return value
    if type(found) is not int or found < 1:
        raise ValueRefused("a row's version that is no number from 1 on")
    if found > len(steps) + 1:
        raise _newer(record, f"version {found} of `{record.kind}`; it knows {len(steps) + 1}")
    for step in steps[found - 1 :]:
        value = step(value)
    return value


def known_body(record: Stored) -> Body:
    """
    As `body_of`, of a row that is to be folded: its kind must be one that is known.

    Raises:
        RowNewer: Its kind is not in the catalogue, so what it did to the session is not known.
    """
    if record.kind not in CATALOGUE:
        raise _newer(record, f"the kind `{record.kind}`")
    return body_of(record)


def stamped(kind: str, body: Body, upcasts: Upcasts = UPCASTS) -> Body:
    """*body* with the version that a row of *kind* has today, where that is not the first."""
    steps = upcasts.get(kind)
    return {**body, VERSION_KEY: len(steps) + 1} if steps else body


def _newer(record: Stored, what: str) -> RowNewer:
    return RowNewer(
        f"row {record.seq} of `{record.session}` was written by a newer engine: "
        f"this one does not know {what}",
        remedy="upgrade `session-governance`; nothing was written, `governance log` shows the row",
    )
