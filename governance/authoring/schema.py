"""
JSON Schema of the rule language, for editors that complete and check TOML as it is typed.

It is made from the tables that the loader reads by, so neither can say what the other does
not. It holds the form of a pack: keys, types, operators, enumerations. Whether names exist,
matchers can hold and examples pass, `governance check` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from governance.rules.drafting import KEBAB, VERSION
from governance.rules.drafting_rules import BEGINNINGS, NAME, RULE_ID
from governance.rules.fact_table import BUILT_IN_SETS, FAMILIES, OPERATORS, TOOLS, FactSpec
from governance.rules.format import FORMAT, PATTERN_SETS, SPANS
from governance.rules.keys import Key
from governance.rules.reading import keys_of
from governance.rules.recorded import (
    ARGUMENT_TYPES,
    ARGUMENTS_MAX,
    CHARACTERS_MAX,
    PART,
    VALUES_MAX,
)
from governance.rules.shell_keys import SHELL_KEYS, ShellKey
from governance.rules.vocabulary import Vocabulary, default_vocabulary
from governance.values import Json

Which = Literal["pack", "scenario"]

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_PLAIN_TYPES = ("str", "int", "float", "bool", "time")
_DURATION = r"^[0-9]{1,9}[smhd]$"
_SPAN = rf"^({'|'.join(SPANS)})$|{_DURATION}"
_TIME = r"^[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?$"

_PATTERNS: Mapping[tuple[str, str], str] = {
    ("pack", "name"): KEBAB.pattern,
    ("pack", "version"): VERSION.pattern,
    ("toolset", "name"): rf"(?!({'|'.join(BUILT_IN_SETS)})$){KEBAB.pattern}",
    ("schema", "tool"): f"mcp:{PART.pattern}:{PART.pattern}|native:{PART.pattern}:.*\\S.*",
    ("rule", "id"): RULE_ID.pattern,
    ("role", "name"): NAME.pattern,
    ("escalation", "id"): NAME.pattern,
    ("context", "id"): NAME.pattern,
}
_TOOL = "|".join((*(one for one in TOOLS if one != "mcp"), "@.+", "mcp:.+:.+", "native:.+:.+"))
_ITEMS: Mapping[tuple[str, str], str] = {
    ("rule", "labels"): NAME.pattern,
    **dict.fromkeys([(one, "tools") for one in ("rule", "toolset", "role", "escalation")], _TOOL),
    ("role", "first"): _TOOL,
    ("past", "tools"): _TOOL,
}
_LEAST: Mapping[tuple[str, str], int] = {
    ("rule.ask", "uses"): 1,
    ("escalation", "count"): 1,
    ("scenario.steps.expect", "violations"): 0,
    ("limit", "max"): 0,
    ("example", "repeat"): 1,
}
_NEVER_EMPTY = frozenset(
    {
        ("rule", "tools"),
        ("rule", "must_match"),
        ("rule", "must_not_match"),
        ("escalation", "tools"),
        ("toolset", "tools"),
        ("scenario", "steps"),
    }
)
_ACTION_TABLES = ("rewrite", "ask", "deny", "halt")
_ONE_SHELL: Json = {"$ref": "#/$defs/shell"}
_SHELLS: dict[str, Json] = {
    "anyOf": [_ONE_SHELL, {"type": "array", "items": _ONE_SHELL, "minItems": 1}]
}
_NO_WHY: Json = {"properties": {"why": {"not": {}}}}
_VARIABLE: Json = {"$ref": "#/$defs/variable"}


def schema_of(which: Which) -> dict[str, Json]:
    """The schema of a pack, or of a file of scenarios."""
    vocabulary = default_vocabulary()
    root = "" if which == "pack" else "scenario-file"
    made: dict[str, Json] = {
        "$schema": DRAFT,
        "title": "A pack of rules" if which == "pack" else "A file of scenarios",
        "description": f"Version {FORMAT} of the rule language.",
        **_table(root),
        "$defs": _definitions(vocabulary, which),
    }
    return made


def _definitions(vocabulary: Vocabulary, which: Which) -> dict[str, Json]:
    made: dict[str, Json] = {
        "variable": {
            "type": "object",
            "properties": {"var": {"type": "string"}},
            "required": ["var"],
            "additionalProperties": False,
        },
        "example": _example(vocabulary),
    }
    if which == "pack":
        for kind in _PLAIN_TYPES:
            for listed in (False, True):
                made[_matcher_name(kind, listed)] = _matcher(kind, listed)
        made["condition"] = _condition(vocabulary)
        made |= _history()
        made["shell"] = _shell()
    return made


def _table(name: str) -> dict[str, Json]:
    """The schema of one table of the language, from its keys."""
    keys = keys_of(name)
    properties: dict[str, Json] = {
        key.name: {**_value(key), "description": _described(key)} for key in keys.values()
    }
    made: dict[str, Json] = {
        "type": "object",
        "properties": properties,
        "required": [key.name for key in keys.values() if key.required],
        "additionalProperties": False,
    }
    if name == "rule":
        made["allOf"] = _demands()
    return made


def _described(key: Key) -> str:
    return f"{key.meaning} (default: {key.default})" if not key.required else key.meaning


def _demands() -> list[Json]:
    """What an action asks of its rule, and which tables belong to another."""
    rules: list[Json] = []
    for actions, needed in (
        (("warn", "ask", "deny", "halt"), ["message"]),
        (("ask", "deny", "halt"), ["must_match", "must_not_match"]),
        (("rewrite",), ["rewrite"]),
    ):
        said: Json = {"action": {"enum": list(actions)}}
        condition: Json = {"properties": said, "required": ["action"]}
        rules.append({"if": condition, "then": {"required": list(needed)}})
    rules.extend(
        {"if": {"required": [name]}, "then": {"properties": {"action": {"const": name}}}}
        for name in _ACTION_TABLES
    )
    tool_events: Json = {"properties": {"on": {"enum": ["tool", "tool-result"]}}}
    rules.append({"if": {"required": ["tools"]}, "then": tool_events})
    return rules


def _value(key: Key) -> dict[str, Json]:
    """The schema of what stands under *key*."""
    if key.feature:
        return {"not": {}}
    inner = f"{key.table}.{key.name}" if key.table else key.name
    place = (key.table, key.name)
    if place == ("", "vars"):
        return {"type": "object", "additionalProperties": _constant()}
    if place == ("schema", "args"):
        return _arguments()
    if place == ("rule", "rewrite"):
        return _rewrite()
    if place == ("scenario", "steps"):
        return {"type": "array", "minItems": 1, "items": _step()}
    if place in (("rule", "requires"), ("rule", "forbids")):
        return _demanded(key.name)
    if place == ("rule", "limit"):
        return _table("limit")
    if key.table in ("past", "limit") and key.name in ("of", "not_since"):
        return {"$ref": "#/$defs/counted"}
    if place == ("example", "after"):
        return {"type": "array", "items": {"$ref": "#/$defs/happening"}}
    if place == ("rule", "any"):
        items: Json = {"$ref": "#/$defs/condition"}
        return {"type": "array", "minItems": 2, "items": items}
    if place == ("escalation", "lasts"):
        return {"anyOf": [{"const": "pardon"}, {"type": "string", "pattern": _DURATION}]}
    if place == ("scenario-file", "scenario"):
        inner = "scenario"
    below = keys_of(inner)
    if key.type == "tables" and below:
        return {"type": "array", "items": _table(inner)}
    if key.type in ("table", "value") and below:
        return _table(inner)
    return _plain(key, place)


def _plain(key: Key, place: tuple[str, str]) -> dict[str, Json]:
    texts: dict[str, Json] = {"type": "string", "pattern": r"\S"}
    made: dict[str, Json]
    match key.type:
        case "str":
            made = {"type": "string"} if key.name == "with" else dict(texts)
            if place in _PATTERNS:
                made["pattern"] = f"^({_PATTERNS[place]})$"
        case "int":
            made = {"type": "integer"}
            if place == ("", "format") or place == ("scenario-file", "format"):
                made |= {"minimum": 1, "maximum": FORMAT}
            elif place in _LEAST:
                made["minimum"] = _LEAST[place]
        case "number":
            made = {"type": "number"}
        case "bool":
            made = {"type": "boolean"}
        case "enum":
            made = {"enum": list(key.values)}
        case "enums":
            options: Json = {"enum": list(key.values)}
            made = {"type": "array", "items": options, "minItems": 1, "uniqueItems": True}
        case "strs":
            if place in _ITEMS:
                texts["pattern"] = f"^({_ITEMS[place]})$"
            made = {"type": "array", "items": texts, "uniqueItems": True}
        case "duration":
            made = {"type": "string", "pattern": _DURATION}
        case "span":
            made = {"type": "string", "pattern": _SPAN}
        case "date" | "datetime":
            made = {"type": "string", "format": "date" if key.type == "date" else "date-time"}
        case "matchers":
            return {"$ref": "#/$defs/condition"}
        case "event":
            return {"allOf": [{"$ref": "#/$defs/example"}, _NO_WHY]}
        case "events":
            said: Json = {"required": ["why"]} if key.name == "known_gaps" else _NO_WHY
            item: Json = {"allOf": [{"$ref": "#/$defs/example"}, said]}
            made = {"type": "array", "items": item}
        case "tables":
            made = {"type": "array", "items": {"type": "object"}}
        case "table":
            made = {"type": "object"}
        case _:
            return {}
    if place in _NEVER_EMPTY:
        made["minItems"] = 1
    if key.table == "" or place == ("rule", "id"):
        return made
    return {"anyOf": [made, _VARIABLE]} if key.type not in ("table", "tables") else made


def _constant() -> Json:
    scalar: Json = {"type": ["string", "number", "boolean"]}
    return {"anyOf": [scalar, {"type": "array", "items": scalar}]}


def _arguments() -> dict[str, Json]:
    """Arguments with the type of each, or all the texts that it may be."""
    texts: Json = {"type": "string", "maxLength": CHARACTERS_MAX}
    values: Json = {
        "type": "array", "items": texts,
        "minItems": 1, "maxItems": VALUES_MAX, "uniqueItems": True,
    }  # fmt: skip
    one: Json = {"anyOf": [{"enum": list(ARGUMENT_TYPES)}, values]}
    return {"type": "object", "maxProperties": ARGUMENTS_MAX, "additionalProperties": one}


def _rewrite() -> dict[str, Json]:
    """Facts with what a rewrite does to each; those of a family stand one table deeper."""
    scalar: Json = {"type": ["string", "number", "boolean", "array"]}
    one: Json = {"anyOf": [scalar, {"minProperties": 1, **_table("rule.rewrite")}]}
    members: Json = {"type": "object", "minProperties": 1, "additionalProperties": one}
    return {
        "type": "object",
        "minProperties": 1,
        "properties": dict.fromkeys(FAMILIES, members),
        "additionalProperties": one,
    }


def _step() -> dict[str, Json]:
    """A step: its own keys, and of a call the facts of an example."""
    keys = {name: _value(key) for name, key in keys_of("scenario.steps").items()}
    facts = {name: one for name, one in _facts(default_vocabulary()).items() if name not in keys}
    return {
        "type": "object",
        "properties": {**keys, **facts},
        "additionalProperties": False,
        "anyOf": [{"required": [one]} for one in ("tool", "prompt", "command", "event")],
    }


def _history() -> dict[str, Json]:
    """
    What happened before: `past` as a demand may name it, `counted` without a span of its own,
    `happening` as an example tells it.
    """
    past = _table("past")
    event = {name: one for name, one in _properties(past).items() if name not in _NOT_COUNTED}
    whole = [name for name in _properties(past) if name not in ("label", "file")]
    happening = _example(default_vocabulary())
    began: dict[str, Json] = {"event": {"enum": list(BEGINNINGS)}}
    return {
        "past": {
            "type": "object",
            "minProperties": 1,
            "anyOf": [
                {"propertyNames": {"enum": list(whole)}, **_not_of_prompts()},
                {"required": ["label"], "propertyNames": {"enum": ["label", "within"]}},
                {"required": ["file"], "propertyNames": {"enum": ["file"]}},
            ],
            "properties": past["properties"],
        },
        "counted": {
            "type": "object",
            "minProperties": 1,
            "properties": event,
            "additionalProperties": False,
            **_not_of_prompts(),
        },
        "happening": {**happening, "properties": _properties(happening) | began},
    }


_NOT_COUNTED = frozenset({"within", "not_since", "label", "file"})


def _properties(table: Mapping[str, Json]) -> dict[str, Json]:
    found = table["properties"]
    assert isinstance(found, dict)  # INVARIANT: tables are made here
    return dict(found)


def _not_of_prompts() -> dict[str, Json]:
    """Only calls can fail, or never be heard of again."""
    prompts: Json = {"properties": {"on": {"enum": ["prompt", "command"]}}, "required": ["on"]}
    never: Json = {"properties": {"outcome": {"not": {"enum": ["failed", "unknown"]}}}}
    return {"if": prompts, "then": never}


def _demanded(name: str) -> dict[str, Json]:
    """One past event, several of which all, or under `any` of which one must have happened."""
    one: Json = {"$ref": "#/$defs/past"}
    if name == "forbids":
        one = {"allOf": [one, {"not": {"required": ["file"]}}]}
    choice: Json = {"type": "array", "items": one, "minItems": 2}
    either: Json = {
        "type": "object",
        "properties": {"any": choice},
        "required": ["any"],
        "additionalProperties": False,
    }
    each: Json = {"anyOf": [one, either]} if name == "requires" else one
    several: Json = {"type": "array", "items": each, "minItems": 1}
    return {"anyOf": [each, several]}


def _example(vocabulary: Vocabulary) -> dict[str, Json]:
    special = {
        name: _value(key)
        for name, key in keys_of("example").items()
        if name not in ("args", "tool")
    }
    return {
        "type": "object",
        "minProperties": 1,
        "properties": {**_facts(vocabulary), **special, "args": {"type": "object"}},
        "additionalProperties": False,
    }


def _facts(vocabulary: Vocabulary) -> dict[str, Json]:
    """What an event may have: each fact with a value of its type."""
    made: dict[str, Json] = {name: {"type": "object"} for name in FAMILIES}
    for spec in vocabulary.facts.values():
        if "." not in spec.name and spec.element in _PLAIN_TYPES:
            made[spec.name] = _fact_value(spec)
    return made


def _fact_value(spec: FactSpec) -> Json:
    element = _element(spec.element)
    if spec.values is not None:
        element = {"enum": list(spec.values)}
    many: Json = {"type": "array", "items": element}
    if spec.is_list:
        return {"anyOf": [many, _VARIABLE]}
    if spec.name in ("path", "url"):
        return {"anyOf": [element, many, _VARIABLE]}
    return {"anyOf": [element, _VARIABLE]}


def _element(kind: str) -> Json:
    if kind == "time":
        return {"type": "string", "pattern": _TIME}
    names = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
    return {"type": names[kind]}


def _condition(vocabulary: Vocabulary) -> dict[str, Json]:
    """A table of matchers: each fact that any event has."""
    properties: dict[str, Json] = {}
    families: dict[str, dict[str, Json]] = {name: {} for name in FAMILIES}
    for spec in vocabulary.facts.values():
        if spec.element not in _PLAIN_TYPES:
            continue  # a table of matchers, which has a schema of its own
        family, dot, member = spec.name.partition(".")
        matcher = _matcher_of(spec)
        if dot:
            families[family][member] = matcher
        else:
            properties[spec.name] = matcher
    for name, members in families.items():
        # Arguments and fields are declared elsewhere.
        open_ended = name in ("args", "fields")
        properties[name] = {
            "type": "object",
            "properties": members,
            "additionalProperties": open_ended,
        }
    properties["shell"] = _SHELLS
    return {
        "type": "object",
        "minProperties": 1,
        "properties": properties,
        "additionalProperties": False,
    }


def _matcher_of(spec: FactSpec) -> Json:
    matcher: Json = {"$ref": f"#/$defs/{_matcher_name(spec.element, spec.is_list)}"}
    if spec.values is None:
        return matcher
    known: Json = {"enum": list(spec.values)}
    bare: Json = {"anyOf": [known, {"type": "array", "items": known}, {"type": "object"}]}
    return {"allOf": [bare, matcher]}


def _matcher_name(kind: str, listed: bool) -> str:
    return f"matcher-list-{kind}" if listed else f"matcher-{kind}"


def _matcher(kind: str, listed: bool) -> dict[str, Json]:
    """A matcher of facts of one type: a value, any of several, or operators."""
    itself: Json = {"$ref": f"#/$defs/{_matcher_name(kind, listed)}"}
    names = OPERATORS[kind]
    if listed:
        names = tuple(dict.fromkeys((*names, "every", "length")))
    operators = {name: _operand(name, kind, itself) for name in names}
    table: Json = {
        "type": "object",
        "minProperties": 1,
        "properties": operators,
        "additionalProperties": False,
    }
    if kind == "time":
        return {"anyOf": [table, _VARIABLE]}
    element = _element(kind)
    given: list[Json] = [element]
    if "in" in names:
        given.append({"type": "array", "items": element, "minItems": 1})
    return {"anyOf": [*given, table, _VARIABLE]}


def _operand(name: str, kind: str, itself: Json) -> Json:
    element = _element(kind)
    many: Json = {"type": "array", "items": element, "minItems": 1}
    match name:
        case "not" | "every":
            return itself
        case "exists":
            return {"type": "boolean"}
        case "length":
            return {"$ref": "#/$defs/matcher-int"}
        case "between":
            return {"type": "array", "items": element, "minItems": 2, "maxItems": 2}
        case "detect":
            sets: Json = {"enum": list(PATTERN_SETS)}
            return {"anyOf": [sets, {"type": "array", "items": sets, "minItems": 1}, _VARIABLE]}
        case "in":
            return {"anyOf": [many, _VARIABLE]}
        case "equals" | "lt" | "lte" | "gt" | "gte":
            return {"anyOf": [element, _VARIABLE]}
        case _:
            return {"anyOf": [element, many, _VARIABLE]}


def _shell() -> dict[str, Json]:
    """A `shell` matcher: what one simple command of the line must be."""
    return {
        "type": "object",
        "minProperties": 1,
        "properties": {
            one.name: {**_shell_value(one), "description": one.doc} for one in SHELL_KEYS.values()
        },
        "additionalProperties": False,
    }


def _shell_value(one: ShellKey) -> dict[str, Json]:
    match one.takes:
        case "shell":
            return dict(_SHELLS)
        case "bool":
            return {"type": "boolean"}
        case "flags":
            flags: Json = {"type": "string", "pattern": r"\S"}
            return {"anyOf": [{"type": "array", "items": flags, "minItems": 1}, _VARIABLE]}
        case "opaque":
            return {"anyOf": [{"type": "boolean"}, _matcher_of(one.spec)]}
        case _:
            return {"allOf": [_matcher_of(one.spec)]}
