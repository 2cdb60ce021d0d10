"""What rules may name, and what they are told when they name something else."""

from __future__ import annotations

import pytest

from governance.errors import Problem
from governance.rules.fact_table import FACTS, OPERATORS, TOOLS
from governance.rules.vocabulary import (
    PYTHON_TOOLS,
    FactSpec,
    HostTools,
    ToolMap,
    call_of,
    default_vocabulary,
)

HOST = HostTools(
    "claude",
    {
        "Bash": ToolMap("shell", {"command": "command"}, {"command": "str", "timeout": "float"}),
        "MultiEdit": ToolMap("edit", {"path": "file_path", "content": "edits[].new_string"}),
        "Skill": ToolMap("other"),
    },
    mcp_prefix="mcp__",
    servers=("a__b", "a"),
)
VOCABULARY = default_vocabulary(HOST)


@pytest.mark.parametrize(
    ("fact", "on", "tools", "code", "says"),
    [
        ("comand", "tool", None, "GOV220", "`command`"),
        ("action", "tool", None, "GOV220", "key of the rule"),
        ("subcommand", "tool", None, "GOV220", "when.shell = { subcommand = … }"),
        ("shell", "tool", ("read",), "GOV221", "`shell`"),
        ("prompt_source", "tool", None, "GOV221", "`prompt`"),
        ("command", "tool", ("read",), "GOV221", "`shell`"),
        ("writes", "tool", ("edit", "todo"), "GOV221", "`shell`"),
        ("url", "tool", ("mcp:a:b",), "GOV221", "`fetch`"),
        ("output", "tool", None, "GOV221", "tool-result"),
        ("args.timeoutt", "tool", ("shell",), "GOV221", "`timeout`"),
        ("args.x", "tool", ("read",), "GOV221", "canonical"),
        ("fields.langage", "prompt", None, "GOV220", ""),
        ("usage.token", "tool", None, "GOV220", "`usage.tokens`"),
        ("model_options.temprature", "session", None, "GOV220", "`model_options.temperature`"),
    ],
)
def test_facts_that_are_not(
    fact: str, on: str, tools: tuple[str, ...] | None, code: str, says: str
) -> None:
    """A fact that an event or a tool does not have is an error that says what there is."""
    found = VOCABULARY.fact(fact, on=on, tools=tools, path=("when", fact))

    assert isinstance(found, Problem)
    assert found.code == code
    assert found.path == ("when", fact)
    assert says in found.message + found.suggestion


@pytest.mark.parametrize(
    ("fact", "on", "tools", "type"),
    [
        ("command", "tool", ("shell",), "str"),
        ("command", "command", None, "str"),
        ("path", "tool", ("read", "edit"), "str"),
        ("server", "tool", ("mcp:a:b",), "str"),
        ("command", "tool", ("native:claude:Bash",), "str"),
        ("args.timeout", "tool", ("shell",), "float"),
        ("usage.cost_usd", "prompt", None, "float"),
        ("role", "transition", None, "str"),
    ],
)
def test_facts_that_are(fact: str, on: str, tools: tuple[str, ...] | None, type: str) -> None:
    """A fact is found for every event and tool that has it."""
    found = VOCABULARY.fact(fact, on=on, tools=tools)

    assert isinstance(found, FactSpec)
    assert found.type == type


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("shel", "GOV213", "`shell`"),
        ("Bash", "GOV213", "of claude is `shell`"),
        ("@write", "GOV213", "`@writes`"),
        ("mcp", "GOV213", "mcp:server:tool"),
        ("mcp:x", "GOV213", "mcp:server:tool"),
        ("re*", "GOV213", "@writes"),
        ("native:claude", "GOV213", "native:host:name"),
        ("native:claud:Bash", "GOV213", "`claude`"),
        ("native:claude:Bsh", "GOV213", "`Bash`"),
        ("@loop", "GOV206", "contains itself"),
        (7, "GOV224", "string"),
    ],
)
def test_tools_that_are_not(name: object, code: str, says: str) -> None:
    """A tool or set that nothing has is an error with a hint."""
    vocabulary = VOCABULARY.with_names(toolsets={"loop": ("read", "@loop")})
    problems: list[Problem] = []

    vocabulary.expand_tools([name], ("tools",), problems.append)

    (problem,) = problems
    assert problem.code == code
    assert says in problem.message + problem.suggestion


def test_no_tools_is_no_list() -> None:
    """An empty list of tools is an error, for it would never fire."""
    problems: list[Problem] = []

    assert VOCABULARY.expand_tools([], ("tools",), problems.append) == ()
    assert [one.code for one in problems] == ["GOV213"]


def test_sets_are_expanded_once_each() -> None:
    """Sets within sets give each member once, in order."""
    vocabulary = VOCABULARY.with_names(toolsets={"mine": ("@writes", "shell", "write")})

    found = vocabulary.expand_tools(["@mine", "read", "shell"], (), lambda problem: None)

    assert found == ("write", "edit", "delete", "shell", "read")


def test_a_glob_stands_for_the_recorded_tools_that_it_hits() -> None:
    """Of MCP tools those of that name, of a host's own the one; of others none."""
    args = {"mcp:git:push": {"to": "str"}, "mcp:git:pull": {}, "mcp:gh:push": {}}
    vocabulary = VOCABULARY.with_names(args=args)

    assert vocabulary.recorded("mcp:git:pu*") == ("mcp:git:push", "mcp:git:pull")
    assert vocabulary.recorded("mcp:*:push") == ("mcp:git:push", "mcp:gh:push")
    assert vocabulary.recorded("mcp:svn:*") == ()
    assert vocabulary.recorded("read") == ()


def test_declared_names_become_enumerations() -> None:
    """Roles, labels and hosts that are declared are the only ones."""
    vocabulary = VOCABULARY.with_names(roles=["builder"], labels=["secret"], fields={"n": 1})

    assert vocabulary.facts["role"].values == ("builder",)
    assert vocabulary.facts["labels"].values == ("secret",)
    assert vocabulary.facts["host"].values == ("claude", "python")
    assert vocabulary.facts["fields.n"].type == "int"
    assert VOCABULARY.facts["role"].values is None


def test_every_fact_can_be_asked_something() -> None:
    """Each fact has a sentence, an event, operators, and tools that exist."""
    for spec in FACTS:
        assert spec.doc.endswith("."), spec.name
        assert spec.events
        assert set(spec.tools or ()) <= set(TOOLS)
        assert spec.name == "shell" or spec.element in OPERATORS
        assert spec.name == "shell" or spec.operators


@pytest.mark.parametrize(
    ("native", "args", "tool", "own"),
    [
        ("Bash", {"command": "ls"}, "shell", {"command": "ls"}),
        ("Bash", {}, "shell", {}),
        (
            "MultiEdit",
            {"file_path": "a", "edits": [{"new_string": "x"}, {"new_string": "y"}]},
            "edit",
            {"path": "a", "content": "x\ny"},
        ),
        ("Skill", {}, "other", {}),
        ("Nothing", {"a": 1}, "other", {}),
        ("mcp__a__b__c", {}, "mcp:a__b:c", {"server": "a__b", "mcp_tool": "c"}),
        ("mcp__a__c", {}, "mcp:a:c", {"server": "a", "mcp_tool": "c"}),
        ("mcp__new__c__d", {}, "mcp:new:c__d", {"server": "new", "mcp_tool": "c__d"}),
    ],
)
def test_native_calls(
    native: str, args: dict[str, object], tool: str, own: dict[str, object]
) -> None:
    """A native call becomes its canonical tool with its own facts."""
    call = call_of(HOST, native, args, cwd="/x", call_id="c1")  # type: ignore[arg-type]

    assert (call.tool, call.native, dict(call.own)) == (tool, native, own)
    assert (call.args, call.cwd, call.call_id) == (args, "/x", "c1")


def test_harnesses_in_python_speak_canonical_names() -> None:
    """Without a host the canonical name is the native one."""
    call = call_of(PYTHON_TOOLS, "edit", {"path": "a", "content": "b"})

    assert call.tool == "edit"
    assert call.fields["content"] == "content"
