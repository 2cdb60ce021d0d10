"""Payloads of hooks: bounded, strict where a decision hangs on them."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from hashlib import sha256

from governance._attrs import frozen
from governance.errors import GovernanceError
from governance.values import (
    DEPTH_MAX,
    INTEGER_MAX,
    ROW_LEVELS_MAX,
    Json,
    ValueRefused,
    load_json,
    mend_text,
)

PAYLOAD_BYTES_MAX = 16 * 1024 * 1024
ID_CHARS_MAX = 128
_ID_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


class PayloadRefused(GovernanceError):
    """A payload that nothing can be decided from: too big, no JSON, or without its ids."""

    code = "GOV701"


class OtherEvent(PayloadRefused):
    """
    A hook that was set up for one event was called for another.

    Attributes:
        named: The event that the payload is of, which is what the client waits for.
    """

    def __init__(self, named: str, event: str) -> None:
        super().__init__(
            f"the payload is of `{named[:40]}`, the hook of `{event}`",
            remedy="run `governance init --host` again, which sets the hooks up",
        )
        self.named = named


class Unbound(PayloadRefused):
    """A payload that names no session; the project says what such a call gets."""


@frozen
class Payload:
    """
    One hook payload.

    Attributes:
        event: The host's own name of the event.

        values: Every field as it was sent; in a mended payload, what JSON stores hold.

        mended: Something in it could not be taken as it was; only observers get these.
    """

    event: str
    values: Mapping[str, Json]
    mended: bool = False

    def text(self, name: str) -> str:
        """The text *name*, or ``""`` when it is absent or no text."""
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def only_text(self, name: str) -> str:
        """
        The text *name* of which a decision makes use, or ``""`` when it is absent.

        Raises:
            PayloadRefused: It is something else, which must not pass for absent.
        """
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise PayloadRefused(f"`{name}` is no text")
        return value or ""

    def table(self, name: str) -> Mapping[str, Json]:
        """The object *name*, or an empty one."""
        value = self.values.get(name)
        return value if isinstance(value, Mapping) else {}

    def beyond(self, known: Container[str]) -> dict[str, Json]:
        """The fields that are not *known*: kept, though nothing here reads them."""
        return {name: value for name, value in self.values.items() if name not in known}

    def identity(self, name: str) -> str:
        """
        The id *name*: letters, digits, ``-``, ``_`` and ``.``, ``""`` when absent.

        Raises:
            PayloadRefused: No text, an id with other signs, or that begins with a dot. A ``/``
                would let one session pass for the child of another, an ``@`` for the project.
        """
        value = self.only_text(name)
        if not is_id(value):
            raise PayloadRefused(f"`{name}` is no id: `{value[:40]}`")
        return value

    def call_id(self, name: str) -> str:
        """
        The id of a call *name*, as `call_id_of` has it, ``""`` when absent.

        Raises:
            PayloadRefused: It is no text.
        """
        return call_id_of(self.only_text(name))


def is_id(text: str) -> bool:
    """Whether *text* may name a session or a call here; ``""``, which names none, may."""
    return len(text) <= ID_CHARS_MAX and _ID_SIGNS.issuperset(text) and not text.startswith(".")


def call_id_of(given: Json) -> str:
    """
    The id of a call as a journal takes it; one with other signs by its digest.

    Clients take ids from the model's service, and some of these put colons into them.

    >>> call_id_of("call_1")
    'call_1'
    >>> call_id_of("functions.Bash:0")
    'call-a97d15071f75fb2043da80d3'
    """
    text = given if isinstance(given, str) else ""
    if is_id(text):
        return text
    return "call-" + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def read_payload(data: bytes, event: str, *, lenient: bool = False) -> Payload:
    """
    The payload in *data* of the hook *event* (``""``: whichever the payload names).

    Args:
        lenient: Mend what cannot be stored (lone surrogates, NaN, huge integers, deep
            nesting, repeated keys) instead of refusing it. For observers: what has
            happened has happened, and a strange output must not hide it.

    Raises:
        PayloadRefused: Too many bytes, no JSON object, or another event than *event*
            (`OtherEvent`).
    """
    if len(data) > PAYLOAD_BYTES_MAX:
        most = PAYLOAD_BYTES_MAX // (1024 * 1024)
        raise PayloadRefused(f"the payload is larger than {most} MB")
    mended = False
    try:
        value = load_json(data, depth=ROW_LEVELS_MAX)
    except ValueRefused as error:
        if not lenient:
            raise PayloadRefused(f"the payload cannot be taken: {error.message}") from None
        value, mended = _mended(data), True
    if not isinstance(value, Mapping):
        raise PayloadRefused("the payload is no JSON object")
    named = value.get("hook_event_name")
    if not isinstance(named, str) or (event and named != event):
        raise OtherEvent(str(named), event)
    return Payload(named, value, mended)


def _mended(data: bytes) -> Json:
    try:
        return _storable(json.loads(data.decode("utf-8", "replace")), ROW_LEVELS_MAX)
    except (ValueError, RecursionError) as error:
        raise PayloadRefused(f"the payload cannot be taken: {error}") from None


def _storable(value: object, depth: int) -> Json:
    if depth >= DEPTH_MAX:
        return "(nested too deep)"
    if isinstance(value, str):
        return mend_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -INTEGER_MAX - 1 <= value <= INTEGER_MAX else str(value)
    if isinstance(value, float):
        finite = value == value and value not in (float("inf"), float("-inf"))
        return value if finite else None
    if isinstance(value, dict):
        return {mend_text(key): _storable(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return [_storable(one, depth + 1) for one in value]
    # INVARIANT: `json.loads` makes no other types.
    raise AssertionError(type(value).__name__)
