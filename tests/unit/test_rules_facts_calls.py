"""Facts of calls, results and sessions."""

from __future__ import annotations

import pytest

from governance.calls import UNKNOWN_FOLDER, ToolCall
from governance.rules.deferred import fact_of
from governance.rules.facts import (
    facts_of_call,
    one_by_one,
    plain_facts,
    result_facts,
    session_facts,
)
from governance.rules.matchers import REAL_PATHS
from governance.rules.paths import PLAIN_PLACES, Places
from governance.rules.verdicts import RuleEvent
from governance.rules.vocabulary import PYTHON_TOOLS, Unknown, call_of
from governance.values import Json

LINKED = Places(
    "/project", "/home/user", resolve=lambda path: path.replace("/project/link", "/etc")
)


def facts_of(tool: str, args: dict[str, Json], cwd: str | None = None) -> dict[str, object]:
    return facts_of_call(call_of(PYTHON_TOOLS, tool, args, cwd=cwd), PLAIN_PLACES)


@pytest.mark.parametrize(
    ("tool", "args", "wanted"),
    [
        ("read", {"path": "a"}, {"path": "/project/a", "reads": ["/project/a"]}),
        ("write", {"path": "a", "content": "x"}, {"writes": ["/project/a"], "content": "x"}),
        (
            "edit",
            {"path": "~/a", "content": "x", "removed": "y"},
            # A tool may take the sign for the home, or for a name like any other.
            {
                "reads": ["/home/user/a", "/project/~/a"],
                "writes": ["/home/user/a", "/project/~/a"],
                "removed": "y",
            },
        ),
        ("delete", {"path": "a"}, {"writes": ["/project/a"], "removes": ["/project/a"]}),
        ("grep", {"pattern": "x", "path": "src"}, {"reads": ["/project/src"], "pattern": "x"}),
        ("grep", {"pattern": "x"}, {"path": "/project", "reads": ["/project"]}),
        ("glob", {"pattern": "*.py"}, {"path": "/project", "pattern": "*.py"}),
        ("fetch", {"url": "https://a@B.test/x"}, {"domains": ["b.test"]}),
        ("search", {"query": "how"}, {"query": "how"}),
        ("delegate", {"agent": "x", "prompt": "do"}, {"agent": "x", "prompt": "do"}),
        ("mcp:git:push", {"x": 1}, {"server": "git", "mcp_tool": "push", "args.x": 1}),
        ("shell", {"command": "ls"}, {"command": "ls", "tool": "shell", "native": "shell"}),
    ],
)
def test_own_facts(tool: str, args: dict[str, Json], wanted: dict[str, object]) -> None:
    """Each canonical tool fills its own facts, and paths and hosts from them."""
    facts = facts_of(tool, args)

    assert {name: facts.get(name) for name in wanted} == wanted


@pytest.mark.parametrize(
    "tool", ["todo", "search", "delegate", "mcp:a:b", "glob", "fetch", "other"]
)
def test_what_a_tool_does_not_fill_is_missing(tool: str) -> None:
    """A tool that writes nothing has no `writes`, not an empty list."""
    facts = facts_of(tool, {"url": "https://x.org", "query": "q", "agent": "a"})

    assert "writes" not in facts
    assert "reads" not in facts


@pytest.mark.parametrize("tool", ["read", "write", "delete", "grep"])
def test_in_a_folder_that_is_not_known_only_whole_paths_are(tool: str) -> None:
    """What is relative to it is unknown, and not taken for a path of the project."""
    relative = facts_of(tool, {"path": "shadow"}, UNKNOWN_FOLDER)
    whole = facts_of(tool, {"path": "/etc/shadow"}, UNKNOWN_FOLDER)

    assert isinstance(relative["path"], Unknown)
    assert isinstance(relative["cwd"], Unknown)
    assert whole["path"] == "/etc/shadow"


def test_relative_paths_start_at_the_working_folder() -> None:
    """The call's own folder counts, and the project stands in where a host hides it."""
    assert facts_of("read", {"path": "a"}, cwd="/project/sub")["path"] == "/project/sub/a"
    assert facts_of("read", {"path": "a"})["cwd"] == "/project"


@pytest.mark.parametrize("value", [5, True, ["a", 5], {"a": 1}, "", "a\0b", []])
def test_paths_of_a_wrong_type_are_unknown(value: Json) -> None:
    """A value that can be no path is unknown wherever it goes."""
    facts = facts_of("write", {"path": value, "content": "x"})
    found = facts["path"] if not isinstance(facts["path"], list) else facts["path"][-1]

    assert isinstance(found, Unknown)
    assert isinstance(facts["writes"], list)
    assert any(isinstance(one, Unknown) for one in facts["writes"])


def test_links_are_kept_beside_the_path() -> None:
    """Where a path leads stands beside how it is spelled."""
    facts = facts_of_call(call_of(PYTHON_TOOLS, "read", {"path": "link/passwd"}), LINKED)

    assert facts["path"] == "/project/link/passwd"
    assert facts[REAL_PATHS] == {"/project/link/passwd": "/etc/passwd"}


def test_texts_are_cleaned() -> None:
    """Facts are NFC, without lone surrogates and NUL, so that patterns can read them."""
    facts = facts_of("shell", {"command": "cafe\u0301 \ud800 \0"})

    command = str(facts["command"])
    assert command.startswith("caf\u00e9 \ufffd")
    assert command.endswith(" \u2400")
    assert command.encode("utf-8")


def test_arguments_are_facts() -> None:
    """Arguments stand under their native names; a table has no value of its own."""
    facts = facts_of("mcp:a:b", {"n": 1, "deep": {"x": 1}, "many": ["a", "b"]})

    assert facts["args.n"] == 1
    assert facts["args.many"] == ["a", "b"]
    assert isinstance(facts["args.deep"], Unknown)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("write", {"path": "a"}), ("edit", {"path": "./x/../a"})),
        (("write", {"path": "a"}), ("delete", {"path": "/project/a"})),
        (("read", {"path": "link/x"}), ("read", {"path": "/etc/x"})),
        (("shell", {"command": "git  push -f"}), ("shell", {"command": " git push -f\n"})),
        (("fetch", {"url": "https://X.org/a#b"}), ("fetch", {"url": "http://x.org/a"})),
        (("search", {"query": "How  to"}), ("search", {"query": "how to"})),
        (("delegate", {"agent": "x", "prompt": "a"}), ("delegate", {"agent": "x", "prompt": "b"})),
        (("mcp:a:b", {"x": 1, "y": 2}), ("mcp:a:b", {"y": 2, "x": 1})),
        (("grep", {"pattern": "x"}), ("grep", {"pattern": "x", "path": "."})),
    ],
)
def test_same_intent(one: tuple[str, dict[str, Json]], other: tuple[str, dict[str, Json]]) -> None:
    """The same target by another spelling or tool is the same intent."""
    intents = {
        fact_of(facts_of_call(call_of(PYTHON_TOOLS, tool, args), LINKED), "intent")
        for tool, args in (one, other)
    }

    assert len(intents) == 1


def test_a_tool_of_a_server_is_the_same_in_every_host() -> None:
    """Whatever the host calls it, and whoever else calls it, it is the server's tool."""
    intents = {
        fact_of(facts_of_call(ToolCall("mcp:a:b", native=native, args={"x": 1}), LINKED), "intent")
        for native in ("mcp__a__b", "a_b", "")
    }

    assert len(intents) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("write", {"path": "a"}), ("write", {"path": "b"})),
        (("write", {"path": "a"}), ("read", {"path": "a"})),
        (("shell", {"command": "ls a"}), ("shell", {"command": "ls b"})),
        (("fetch", {"url": "https://x.org/a"}), ("fetch", {"url": "https://x.org/b"})),
        (("mcp:a:b", {"x": 1}), ("mcp:a:b", {"x": 2})),
        (("shell", {"command": "a" * 500}), ("shell", {"command": "a" * 501})),
    ],
)
def test_other_intent(one: tuple[str, dict[str, Json]], other: tuple[str, dict[str, Json]]) -> None:
    """Another target is another intent, however long."""
    intents = {fact_of(facts_of(tool, args), "intent") for tool, args in (one, other)}

    assert len(intents) == 2
    assert all(len(str(intent)) <= 160 for intent in intents)


def test_several_paths_are_one_event_each() -> None:
    """A call of several paths is looked at path by path."""
    facts = facts_of("edit", {"path": ["a", "b"], "content": "x"})
    events = one_by_one(RuleEvent("tool", facts))

    assert [one.facts["path"] for one in events] == ["/project/a", "/project/b"]
    assert [one.facts["writes"] for one in events] == [["/project/a"], ["/project/b"]]


def test_several_addresses_are_one_event_each() -> None:
    """A call of several addresses is looked at address by address."""
    facts = facts_of("fetch", {"url": ["https://a.test", "https://b.test"]})
    events = one_by_one(RuleEvent("tool", facts))

    assert facts["domains"] == ["a.test", "b.test"]
    assert [one.facts["domains"] for one in events] == [["a.test"], ["b.test"]]


def test_too_many_paths_are_unknown() -> None:
    """More paths than the bound are not decided one by one but unknown."""
    facts = facts_of("edit", {"path": [f"f{n}" for n in range(1_001)]})

    assert isinstance(facts["path"], Unknown)


def test_session_facts() -> None:
    """Plain values become facts, and what is empty is missing."""
    facts = session_facts(
        role="builder",
        depth=1,
        state="between-turn",
        host="python",
        labels=("secret",),
        turn=2,
        at_ms=1_800_000_000_000,
        time_zone="Europe/Berlin",
        usage={"tokens": 5},
        fields={"language": "de"},
        parent_roles=("lead",),
    )

    assert facts["usage.tokens"] == 5
    assert facts["fields.language"] == "de"
    assert (facts["weekday"], facts["time"]) == ("friday", "09:00:00")
    assert "model" not in facts
    assert "time" not in session_facts(at_ms=1_800_000_000_000)


@pytest.mark.parametrize(("zone", "at_ms"), [("Mars/Olympus", 0), ("Europe/Berlin", 2**62)])
def test_a_time_that_cannot_be_told_is_unknown(zone: str, at_ms: int) -> None:
    """A zone or a moment that no calendar knows makes the time unknown."""
    facts = session_facts(at_ms=at_ms, time_zone=zone)

    assert isinstance(facts["time"], Unknown)


def test_result_and_other_facts() -> None:
    """Results add what is there; tables of other events become dotted facts."""
    assert result_facts(outcome="ok", output="a\0", exit_code=0) == {
        "outcome": "ok",
        "output": "a\u2400",
        "exit_code": 0,
    }
    assert plain_facts({"model_options": {"seed": 1}, "source": None, "prompt": "x"}) == {
        "model_options.seed": 1,
        "prompt": "x",
    }


def test_a_call_without_own_facts_has_none() -> None:
    """An empty call is no error: its facts are missing."""
    facts = facts_of_call(ToolCall("write"), PLAIN_PLACES)

    assert "path" not in facts
    assert facts["tool"] == "write"
