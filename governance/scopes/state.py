"""What the rows of one scope add up to. Pure: rows in, the next state out."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from attrs import evolve, field

from governance._attrs import frozen
from governance.journal.records import Record
from governance.scopes.values import Reader, Scope
from governance.values import Json, dump_json

Name: TypeAlias = tuple[str, str]
"""Kind and key of a value."""

GRANTS_MAX = 1_000
KINDS_OF_ROWS = frozenset(
    {
        "context.set",
        "context.unset",
        "context.merged",
        "context.pruned",
        "context.reset",
        "context.migrated",
        "context.repaired",
        "context.granted",
        "context.revoked",
    }
)


@frozen
class Stored:
    """
    A value as its row has it.

    Attributes:
        value: The value, or ``None`` where it lies on the shelf.

        blob: sha256 of what lies on the shelf, compressed; ``""``: the value is all here.

        size_bytes: Length of the value as JSON.

        owner: Session whose row it is: of a branch also the one that it was branched off.
    """

    value: Json
    blob: str
    size_bytes: int
    version: int
    format: int
    seq: int
    at_ms: int
    actor: str
    owner: str
    hidden: bool = False

    @property
    def content(self) -> tuple[bytes | str, int]:
        """What tells its content from another's: equal for equal values of one format."""
        return self.blob or dump_json(self.value), self.format


@frozen
class Grant:
    """
    Leave to look into a scope, or to change it.

    Attributes:
        to: ``session:ID``, ``user:NAME`` or ``*`` for everybody.

        kind: A kind of context, or ``*``.

        keys: A glob of keys, such as ``style.*``.

        right: ``"read"``, or ``"write"``, which includes reading.
    """

    to: str
    kind: str
    keys: str
    right: str

    def covers(self, reader: Reader, kind: str, key: str, right: str) -> bool:
        """Whether it gives *reader* the *right* to that value."""
        return (
            (right == "read" or self.right == "write")
            and self.kind in ("*", kind)
            and fnmatchcase(key, self.keys)
            and (
                self.to == "*"
                or bool(reader.session and self.to == f"session:{reader.session}")
                or bool(reader.actor and self.to == f"user:{reader.actor}")
            )
        )


@frozen
class ScopeState:
    """
    One scope as its rows leave it.

    Attributes:
        head: The last row of the journal that was looked at, of whatever kind.

        values: What there is, by kind and key.

        versions: The last version that each name had, also of what was taken out.

        merges: Source scope → its row up to which it was merged.
    """

    scope: Scope
    head: int = 0
    values: Mapping[Name, Stored] = field(factory=dict)
    versions: Mapping[Name, int] = field(factory=dict)
    grants: tuple[Grant, ...] = ()
    merges: Mapping[str, int] = field(factory=dict)

    @property
    def size_bytes(self) -> int:
        """Bytes of all values, as JSON before compression."""
        return sum(one.size_bytes for one in self.values.values())

    def may(self, reader: Reader, kind: str, key: str, right: str) -> bool:
        """Whether *reader* may ``"read"`` or ``"write"`` that value, be it there or not."""
        return self.owns(reader) or any(one.covers(reader, kind, key, right) for one in self.grants)

    def owns(self, reader: Reader) -> bool:
        """Whether the scope is *reader*'s own, so that all of it may be seen and changed."""
        match self.scope.kind:
            case "project":
                return True
            case "session":
                return bool(reader.session) and reader.session == self.scope.name
            case _:
                return bool(reader.actor) and reader.actor == self.scope.name


def values_set(record: Record, body: Mapping[str, Json]) -> dict[Name, Stored]:
    """The values that *record*, which holds *body*, makes or changes."""
    actor = str(body.get("actor") or "")
    data = cast("Mapping[str, Any]", body.get("data") or {})
    return {
        (str(one["kind"]), str(one["key"])): Stored(
            one.get("value"), str(one.get("blob") or ""), int(one["size_bytes"]),
            int(one["version"]), int(one["format"]), record.seq, record.at_ms, actor,
            record.session,
        )
        for one in data.get("set") or ()
    }  # fmt: skip


def apply(
    state: ScopeState,
    record: Record,
    body: Mapping[str, Json],
    past: Mapping[Name, Stored] | None = None,
) -> ScopeState:
    """
    *state* after *record*, which holds *body*; rows of other kinds move the head alone.

    Args:
        past: For a reset, the values that there were at the row that it goes back to.
    """
    seq, kind = record.seq, record.kind
    if kind not in KINDS_OF_ROWS:
        return evolve(state, head=seq)
    data = cast("Mapping[str, Any]", body.get("data") or {})
    fresh = values_set(record, body)
    values = {**state.values, **fresh}
    versions = {**state.versions, **{name: one.version for name, one in fresh.items()}}
    for kind_, key in data.get("unset") or ():
        values.pop((kind_, key), None)
    for kind_, key in data.get("hide") or ():
        if (kind_, key) in values:
            values[kind_, key] = evolve(values[kind_, key], hidden=True)
    if kind == "context.reset" and past is not None:
        values = dict(past)
    grants, merges = state.grants, state.merges
    if kind in ("context.granted", "context.revoked"):
        grant = Grant(*(str(data[name]) for name in ("to", "kind", "keys", "right")))
        grants = tuple(one for one in grants if one != grant)
        if kind == "context.granted":
            grants = (*grants, grant)[-GRANTS_MAX:]
    if kind == "context.merged":
        merges = {**merges, str(data["source"]): int(data["source_seq"])}
    return ScopeState(
        state.scope, seq, MappingProxyType(values), MappingProxyType(versions), grants, merges
    )
