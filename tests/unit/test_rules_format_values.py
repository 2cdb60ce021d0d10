"""The values and the table of keys of the rule language."""

from __future__ import annotations

import re

import attrs
import pytest

from governance.errors import Problem
from governance.rules import format as language
from governance.rules.keys import CODES, KEYS
from governance.rules.reading import _PLAIN, _READERS, keys_of
from governance.rules.vocabulary import default_vocabulary


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("10m", 600), ("2h", 7200), ("3d", 259_200), ("3650d", language.SECONDS_MAX)],
)
def test_a_duration_is_one_number_and_a_unit(text: str, seconds: int) -> None:
    """Each unit counts as it should, up to the bound itself."""
    assert language.parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "s", "10", "1.5h", "-1s", "0s", "1 m", "1w", "1h30m", "3651d", "٣s", "9" * 99 + "s"],
)
def test_what_is_no_duration_is_none(text: str) -> None:
    """Signs, fractions, other digits, other units and sums are refused."""
    assert language.parse_duration(text) is None


def test_each_key_stands_once_and_can_be_read() -> None:
    """No key is listed twice, and each has a type that a reader reads."""
    places = [(key.table, key.name) for key in KEYS]

    assert len(places) == len(set(places))
    assert {key.type for key in KEYS} <= {*_READERS, *_PLAIN, "value"}


def test_each_key_says_what_it_means_and_what_goes_wrong() -> None:
    """Meaning, default and codes are there, and every code has a title."""
    for key in KEYS:
        assert key.meaning
        assert key.default
        assert key.codes or key.feature, f"{key.table}.{key.name}"
        assert set(key.codes) <= set(CODES)


def test_enumerations_have_their_values() -> None:
    """A key that must be one of several values lists them."""
    for key in KEYS:
        assert bool(key.values) == (key.type in ("enum", "enums") or key.name == "redact")


def test_codes_are_of_the_family_of_rule_files() -> None:
    """GOV2xx, each with words."""
    for code, title in CODES.items():
        assert re.fullmatch(r"GOV2\d\d", code)
        assert title


@pytest.mark.parametrize("key", sorted(keys_of("rule").keys() - {"labels"}))
def test_a_key_of_a_rule_is_no_fact(key: str) -> None:
    """A key that slipped under `when` is recognised as one, whichever it is."""
    found = default_vocabulary().fact(key, on="tool", tools=None)

    assert isinstance(found, Problem)
    assert "key of the rule" in found.message


def test_what_a_pack_holds_cannot_be_changed() -> None:
    """The values are frozen: a compiled rule and its pack never part ways."""
    rule = language.Rule(id="a.b", pack="p", layer="user", position=0, action="warn")

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        rule.action = "allow"  # type: ignore[misc]
