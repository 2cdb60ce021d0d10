"""Payloads are bounded and strict where a decision hangs on them, mended elsewhere."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.hooking.payload import PAYLOAD_BYTES_MAX, PayloadRefused, read_payload
from governance.values import check_json

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
