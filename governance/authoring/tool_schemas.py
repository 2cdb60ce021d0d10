"""
Schemas of tools made from what a server lists or what calls had, as a file that people review.

Names and types are taken over and nothing else: no value of a call, no description, and no
program is run here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.authoring.toml_text import inline, key
from governance.rules.format import ArgumentType, ToolSchema
from governance.rules.recorded import (
    ARGUMENTS_MAX,
    CHARACTERS_MAX,
    PART,
    SCHEMAS_MAX,
    VALUES_MAX,
)
from governance.rules.vocabulary import ANY_TYPE
from governance.values import Json

REFERENCES_MAX = 8
"""How often one type may refer to another before it is any."""

ALTERNATIVES_MAX = 50
"""Alternatives of one type that are looked at; more are any."""

_NULL = "null"
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": _NULL}
_HEAD = """\
# The arguments of tools, recorded by `governance tools --record`. Read it, and commit it.
# It decides nothing: it tells rules on `args.*` which names and types there are.
"""


@frozen
class Listed:
    """
    What a server's list of its tools gives.

    Attributes:
        skipped: Tools and arguments that rules cannot name, each with the reason.
    """

    schemas: tuple[ToolSchema, ...]
    skipped: tuple[str, ...]


def schemas_of_list(answer: Json, server: str, *, source: str, at: datetime) -> Listed | None:
    """
    The tools in *answer*, which is what `tools/list` of the MCP server *server* gave.

    It may be the result, the whole response around it, the array of tools, or an array of
    answers, as a list comes in pages. ``None``: it holds no list of tools.
    """
    tools = _tools_in(answer)
    if tools is None:
        return None
    made: dict[str, ToolSchema] = {}
    skipped: list[str] = []
    for one in tools[:SCHEMAS_MAX]:
        name = one.get("name")
        if not isinstance(name, str) or not PART.fullmatch(name) or len(name) > CHARACTERS_MAX:
            skipped.append(f"{name!r:.80} is no name that a rule could write")
            continue
        root = one.get("inputSchema")
        args: dict[str, ArgumentType] = {}
        properties = root.get("properties") if isinstance(root, Mapping) else None
        for argument, said in properties.items() if isinstance(properties, Mapping) else ():
            if len(args) >= ARGUMENTS_MAX or not _is_argument(argument):
                skipped.append(f"the argument {argument!r:.80} of `{name}`")
            else:
                args[argument] = _type_of(said, root)
        tool = f"mcp:{server}:{name}"
        made[tool] = ToolSchema(
            tool=tool, args=args, layer="project", position=0, learned="list", source=source, at=at
        )
    if len(tools) > SCHEMAS_MAX:
        skipped.append(f"{len(tools) - SCHEMAS_MAX} more tools")
    return Listed(tuple(made.values()), tuple(skipped))


def _is_argument(name: str) -> bool:
    return bool(name.strip()) and len(name) <= CHARACTERS_MAX and name.isprintable()


def _tools_in(answer: Json) -> list[Mapping[str, Json]] | None:
    if isinstance(answer, Mapping):
        result = answer.get("result")
        return _tools_in(result if isinstance(result, Mapping) else answer.get("tools"))
    if not isinstance(answer, (list, tuple)):
        return None
    found: list[Mapping[str, Json]] = []
    for one in answer:
        if not isinstance(one, Mapping):
            return None
        if "name" in one:
            found.append(one)
            continue
        page = one.get("result", one)
        tools = page.get("tools") if isinstance(page, Mapping) else None
        if not isinstance(tools, (list, tuple)):
            return None
        found += [tool for tool in tools if isinstance(tool, Mapping)]
    return found


def _type_of(said: object, root: object, depth: int = 0) -> ArgumentType:
    """The type of the JSON Schema *said*; ``any`` where it has no single one of ours."""
    if not isinstance(said, Mapping) or depth > REFERENCES_MAX:
        return ANY_TYPE
    if "$ref" in said:
        return _type_of(_referred(said["$ref"], root), root, depth + 1)
    for word in ("anyOf", "oneOf", "allOf"):
        each = said.get(word)
        if isinstance(each, (list, tuple)) and (word != "allOf" or len(each) == 1):
            if len(each) > ALTERNATIVES_MAX:
                return ANY_TYPE
            return _joined([_type_of(one, root, depth + 1) for one in each])
    values = [said["const"]] if "const" in said else said.get("enum")
    if isinstance(values, (list, tuple)):
        return _enumerated(values)
    kind = said.get("type")
    if isinstance(kind, (list, tuple)):
        given = [{**said, "type": one} for one in kind[:ALTERNATIVES_MAX]]
        return _joined([_type_of(one, root, depth + 1) for one in given])
    if kind == "array":
        return _list_of(_type_of(said.get("items"), root, depth + 1))
    return _TYPES.get(kind, ANY_TYPE) if isinstance(kind, str) else ANY_TYPE


def _referred(name: object, root: object) -> object:
    """What ``#/…`` points at in the document *root*; of other documents nothing is known."""
    if not isinstance(name, str) or not name.startswith("#/"):
        return None
    found = root
    for step in name[2:].split("/"):
        word = step.replace("~1", "/").replace("~0", "~")
        found = found.get(word) if isinstance(found, Mapping) else None
    return found


def _enumerated(values: Sequence[object]) -> ArgumentType:
    given = [one for one in values if one is not None]
    texts = tuple(dict.fromkeys(one for one in given if isinstance(one, str)))
    if given and all(isinstance(one, str) for one in given):
        short = all(one.strip() and len(one) <= CHARACTERS_MAX for one in texts)
        return texts if short and len(texts) <= VALUES_MAX else "str"
    return _joined([type_of_value(one) for one in given])


def _list_of(element: ArgumentType) -> ArgumentType:
    if isinstance(element, tuple):
        return "list[str]"
    return f"list[{element}]" if element in ("str", "int", "float", "bool") else ANY_TYPE


def _joined(kinds: Sequence[ArgumentType]) -> ArgumentType:
    """One type for what has any of *kinds*; null is a missing argument, which each may be."""
    left = [one for one in dict.fromkeys(kinds) if one != _NULL]
    if left and all(isinstance(one, tuple) for one in left):
        texts = tuple(dict.fromkeys(text for one in left for text in one))
        return texts if len(texts) <= VALUES_MAX else "str"
    plain = {"str" if isinstance(one, tuple) else one for one in left}
    for narrow, wide in (("int", "float"), ("list[int]", "list[float]")):
        if wide in plain:
            plain.discard(narrow)
    return plain.pop() if len(plain) == 1 else ANY_TYPE


def type_of_value(value: object) -> str:
    """
    The type that a rule would need to look at *value*.

    >>> type_of_value(["a", "b"]), type_of_value({"a": 1})
    ('list[str]', 'any')
    """
    names: Mapping[type, str] = {str: "str", bool: "bool", int: "int", float: "float"}
    if value is None:
        return _NULL
    if isinstance(value, (list, tuple)):
        made = _list_of(_joined([type_of_value(one) for one in value]))
        return made if isinstance(made, str) else ANY_TYPE
    return names.get(type(value), ANY_TYPE)


@define(eq=False)
class Calls:
    """
    Tools as calls show them: each argument with the types that it was seen to have.

    Attributes:
        skipped: How many calls and arguments could not be taken.
    """

    seen: dict[str, dict[str, set[str]]] = field(factory=dict)
    skipped: int = 0

    def add(self, tool: str, arguments: Mapping[str, Json]) -> None:
        """Note one call of *tool*; an empty list and null say nothing of a type."""
        if tool not in self.seen and len(self.seen) >= SCHEMAS_MAX:
            self.skipped += 1
            return
        known = self.seen.setdefault(tool, {})
        for name, value in arguments.items():
            if not _is_argument(name) or (name not in known and len(known) >= ARGUMENTS_MAX):
                self.skipped += 1
            elif value not in (None, [], ()):
                known.setdefault(name, set()).add(type_of_value(value))

    def schemas(self, *, source: str, at: datetime) -> tuple[ToolSchema, ...]:
        """What was seen, as schemas; an argument of two types is any."""
        return tuple(
            ToolSchema(
                tool=tool,
                args={name: _joined(sorted(kinds)) for name, kinds in sorted(args.items())},
                layer="project", position=0, learned="calls", source=source, at=at,
            )
            for tool, args in sorted(self.seen.items())
        )  # fmt: skip


def merged(
    before: Iterable[ToolSchema], new: Sequence[ToolSchema], listed: Iterable[str] = ()
) -> tuple[ToolSchema, ...]:
    """
    *before* with *new* put in, by tool.

    The list of a server (each of *listed*) replaces all that was known of its tools. What calls
    had joins what earlier calls had, and changes nothing that a list or a person has said.
    """
    gone = tuple(f"mcp:{server}:" for server in listed)
    made = {one.tool: one for one in before if not gone or not one.tool.startswith(gone)}
    for one in new:
        old = made.get(one.tool)
        if one.learned != "calls" or old is None:
            made[one.tool] = one
        elif old.learned == "calls":
            names = sorted({*old.args, *one.args})
            joined: dict[str, ArgumentType] = {}
            for name in names:
                kinds = [given[name] for given in (old.args, one.args) if name in given]
                joined[name] = _joined(kinds)
            made[one.tool] = evolve(one, args=joined)
    return tuple(made[tool] for tool in sorted(made))


def pack_text(name: str, schemas: Sequence[ToolSchema]) -> str:
    """*schemas* as a pack *name* that holds nothing else, a line an argument."""
    lines = [
        _HEAD,
        "format = 1\n",
        "[pack]",
        f"name = {inline(name)}",
        'version = "1.0.0"',
        'summary = "The arguments of tools, as they were recorded."',
    ]
    for one in schemas:
        lines += ["", "[[schema]]", f"tool = {inline(one.tool)}", f"from = {inline(one.learned)}"]
        if one.source:
            lines.append(f"source = {inline(one.source)}")
        if one.at is not None:
            lines.append(f"at = {one.at.isoformat()}")
        if not one.args:
            lines.append("args = {}")
        lines += [f"args.{key(arg)} = {inline(kind)}" for arg, kind in one.args.items()]
    return "\n".join(lines) + "\n"
