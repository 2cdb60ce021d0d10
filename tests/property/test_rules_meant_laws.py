"""What a foreign tool's call comes to: whatever its arguments are, something is told, and soon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.calls import ToolCall
from governance.rules.facts import facts_of_call, one_by_one
from governance.rules.meant import COMMANDS_MAX, calls_meant
from governance.rules.meant_arguments import TEXTS_MAX
from governance.rules.paths import PLAIN_PLACES
from governance.rules.verdicts import RuleEvent
from governance.testing import strategies
from governance.values import Json

NAMES = st.sampled_from(["fs:write", "fs:move_file", "x:y", "sh:run", "db:query", "fs:delete"])
KEYS = st.sampled_from(
    ["path", "file", "source", "destination", "command", "args", "url", "content", "patch", "op",
     "name", "dir", "glob", "cwd", "sql", "code", "x"]
)  # fmt: skip
TEXTS = st.sampled_from(
    ["a", "./a", "/etc/x", ".env", "file:///a%20b", "https://a.test/", "rm x", "", "\0", "\ud800",
     "*** Update File: a\n", "a:b", "~", "../..", "C:\\x"]
) | st.text(max_size=20)  # fmt: skip
ARGUMENTS = st.recursive(
    TEXTS | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(NAMES, st.dictionaries(KEYS, ARGUMENTS | strategies.json_values(leaves_max=5), max_size=5))
def test_any_arguments_come_to_calls_of_tools_that_are_known(
    name: str, arguments: dict[str, Json]
) -> None:
    """Nothing crashes, each call is of a known tool, and the same call comes to the same."""
    call = ToolCall(f"mcp:{name}", name, args=arguments)

    meant = calls_meant(call)
    facts = facts_of_call(call, PLAIN_PLACES)

    assert {one.tool for one in meant} <= {"read", "write", "delete", "grep", "fetch", "shell"}
    assert meant == calls_meant(call)
    assert all(one.native == name for one in meant)
    events = one_by_one(RuleEvent("tool", facts, call))
    assert events[0].facts["tool"] == call.tool
    assert all(one.beside for one in events[1:])
    assert len(events) >= 1 + len(meant)


@pytest.mark.parametrize(
    "text",
    ["/" * 200_000 + ":", "a." * 100_000 + " ", "./" * 100_000, "+++ " * 50_000, "x" * 10**6],
)
@pytest.mark.parametrize("key", ["x", "path", "source", "patch", "command", "content", "url"])
def test_long_texts_are_read_once(key: str, text: str) -> None:
    """No text makes the reading go back and forth: what is quadratic would not end here."""
    assert len(calls_meant(ToolCall("mcp:fs:move", args={key: text}))) <= 4


def test_what_is_too_much_is_unknown() -> None:
    """More texts or command lines than are looked at: the call may read and write anything."""
    many: list[Json] = [f"a{n}" for n in range(TEXTS_MAX + 1)]
    lines: list[Json] = ["ls"] * (COMMANDS_MAX + 1)

    for arguments in ({"x": many}, {"commands": lines}):
        meant = calls_meant(ToolCall("mcp:fs:x", args=arguments))
        assert [one.tool for one in meant] == ["read", "write"]
