"""The JSON Schema takes every pack that the loader takes, and no pack whose form is broken."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from governance._shipped import pack_texts
from governance.authoring.schema import Which, schema_of
from governance.rules.keys import KEYS
from governance.rules.shell_keys import SHELL_KEYS

ROOT = Path(__file__).parents[2]
BROKEN = sorted((Path(__file__).parent / "packs" / "broken").glob("*.toml"))
EVERYTHING = (Path(__file__).parent / "packs" / "everything.toml").read_text("utf-8")

MEANING = {
    "allow-of-nothing": "what an allow changes depends on the project's defaults",
    "argument-of-unlisted": "which tools a server has, schemas say",
    "argument-table": "which types arguments have, schemas say",
    "argument-unknown": "which arguments there are, schemas say",
    "command-slash": "only a slash command has no slash",
    "command-star": "what a star is worth at a place, the engine says",
    "example-of-several-tools": "whether a rule or an example names the tools",
    "name-star": "what a star is worth at a place, the engine says",
    "number-bounds": "what numbers a fact can have, the engine says",
    "path-beginnings": "only a matcher of paths begins at the root",
    "argument-value": "what arguments may be, schemas say",
    "schema-twice": "schemas have to be compared",
    "deadlock": "what other rules let through has to be looked at",
    "deadlock-of-role": "what the role may do has to be looked at",
    "limit-of-session": "whether the rule's own event can be counted",
    "past-label": "which labels there are, other rules say",
    "past-not-since": "which facts both events have in common",
    "past-same-now": "which facts both events have in common",
    "past-same-then": "which facts both events have in common",
    "redirect-circle": "redirects have to be followed",
    "redirect-circle-of-two": "redirects have to be followed",
    "example-happenings": "the events of all examples have to be counted",
    "example-past-fails": "an example has to be run",
    "example-file-glob": "whether a pattern of files has a folder",
    "file-bare": "only a matcher of paths needs a folder",
    "file-placeholder": "which facts there are, the event says",
    "context-placeholder": "which fields there are, the project says",
    "example-fails": "an example has to be run",
    "exempt-expired": "the date has to be compared with today",
    "exempt-never": "the exempted rule says so",
    "exempt-unknown": "the exempted rule is not there",
    "fact-of-other-event": "the fact is one, of another event",
    "fact-of-other-tool": "the fact is one, of another tool",
    "field-undeclared": "which fields there are, the project says",
    "gap-that-matches": "an example has to be run",
    "glob-bare": "only a matcher of paths needs a folder",
    "labels-alike": "two labels are alike",
    "message-placeholder": "which facts there are, the event says",
    "never-holds": "two operators contradict each other",
    "never-holds-alternatives": "two matchers contradict each other",
    "never-holds-commands": "what a program has, the tables of programs say",
    "never-holds-block": "two operators contradict each other",
    "never-holds-past": "two operators contradict each other",
    "never-holds-values": "two operators contradict each other",
    "override-of-tool": "the event says who may be overridden",
    "regex-refused": "RE2 has to read it",
    "remedy-denied": "the remedy has to be decided",
    "rewrite-bounds": "two bounds contradict each other",
    "rewrite-not-writable": "the event says what can be written",
    "rewrite-of-nothing": "what a change comes to, the engine says",
    "rewrite-regex": "RE2 has to read it",
    "role-agent-star": "what a star is worth at a place, the engine says",
    "role-circle": "roles extend each other",
    "role-first": "one array is compared with another",
    "role-glob": "a pattern of paths needs a folder",
    "role-two": "two roles have one agent",
    "role-wider": "a role is compared with another",
    "rule-twice": "two rules have one id",
    "set-cycle": "sets lead back to themselves",
    "set-unknown": "the set is not there",
    "step-that-never-counts": "rules and steps have to be compared",
    "value-nan": "JSON knows no such number",
    "variable-date": "in JSON a date is a text",
    "variable-type": "what a variable stands for is looked up",
    "variable-unknown": "the variable is not there",
}
"""Broken packs whose form is right, and why no schema can see what is wrong with them."""


@cache
def validator(which: Which = "pack") -> Draft202012Validator:
    return Draft202012Validator(schema_of(which))


def plain(value: object) -> object:
    """*value* as an editor hands it to a schema: moments are texts."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, (date, datetime, time)) else value


def errors(text: str, which: Which = "pack") -> list[str]:
    found = validator(which).iter_errors(plain(tomllib.loads(text)))
    return [f"{list(one.absolute_path)}: {one.message[:200]}" for one in found]


@pytest.mark.parametrize("which", ["pack", "scenario"])
def test_the_schemas_are_schemas(which: Which) -> None:
    """Each is valid by the specification that it names."""
    Draft202012Validator.check_schema(schema_of(which))


@pytest.mark.parametrize(
    "text", [*pack_texts().values(), EVERYTHING], ids=[*pack_texts(), "everything"]
)
def test_every_shipped_pack_is_valid(text: str) -> None:
    """No editor marks what the loader takes."""
    assert errors(text) == []


@pytest.mark.parametrize("file", BROKEN, ids=[file.stem for file in BROKEN])
def test_every_pack_of_a_broken_form_is_invalid(file: Path) -> None:
    """All but those whose meaning alone is wrong, each with the reason why."""
    assert (errors(file.read_text("utf-8")) == []) is (file.stem in MEANING)


def test_every_exception_is_a_file() -> None:
    """Nothing stands in the list that is not there any more."""
    assert set(MEANING) - {file.stem for file in BROKEN} == set()


def names(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        for name, one in schema.items():
            if name == "properties" and isinstance(one, dict):
                yield from one
            yield from names(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from names(one)


def test_every_key_of_the_language_is_in_a_schema() -> None:
    """What the loader's table gains, an editor completes."""
    known = {*names(schema_of("pack")), *names(schema_of("scenario"))}

    assert [key.name for key in KEYS if key.name not in known] == []


def test_every_key_of_a_command_matcher_is_taken() -> None:
    """Matchers, flags, booleans and the nested command, each in the form that it has."""
    given = {"matcher": "x", "flags": ["-f"], "bool": True, "opaque": False}
    table = {one.name: given[one.takes] for one in SHELL_KEYS.values() if one.takes in given}
    nested = json.dumps({**table, "flows_to": {**table, "opaque": "dynamic"}})
    head = (
        'format = 1\n[pack]\nname = "a"\nversion = "1.0.0"\nsummary = "x"\n[[rule]]\nid = "a.b"\n'
    )
    rest = 'action = "warn"\nmessage = "x"\n'
    inline = nested.replace('": ', '" = ')

    assert errors(f"{head}when.shell = {inline}\n{rest}") == []
    assert errors(f'{head}when.shell = {{ program = "x", flags_any = "-f" }}\n{rest}') != []
    assert errors(f'{head}when.shell = {{ programm = "x" }}\n{rest}') != []
    assert errors(f"{head}when.shell = {{ background = 1 }}\n{rest}") != []


SCENARIO = """\
format = 1
packs = ["shipped"]
[[scenario]]
name = "x"
at = 2030-01-31T09:00:00
steps = [
  { tool = "read", path = "a", output = "x", after = "10m", expect = { result = "allow" } },
  { event = "compact", expect = { state = "compacted" } },
]
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "x"', 'nam = "x"'),
        ('"compact",', '"compat",'),
        ('after = "10m"', 'after = "10 min"'),
        ('result = "allow"', 'result = "maybe"'),
        ('state = "compacted"', 'state = "compact"'),
        ('path = "a"', 'pth = "a"'),
        ("format = 1", "format = 9"),
        ('tool = "read", path = "a"', 'path = "a"'),
    ],
)
def test_files_of_scenarios_have_a_schema_of_their_own(old: str, new: str) -> None:
    """The right one is taken; with one slip of the pen it is not."""
    assert errors(SCENARIO, "scenario") == []
    assert errors(SCENARIO.replace(old, new), "scenario") != []


@pytest.mark.parametrize("which", ["pack", "scenario"])
def test_the_shipped_schema_is_the_one_that_is_made(which: Which) -> None:
    """`docs/tables.py --write` renews it; an editor that reads the file reads the truth."""
    file = ROOT / "rules" / f"{which}.schema.json"

    assert json.loads(file.read_text("utf-8")) == schema_of(which)
