"""Values as JSON bytes: what cannot be written is refused by a name of what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from governance.values import (
    DEPTH_MAX,
    ValueRefused,
    check_depth,
    check_json,
    dump_checked,
    dump_json,
    load_json,
    whole_text,
)


def nested(depth: int) -> Any:
    made: Any = []
    for _ in range(depth):
        made = [made]
    return made


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a\ud800", "lone surrogate"),
        (float("nan"), "no JSON"),
        ({"a": float("inf")}, "no JSON"),
        ({"a": {1, 2}}, "`set` is no JSON value"),
        (object(), "`object` is no JSON value"),
        (nested(200_000), f"deeper than {DEPTH_MAX} levels"),
    ],
    ids=["surrogate", "nan", "inf", "set", "object", "deep"],
)
def test_what_cannot_be_written_is_refused(value: Any, said: str) -> None:
    """Also where nobody has looked at the value before."""
    with pytest.raises(ValueRefused, match=said):
        dump_checked(value)
    with pytest.raises(ValueRefused):
        dump_json(value)


def test_mappings_of_any_kind_are_objects() -> None:
    """Keys stand in order, so the same value gives the same bytes."""
    from types import MappingProxyType

    assert dump_checked(MappingProxyType({"b": 1, "a": MappingProxyType({})})) == b'{"a":{},"b":1}'


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("plain", "plain"),
        ("é \U0001f600\x00", "é \U0001f600\x00"),
        ("a\ud800", "a\ufffd"),
        ("\ud800\ud800b\udc00", "\ufffd\ufffdb\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
    ],
)
def test_a_text_is_made_whole(text: str, whole: str) -> None:
    """Each lone surrogate is one U+FFFD; two halves of one sign are that sign."""
    assert whole_text(text) == whole
    check_json(whole_text(text))
    assert whole_text(whole) is whole


def test_a_lone_surrogate_is_refused_with_its_place() -> None:
    """Whoever has to take it out finds it, also in a key."""
    for value in ("ab\udfff", {"k": ["ab\udfff"]}, {"ab\udfff": 1}):
        with pytest.raises(ValueRefused) as refused:
            check_json(value)
        assert "a lone surrogate at character 3" in str(refused.value)
        assert "U+FFFD" in refused.value.remedy


@pytest.mark.parametrize("around", [0, 1, 3])
def test_depth_counts_what_stands_around(around: int) -> None:
    """A value that fits by itself is refused where too much is put around it."""
    text = "[" * (DEPTH_MAX - around) + "]" * (DEPTH_MAX - around)
    assert load_json(text, depth=around) == json.loads(text)
    with pytest.raises(ValueRefused, match="nested deeper"):
        load_json(f"[[{text}]]", depth=around)


def test_only_depth_is_looked_at() -> None:
    """What was checked part by part is followed through tables and lists, to the same depth."""
    check_depth(nested(DEPTH_MAX))
    for value in (nested(DEPTH_MAX + 2), {"a": ({"b": nested(DEPTH_MAX)},)}):
        with pytest.raises(ValueRefused, match="nested deeper"):
            check_depth(value)
