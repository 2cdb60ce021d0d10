"""
Recorded schemas: which arguments the tools of MCP servers have, and of which types.

A schema tells names and types and decides nothing. A rule on an argument that no schema knows
is an error, so a schema that is missing or was changed refuses the pack, or leaves the argument
unknown; it lets nothing through. What a layer above demands is read by the schemas of that
layer and those above it alone, so that a repository cannot say of a user's rule what its
arguments are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from governance.errors import Problem
from governance.rules.draft import Draft, get
from governance.rules.format import LAYERS, ArgumentType, Layer, PastEvent, Rule, ToolSchema
from governance.rules.globs import split_tool_name, tool_pattern
from governance.rules.linking import Origin, is_lower
from governance.rules.matching import flattened
from governance.rules.reading import Findings, Path, kind_of, nearest, read_keys
from governance.rules.vocabulary import ANY_TYPE, Vocabulary

ARGUMENT_TYPES = (
    "str", "int", "float", "bool", "list[str]", "list[int]", "list[float]", "list[bool]", ANY_TYPE,
)  # fmt: skip
"""What `[[schema]]` may say of an argument."""

SCHEMAS_MAX = 2_000
"""Tools whose arguments one pack may tell."""

ARGUMENTS_MAX = 200
"""Arguments of one tool."""

VALUES_MAX = 200
"""Texts that one argument may be said to be one of."""

CHARACTERS_MAX = 200
"""Of a tool's name, an argument's, and a text that it may be."""

PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*")
"""Names of servers and tools; signs of globs and `:` would mean others."""

Arguments: TypeAlias = Mapping[str, Mapping[str, ArgumentType]]
"""Tool → argument → type."""


def read_schema(draft: Draft, raw: Mapping[str, object], position: int) -> None:
    """One ``[[schema]]``; what is wrong with it is reported as GOV274 and left out."""
    findings, path = draft.findings, ("schema", position)
    values = read_keys(findings, "schema", raw, path)
    if position == SCHEMAS_MAX:
        findings.wrong("GOV274", f"more than {SCHEMAS_MAX} schemas", path, "take old ones out")
    tool = get(values, "tool", "")
    if tool and not is_recordable(tool):
        message = f"`{tool}` is no tool whose arguments are recorded"
        mend = "write `mcp:server:tool` or `native:host:name`, without globs"
        findings.wrong("GOV274", message, (*path, "tool"), mend)
        return
    table = values.get("args")
    if not tool or not isinstance(table, dict) or position >= SCHEMAS_MAX:
        return
    at = values.get("at")
    draft.schemas.append(
        ToolSchema(
            tool=tool,
            args=_read_arguments(findings, table, (*path, "args")),
            layer=draft.layer,
            position=position,
            learned=get(values, "from", "hand"),
            source=get(values, "source", ""),
            at=at if isinstance(at, datetime) else None,
        )
    )


def is_recordable(name: str) -> bool:
    """Whether *name* is one of a tool whose arguments a schema may tell."""
    parts = split_tool_name(name)
    if len(parts) != 3 or len(name) > 2 * CHARACTERS_MAX:
        return False
    if parts[0] == "native":
        return bool(PART.fullmatch(parts[1])) and bool(parts[2].strip())
    return parts[0] == "mcp" and all(PART.fullmatch(one) for one in parts[1:])


def _read_arguments(
    findings: Findings, table: Mapping[str, object], path: Path
) -> dict[str, ArgumentType]:
    made: dict[str, ArgumentType] = {}
    if len(table) > ARGUMENTS_MAX:
        findings.wrong("GOV274", f"more than {ARGUMENTS_MAX} arguments of one tool", path)
        return made
    for name, said in table.items():
        place = (*path, name)
        if not name.strip() or len(name) > CHARACTERS_MAX:
            findings.wrong("GOV274", "no name of an argument", place)
        elif isinstance(said, str) and said in ARGUMENT_TYPES:
            made[name] = said
        elif isinstance(said, str):
            message = f"unknown type `{said}` of the argument `{name}`"
            mend = nearest(said, ARGUMENT_TYPES) or "the types are " + ", ".join(ARGUMENT_TYPES)
            findings.wrong("GOV274", message, place, mend)
        elif isinstance(said, list) and _are_values(said):
            made[name] = tuple(said)
        else:
            message = f"the argument `{name}` is {kind_of(said)}, not a type"
            mend = f"write its type in quotes, or an array of 1 to {VALUES_MAX} texts"
            findings.wrong("GOV274", message, place, mend)
    return made


def _are_values(said: Sequence[object]) -> bool:
    texts = [one for one in said if isinstance(one, str) and len(one) <= CHARACTERS_MAX]
    return len(texts) == len(said) == len(set(texts)) and 0 < len(texts) <= VALUES_MAX


def recorded_arguments(drafts: Sequence[Draft], *, of: Layer = "project") -> Arguments:
    """
    What the schemas of *drafts* say, of each tool the schema of the uppermost layer.

    Args:
        of: The layer whose rules ask; schemas of the layers below it are no matter to them.
    """
    found: dict[str, Mapping[str, ArgumentType]] = {}
    for layer in LAYERS:
        if not is_lower(layer, of):
            for draft in drafts:
                for one in draft.schemas if draft.layer == layer else ():
                    found.setdefault(one.tool, one.args)
    return found


def check_schemas(drafts: Sequence[Draft], vocabulary: Vocabulary) -> None:
    """
    Report tools that one layer records twice (GOV274), tools that a server is known not to
    have (GOV213), and arguments of an upper layer's rules that only a lower one records.

    Args:
        vocabulary: All names but those that the schemas of *drafts* tell.
    """
    if not any(draft.schemas for draft in drafts):
        return
    seen: dict[tuple[Layer, str], Origin] = {}
    for draft in drafts:
        for one in draft.schemas:
            place = (*one.path, "tool")
            first = seen.setdefault((draft.layer, one.tool), Origin(draft.findings, place))
            if first.path != place or first.findings is not draft.findings:
                message = f"the arguments of `{one.tool}` stand already in {first}"
                draft.findings.wrong("GOV274", message, place, "keep one of the two")
    for draft in drafts:
        told = set(_listed(drafts, draft.layer))
        alone = vocabulary.with_names(args=recorded_arguments(drafts, of=draft.layer))
        for rule in draft.rules:
            _check_listed(rule, told, draft.findings)
            if draft.layer != LAYERS[-1] and rule.position not in draft.unread:
                for problem in _unknown_to(rule, alone):
                    draft.findings.report(problem)


def _listed(drafts: Sequence[Draft], layer: Layer) -> Iterator[str]:
    """Tools that servers themselves have listed, as the rules of *layer* may know it."""
    for draft in drafts:
        if not is_lower(draft.layer, layer):
            yield from (one.tool for one in draft.schemas if one.learned == "list")


def _check_listed(rule: Rule, told: set[str], findings: Findings) -> None:
    """Report tools of *rule* that are none of those that their server has listed."""
    for index, name in enumerate(rule.tools):
        if not name.startswith("mcp:"):
            continue
        server = ":".join(split_tool_name(name)[:2])
        siblings = [one for one in told if one.startswith(f"{server}:")]
        if siblings and not any(map(tool_pattern(name), siblings)):
            message = f"the recorded list of `{server}` has no tool `{name}`"
            mend = nearest(name, siblings) or "record the list of the server anew"
            findings.wrong("GOV213", message, (*rule.path, "tools", index), mend)


def _unknown_to(rule: Rule, alone: Vocabulary) -> Iterator[Problem]:
    """What is wrong with the arguments that *rule* looks at, by the schemas of its own layer."""

    def ignored(_: Problem) -> None:
        """Unknown tools are reported where tools are checked."""

    for on, names, table, path in _conditions(rule):
        tools = alone.expand_tools(names, path, ignored) if names else None
        for fact, _, where in flattened(table, path):
            if fact.startswith("args."):
                spec = alone.fact(fact, on=on, tools=tools, path=where)
                if isinstance(spec, Problem):
                    yield spec


def _conditions(
    rule: Rule,
) -> Iterator[tuple[str, tuple[str, ...], Mapping[str, object], Path]]:
    """Event, tools, matchers and place of everything that *rule* asks of an event."""
    yield rule.on, rule.tools, rule.when, (*rule.path, "when")
    yield rule.on, rule.tools, rule.unless, (*rule.path, "unless")
    for index, table in enumerate(rule.any):
        yield rule.on, rule.tools, table, (*rule.path, "any", index)
    demands = [one for group in (*rule.requires, rule.forbids) for one in group]
    for one in demands:
        if isinstance(one, PastEvent):
            yield from _past(one, rule)
    if rule.limit is not None:
        yield from _past(rule.limit.of, rule)


def _past(
    event: PastEvent, rule: Rule
) -> Iterator[tuple[str, tuple[str, ...], Mapping[str, object], Path]]:
    tools = event.tools or (rule.tools if not event.on else ())
    yield event.on or rule.on, tools, event.when, (*event.path, "when")
    if event.not_since is not None:
        yield from _past(event.not_since, rule)
