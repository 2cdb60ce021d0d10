"""
Lifecycle events: what a listener is shown, and the catalogue of all there are.

>>> CATALOGUE["tool.asked"].when
'before'
>>> sorted(CATALOGUE["session.creating"].writable)
['model_id', 'model_options']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from attrs import field

from governance._attrs import frozen
from governance._catalogue import CATALOGUE, TYPES, EventSpec, FieldSpec, When
from governance.errors import Problem, did_you_mean
from governance.values import INTEGER_MAX, Json

__all__ = [
    "ATTRIBUTES",
    "CATALOGUE",
    "CODES",
    "ENVELOPE",
    "TYPES",
    "Event",
    "EventSpec",
    "FieldSpec",
    "When",
    "check_data",
    "event_json",
    "event_table",
    "freeze",
]

CODES: Mapping[str, str] = {
    "GOV430": "an event that is not in the catalogue",
    "GOV431": "a field that the event does not have",
    "GOV432": "a field that the event must have",
    "GOV433": "a field of another type, or outside its enumeration or bounds",
}

ENVELOPE: Mapping[str, str] = {
    "event": "Name of the event.",
    "when": "`before` or `after`.",
    "event_id": "Id of the event, unique in the store; the same for every listener.",
    "session_id": "Id of the session.",
    "parent_id": "Id of the parent session, or empty for a root.",
    "epoch": "Number of the epoch, from 1, each reset the next; 0 before there is a session.",
    "seq": "Row of the journal; of a before event, the row that stands before it.",
    "at_ms": "When, in milliseconds since 1970 UTC; order goes by `seq`.",
    "host": "The agent harness that told it; `person` where a person decided it by a command.",
    "state_before": "State of the session before the event.",
    "state_after": "State after it; of a before event, the same as before.",
    "role": "Role of the agent, or empty.",
    "actor": "Who acted, where the host tells; else null.",
    "call_id": "The host's id of the tool call, where there is one; else null.",
    "data": "The event's own fields.",
}
"""What every event carries, in the words of its JSON form."""

ATTRIBUTES: Mapping[str, str] = {key: "name" if key == "event" else key for key in ENVELOPE}
"""Field of the JSON form → attribute of `Event`: a listener in Python has the same."""


def freeze(value: Json) -> Json:
    """*value* with every object read-only and every list a tuple, all the way down."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: freeze(one) for key, one in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(freeze(one) for one in value)
    return value


def _freeze_data(data: Mapping[str, Json]) -> Mapping[str, Json]:
    return MappingProxyType({key: freeze(one) for key, one in data.items()})


def _thaw(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _thaw(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_thaw(one) for one in value]
    return value


@frozen(kw_only=True)
class Event:
    """
    One lifecycle event of one session; nothing in it can be changed.

    Attributes:
        name: A name of `CATALOGUE`.

        event_id: Unique in the store, and the same for every listener.

        epoch: Number of the epoch, from 1; 0 before there is a session.

        seq: Row of the journal. A before event has no row yet: the one that stands last.

        at_ms: When, in milliseconds since 1970 UTC.

        state_before, state_after: States by their names; equal in a before event.

        actor: Who acted, or ``None`` where the host does not tell.

        call_id: The host's id of the tool call, or ``None``.

        data: Own fields, as the catalogue names them; frozen all the way down.
    """

    name: str
    session_id: str
    data: Mapping[str, Json] = field(factory=dict, converter=_freeze_data)
    event_id: str = ""
    parent_id: str = ""
    epoch: int = 1
    seq: int = 0
    at_ms: int = 0
    host: str = ""
    state_before: str = ""
    state_after: str = ""
    role: str = ""
    actor: str | None = None
    call_id: str | None = None

    @property
    def before(self) -> bool:
        """Whether this has not happened yet, so that it can still be refused."""
        spec = CATALOGUE.get(self.name)
        return spec is not None and spec.when == "before"

    @property
    def when(self) -> When:
        """``"before"`` or ``"after"``, as the JSON form says it."""
        return "before" if self.before else "after"


def event_json(event: Event) -> dict[str, Json]:
    """*event* as plain JSON: what a command listener reads and what logs hold."""
    return {
        "event": event.name,
        "when": event.when,
        "event_id": event.event_id,
        "session_id": event.session_id,
        "parent_id": event.parent_id,
        "epoch": event.epoch,
        "seq": event.seq,
        "at_ms": event.at_ms,
        "host": event.host,
        "state_before": event.state_before,
        "state_after": event.state_after,
        "role": event.role,
        "actor": event.actor,
        "call_id": event.call_id,
        "data": _thaw(event.data),
    }


def check_data(name: str, data: Mapping[str, Json]) -> tuple[Problem, ...]:
    """
    Everything that is wrong with *data* as the own fields of the event *name*.

    >>> [one.message for one in check_data("turn.started", {"turn": "1"})]
    ['`prompt_source` is missing', '`turn` must be int, not str']
    """
    spec = CATALOGUE.get(name)
    if spec is None:
        hint = did_you_mean(name, CATALOGUE)
        return (Problem("GOV430", f"there is no event `{name}`", (), hint),)
    problems = [
        Problem("GOV432", f"`{one.name}` is missing", (one.name,))
        for one in spec.fields.values()
        if not one.optional and data.get(one.name) is None and _needed(one, data)
    ]
    for key, value in data.items():
        known = spec.fields.get(key)
        if known is None:
            hint = did_you_mean(key, spec.fields)
            problems.append(Problem("GOV431", f"`{name}` has no field `{key}`", (key,), hint))
        elif value is not None:
            problems.extend(check_field(known, value))
    return tuple(problems)


def _needed(spec: FieldSpec, data: Mapping[str, Json]) -> bool:
    # A field of any JSON value may well be null, as long as it is there.
    return spec.type != "json" or spec.name not in data


def check_field(spec: FieldSpec, value: Json) -> Iterable[Problem]:
    """What is wrong with *value* as the field *spec*: its type, its enumeration, its bounds."""
    if not _IS[spec.type](value):
        found = type(value).__name__
        message = f"`{spec.name}` must be {spec.type}, not {found}"
        return (Problem("GOV433", message, (spec.name,)),)
    if spec.values is not None and value not in spec.values:
        message = f"`{spec.name}` is `{value}`, expected one of {', '.join(spec.values)}"
        hint = did_you_mean(str(value), spec.values)
        return (Problem("GOV433", message, (spec.name,), hint),)
    if isinstance(value, (int, float)) and not _within(spec, value):
        shown = f"{value}" if abs(value) <= INTEGER_MAX else "a number beyond 64 bits"
        message = f"`{spec.name}` is {shown}, expected {_bounds(spec)}"
        return (Problem("GOV433", message, (spec.name,)),)
    return ()


def _within(spec: FieldSpec, value: float) -> bool:
    if spec.least is not None and not value >= spec.least:
        return False
    return spec.most is None or value <= spec.most


def _bounds(spec: FieldSpec) -> str:
    return f"{spec.least} or more" if spec.most is None else f"{spec.least} to {spec.most}"


def _is_int(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_any(_: Json) -> bool:
    return True


def _is_list_of(kind: type) -> Callable[[Json], bool]:
    def test(value: Json) -> bool:
        return isinstance(value, (list, tuple)) and all(isinstance(one, kind) for one in value)

    return test


_IS: Mapping[str, Callable[[Json], bool]] = {
    "str": lambda value: isinstance(value, str),
    "int": _is_int,
    "number": lambda value: _is_int(value) or isinstance(value, float),
    "bool": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, Mapping),
    "list[str]": _is_list_of(str),
    "list[object]": _is_list_of(Mapping),
    "json": _is_any,
}


def event_table() -> str:
    """The catalogue as a Markdown table, for the docs."""
    lines = ["| event | when | field | type | what it says |", "| --- | --- | --- | --- | --- |"]
    for spec in CATALOGUE.values():
        lines.append(f"| `{spec.name}` | {spec.when} | | | {spec.doc} |")
        for one in spec.fields.values():
            kind = one.type + (", may be written" if one.writable else "")
            kind += ", may be absent" if one.optional else ""
            kind += f", {_bounds(one)}" if one.least is not None else ""
            doc = one.doc
            if one.values is not None:
                doc += " One of " + ", ".join(f"`{value}`" for value in one.values) + "."
            lines.append(f"| | | `{one.name}` | {kind} | {doc} |")
    return "\n".join(lines) + "\n"
