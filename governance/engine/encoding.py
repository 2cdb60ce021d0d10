"""Rows and replies as JSON bytes, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, cast

import attrs

from governance.events import Event
from governance.formats import body_of, stamped
from governance.journal.records import Record, Row
from governance.session.draft import DraftRow
from governance.session.replies import Injection, Reply
from governance.values import Json, check_depth, dump_checked

_NOT_KEPT = (
    "this call was answered before, with other arguments to run in its place; those held a "
    "secret and were not kept, so make the call anew"
)

_REPLY_FIELDS = tuple(name for name in attrs.fields_dict(Reply) if name != "injection")
_REPLY_VALUES: Callable[[Reply], tuple[Any, ...]] = attrgetter(*_REPLY_FIELDS)


def encode_rows(
    rows: tuple[DraftRow, ...], reply: Mapping[str, Json] | None = None
) -> tuple[Row, ...]:
    """
    *rows* as the journal takes them; *reply* goes into the last one.

    The last row of a keyed append carries the key, so that a payload which arrives twice
    finds its first answer there.
    """
    made = []
    for at, row in enumerate(rows):
        body = row.body
        if reply is not None and at == len(rows) - 1:
            body = {**body, "reply": reply}
        # What a row holds was checked when it came in, or was made here; how deep it stands in
        # the row only shows now, and a row that cannot be read again would end its session.
        body = stamped(row.kind, body)
        check_depth(body)
        made.append(Row(row.kind, row.at_ms, dump_checked(body), row.durable))
    return tuple(made)


def reply_json(reply: Reply) -> dict[str, Json]:
    """*reply* without what is empty."""
    made: dict[str, Json] = {}
    for name, value in zip(_REPLY_FIELDS, _REPLY_VALUES(reply), strict=True):
        # A name of a state is a text of its own class, which `_plain` makes plain.
        if type(value) is str:
            if value:
                made[name] = value
        elif value not in (None, (), False):
            made[name] = _plain(value)
    if reply.injection is not None:
        made["injection"] = _plain(attrs.asdict(reply.injection))
    return made


def _plain(value: object) -> Json:
    if isinstance(value, str):
        # A name of a state is a text of its own class; what is stored is the plain text.
        return str(value)
    if isinstance(value, (dict, Mapping)):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return cast("Json", value)


def reply_of(record: Record) -> Reply | None:
    """The answer that *record* carries, marked as a duplicate, or ``None``."""
    body = body_of(record)
    data = body.get("reply")
    if not isinstance(data, Mapping):
        return None
    fields: dict[str, Any] = {name: data[name] for name in _REPLY_FIELDS if name in data}
    for name in ("rules", "reasons", "skipped"):
        fields[name] = tuple(fields.get(name) or ())
    injection = data.get("injection")
    if isinstance(injection, Mapping):
        parts: dict[str, Any] = dict(injection)
        for name in ("blocks", "dropped"):
            parts[name] = tuple(parts.get(name) or ())
        fields["injection"] = Injection(**parts)
    fields["duplicate"] = True
    if data.get("redacted") and fields.get("rewritten"):
        # What was to be run instead is not kept whole: it must not be run in pieces.
        fields |= {"action": "deny", "rewritten": None, "message": _NOT_KEPT}
    return Reply(**fields)


def files_of(body: Mapping[str, Json]) -> dict[str, bool | None]:
    """What was found of files before the event of a row was decided, by glob."""
    found: dict[str, bool | None] = {}
    told = body.get("files")
    for one in told if isinstance(told, (list, tuple)) else ():
        if isinstance(one, Mapping) and isinstance(one.get("glob"), str):
            there = one.get("there")
            found[str(one["glob"])] = there if isinstance(there, bool) else None
    return found


def event_of(record: Record, body: Mapping[str, Json]) -> Event:
    """The lifecycle event that *record* stands for."""
    call_id, actor, role = body.get("call_id"), body.get("actor"), body.get("role")
    data = body.get("data")
    return Event(
        name=record.kind,
        event_id=f"{record.session}#{record.seq}",
        session_id=record.session,
        parent_id=str(body.get("parent") or ""),
        epoch=int(cast("int", body.get("epoch") or 0)),
        seq=record.seq,
        at_ms=record.at_ms,
        host=str(body.get("host") or ""),
        state_before=str(body.get("before") or ""),
        state_after=str(body.get("after") or ""),
        role=str(role or ""),
        actor=str(actor or "") or None,
        call_id=str(call_id or "") or None,
        data=data if isinstance(data, Mapping) else {},
    )
