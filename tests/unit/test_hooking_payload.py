"""Payloads are bounded and strict where a decision hangs on them, mended elsewhere."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.hooking.payload import (
    PAYLOAD_BYTES_MAX,
    Payload,
    PayloadRefused,
    is_id,
    read_payload,
)
from governance.values import DEPTH_MAX, ROW_LEVELS_MAX, check_depth, check_json

BAD = {
    "a lone surrogate": b'{"hook_event_name":"X","a":"\\ud800"}',
    "a lone surrogate in a key": b'{"hook_event_name":"X","\\ud800":1}',
    "NaN": b'{"hook_event_name":"X","a":NaN}',
    "infinity": b'{"hook_event_name":"X","a":1e999}',
    "2**64": b'{"hook_event_name":"X","a":18446744073709551616}',
    "a key twice": b'{"hook_event_name":"X","a":1,"a":2}',
    "deep nesting": b'{"hook_event_name":"X","a":' + b"[" * 100 + b"]" * 100 + b"}",
    "no UTF-8": b'{"hook_event_name":"X","a":"\xff"}',
}
HOPELESS = {
    "nothing": b"",
    "no JSON": b"{",
    "an array": b"[]",
    "a number": b"1",
    "no event": b"{}",
    "an event that is no text": b'{"hook_event_name":1}',
    "another event": b'{"hook_event_name":"Y"}',
    "very deep nesting": b'{"hook_event_name":"X","a":' + b"[" * 200_000,
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_strict_reading_refuses(name: str) -> None:
    """What no journal can hold as it is decides nothing."""
    with pytest.raises(PayloadRefused):
        read_payload(BAD[name], "X")


@pytest.mark.parametrize("name", sorted(BAD))
def test_lenient_reading_mends(name: str) -> None:
    """What has happened is recorded even if its text has to be mended for it."""
    payload = read_payload(BAD[name], "X", lenient=True)
    assert payload.mended
    check_json(payload.values)


@pytest.mark.parametrize("name", sorted(HOPELESS))
@pytest.mark.parametrize("lenient", [True, False])
def test_hopeless_payloads_are_refused(name: str, lenient: bool) -> None:
    """What names no event is refused by everybody."""
    with pytest.raises(PayloadRefused):
        read_payload(HOPELESS[name], "X", lenient=lenient)


def test_size_is_bounded() -> None:
    """One byte too many is refused before anything is parsed."""
    with pytest.raises(PayloadRefused, match="16 MB"):
        read_payload(b" " * (PAYLOAD_BYTES_MAX + 1), "X", lenient=True)


@given(st.dictionaries(st.text(max_size=5), st.text() | st.integers(-5, 5), max_size=5))
def test_good_payloads_come_through_unchanged(values: dict[str, object]) -> None:
    """A payload that can be stored is what was sent, byte for byte in meaning."""
    values["hook_event_name"] = "X"
    payload = read_payload(json.dumps(values).encode(), "", lenient=True)
    assert dict(payload.values) == values
    assert not payload.mended


@pytest.mark.parametrize("levels", range(DEPTH_MAX - 6, DEPTH_MAX + 3))
def test_what_is_read_has_room_in_a_row(levels: int) -> None:
    """Strictly or mended: what a payload holds can be read again from the row around it."""
    data = b'{"hook_event_name":"X","a":' + b"[" * levels + b"1" + b"]" * levels + b"}"
    row = {}
    for _ in range(ROW_LEVELS_MAX):
        row = {"x": row or read_payload(data, "X", lenient=True).values}
    check_depth(row)
    try:
        strict = read_payload(data, "X").values
    except PayloadRefused:
        return
    assert strict == read_payload(data, "X", lenient=True).values


@pytest.mark.parametrize("value", [7, 0, True, False, 1.5, [], ["x"], {}, {"a": "x"}])
def test_what_is_no_text_is_not_absent(value: object) -> None:
    """An id, a folder or a prompt of another kind decides nothing."""
    payload = Payload("X", {"a": value})  # type: ignore[dict-item]
    for read in (payload.only_text, payload.identity, payload.call_id):
        with pytest.raises(PayloadRefused):
            read("a")


def test_what_is_null_is_absent() -> None:
    """As if it were not there."""
    for values in ({}, {"a": None}, {"a": ""}):
        payload = Payload("X", values)
        assert (payload.only_text("a"), payload.identity("a"), payload.call_id("a")) == ("",) * 3


@given(st.text(max_size=200))
def test_every_call_can_be_named(text: str) -> None:
    """Whatever its service calls it, the id is one, is its own where it can be, and stays."""
    found = Payload("X", {"a": text}).call_id("a")
    assert is_id(found)
    assert bool(found) == bool(text)
    assert found == (text if is_id(text) else Payload("X", {"a": text}).call_id("a"))
