"""Schemas made of what servers list and of what calls had."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from governance.authoring.tool_schemas import (
    Calls,
    merged,
    pack_text,
    schemas_of_list,
)
from governance.rules.draft import Draft
from governance.rules.drafting import draft_pack
from governance.rules.format import ArgumentType, ToolSchema
from governance.rules.recorded import ARGUMENTS_MAX, SCHEMAS_MAX
from governance.rules.sources import PackSource
from governance.values import Json

AT = datetime(2030, 1, 31, 9, 0, tzinfo=UTC)


def listed(properties: Json, **root: Json) -> dict[str, ArgumentType]:
    schema: Json = {"type": "object", "properties": properties, **root}
    answer: Json = {"tools": [{"name": "t", "inputSchema": schema}]}
    found = schemas_of_list(answer, "s", source="f", at=AT)
    assert found is not None
    return dict(found.schemas[0].args)


def read(text: str) -> Draft:
    draft = draft_pack(PackSource("", text, "r.toml"))
    assert draft.findings.diagnostics() == []
    return draft


def one(tool: str, learned: str = "list", **args: ArgumentType) -> ToolSchema:
    return ToolSchema(
        tool=tool, args=args, layer="project", position=0, learned=learned, source="f", at=AT
    )


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"type": "string"}, "str"),
        ({"type": "integer"}, "int"),
        ({"type": "number"}, "float"),
        ({"type": "boolean"}, "bool"),
        ({"type": ["string", "null"]}, "str"),
        ({"type": ["integer", "number"]}, "float"),
        ({"type": ["string", "integer"]}, "any"),
        ({"type": "array", "items": {"type": "string"}}, "list[str]"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "list[str]"),
        ({"type": "array"}, "any"),
        ({"type": "array", "items": {"type": "array", "items": {"type": "string"}}}, "any"),
        ({"type": "object"}, "any"),
        ({"enum": ["a", "b", None]}, ("a", "b")),
        ({"enum": [1, 2]}, "int"),
        ({"enum": ["a", 1]}, "any"),
        ({"enum": ["x" * 300]}, "str"),
        ({"const": "a"}, ("a",)),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int"),
        ({"anyOf": [{"const": "a"}, {"const": "b"}]}, ("a", "b")),
        ({"anyOf": [{"const": "a"}, {"type": "string"}]}, "str"),
        ({"$ref": "#/$defs/S"}, ("open", "closed")),
        ({"allOf": [{"$ref": "#/$defs/S"}]}, ("open", "closed")),
        ({"$ref": "#/$defs/loop"}, "any"),
        ({"$ref": "https://elsewhere.test/x"}, "any"),
        ({}, "any"),
        (True, "any"),
        ({"type": 5}, "any"),
    ],
)
def test_types_of_json_schema(said: Json, kind: ArgumentType) -> None:
    """What has one of our types has it; all else is any, which no rule can look into."""
    definitions: Json = {"S": {"enum": ["open", "closed"]}, "loop": {"$ref": "#/$defs/loop"}}

    assert listed({"a": said}, **{"$defs": definitions}) == {"a": kind}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tools: {"tools": tools},
        lambda tools: {"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}},
        lambda tools: tools,
        lambda tools: [{"tools": tools[:1]}, {"result": {"tools": tools[1:]}}],
    ],
)
def test_every_shape_of_an_answer_is_read(wrap: object) -> None:
    """The result, the response, the bare array, and pages."""
    tools: list[Json] = [{"name": "a", "inputSchema": {}}, {"name": "b"}]
    found = schemas_of_list(wrap(tools), "s", source="f", at=AT)  # type: ignore[operator]

    assert found is not None
    assert [each.tool for each in found.schemas] == ["mcp:s:a", "mcp:s:b"]


@pytest.mark.parametrize("answer", [{}, {"tools": 5}, 5, None, "x", [5], [{"result": 5}]])
def test_what_is_no_list_is_told_apart_from_an_empty_one(answer: Json) -> None:
    """An error page must not look like a server without tools."""
    assert schemas_of_list(answer, "s", source="f", at=AT) is None


def test_what_rules_could_not_name_is_left_out_and_told() -> None:
    """Names with signs of globs, and more than there may be."""
    many: Json = {f"a{n}": {"type": "string"} for n in range(ARGUMENTS_MAX + 1)}
    tools: list[Json] = [
        {"name": "a*"},
        {"name": 5},
        {"name": "ok", "inputSchema": {"properties": many}},
        *({"name": f"t{n}"} for n in range(SCHEMAS_MAX)),
    ]
    found = schemas_of_list({"tools": tools}, "s", source="f", at=AT)

    assert found is not None
    assert len(found.schemas) == SCHEMAS_MAX - 2
    assert len(found.schemas[0].args) == ARGUMENTS_MAX
    assert len(found.skipped) == 4


def test_calls_give_the_types_that_they_had() -> None:
    """Whole numbers and fractions are numbers, two other types any; null and [] say nothing."""
    calls = Calls()
    for arguments in (
        {"n": 1, "s": "x", "l": [], "z": None, "o": {"a": 1}, "m": "x"},
        {"n": 1.5, "s": None, "l": ["a"], "m": 1, "b": True},
    ):
        calls.add("mcp:s:t", arguments)  # type: ignore[arg-type]
    (found,) = calls.schemas(source="the journal", at=AT)

    assert found.args == {
        "b": "bool", "l": "list[str]", "m": "any", "n": "float", "o": "any", "s": "str",
    }  # fmt: skip
    assert found.learned == "calls"


def test_calls_are_bounded() -> None:
    """A model that makes up arguments fills no disk."""
    calls = Calls()
    calls.add("mcp:s:t", {f"a{n}": 1 for n in range(ARGUMENTS_MAX + 5)})
    for number in range(SCHEMAS_MAX + 5):
        calls.add(f"mcp:s:t{number}", {})

    assert len(calls.seen) == SCHEMAS_MAX
    assert len(calls.seen["mcp:s:t"]) == ARGUMENTS_MAX
    assert calls.skipped == 5 + 6


def test_a_list_replaces_all_that_was_known_of_its_server() -> None:
    """Of others everything stays."""
    before = [one("mcp:a:x", title="str"), one("mcp:a:gone"), one("mcp:ab:y", "hand")]
    found = merged(before, [one("mcp:a:x", title="int")], ["a"])

    assert [(each.tool, dict(each.args)) for each in found] == [
        ("mcp:a:x", {"title": "int"}),
        ("mcp:ab:y", {}),
    ]


def test_calls_join_calls_and_change_no_list() -> None:
    """What a server says of itself, or a person, is not widened by what a model tried."""
    before = [one("mcp:a:x", title="str"), one("mcp:a:y", "calls", n="int", m="str")]
    new = [one("mcp:a:x", "calls", titel="str"), one("mcp:a:y", "calls", n="float", k="str")]

    assert {each.tool: dict(each.args) for each in merged(before, new)} == {
        "mcp:a:x": {"title": "str"},
        "mcp:a:y": {"k": "str", "m": "str", "n": "float"},
    }


def test_what_is_written_is_read_again() -> None:
    """Names and texts with any sign come back as they were."""
    odd: dict[str, ArgumentType] = {"a.b": "str", 'q"\\': ("x'y", "\u00e9\n"), "n": "list[int]"}
    schemas = [one("mcp:a:x", **odd), one("mcp:a:y", "hand")]
    text = pack_text("recorded-tools", schemas)

    assert [(each.tool, each.args, each.learned, each.at) for each in read(text).schemas] == [
        ("mcp:a:x", odd, "list", AT),
        ("mcp:a:y", {}, "hand", AT),
    ]
