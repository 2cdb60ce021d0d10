"""What the adapter for Mellea reads off objects, and what it makes of model options."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import MisuseError
from governance.hosts.mellea.reading import (
    OPTION_NAMES,
    changed_options,
    context_of,
    has_lost,
    is_shared,
    json_of,
    options_of,
    prompt_of,
    with_system_prompt,
)
from governance.hosts.mellea.tools import tools_of
from governance.rules.host_tools import ToolMap
from governance.values import check_json

SYSTEM = "@@@system_prompt@@@"
OWN_NAMES = st.sampled_from(["temperature", "top_p", "max_tokens", "seed", *OPTION_NAMES])
OPTIONS = st.dictionaries(OWN_NAMES, st.integers(0, 9))


class ChatContext:
    """A context with some items."""

    def __init__(self, items: int) -> None:
        self.items = items

    def view_for_generation(self) -> list[int]:
        return list(range(self.items))


class MelleaTool:
    """A tool, as Mellea holds it."""

    def __init__(self, function: object) -> None:
        self._call_tool = function

    def method(self) -> None:
        """A method of an object."""


class ReactInitiator:
    """The beginning of a loop, as Mellea names it."""


class ReactThought:
    """A step of a loop, as Mellea names it."""


def show(component: object) -> str:
    return f"shown {type(component).__name__}"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_json_stays_json(value: Any) -> None:
    """What is JSON already is read as it is."""
    assert json_of(value) == value


def test_what_is_no_json_becomes_json() -> None:
    """Objects, sets, keys and deep nests become something that a journal takes."""
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]

    made = json_of({1: object, "s": {"a"}, "t": (1,), "deep": deep})

    check_json(made)
    assert isinstance(made, Mapping)
    assert made["s"] == ["a"]


@given(OPTIONS)
def test_unchanged_options_are_the_very_same(options: dict[str, int]) -> None:
    """What no rule changes keeps its name and its object, even where it has two names."""
    assert changed_options(options, options_of(options)) == options


@given(OPTIONS, st.integers(10, 19))
def test_a_changed_option_is_the_one_that_counts(options: dict[str, int], value: int) -> None:
    """What a rule sets is what is read afterwards, under whatever name it stood."""
    wanted = {**options_of(options), "max_tokens": value}

    changed = changed_options(options, wanted)

    assert options_of(changed) == wanted
    assert changed["@@@max_new_tokens@@@"] == value


@given(OPTIONS)
def test_a_removed_option_is_gone_under_all_its_names(options: dict[str, int]) -> None:
    """What a rule takes away, no other name of it brings back."""
    wanted = {name: value for name, value in options_of(options).items() if name != "seed"}

    assert "seed" not in options_of(changed_options(options, wanted))


@pytest.mark.parametrize(
    ("options", "default", "made"),
    [
        ({}, "", "told"),
        ({}, "mine", "told\n\nmine"),
        ({SYSTEM: "own"}, "mine", "told\n\nown"),
        ({"system": "own"}, "mine", "told\n\nown"),
    ],
)
def test_the_system_prompt_keeps_what_was_there(
    options: dict[str, object], default: str, made: str
) -> None:
    """Ours goes in front of the request's own, or else of the backend's."""
    assert with_system_prompt(options, SYSTEM, ("told",), default) == {SYSTEM: made}


def test_a_context_is_told_by_its_kind_and_size() -> None:
    """Of a context no text is told; what does not tell is empty."""
    assert context_of(ChatContext(3)) == {"type": "ChatContext", "items": 3}
    assert context_of(SimpleNamespace()) == {"type": "SimpleNamespace", "items": 0}
    assert context_of(None) is None


@pytest.mark.parametrize(
    ("before", "after", "lost"), [(0, 0, False), (0, 2, False), (2, 4, False), (2, 2, True)]
)
def test_a_context_that_does_not_grow_has_lost(before: int, after: int, lost: bool) -> None:
    """A context that shows nothing has nothing to lose; any other grows with every turn."""
    assert has_lost(ChatContext(before), ChatContext(after)) is lost


def test_who_speaks() -> None:
    """A step of a loop is the agent's, but the first one is the user's goal."""
    assert prompt_of(SimpleNamespace(), [], show) == ("shown SimpleNamespace", "user")
    assert prompt_of(ReactThought(), [ReactInitiator()], show) == ("shown ReactInitiator", "user")
    assert prompt_of(ReactThought(), [ReactThought()], show) == ("shown ReactThought", "agent")


def test_a_component_without_a_template_has_its_own_text() -> None:
    """What the framework cannot show is judged as Python shows it."""

    def fails(_component: object) -> str:
        raise LookupError

    assert prompt_of("say it", None, fails) == ("say it", "user")


@pytest.mark.parametrize(
    ("function", "shared"),
    [
        (show, True),
        (len, True),
        (MelleaTool(None).method, False),
        ([].append, False),
        (functools.partial(show), False),
        (operator.itemgetter(1), False),
    ],
)
def test_only_plain_functions_are_shared(function: object, shared: bool) -> None:
    """A copy of a tool runs the program's own object only if the tool is a plain function."""
    assert is_shared(MelleaTool(function)) is shared


def test_a_tool_of_another_class_is_not_shared() -> None:
    """Of a tool that is not Mellea's own nobody knows what a copy of it runs."""
    assert not is_shared(SimpleNamespace(_call_tool=show))


def test_tools_are_named_by_what_they_are() -> None:
    """A name stands for a tool with the arguments of its own, a map for any other."""
    table = tools_of({"run": "shell", "look": ToolMap("read", {"path": "file"})})

    assert table.tools["run"].fields == {"command": "command"}
    assert table.tools["look"].fields == {"path": "file"}


def test_a_tool_that_is_none_is_refused() -> None:
    """A misspelled tool is no tool, and what was meant is named."""
    with pytest.raises(MisuseError, match="did you mean `shell`"):
        tools_of({"run": "shel"})
