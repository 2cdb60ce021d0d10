"""What a host can do is said in words that exist, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from governance.errors import MisuseError
from governance.machine import load_machine
from governance.session.commands import HostTraits
from governance.states import ASKED_EVENTS


def test_what_may_be_refused_is_what_the_machine_is_asked() -> None:
    """The words that `deny_at` takes are the asked events of the shipped machine."""
    events = load_machine().definition.events
    assert set(ASKED_EVENTS) == {name for name, one in events.items() if one.mode == "asked"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"inject": "requst"}, "`inject` is 'requst', expected one of transcript, request, none"),
        ({"inject": None}, "`inject` is None"),
        ({"inject_chars_max": 0}, "`inject_chars_max` is 0, expected a whole number from 1"),
        ({"inject_chars_max": True}, "`inject_chars_max` is True"),
        ({"inject_chars_max": 1.5}, "`inject_chars_max` is 1.5"),
        ({"characters_per_token": 0}, "`characters_per_token` is 0, expected a number above 0"),
        ({"characters_per_token": float("nan")}, "`characters_per_token` is nan"),
        ({"characters_per_token": float("inf")}, "`characters_per_token` is inf"),
        ({"characters_per_token": True}, "`characters_per_token` is True"),
        ({"asks": 0}, "`asks` is 0, expected true or false"),
        ({"rewrites": "no"}, "`rewrites` is 'no'"),
        ({"redirects": None}, "`redirects` is None"),
        ({"call_ids": 1}, "`call_ids` is 1"),
        ({"reports_arguments": ""}, "`reports_arguments` is ''"),
        ({"deny_at": frozenset({"tool_befor"})}, "`deny_at` names `tool_befor`"),
        ({"deny_at": frozenset({"tool_after"})}, "`deny_at` names `tool_after`"),
        ({"deny_at": {"start"}}, "`deny_at` is {'start'}, expected a frozenset of texts"),
        ({"deny_at": frozenset({1})}, "`deny_at` is frozenset({1})"),
        ({"untold": ["usage"]}, "`untold` is ['usage'], expected a frozenset of texts"),
    ],
)
def test_traits_that_no_host_has_are_refused(fields: dict[str, Any], told: str) -> None:
    """Each is an error where it is written, and not a host that is told nothing."""
    with pytest.raises(MisuseError, match="GOV403") as refused:
        HostTraits(**fields)
    assert told in str(refused.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    """With what was meant."""
    with pytest.raises(MisuseError) as refused:
        HostTraits(inject="requst", asks="no", deny_at=frozenset({"tool_befor"}))  # type: ignore[arg-type]
    text = str(refused.value)
    assert all(f"`{name}`" in text for name in ("inject", "asks", "deny_at"))
    assert "did you mean `request`?" in text
    assert "did you mean `tool_before`?" in text


def test_bounds_are_within() -> None:
    """The least that can be, and nothing at all."""
    made = HostTraits(
        inject="none", inject_chars_max=1, characters_per_token=0.1, untold=frozenset()
    )
    assert (made.inject_chars_max, made.characters_per_token) == (1, 0.1)
    assert HostTraits(deny_at=frozenset(), characters_per_token=4).deny_at == frozenset()
