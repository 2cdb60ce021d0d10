"""The rules of the house, held by reading the tree: sizes, names, and what must not stand in it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES_MAX = 800
FUNCTION_LINES_MAX = 70
SAME_STATEMENTS_MIN = 8

CODE = sorted((ROOT / "governance").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PYTHON = [*CODE, *TESTS, *sorted((ROOT / "examples").rglob("*.py")), ROOT / "conftest.py"]
TEXTS = [
    file
    for pattern in ("*.md", "*.toml", "*.py", "*.txt", "*.cfg", "*.yml", "*.yaml")
    for folder in ("governance", "states", "rules", "tests", "docs", "examples", "changelog.d")
    for file in sorted((ROOT / folder).rglob(pattern))
    if "_build" not in file.parts
]
TEXTS += [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "pyproject.toml"]

# Put together here, so that this file does not hold what it looks for.
UNFINISHED = re.compile(
    r"(#|<!--).*\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b"
)
UNCOVERED = "pragma: " + "no cover"
BARE_IGNORE = re.compile(r"#\s*type:\s*ig" + r"nore(?!\[)")
BARE_NOQA = re.compile(r"#\s*no" + r"qa(?!:)")
MACHINE_PATHS = re.compile(
    "|".join(
        (
            r"(?<!\w)/wo" + r"rk/\w",
            "/tmp/ba" + "sh_jobs",
            "/opt/wh" + "eels",
            "/opt/py" + "pi",
            r"\.pye" + "nv",
        )
    )
)
SESSION_TALK = re.compile(r"\bsub" + r"agents?\b(?!\*)", re.IGNORECASE)


def relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_with(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    return [
        f"{relative(file)}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_there_is_something_to_read() -> None:
    """The lists that the other tests walk are not empty by mistake."""
    assert len(CODE) > 20
    assert len(TESTS) > 5


def test_no_module_is_too_long() -> None:
    """A module has at most 800 lines."""
    sizes = {relative(file): len(file.read_text(encoding="utf-8").splitlines()) for file in CODE}

    assert {name: size for name, size in sizes.items() if size > LINES_MAX} == {}


def test_no_function_is_too_long() -> None:
    """A function has at most 70 lines, its docstring included."""
    found = {}
    for file in CODE:
        for node in functions(ast.parse(file.read_text(encoding="utf-8"))):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size > FUNCTION_LINES_MAX:
                found[f"{relative(file)}:{node.lineno} {node.name}"] = size

    assert found == {}


def test_no_function_stands_twice() -> None:
    """No two functions of eight or more statements have the same body."""
    seen: dict[str, str] = {}
    twice = []
    for file in CODE:
        for node in functions(ast.parse(file.read_text(encoding="utf-8"))):
            if sum(isinstance(one, ast.stmt) for one in ast.walk(node)) <= SAME_STATEMENTS_MIN:
                continue
            body = node.body[1:] if ast.get_docstring(node) else node.body
            key = "\n".join(ast.dump(statement) for statement in body)
            place = f"{relative(file)}:{node.lineno} {node.name}"
            if key in seen:
                twice.append(f"{place} is {seen[key]}")
            seen[key] = place

    assert twice == []


@pytest.mark.parametrize("folder", ["states", "rules"])
def test_the_data_folders_hold_no_python(folder: str) -> None:
    """A top-level `states` or `rules` that can be imported would collide with others'."""
    assert (ROOT / folder).is_dir()
    assert [relative(file) for file in (ROOT / folder).rglob("*.py*")] == []


def test_nothing_is_left_unfinished() -> None:
    """No note of work to be done stands in the tree: what is missing is said in an issue."""
    assert lines_with(UNFINISHED, TEXTS) == []


def test_no_line_is_taken_out_of_the_coverage() -> None:
    """What is not tested shows."""
    assert [relative(file) for file in PYTHON if UNCOVERED in file.read_text("utf-8")] == []


def test_every_silenced_check_is_named() -> None:
    """`type: ignore` and `noqa` say which finding they silence."""
    assert lines_with(BARE_IGNORE, PYTHON) == []
    assert lines_with(BARE_NOQA, PYTHON) == []


def test_no_path_of_a_machine_stands_in_the_tree() -> None:
    """The tree says nothing of where it was written."""
    assert lines_with(MACHINE_PATHS, TEXTS) == []


def test_the_tree_speaks_of_the_project_alone() -> None:
    """A child session is called so, but where a host's own event name is meant."""
    assert lines_with(SESSION_TALK, TEXTS) == []


def test_no_failure_is_swallowed() -> None:
    """No handler catches everything and does nothing."""
    silent = []
    for file in CODE:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ExceptHandler):
                continue
            wide = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            )
            if wide and all(isinstance(one, ast.Pass | ast.Continue) for one in node.body):
                silent.append(f"{relative(file)}:{node.lineno}")

    assert silent == []


def test_every_test_says_what_must_hold() -> None:
    """Each test function has a docstring, and no name hides another in its module."""
    without = []
    for file in TESTS:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        tests = [node for node in functions(tree) if node.name.startswith("test_")]
        without += [
            f"{relative(file)}:{node.lineno} {node.name}"
            for node in tests
            if not ast.get_docstring(node)
        ]
        top = Counter(
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        )
        without += [f"{relative(file)}: {name} twice" for name, count in top.items() if count > 1]

    assert without == []


def test_every_module_says_what_it_is() -> None:
    """Each module of the package but an empty `__init__` begins with a docstring."""
    without = [
        relative(file)
        for file in CODE
        if (text := file.read_text(encoding="utf-8")).strip()
        and not ast.get_docstring(ast.parse(text))
    ]

    assert without == []
