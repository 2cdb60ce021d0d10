"""What the commands say of themselves, against what their code can do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import governance
from governance.cli.app import HOMES
from governance.cli.frame import EXITS

PACKAGE = Path(governance.__file__).parent
PREFIX = "governance.cli."
UNCOUNTED = re.compile(
    r"\{[^{}]+\} (?:[a-z]+ )?"
    r"(?:calls|errors|examples|files|findings|heads|lines|messages|packs|rows|rules|scenarios|"
    r"sessions|transcripts|turns|values|violations|warnings)\b"
)


@cache
def module_of(name: str) -> ast.Module:
    file = PACKAGE.parent / Path(*name.split(".")).with_suffix(".py")
    return ast.parse(file.read_text("utf-8"))


def functions_of(module: str) -> dict[str, ast.FunctionDef]:
    return {one.name: one for one in module_of(module).body if isinstance(one, ast.FunctionDef)}


def imported_into(module: str) -> dict[str, tuple[str, str]]:
    """Name → the module of commands that it comes from, and what it is called there."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(module_of(module))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(PREFIX)
        for alias in node.names
    }


def names_within(function: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(function) if isinstance(node, ast.Name))


def can_find(module: str, name: str, seen: set[tuple[str, str]]) -> bool:
    """Whether `FOUND` can come out of function *name* of *module*, or of one that it names."""
    if (module, name) in seen or name not in functions_of(module):
        return False
    seen.add((module, name))
    imported = imported_into(module)
    for inner in names_within(functions_of(module)[name]):
        if inner == "FOUND":
            return True
        home, own = imported.get(inner, (module, inner))
        if can_find(home, own, seen):
            return True
    return False


@pytest.mark.parametrize("name", sorted(HOMES))
def test_a_command_promises_the_exit_codes_that_it_has(name: str) -> None:
    """1 stands in its help if it can come out of it, and in no other; 2 of all but status lines."""
    command = import_module(HOMES[name]).COMMANDS[name]
    said = set(re.findall(r"(?<![\w-])[0-9](?= )", command.exits or EXITS))
    module = command.callback.__module__
    # Click's decorators keep the name of the function that they wrap.
    finds = can_find(module, command.callback.__name__, set())

    assert ("1" in said) == finds
    assert "0" in said
    assert "2" in said or name == "statusline"


def test_the_look_for_exit_codes_finds_them() -> None:
    """What finds something, through another module too, is seen; what does not is not."""
    assert can_find("governance.cli.people", "violations", set())
    assert not can_find("governance.cli.people", "pardon", set())


def texts_in(source: str) -> Iterator[tuple[int, str]]:
    """Texts with values in them, the values written as `{}`, but for what `number_of` counts."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        parts = [
            one.value
            if isinstance(one, ast.Constant)
            else "{}"
            if not ast.unparse(one).isupper() and "_MAX" not in ast.unparse(one)
            else "9"
            for one in node.values
        ]
        yield node.lineno, "".join(map(str, parts)).replace("{}", "{x}")


@pytest.mark.parametrize("room", ["cli", "service", "chat", "authoring", "importing", "analytics"])
def test_what_is_counted_is_said_in_the_right_number(room: str) -> None:
    """No text for people says `1 rules`: counts go through `number_of`."""
    found = [
        f"{file.relative_to(PACKAGE)}:{line}: {text}"
        for file in sorted((PACKAGE / room).rglob("*.py"))
        for line, text in texts_in(file.read_text("utf-8"))
        if UNCOUNTED.search(text)
    ]

    assert not found
